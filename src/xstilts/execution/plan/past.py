"""Finished jobs as observations for `calibration`, from the records that they left."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from xstilts.errors import XstiltsError
from xstilts.execution.cost.flops import tallied_flops
from xstilts.execution.cost.records import JobCost, job_cost, last_run, read_attempts
from xstilts.execution.cost.shape import Shape, shape_of_folder
from xstilts.execution.devices import cpu_model
from xstilts.execution.plan.accelerators import CPU, Device, gpu_called
from xstilts.execution.plan.calibration import Calibration, Observation
from xstilts.execution.plan.rates import overhead, work_seconds
from xstilts.execution.plan.work import COMPUTED, Work, Works
from xstilts.graph.paths import Paths

log = logging.getLogger(__name__)

# Records that are read of each rule of an experiment, evenly spread: some hundred tell what
# thousands do, in a fraction of a second.
_MOST = 100


def own_observations(
    root: Path, works: Works, rules: Sequence[str] | None = None
) -> Iterator[Observation]:
    """Finished jobs of the experiment that is planned, their work as it is planned.

    Args:
        root: its folder of results.
        rules: those whose jobs are read, all unless given.
    """
    for job in _records(root, rules):
        try:
            work = works.of(job.rule, job.wildcards)
        except KeyError:
            # Of a recipe or target that the experiment once had.
            continue
        if work is not None:
            yield _observation(job, work)


def other_observations(root: Path) -> Iterator[Observation]:
    """Jobs of encoders in another experiment, their work as they counted it."""
    if not (root / "encoders").is_dir():
        return
    other = _Other(root)
    for job in _records(root, COMPUTED):
        if (work := other.work(job)) is not None:
            yield _observation(job, work)


def hardware_of(hardware: Mapping[str, Any]) -> tuple[str, Device]:
    """What a record's machine is called here, and the device that it computed on."""
    if (gpu := hardware.get("gpu")) is not None:
        device = gpu_called(str(gpu))
        return device.name, device
    return str(hardware.get("cpu")), CPU


def hardware_name(device: Device) -> str:
    """As `hardware_of`, of a device that a job would compute on: a core is one of this machine."""
    return device.name if device.is_gpu else cpu_model()


def calibrated_seconds(rule: str, work: Work, device: Device, calibration: Calibration) -> float:
    """Seconds of one job, by what finished jobs say."""
    found = calibration.fit(
        rule, hardware_name(device), is_gpu=device.is_gpu, overhead=overhead(rule)
    )
    return found.seconds(work_seconds(rule, work, device))


def _observation(job: JobCost, work: Work) -> Observation:
    name, device = hardware_of(job.hardware)
    if job.rule not in COMPUTED:
        name, device = str(job.hardware.get("cpu")), CPU
    apart = {key: value for key, value in job.wildcards.items() if key != "seed"}
    return Observation(
        rule=job.rule,
        hardware=name,
        is_gpu=device.is_gpu,
        job=json.dumps(apart, sort_keys=True),
        overhead=overhead(job.rule),
        work=work_seconds(job.rule, work, device),
        seconds=job.wall_seconds,
        watts=None if job.energy_joules is None else job.energy_joules / job.wall_seconds,
    )


def _records(root: Path, rules: Sequence[str] | None = None) -> Iterator[JobCost]:
    """Jobs that ended at the first attempt; restarts tell nothing about how long one takes."""
    folder = root / "benchmarks"
    if not folder.is_dir():
        return
    for rule in sorted(folder.iterdir()):
        if not rule.is_dir() or (rules is not None and rule.name not in rules):
            continue
        paths = sorted(rule.rglob("*.jsonl"))
        step = max(1, -(-len(paths) // _MOST))
        for path in paths[::step]:
            try:
                attempts = last_run(read_attempts(path))
                if len(attempts) == 1 and attempts[0]["wall_seconds"] > 0:
                    yield job_cost(attempts)
            except (KeyError, TypeError) as error:
                log.warning("%s: not a record of a job's cost (%s)", path, error)


class _Other:
    """The work of another experiment's jobs, from what they noted."""

    def __init__(self, root: Path) -> None:
        self._paths = Paths(root.name)
        self._base = root.parent.parent
        self._shapes: dict[str, Shape | None] = {}

    def work(self, job: JobCost) -> Work | None:
        """What one job has computed, None where nothing tells."""
        shape = self._shape(job.wildcards["encoder"])
        flops = None if shape is None else tallied_flops(shape, job.amounts)
        if shape is None or flops is None:
            return None
        return Work(
            flops=flops,
            passes=job.amounts["passes"] * shape.layers,
            updates=job.amounts["steps"] * (shape.parameters or 0),
            items=job.amounts["inputs"],
        )

    def _shape(self, encoder: str) -> Shape | None:
        if encoder not in self._shapes:
            try:
                self._shapes[encoder] = shape_of_folder(
                    self._base / self._paths.encoder.format(encoder=encoder)
                )
            except (XstiltsError, OSError):
                self._shapes[encoder] = None
        return self._shapes[encoder]
