"""Curves as they are drawn: binned, thinned, with what became of each attempt."""

from __future__ import annotations

from itertools import pairwise
from statistics import fmean

import polars as pl
import pyarrow as pa
import pytest
from curve_files import CHANCE, place, steps, write_run

from xstilts.analysis.training_curves import ATTEMPTS, DEV, LOSS, POINTS, read_curves
from xstilts.errors import XstiltsError
from xstilts.execution.parquet import write_table


def read(path, at=None):
    return read_curves([(at or place("none", "xnli"), path)])


def lines(points: pl.DataFrame, **wanted) -> list[dict]:
    return points.filter(**wanted).to_dicts()


def test_a_short_run_is_drawn_step_by_step(tmp_path):
    points = read(write_run(tmp_path / "a.parquet", 100)).points
    assert points.schema == POINTS
    loss = lines(points, quantity=LOSS)
    assert [(row["first_step"], row["step"]) for row in loss] == [(i, i) for i in range(1, 101)]
    assert [row["value"] for row in loss] == [1 / step for step in range(1, 101)]
    scores = lines(points, quantity=DEV)
    assert [row["step"] for row in scores] == list(range(10, 101, 10))
    assert [row["step"] for row in scores if row["chosen"]] == [90]


@pytest.mark.parametrize("count", [201, 999, 4000])
def test_a_long_run_is_drawn_as_means_over_equally_many_steps(tmp_path, count):
    points = read(write_run(tmp_path / "a.parquet", count)).points
    loss = lines(points, quantity=LOSS)
    assert 100 < len(loss) <= 200
    # Every step is in one mean.
    assert loss[0]["first_step"] == 1
    assert loss[-1]["step"] == count
    for one, other in pairwise(loss):
        assert other["first_step"] == one["step"] + 1
    widths = {row["step"] - row["first_step"] for row in loss[:-1]}
    assert len(widths) == 1
    for row in loss:
        values = [1 / step for step in range(row["first_step"], row["step"] + 1)]
        assert row["value"] == pytest.approx(fmean(values), rel=1e-12)


def test_of_many_scores_the_last_and_the_chosen_are_kept(tmp_path):
    points = read(write_run(tmp_path / "a.parquet", 4000, every=3)).points
    scores = lines(points, quantity=DEV)
    assert len(scores) <= 201
    assert scores[-1]["step"] == 3999
    assert [row["step"] for row in scores if row["chosen"]] == [3996]


def test_a_mixture_is_drawn_as_a_whole_and_by_source(tmp_path):
    sources = ("mnli", "mnli@sw", "text")
    path = write_run(tmp_path / "a.parquet", 300, sources)
    points = read(path, place("multi")).points
    whole = lines(points, quantity=LOSS, source="")
    assert whole[0]["first_step"] == 1
    assert whole[-1]["step"] == 300
    for number, source in enumerate(sources):
        own = lines(points, quantity=LOSS, source=source)
        assert [row["step"] for row in own] == list(range(number + 1, 301, 3))
        assert own[4]["value"] == number + 1 / own[4]["step"]
    # The score of a task belongs to each of its sources, and text has none.
    tasks = {row["step"]: row["dev_by_task"] for row in steps(300, sources).table().to_pylist()}
    for source in sources[:2]:
        for row in lines(points, quantity=DEV, source=source):
            assert row["value"] in [each["score"] for each in tasks[row["step"]]]
    assert not lines(points, quantity=DEV, source="text")


def test_attempts_say_what_became_of_them(tmp_path):
    nan = "the loss is nan at step 3 in bfloat16"
    first = {"collapsed": "constant", "best_step": 40, "best_dev_score": 33.0}
    given_up = {"bfloat16_attempt": (2, {"not_finite": nan}), "first_attempt": (50, first)}
    path = write_run(tmp_path / "a.parquet", collapsed=CHANCE, given_up=given_up)
    found = read(path, place("mnli", "xnli", seed=4))
    assert found.attempts.schema == ATTEMPTS
    rows = {row["attempt"]: row for row in found.attempts.to_dicts()}
    kept = rows["kept"]
    assert kept["trouble"] == CHANCE
    assert (kept["best_step"], kept["dev"], kept["steps"]) == (90, 71.5, 100)
    assert rows["bfloat16_attempt"]["trouble"] == nan
    assert rows["bfloat16_attempt"]["best_step"] is None
    assert (rows["first_attempt"]["trouble"], rows["first_attempt"]["dev"]) == ("constant", 33.0)
    assert {row["seed"] for row in rows.values()} == {4}
    assert len(lines(found.points, attempt="bfloat16_attempt")) == 2
    (chosen,) = lines(found.points, attempt="first_attempt", chosen=True)
    assert chosen["step"] == 40


def test_many_runs_have_fewer_points_each(tmp_path):
    path = write_run(tmp_path / "a.parquet", 400)
    points = read_curves([(place("none", "xnli", seed), path) for seed in range(1500)]).points
    longest = points.filter(quantity=LOSS).group_by("seed").len()["len"].max()
    assert 50 < longest <= 100


def test_no_run_is_no_row():
    points, attempts = read_curves([])
    assert (points.schema, attempts.schema) == (POINTS, ATTEMPTS)
    assert points.is_empty()
    assert attempts.is_empty()


def test_what_is_no_curve_is_refused_by_name(tmp_path):
    path = tmp_path / "scores.parquet"
    write_table(path, pa.table({"step": [1]}), {})
    with pytest.raises(XstiltsError, match=r"scores\.parquet.*expected the columns"):
        read(path)
    write_table(path, steps(3).table().append_column("x", pa.array([1, 2, 3])), {})
    with pytest.raises(XstiltsError, match=r"scores\.parquet"):
        read(path)
