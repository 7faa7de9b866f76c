"""How far a run is: the jobs that run, how many are done, and about how long the others take."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# Of a job of which nothing is known: what collects and reports takes some seconds.
_OTHERWISE = 5.0
_MINUTE, _HOUR, _DAY = 60, 3600, 86400


@dataclass(frozen=True)
class Running:
    """A job that runs: its rule, what it does in words, and when it began (in seconds)."""

    rule: str
    words: str
    since: float


@dataclass
class RunProgress:
    """Jobs of one run. All times are seconds on one clock.

    Attributes:
        planned: about how long a job of each rule takes, by what is known before.
        total: how many jobs there are.
        running: those that run, by their numbers, in the order in which they began.
        failed: numbers of those that failed and have not begun again.
    """

    planned: dict[str, float] = field(default_factory=dict)
    total: int = 0
    running: dict[int, Running] = field(default_factory=dict)
    failed: set[int] = field(default_factory=set)
    done: int = 0
    _waiting: Counter[str] = field(default_factory=Counter)
    _took: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    _spent: float = 0.0
    _began: float | None = None

    def expect(self, jobs: Mapping[str, int]) -> None:
        """These are the jobs of the run: how many of each rule."""
        self._waiting = Counter(jobs)
        self.total = self._waiting.total()

    def begin(self, number: int, job: Running) -> None:
        """A job begins, perhaps once more after it failed."""
        self._began = job.since if self._began is None else self._began
        if number in self.failed:
            self.failed.remove(number)
        else:
            self._waiting[job.rule] -= 1
        self.running[number] = job

    def end(self, number: int, now: float) -> None:
        """A job is done. One that never began, since there is nothing to it, is done as well."""
        self.done += 1
        if job := self._stop(number, now):
            self._took[job.rule].append(now - job.since)

    def fail(self, number: int, now: float) -> None:
        """A job has failed."""
        if self._stop(number, now):
            self.failed.add(number)

    def _stop(self, number: int, now: float) -> Running | None:
        job = self.running.pop(number, None)
        if job is not None:
            self._spent += now - job.since
        return job

    def seconds_left(self, now: float) -> float:
        """About how long the run still takes.

        The time of all jobs that are left, over the mean number that ran at a time so far; and no
        less than the job takes that runs longest. What waits for what is not looked at.
        """
        # Copies, because the thread that draws is not the one that counts.
        running, counts = list(self.running.values()), self._waiting.copy()
        elapsed = [now - job.since for job in running]
        rest = [
            max(0.0, self._expected(job.rule) - past)
            for job, past in zip(running, elapsed, strict=True)
        ]
        waiting = sum(count * self._expected(rule) for rule, count in counts.items())
        lasted = now - (now if self._began is None else self._began)
        abreast = (self._spent + sum(elapsed)) / lasted if lasted > 0 else len(rest)
        return max((waiting + sum(rest)) / max(abreast, 1.0), *rest, 0.0)

    def _expected(self, rule: str) -> float:
        """Seconds of a job: the mean of those that are done and what was planned, as one more."""
        known = [*self._took.get(rule, ()), *([self.planned[rule]] if rule in self.planned else [])]
        return sum(known) / len(known) if known else _OTHERWISE


def job_in_words(record: Any) -> str:
    """What a job does, from the event by which Snakemake announces it: its message, or its rule."""
    return " ".join((record.rule_msg or record.rule_name).split())


def time_left(seconds: float) -> str:
    """A time in words, as coarse as it is uncertain."""
    if seconds < _MINUTE:
        return "less than a minute left"
    if seconds < 1.5 * _HOUR:
        return f"about {math.ceil(seconds / _MINUTE)} min left"
    if seconds < 2 * _DAY:
        return f"about {seconds / _HOUR:.1f} h left"
    return f"about {seconds / _DAY:.1f} days left"


def clock(seconds: float) -> str:
    """A time as `h:mm:ss`, without hours where there are none."""
    minutes, second = divmod(int(seconds), _MINUTE)
    hours, minute = divmod(minutes, 60)
    return f"{hours}:{minute:02}:{second:02}" if hours else f"{minute}:{second:02}"
