"""Estimates made to agree with the jobs that have run, and how far off they were.

For each rule and hardware, seconds = overhead + factor x the seconds that its work was reckoned to
take. The overhead is looked for between 0 and the shortest job's time; for each candidate the
factor is the median of (seconds - overhead) / work, and the pair with the least mean absolute
logarithm of estimate over truth is taken: a fit of ratios that single odd jobs do not move. Where
the jobs are too few or too much alike to tell both, the overhead stays what it was assumed to be.

On hardware that no job ran on, the factors of other hardware of its sort (GPU or processor) are
taken: it is assumed to be used as well, or badly, as that.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean, median

from xstilts.execution.cost.flops import COMPUTED

# To tell overhead and factor apart: so many jobs, the largest so many times the smallest.
_JOBS, _SPREAD = 4, 2.0
# Candidates of the overhead in a first look, and around the best of them in further ones.
_CANDIDATES, _LOOKS = 24, 3
# Of an overhead that is assumed, at most this share of the shortest job's time.
_ASSUMED = 0.8
# A work that is less than this share of the time says nothing about the factor.
_NEGLIGIBLE = 0.1
_FOLDS = 10


@dataclass(frozen=True, kw_only=True)
class Observation:
    """A finished job: what it was reckoned to take before any calibration, and what it took.

    `overhead` and `work` in seconds on the hardware that it ran on; `seconds` as measured;
    `watts` its mean power, None if its energy is not known. `job` is the same for jobs that
    differ in their seed alone.
    """

    rule: str
    hardware: str
    is_gpu: bool
    job: str
    overhead: float
    work: float
    seconds: float
    watts: float | None = None


@dataclass(frozen=True)
class LinearFit:
    """Seconds = `overhead` + `factor` x work, from so many jobs."""

    overhead: float
    factor: float
    jobs: int

    def seconds(self, work: float) -> float:
        """What a job takes whose work was reckoned to take `work` seconds."""
        return self.overhead + self.factor * work


@dataclass(frozen=True)
class Error:
    """Estimate over truth of a rule's jobs: median, and the middle 80 % of them."""

    rule: str
    jobs: int
    before: tuple[float, float, float]
    after: tuple[float, float, float] | None


class Calibration:
    """What finished jobs say about those to come.

    Args:
        observations: in any order; of several for one job each counts.
    """

    def __init__(self, observations: Iterable[Observation]) -> None:
        self._observations = list(observations)
        self._by_place: dict[tuple[str, str], list[Observation]] = {}
        for found in self._observations:
            self._by_place.setdefault((found.rule, found.hardware), []).append(found)
        self._fits = {place: fit(jobs) for place, jobs in self._by_place.items()}

    def fit(self, rule: str, hardware: str, *, is_gpu: bool, overhead: float) -> LinearFit:
        """How a rule's jobs take longer, or less long, than reckoned on this hardware.

        Args:
            overhead: seconds that are assumed where no job of this rule has run there.
        """
        if (known := self._fits.get((rule, hardware))) is not None:
            return known
        others = [
            self._fits[place]
            for place, jobs in self._by_place.items()
            if place[0] == rule and jobs[0].is_gpu == is_gpu
        ]
        if rule in COMPUTED:
            # Another stage on the same hardware says more than nothing.
            others = others or [
                found
                for (other, place), found in self._fits.items()
                if place == hardware and other in COMPUTED
            ]
        factor = median(found.factor for found in others) if others else 1.0
        return LinearFit(overhead, factor, 0)

    def watts(self, rule: str, hardware: str) -> float | None:
        """Median power of a rule's jobs on this hardware, None where it was not measured."""
        jobs = self._by_place.get((rule, hardware), ())
        found = [job.watts for job in jobs if job.watts is not None]
        return median(found) if found else None

    @property
    def jobs(self) -> int:
        """How many finished jobs this rests on."""
        return len(self._observations)

    def measured(self, hardware: str) -> bool:
        """Whether encoders have run on this hardware."""
        return any(rule in COMPUTED and place == hardware for rule, place in self._by_place)

    def hardware(self, *, is_gpu: bool) -> str | None:
        """The hardware that most jobs of encoders ran on, of GPUs or of processors."""
        jobs = (job for job in self._observations if job.is_gpu == is_gpu)
        counts = Counter(job.hardware for job in jobs if job.rule in COMPUTED)
        return max(counts, key=counts.__getitem__, default=None)

    def errors(self) -> list[Error]:
        """By rule how far off estimates were.

        Before calibration, and with each job (with all seeds of it) predicted from the others
        alone, where there are others.
        """
        found = []
        for rule in dict.fromkeys(rule for rule, _ in self._by_place):
            places = [jobs for place, jobs in self._by_place.items() if place[0] == rule]
            before = [(job.overhead + job.work) / job.seconds for jobs in places for job in jobs]
            after = [ratio for jobs in places for ratio in _left_out(jobs)]
            found.append(
                Error(rule, len(before), _middle(before), _middle(after) if after else None)
            )
        return found


def fit(jobs: Sequence[Observation]) -> LinearFit:
    """Overhead and factor of jobs of one rule on one hardware; see the module."""
    works, seconds = [job.work for job in jobs], [job.seconds for job in jobs]
    shortest = min(seconds)
    if max(works) < _NEGLIGIBLE * median(seconds):
        rest = [second - work for work, second in zip(works, seconds, strict=True)]
        return LinearFit(max(0.0, median(rest)), 1.0, len(jobs))
    if len(jobs) < _JOBS or max(works) < _SPREAD * min(works):
        overhead = min(jobs[0].overhead, _ASSUMED * shortest)
        return _with(overhead, works, seconds)[1]
    low, high = 0.0, shortest
    best = _with(low, works, seconds)
    for _ in range(_LOOKS):
        step = (high - low) / _CANDIDATES
        for i in range(_CANDIDATES + 1):
            best = min(best, _with(low + i * step, works, seconds), key=lambda found: found[0])
        low = max(0.0, best[1].overhead - step)
        high = min(shortest, best[1].overhead + step)
    return best[1]


def _with(
    overhead: float, works: Sequence[float], seconds: Sequence[float]
) -> tuple[float, LinearFit]:
    """The mean absolute log ratio of the best fit with this overhead, and that fit."""
    pairs = [(work, second) for work, second in zip(works, seconds, strict=True) if work > 0]
    found = LinearFit(
        overhead, median((second - overhead) / work for work, second in pairs), len(works)
    )
    off = (
        abs(math.log(max(found.seconds(work), 1e-9) / second))
        for work, second in zip(works, seconds, strict=True)
    )
    return fmean(off), found


def _left_out(jobs: Sequence[Observation]) -> list[float]:
    """Estimate over truth of each job by a fit to the others, in at most ten parts."""
    places = {name: i % _FOLDS for i, name in enumerate(dict.fromkeys(job.job for job in jobs))}
    ratios = []
    for fold in sorted(set(places.values())):
        rest = [job for job in jobs if places[job.job] != fold]
        if rest:
            found = fit(rest)
            ratios += [
                found.seconds(job.work) / job.seconds for job in jobs if places[job.job] == fold
            ]
    return ratios


def _middle(ratios: Sequence[float]) -> tuple[float, float, float]:
    """Median, and the quantiles 0.1 and 0.9."""
    ordered = sorted(ratios)
    low, high = (ordered[round(share * (len(ordered) - 1))] for share in (0.1, 0.9))
    return median(ordered), low, high
