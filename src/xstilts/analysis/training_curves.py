"""Training runs as they are drawn: of each line so many points at most, and what became of it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from xstilts.config.recipes import Source
from xstilts.data.schemas import CURVES
from xstilts.errors import XstiltsError
from xstilts.execution.parquet import read_meta, read_table
from xstilts.training.curve import GIVEN_UP, KEPT

LOSS, DEV = "training loss", "development score"
# A source: all that a run learns from.
MIXTURE = ""
# Points of a line, and of all lines together: a page of them is to open within seconds.
_MOST, _IN_ALL = 200, 150_000
_FEWEST = 20

_PLACE = ("encoder", "recipe", "phase", "train_set", "seed")
_NAMED = {**dict.fromkeys(_PLACE[:-1], pl.String), "seed": pl.Int64, "attempt": pl.String}
# One row a point. source: a source of the mixture, or all of it. quantity: `LOSS`, the mean over
# the steps from first_step to step, or `DEV`, after the step. chosen: the checkpoint that is kept.
POINTS = {
    **_NAMED,
    "source": pl.String,
    "quantity": pl.String,
    "first_step": pl.Int64,
    "step": pl.Int64,
    "value": pl.Float64,
    "chosen": pl.Boolean,
}
# One row an attempt at a run. trouble: why it was given up, or of one that is kept what shows that
# it collapsed; empty if nothing does. best_step is null where no checkpoint was kept.
ATTEMPTS = {
    **_NAMED,
    "steps": pl.Int64,
    "best_step": pl.Int64,
    "dev": pl.Float64,
    "seconds": pl.Float64,
    "trouble": pl.String,
}


class TrainingCurves(NamedTuple):
    """Columns of `POINTS` and of `ATTEMPTS`."""

    points: pl.DataFrame
    attempts: pl.DataFrame


def read_curves(runs: Iterable[tuple[Mapping[str, Any], str | Path]]) -> TrainingCurves:
    """The curves of runs, by their places (columns of `schemas.RUNS`) and files.

    Raises:
        XstiltsError: a file is no curve.
    """
    runs = list(runs)
    most = max(_FEWEST, min(_MOST, _IN_ALL // max(1, len(runs))))
    points = [pl.DataFrame(schema=POINTS)]
    attempts = []
    for place, path in runs:
        table = pl.DataFrame(read_table(path, CURVES))
        steps = table.with_columns(pl.col("attempt", "source").cast(pl.String))
        for name, outcome in _outcomes(path):
            at = {**place, "attempt": name}
            attempts.append(
                {
                    **at,
                    "steps": outcome["steps"],
                    "best_step": outcome.get("best_step"),
                    "dev": outcome.get("best_dev_score"),
                    "seconds": outcome["seconds"],
                    "trouble": outcome.get("not_finite") or outcome["collapsed"],
                }
            )
            # Steps count from 1.
            for line in _lines(steps.filter(attempt=name), outcome.get("best_step", 0), most):
                named = {column: pl.lit(at[column], kind) for column, kind in _NAMED.items()}
                points.append(line.with_columns(**named).select(*POINTS))
    return TrainingCurves(pl.concat(points), pl.DataFrame(attempts, schema=ATTEMPTS))


def _outcomes(path: str | Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """What became of each attempt at a run, the one that is kept first."""
    meta = read_meta(path)
    if "best_step" not in meta:
        raise XstiltsError("does not say what became of the run", where=path, hint="run it again")
    yield KEPT, meta
    yield from ((name, meta[name]) for name in GIVEN_UP if meta[name])


def _lines(steps: pl.DataFrame, best: int, most: int) -> Iterator[pl.DataFrame]:
    """The lines of an attempt; those of single sources and tasks where there are several."""
    losses = steps.select("source", "step", value="loss")
    yield _binned(losses, most, MIXTURE)
    scores = steps.filter(pl.col("dev").is_not_null())
    yield _thinned(scores.select("step", value="dev"), best, most, MIXTURE)
    sources = losses["source"].unique(maintain_order=True)
    if len(sources) < 2:
        return
    by_task = scores.explode("dev_by_task").select("step", pl.col("dev_by_task").struct.unnest())
    for source in sources:
        yield _binned(losses.filter(source=source), most, source)
        own = by_task.filter(task=Source.of(source).task).select("step", value="score")
        yield _thinned(own, best, most, source)


def _binned(losses: pl.DataFrame, most: int, source: str) -> pl.DataFrame:
    """Means over so many steps that there are at most `most`."""
    width = max(1, math.ceil(len(losses) / most))
    means = losses.group_by(pl.int_range(pl.len()) // width, maintain_order=True).agg(
        first_step=pl.col("step").first(), step=pl.col("step").last(), value=pl.col("value").mean()
    )
    return means.with_columns(
        source=pl.lit(source), quantity=pl.lit(LOSS), chosen=pl.lit(value=False)
    )


def _thinned(scores: pl.DataFrame, best: int, most: int, source: str) -> pl.DataFrame:
    """About `most` scores, evenly from the last one on, and that of the checkpoint that is kept."""
    every = max(1, math.ceil(len(scores) / most))
    chosen = pl.col("step").eq(best)
    kept = (pl.int_range(pl.len()) - pl.len() + 1) % every == 0
    return scores.filter(kept | chosen).with_columns(
        first_step="step", source=pl.lit(source), quantity=pl.lit(DEV), chosen=chosen
    )
