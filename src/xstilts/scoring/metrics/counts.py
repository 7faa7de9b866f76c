"""Shares from counts: accuracy, and precision, recall and F1 of retrieved sets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import polars as pl


class PrecisionRecallF1(NamedTuple):
    """Precision, recall and their harmonic mean, each in [0, 1]."""

    precision: float
    recall: float
    f1: float


def f1_from_counts(correct: int, predicted: int, gold: int) -> PrecisionRecallF1:
    """Precision, recall and F1 of `correct` hits among `predicted` guesses at `gold` items.

    A share whose denominator is 0 is 0, as in seqeval (`zero_division="warn"`) and in
    `bucc_f1` of google-research/xtreme `evaluate.py`. Definition: van Rijsbergen,
    "Information Retrieval" (1979), chapter 7, with equal weights.
    """
    precision = correct / predicted if predicted else 0.0
    recall = correct / gold if gold else 0.0
    total = precision + recall
    return PrecisionRecallF1(precision, recall, 2 * precision * recall / total if total else 0.0)


def f1_ratio(correct: str, predicted: str, gold: str) -> tuple[pl.Expr, pl.Expr]:
    """What an item adds to both sums of F1 = 2 correct / (predicted + gold), by its columns."""
    return 2 * pl.col(correct), pl.col(predicted) + pl.col(gold)


def accuracy(gold: Sequence[str], predicted: Sequence[str]) -> float:
    """Share of positions at which both sequences (equally long, not empty) hold the same.

    Raises:
        ValueError: the lengths differ, or there is nothing to score.
    """
    if not gold:
        raise ValueError("accuracy of no items is undefined")
    return sum(a == b for a, b in zip(gold, predicted, strict=True)) / len(gold)
