"""Bitext mining: precision, recall and F1 over pairs of sentence ids.

Zweigenbaum et al. 2018, BUCC shared task; as `bucc_f1` in google-research/xtreme
`evaluate.py`.
"""

from __future__ import annotations

from collections.abc import Iterable

import polars as pl

from xstilts.config.rows import Row
from xstilts.scoring.metrics.base import Metric, Ratio, Scores, total
from xstilts.scoring.metrics.counts import PrecisionRecallF1, f1_from_counts, f1_ratio
from xstilts.scoring.metrics.retrieval import MINING

_COUNTS = ("correct", "predicted", "is_gold")


def bitext_f1(
    gold: Iterable[tuple[str, str]], predicted: Iterable[tuple[str, str]]
) -> PrecisionRecallF1:
    """Precision, recall and F1, each in [0, 1], of (foreign id, English id) pairs as sets."""
    gold, predicted = set(gold), set(predicted)
    return f1_from_counts(len(gold & predicted), len(predicted), len(gold))


class BitextF1(Metric, Row):
    """F1 of pairs that are mined above a threshold."""

    main = ("f1",)
    definition = (
        "F1 of the mined sentence pairs against the gold pairs; pairs are mined by margin over"
        " nearest neighbours, with a threshold tuned on development gold (Artetxe and Schwenk 2019,"
        " arXiv 1811.01136; XTREME)."
    )
    directions = frozenset({MINING})

    def numbers(self, items: pl.DataFrame, where: str) -> Scores:
        shares = f1_from_counts(*(total(items, name, where) for name in _COUNTS))
        return {name: (100 * share, len(items)) for name, share in shares._asdict().items()}

    def ratio(self) -> Ratio:
        return f1_ratio(*_COUNTS)
