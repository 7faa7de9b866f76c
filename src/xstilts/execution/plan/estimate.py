"""What an experiment takes in time, energy and money: all of it, and what is still to run."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from xstilts.execution.cost.flops import COMPUTED
from xstilts.execution.cost.shape import EncoderShape
from xstilts.execution.devices import computing_gpus, cores
from xstilts.execution.plan.accelerators import CPU, HOST_WATTS, Accelerator, device_of, gpu_here
from xstilts.execution.plan.calibration import Calibration, Error
from xstilts.execution.plan.past import (
    calibrated_seconds,
    hardware_name,
    other_observations,
    own_observations,
)
from xstilts.execution.plan.rates import RATES
from xstilts.execution.plan.schedule import Makespan, span_of
from xstilts.execution.plan.sizes import Sizes
from xstilts.execution.plan.work import Works
from xstilts.graph.cells import Grid
from xstilts.graph.jobs import Job, Jobs

JOULES_PER_KWH = 3.6e6


class Basis(StrEnum):
    """Whether encoders have run on the hardware that is planned for, or on other of its sort."""

    MEASURED = "measured"
    TRANSFERRED = "transferred"
    ASSUMED = "assumed"


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a user may say beside the experiment.

    `device` is one that `accelerators.find_device` knows; `gpus` how many there are; `jobs` how
    many jobs run at a time that use none; `price` of an hour of a GPU, or of a core where there is
    none, in any currency.
    """

    device: str | None = None
    gpus: int | None = None
    jobs: int | None = None
    price: float | None = None


class Cost(NamedTuple):
    """What one job takes: its encoder's operations alone."""

    seconds: float
    flops: float
    joules: float


@dataclass(frozen=True)
class Stage:
    """The jobs of one rule: how many, of how many nothing is known, and what the others take."""

    rule: str
    jobs: int
    unknown: int
    seconds: float
    flops: float
    joules: float


@dataclass(frozen=True)
class Needs:
    """What a set of jobs needs. `money` and `kg_co2e` are None where nobody said what they cost.

    `device_seconds` are those of the jobs that run an encoder, added up: on GPUs where there are
    any; `kwh` is without the building's.
    """

    stages: tuple[Stage, ...]
    device_seconds: float
    span: Makespan
    money: float | None
    kg_co2e: float | None
    kwh: float

    @property
    def jobs(self) -> int:
        """How many jobs there are."""
        return sum(stage.jobs for stage in self.stages)

    @property
    def unknown(self) -> int:
        """Of how many jobs nothing is known."""
        return sum(stage.unknown for stage in self.stages)

    @property
    def seconds(self) -> float:
        """Seconds of all jobs of which something is known, one after the other."""
        return sum(stage.seconds for stage in self.stages)


