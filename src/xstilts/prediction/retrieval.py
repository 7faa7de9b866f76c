"""Retrieval over sentence embeddings with exact FAISS search: Tatoeba and BUCC 2018."""

from __future__ import annotations

import logging
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from typing import Any

import faiss
import numpy as np
import pyarrow as pa

from xstilts.config.settings import Mining
from xstilts.config.tasks import Metric, Task
from xstilts.errors import XstiltsError
from xstilts.features.batches import Features
from xstilts.features.perturbed import Perturbed
from xstilts.scoring.item_counts import CLEAN, FROM_ENGLISH, TO_ENGLISH, bucc_table, tatoeba_table

log = logging.getLogger(__name__)

# Neighbours fetched beyond those asked for, so that ties at the border are seen.
_SPARE = 4
_PLACE = ("language", "split", "id")


@dataclass(frozen=True)
class Side:
    """One side of one language's corpus; `vectors` has the vector number of each row."""

    ids: list[str]
    texts: list[str]
    clusters: list[str]
    vectors: np.ndarray


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
    if task.metric is Metric.BITEXT_F1:
        return _mine_all(corpora, vectors, mining)
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


Candidate = tuple[str, str, float]
Gold = list[tuple[str, str]]
Corpora = Mapping[tuple[str, str], tuple[dict[str, Side], Gold]]


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
                side: Side(
                    *([column[i] for i in where] for column in (ids, texts, clusters)),
                    number[where],
                )
                for side, where in sides.items()
            },
            [(foreign, ids[i]) for i in sides["en"] for foreign in gold[i] or ()],
        )
        for key, sides in rows.items()
    }


