"""The sizes of an encoder that its cost depends on, without loading or downloading it."""

from __future__ import annotations

import json
import math
import os
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xstilts.config.encoders import EncoderSource, Pretraining
from xstilts.config.encoders.catalogue import CatalogueEntry, entry_of
from xstilts.errors import XstiltsError

# Weights are trained and saved in float32, whatever the original's type is.
BYTES_PER_WEIGHT = 4
# Of tokenizer.json, which is most of what lies beside the weights: XLM-R's takes 17 MB.
_TOKENIZER_BYTES_PER_PIECE = 70
# Encoders whose layers are those of BERT (Devlin et al. 2019): four square matrices of attention
# and two of the feed-forward part, with biases, and two layer norms.
LIKE_BERT = frozenset({"bert", "camembert", "roberta", "xlm-roberta"})
# One layer's weights are used by all layers, so that counting them says nothing.
_SHARED_LAYERS = frozenset({"albert"})
# Where output embeddings may be of another size than the states, in RemBERT and ALBERT.
_OUTPUT_SIZES = ("output_embedding_size", "embedding_size")
# Whose head for masked language modelling is the output embeddings alone.
_WITHOUT_DENSE = frozenset({"eurobert"})
# What other architectures call the same thing in config.json.
_NAMES = {
    "hidden": ("hidden_size", "dim", "d_model", "n_embd", "emb_dim"),
    "layers": ("num_hidden_layers", "n_layers", "num_layers", "n_layer"),
    "heads": ("num_attention_heads", "num_heads"),
    "head_size": ("head_dim", "d_kv"),
}
# Parts that an encoder file may hold and that are not used here: decoders, and heads, which have
# names of their own.
_UNUSED = re.compile(
    r"pooler|lm_head|predictions|cls\.|classifier|(^|\.)(decoder|head)\."
    r"|vocab_(transform|layer_norm|projector)"
)
# Tables that are looked up in and not multiplied with: embeddings, T5's by two names of its own.
_TABLES = re.compile(r"embed|(^|\.)shared\.|relative_attention_bias", re.IGNORECASE)
# X-MOD's, of which an input passes one in each layer.
_ADAPTER = re.compile(r"\.adapter_modules\.([^.]+)\.")


@dataclass(frozen=True, kw_only=True)
class EncoderShape:
    """Sizes of an encoder without any head.

    `matrices` is the number of weights that every token is multiplied with: all matrices but
    the embeddings. `parameters` are all of its weights; both None where they cannot be counted.
    `masked_head` is the number of weights that every predicted position of masked language
    modelling is multiplied with.
    `attention` are the dimensions in which tokens are compared, of all heads together; None if they
    are as many as `hidden`.
    """

    layers: int
    hidden: int
    vocabulary: int
    masked_head: int
    matrices: int | None
    parameters: int | None
    attention: int | None = None


def bert_shape(
    *, layers: int, hidden: int, intermediate: int, vocabulary: int, positions: int, types: int
) -> EncoderShape:
    """The shape of an encoder with BERT's layers and embeddings (words, positions, types)."""
    matrices = layers * (4 * hidden**2 + 2 * hidden * intermediate)
    biases_and_norms = layers * (4 * hidden + intermediate + hidden + 4 * hidden)
    embeddings = (vocabulary + positions + types) * hidden + 2 * hidden
    return EncoderShape(
        layers=layers,
        hidden=hidden,
        vocabulary=vocabulary,
        masked_head=hidden * (hidden + vocabulary),
        matrices=matrices,
        parameters=matrices + biases_and_norms + embeddings,
    )


def shape_of_config(config: Mapping[str, Any]) -> EncoderShape | None:
    """The shape that a `config.json` alone decides; None for another architecture than BERT's."""
    if config.get("model_type") not in LIKE_BERT:
        return None
    return bert_shape(
        layers=config["num_hidden_layers"],
        hidden=config["hidden_size"],
        intermediate=config["intermediate_size"],
        vocabulary=config["vocab_size"],
        positions=config["max_position_embeddings"],
        types=config["type_vocab_size"],
    )


def shape_of_folder(folder: Path) -> EncoderShape:
    """The shape of the encoder in a Hugging Face model folder.

    Raises:
        XstiltsError: there is no `config.json` there, or it does not tell the sizes.
    """
    path = folder / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise XstiltsError(f"no configuration of an encoder: {error}", where=path) from None
    if (shape := shape_of_config(config)) is not None:
        return shape
    config = _text_part(config)
    hidden, layers, attention = _widths(config)
    if hidden is None or layers is None:
        raise XstiltsError("neither hidden size nor number of layers is there", where=path)
    sizes = dict(tensor_shapes(folder))
    shared = config.get("model_type") in _SHARED_LAYERS
    matrices = sum(math.prod(sizes[name]) for name in _multiplied(sizes))
    if config.get("relative_attention") and matrices:
        matrices += layers * hidden * _relative_positions(config)
    return EncoderShape(
        layers=layers,
        hidden=hidden,
        vocabulary=config.get("vocab_size", 0),
        masked_head=_masked_head(config, hidden),
        matrices=matrices if matrices and not shared else None,
        parameters=sum(map(math.prod, sizes.values())) or None,
        attention=attention,
    )


