"""Scores of the baselines: of shortcuts, and of encoders with random weights."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import pyarrow as pa

from xstilts.config.tasks import Task
from xstilts.data.schemas import BASELINES, SCORES
from xstilts.errors import XstiltsError
from xstilts.execution.parquet import read_table
from xstilts.prediction.shortcuts import shortcut_predictions, shortcuts_of
from xstilts.scoring.scores import score_predictions


def shortcut_scores(
    task: Task, train: pa.Table | None, items: pa.Table, names: Iterable[str]
) -> pa.Table:
    """Scores (`schemas.BASELINES`) of those of the shortcuts `names` that the target has.

    Args:
        train, items: as for `shortcuts.shortcut_predictions`.

    Raises:
        XstiltsError: as `shortcuts.shortcut_predictions`.
    """
    rows = []
    for name in names:
        if name in shortcuts_of(task):
            table = score_predictions(shortcut_predictions(name, task, train, items), task)
            rows += [
                {"baseline": name, "encoder": "", "target": task.key, "seed": 0, **row}
                for row in table.to_pylist()
            ]
    return pa.Table.from_pylist(rows, schema=BASELINES)


def collect_baselines(
    shortcuts: Iterable[str | Path], cells: Iterable[str | Path], names: Sequence[str]
) -> pa.Table:
    """One table of all baselines' scores, in the order of `names`, then by the other columns.

    Args:
        shortcuts: files of `shortcut_scores`.
        cells: files of scores (`schemas.SCORES`) whose recipe is the baseline.

    Raises:
        XstiltsError: a file is no such table, or holds a baseline that is not in `names`.
    """
    tables = [read_table(path, BASELINES) for path in shortcuts]
    for path in cells:
        cell = read_table(path, SCORES)
        names_of_columns = ["baseline" if name == "recipe" else name for name in cell.column_names]
        tables.append(cell.rename_columns(names_of_columns).select(BASELINES.names))
    rows = pa.concat_tables([BASELINES.empty_table(), *tables]).to_pylist()
    unknown = sorted({row["baseline"] for row in rows} - set(names))
    if unknown:
        raise XstiltsError(f"unexpected {', '.join(unknown)}", where="scores of baselines")
    key = [name for name in BASELINES.names if name not in ("baseline", "value", "n")]
    rows.sort(key=lambda row: (names.index(row["baseline"]), *(row[name] for name in key)))
    return pa.Table.from_pylist(rows, schema=BASELINES)
