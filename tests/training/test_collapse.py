"""Runs that learnt nothing are noticed, others are not."""

from __future__ import annotations

import math

import pytest
from training_runs import history, outcome, prepare, run_once

from xstilts.training.collapse import CONSTANT, collapse_of
from xstilts.training.development import DevScore

CHANCE = {"mnli": math.log(3), "text": None}


def test_a_loss_at_chance_is_a_collapse():
    stuck = [math.log(3) + 0.01 * (-1) ** i for i in range(200)]
    assert "100 % of chance" in collapse_of({"mnli": stuck}, CHANCE, [False])
    learnt = [math.log(3) * (1 - i / 400) for i in range(200)]
    assert collapse_of({"mnli": learnt}, CHANCE, [False]) == ""


def test_what_was_at_chance_first_and_learnt_later_is_none():
    late = [math.log(3)] * 180 + [0.5] * 20
    assert collapse_of({"mnli": late}, CHANCE, [False]) == ""
    relapsed = [0.5] * 100 + [math.log(3)] * 100
    assert collapse_of({"mnli": relapsed}, CHANCE, [False]) != ""


def test_of_a_mixture_every_task_must_be_at_chance():
    stuck, learnt = [1.1] * 100, [0.4] * 100
    chance = {"mnli": math.log(3), "qqp": math.log(2), "text": None}
    losses = {"mnli": stuck, "qqp": learnt, "text": [9.0] * 100}
    assert collapse_of(losses, chance, [False, False]) == ""
    losses["qqp"] = [math.log(2)] * 100
    assert collapse_of(losses, chance, [False, False]) != ""
    assert collapse_of({**losses, "qqp": learnt}, chance, [True, False]) == ""
    assert collapse_of({**losses, "qqp": learnt}, chance, [True, True]) == CONSTANT


def test_a_few_steps_or_text_alone_tell_nothing():
    assert collapse_of({"mnli": [1.2] * 19}, CHANCE, [False]) == ""
    assert collapse_of({"mnli": [1.2] * 20}, CHANCE, [False]) != ""
    few = {"mnli": [1.2] * 100, "qqp": [0.2] * 9}
    assert collapse_of(few, {"mnli": math.log(3), "qqp": math.log(2)}, [False, False]) == ""
    assert collapse_of({"text": [1.2] * 500}, CHANCE, []) == ""


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("collapse")
    prepare(folder, ("xnli",))
    return folder


def scores_of(monkeypatch, found):
    """Development scores of a run, as (score, constant), instead of those that it has."""
    found = iter(found)

    def scored(self, *_):
        score, constant = next(found)
        return DevScore(score=score, constant=constant)

    monkeypatch.setattr("xstilts.training.development.DevSet.score", scored)


def test_a_run_that_fell_back_after_its_best_checkpoint_is_none(data, tmp_path, monkeypatch):
    """What is kept has learnt; that the steps after it are at chance says nothing of it."""
    monkeypatch.setattr("xstilts.training.collapse._NEAR_CHANCE", 0.0)
    scores_of(monkeypatch, [(60.0, False), *[(50.0, True)] * 60])
    settings = {"epochs": 30, "evaluate_every": 1, "patience": 25, "learning_rate": 1e-12}
    run_once(data, tmp_path, "xnli", **settings)
    found = outcome(tmp_path)
    assert found["best_step"] == 1
    assert found["steps"] == 26
    # Twenty-six steps would be enough to judge by, the one up to the best is not.
    assert found["collapsed"] == ""


def test_of_equal_scores_the_checkpoint_that_is_not_constant_is_kept(data, tmp_path, monkeypatch):
    scores = [(50.0, True), (50.0, True), (50.0, False), (50.0, False), (40.0, False)]
    scores_of(monkeypatch, scores * 9)
    run_once(data, tmp_path, "xnli", epochs=1, evaluate_every=2)
    assert outcome(tmp_path)["best_step"] == 6
    assert outcome(tmp_path)["collapsed"] != CONSTANT


def test_a_run_that_learns_is_none(data, tmp_path):
    run_once(data, tmp_path, "xnli", epochs=10, patience=100)
    assert outcome(tmp_path)["collapsed"] == ""
    assert outcome(tmp_path)["restarted"] is False


def test_a_collapsed_run_is_recorded_and_restarted_once_if_so_configured(data, tmp_path):
    hopeless = {"epochs": 3, "learning_rate": 1e-12}
    run_once(data, tmp_path / "kept", "xnli", **hopeless)
    kept = outcome(tmp_path / "kept")
    assert kept["collapsed"]
    assert kept["first_attempt"] is None
    run_once(data, tmp_path / "again", "xnli", **hopeless, restart_collapsed=True)
    again = outcome(tmp_path / "again")
    assert again["restarted"] is True
    assert again["collapsed"]
    assert again["first_attempt"]["seed"] == 7 != again["seed"]
    assert history(tmp_path / "again", "first_attempt") == history(tmp_path / "kept")
    assert history(tmp_path / "again") != history(tmp_path / "kept")
