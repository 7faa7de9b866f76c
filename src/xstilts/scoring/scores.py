"""Scores of a cell from its item-level predictions, and XTREME's averages of them.

Every value is computed from the per-item counts alone, in points (0 to 100).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import polars as pl
import pyarrow as pa

from xstilts.config.tasks import GROUPS, XTREME, Task
from xstilts.data.schemas import SCORES
from xstilts.errors import XstiltsError
from xstilts.execution.parquet import expect_columns, read_table
from xstilts.scoring.metrics import METRICS, prediction_schema

# The metric of the rows that hold the one score by which a language is judged.
LANGUAGE_SCORE = "score"

_KEY = ["split", "language", "condition"]
_SCORED = pa.schema([SCORES.field(name) for name in (*_KEY, "metric", "value", "n")])


def language_score(task: Task, metrics: Mapping[str, float]) -> float:
    """The one score of a language in points: QA the mean of exact match and F1, else the main.

    Args:
        metrics: metric -> points of one language.
    """
    names = METRICS[task.metric].main
    return sum(metrics[name] for name in names) / len(names)


def xtreme_value(task: Task, metrics: Mapping[str, Mapping[str, float]]) -> float:
    """A task's `avg_metric`: macro mean over languages (Hu et al. 2020, section 4; evaluate.py).

    Args:
        metrics: metric -> language -> points.
    """
    names = METRICS[task.metric].main
    return sum(_mean(metrics[name].values()) for name in names) / len(names)


def xtreme_groups(values: Mapping[str, float]) -> dict[str, float]:
    """XTREME's overall score and group scores from each task's `avg_metric`.

    `all_task` is there only with all nine tasks, a group only with all of its tasks.

    Args:
        values: task key -> points; keys beyond the nine tasks are ignored.
    """
    result = {}
    if XTREME.keys() <= values.keys():
        result["all_task"] = _mean(values[key] for key in XTREME)
    for group, keys in GROUPS.items():
        if all(key in values for key in keys):
            result[group] = _mean(values[key] for key in keys)
    return result


def score_predictions(table: pa.Table, task: Task) -> pa.Table:
    """Scores of one cell for each split, language and condition in its predictions.

    Args:
        table: predictions (`metrics.prediction_schema`).

    Returns:
        Columns split, language, condition, metric, value (points), n (items), sorted. The
        metric `LANGUAGE_SCORE` repeats the main score. Tatoeba's "accuracy" has English
        queries (XTREME's direction), "accuracy_to_en" foreign ones; "strict_f1" is there
        only where the tag set is IOB2.

    Raises:
        XstiltsError: other columns, no rows, a repeated item, or a missing count.
    """
    where = f"predictions of {task.key}"
    expect_columns(table, prediction_schema(task), where)
    frame = pl.DataFrame(table)
    if frame.is_empty():
        raise XstiltsError("no predictions", where=where)
    item = ["language", "split", "condition", "id"]
    item += ["direction"] if "direction" in frame.columns else []
    repeated = frame.filter(frame.select(item).is_duplicated())
    if not repeated.is_empty():
        raise XstiltsError(f"the item {repeated.row(0)[:4]} repeats", where=where)
    metric = METRICS[task.metric]
    if metric.directions and (unknown := set(frame["direction"]) - metric.directions):
        raise XstiltsError(f"unknown directions {sorted(map(str, unknown))}", where=where)

    rows = []
    for key, items in frame.partition_by(_KEY, as_dict=True).items():
        place = dict(zip(_KEY, key, strict=True))
        numbers = metric.numbers(items, f"{where}, {', '.join(map(str, key))}")
        if all(name in numbers for name in metric.main):
            values = {name: value for name, (value, _) in numbers.items()}
            numbers[LANGUAGE_SCORE] = (language_score(task, values), numbers[metric.main[0]][1])
        rows += [
            {**place, "metric": name, "value": value, "n": n}
            for name, (value, n) in numbers.items()
        ]
    rows.sort(key=lambda row: tuple(row[name] for name in (*_KEY, "metric")))
    return pa.Table.from_pylist(rows, schema=_SCORED)


def cell_scores(table: pa.Table, task: Task, encoder: str, recipe: str, seed: int) -> pa.Table:
    """`score_predictions` of one cell in `schemas.SCORES`.

    Raises:
        XstiltsError: as `score_predictions`.
    """
    cell = {"encoder": encoder, "recipe": recipe, "target": task.key, "seed": seed}
    rows = score_predictions(table, task).to_pylist()
    return pa.Table.from_pylist([{**cell, **row} for row in rows], schema=SCORES)


def collect(paths: Iterable[str | Path]) -> pa.Table:
    """One table of all cells' scores, sorted by all columns up to the metric.

    Raises:
        XstiltsError: a file is no table of scores, or two rows have the same cell, split,
            language, condition and metric.
    """
    key = [name for name in SCORES.names if name not in ("value", "n")]
    origin: dict[tuple, str] = {}
    rows = []
    for path in paths:
        for row in read_table(path, SCORES).to_pylist():
            place = tuple(row[name] for name in key)
            if place in origin:
                raise XstiltsError(
                    f"the score {place} is also in {origin[place]}",
                    where=path,
                    hint="each cell is scored once",
                )
            origin[place] = str(path)
            rows.append(row)
    rows.sort(key=lambda row: tuple(row[name] for name in key))
    return pa.Table.from_pylist(rows, schema=SCORES)


def _mean(values: Iterable[float]) -> float:
    values = list(values)
    return sum(values) / len(values)
