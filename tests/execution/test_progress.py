"""About how long a run still takes, on jobs whose times are known."""

from __future__ import annotations

import pytest

from xstilts.execution.progress import Running, RunProgress, clock, time_left


def begin(progress: RunProgress, number: int, rule: str, now: float) -> None:
    progress.begin(number, Running(rule, rule, now))


def test_at_the_start_the_plan_says_how_long_it_takes():
    progress = RunProgress(planned={"train": 60.0, "score": 2.0})
    progress.expect({"train": 3, "score": 3, "report": 1})
    assert progress.total == 7
    # Of the report nothing is known.
    assert progress.seconds_left(0.0) == 3 * 60 + 3 * 2 + 5
    for number in (1, 2):
        begin(progress, number, "train", 0.0)
    assert progress.seconds_left(0.0) == (3 * 60 + 3 * 2 + 5) / 2


def test_jobs_that_are_done_correct_the_plan():
    progress = RunProgress(planned={"train": 60.0})
    progress.expect({"train": 4})
    begin(progress, 1, "train", 0.0)
    progress.end(1, 20.0)
    assert (progress.done, progress.total) == (1, 4)
    # One after another, each as long as the plan and the first one are as a mean.
    assert progress.seconds_left(20.0) == 3 * 40
    begin(progress, 2, "train", 20.0)
    progress.end(2, 40.0)
    assert progress.seconds_left(40.0) == pytest.approx(2 * 100 / 3)


def test_the_time_is_shared_by_as_many_jobs_as_ran_together_so_far():
    progress = RunProgress(planned={"train": 30.0})
    progress.expect({"train": 12})
    for number in range(3):
        begin(progress, number, "train", 0.0)
    for number in range(3):
        progress.end(number, 30.0)
    assert progress.seconds_left(30.0) == 9 * 30 / 3


def test_a_run_lasts_as_long_as_its_longest_job():
    progress = RunProgress(planned={"train": 100.0, "score": 1.0})
    progress.expect({"train": 1, "score": 2})
    begin(progress, 1, "train", 0.0)
    begin(progress, 2, "score", 0.0)
    assert progress.seconds_left(10.0) == 90
    # One that takes longer than was thought has no time left that anybody could tell.
    progress.end(2, 1.0)
    assert progress.seconds_left(300.0) == pytest.approx(1 / ((1 + 300) / 300))


def test_a_job_that_failed_counts_again_when_it_is_tried_again():
    progress = RunProgress(planned={"train": 10.0})
    progress.expect({"train": 2})
    begin(progress, 1, "train", 0.0)
    progress.fail(1, 5.0)
    assert progress.failed == {1}
    assert not progress.running
    begin(progress, 1, "train", 5.0)
    assert not progress.failed
    progress.end(1, 15.0)
    assert progress.seconds_left(15.0) == 10
    # A job of which nothing was said before is done all the same.
    progress.end(2, 16.0)
    assert progress.done == 2


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "less than a minute left"),
        (61, "about 2 min left"),
        (89 * 60, "about 89 min left"),
        (5400, "about 1.5 h left"),
        (3 * 86400, "about 3.0 days left"),
    ],
)
def test_a_time_is_as_coarse_as_it_is_uncertain(seconds, words):
    assert time_left(seconds) == words


def test_a_clock_has_hours_where_there_are_some():
    assert [clock(seconds) for seconds in (7.9, 61, 3600)] == ["0:07", "1:01", "1:00:00"]
