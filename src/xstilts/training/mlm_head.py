"""The head for masked language modelling that an encoder was published with.

`AutoModel` leaves it out. Continued masked language modelling takes it up again: with a new head
its first steps would teach the encoder to please random weights.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from huggingface_hub import try_to_load_from_cache
from safetensors import safe_open
from torch import Tensor

from xstilts.config.tasks import TEXT

if TYPE_CHECKING:
    from transformers import PreTrainedModel

log = logging.getLogger(__name__)

# Heads lie beside the encoder's weights, their parameters named by the task's key.
HEADS = "head.safetensors"
_WEIGHTS, _INDEX = "model.safetensors", "model.safetensors.index.json"
_TRANSFORM = "cls.predictions.transform"
# What each parameter of `kinds.mlm.MaskedLanguageHead` is called by RoBERTa and XLM-R, by BERT,
# whose older files have other names for the layer norm, and by an earlier run of this workflow.
_ROBERTA = {
    "dense.weight": ("lm_head.dense.weight",),
    "dense.bias": ("lm_head.dense.bias",),
    "norm.weight": ("lm_head.layer_norm.weight",),
    "norm.bias": ("lm_head.layer_norm.bias",),
    "bias": ("lm_head.bias", "lm_head.decoder.bias"),
}
_BERT = {
    "dense.weight": (f"{_TRANSFORM}.dense.weight",),
    "dense.bias": (f"{_TRANSFORM}.dense.bias",),
    "norm.weight": (f"{_TRANSFORM}.LayerNorm.weight", f"{_TRANSFORM}.LayerNorm.gamma"),
    "norm.bias": (f"{_TRANSFORM}.LayerNorm.bias", f"{_TRANSFORM}.LayerNorm.beta"),
    "bias": ("cls.predictions.bias", "cls.predictions.decoder.bias"),
}
_OURS = {parameter: (f"{TEXT}.{parameter}",) for parameter in _ROBERTA}
_STYLES: tuple[dict[str, tuple[str, ...]], ...] = (_OURS, _ROBERTA, _BERT)
_DECODERS = ("lm_head.decoder.weight", "cls.predictions.decoder.weight")


def published_head(
    name: str | Path, revision: str | None, encoder: PreTrainedModel
) -> dict[str, Tensor]:
    """Parameters (float32) of the head by their names in `HEADS`, empty if there is none.

    A head that computes something else than `MaskedLanguageHead` counts as none, and why is
    logged: one whose output layer is not the input embeddings, or of another activation or size.

    Args:
        name: a local folder, or a hub id whose files were loaded at `revision` before.
    """
    known = {found for style in _STYLES for names in style.values() for found in names}
    tensors = _read(_weight_files(name, revision), known | {*_DECODERS})
    head = next(filter(None, (_named(tensors, style) for style in _STYLES)), {})
    if reason := _unfit(head, tensors, encoder):
        log.info("%s: %s, so masked language modelling will begin with a new one", name, reason)
        return {}
    return {f"{TEXT}.{parameter}": value for parameter, value in head.items()}


def _named(
    tensors: Mapping[str, Tensor], style: Mapping[str, tuple[str, ...]]
) -> dict[str, Tensor]:
    head = {
        parameter: tensors[name]
        for parameter, names in style.items()
        for name in reversed(names)
        if name in tensors
    }
    return head if len(head) == len(style) else {}


def _unfit(
    head: Mapping[str, Tensor], tensors: Mapping[str, Tensor], encoder: PreTrainedModel
) -> str:
    """Why the published head cannot be taken up, empty if it can."""
    if not head:
        return "published without a head for masked language modelling"
    embeddings = encoder.get_input_embeddings().weight
    pieces, size = embeddings.shape
    shapes = {"dense.weight": (size, size), "bias": (pieces,)}
    if any(value.shape != shapes.get(name, (size,)) for name, value in head.items()):
        return "the head that it was published with has other sizes than the encoder"
    if any(name in tensors and not torch.equal(tensors[name], embeddings) for name in _DECODERS):
        return "the head that it was published with does not share the encoder's embeddings"
    activation = getattr(encoder.config, "hidden_act", None)
    if _named(tensors, _BERT) and activation != "gelu":
        return f"the head that it was published with has the activation {activation}"
    return ""


def _weight_files(name: str | Path, revision: str | None) -> list[Path]:
    names = [HEADS, _WEIGHTS]
    if index := _local(name, revision, _INDEX):
        names += sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
    return [file for each in names if (file := _local(name, revision, each))]


def _local(name: str | Path, revision: str | None, file: str) -> Path | None:
    if isinstance(name, Path):
        return name / file if (name / file).is_file() else None
    cached = try_to_load_from_cache(name, file, revision=revision)
    return Path(cached) if isinstance(cached, str) else None


def _read(files: Iterable[Path], names: set[str]) -> dict[str, Tensor]:
    tensors = {}
    for file in files:
        with safe_open(file, framework="pt") as weights:
            for name in names & set(weights.keys()):
                tensors[name] = weights.get_tensor(name).float()
    return tensors
