"""Tables of scores that somebody else made, for example typed from a paper, and reports on them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import polars as pl

from xstilts.config.recipes import NONE
from xstilts.config.tasks import TARGETS
from xstilts.data.schemas import SCORES
from xstilts.errors import XstiltsError, did_you_mean
from xstilts.scoring.averages import check_scores, main_metrics
from xstilts.scoring.item_counts import CLEAN
from xstilts.scoring.scores import LANGUAGE_SCORE

_NEEDED = ("target", "language", "value")
_KINDS = pl.DataFrame(SCORES.empty_table()).schema
POINTS, SHARES = "points", "shares"
SCALES = (POINTS, SHARES)

# What stands where a column is not there, and what cannot be said without it.
_DEFAULTS: dict[str, object] = {
    "encoder": "encoder",
    "recipe": NONE,
    "seed": 1,
    "split": "test",
    "condition": CLEAN,
    "n": None,
}
_WITHOUT = {
    "encoder": "all scores are taken to be of one encoder",
    "recipe": "there is nothing to compare: no gains, no changes, no negative transfer",
    "seed": "nothing is said of spread over seeds, or of how stable the order of recipes is",
    "split": "all scores are taken to be of the test split",
    "condition": "all scores are taken to be of unperturbed inputs",
    "metric": "each value is taken for the score by which its task is judged",
    "n": "numbers of items are not shown, and the chance level of retrieval is taken to be 0",
}


@dataclass(frozen=True, kw_only=True)
class OwnScores:
    """A table in `schemas.SCORES`, its recipes in order, and what it lacks."""

    scores: pl.DataFrame
    recipes: tuple[str, ...]
    notes: tuple[str, ...]


def read_own_scores(path: str | Path, baseline: str = NONE, scale: str | None = None) -> OwnScores:
    """Read scores from CSV or Parquet; columns as in `schemas.SCORES`, most of them optional.

    Needed are `target`, `language` and `value` (0 to 100). `metric` may be left out; where
    it is there and a task's full score is not (exact match and F1 for questions), the one metric
    that is there stands for it, and a note says so.

    Args:
        baseline: the recipe that gains are over; it is called `none` from here on.
        scale: whether values are points (0 to 100) or shares (0 to 1), one of `SCALES`; None where
            it is not known, which does where a value of each target exceeds 1.

    Raises:
        XstiltsError: the file is neither, columns are missing, unknown or of another type, the
            values may be shares, the baseline is not among the recipes, or it is no table of
            scores (`averages.check_scores`).
    """
    path = Path(path)
    table = _read(path)
    absent = [name for name in _NEEDED if name not in table.columns]
    if absent:
        raise XstiltsError(
            f"no column {', '.join(absent)}; found {', '.join(table.columns)}",
            where=path,
            hint=f"name the columns as in: {', '.join(SCORES.names)}",
        )
    unknown = [name for name in table.columns if name not in SCORES.names]
    if unknown:
        raise XstiltsError(
            f"unknown column {unknown[0]!r} ({did_you_mean(unknown[0], SCORES.names)})",
            where=path,
            hint="rename or drop it",
        )
    notes = [
        f"The table has no column {name}: {_WITHOUT[name]}."
        for name in SCORES.names
        if name not in table.columns
    ]
    has_metric = "metric" in table.columns
    table = _in_points(_typed(table, path), scale, path)
    table = table.with_columns(
        pl.lit(value).alias(name) for name, value in _DEFAULTS.items() if name not in table.columns
    )
    table = _with_baseline(table, baseline, path)
    if baseline != NONE:
        notes.append(f"The baseline {NONE} is what the table calls {baseline}.")
    _refuse_unknown_targets(table, path)
    scores, more = _with_main_metrics(table) if has_metric else (_as_main(table), [])
    return OwnScores(
        scores=check_scores(scores.select(SCORES.names)),
        recipes=tuple(table["recipe"].unique(maintain_order=True)),
        notes=(*notes, *more),
    )


def _read(path: Path) -> pl.DataFrame:
    readers: dict[str, Callable[[Path], pl.DataFrame]] = {
        # All rows, since a column of whole numbers may end in others.
        ".csv": partial(pl.read_csv, infer_schema_length=None),
        ".parquet": pl.read_parquet,
    }
    if path.suffix not in readers:
        raise XstiltsError("neither .csv nor .parquet", where=path)
    try:
        return readers[path.suffix](path)
    except pl.exceptions.PolarsError as error:
        raise XstiltsError(f"it cannot be read: {error}", where=path) from None


def _typed(table: pl.DataFrame, path: Path) -> pl.DataFrame:
    """Each column as `schemas.SCORES` has it: files hold categories, decimals, short integers."""
    return table.select(_as_kind(column, _KINDS[column.name], path) for column in table)


def _as_kind(values: pl.Series, kind: pl.DataType, path: Path) -> pl.Series:
    try:
        held = values if values.dtype.is_numeric() else values.cast(pl.String)
        found = held.cast(kind, strict=False)
    except pl.exceptions.PolarsError:
        raise XstiltsError(f"column {values.name} holds {values.dtype}", where=path) from None
    lost = values.is_not_null() & found.is_null()
    if kind.is_integer() and held.dtype.is_float():
        lost |= (found.cast(held.dtype) != held).fill_null(value=False)
    if lost.any():
        row = int(lost.arg_true()[0])
        wanted = "whole number" if kind.is_integer() else "number"
        raise XstiltsError(
            f"{values.name} is {values[row]!r}, which is no {wanted}", where=path, row=row + 1
        )
    return found


def _in_points(table: pl.DataFrame, scale: str | None, path: Path) -> pl.DataFrame:
    if scale == SHARES:
        above = table.filter(pl.col("value") > 1)
        if not above.is_empty():
            raise XstiltsError(
                f"{above['value'][0]:g} is above 1, so values are no shares",
                where=path,
                hint=f"--scale {POINTS}",
            )
        return table.with_columns(pl.col("value") * 100)
    most = table.group_by("target", maintain_order=True).agg(pl.col("value").max())
    doubtful = most.filter(pl.col("value").is_between(0, 1, closed="right"))["target"].to_list()
    if scale is None and doubtful:
        raise XstiltsError(
            f"no value of {', '.join(map(str, doubtful))} is above 1: shares, or points below 1?",
            where=path,
            hint=f"--scale {SHARES} if all values are from 0 to 1, --scale {POINTS} if from 0 to"
            " 100",
        )
    return table


def _with_baseline(table: pl.DataFrame, baseline: str, path: Path) -> pl.DataFrame:
    if baseline == NONE:
        return table
    known = table["recipe"].unique(maintain_order=True).to_list()
    if baseline not in known:
        raise XstiltsError(f"no recipe {baseline!r} ({did_you_mean(baseline, known)})", where=path)
    if NONE in known:
        raise XstiltsError(
            f"{baseline!r} is to be the baseline, but there is a recipe {NONE!r} as well",
            where=path,
            hint=f"rename {NONE!r}",
        )
    return table.with_columns(pl.col("recipe").replace({baseline: NONE}))


def _refuse_unknown_targets(table: pl.DataFrame, path: Path) -> None:
    for target in table["target"].unique(maintain_order=True):
        if target not in TARGETS:
            raise XstiltsError(
                f"unknown target {target!r} ({did_you_mean(str(target), TARGETS)})", where=path
            )


def _as_main(table: pl.DataFrame) -> pl.DataFrame:
    """Each value as every metric whose mean is the score."""
    metrics = pl.DataFrame(
        [(target, metric) for target in TARGETS for metric in main_metrics(target)],
        schema={"target": pl.String, "metric": pl.String},
        orient="row",
    )
    return table.join(metrics, on="target", how="left", maintain_order="left")


def _with_main_metrics(table: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    parts, notes = [], []
    for target in table["target"].unique(maintain_order=True):
        own = table.filter(target=target)
        found = set(own["metric"])
        if set(main_metrics(target)) <= found:
            parts.append(own)
            continue
        chosen = next(_instead(target, found), None)
        if chosen is None:
            raise XstiltsError(
                f"{target} has none of the metrics that score it",
                where="table of scores",
                hint=f"{' and '.join(main_metrics(target))}, or leave the column metric out",
            )
        parts.append(_as_main(own.filter(metric=chosen).drop("metric")))
        if chosen != LANGUAGE_SCORE:
            notes.append(f"The score of {TARGETS[target].title} is {chosen} alone.")
    return pl.concat(parts, how="diagonal_relaxed"), notes


def _instead(target: str, found: set[str]) -> Iterator[str]:
    yield from (name for name in (LANGUAGE_SCORE, *reversed(main_metrics(target))) if name in found)
