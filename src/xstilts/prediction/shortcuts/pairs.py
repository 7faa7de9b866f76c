"""Shortcuts for sentence pairs."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from xstilts.prediction.shortcuts.words import folded, most_frequent

Row = dict[str, Any]
# Shares are told apart in fifths, and a share of one by itself.
_BINS = 5
# Scores that differ by less are equal: the last bits of a logarithm depend on the platform.
_DECIMALS = 9


class NaiveBayes:
    """Multinomial naive Bayes with add-one smoothing (Manning et al. 2008, section 13.2).

    Features that training did not have are left out; of equally likely labels the first wins.
    """

    def __init__(
        self, documents: Sequence[Sequence[str]], labels: Sequence[str], names: Sequence[str]
    ) -> None:
        present = set(labels)
        self._names = [name for name in names if name in present]
        number = {name: place for place, name in enumerate(self._names)}
        self._vocabulary: dict[str, int] = {}
        features = [
            self._vocabulary.setdefault(feature, len(self._vocabulary))
            for document in documents
            for feature in document
        ]
        classes = np.array([number[label] for label in labels])
        lengths = [len(document) for document in documents]
        size = len(self._vocabulary)
        places = np.repeat(classes, lengths) * size + np.array(features, dtype=np.int64)
        shape = (len(self._names), size)
        counts = 1.0 + np.bincount(places, minlength=shape[0] * size).reshape(shape)
        self._prior = np.log(np.bincount(classes, minlength=shape[0]) / len(classes))
        self._likelihood = np.log(counts / counts.sum(axis=1, keepdims=True))

    def scores(self, document: Sequence[str]) -> dict[str, float]:
        """Log of prior and likelihood of each label that training had."""
        known = [self._vocabulary[word] for word in document if word in self._vocabulary]
        total = self._prior + self._likelihood[:, known].sum(axis=1)
        return dict(zip(self._names, total.round(_DECIMALS).tolist(), strict=True))

    def predict(self, document: Sequence[str]) -> str:
        """The most likely label."""
        scores = self.scores(document)
        return max(scores, key=lambda name: scores[name])


def majority(train: Sequence[Row], items: Sequence[Row], labels: Sequence[str]) -> list[str]:
    """The most frequent label of the training data, for every item."""
    return [most_frequent(row["label"] for row in train)] * len(items)


def type_only(train: Sequence[Row], items: Sequence[Row], labels: Sequence[str]) -> list[str]:
    """Naive Bayes over words and word pairs of the second text, which is all it sees.

    A baseline of this kind is "hypothesis only" in Poliak et al. 2018 (arXiv 1805.01042).
    """
    model = NaiveBayes(
        [_features(row["text_b"]) for row in train], [row["label"] for row in train], labels
    )
    return [model.predict(_features(row["text_b"])) for row in items]


def shared_names(train: Sequence[Row], items: Sequence[Row], labels: Sequence[str]) -> list[str]:
    """The most frequent training label of pairs with as many words in common.

    As many: the shares of the words of either text that the other has too, in fifths. The
    label of all training data where no training pair had the same shares.
    """
    by_overlap: dict[tuple[int, int], Counter[str]] = defaultdict(Counter)
    for row in train:
        by_overlap[overlap(row["text_a"], row["text_b"])][row["label"]] += 1
    anywhere = most_frequent(row["label"] for row in train)
    usual = {
        bins: max(labels, key=lambda label: (counts[label], label == anywhere))
        for bins, counts in by_overlap.items()
    }
    return [usual.get(overlap(row["text_a"], row["text_b"]), anywhere) for row in items]


def overlap(text_a: str, text_b: str) -> tuple[int, int]:
    """Fifths (0 to 5, 5 is all) of the distinct words of each text that the other has too."""
    a, b = set(folded(text_a)), set(folded(text_b))
    shared = len(a & b)
    return _BINS * shared // max(len(a), 1), _BINS * shared // max(len(b), 1)


def _features(text: str) -> list[str]:
    found = folded(text)
    return found + [f"{one} {other}" for one, other in pairwise(found)]
