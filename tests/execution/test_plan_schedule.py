"""Jobs on several devices: against all schedules of small cases, and bounds of larger ones."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xstilts.execution.plan.schedule import span_of


@st.composite
def jobs(draw, most=6):
    """(seconds, before): jobs that each depend on some of those before."""
    number = draw(st.integers(1, most))
    seconds = draw(st.lists(st.integers(0, 9), min_size=number, max_size=number))
    before = [
        sorted(draw(st.sets(st.integers(0, job - 1), max_size=2))) if job else []
        for job in range(number)
    ]
    return [float(second) for second in seconds], before


def shortest(seconds, before, places):
    """The shortest of all schedules: some order of starting, each as early as it can, is best."""
    best = float("inf")
    for order in permutations(range(len(seconds))):
        free, end = [0.0] * places, {}
        for job in order:
            if any(other not in end for other in before[job]):
                break
            place = min(range(places), key=free.__getitem__)
            start = max([free[place], *(end[other] for other in before[job])])
            end[job] = free[place] = start + seconds[job]
        else:
            best = min(best, max(end.values()))
    return best


def chain(seconds, before):
    ends = []
    for second, needed in zip(seconds, before, strict=True):
        ends.append(second + max((ends[other] for other in needed), default=0.0))
    return max(ends)


@given(jobs(most=5), st.integers(1, 3))
def test_a_schedule_is_between_the_shortest_of_all_and_twice_that(found, places):
    seconds, before = found
    span = span_of(seconds, before, [0] * len(seconds), [places])
    optimum = shortest(seconds, before, places)
    assert span.at_least <= optimum + 1e-9
    assert optimum - 1e-9 <= span.seconds <= (2 - 1 / places) * optimum + 1e-9


@given(jobs(most=30), st.integers(1, 40))
def test_no_schedule_undercuts_the_longest_chain_or_all_work_spread_evenly(found, places):
    seconds, before = found
    span = span_of(seconds, before, [0] * len(seconds), [places])
    assert span.at_least == pytest.approx(max(chain(seconds, before), sum(seconds) / places))
    assert span.at_least <= span.seconds + 1e-9
    one = span_of(seconds, before, [0] * len(seconds), [1])
    assert one.seconds == one.at_least == pytest.approx(sum(seconds))
    if places >= len(seconds):
        assert span.seconds == pytest.approx(chain(seconds, before))


def test_gpus_and_cores_are_places_of_their_own():
    # Two jobs of a GPU beside three of a core; the last waits for both kinds.
    seconds, before = [4.0, 4.0, 1.0, 1.0, 1.0, 2.0], [[], [], [], [], [], [1, 4]]
    places = [1, 1, 0, 0, 0, 1]
    assert span_of(seconds, before, places, [3, 1]).seconds == 10
    assert span_of(seconds, before, places, [1, 2]).seconds == 6
    assert span_of(seconds, before, places, [1, 2]).at_least == 6


def test_the_longest_chain_starts_first():
    # Started in the order given, the chain of 3 + 3 would begin after the others.
    seconds, before = [2.0, 2.0, 3.0, 3.0], [[], [], [], [2]]
    assert span_of(seconds, before, [0] * 4, [2]).seconds == 6


def test_nothing_takes_no_time():
    assert span_of([], [], [], [2, 1]).seconds == 0
