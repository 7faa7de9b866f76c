"""The sizes of an encoder that its cost depends on, from `config.json` and file headers alone."""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xstilts.errors import XstiltsError

# Encoders whose layers are those of BERT (Devlin et al. 2019): four square matrices of attention
# and two of the feed-forward part, with biases, and two layer norms.
LIKE_BERT = frozenset({"bert", "camembert", "roberta", "xlm-roberta"})
# One layer's weights are used by all layers, so that counting them says nothing.
_SHARED_LAYERS = frozenset({"albert"})
# What other architectures call the same thing in config.json.
_NAMES = {
    "hidden": ("hidden_size", "dim", "d_model", "n_embd", "emb_dim"),
    "layers": ("num_hidden_layers", "n_layers", "num_layers", "n_layer"),
}
# Parts that an encoder file may hold and that are not used here: heads have names of their own.
_UNUSED = ("pooler", "lm_head", "lm_predictions", "mask_predictions", "cls.", "classifier")


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Sizes of an encoder without any head.

    `matrices` is the number of weights that every token is multiplied with: all matrices but
    the embeddings. `parameters` are all of its weights; both None where they cannot be counted.
    """

    layers: int
    hidden: int
    vocabulary: int
    matrices: int | None
    parameters: int | None


def bert_shape(
    *, layers: int, hidden: int, intermediate: int, vocabulary: int, positions: int, types: int
) -> Shape:
    """The shape of an encoder with BERT's layers and embeddings (words, positions, types)."""
    matrices = layers * (4 * hidden**2 + 2 * hidden * intermediate)
    biases_and_norms = layers * (4 * hidden + intermediate + hidden + 4 * hidden)
    embeddings = (vocabulary + positions + types) * hidden + 2 * hidden
    return Shape(
        layers=layers,
        hidden=hidden,
        vocabulary=vocabulary,
        matrices=matrices,
        parameters=matrices + biases_and_norms + embeddings,
    )


def shape_of_config(config: Mapping[str, Any]) -> Shape | None:
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


def shape_of_folder(folder: Path) -> Shape:
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
    hidden, layers = (
        next((config[name] for name in _NAMES[size] if name in config), None)
        for size in ("hidden", "layers")
    )
    if hidden is None or layers is None:
        raise XstiltsError("neither hidden size nor number of layers is there", where=path)
    sizes = dict(tensor_shapes(folder))
    shared = config.get("model_type") in _SHARED_LAYERS
    matrices = sum(
        math.prod(shape)
        for name, shape in sizes.items()
        if len(shape) > 1 and "embed" not in name.lower()
    )
    return Shape(
        layers=layers,
        hidden=hidden,
        vocabulary=config.get("vocab_size", 0),
        matrices=matrices if matrices and not shared else None,
        parameters=sum(map(math.prod, sizes.values())) or None,
    )


def tensor_shapes(folder: Path) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Names and shapes of the encoder's weights, from the headers of its safetensors files.

    Raises:
        XstiltsError: a file is no safetensors file.
    """
    for path in sorted(folder.glob("model*.safetensors")):
        for name, tensor in _header(path).items():
            if name != "__metadata__" and not any(part in name for part in _UNUSED):
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
