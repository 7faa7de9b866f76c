"""Bitext mining: precision, recall and F1 over pairs of sentence ids.

Zweigenbaum et al. 2018, BUCC shared task; as `bucc_f1` in google-research/xtreme
`evaluate.py`.
"""

from __future__ import annotations

from collections.abc import Iterable

from xstilts.scoring.metrics.counts import PrecisionRecallF1, f1_from_counts


def bitext_f1(
    gold: Iterable[tuple[str, str]], predicted: Iterable[tuple[str, str]]
) -> PrecisionRecallF1:
    """Precision, recall and F1, each in [0, 1], of (foreign id, English id) pairs as sets."""
    gold, predicted = set(gold), set(predicted)
    return f1_from_counts(len(gold & predicted), len(predicted), len(gold))