def normalised(vectors: np.ndarray) -> np.ndarray:
    """Rows scaled to unit length; a zero row stays zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.ascontiguousarray(vectors / np.where(lengths > 0, lengths, 1), dtype=np.float32)


def nearest(queries: np.ndarray, index: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray]:
    """The k nearest rows of `index` by inner product, exactly.

    Equal rows (sentences that an encoder cannot tell apart, or a collapsed encoder) are searched
    once, so that their ties break by row number however many there are.

    Args:
        queries: (n, d) float32.
        index: (m, d) float32.

    Returns:
        Similarities (n, min(k, m)) in falling order and row numbers; equal similarities in
        rising order of row number.

    Raises:
        XstiltsError: a vector is not finite, which FAISS would find no neighbour for.
    """
    for side, vectors in (("query", queries), ("vector that is searched in", index)):
        for row in np.flatnonzero(~np.isfinite(vectors).all(axis=1)):
            raise XstiltsError(
                f"{side} {row + 1} of {len(vectors)} is not a finite number",
                where="search for the nearest sentences",
                mend="embed the sentences with a sound encoder",
            )
    k = min(k, len(index))
    members: dict[bytes, list[int]] = {}
    for row, vector in enumerate(index):
        members.setdefault(blake2b(vector, digest_size=16).digest(), []).append(row)
    groups = list(members.values())
    distinct = index[[rows[0] for rows in groups]]
    flat = faiss.IndexFlatIP(index.shape[1])
    flat.add(distinct)
    similarities, found = flat.search(queries, min(k + _SPARE, len(distinct)))
    # FAISS keeps any of the rows that tie at the end of its list; usually k are above them.
    if similarities.shape[1] < len(distinct):
        for query in np.flatnonzero(similarities[:, k - 1] == similarities[:, -1]):
            every = distinct @ queries[query]
            found[query] = np.argsort(-every, kind="stable")[: found.shape[1]]
            similarities[query] = every[found[query]]
    first = np.array([rows[0] for rows in groups])
    order = np.lexsort((first[found], -similarities), axis=1)
    similarities = np.take_along_axis(similarities, order, 1)
    found = np.take_along_axis(found, order, 1)
    if len(groups) == len(index):
        return similarities[:, :k], first[found[:, :k]]
    all_similarities = np.empty((len(queries), k), np.float32)
    all_rows = np.empty((len(queries), k), np.int64)
    for query, (values, numbers) in enumerate(zip(similarities, found, strict=True)):
        rows = sorted(
            (-value, row)
            for value, number in zip(values, numbers, strict=True)
            for row in groups[number][:k]
        )[:k]
        all_similarities[query] = [-value for value, _ in rows]
        all_rows[query] = [row for _, row in rows]
    return all_similarities, all_rows


def _search_both_ways(
    language: str,
    split: str,
    sides: dict[str, Side],
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
    tables = []
    for direction, queries, index, answers in (
        (FROM_ENGLISH, english, foreign, asked),
        (TO_ENGLISH, foreign, english, {fo: en for en, fo in asked.items()}),
    ):
        kept = [row for row, name in enumerate(queries.ids) if name in answers]
        similarities, found = nearest(
            normalised(vectors[queries.vectors[kept]]), normalised(vectors[index.vectors]), 1
        )
        names = [queries.ids[row] for row in kept]
        tables.append(
            tatoeba_table(
                language=language,
                split=split,
                direction=direction,
                query_ids=names,
                predicted_ids=[index.ids[row] for row in found[:, 0]],
                gold_ids=[answers[query] for query in names],
                scores=similarities[:, 0].tolist(),
                clusters=[queries.clusters[row] for row in kept],
                condition=condition,
            )
        )
    return tables


def _mine_all(
    corpora: Corpora, vectors: np.ndarray, mining: Mining
) -> tuple[pa.Table, dict[str, Any]]:
    tables, decided = [], {}
    for (language, split), (sides, gold) in corpora.items():
        if split != "dev":
            continue
        candidates = mine_corpus(sides, vectors, mining)
        threshold, best = tune_threshold(candidates, set(gold))
        decided[language] = {
            "threshold": threshold,
            "dev_f1": 100 * best,
            "dev_recall_ceiling": 100 * recall_ceiling(sides, gold),
        }
        tables.append(_kept(language, split, candidates, threshold, gold))
    for (language, split), (sides, gold) in corpora.items():
        if split == "dev":
            continue
        if language not in decided:
            raise XstiltsError(
                f"bucc2018: no development pairs in {language!r} to tune the threshold on"
            )
        candidates = mine_corpus(sides, vectors, mining)
        tables.append(_kept(language, split, candidates, decided[language]["threshold"], gold))
        decided[language]["test_recall_ceiling"] = 100 * recall_ceiling(sides, gold)
    for language, values in decided.items():
        log.info("%s: %s", language, values)
    return pa.concat_tables(tables), {"mining": decided}


def _kept(
    language: str, split: str, candidates: Sequence[Candidate], threshold: float, gold: Gold
) -> pa.Table:
    mined = [candidate for candidate in candidates if candidate[2] >= threshold]
    return bucc_table(language=language, split=split, mined=mined, gold=gold)


def unique_sentences(side: Side) -> tuple[list[int], dict[str, str]]:
    """First row of each distinct sentence, and the id of the sentences that have just one.

    XTREME unifies equal sentences before the search and afterwards drops pairs whose sentence
    stands under several ids (its utils_retrieve.py), because the id is then ambiguous.
    """
    first: dict[str, int] = {}
    ids: dict[str, list[str]] = {}
    for row, (text, name) in enumerate(zip(side.texts, side.ids, strict=True)):
        first.setdefault(text.strip(), row)
        ids.setdefault(text.strip(), []).append(name)
    return list(first.values()), {text: names[0] for text, names in ids.items() if len(names) == 1}


def mine_corpus(sides: dict[str, Side], vectors: np.ndarray, mining: Mining) -> list[Candidate]:
    """Candidate pairs (foreign id, English id, margin score), best first."""
    rows, names = {}, {}
    for name, side in sides.items():
        rows[name], names[name] = unique_sentences(side)
    x, y = (normalised(vectors[sides[s].vectors[rows[s]]]) for s in ("foreign", "en"))
    result = []
    for i, j, score in mine(x, y, mining):
        foreign = sides["foreign"].texts[rows["foreign"][i]].strip()
        english = sides["en"].texts[rows["en"][j]].strip()
        if foreign in names["foreign"] and english in names["en"]:
            result.append((names["foreign"][foreign], names["en"][english], score))
    return result


def mine(x: np.ndarray, y: np.ndarray, mining: Mining) -> list[tuple[int, int, float]]:
    """Margin-based mining with the `max` strategy (Artetxe & Schwenk 2019, sections 3.1, 3.2).

    margin(x, y) compares cos(x, y) with the mean of the average similarities of x and of y to
    their k nearest neighbours on the other side: ratio, difference, or no comparison. The best
    candidates of both directions are merged greedily by score; a sentence is used once.

    Args:
        x: (n, d) unit vectors of one side.
        y: (m, d) unit vectors of the other side.

    Returns:
        (row of x, row of y, score), best first; equal scores in order of the forward search,
        then of the backward one.
    """
    forward, to_y = nearest(x, y, mining.neighbours)
    backward, to_x = nearest(y, x, mining.neighbours)
    mean_x, mean_y = forward.mean(axis=1), backward.mean(axis=1)
    scores_x = margin_score(forward, (mean_x[:, None] + mean_y[to_y]) / 2, mining.margin)
    scores_y = margin_score(backward, (mean_y[:, None] + mean_x[to_x]) / 2, mining.margin)
    rows_x, rows_y = np.arange(len(x)), np.arange(len(y))
    best_x, best_y = scores_x.argmax(axis=1), scores_y.argmax(axis=1)
    left = np.concatenate([rows_x, to_x[rows_y, best_y]])
    right = np.concatenate([to_y[rows_x, best_x], rows_y])
    scores = np.concatenate([scores_x[rows_x, best_x], scores_y[rows_y, best_y]])
    used_x, used_y = np.zeros(len(x), bool), np.zeros(len(y), bool)
    pairs = []
    for at in np.argsort(-scores, kind="stable"):
        i, j = int(left[at]), int(right[at])
        if not used_x[i] and not used_y[j]:
            used_x[i] = used_y[j] = True
            pairs.append((i, j, float(scores[at])))
    return pairs


def margin_score(similarity: np.ndarray, around: np.ndarray, margin: str) -> np.ndarray:
    """Artetxe & Schwenk 2019, equation 2 with its three margin functions."""
    if margin == "ratio":
        return similarity / around
    return similarity - around if margin == "distance" else similarity


def tune_threshold(
    candidates: Sequence[Candidate], gold: set[tuple[str, str]]
) -> tuple[float, float]:
    """The threshold with the best F1 on these gold pairs.

    It lies halfway between the last score kept and the next one. With no correct candidate
    there is nothing to tune on and the lowest score is the threshold, which keeps all.

    Args:
        candidates: (foreign id, English id, score), best first.

    Returns:
        (threshold, F1 in [0, 1] at that threshold).
    """
    best, correct = 0.0, 0
    threshold = candidates[-1][2] if candidates else 0.0
    for kept, (foreign, english, score) in enumerate(candidates, start=1):
        correct += (foreign, english) in gold
        following = candidates[kept][2] if kept < len(candidates) else score
        if following == score and kept < len(candidates):
            continue  # a threshold cannot part equal scores
        f1 = 2 * correct / (kept + len(gold))
        if f1 > best:
            best, threshold = f1, (score + following) / 2
    return threshold, best


def recall_ceiling(sides: dict[str, Side], gold: Gold) -> float:
    """Share of gold pairs that can be found at all once ambiguous sentences are dropped."""
    known = [set(unique_sentences(sides[name])[1].values()) for name in ("foreign", "en")]
    possible = sum(foreign in known[0] and english in known[1] for foreign, english in gold)
    return possible / len(gold) if gold else 0.0
