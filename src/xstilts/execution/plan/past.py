"""Finished jobs as observations for `calibration`, from the records that they left."""

from __future__ import annotations

import json
import logging
from collections.abc import Collection, Iterator
from pathlib import Path

from xstilts.errors import XstiltsError
from xstilts.execution.cost.flops import COMPUTED, tallied_flops
from xstilts.execution.cost.records import JobCost, job_cost, last_run, read_attempts
from xstilts.execution.cost.shape import EncoderShape, shape_of_folder
from xstilts.execution.devices import cpu_model
from xstilts.execution.plan.accelerators import CPU, CPU_BF16, Accelerator, gpu_called
from xstilts.execution.plan.calibration import Calibration, Observation
from xstilts.execution.plan.rates import rate_of, work_seconds
from xstilts.execution.plan.work import Work, Works

log = logging.getLogger(__name__)

# Records that are read of each rule of an experiment, evenly spread: some hundred tell what
# thousands do, in a fraction of a second.
_MOST = 100


def own_observations(
    root: Path, works: Works, rules: Collection[str] | None = None
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
    folders = [path for path in (root / "encoders").glob("*") if path.is_dir()]
    shapes = {folder.name: _shape(folder) for folder in folders}
    for job in _records(root, COMPUTED) if folders else ():
        shape = shapes.get(job.wildcards["encoder"])
        if shape and (flops := tallied_flops(shape, job.amounts)) is not None:
            work = Work(
                flops=flops,
                passes=job.amounts["passes"] * shape.layers,
                updates=job.amounts["steps"] * (shape.parameters or 0),
                items=job.amounts["inputs"],
            )
            yield _observation(job, work)


def _shape(folder: Path) -> EncoderShape | None:
    try:
        return shape_of_folder(folder)
    except (XstiltsError, OSError):
        return None


def hardware_name(device: Accelerator) -> str:
    """What jobs that computed on a device are known by: a core is one of this machine."""
    return device.name if device.is_gpu else _processor(cpu_model(), device)


def _processor(model: str, device: Accelerator) -> str:
    return f"{model} in bfloat16" if device == CPU_BF16 else model


def calibrated_seconds(
    rule: str, work: Work, device: Accelerator, calibration: Calibration
) -> float:
    """Seconds of one job, by what finished jobs say."""
    hardware, overhead = hardware_name(device), rate_of(rule).overhead
    found = calibration.fit(rule, hardware, is_gpu=device.is_gpu, overhead=overhead)
    return found.seconds(work_seconds(rule, work, device))


def _observation(job: JobCost, work: Work) -> Observation:
    gpu = job.hardware.get("gpu") if job.rule in COMPUTED else None
    if gpu is None:
        half = job.rule in COMPUTED and job.hardware.get("precision") == "bfloat16"
        device = CPU_BF16 if half else CPU
        hardware = _processor(str(job.hardware.get("cpu")), device)
    else:
        device = gpu_called(str(gpu))
        hardware = device.name
    apart = {key: value for key, value in job.wildcards.items() if key != "seed"}
    return Observation(
        rule=job.rule,
        hardware=hardware,
        is_gpu=device.is_gpu,
        job=json.dumps(apart, sort_keys=True),
        overhead=rate_of(job.rule).overhead,
        work=work_seconds(job.rule, work, device),
        seconds=job.wall_seconds,
        watts=None if job.energy_joules is None else job.energy_joules / job.wall_seconds,
    )


def _records(root: Path, rules: Collection[str] | None = None) -> Iterator[JobCost]:
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
