"""How long jobs take together on several devices: bounds that hold, and a schedule in between."""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Makespan:
    """Seconds from the first job's start to the last one's end.

    `seconds` is what one schedule takes: whenever a place is free, the job that is ready and has
    the longest chain of jobs behind it starts. It is at most twice the shortest there is for one
    kind of place (Graham 1966). `at_least` is what no schedule undercuts: the longest chain of
    jobs, or all work evenly spread over the places.
    """

    seconds: float
    at_least: float


def span_of(
    seconds: Sequence[float],
    before: Sequence[Sequence[int]],
    places: Sequence[int],
    capacity: Sequence[int],
) -> Makespan:
    """The span of jobs that are numbered so that each comes after those that it needs.

    Args:
        seconds: of every job.
        before: of every job those that have to end first.
        places: of every job on which kind of place it runs, by number.
        capacity: how many jobs run at a time on each kind of place.
    """
    after: list[list[int]] = [[] for _ in seconds]
    for job, needed in enumerate(before):
        for other in needed:
            after[other].append(job)
    chain = list(seconds)
    for job in range(len(seconds) - 1, -1, -1):
        chain[job] += max((chain[other] for other in after[job]), default=0.0)
    spread = [0.0] * len(capacity)
    for job, place in enumerate(places):
        spread[place] += seconds[job] / capacity[place]

    free, waiting = list(capacity), [len(needed) for needed in before]
    ready: list[list[tuple[float, int]]] = [[] for _ in capacity]
    running: list[tuple[float, int]] = []
    now = 0.0

    def start(jobs: Sequence[int]) -> None:
        for job in jobs:
            if not waiting[job]:
                heapq.heappush(ready[places[job]], (-chain[job], job))
        for place, queue in enumerate(ready):
            while queue and free[place]:
                _, job = heapq.heappop(queue)
                free[place] -= 1
                heapq.heappush(running, (now + seconds[job], job))

    start(range(len(seconds)))
    while running:
        now, job = heapq.heappop(running)
        free[places[job]] += 1
        for other in after[job]:
            waiting[other] -= 1
        start(after[job])
    return Makespan(now, max(max(chain, default=0.0), *spread))
