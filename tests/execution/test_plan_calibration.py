"""Calibration by finished jobs: what was planted comes back, and errors are those there are."""

from __future__ import annotations

import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xstilts.execution.plan.calibration import Calibration, Observation, fit


def observation(seconds, work, *, rule="train_target", job="", **changes):
    given = {"hardware": "a100", "is_gpu": True, "overhead": 4.0, "watts": 250.0}
    return Observation(
        rule=rule, job=job or f"{work}", work=work, seconds=seconds, **{**given, **changes}
    )


def planted(overhead, factor, works, noise=0.0, **changes):
    generator = random.Random(1)
    return [
        observation(
            (overhead + factor * work) * math.exp(generator.gauss(0, noise)), work, **changes
        )
        for work in works
    ]


WORKS = [1.0, 2.0, 3.5, 8.0, 20.0, 70.0, 150.0]


@given(st.floats(0.5, 60), st.floats(0.05, 20))
def test_overhead_and_throughput_are_recovered(overhead, factor):
    found = fit(planted(overhead, factor, WORKS))
    # The overhead is looked for in steps of less than a thousandth of the shortest job.
    shortest = overhead + factor
    assert found.overhead == pytest.approx(overhead, abs=2e-3 * shortest)
    for work in WORKS:
        assert found.seconds(work) == pytest.approx(overhead + factor * work, rel=3e-3)


def test_single_odd_jobs_move_nothing():
    jobs = planted(5.0, 2.0, [1.0 * work for work in range(1, 30)], noise=0.05)
    odd = [observation(50 * job.seconds, job.work) for job in jobs[3:6]]
    found = fit([*jobs, *odd])
    for work in (2.0, 10.0, 28.0):
        assert found.seconds(work) == pytest.approx(5 + 2 * work, rel=0.1)


def test_jobs_that_are_alike_leave_the_overhead_as_assumed():
    found = fit(planted(10.0, 2.0, [20.0, 21.0, 22.0, 23.0]))
    assert found.overhead == 4.0
    assert found.seconds(21.5) == pytest.approx(53, rel=0.02)
    # Not more than the job itself took.
    (short,) = planted(1.0, 1.0, [1.0])
    assert fit([short]).overhead < short.seconds
    assert fit([short]).seconds(1.0) == pytest.approx(2.0)


def test_of_jobs_without_work_the_overhead_alone_is_measured():
    found = fit([observation(seconds, 0.001) for seconds in (0.4, 0.5, 0.9)])
    assert (found.overhead, found.factor) == (pytest.approx(0.499), 1.0)


def test_other_hardware_of_its_sort_is_used_as_well_as_that_which_was_measured():
    calibration = Calibration(
        [
            *planted(5.0, 3.0, WORKS),
            *planted(2.0, 0.5, WORKS, hardware="Xeon", is_gpu=False),
        ]
    )
    own = calibration.fit("train_target", "a100", is_gpu=True, overhead=1.0)
    assert (own.jobs, own.factor) == (7, pytest.approx(3.0, rel=0.01))
    other = calibration.fit("train_target", "h100", is_gpu=True, overhead=1.0)
    assert (other.overhead, other.factor, other.jobs) == (1.0, own.factor, 0)
    core = calibration.fit("train_target", "Epyc", is_gpu=False, overhead=1.0)
    assert core.factor == pytest.approx(0.5, rel=0.01)
    # Of a stage that never ran, what others on the same hardware say; of tables nothing.
    assert calibration.fit("pretrain", "a100", is_gpu=True, overhead=1.0).factor == own.factor
    assert calibration.fit("pretrain", "h100", is_gpu=True, overhead=1.0).factor == 1.0
    assert calibration.fit("score", "Xeon", is_gpu=False, overhead=1.0).factor == 1.0
    assert calibration.watts("train_target", "a100") == 250
    assert calibration.watts("train_target", "h100") is None
    assert calibration.hardware(is_gpu=True) == "a100"
    assert Calibration([]).hardware(is_gpu=True) is None


def test_errors_before_and_after():
    # Assumed: 4 s and factor 1; in truth every job takes twice as long.
    calibration = Calibration(planted(8.0, 2.0, WORKS))
    (error,) = calibration.errors()
    assert (error.rule, error.jobs) == ("train_target", 7)
    assert error.before == pytest.approx((0.5, 0.5, 0.5))
    assert error.after == pytest.approx((1, 1, 1), abs=0.05)


def test_a_job_is_predicted_from_other_jobs_and_not_from_its_own_seeds():
    """One job that took thrice as long as all others: its second seed would give it away."""
    jobs = planted(0.5, 1.0, [1.0, 2.0, 4.0, 8.0, 16.0, 32.0])
    odd = [observation(3 * 12.5, 12.0, job="odd") for _ in range(2)]
    after = Calibration([*jobs, *odd]).errors()[0].after
    assert after[1] == pytest.approx(1 / 3, rel=0.1)
    assert after[2] == pytest.approx(1, rel=0.1)
    assert Calibration(jobs[:1]).errors()[0].after is None


def test_the_middle_of_errors_leaves_a_tenth_out_on_either_side():
    jobs = [
        observation(10.0 * ratio, 6.0, job=str(i))
        for i, ratio in enumerate([1 / 9, *[1.0] * 17, 2.0, 2.0, 9.0])
    ]
    (error,) = Calibration(jobs).errors()
    assert error.before == pytest.approx((1.0, 0.5, 1.0))
