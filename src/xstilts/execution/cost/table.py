"""One table of what every job cost, and one of what every cell did."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from xstilts.config.tasks import TARGETS
from xstilts.data.schemas import CELL_COSTS, COSTS, PHASES
from xstilts.errors import XstiltsError
from xstilts.execution.cost.flops import COMPUTED, tallied_flops
from xstilts.execution.cost.records import JobCost, read_records
from xstilts.execution.cost.shape import EncoderShape, shape_of_folder
from xstilts.graph.paths import Paths

log = logging.getLogger(__name__)

_CELL = ("encoder", "recipe", "target", "seed")


@dataclass(frozen=True)
class Collected:
    """`costs` (`schemas.COSTS`), `cells` (`schemas.CELL_COSTS`), and the machines in words."""

    costs: pa.Table
    cells: pa.Table
    hardware: tuple[str, ...]


def collect_costs(
    paths: Paths,
    cells: Sequence[Mapping[str, str]],
) -> Collected:
    """The cost of the jobs and cells of an experiment, from the records that jobs left.

    Args:
        paths: where the records and encoders of the experiment lie.
        cells: wildcards of the cells (`cells.Cell.wildcards`); jobs of no cell, left from what
            the experiment once was, are passed over.
    """
    known = _values(cells)
    jobs = [job for job in read_records(Path(paths.root) / "benchmarks") if _belongs(job, known)]
    rows = [_row(job, count) for job, count in zip(jobs, _operations(paths, jobs), strict=True)]
    return Collected(
        costs=pa.Table.from_pylist(_summed(rows, COSTS), schema=COSTS),
        cells=pa.Table.from_pylist(
            _summed(_shares(jobs, rows, cells), CELL_COSTS), schema=CELL_COSTS
        ),
        hardware=tuple(_machines([job.hardware for job in jobs])),
    )


def _values(cells: Iterable[Mapping[str, str]]) -> dict[str, set[str]]:
    """The values that wildcards have in the experiment."""
    known = {name: {cell[name] for cell in cells} for name in _CELL}
    known["train_set"] = {TARGETS[target].train_set or "" for target in known["target"]}
    return known


def _belongs(job: JobCost, known: Mapping[str, set[str]]) -> bool:
    return all(value in known.get(name, {value}) for name, value in job.wildcards.items())


def _row(job: JobCost, flops: float | None) -> dict[str, Any]:
    at = job.wildcards
    seed = at.get("seed")
    return {
        "encoder": at.get("encoder", ""),
        "recipe": at.get("recipe", ""),
        "stage": job.rule,
        "target_or_train_set": at.get("target") or at.get("train_set") or at.get("task") or "",
        "seed": None if seed is None else int(seed),
        "wall_seconds": job.wall_seconds,
        "cpu_seconds": job.cpu_seconds,
        "flops": flops,
        "peak_memory_bytes": job.peak_memory_bytes,
        "peak_gpu_memory_bytes": job.peak_gpu_memory_bytes,
        "energy_joules": job.energy_joules,
        "energy_source": job.energy_source,
        "jobs": 1,
        "attempts": job.attempts,
    }


def _shares(
    jobs: Sequence[JobCost],
    rows: Sequence[Mapping[str, Any]],
    cells: Sequence[Mapping[str, str]],
) -> Iterator[dict[str, Any]]:
    """Each job's cost in equal parts on the cells that need it, which are those it names.

    Intermediate training names no target, so all targets share it; the training on squad_v1 is
    shared by xquad and mlqa.
    """
    known = [{**cell, "train_set": TARGETS[cell["target"]].train_set or ""} for cell in cells]
    # By the names that the wildcards of jobs have, then by their values.
    users_of: dict[tuple[str, ...], dict[tuple[str | None, ...], list[dict[str, str]]]] = {}
    for job, row in zip(jobs, rows, strict=True):
        if job.rule not in PHASES:
            continue
        names = tuple(job.wildcards)
        if names not in users_of:
            users_of[names] = {}
            for cell in known:
                place = tuple(map(cell.get, names))
                users_of[names].setdefault(place, []).append(cell)
        users = users_of[names].get(tuple(job.wildcards.values()), [])
        for cell in users:
            share = {
                name: None if row[name] is None else row[name] / len(users)
                for name in ("wall_seconds", "cpu_seconds", "flops", "energy_joules")
            }
            yield {
                **row,
                **share,
                # Nothing was left out where nothing is counted.
                "flops": share["flops"] if job.rule in COMPUTED else 0.0,
                **{name: cell[name] for name in ("encoder", "recipe", "target")},
                "seed": int(cell["seed"]),
                "phase": PHASES[job.rule],
                "shared_by": len(users),
            }


def _summed(rows: Iterable[Mapping[str, Any]], schema: pa.Schema) -> list[dict[str, Any]]:
    """Rows with equal keys as one: sums, the most of memory, and None where a part is None."""
    used = schema.names[schema.names.index("wall_seconds") :]
    keys = schema.names[: -len(used)]
    groups: dict[tuple[Any, ...], list[Mapping[str, Any]]] = {}
    for row in rows:
        groups.setdefault(tuple(row[key] for key in keys), []).append(row)
    return [
        {
            **dict(zip(keys, key, strict=True)),
            **{name: _together(name, [row[name] for row in group]) for name in used},
        }
        for key, group in groups.items()
    ]


def _together(name: str, values: Sequence[Any]) -> Any:
    if name == "energy_source":
        return " / ".join(dict.fromkeys(values))
    if name == "peak_gpu_memory_bytes":
        return max((value for value in values if value is not None), default=None)
    if name == "peak_memory_bytes":
        return max(values)
    return None if None in values else sum(values)


def _machines(used: Iterable[Mapping[str, Any]]) -> Iterator[str]:
    """Each machine once, with the precisions that encoders were computed in there."""
    found: dict[str, set[str]] = {}
    for hardware in used:
        gpu = f", {hardware['gpu']}" if hardware["gpu"] else ""
        name = f"{hardware['cpu']}, {hardware['cores']} cores{gpu}"
        found.setdefault(name, set()).update(filter(None, [hardware.get("precision")]))
    for name, precisions in found.items():
        yield name + (f" (encoders in {' and '.join(sorted(precisions))})" if precisions else "")


def _operations(paths: Paths, jobs: Sequence[JobCost]) -> Iterator[float | None]:
    """Floating point operations of all attempts of each job, None where they are not counted."""
    shapes: dict[str, EncoderShape | None] = {}
    for job in jobs:
        if job.rule not in COMPUTED:
            yield None
            continue
        encoder = job.wildcards["encoder"]
        if encoder not in shapes:
            try:
                shapes[encoder] = shape_of_folder(Path(paths.encoder.format(encoder=encoder)))
            except XstiltsError as error:
                log.warning("operations are not counted: %s", error)
                shapes[encoder] = None
        shape = shapes[encoder]
        yield None if shape is None else tallied_flops(shape, job.amounts)
