"""The table of costs: every job once, and cells that add up to it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from cost_records import (
    PER_PAIR,
    PER_TOKEN,
    tally,
    write_experiment,
    write_record,
)

from xstilts.analysis.costs import emissions_kg, pareto_front, recipe_costs
from xstilts.data.schemas import CELL_COSTS, COSTS
from xstilts.execution.cost import table
from xstilts.execution.cost.records import read_records
from xstilts.execution.cost.table import collect_costs
from xstilts.graph.paths import Paths

TARGETS = ("xnli", "xquad", "mlqa", "tatoeba")
TRAINING = 3 * (PER_TOKEN * 1_000 + PER_PAIR * 20_000)
FORWARD = PER_TOKEN * 8 + PER_PAIR * 34


@pytest.fixture
def collected(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cells = write_experiment(TARGETS)
    write_record("tokenise", {"encoder": "e", "task": "xnli", "part": "train"}, 4.0)
    write_record("tokenise", {"encoder": "e", "task": "xnli", "part": "eval"}, 2.0)
    write_record("collect_scores", {}, 1.0)
    # Left from what the experiment once was.
    write_record("train_intermediate", {"encoder": "e", "recipe": "qqp", "seed": "1"}, 999.0)
    write_record("predict", {"encoder": "x", "recipe": "none", "target": "xnli", "seed": "1"}, 9.0)
    return collect_costs(Paths("tiny"), cells)


def rows(table, **where):
    found = pl.DataFrame(table).filter(**where)
    return found.to_dicts()


def test_every_job_stands_in_the_table_once(collected):
    assert collected.costs.schema == COSTS
    (row,) = rows(collected.costs, stage="train_target", recipe="mnli", seed=2,
                  target_or_train_set="squad_v1")  # fmt: skip
    assert row["wall_seconds"] == 100.0
    assert row["cpu_seconds"] == 50.0
    assert row["energy_joules"] == 1000.0
    assert row["energy_source"] == "cpu measured (RAPL); memory estimated (0.3725 W a GB)"
    assert row["flops"] == TRAINING
    assert (row["jobs"], row["attempts"]) == (1, 1)
    (row,) = rows(collected.costs, stage="tokenise")
    assert (row["wall_seconds"], row["peak_memory_bytes"], row["jobs"]) == (6.0, 4e6, 2)
    assert (row["recipe"], row["seed"], row["flops"]) == ("", None, None)
    assert not rows(collected.costs, recipe="qqp")
    assert not rows(collected.costs, encoder="x")
    assert collected.hardware == ("A processor, 2 cores",)


def test_operations_of_prediction_are_those_that_it_noted(collected):
    for stage in ("predict", "embed"):
        assert {row["flops"] for row in rows(collected.costs, stage=stage)} == {FORWARD}
    assert {row["flops"] for row in rows(collected.costs, stage="retrieve")} == {None}


def test_what_is_shared_is_divided_among_the_cells_that_need_it(collected):
    assert collected.cells.schema == CELL_COSTS
    at = {"recipe": "mnli", "seed": 1}
    shares = {
        (row["target"], row["phase"]): (row["shared_by"], row["wall_seconds"])
        for row in rows(collected.cells, **at)
    }
    assert shares == {
        **{(target, "intermediate"): (4, 22.5) for target in TARGETS},
        **{(target, "scoring"): (1, 1.0) for target in TARGETS},
        **{(target, "prediction"): (1, 10.0) for target in TARGETS[:3]},
        ("xnli", "target"): (1, 100.0),
        ("xquad", "target"): (2, 50.0),
        ("mlqa", "target"): (2, 50.0),
        ("tatoeba", "retrieval"): (1, 10.0),
    }
    # The baseline's retrieval was run with the first seed alone.
    assert rows(collected.cells, recipe="none", target="tatoeba", seed=1)
    assert not rows(collected.cells, recipe="none", target="tatoeba", seed=2)


@pytest.mark.parametrize("name", ["wall_seconds", "cpu_seconds", "energy_joules", "flops"])
def test_cells_add_up_to_their_jobs(collected, name):
    own = ("train_intermediate", "train_target", "predict", "embed", "retrieve", "score")
    jobs = pl.DataFrame(collected.costs).filter(pl.col("stage").is_in(own))
    assert pl.DataFrame(collected.cells)[name].sum() == pytest.approx(jobs[name].sum())


def test_the_cost_of_one_seed_of_a_recipe(collected):
    costs = {row["recipe"]: row for row in recipe_costs(pl.DataFrame(collected.cells)).to_dicts()}
    none = 2 * 100 + 3 * 10 + 2 * 5 + 4
    assert costs["none"]["wall_seconds"] == pytest.approx(none)
    assert costs["mnli"]["wall_seconds"] == pytest.approx(none + 90)
    assert costs["none"]["flops"] == pytest.approx(2 * TRAINING + 4 * FORWARD)
    assert costs["mnli"]["flops"] == pytest.approx(3 * TRAINING + 4 * FORWARD)
    assert costs["mnli"]["peak_memory_bytes"] == 100e6
    assert (costs["none"]["cells"], costs["mnli"]["cells"]) == (7, 8)


def test_an_energy_that_is_not_known_spreads_to_sums_and_no_further(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cells = write_experiment(("xnli",))
    cell = {"encoder": "e", "recipe": "mnli", "target": "xnli", "seed": "1"}
    write_record("predict", cell, 10.0)
    path = Path("results/tiny/benchmarks/predict/e/mnli/xnli/1.jsonl")
    path.write_text(path.read_text().replace('"joules": 100.0', '"joules": null'))
    collected = collect_costs(Paths("tiny"), cells)
    costs = {row["recipe"]: row for row in recipe_costs(pl.DataFrame(collected.cells)).to_dicts()}
    assert costs["mnli"]["energy_joules"] is None
    assert costs["none"]["energy_joules"] is not None
    assert costs["mnli"]["wall_seconds"] is not None


def test_attempts_that_failed_are_part_of_a_cell(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cells = write_experiment(("xnli",))
    job = {"encoder": "e", "recipe": "none", "train_set": "xnli", "seed": "1"}
    write_record("train_target", job, 100.0, failed=(30.0, 20.0))
    collected = collect_costs(Paths("tiny"), cells)
    (row,) = rows(collected.cells, recipe="none", seed=1, phase="target")
    assert (row["wall_seconds"], row["attempts"]) == (150.0, 3)


def test_the_vocabulary_layer_is_counted_where_it_was_passed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cells = write_experiment(("xnli",))
    noted = tally(1_000, 20_000, steps=5, predicted=250)
    write_record("pretrain", {"encoder": "e"}, 50.0, amounts=noted)
    mixed = {"encoder": "e", "recipe": "mnli", "seed": "1"}
    write_record("train_intermediate", mixed, 50.0, amounts=noted)
    collected = collect_costs(Paths("tiny"), cells)
    for at in ({"stage": "pretrain"}, {"stage": "train_intermediate", "seed": 1}):
        (row,) = rows(collected.costs, **at)
        assert row["flops"] == TRAINING + 3 * 2 * (8 * 100 + 8**2) * 250
    assert not rows(collected.cells, phase="pretrain")


def test_operations_of_attempts_that_failed_count_as_their_time_does(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cells = write_experiment(("xnli",))
    job = {"encoder": "e", "recipe": "none", "train_set": "xnli", "seed": "1"}
    write_record("train_target", job, 100.0, failed=(30.0,), amounts=tally(1_000, 20_000, steps=7))
    (row,) = rows(collect_costs(Paths("tiny"), cells).costs, stage="train_target", recipe="none",
                  seed=1, target_or_train_set="xnli")  # fmt: skip
    assert (row["wall_seconds"], row["flops"]) == (130.0, 2 * TRAINING)


def test_operations_of_a_record_without_a_tally_are_not_known(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cells = write_experiment(("xnli",))
    cell = {"encoder": "e", "recipe": "mnli", "target": "xnli", "seed": "1"}
    write_record("predict", cell, 10.0)
    collected = collect_costs(Paths("tiny"), cells)
    costs = {row["recipe"]: row for row in recipe_costs(pl.DataFrame(collected.cells)).to_dicts()}
    assert costs["mnli"]["flops"] is None
    assert costs["none"]["flops"] is not None


@pytest.mark.parametrize(
    ("points", "front"),
    [
        ([(1, 1)], [True]),
        ([(1, 1), (2, 2), (3, 2), (2, 1)], [True, True, False, False]),
        ([(1, 1), (1, 1)], [True, True]),
        ([(1, 1), (1, 2)], [False, True]),
        ([(3, 5), (1, 5)], [False, True]),
    ],
)
def test_pareto_front(points, front):
    assert pareto_front(points) == front


def test_emissions():
    """2 kWh in a building that takes 1.5 times as much, at 400 g/kWh."""
    assert emissions_kg(7.2e6, gram_per_kwh=400, pue=1.5) == pytest.approx(1.2)


class Looked(dict):
    """Wildcards of a job, and how often those of any job were looked at."""

    times = 0

    def _looked(self, name):
        Looked.times += 1
        return getattr(super(), name)()

    def __iter__(self):
        return self._looked("__iter__")

    def items(self):
        return self._looked("items")

    def values(self):
        return self._looked("values")


def test_jobs_are_not_compared_with_every_cell(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def looks(seeds: int) -> int:
        cells = [
            {"encoder": "e", "recipe": "none", "target": "xnli", "seed": str(seed)}
            for seed in range(seeds)
        ]
        for cell in cells:
            write_record("score", cell, 1.0)
        jobs = [
            replace(job, wildcards=Looked(job.wildcards))
            for job in read_records(Path(Paths("tiny").root) / "benchmarks")
        ]
        monkeypatch.setattr(table, "read_records", lambda _: jobs)
        Looked.times = 0
        assert collect_costs(Paths("tiny"), cells).cells.num_rows == seeds
        return Looked.times

    few = looks(10)
    assert looks(40) == 4 * few > 0