class PlanEstimate:
    """The estimate for one grid; its parts are made when they are asked for.

    Args:
        shapes: by encoder; None where it is not known.
    """

    def __init__(
        self, grid: Grid, shapes: Mapping[str, EncoderShape | None], options: Options
    ) -> None:
        self._grid, self._options = grid, options
        self.works = Works(grid, shapes, Sizes(grid))
        self.graph = Jobs(grid)
        self._known: dict[tuple[str, ...], Cost | None] = {}

    @cached_property
    def calibration(self) -> Calibration:
        """What the finished jobs of all experiments say; of this one by what is planned here."""
        own = Path(self._grid.paths.root)
        found = list(own_observations(own, self.works))
        for root in sorted(own.parent.glob("*")):
            if root != own:
                found += other_observations(root)
        return Calibration(found)

    @cached_property
    def device(self) -> Accelerator:
        """What encoders are run on."""
        return device_of(
            self._grid.experiment.device,
            self._options.device,
            lambda: self.calibration.hardware(is_gpu=True),
            self._grid.experiment.precision,
        )

    @cached_property
    def device_is_assumed(self) -> bool:
        """Whether neither the user nor this machine says which GPU it is."""
        return self.device.is_gpu and self._options.device is None and gpu_here() is None

    @property
    def basis(self) -> Basis:
        """What the seconds of encoders rest on."""
        if self.calibration.measured(hardware_name(self.device)):
            return Basis.MEASURED
        if self.calibration.hardware(is_gpu=self.device.is_gpu) is not None:
            return Basis.TRANSFERRED
        return Basis.ASSUMED

    @property
    def devices(self) -> int:
        """How many jobs that run an encoder run at a time."""
        if self.device.is_gpu:
            return self._options.gpus or computing_gpus() or 1
        return self._options.gpus or self.other_jobs

    @property
    def other_jobs(self) -> int:
        """How many jobs run at a time that use no GPU."""
        return self._options.jobs or cores()

    @cached_property
    def everything(self) -> Needs:
        """What all jobs need."""
        return self._needs(range(len(self.graph.jobs)))

    @cached_property
    def to_run(self) -> Needs:
        """What the jobs need that are still to run."""
        return self._needs(self.graph.to_run)

    @cached_property
    def errors(self) -> list[Error]:
        """How far off estimates of finished jobs are, stage by stage."""
        found = {error.rule: error for error in self.calibration.errors()}
        return [found[rule] for rule in RATES if rule in found]

    @cached_property
    def cells_made(self) -> int:
        """Cells whose scores are there, without those of untrained encoders."""
        scores = (
            self._grid.paths.cell_scores.format(**cell.wildcards) for cell in self._grid.cells
        )
        return sum(self.graph.maker[path] in self.graph.made for path in scores)

    def cost(self, job: Job) -> Cost | None:
        """What one job takes, None where it is not known."""
        key = self.works.key(job.rule, job.wildcards)
        if key not in self._known:
            self._known[key] = self._reckoned(job)
        return self._known[key]

    def _reckoned(self, job: Job) -> Cost | None:
        work = self.works.of(job.rule, job.wildcards)
        if work is None:
            return None
        is_computed = job.rule in COMPUTED
        device = self.device if is_computed else CPU
        seconds = calibrated_seconds(job.rule, work, device, self.calibration)
        watts = self.calibration.watts(job.rule, hardware_name(device))
        if watts is None:
            watts = device.watts + HOST_WATTS if device.is_gpu else HOST_WATTS
        return Cost(seconds, work.flops if is_computed else 0.0, seconds * watts)

    def _needs(self, chosen: Collection[int]) -> Needs:
        numbers = sorted(chosen)
        place = {job: i for i, job in enumerate(numbers)}
        jobs = [self.graph.jobs[i] for i in numbers]
        costs = [self.cost(job) for job in jobs]
        seconds = [cost.seconds if cost else 0.0 for cost in costs]
        on_device = [job.rule in COMPUTED for job in jobs]
        before = [
            [place[needed] for needed in self.graph.before[i] if needed in place] for i in numbers
        ]
        capacity = [self.other_jobs, self.devices] if self.device.is_gpu else [self.devices]
        places = [int(each and self.device.is_gpu) for each in on_device]
        stages = []
        for rule in RATES:
            members = [cost for job, cost in zip(jobs, costs, strict=True) if job.rule == rule]
            known = [cost for cost in members if cost is not None]
            if members:
                sums = map(sum, zip(*known, strict=True)) if known else (0.0, 0.0, 0.0)
                stages.append(Stage(rule, len(members), len(members) - len(known), *sums))
        device_seconds = sum(
            second for second, each in zip(seconds, on_device, strict=True) if each
        )
        kwh = sum(stage.joules for stage in stages) / JOULES_PER_KWH
        emissions, price = self._grid.experiment.emissions, self._options.price
        gram = emissions.gram_per_kwh
        return Needs(
            stages=tuple(stages),
            device_seconds=device_seconds,
            span=span_of(seconds, before, places, capacity),
            money=None if price is None else price * device_seconds / 3600,
            kg_co2e=None if gram is None else kwh * emissions.pue * gram / 1000,
            kwh=kwh,
        )
