"""A plan as text for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from xstilts.cost.shape import Shape
from xstilts.grid import Grid
from xstilts.plan.disk import Disk
from xstilts.plan.jobs import jobs_by_rule

_WIDTH = 58


def plan_lines(
    grid: Grid, shapes: Mapping[str, Shape | None], disk: Disk, jobs: int
) -> Iterator[str]:
    """Cells, jobs by stage, and disk, line by line."""
    experiment = grid.experiment
    counts = (
        (len(experiment.encoders), "encoder"),
        (len(grid.recipes), "recipe"),
        (len(experiment.targets), "target"),
        (len(experiment.seeds), "seed"),
    )
    yield f"{experiment.experiment}: {len(grid.cells):,} cells"
    yield "  " + " x ".join(_number(count, name) for count, name in counts)
    if grid.baseline_cells:
        yield f"  and {len(grid.baseline_cells):,} cells of untrained encoders as a baseline"
    for lost in grid.left_out:
        yield f"  left out: {lost}"
    for encoder, shape in shapes.items():
        parameters = shape and shape.parameters
        size = f"{parameters / 1e6:,.1f} M parameters" if parameters else "size unknown"
        yield f"  {encoder}: {size}"
    yield ""
    yield "Jobs"
    by_rule = jobs_by_rule(grid)
    for rule, number in by_rule.items():
        yield _line(f"  {rule}", f"{number:,}")
    yield _line("  all, without tables and reports", f"{sum(by_rule.values()):,}")
    yield ""
    yield "Disk, about"
    yield _line("kept at the end", _gigabytes(disk.at_the_end))
    for name, size in disk.kept.items():
        yield _line(f"  {name}", _gigabytes(size))
    yield _line(f"at most, with {_number(jobs, 'job')} at a time", _gigabytes(disk.at_most))
    for name, size in disk.temporary.items():
        yield _line(f"  {name}", _gigabytes(size))
    for what in disk.unknown:
        yield f"  unknown: {what}"
    if any(source.hub for source in experiment.encoders.values()) or (
        experiment.data_source == "hub"
    ):
        yield "  What is downloaded lies in the Hugging Face cache besides."


def _number(count: int, name: str) -> str:
    return f"{count:,} {name}{'' if count == 1 else 's'}"


def _line(label: str, value: str) -> str:
    return f"{label:<{_WIDTH}}{value:>12}"


def _gigabytes(size: float) -> str:
    """Gigabytes with two decimals; less than a hundredth is said so."""
    if 0 < size < 5e6:
        return "< 0.01 GB"
    return f"{size / 1e9:,.2f} GB"
