"""What a run notes of its steps is saved piece by piece, comes back, and ends in one file."""

from __future__ import annotations

import logging
import struct
from unittest.mock import patch

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from xstilts.data.schemas import CURVES
from xstilts.execution.parquet import read_meta, read_table
from xstilts.training.checkpoint import Progress, ResumeState
from xstilts.training.curve import write_curve
from xstilts.training.history import STEPS, Attempt, History

SOURCES = ("mnli", "mnli@sw", "text")
# What a text with fewer digits than it takes would change.
HARD = (0.1, 1 / 3, 5e-324, 1.7976931348623157e308, 2.8603646755218506)


def row(step: int) -> dict:
    """Of any step: each third one was scored."""
    noted = {
        "step": step,
        "source": SOURCES[step % 3],
        "loss": HARD[step % 5] / step,
        "learning_rate": 1e-5 / step,
    }
    if step % 3:
        return {**noted, "dev": None, "dev_loss": None, "dev_by_task": None}
    tasks = [
        {"task": "mnli", "score": 100 / step, "loss": None, "constant": step % 2 == 0},
        {"task": "text", "score": 0.0, "loss": 1 / step, "constant": False},
    ]
    return {**noted, "dev": 50 / step, "dev_loss": 1 / step, "dev_by_task": tasks}


def history(steps: int) -> History:
    made = History()
    for step in range(1, steps + 1):
        made.append(**row(step))
    return made


def expected(steps: int) -> list[dict]:
    return [row(step) for step in range(1, steps + 1)]


def bits(rows: list[dict]) -> list[bytes]:
    return [struct.pack("<dd", row["loss"], row["learning_rate"]) for row in rows]


def test_each_step_is_written_once_and_comes_back_bit_for_bit(tmp_path):
    made, sizes = History(), []
    for step in range(1, 1001):
        made.append(**row(step))
        if step % 100 == 0:
            before = set(tmp_path.iterdir())
            made.save(tmp_path)
            (new,) = set(tmp_path.iterdir()) - before
            assert read_table(new, STEPS)["step"].to_pylist() == [*range(step - 99, step + 1)]
            sizes.append(new.stat().st_size)
    assert max(sizes) < 1.2 * min(sizes)
    # With nothing new there is nothing to write.
    made.save(tmp_path)
    assert len(list(tmp_path.iterdir())) == 10
    found = History.load(tmp_path, 1000)
    assert found.table().equals(made.table())
    assert found.table().to_pylist() == expected(1000)
    assert bits(found.table().to_pylist()) == bits(expected(1000))


def test_what_was_saved_after_the_state_is_written_again(tmp_path):
    made = history(4)
    made.save(tmp_path)
    made.append(**row(5))
    made.append(**row(6))
    made.save(tmp_path)
    found = History.load(tmp_path, 4)
    assert [path.name for path in tmp_path.iterdir()] == ["4.parquet"]
    found.append(**row(5))
    found.save(tmp_path)
    assert History.load(tmp_path, 5).table().to_pylist() == expected(5)


@pytest.mark.parametrize(
    "lost", ["a file", "all files", "half a file", "another table", "steps between"]
)
def test_a_history_that_is_not_whole_is_none(tmp_path, lost):
    made = history(3)
    made.save(tmp_path)
    made.append(**row(4))
    made.save(tmp_path)
    first = tmp_path / "3.parquet"
    match lost:
        case "a file":
            first.unlink()
        case "all files":
            for path in tmp_path.iterdir():
                path.unlink()
        case "half a file":
            first.write_bytes(first.read_bytes()[:200])
        case "another table":
            pq.write_table(pa.table({"step": [1, 2, 3]}), first)
        case "steps between":
            first.rename(tmp_path / "2.parquet")
            (tmp_path / "4.parquet").rename(tmp_path / "3.parquet")
    assert History.load(tmp_path, 3 if lost == "steps between" else 4) is None


# --- beside the state of a run


class Killed(BaseException):
    """The process is gone."""


def parts() -> tuple[torch.nn.Module, torch.optim.Optimizer]:
    model = torch.nn.Linear(1, 1)
    return model, torch.optim.AdamW(model.parameters())


