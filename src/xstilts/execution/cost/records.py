"""The records that jobs leave of their cost (`xstilts.execution.cost.meter`), read back."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xstilts.execution.cost.energy import sources, total_joules

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class JobCost:
    """What the last complete run of a job cost, the attempts that failed before it included.

    Times in seconds and energy in joules are sums over attempts, memory in bytes is the most of
    any. `energy_joules` is None where it is not known; `energy_source` says how each component
    was found; `hardware` names processor, cores, GPU and precision of the last attempt; `amounts`
    are the sums of what attempts made and did, as far as the job notes it.
    """

    rule: str
    wildcards: Mapping[str, str]
    wall_seconds: float
    cpu_seconds: float
    peak_memory_bytes: int
    peak_gpu_memory_bytes: int | None
    energy_joules: float | None
    energy_source: str
    attempts: int
    hardware: Mapping[str, Any]
    amounts: Mapping[str, int]


def read_records(folder: Path) -> Iterator[JobCost]:
    """The cost of every job under `folder` that was completed, in the order of their files."""
    for path in sorted(folder.rglob("*.jsonl")):
        if attempts := last_run(read_attempts(path)):
            yield job_cost(attempts)


def read_attempts(path: Path) -> list[dict[str, Any]]:
    """The last line of each attempt, in the order in which they started.

    A line that was cut off, because its process was killed, is passed over.
    """
    attempts: dict[str, dict[str, Any]] = {}
    for number, text in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        try:
            line = json.loads(text)
            attempts[line["attempt"]] = line
        except (json.JSONDecodeError, TypeError, KeyError) as error:
            log.warning("%s, line %d: not a record of a job's cost (%s)", path, number, error)
    return list(attempts.values())


def last_run(attempts: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The last attempt that finished, and those before it that did not; empty if none has.

    Earlier finished attempts made results that were thrown away, and later unfinished ones
    belong to a run that is not complete.
    """
    finished = [place for place, attempt in enumerate(attempts) if attempt["finished"]]
    if not finished:
        return []
    start = finished[-2] + 1 if len(finished) > 1 else 0
    return list(attempts[start : finished[-1] + 1])


def job_cost(attempts: Sequence[Mapping[str, Any]]) -> JobCost:
    """The cost of one job from the attempts of one run."""
    last = attempts[-1]
    joules = [total_joules(attempt["energy"]) for attempt in attempts]
    gpu = [attempt["peak_gpu_memory_bytes"] for attempt in attempts]
    amounts = [attempt.get("amounts", {}) for attempt in attempts]
    names = dict.fromkeys(name for each in amounts for name in each)
    return JobCost(
        rule=last["rule"],
        wildcards=last["wildcards"],
        wall_seconds=sum(attempt["wall_seconds"] for attempt in attempts),
        cpu_seconds=sum(attempt["cpu_seconds"] for attempt in attempts),
        peak_memory_bytes=max(attempt["peak_memory_bytes"] for attempt in attempts),
        peak_gpu_memory_bytes=max((peak for peak in gpu if peak is not None), default=None),
        energy_joules=None if None in joules else sum(joules),  # type: ignore[arg-type]
        energy_source=" / ".join(dict.fromkeys(sources(attempt["energy"]) for attempt in attempts)),
        attempts=len(attempts),
        hardware=last["hardware"],
        amounts={name: sum(each.get(name, 0) for each in amounts) for name in names},
    )
