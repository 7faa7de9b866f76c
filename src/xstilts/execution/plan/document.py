"""A plan as plain data, for other programs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from xstilts.execution.cost.shape import Shape
from xstilts.execution.plan.design import Design
from xstilts.execution.plan.disk import Disk
from xstilts.execution.plan.estimate import Estimate, Needs
from xstilts.execution.plan.power import LEVEL, POWER
from xstilts.graph.cells import Grid


def plan_document(
    grid: Grid,
    shapes: Mapping[str, Shape | None],
    disk: Disk,
    estimate: Estimate,
    design: Design,
) -> dict[str, Any]:
    """What `plan_lines` says, as plain data.

    In seconds, bytes, operations, kWh, kg, the price's currency and points of a score.
    Ratios of past estimates are (median, quantile 0.1, quantile 0.9) of estimate over truth.
    """
    device = estimate.device
    return {
        "experiment": grid.experiment.experiment,
        "cells": {
            "all": len(grid.cells),
            "made": estimate.cells_made,
            "untrained": len(grid.baseline_cells),
        },
        "left_out": list(grid.left_out),
        "encoders": {
            name: None if shape is None else asdict(shape) for name, shape in shapes.items()
        },
        "device": {
            **asdict(device),
            "assumed": estimate.device_is_assumed,
            "basis": str(estimate.basis),
            "number": estimate.devices,
            "other_jobs": estimate.other_jobs,
        },
        "all": _needs(estimate.everything),
        "to_run": _needs(estimate.to_run),
        "disk": {
            "at_the_end": disk.at_the_end,
            "at_most": disk.at_most,
            "kept": dict(disk.kept),
            "temporary": dict(disk.temporary),
            "unknown": disk.unknown,
        },
        "finished_jobs": estimate.calibration.jobs,
        "past_estimates": {
            error.rule: {"jobs": error.jobs, "before": error.before, "after": error.after}
            for error in estimate.errors
        },
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
        "stages": {
            stage.rule: {key: value for key, value in asdict(stage).items() if key != "rule"}
            for stage in needs.stages
        },
    }
