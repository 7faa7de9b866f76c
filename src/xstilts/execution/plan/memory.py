"""The memory that training an encoder takes, from its sizes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xstilts.config.settings import Tokenisation, TrainingSettings
from xstilts.config.tasks import KINDS
from xstilts.execution.cost.shape import BYTES_PER_WEIGHT, EncoderShape, shape_of_folder

# Bytes of activations kept for the backward pass, a token, hidden unit and layer in float32:
# twice the 34 of Korthikanti et al. 2022 (arXiv 2205.05198, equation 2), and five numbers for each
# pair of tokens and head.
ACTIVATION = 68
_PAIR_NUMBERS, _HEAD = 5, 64


def activation_bytes(shape: EncoderShape, tokens: int, length: int) -> float:
    """Bytes that one forward pass in float32 keeps of `tokens` in inputs of `length`."""
    pairs = _PAIR_NUMBERS * BYTES_PER_WEIGHT * shape.hidden / _HEAD * length
    return tokens * shape.layers * (ACTIVATION * shape.hidden + pairs)


def training_memory(encoder: Path) -> dict[str, Any]:
    """Bytes of what training the encoder in a folder keeps on its device, in float32.

    Activations are those of a batch of the default size at the longest default length of any kind;
    in mixed precision they take half. Empty where the weights cannot be counted.
    """
    shape, settings = shape_of_folder(encoder), TrainingSettings()
    if shape.parameters is None:
        return {}
    weights = BYTES_PER_WEIGHT * shape.parameters
    length = max(facts.max_length or Tokenisation().max_length for facts in KINDS.values())
    tokens = min(settings.micro_batch_tokens, settings.batch_size * length)
    return {
        "weights": weights,
        "gradients": weights,
        # Adam's two moments.
        "optimizer": 2 * weights,
        "activations": round(activation_bytes(shape, tokens, length)),
        "batch_size": tokens // length,
        "length": length,
    }