def _widths(config: Mapping[str, Any]) -> tuple[int | None, int | None, int | None]:
    """Hidden size, layers and `EncoderShape.attention`, each None if it is not there."""
    hidden, layers, heads, head_size = (
        next((config[name] for name in names if name in config), None) for names in _NAMES.values()
    )
    return hidden, layers, heads * head_size if heads and head_size else None


def _masked_head(config: Mapping[str, Any], hidden: int) -> int:
    """Weights of a dense layer from the states to the output embeddings' size, and of these."""
    size = next((config[name] for name in _OUTPUT_SIZES if config.get(name)), hidden)
    dense = 0 if config.get("model_type") in _WITHOUT_DENSE else hidden * size
    return dense + size * config.get("vocab_size", 0)


def _text_part(config: dict[str, Any]) -> dict[str, Any]:
    """A configuration with what a composite one says of its text or of its encoder (T5Gemma)."""
    for name in ("encoder", "text_config"):
        if isinstance(part := config.get(name), dict):
            return {**config, **_text_part(part)}
    return config


def _multiplied(sizes: Mapping[str, tuple[int, ...]]) -> Iterator[str]:
    """Names of the weights that every token is multiplied with."""
    adapter = next((found[1] for name in sizes if (found := _ADAPTER.search(name))), None)
    for name, shape in sizes.items():
        other = (found := _ADAPTER.search(name)) is not None and found[1] != adapter
        if len(shape) > 1 and not other and not _TABLES.search(name):
            yield name


def _relative_positions(config: Mapping[str, Any]) -> int:
    """How many embeddings of relative positions DeBERTa multiplies each token with, in each layer.

    Those of both directions, once for the token's query and once for its key (He et al. 2021).
    """
    buckets = config.get("position_buckets", -1)
    longest = config.get("max_relative_positions", -1)
    each = next(size for size in (buckets, longest, config["max_position_embeddings"]) if size > 0)
    return 2 * each * len(config.get("pos_att_type") or [])


def tensor_shapes(folder: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names and shapes of the encoder's weights, from the headers of its safetensors files.

    Raises:
        XstiltsError: a file is no safetensors file.
    """
    for path in sorted(folder.glob("model*.safetensors")):
        for name, tensor in _header(path).items():
            if name != "__metadata__" and not _UNUSED.search(name):
                yield name, tuple(tensor["shape"])


def _header(path: Path) -> dict[str, Any]:
    """The JSON at the start of a safetensors file, after its length as 8 bytes, little endian."""
    with path.open("rb") as handle:
        try:
            (length,) = struct.unpack("<Q", handle.read(8))
            # No longer than the file, whatever the first bytes are.
            return json.loads(handle.read(min(length, path.stat().st_size)))
        except (struct.error, ValueError):
            raise XstiltsError("not a safetensors file", where=path) from None


def shape_of_source(source: EncoderSource) -> EncoderShape | None:
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
    return _of_entry(entry_of(source))


def parameters_of(sources: Mapping[str, EncoderSource]) -> dict[str, int | None]:
    """The number of each encoder's weights without heads, None where that is not known here."""
    found: dict[str, int | None] = {}
    for name, source in sources.items():
        try:
            shape = shape_of_source(source)
        except XstiltsError:
            # A page does not fail because a folder has moved since.
            shape = None
        found[name] = None if shape is None else shape.parameters
    return found


def _of_entry(entry: CatalogueEntry | None) -> EncoderShape | None:
    """The shape of an encoder that the catalogue knows."""
    if entry is None or entry.config is None:
        return None
    hidden, layers, attention = _widths(entry.config)
    if hidden is None or layers is None:
        return None
    return EncoderShape(
        layers=layers,
        hidden=hidden,
        vocabulary=entry.config["vocab_size"],
        masked_head=_masked_head(entry.config, hidden),
        matrices=entry.matrices,
        parameters=entry.parameters,
        attention=attention,
    )


def checkpoint_bytes(shape: EncoderShape) -> int | None:
    """Size of a saved checkpoint with its tokenizer, None if the weights are not counted."""
    if shape.parameters is None:
        return None
    return BYTES_PER_WEIGHT * shape.parameters + _TOKENIZER_BYTES_PER_PIECE * shape.vocabulary


def _of_pretraining(pretraining: Pretraining) -> EncoderShape:
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
