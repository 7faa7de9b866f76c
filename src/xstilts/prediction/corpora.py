"""Corpora of two sides whose sentences translate each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa


@dataclass(frozen=True)
class CorpusSide:
    """One side of one language's corpus; `vectors` has the vector number of each row."""

    ids: list[str]
    texts: list[str]
    clusters: list[str]
    vectors: np.ndarray


# Ids of a foreign and an English sentence, and the margin score.
Candidate = tuple[str, str, float]
Gold = list[tuple[str, str]]
Corpora = Mapping[tuple[str, str], tuple[dict[str, CorpusSide], Gold]]


def corpora_of(data: pa.Table, number: np.ndarray) -> Corpora:
    """(language, split) to both sides and the gold pairs (foreign id, English id)."""
    rows: dict[tuple[str, str], dict[str, list[int]]] = {}
    columns = {name: data[name].to_pylist() for name in ("language", "split", "side")}
    for row, (*key, side) in enumerate(zip(*columns.values(), strict=True)):
        rows.setdefault(tuple(key), {"foreign": [], "en": []})[side].append(row)
    ids, texts, clusters, gold = (
        data[name].to_pylist() for name in ("id", "text", "cluster", "gold")
    )
    return {
        key: (
            {
                side: CorpusSide(
                    ids=[ids[i] for i in where],
                    texts=[texts[i] for i in where],
                    clusters=[clusters[i] for i in where],
                    vectors=number[where],
                )
                for side, where in sides.items()
            },
            [(foreign, ids[i]) for i in sides["en"] for foreign in gold[i] or ()],
        )
        for key, sides in rows.items()
    }
