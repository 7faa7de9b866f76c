"""The plan of a grid: what it will take, what is left of it, and what could be seen with it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from xstilts.execution.plan.design import Design
from xstilts.execution.plan.disk import disk_of
from xstilts.execution.plan.encoders import shape_of_source
from xstilts.execution.plan.estimate import Estimate, Needs, Options
from xstilts.execution.plan.power import LEVEL, POWER
from xstilts.graph.cells import Grid


class Plan:
    """All that is said of an experiment before it runs.

    Attributes:
        shapes: of its encoders; None where one is not known.
        estimate: jobs, time, energy and money.
        disk: bytes.
        design: the gains that could be seen.

    Raises:
        XstiltsError: an encoder's folder is not there or holds none, or nothing is known of the
            device that `options` name.
    """

    def __init__(self, grid: Grid, options: Options) -> None:
        self.grid = grid
        encoders = grid.experiment.encoders.items()
        self.shapes = {name: shape_of_source(source) for name, source in encoders}
        self.estimate = estimate = Estimate(grid, self.shapes, options)
        self.disk = disk_of(grid, estimate.graph.jobs, self.shapes, estimate.devices)
        self.design = Design(grid)

    def document(self) -> dict[str, Any]:
        """Plain data, for another program.

        In seconds, bytes, operations, kWh, kg, the price's currency and points of a score. Ratios
        of past estimates are (median, quantile 0.1, quantile 0.9) of estimate over truth.
        """
        grid, estimate, disk, design = self.grid, self.estimate, self.disk, self.design
        return {
            "experiment": grid.experiment.experiment,
            "cells": {
                "all": len(grid.cells),
                "made": estimate.cells_made,
                "untrained": len(grid.baseline_cells),
            },
            "left_out": list(grid.left_out),
            "encoders": {name: shape and asdict(shape) for name, shape in self.shapes.items()},
            "device": {
                **asdict(estimate.device),
                "assumed": estimate.device_is_assumed,
                "basis": str(estimate.basis),
                "number": estimate.devices,
                "other_jobs": estimate.other_jobs,
            },
            "all": _needs(estimate.everything),
            "to_run": _needs(estimate.to_run),
            "disk": {"at_the_end": disk.at_the_end, "at_most": disk.at_most, **asdict(disk)},
            "finished_jobs": estimate.calibration.jobs,
            "past_estimates": {error.pop("rule"): error for error in map(asdict, estimate.errors)},
            "detectable": {
                "level": LEVEL,
                "power": POWER,
                "seeds": design.seeds,
                "in_this_run_only": design.seeds == 1,
                "assumptions": design.assumptions.model_dump(),
                "targets": {each.target: asdict(each) for each in design.targets},
                "mean": design.mean and asdict(design.mean),
            },
        }


def _needs(needs: Needs) -> dict[str, Any]:
    return {
        "jobs": needs.jobs,
        "jobs_unknown": needs.unknown,
        "device_seconds": needs.device_seconds,
        "wall_seconds": needs.span.seconds,
        "wall_seconds_at_least": needs.span.at_least,
        "kwh": needs.kwh,
        "kg_co2e": needs.kg_co2e,
        "price": needs.money,
        "stages": {stage.pop("rule"): stage for stage in map(asdict, needs.stages)},
    }
