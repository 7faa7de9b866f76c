"""Encoders: any Hugging Face model with token-level output, loaded strictly and safely.

Safetensors only, no remote code, and a weight that the architecture needs but the files lack
is an error: an encoder with randomly filled layers would train and quietly score worse.
"""

from __future__ import annotations

import inspect
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from tokenizers import pre_tokenizers
from torch import Tensor
from transformers import (
    MODEL_MAPPING,
    AutoConfig,
    AutoModel,
    AutoTokenizer,
    PreTrainedTokenizerBase,
)
from transformers.utils import logging as transformers_logging

from xstilts.config.encoders import EncoderSource
from xstilts.errors import XstiltsError
from xstilts.execution.files import atomic_path, sha256_file, write_json
from xstilts.execution.provenance import versions
from xstilts.training.mlm_head import HEADS, published_head

if TYPE_CHECKING:
    # Importing it takes most of a second, and jobs that only tokenise have no use for it.
    from transformers import PreTrainedModel

log = logging.getLogger(__name__)
transformers_logging.set_verbosity_error()
transformers_logging.disable_progress_bar()

PROVENANCE = "provenance.json"
# What an encoder must be able to encode.
_SENTENCE = "One sentence, to see whether it can be encoded."

# Model types, beside those named after RoBERTa, that number positions from padding_idx + 1.
_LIKE_ROBERTA = {
    "camembert",
    "data2vec-text",
    "esm",
    "ibert",
    "longformer",
    "luke",
    "markuplm",
    "mpnet",
    "xmod",
}


def load_encoder(name: str | Path, revision: str | None = None) -> PreTrainedModel:
    """Load an encoder in float32 with dropout as configured, in evaluation mode.

    Args:
        name: a local folder, or a hub id together with `revision`.

    Raises:
        XstiltsError: no safetensors weights there, or a weight is missing or misshapen.
    """
    try:
        config = AutoConfig.from_pretrained(name, revision=revision, trust_remote_code=False)
        options: dict[str, Any] = {}
        if takes_pooling_option(config):
            # The pooler is not part of the encoder here: heads read token states, and many
            # masked language models are published without one.
            options["add_pooling_layer"] = False
        model, info = AutoModel.from_pretrained(
            name,
            revision=revision,
            config=config,
            dtype=torch.float32,
            use_safetensors=True,
            trust_remote_code=False,
            output_loading_info=True,
            # Refused below, by name.
            ignore_mismatched_sizes=True,
            **options,
        )
    except (OSError, ValueError, SafetensorError) as error:
        raise XstiltsError(
            f"cannot load the encoder: {error}",
            where=name,
            mend="it must be a Hugging Face model with model.safetensors; convert other weights"
            " with save_pretrained",
        ) from None
    lost = sorted(set(info["missing_keys"]) | {str(key) for key in info["mismatched_keys"]})
    if lost:
        shown = ", ".join(lost[:5]) + (f" and {len(lost) - 5} more" if len(lost) > 5 else "")
        raise XstiltsError(
            f"{len(lost)} weights of the encoder are missing or have another shape: {shown}",
            where=name,
            mend="use a complete checkpoint of the architecture that its config.json names",
        )
    return model.eval()


def takes_pooling_option(config: Any) -> bool:
    """Whether the architecture has a pooler that can be left out."""
    if type(config) not in MODEL_MAPPING:
        return False
    return "add_pooling_layer" in inspect.signature(MODEL_MAPPING[type(config)].__init__).parameters


