"""The plan of a grid: what it will take, what is left of it, and what could be seen with it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from xstilts.execution.cost.flops import COMPUTED
from xstilts.execution.cost.shape import shape_of_source
from xstilts.execution.plan.accelerators import CPU_BF16
from xstilts.execution.plan.design import Design, Seen
from xstilts.execution.plan.disk import disk_of
from xstilts.execution.plan.estimate import Basis, Needs, Options, PlanEstimate, Stage
from xstilts.execution.plan.power import LEVEL, POWER
from xstilts.graph.cells import Grid
from xstilts.rounding import fixed

_WIDTH = 50
_COLUMN = 12
_HOUR = 3600.0
_NAMES = {
    "pretrain": "pretraining",
    "train_intermediate": "intermediate training",
    "train_target": "target training",
    "predict": "prediction",
    "embed": "embedding",
}

_BASES = {
    Basis.MEASURED: "The hours above are calibrated by these jobs.",
    Basis.TRANSFERRED: "They ran on other hardware: it is assumed to be as well used as theirs.",
    Basis.ASSUMED: "The hours above rest on data sheets and assumptions: expect a factor of 3.",
}


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
        self.estimate = estimate = PlanEstimate(grid, self.shapes, options)
        self.disk = disk_of(grid, estimate.graph.jobs, self.shapes, estimate.devices)
        self.design = Design(grid)

    def lines(self) -> Iterator[str]:
        """For a person.

        Cells, jobs, time, energy, money, disk, how good past estimates were, and what could be
        seen.
        """
        parts = [_head, _stages, _needs, _disk, _past]
        for number, part in enumerate(parts + [_detectable] * bool(self.design.targets)):
            yield from [""] * bool(number)
            yield from part(self)

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
            "chosen": {
                name: list(grid.experiment.languages(name)) for name in grid.experiment.choices
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
            "all": _plain(estimate.everything),
            "to_run": _plain(estimate.to_run),
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


def _plain(needs: Needs) -> dict[str, Any]:
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


def _head(plan: Plan) -> Iterator[str]:
    grid = plan.grid
    experiment = grid.experiment
    counts = (
        (len(experiment.encoders), "encoder"),
        (len(grid.recipes), "recipe"),
        (len(experiment.targets), "target"),
        (len(experiment.seeds), "seed"),
    )
    cells, made = len(grid.cells), plan.estimate.cells_made
    yield f"{experiment.experiment}: {cells:,} cells, {made:,} made, {cells - made:,} to run"
    yield "  " + " x ".join(_number(count, name) for count, name in counts)
    if grid.baseline_cells:
        yield f"  and {len(grid.baseline_cells):,} cells of untrained encoders as a baseline"
    for target, choice in experiment.choices.items():
        taken = experiment.languages(target)
        yield f"  {target}: {len(taken)} languages, {choice}: {' '.join(taken)}"
    for name, choice in experiment.set_choices.items():
        yield f"  language set {name}, {choice}: {' '.join(experiment.known_language_sets[name])}"
    for lost in grid.left_out:
        yield f"  left out: {lost}"
    for encoder, shape in plan.shapes.items():
        parameters = shape and shape.parameters
        size = f"{parameters / 1e6:,.1f} M parameters" if parameters else "size unknown"
        yield f"  {encoder}: {size}"


def _stages(plan: Plan) -> Iterator[str]:
    """Jobs and hours of every stage."""
    estimate = plan.estimate
    yield f"{'Jobs':<26}" + "".join(
        f"{title:>{_COLUMN}}" for title in ("all", "to run", "hours", "to run")
    )
    missing = {stage.rule: stage for stage in estimate.to_run.stages}
    for stage in estimate.everything.stages:
        rest = missing.get(stage.rule)
        columns = [f"{stage.jobs:,}", f"{rest.jobs if rest else 0:,}", _hours(stage), _hours(rest)]
        yield f"  {stage.rule:<24}" + "".join(f"{text:>{_COLUMN}}" for text in columns)
    both = (estimate.everything, estimate.to_run)
    columns = [f"{needs.jobs:,}" for needs in both]
    columns += [_hour(needs.seconds) for needs in both]
    yield f"  {'without pages':<24}" + "".join(f"{text:>{_COLUMN}}" for text in columns)
    yield "  To run is what is not there; what changed settings re-run, snakemake -n knows better."


def _hours(stage: Stage | None) -> str:
    """A stage's hours; a stage with no jobs takes none."""
    if stage is None:
        return _hour(0.0)
    return "unknown" if stage.unknown == stage.jobs else _hour(stage.seconds)


def _needs(plan: Plan) -> Iterator[str]:
    """Time from start to end, energy and money, of all and of what is to run."""
    estimate = plan.estimate
    device = estimate.device
    if device.is_gpu:
        name = f"{device.name}{' (assumed: --device names another)' * estimate.device_is_assumed}"
        where = (
            f"on {_number(estimate.devices, 'GPU')}, {name},"
            f" and {_number(estimate.other_jobs, 'core')} for other jobs"
        )
    else:
        how = " in bfloat16" if device == CPU_BF16 else ""
        where = f"on {_number(estimate.devices, 'core')}{how}, a job each"
    yield f"At most, {where}"
    yield _line("", "all", "to run")
    hours = "GPU hours" if device.is_gpu else "hours of encoders"
    rows = [
        (hours, lambda n: _hour(n.device_seconds)),
        ("from start to end, about", lambda n: _duration(n.span.seconds)),
        ("  and no less than", lambda n: _duration(n.span.at_least)),
        ("energy (kWh)", lambda n: _amount(n.kwh)),
    ]
    if plan.grid.experiment.emissions.gram_per_kwh is not None:
        rows.append(("CO2e (kg)", lambda n: _amount(n.kg_co2e or 0.0)))
    if estimate.everything.money is not None:
        rows.append((f"price of the {hours}", lambda n: f"{n.money or 0.0:,.2f}"))
    for label, value in rows:
        yield _line(f"  {label}", value(estimate.everything), value(estimate.to_run))
    if estimate.everything.unknown:
        yield f"  unknown: {estimate.everything.unknown:,} jobs, which are in no figure"


