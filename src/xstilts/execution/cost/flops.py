"""Floating point operations, counted from the architecture and from the tokens that were seen.

A multiplication and an addition are two operations. A forward pass multiplies every token with
every matrix of the encoder (2 operations a weight), and every token with every other one of its
input, twice: queries with keys, and attention with values (4 operations a layer, hidden unit and
pair of tokens). Backward takes twice as much as forward. So Kaplan et al. 2020 (arXiv 2001.08361,
section 2.1 and table 1) and Hoffmann et al. 2022 (arXiv 2203.15556, appendix F), without their
embedding and output layers: the embeddings are looked up here, and heads other than that of
masked language modelling are too small to matter. Softmax, norms and activations are left out by
all of them.

Padding is not counted, so the figure does not depend on how inputs are batched. All else that is
passed through an encoder is: development sets that are scored during training, perturbed inputs,
and steps that are repeated after a crash.
"""

from __future__ import annotations

from collections.abc import Mapping

from xstilts.execution.cost.shape import EncoderShape
from xstilts.execution.cost.tally import TRAINING_PASSES

# Rules whose jobs run an encoder, on the GPU where there is one, and keep a `Tally` of it.
COMPUTED = ("pretrain", "train_intermediate", "train_target", "predict", "embed")


def tallied_flops(shape: EncoderShape, sums: Mapping[str, int]) -> float | None:
    """Operations of what a `Tally` says, None where there is none or where they are not counted."""
    if not {"tokens", "token_pairs", "predicted"} <= sums.keys():
        return None
    forward = forward_flops(shape, sums["tokens"], sums["token_pairs"])
    return None if forward is None else forward + vocabulary_flops(shape, sums["predicted"])


def forward_flops(shape: EncoderShape, tokens: float, token_pairs: float) -> float | None:
    """Operations of the encoder over inputs, None where its weights cannot be counted.

    Args:
        tokens: in all inputs together, padding excluded.
        token_pairs: the sum of the squared lengths of the inputs.
    """
    if shape.matrices is None:
        return None
    width = shape.attention or shape.hidden
    return 2.0 * shape.matrices * tokens + 4.0 * shape.layers * width * token_pairs


def vocabulary_flops(shape: EncoderShape, positions: float) -> float:
    """Operations of the head of masked language modelling over the predicted positions."""
    return 2.0 * shape.masked_head * positions


def training_flops(
    shape: EncoderShape, tokens: float, token_pairs: float, predicted: float = 0
) -> float | None:
    """Operations of training on inputs; `predicted` positions by masked language modelling."""
    forward = forward_flops(shape, tokens, token_pairs)
    if forward is None:
        return None
    return TRAINING_PASSES * (forward + vocabulary_flops(shape, predicted))
