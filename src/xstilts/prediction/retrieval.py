"""Retrieval over sentence embeddings by exact search: Tatoeba and BUCC 2018."""

from __future__ import annotations

from collections.abc import Container, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from xstilts.config.settings import Mining
from xstilts.config.tasks import Task
from xstilts.features.batches import Features
from xstilts.features.perturbed import Perturbed
from xstilts.prediction.corpora import Corpora, CorpusSide, Gold, corpora_of
from xstilts.prediction.mining import mine_all
from xstilts.prediction.search import Neighbours, nearest, nearest_both, normalised
from xstilts.scoring.item_counts import CLEAN, tatoeba_table
from xstilts.scoring.metrics.retrieval import FROM_ENGLISH, TO_ENGLISH

_PLACE = ("language", "split", "id")
# Of so many sentences one alone is searched for faster by itself than all are both ways at once.
_FEW = 4


def retrieve(
    task: Task,
    data: pa.Table,
    features: Features,
    vectors: np.ndarray,
    mining: Mining,
    perturbed: Perturbed | None = None,
) -> tuple[pa.Table, dict[str, Any]]:
    """Predictions of a retrieval task in all its languages.

    Args:
        data: normalised retrieval data (`schemas.DATA`).
        features: made from `data` by `kinds.text.text_features`.
        vectors: (features, hidden) float32, those of `perturbed` behind those of `features`.
        perturbed: foreign sentences that take the place of clean ones; not for mining.

    Returns:
        Predictions (`schemas.PREDICTIONS`) and what was decided on the way (for BUCC the
        threshold of each language, its development F1 and the recall ceiling).
    """
    corpora = corpora_of(data, _vector_numbers(data, features))
    if task.mined:
        return mine_all(corpora, vectors, mining)
    tables = [
        table
        for (language, split), (sides, gold) in corpora.items()
        for table in _search_both_ways(language, split, sides, gold, vectors)
    ]
    if perturbed is not None:
        tables += _search_perturbed(corpora, perturbed, len(features), vectors)
    return pa.concat_tables(tables), {}


def _vector_numbers(data: pa.Table, features: Features) -> np.ndarray:
    """(rows,): the feature, hence the vector, of each row of data."""
    number = np.empty(data.num_rows, dtype=np.int64)
    rows = features.ragged("rows")
    for feature in range(len(features)):
        number[rows.row(feature)] = feature
    return number


def _search_perturbed(
    corpora: Corpora, perturbed: Perturbed, first: int, vectors: np.ndarray
) -> Iterator[pa.Table]:
    """The search with perturbed foreign sentences in place of clean ones.

    What is searched in has the same size as without; only pairs that are perturbed are asked for.
    """
    number = first + _vector_numbers(perturbed.data, perturbed.features)
    keys = list(zip(*(perturbed.data[name].to_pylist() for name in _PLACE), strict=True))
    for condition, rows in perturbed.rows.items():
        changed: dict[tuple[str, str], dict[str, int]] = {}
        for row in rows:
            language, split, name = keys[row]
            changed.setdefault((language, split), {})[name] = int(number[row])
        for key, replaced in changed.items():
            sides, gold = corpora[key]
            foreign = sides["foreign"]
            numbers = [
                replaced.get(name, own)
                for name, own in zip(foreign.ids, foreign.vectors, strict=True)
            ]
            noisy = replace(foreign, vectors=np.array(numbers, dtype=np.int64))
            yield from _search_both_ways(
                *key,
                {**sides, "foreign": noisy},
                gold,
                vectors,
                condition=condition,
                perturbed=frozenset(replaced),
            )


def _search_both_ways(
    language: str,
    split: str,
    sides: dict[str, CorpusSide],
    gold: Gold,
    vectors: np.ndarray,
    *,
    condition: str = CLEAN,
    perturbed: Container[str] | None = None,
) -> list[pa.Table]:
    """Nearest neighbours of all sentences, or of the pairs whose foreign one is `perturbed`."""
    foreign, english = sides["foreign"], sides["en"]
    pairs = {en: fo for fo, en in gold}
    asked = {en: fo for en, fo in pairs.items() if perturbed is None or fo in perturbed}
    searched = (
        (FROM_ENGLISH, english, foreign, asked),
        (TO_ENGLISH, foreign, english, {fo: en for en, fo in asked.items()}),
    )
    rows = [
        [row for row, name in enumerate(queries.ids) if name in answers]
        for _, queries, _, answers in searched
    ]
    x, y = (normalised(vectors[side.vectors]) for side in (english, foreign))
    tables = []
    for (direction, queries, index, answers), kept, nearest_one in zip(
        searched, rows, _neighbours(x, y, *rows), strict=True
    ):
        names = [queries.ids[row] for row in kept]
        tables.append(
            tatoeba_table(
                language=language,
                split=split,
                direction=direction,
                query_ids=names,
                predicted_ids=[index.ids[row] for row in nearest_one.rows[:, 0]],
                gold_ids=[answers[query] for query in names],
                scores=nearest_one.similarities[:, 0].tolist(),
                clusters=[queries.clusters[row] for row in kept],
                condition=condition,
            )
        )
    return tables


def _neighbours(
    x: np.ndarray, y: np.ndarray, of_x: list[int], of_y: list[int]
) -> tuple[Neighbours, Neighbours]:
    """The nearest of these rows of x in y, and of these rows of y in x."""
    if len(of_x) < len(x) / _FEW:
        return nearest(x[of_x], y, 1), nearest(y[of_y], x, 1)
    neighbours_of_x, neighbours_of_y = nearest_both(x, y, 1)
    return neighbours_of_x.of(of_x), neighbours_of_y.of(of_y)
