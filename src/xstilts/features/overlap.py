"""How alike the subwords of texts in a language and of English ones are, for one tokenizer."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from scipy import sparse
from scipy.spatial.distance import jensenshannon

from xstilts.data.schemas import OVERLAP
from xstilts.features.layout import layout_of, subwords

# Features read at a time.
_BATCH = 8192


@dataclass(frozen=True, kw_only=True)
class TargetFiles:
    """Files of one target.

    Attributes:
        data: its items.
        features: those of its items.
        english: features of its English training data; None for retrieval, whose items have an
            English side.
        before: how many subwords stand before each text and are no part of it.
    """

    data: str | Path
    features: str | Path
    english: str | Path | None
    before: int = 0


def subword_overlap(targets: Mapping[str, TargetFiles], special: Set[int]) -> pa.Table:
    """How alike the subwords of each language are to those of English in the same target.

    1 - JSD(p, q), the Jensen-Shannon divergence in bits: 1 where every subword is as frequent in
    both, 0 where none is in both (the divergence is that of Limisiewicz, Balhar and Marecek 2023,
    Findings of ACL). p is the distribution of subwords in the language's development and test
    texts, q that in the English texts that the target trains on, or in the other side of the
    language's own pairs: of texts as the encoder reads them, cut where they are too long, and
    twice where windows of long ones overlap. It hangs on what the texts are about and how many
    there are, so that it compares the languages of one target.

    Args:
        special: ids of subwords that are no part of a text.

    Returns:
        Columns of `schemas.OVERLAP`, for English too where it is tested.
    """
    # Targets may share what they train on.
    trained_on = cache(lambda path: _counts(path, None, 1))
    rows = [
        {"target": target, "language": code, "overlap": overlap}
        for target, files in targets.items()
        for code, overlap in _by_language(files, special, trained_on)
    ]
    return pa.Table.from_pylist(rows, schema=OVERLAP)


def _by_language(
    target: TargetFiles, special: Set[int], trained_on: Callable[[str | Path], sparse.csr_array]
) -> Iterator[tuple[str, float]]:
    columns = ["language"] if target.english else ["language", "side"]
    data = pq.read_table(target.data, columns=columns)
    named = data["language"].combine_chunks().dictionary_encode()
    codes, place = named.dictionary.to_pylist(), named.indices.to_numpy()
    if target.english is None:
        is_english = np.array(data["side"].to_pylist()) == "en"
        sides = (np.where(is_english, -1, place), np.where(is_english, place, -1))
        own, english = (_counts(target.features, side, len(codes), target.before) for side in sides)
    else:
        own = _counts(target.features, place, len(codes))
        english = trained_on(target.english)
    width = max(own.shape[1], english.shape[1])
    for row, code in enumerate(codes):
        p = _dense(own, row, width, special)
        q = _dense(english, row % english.shape[0], width, special)
        if p.any() and q.any():
            yield code, 1 - float(jensenshannon(p, q, base=2)) ** 2


def text_starts(tokenizer: Any, prefix: str) -> int:
    """How many subwords stand before each text that a prefix is put before (`text_features`)."""
    prefix = prefix.rstrip()
    before = next(subwords(tokenizer, [prefix])) if prefix else ()
    return len(layout_of(tokenizer, pair=False).prefix) + len(before)


def _counts(
    features: str | Path, place: np.ndarray | None, groups: int, before: int = 0
) -> sparse.csr_array:
    """(groups, ids): how often each subword is in the rows of each group.

    Args:
        place: the group of each row of the data, -1 for rows that do not count; None if all rows
            are of one.
        before: how many subwords at the start of a feature do not count.
    """
    file = pq.ParquetFile(features)
    of_rows = "rows" if "rows" in file.schema_arrow.names else "item"
    columns = ["input_ids"] if place is None else ["input_ids", of_rows]
    total = sparse.csr_array((groups, 0), dtype=np.int64)
    for batch in file.iter_batches(_BATCH, columns=columns):
        held = _matrix(batch["input_ids"], before)
        if place is None:
            count = sparse.csr_array(held.sum(axis=0)[None])
        else:
            count = _groups(batch[of_rows], place, groups).T @ held
        width = max(total.shape[1], count.shape[1])
        total.resize(groups, width)
        count.resize(groups, width)
        total = total + count
    return total


def _matrix(lists: pa.ListArray, before: int) -> sparse.csr_array:
    """(lists, numbers): how often each list has a number after the first ones, `before`."""
    flat, lengths = lists.flatten().to_numpy(), lists.value_lengths().to_numpy()
    ends = np.concatenate([[0], np.cumsum(lengths)])
    counted = np.arange(len(flat)) - np.repeat(ends[:-1], lengths) >= before
    shape = (len(lists), int(flat.max(initial=-1)) + 1)
    return sparse.csr_array((counted.astype(np.int64), flat, ends), shape=shape)


def _groups(rows: pa.Array, place: np.ndarray, groups: int) -> sparse.csr_array:
    """(features, groups): how many rows of the data that a feature is of are in a group."""
    if pa.types.is_list(rows.type):
        feature = np.repeat(np.arange(len(rows)), rows.value_lengths().to_numpy())
        rows = rows.flatten()
    else:
        feature = np.arange(len(rows))
    group = place[rows.to_numpy()]
    kept = group >= 0
    counted = (np.ones(kept.sum(), dtype=np.int64), (feature[kept], group[kept]))
    return sparse.csr_array(counted, shape=(int(feature.max(initial=-1)) + 1, groups))


def _dense(counts: sparse.csr_array, row: int, width: int, special: Set[int]) -> np.ndarray:
    """A row of counts, (width,), without what is no part of a text."""
    held = slice(*counts.indptr[row : row + 2])
    found = np.zeros(width)
    found[counts.indices[held]] = counts.data[held]
    found[[number for number in special if number < width]] = 0
    return found