def _disk(plan: Plan) -> Iterator[str]:
    disk, experiment = plan.disk, plan.grid.experiment
    yield "Disk, about"
    yield _line("kept at the end", _gigabytes(disk.at_the_end))
    for name, size in disk.kept.items():
        yield _line(f"  {name}", _gigabytes(size))
    at_a_time = _number(plan.estimate.devices, "job")
    yield _line(f"at most, with {at_a_time} at a time", _gigabytes(disk.at_most))
    for name, size in disk.temporary.items():
        yield _line(f"  {name}", _gigabytes(size))
    for what in disk.unknown:
        yield f"  unknown: {what}"
    if any(source.hub for source in experiment.encoders.values()) or (
        experiment.data_source == "hub"
    ):
        yield "  What is downloaded lies in the Hugging Face cache besides."


def _past(plan: Plan) -> Iterator[str]:
    """How far off the estimates of finished jobs were, and what those above rest on."""
    estimate = plan.estimate
    errors = [error for error in estimate.errors if error.rule in COMPUTED]
    if errors:
        yield f"{'Past estimates / truth':<26}{'jobs':>8}{'as assumed':>22}{'by other jobs':>22}"
        for error in errors:
            after = "" if error.after is None else _ratio(error.after)
            label = f"  {_NAMES[error.rule]}"
            yield f"{label:<26}{error.jobs:>8,}{_ratio(error.before):>22}{after:>22}"
        yield "  median (middle 80 % of the jobs); by other jobs: calibrated without the job itself"
    else:
        yield "Past estimates: no job of an encoder has finished here"
    yield f"  {_BASES[estimate.basis]}"


def _detectable(plan: Plan) -> Iterator[str]:
    """The smallest gains that are found, target by target, and what that rests on."""
    design = plan.design
    only = ", in this run only" if design.seeds == 1 else ""
    power, level = f"{100 * POWER:g} %", f"{100 * LEVEL:g} %"
    yield f"What could be seen{only}: gains in points, found with {power} power at {level}"
    yield _gains("", "languages", "items", "clusters", "a language", "families", "all languages")
    for each in design.targets:
        yield _gains(
            f"  {each.target}",
            f"{each.languages:,}",
            f"{each.scored.items:,}",
            f"{each.scored.clusters:,.0f}",
            _gain(each.language),
            _gain(each.largest_family, each.smallest_family),
            _gain(each.mean),
        )
    if design.mean is not None:
        yield _gains("  mean over targets", "", "", "", "", "", _gain(design.mean))
    yield "  items: of a language, about; families: the largest to the smallest with several"
    yield "  (n): adjusted for n statements on a recipe; none: less than 100 points is not found"
    known = design.assumptions
    yield (
        f"  Assumed (`assumptions`): {100 * known.accuracy:g} % right, correlated"
        f" {known.item_correlation:g} over recipes; differences correlated"
    )
    yield (
        f"  {known.cluster_correlation:g} in a cluster, {known.language_correlation:g} over"
        " languages of a parallel set;"
    )
    if design.seeds == 1:
        yield "  one seed says nothing about a recipe, whose gain in other runs may differ."
    else:
        yield (
            f"  gains vary by {known.seed_sd:g} points (SD) over {design.seeds} seeds, correlated"
            f" {known.seed_correlation_languages:g} over languages,"
            f" {known.seed_correlation_targets:g} over targets."
        )


def _gains(label: str, *columns: str) -> str:
    widths = (10, 7, 10, 13, 18, 15)
    return f"{label:<19}" + "".join(
        f"{text:>{width}}" for text, width in zip(columns, widths, strict=True)
    )


def _gain(seen: Seen | None, other: Seen | None = None) -> str:
    """A gain, or a range of two, and what it is adjusted for; no score gains 100 points."""
    if seen is None:
        return "-"
    gains = [fixed(each.gain) if each.gain < 100 else "none" for each in (seen, other) if each]
    return f"{' to '.join(dict.fromkeys(gains))} ({seen.tests})"


def _ratio(ratios: tuple[float, float, float]) -> str:
    middle, low, high = ratios
    return f"{middle:.2f} ({low:.2f} to {high:.2f})"


def _number(count: int, name: str) -> str:
    return f"{count:,} {name}{'' if count == 1 else 's'}"


def _line(label: str, *values: str) -> str:
    return f"{label:<{_WIDTH}}" + "".join(f"{value:>{_COLUMN}}" for value in values)


def _hour(seconds: float) -> str:
    """Hours with the digits that matter."""
    hours = seconds / _HOUR
    return f"{hours:,.0f}" if hours >= 10 else f"{hours:.2f}" if hours >= 0.1 else f"{hours:.3f}"


def _amount(value: float) -> str:
    return f"{value:,.3f}" if value < 1 else f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def _duration(seconds: float) -> str:
    """Seconds, minutes, hours or days: two units at most."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 90:
        return f"{minutes} min"
    hours = round(seconds / _HOUR)
    if hours < 48:
        return f"{minutes // 60} h {minutes % 60} min"
    return f"{hours // 24:,} d {hours % 24} h"


def _gigabytes(size: float) -> str:
    """Gigabytes with two decimals; less than a hundredth is said so."""
    if 0 < size < 5e6:
        return "< 0.01 GB"
    return f"{size / 1e9:,.2f} GB"
