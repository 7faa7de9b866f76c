"""Shortcuts for single sentences, which have no second side to leave out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xstilts.prediction.shortcuts.pairs import NaiveBayes, majority
from xstilts.prediction.shortcuts.words import folded

Row = dict[str, Any]

__all__ = ["majority", "shared_names"]


def shared_names(train: Sequence[Row], items: Sequence[Row], labels: Sequence[str]) -> list[str]:
    """Naive Bayes over words: in another language it sees those that training has too.

    Those are names, numbers and loans. In English it is a bag of words.
    """
    model = NaiveBayes(
        [folded(row["text"]) for row in train], [row["label"] for row in train], labels
    )
    return [model.predict(folded(row["text"])) for row in items]
