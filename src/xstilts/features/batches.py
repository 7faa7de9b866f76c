"""Length-bucketed batches over tokenised features, deterministic from a seed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from xstilts.config.seeds import derive_seed

# Batches are cut from sorted runs of this many batches: enough to leave little padding, few
# enough that an epoch is still well mixed.
_BUCKET = 50


class Ragged:
    """A list column as one flat array and row offsets, without Python objects."""

    def __init__(self, values: np.ndarray, offsets: np.ndarray) -> None:
        self.values, self.offsets = values, offsets

    @classmethod
    def of(cls, column: pa.ChunkedArray) -> Ragged:
        """That of a column of a table."""
        array = column.combine_chunks()
        if isinstance(array, pa.ChunkedArray):
            array = array.chunk(0) if array.num_chunks else pa.array([], column.type)
        return cls(array.values.to_numpy(zero_copy_only=False), array.offsets.to_numpy())

    def row(self, index: int) -> np.ndarray:
        """The values of one row."""
        return self.values[self.offsets[index] : self.offsets[index + 1]]

    def flat(self, rows: Sequence[int] | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The values of these rows one after the other, and the length of each row."""
        starts = self.offsets[rows]
        lengths = self.offsets[np.asarray(rows) + 1] - starts
        ends = np.cumsum(lengths)
        shifts = np.repeat(starts - (ends - lengths), lengths)
        return self.values[np.arange(len(shifts)) + shifts], lengths

    @property
    def lengths(self) -> np.ndarray:
        """The number of values in each row."""
        return np.diff(self.offsets)


class Features:
    """A feature table in memory, columns as NumPy arrays.

    Args:
        lists: list columns that are no part of `table`, with as many rows.
    """

    def __init__(self, table: pa.Table, lists: Mapping[str, Ragged] | None = None) -> None:
        self._table = table
        self._ragged = dict(lists or {})
        self.names = [*table.column_names, *self._ragged]

    @classmethod
    def read(cls, path: str | Path) -> Features:
        """Read a feature file."""
        return cls(pq.read_table(path))

    def __len__(self) -> int:
        return self._table.num_rows

    def ragged(self, name: str) -> Ragged:
        """A list column."""
        if name not in self._ragged:
            self._ragged[name] = Ragged.of(self._table[name])
        return self._ragged[name]

    def column(self, name: str) -> np.ndarray:
        """A plain column."""
        return self._table[name].to_numpy()

    @cached_property
    def lengths(self) -> np.ndarray:
        """Tokens of each feature."""
        return self.ragged("input_ids").lengths

    @cached_property
    def items(self) -> np.ndarray:
        """The data row of each feature."""
        return self.column("item")

    def of_items(self, items: np.ndarray) -> Features:
        """Only the features of these data rows, renumbered to positions in `items`."""
        keep = np.isin(self.items, items)
        table = self._table.filter(pa.array(keep))
        renumbered = np.searchsorted(items, self.items[keep]).astype(np.int32)
        index = table.schema.get_field_index("item")
        return Features(table.set_column(index, "item", pa.array(renumbered)))


def training_batches(
    lengths: np.ndarray, batch_size: int, seed: int, epoch: int
) -> list[np.ndarray]:
    """One epoch: every feature once, in batches of similar length, in random order."""
    random = np.random.default_rng(derive_seed(seed, "order", epoch))
    order = random.permutation(len(lengths))
    run = batch_size * _BUCKET
    batches: list[np.ndarray] = []
    for start in range(0, len(order), run):
        part = order[start : start + run]
        part = part[np.argsort(lengths[part], kind="stable")]
        batches.extend(part[i : i + batch_size] for i in range(0, len(part), batch_size))
    return [batches[i] for i in random.permutation(len(batches))]


def micro_batches(
    rows: Sequence[int] | np.ndarray, lengths: np.ndarray, tokens: int
) -> Iterator[np.ndarray]:
    """Cut rows, longest first, into pieces whose padded size is at most `tokens`.

    A single feature longer than that is a piece of its own.
    """
    given = np.asarray(rows)
    order = given[np.argsort(-lengths[given], kind="stable")]
    start = 0
    while start < len(order):
        size = max(1, tokens // max(1, int(lengths[order[start]])))
        yield order[start : start + size]
        start += size


def pad(rows: Sequence[np.ndarray], value: int, width: int | None = None) -> np.ndarray:
    """Rows of different lengths as one int64 matrix, filled up with `value`."""
    width = max((len(row) for row in rows), default=0) if width is None else width
    matrix = np.full((len(rows), width), value, dtype=np.int64)
    for i, row in enumerate(rows):
        matrix[i, : len(row)] = row
    return matrix
