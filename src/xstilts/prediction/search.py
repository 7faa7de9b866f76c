"""Exact search for nearest neighbours by inner product, one way and both ways.

A similarity is the inner product in float64, rounded to float32. Neighbours are those that a sort
of all similarities would give, equal ones in order of row number. So results depend neither on the
machine nor on how the work is cut up, and both directions agree on a pair. (In what order numbers
are added could show only where a sum lies within 1e-13 of the middle of two float32 numbers.)

What is fast says which pairs can be neighbours: FAISS in float32, or one product in PyTorch for
both directions (`screen`). Its error is bounded; where that leaves too many pairs, float64 decides
alone.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from typing import NamedTuple

import faiss
import numpy as np

from xstilts.errors import XstiltsError

# From so many multiplications on one product in PyTorch is faster than two searches by FAISS, where
# it is imported and with its import, if both sides have so many vectors for each neighbour
# (benchmarks/search.py).
_WORTH, _WORTH_IMPORT = 1e7, 3e10
_VECTORS_A_NEIGHBOUR = 64
# Neighbours fetched beyond those asked for, so that pairs are seen that may tie with the last.
_SPARE = 12
# Pairs computed at a time, whose vectors stay in the cache, and by one thread in turn; rows of a
# product in float64.
_PAIRS, _TASK = 64, 4096
_QUERIES, _INDEXED = 64, 4096
_UNIT = 2.0**-24


class Neighbours(NamedTuple):
    """(n, k) float32 in falling order, and (n, k) row numbers, rising where those are equal."""

    similarities: np.ndarray
    rows: np.ndarray

    def of(self, queries: Sequence[int] | np.ndarray) -> Neighbours:
        """Those of some queries, in their order."""
        return Neighbours(self.similarities[queries], self.rows[queries])

    def put(self, queries: np.ndarray, found: Neighbours) -> None:
        """Take what was found for some queries in the place of what is here."""
        self.similarities[queries], self.rows[queries] = found


def normalised(vectors: np.ndarray) -> np.ndarray:
    """Rows scaled to unit length; a zero row stays zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.ascontiguousarray(vectors / np.where(lengths > 0, lengths, 1), dtype=np.float32)


def nearest(queries: np.ndarray, index: np.ndarray, k: int) -> Neighbours:
    """The k nearest rows of `index` to each query by inner product, exactly.

    Equal rows (sentences that an encoder cannot tell apart, or a collapsed encoder) are searched
    once, so that their ties break by row number however many there are.

    Args:
        queries: (n, d) float32 of `normalised`.
        index: (m, d) float32 of `normalised`.

    Returns:
        (n, min(k, m)) neighbours.

    Raises:
        XstiltsError: a vector is not finite, and so has no neighbours.
    """
    _check({"query": queries, "vector that is searched in": index})
    groups = _Groups(index)
    return groups.rows_of(_by_faiss(queries, groups.vectors, k), k)


def nearest_both(
    x: np.ndarray, y: np.ndarray, k: int, device: str = "cpu"
) -> tuple[Neighbours, Neighbours]:
    """`nearest` of x in y and of y in x, faster than one after the other.

    Args:
        x: (n, d) float32 of `normalised`.
        y: (m, d) float32 of `normalised`.
        device: what PyTorch computes the product on where it does.

    Returns:
        (n, min(k, m)) neighbours of x and (m, min(k, n)) of y.

    Raises:
        XstiltsError: a vector is not finite, and so has no neighbours.
    """
    _check({"query": x, "vector that is searched in": y})
    left, right = _Groups(x), _Groups(y)
    if _is_large(left.vectors, right.vectors, k):
        found = _by_one_product(left.vectors, right.vectors, k, device)
    else:
        found = (
            _by_faiss(left.vectors, right.vectors, k),
            _by_faiss(right.vectors, left.vectors, k),
        )
    of_x, of_y = right.rows_of(found[0], k), left.rows_of(found[1], k)
    return left.each(of_x), right.each(of_y)


