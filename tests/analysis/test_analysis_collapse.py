"""Collapsed runs: which cells they belong to, and what becomes of these."""

from __future__ import annotations

import polars as pl
import pytest
from few_scores import grid
from prediction_files import runs

from xstilts.analysis.collapsed_cells import collapsed_cells, collapsed_scores, without_collapsed
from xstilts.config.tasks import TARGETS, XTREME
from xstilts.data.schemas import RUNS

CONSTANT = "constant prediction"


def cells(table: pl.DataFrame) -> set[tuple]:
    return set(table.select("recipe", "target", "seed").iter_rows())


def test_a_target_run_belongs_to_the_targets_of_its_train_set() -> None:
    found = collapsed_cells(
        runs(
            ("mnli", "target", "squad_v1", 2, 5.0, CONSTANT),
            ("mnli", "target", "pawsx", 1, 80.0, ""),
        )
    )
    assert cells(found) == {("mnli", "xquad", 2), ("mnli", "mlqa", 2)}
    assert set(found["why"]) == {CONSTANT}


def test_an_intermediate_run_belongs_to_every_target_and_is_the_reason() -> None:
    found = collapsed_cells(
        runs(
            ("mnli", "target", "xnli", 2, 33.0, "loss at chance"),
            ("mnli", "intermediate", "", 2, 33.0, CONSTANT),
        )
    )
    assert cells(found) == {("mnli", target, 2) for target in TARGETS}
    assert set(found["why"]) == {f"{CONSTANT} in intermediate training"}


@pytest.mark.parametrize("known", [None, pl.DataFrame(RUNS.empty_table())])
def test_without_runs_nothing_collapsed(known: pl.DataFrame | None) -> None:
    scores = grid({("none", "xnli", 1): 50})
    assert collapsed_cells(known).is_empty()
    kept, notes = without_collapsed(scores, known)
    assert kept.equals(scores)
    assert notes == ()


def test_a_collapsed_seed_is_left_out_where_another_is_sound() -> None:
    values = {("mnli", "pawsx", seed): 80.0 + seed for seed in (1, 2, 3)}
    values |= {("mnli", "xnli", seed): 70.0 for seed in (1, 2, 3)}
    scores = grid(values)
    held = runs(
        ("mnli", "target", "pawsx", 1, 55.0, CONSTANT),
        ("mnli", "target", "pawsx", 3, 55.0, CONSTANT),
        # Another encoder's, and one without scores.
        ("qqp", "target", "pawsx", 1, 55.0, CONSTANT),
    ).vstack(runs(("mnli", "target", "xnli", 1, 33.0, CONSTANT), encoder="other"))
    kept, notes = without_collapsed(scores, held)
    assert cells(kept) == cells(scores) - {("mnli", "pawsx", 1), ("mnli", "pawsx", 3)}
    assert notes == (
        "2 of 3 seeds of mnli on PAWS-X collapsed (constant prediction) and are left out of means.",
    )
    assert kept.equals(scores.filter(~((pl.col("target") == "pawsx") & (pl.col("seed") != 2))))


def test_where_no_seed_is_sound_all_are_kept_and_named() -> None:
    scores = grid({("mnli", "pawsx", 1): 55, ("mnli", "pawsx", 2): 55, ("none", "pawsx", 1): 56})
    held = runs(
        *(("mnli", "target", "pawsx", seed, 55.0, CONSTANT) for seed in (1, 2)),
        ("none", "target", "pawsx", 1, 55.0, "loss at chance"),
    )
    found = collapsed_scores(scores, held)
    assert found.left_out == frozenset()
    assert found.hopeless == {("enc", "mnli", "pawsx"), ("enc", "none", "pawsx")}
    assert found.notes == (
        "All 2 seeds of mnli on PAWS-X collapsed (constant prediction): these scores are of runs"
        " that learnt nothing.",
        "The only seed of none on PAWS-X collapsed (loss at chance): these scores are of runs that"
        " learnt nothing.",
    )


def test_targets_of_which_the_same_is_said_share_a_sentence() -> None:
    values = {("mnli", target, seed): 50.0 for target in XTREME for seed in (1, 2)}
    found = collapsed_scores(grid(values), runs(("mnli", "intermediate", "", 1, 33.0, CONSTANT)))
    assert len(found.left_out) == len(XTREME)
    assert found.notes == (
        "1 of 2 seeds of mnli on XNLI, PAWS-X, UD-POS, PAN-X, XQuAD, MLQA, TyDiQA, BUCC 2018,"
        " Tatoeba collapsed (constant prediction in intermediate training) and is left out of"
        " means.",
    )


def test_several_encoders_are_told_apart() -> None:
    scores = pl.concat(
        [
            grid({("none", "xnli", seed): 50 for seed in (1, 2)}).with_columns(encoder=pl.lit(name))
            for name in ("one", "two")
        ]
    )
    found = collapsed_scores(
        scores, runs(("none", "target", "xnli", 1, 33.0, CONSTANT), encoder="two")
    )
    assert found.left_out == {("two", "none", "xnli", 1)}
    assert "none on XNLI (two) collapsed" in found.notes[0]
