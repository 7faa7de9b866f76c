"""From the costs of cells to those of recipes, and which of them are worth their cost."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl

from xstilts.analysis.fairness import formulas as measures

_RECIPE = ["encoder", "recipe"]
_SUMS = ("wall_seconds", "cpu_seconds", "flops", "energy_joules")
JOULES_PER_KWH = 3.6e6


def recipe_costs(cells: pl.DataFrame, *by: str) -> pl.DataFrame:
    """What one seed of every (encoder, recipe) costs over all its targets.

    A target's cost is the mean over the seeds that it was run with, and the costs of targets are
    added up: so retrieval that does not depend on the seed counts once.

    Args:
        cells: columns of `schemas.CELL_COSTS`.
        by: further columns to keep apart, e.g. `phase`.

    Returns:
        encoder, recipe, `by`, the sums (null where a part is not known), the most memory, the
        number of cells, and attempts that failed.
    """
    keys = [*_RECIPE, *by]
    known = [pl.when(pl.col(name).null_count() == 0).then(pl.col(name).sum()) for name in _SUMS]
    seeds = cells.group_by([*keys, "target", "seed"], maintain_order=True).agg(
        *known,
        pl.col("peak_memory_bytes", "peak_gpu_memory_bytes").max(),
    )
    mean = [pl.when(pl.col(name).null_count() == 0).then(pl.col(name).mean()) for name in _SUMS]
    targets = seeds.group_by([*keys, "target"], maintain_order=True).agg(
        *mean,
        pl.col("peak_memory_bytes", "peak_gpu_memory_bytes").max(),
        pl.len().alias("cells"),
    )
    return targets.group_by(keys, maintain_order=True).agg(
        *known,
        pl.col("peak_memory_bytes", "peak_gpu_memory_bytes").max(),
        pl.col("cells").sum(),
        pl.col("target").alias("targets"),
    )


def pareto_front(points: Sequence[tuple[float, float]]) -> list[bool]:
    """For every (cost, score) whether no other point is at least as good in both and better in one.

    Lower cost and higher score are better; of equal points all are kept.
    """
    gains = np.array([(-cost, score) for cost, score in points]).reshape(-1, 2)
    return measures.pareto_front(gains).tolist()


def emissions_kg(joules: float, gram_per_kwh: float, pue: float) -> float:
    """kg CO2e = kWh · PUE · g/kWh / 1000, with the power usage effectiveness of the building."""
    return joules / JOULES_PER_KWH * pue * gram_per_kwh / 1000