def _check(sides: dict[str, np.ndarray]) -> None:
    for side, vectors in sides.items():
        for broken in np.flatnonzero(~np.isfinite(vectors).all(axis=1)):
            raise XstiltsError(
                f"{side} {broken + 1} of {len(vectors)} is not a finite number",
                where="search for the nearest sentences",
                hint="embed the sentences with a sound encoder",
            )


class _Groups:
    """Rows of a side by their vectors; `vectors` has each of these once, in order of first rows."""

    def __init__(self, vectors: np.ndarray) -> None:
        # Rows whose first numbers differ need not be compared.
        _, value, count = np.unique(vectors[:, 0], return_inverse=True, return_counts=True)
        first = np.arange(len(vectors))
        seen: dict[bytes, int] = {}
        for row in np.flatnonzero(count[value] > 1):
            first[row] = seen.setdefault(blake2b(vectors[row], digest_size=16).digest(), int(row))
        kept, self._group = np.unique(first, return_inverse=True)
        self._is_plain = len(kept) == len(vectors)
        self.vectors = vectors if self._is_plain else vectors[kept]

    def each(self, found: Neighbours) -> Neighbours:
        """What was found for each vector, for each row."""
        return found if self._is_plain else found.of(self._group)

    def rows_of(self, found: Neighbours, k: int) -> Neighbours:
        """The k nearest rows, from as many nearest vectors."""
        if self._is_plain:
            return found
        # Of a vector no more than its first k rows can be among them.
        members, sizes = np.argsort(self._group, kind="stable"), np.bincount(self._group)
        taken = np.minimum(sizes, k)[found.rows].ravel()
        starts = (np.cumsum(sizes) - sizes)[found.rows].ravel()
        within = np.arange(taken.sum()) - np.repeat(np.cumsum(taken) - taken, taken)
        rows = members[np.repeat(starts, taken) + within]
        queries = np.repeat(np.arange(len(found.rows)), found.rows.shape[1]).repeat(taken)
        similarities = found.similarities.ravel().repeat(taken)
        order = np.lexsort((rows, queries))
        shape = len(found.rows), min(k, len(self._group))
        return _first_k(queries[order], rows[order], similarities[order], shape)


def _is_large(x: np.ndarray, y: np.ndarray, k: int) -> bool:
    least = _WORTH if "torch" in sys.modules else _WORTH_IMPORT
    fewest = min(len(x), len(y))
    return x.size * len(y) >= least and fewest >= _VECTORS_A_NEIGHBOUR * k


def _by_one_product(
    x: np.ndarray, y: np.ndarray, k: int, device: str
) -> tuple[Neighbours, Neighbours]:
    """Both directions among distinct vectors, screened by PyTorch."""
    # Its import takes longer than a small search.
    from xstilts.prediction.screen import screen

    found = screen(x, y, k, device=device)
    similarities = _similarities(x, y, found.x, found.y)
    of_x = _first_k(found.x, found.y, similarities, (len(x), min(k, len(y))))
    of_y = _first_k(found.y, found.x, similarities, (len(y), min(k, len(x))))
    if len(found.open_x):
        of_x.put(found.open_x, _by_faiss(x[found.open_x], y, k))
    if len(found.open_y):
        of_y.put(found.open_y, _by_faiss(y[found.open_y], x, k))
    return of_x, of_y


