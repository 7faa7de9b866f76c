"""How large the encoders of an experiment are, without loading or downloading one."""

from __future__ import annotations

import os
from pathlib import Path

from xstilts.config.encoders import EncoderSource, Pretraining
from xstilts.errors import XstiltsError
from xstilts.execution.cost.shape import Shape, bert_shape, shape_of_folder

# Weights are trained and saved in float32, whatever the original's type is.
BYTES_PER_WEIGHT = 4
# Of tokenizer.json, which is most of what lies beside the weights: XLM-R's takes 17 MB.
_TOKENIZER_BYTES_PER_PIECE = 70


def _known(
    hidden: int, vocabulary: int, *, layers: int = 12, positions: int = 512, types: int = 2
) -> Shape:
    return bert_shape(
        layers=layers,
        hidden=hidden,
        intermediate=4 * hidden,
        vocabulary=vocabulary,
        positions=positions,
        types=types,
    )


# From the config.json of each on the Hugging Face hub.
_KNOWN = {
    "xlm-roberta-base": _known(768, 250_002, positions=514, types=1),
    "xlm-roberta-large": _known(1024, 250_002, layers=24, positions=514, types=1),
    "bert-base-multilingual-cased": _known(768, 119_547),
    "Multilingual-MiniLM-L12-H384": _known(384, 250_037),
    "LaBSE": _known(768, 501_153),
}


def shape_of_source(source: EncoderSource) -> Shape | None:
    """The shape of an encoder, None if it is not known without downloading it.

    Raises:
        XstiltsError: the folder or the package is not there, or holds no encoder.
    """
    if source.pretrain is not None:
        return _of_pretraining(source.pretrain)
    if (folder := source.local_folder()) is not None:
        return shape_of_folder(folder)
    hub = str(source.hub)
    cached = _hub_cache() / f"models--{hub.replace('/', '--')}" / "snapshots" / str(source.revision)
    if (cached / "config.json").is_file():
        try:
            return shape_of_folder(cached)
        except XstiltsError:
            # Only a part of it was downloaded.
            return None
    return _KNOWN.get(hub.rpartition("/")[2])


def checkpoint_bytes(shape: Shape) -> int | None:
    """Size of a saved checkpoint with its tokenizer, None if the weights are not counted."""
    if shape.parameters is None:
        return None
    return BYTES_PER_WEIGHT * shape.parameters + _TOKENIZER_BYTES_PER_PIECE * shape.vocabulary


def _of_pretraining(pretraining: Pretraining) -> Shape:
    sizes = pretraining.architecture
    return bert_shape(
        layers=sizes.num_hidden_layers,
        hidden=sizes.hidden_size,
        intermediate=sizes.intermediate_size,
        vocabulary=pretraining.tokenizer.vocab_size,
        # XLM-R numbers positions from 2.
        positions=sizes.max_length + 2,
        types=1,
    )


def _hub_cache() -> Path:
    """Where huggingface_hub keeps downloads."""
    home = os.environ.get("HF_HOME", "~/.cache/huggingface")
    return Path(os.environ.get("HF_HUB_CACHE", f"{home}/hub")).expanduser()
