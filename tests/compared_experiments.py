"""Results folders of small experiments with known predictions, for comparisons."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from prediction_files import write_cell

from xstilts.execution.parquet import read_meta, write_table

CODES = ("en", "de", "sw", "zh")


def right(skill: float, size: int, *parts: object) -> list[int]:
    """Which items are right; the same items are easy for all, so that sides are correlated."""
    own = np.random.default_rng([sum(map(ord, str(part))) for part in parts]).random(size)
    ease = np.random.default_rng(3).random(size)
    return (0.5 * own + 0.5 * ease < skill).astype(int).tolist()


def items(values: Sequence[int]) -> list[tuple[str, int]]:
    return [(f"i{number:05d}", value) for number, value in enumerate(values)]


def write_side(
    folder: Path,
    encoder: str = "tiny",
    recipe: str = "none",
    *,
    skill: float | Mapping[int, float] = 0.5,
    targets: Sequence[str] = ("xnli",),
    codes: Sequence[str] = CODES,
    seeds: Sequence[int] = (1, 2, 3),
    size: int = 200,
    split: str = "test",
) -> list[Path]:
    """The prediction files of one side; `skill` may differ between seeds."""
    paths = []
    for target in targets:
        for seed in seeds:
            level = skill[seed] if isinstance(skill, Mapping) else skill
            held = {
                code: items(right(level, size, target, code, encoder, recipe, seed))
                for code in codes
            }
            cell = (encoder, recipe, target, seed)
            paths.append(write_cell(folder / "predictions", cell, held, split))
    return paths


def change(path: Path, column: str, to: Callable[[list[dict[str, Any]]], list[Any]]) -> None:
    """Give a column of a prediction file other values, made of its rows."""
    table, meta = pq.read_table(path), read_meta(path)
    place = table.schema.get_field_index(column)
    values = pa.array(to(table.to_pylist()), table.schema.field(column).type)
    write_table(path, table.set_column(place, table.schema.field(column), values), meta)


def keep(path: Path, wanted: Callable[[dict[str, Any]], bool]) -> None:
    """Keep these rows alone of a prediction file."""
    table, meta = pq.read_table(path), read_meta(path)
    rows = [row for row in table.to_pylist() if wanted(row)]
    schema = table.schema.remove_metadata()
    write_table(path, pa.Table.from_pylist(rows, schema=schema), meta)