def _by_faiss(queries: np.ndarray, index: np.ndarray, k: int) -> Neighbours:
    """One direction among distinct vectors.

    A sum of d products in float32 is off by at most g |x| |y|, in whatever order (`screen`). What
    is less than the kth by no more than twice that may be nearer. Four further terms are for the
    rounding of similarities and of the bound itself.
    """
    k = min(k, len(index))
    flat = faiss.IndexFlatIP(index.shape[1])
    flat.add(index)
    similarities, found = flat.search(queries, min(k + _SPARE, len(index)))
    terms = (index.shape[1] + 4) * _UNIT
    lengths = np.linalg.norm(queries, axis=1, keepdims=True) * np.linalg.norm(index, axis=1).max()
    margins = 2.01 * terms / (1 - terms) * lengths
    possible = similarities >= similarities[:, k - 1 : k] - margins
    query, place = possible.nonzero()
    pairs = np.sort(query * len(index) + found[query, place])
    query, rows = np.divmod(pairs, len(index))
    decided = _similarities(queries, index, query, rows)
    neighbours = _first_k(query, rows, decided, (len(queries), k))
    if similarities.shape[1] < len(index):
        is_open = np.flatnonzero(possible[:, -1])
        for start in range(0, len(is_open), _QUERIES):
            part = is_open[start : start + _QUERIES]
            neighbours.put(part, _by_float64(queries[part], index, k))
    return neighbours


def _by_float64(queries: np.ndarray, index: np.ndarray, k: int) -> Neighbours:
    """All similarities of some queries, and a sort of what is not below the kth."""
    similarities = np.empty((len(queries), len(index)), np.float32)
    wide = queries.astype(np.float64)
    for start in range(0, len(index), _INDEXED):
        part = slice(start, start + _INDEXED)
        similarities[:, part] = wide @ index[part].astype(np.float64).T
    kth = np.partition(similarities, len(index) - k, axis=1)[:, len(index) - k, None]
    query, rows = (similarities >= kth).nonzero()
    return _first_k(query, rows, similarities[query, rows], (len(queries), k))


def _similarities(x: np.ndarray, y: np.ndarray, i: np.ndarray, j: np.ndarray) -> np.ndarray:
    """(pairs,) float32 of rows i of x and j of y, with as many threads as FAISS has."""
    found = np.empty(len(i), np.float32)

    def fill(first: int) -> None:
        # Not made anew for each part: the memory of threads goes back to the system at once.
        rows = np.empty((_PAIRS, x.shape[1]), np.float32)
        left, right = np.empty((2, *rows.shape), np.float64)
        last = min(first + _TASK, len(i))
        for start in range(first, last, _PAIRS):
            part = slice(start, min(start + _PAIRS, last))
            size = part.stop - part.start
            for wide, vectors, numbers in ((left, x, i), (right, y, j)):
                np.take(vectors, numbers[part], axis=0, out=rows[:size], mode="clip")
                wide[:size] = rows[:size]
            found[part] = np.vecdot(left[:size], right[:size])

    with ThreadPoolExecutor(faiss.omp_get_max_threads()) as pool:
        list(pool.map(fill, range(0, len(i), _TASK)))
    return found


def _first_k(
    own: np.ndarray, other: np.ndarray, similarities: np.ndarray, shape: tuple[int, int]
) -> Neighbours:
    """Of each row's pairs those with the greatest similarity, of equals the lowest other row.

    Rows with fewer pairs than `shape` says, which are open, have arbitrary neighbours.

    Args:
        own: (pairs,) int64.
        other: (pairs,) int64, rising among the pairs of a row.
        similarities: (pairs,) float32.
        shape: rows, and neighbours of each.
    """
    # Floating-point numbers as integers in the same order; 0 - s makes one zero of both.
    bits = (0 - similarities).view(np.int32)
    order = np.argsort((own << 32) + (bits ^ ((bits >> 31) & 0x7FFFFFFF)), kind="stable")
    own = own[order]
    place = np.arange(len(own)) - np.searchsorted(own, np.arange(shape[0]))[own]
    kept = place < shape[1]
    order, at = order[kept], (own[kept], place[kept])
    found = Neighbours(np.zeros(shape, np.float32), np.zeros(shape, np.int64))
    found.similarities[at], found.rows[at] = similarities[order], other[order]
    return found
