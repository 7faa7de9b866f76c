"""Sentences by side, and exact search for nearest neighbours among their embeddings (FAISS)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b

import faiss
import numpy as np
import pyarrow as pa

from xstilts.errors import XstiltsError

# Neighbours fetched beyond those asked for, so that ties at the border are seen.
_SPARE = 4


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
        for broken in np.flatnonzero(~np.isfinite(vectors).all(axis=1)):
            raise XstiltsError(
                f"{side} {broken + 1} of {len(vectors)} is not a finite number",
                where="search for the nearest sentences",
                hint="embed the sentences with a sound encoder",
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
        for tied in np.flatnonzero(similarities[:, k - 1] == similarities[:, -1]):
            every = distinct @ queries[tied]
            found[tied] = np.argsort(-every, kind="stable")[: found.shape[1]]
            similarities[tied] = every[found[tied]]
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