def load_tokenizer(
    name: str | Path, revision: str | None = None, *, words: bool = False
) -> PreTrainedTokenizerBase:
    """Load a tokenizer that can give character offsets.

    Args:
        words: the input is split into words (byte-level BPE then needs a space before each).

    Raises:
        XstiltsError: there is no tokenizer, or only one without offsets.
    """
    options = {"revision": revision, "trust_remote_code": False}
    try:
        tokenizer = AutoTokenizer.from_pretrained(name, **options)
        if words and hasattr(tokenizer, "add_prefix_space"):
            tokenizer = AutoTokenizer.from_pretrained(name, add_prefix_space=True, **options)
    except (OSError, ValueError) as error:
        raise XstiltsError(f"cannot load the tokenizer: {error}", where=name) from None
    if not tokenizer.is_fast:
        raise XstiltsError(
            "the tokenizer cannot give character offsets",
            where=name,
            mend="provide tokenizer.json (a fast tokenizer)",
        )
    if tokenizer.pad_token_id is None:
        raise XstiltsError("the tokenizer has no padding token", where=name)
    if words:
        _space_before_words(tokenizer)
    return tokenizer


def _space_before_words(tokenizer: PreTrainedTokenizerBase) -> None:
    # Where tokenizer.json is loaded as it is (ModernBERT), add_prefix_space changes nothing.
    splitter = tokenizer.backend_tokenizer.pre_tokenizer
    if isinstance(splitter, pre_tokenizers.ByteLevel):
        splitter.add_prefix_space = True


def max_positions(config: Any) -> int | None:
    """The longest input in tokens that the position embeddings allow, None if unbounded."""
    length = getattr(config, "max_position_embeddings", None)
    if length is None or length <= 0:
        return None
    shifted = "roberta" in config.model_type or config.model_type in _LIKE_ROBERTA
    offset = config.pad_token_id + 1 if shifted else 0
    return int(length) - offset


def save_encoder(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    folder: Path,
    provenance: dict[str, Any],
    heads: Mapping[str, Tensor] | None = None,
) -> None:
    """Write what `AutoModel.from_pretrained` loads, heads and `provenance.json`, into `folder`.

    The provenance holds digests of the weights, so that it can stand for all of the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)
    if heads:
        save_file({name: tensor.contiguous() for name, tensor in heads.items()}, folder / HEADS)
    weights = _weights(folder)
    write_json(folder / PROVENANCE, {**provenance, "weights": weights, "versions": versions()})


def _weights(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of weights, by its name."""
    return {file.name: sha256_file(file) for file in sorted(folder.glob("*.safetensors"))}


@torch.inference_mode()
def refuse_broken(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, where: str | Path
) -> None:
    """Raise unless all weights are numbers and one sentence can be encoded.

    Weights of a run that diverged or overflowed load without a word, and every score after them is
    one of chance.
    """
    mend = "another copy or revision of the encoder"
    for name, parameter in model.named_parameters():
        if not parameter.isfinite().all():
            raise XstiltsError(f"{name} holds what is not a finite number", where=where, mend=mend)
    inputs = tokenizer(_SENTENCE, return_tensors="pt")
    try:
        states = model.eval()(**inputs).last_hidden_state
    except Exception as error:
        raise XstiltsError(
            f"cannot encode {_SENTENCE!r}: {type(error).__name__}: {error}", where=where, mend=mend
        ) from error
    if not states.isfinite().all():
        raise XstiltsError(
            f"encodes {_SENTENCE!r} as what is not a finite number", where=where, mend=mend
        )


def fetch_encoder(source: EncoderSource, output: Path) -> None:
    """Bring an encoder into a local folder, so that no later job touches the network.

    If it was published with its head for masked language modelling, that is kept beside it.

    Raises:
        XstiltsError: as `load_encoder` and `load_tokenizer`, and as `refuse_broken`.
    """
    folder = source.local_folder()
    name: str | Path = folder if folder is not None else str(source.hub)
    log.info("loading the encoder %s", name)
    model = load_encoder(name, source.revision)
    tokenizer = load_tokenizer(name, source.revision)
    refuse_broken(model, tokenizer, name)
    head = published_head(name, source.revision, model)
    provenance: dict[str, Any] = {"source": source.model_dump(mode="json")}
    if folder is not None:
        provenance["sha256"] = _weights(folder)
    with atomic_path(output) as part:
        save_encoder(model, tokenizer, part, provenance, head)
    count = sum(parameter.numel() for parameter in model.parameters())
    log.info("%s: %.1f M parameters, %s", output, count / 1e6, model.config.model_type)