@settings(max_examples=30)
@given(
    plan=st.lists(
        st.tuples(st.integers(1, 3), st.sampled_from(["saved", "lost", "between", "another"])),
        max_size=12,
    )
)
def test_killed_between_any_two_writes_it_goes_on_where_the_state_is(tmp_path_factory, plan):
    """Steps, then a save that is whole, does not happen, or ends between steps and state.

    `another`: a run with other settings used the folder and was killed before its first save.
    """
    folder = tmp_path_factory.mktemp("run")
    ours, other = ResumeState(folder, "ours"), ResumeState(folder, "other")
    reached = 0
    for steps, end in plan:
        if end == "another":
            assert other.load(*parts()).step == 0
            continue
        at = ours.load(*parts())
        assert at.step == reached
        assert at.history.table().to_pylist() == expected(reached)
        for _ in range(steps):
            at.step += 1
            at.history.append(**row(at.step))
        if end == "saved":
            ours.save(*parts(), at)
            reached = at.step
        elif end == "between":
            with patch.object(ours, "_write", side_effect=Killed), pytest.raises(Killed):
                ours.save(*parts(), at)
    assert ours.load(*parts()).history.table().to_pylist() == expected(reached)


def test_the_state_does_not_grow_with_the_steps(tmp_path):
    """All that a save replaces; what it adds has the new steps alone."""
    state, sizes = ResumeState(tmp_path, "x"), []
    for steps in (1000, 9000):
        state.save(*parts(), Progress(step=steps, history=history(steps)))
        sizes.append((tmp_path / "state.safetensors").stat().st_size)
    assert sizes[0] == sizes[1]


def test_steps_that_are_gone_are_trained_again(tmp_path, caplog):
    state = ResumeState(tmp_path, "x")
    state.save(*parts(), Progress(step=5, history=history(5)))
    (tmp_path / "history/x/5.parquet").unlink()
    with caplog.at_level(logging.WARNING):
        at = state.load(*parts())
    assert (at.step, at.history.table().num_rows) == (0, 0)
    assert "what was noted of its steps is gone: starting anew" in caplog.text


def test_another_run_s_steps_stay_until_its_state_is_replaced(tmp_path):
    first, second = ResumeState(tmp_path, "first"), ResumeState(tmp_path, "second")
    first.save(*parts(), Progress(step=5, history=history(5)))
    assert second.load(*parts()).step == 0
    assert first.load(*parts()).history.table().to_pylist() == expected(5)
    second.save(*parts(), Progress(step=2, history=history(2)))
    assert [path.name for path in (tmp_path / "history").iterdir()] == ["second"]
    assert first.load(*parts()).step == 0


def test_an_attempt_that_was_given_up_is_remembered(tmp_path):
    state = ResumeState(tmp_path, "x")
    assert state.given_up() is None
    state.give_up(Attempt({"seed": 7, "collapsed": "chance"}, history(4).table()))
    assert state.of("y").given_up() is None
    outcome, steps = state.given_up()
    assert outcome == {"seed": 7, "collapsed": "chance"}
    assert steps.to_pylist() == expected(4)


# --- and at the end


def test_a_curve_holds_the_steps_of_all_attempts_and_what_became_of_them(tmp_path):
    path = tmp_path / "curve.parquet"
    given_up = {
        "bfloat16_attempt": Attempt({"not_finite": "nan"}, History().table()),
        "first_attempt": Attempt({"collapsed": "chance"}, history(2).table()),
    }
    kept = Attempt({"collapsed": "", "steps": 5}, history(5).table())
    write_curve(path, kept, given_up, {"rule": "train_target"})
    assert read_meta(path) == {
        "rule": "train_target",
        "collapsed": "",
        "steps": 5,
        "first_attempt": {"collapsed": "chance"},
        "bfloat16_attempt": {"not_finite": "nan"},
    }
    rows = read_table(path, CURVES).to_pylist()
    assert [row.pop("attempt") for row in rows] == ["first_attempt"] * 2 + ["kept"] * 5
    assert rows == expected(2) + expected(5)
    assert bits(rows) == bits(expected(2) + expected(5))


def test_one_attempt_is_all_there_is(tmp_path):
    path = tmp_path / "curve.parquet"
    write_curve(path, Attempt({"seed": 7}, history(3).table()), {}, {})
    assert read_meta(path) == {"seed": 7, "first_attempt": None, "bfloat16_attempt": None}
    assert set(read_table(path, CURVES)["attempt"].to_pylist()) == {"kept"}
