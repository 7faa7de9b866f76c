"""Scores of a cell from its item-level predictions, and XTREME's averages of them.

Every value is computed from the per-item counts alone, in points (0 to 100).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import polars as pl
import pyarrow as pa

from xstilts.config.tasks import GROUPS, XTREME, Kind, Metric, Task
from xstilts.data.schemas import PREDICTIONS, SCORES
from xstilts.errors import XstiltsError
from xstilts.execution.parquet import expect_columns, read_table
from xstilts.scoring.item_counts import FROM_ENGLISH, MINING, TO_ENGLISH
from xstilts.scoring.metrics.counts import f1_from_counts

# The metric of the rows that hold the one score by which a language is judged.
LANGUAGE_SCORE = "score"

# XTREME judges a language by the mean of these (evaluate.py, `avg_metric`).
MAIN_METRICS: dict[Metric, tuple[str, ...]] = {
    Metric.ACCURACY: ("accuracy",),
    Metric.SEQEVAL: ("f1",),
    Metric.SQUAD: ("exact_match", "f1"),
    Metric.MLQA: ("exact_match", "f1"),
    Metric.BITEXT_F1: ("f1",),
    Metric.RETRIEVAL_ACCURACY: ("accuracy",),
    Metric.TOKEN_ACCURACY: ("token_accuracy",),
}

# Which direction each row of a retrieval metric may have.
_DIRECTIONS = {
    Metric.BITEXT_F1: {MINING},
    Metric.RETRIEVAL_ACCURACY: {FROM_ENGLISH, TO_ENGLISH},
}

_KEY = ["split", "language", "condition"]
_SCORED = pa.schema([SCORES.field(name) for name in (*_KEY, "metric", "value", "n")])


def language_score(task: Task, metrics: Mapping[str, float]) -> float:
    """The one score of a language in points: QA the mean of exact match and F1, else the main.

    Args:
        metrics: metric -> points of one language.
    """
    names = MAIN_METRICS[task.metric]
    return sum(metrics[name] for name in names) / len(names)


def xtreme_value(task: Task, metrics: Mapping[str, Mapping[str, float]]) -> float:
    """A task's `avg_metric`: macro mean over languages (Hu et al. 2020, section 4; evaluate.py).

    Args:
        metrics: metric -> language -> points.
    """
    names = MAIN_METRICS[task.metric]
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
        table: predictions (`schemas.PREDICTIONS` of the task's kind).

    Returns:
        Columns split, language, condition, metric, value (points), n (items), sorted. The
        metric `LANGUAGE_SCORE` repeats the main score. Tatoeba's "accuracy" has English
        queries (XTREME's direction), "accuracy_to_en" foreign ones; "strict_f1" is there
        only where the tag set is IOB2.

    Raises:
        XstiltsError: other columns, no rows, a repeated item, or a missing count.
    """
    where = f"predictions of {task.key}"
    expect_columns(table, PREDICTIONS[task.kind], where)
    frame = pl.DataFrame(table)
    if frame.is_empty():
        raise XstiltsError("no predictions", where=where)
    item = ["language", "split", "condition", "id"]
    item += ["direction"] if task.kind is Kind.RETRIEVAL else []
    repeated = frame.filter(frame.select(item).is_duplicated())
    if not repeated.is_empty():
        raise XstiltsError(f"the item {repeated.row(0)[:4]} repeats", where=where)
    if task.metric in _DIRECTIONS:
        unknown = set(frame["direction"]) - _DIRECTIONS[task.metric]
        if unknown:
            raise XstiltsError(f"unknown directions {sorted(map(str, unknown))}", where=where)

    rows = []
    for key, items in frame.partition_by(_KEY, as_dict=True).items():
        place = dict(zip(_KEY, key, strict=True))
        metrics = _SCORERS[task.metric](items, f"{where}, {', '.join(map(str, key))}")
        if all(name in metrics for name in MAIN_METRICS[task.metric]):
            values = {name: value for name, (value, _) in metrics.items()}
            main_n = metrics[MAIN_METRICS[task.metric][0]][1]
            metrics[LANGUAGE_SCORE] = (language_score(task, values), main_n)
        rows += [
            {**place, "metric": name, "value": value, "n": n}
            for name, (value, n) in metrics.items()
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


def _column(items: pl.DataFrame, name: str, where: str) -> pl.Series:
    column = items[name]
    if column.null_count():
        raise XstiltsError(f"the count {name!r} is missing in some rows", where=where)
    return column


# metric -> (points, number of items)
_Scores = dict[str, tuple[float, int]]


def _score_labels(items: pl.DataFrame, where: str) -> _Scores:
    n = len(items)
    return {"accuracy": (100 * _column(items, "correct", where).sum() / n, n)}


def _score_tags(items: pl.DataFrame, where: str) -> _Scores:
    n = len(items)
    names = ("correct", "predicted", "gold")
    shares = f1_from_counts(*(_column(items, f"chunks_{name}", where).sum() for name in names))
    scores = {name: (100 * share, n) for name, share in shares._asdict().items()}
    scores |= _score_tokens(items, where)
    if items["strict_gold"].null_count() < n:
        strict = f1_from_counts(*(_column(items, f"strict_{name}", where).sum() for name in names))
        scores["strict_f1"] = (100 * strict.f1, n)
    return scores


def _score_tokens(items: pl.DataFrame, where: str) -> _Scores:
    tokens = _column(items, "tokens", where).sum()
    correct = _column(items, "tokens_correct", where).sum()
    return {"token_accuracy": (100 * correct / tokens if tokens else 0.0, len(items))}


def _score_answers(items: pl.DataFrame, where: str) -> _Scores:
    n = len(items)
    # fsum is exact, so the score does not depend on the order of the items.
    return {
        name: (100 * math.fsum(_column(items, name, where)) / n, n)
        for name in ("exact_match", "f1")
    }


def _score_mining(items: pl.DataFrame, where: str) -> _Scores:
    counts = (_column(items, name, where).sum() for name in ("correct", "predicted", "is_gold"))
    return {
        name: (100 * share, len(items)) for name, share in f1_from_counts(*counts)._asdict().items()
    }


def _score_queries(items: pl.DataFrame, where: str) -> _Scores:
    scores = {}
    for name, direction in (("accuracy", FROM_ENGLISH), ("accuracy_to_en", TO_ENGLISH)):
        queries = items.filter(pl.col("direction") == direction)
        if n := len(queries):
            scores[name] = (100 * _column(queries, "correct", where).sum() / n, n)
    return scores


_SCORERS: dict[Metric, Callable[[pl.DataFrame, str], _Scores]] = {
    Metric.ACCURACY: _score_labels,
    Metric.SEQEVAL: _score_tags,
    Metric.SQUAD: _score_answers,
    Metric.MLQA: _score_answers,
    Metric.BITEXT_F1: _score_mining,
    Metric.RETRIEVAL_ACCURACY: _score_queries,
    Metric.TOKEN_ACCURACY: _score_tokens,
}
