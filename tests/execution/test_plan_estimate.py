"""Time, energy and money of a grid: all of it and what is left, as text and as plain data."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
import yaml
from cost_records import write_past, write_record
from test_plan import COMMIT, LARGE, hub_grid, plan

from xstilts.analysis.costs import emissions_kg
from xstilts.config.parse import parse_experiment
from xstilts.execution.cost.shape import shape_of_source
from xstilts.execution.plan.accelerators import CPU, GPUS, Accelerator, device_of
from xstilts.execution.plan.estimate import Options, PlanEstimate
from xstilts.execution.plan.rates import rate_of, work_seconds
from xstilts.execution.plan.work import Work
from xstilts.graph.cells import Grid
from xstilts.graph.job_params import JobParams
from xstilts.graph.jobs import Jobs

SIZES = {"default": {"train": 200, "dev": 20, "test": 20}, "tasks": {"text": {"train": 500}}}
VALUES = {
    "experiment": "try",
    "data_source": "invitro",
    "device": "cpu",
    "invitro": {"sizes": SIZES},
    "encoders": {
        "e": {"pretrain": {"tokenizer": {"vocab_size": 500}, "training": {"epochs": 1}}},
    },
    "recipes": ["none", "mnli"],
    "targets": ["xnli", "xquad", "tatoeba"],
    "seeds": [1, 2],
    "baselines": ["majority"],
}


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty working directory with an experiment on generated data."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "exp.yaml").write_text(yaml.safe_dump(VALUES))
    return tmp_path


def grid(**changes):
    return Grid(parse_experiment({**VALUES, **changes}))


def estimate(found, **options):
    shapes = {name: shape_of_source(each) for name, each in found.experiment.encoders.items()}
    return PlanEstimate(found, shapes, Options(**{"jobs": 2, **options}))


def make(*paths):
    for name in paths:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def make_everything(found):
    """All files of a finished experiment; passing ones are gone."""
    for job in Jobs(found).jobs:
        make(*job.lasting)


def rules(found, chosen):
    jobs = Jobs(found).jobs
    return sorted(jobs[i].rule for i in chosen)


def test_every_job_comes_after_those_that_it_needs(folder):
    graph = Jobs(grid(baselines=["majority", "untrained"]))
    assert all(needed < i for i, before in enumerate(graph.before) for needed in before)
    made = {path for job in graph.jobs for path in job.outputs}
    # Nothing is read that nothing makes.
    assert {path for job in graph.jobs for path in job.inputs} <= made


def test_cells_and_jobs_that_are_there_are_counted(folder):
    found = grid()
    assert estimate(found).cells_made == 0
    assert len(estimate(found).graph.to_run) == len(estimate(found).graph.jobs)
    make_everything(found)
    assert estimate(found).cells_made == len(found.cells) == 11
    assert not estimate(found).graph.to_run
    assert estimate(found).to_run.jobs == 0
    # A score alone is made from its predictions again.
    cell = next(cell for cell in found.cells if (cell.recipe, cell.target) == ("mnli", "xnli"))
    Path(found.paths.cell_scores.format(**cell.wildcards)).unlink()
    assert estimate(found).cells_made == 10
    assert rules(found, estimate(found).graph.to_run) == ["score"]
    # Without predictions the checkpoint, which is gone, is needed once more.
    Path(found.paths.predictions.format(**cell.wildcards)).unlink()
    assert rules(found, estimate(found).graph.to_run) == ["predict", "score", "train_target"]
    # And that needs the encoder after intermediate training.
    Path(found.paths.intermediate.format(**cell.wildcards)).unlink()
    again = ["predict", "score", "train_intermediate", "train_target"]
    assert rules(found, estimate(found).graph.to_run) == again


def test_a_second_seed_runs_what_is_new(folder):
    make_everything(grid(seeds=[1]))
    found = grid(seeds=[1, 2])
    counts = {stage.rule: stage.jobs for stage in estimate(found).to_run.stages}
    # Two train sets and recipes; retrieval of the baseline does not depend on the seed.
    assert counts == {
        "train_intermediate": 1, "train_target": 4, "predict": 4, "embed": 1, "retrieve": 1,
        "score": 5,
    }  # fmt: skip


def test_on_one_core_the_wall_time_is_the_sum(folder):
    one, many = (estimate(grid(), jobs=jobs).everything for jobs in (1, 1000))
    assert one.span.seconds == pytest.approx(one.seconds)
    assert many.seconds == pytest.approx(one.seconds)
    assert many.span.seconds == pytest.approx(many.span.at_least)
    # Generating, tokenising, pretraining, both phases, prediction and scoring follow each other.
    graph = estimate(grid(), jobs=1)
    longest = {
        rule: max(graph.cost(job).seconds for job in graph.graph.jobs if job.rule == rule)
        for rule in ("pretrain", "train_intermediate", "train_target", "predict", "score")
    }
    assert sum(longest.values()) < many.span.seconds < one.span.seconds


def test_seconds_are_the_overhead_and_the_work_until_a_job_has_run(folder, monkeypatch):
    # As the records call it.
    monkeypatch.setattr("xstilts.execution.plan.past.cpu_model", lambda: "A processor")
    found = estimate(grid())
    job = next(job for job in found.graph.jobs if job.rule == "train_target")
    work = found.works.of(job.rule, job.wildcards)
    expected = rate_of("train_target").overhead + work_seconds(
        "train_target", work, device_of("cpu")
    )
    assert found.cost(job).seconds == pytest.approx(expected)
    write_record("train_target", job.wildcards, 3 * expected, experiment="try", joules=5.0)
    calibrated = estimate(grid())
    assert calibrated.cost(job).seconds == pytest.approx(3 * expected, rel=0.02)
    (error,) = calibrated.errors
    assert error.rule == "train_target"
    assert error.before == pytest.approx([1 / 3] * 3, rel=1e-3)
    # Its power too: 5 J in all.
    stage = next(each for each in calibrated.everything.stages if each.rule == "train_target")
    assert stage.joules == pytest.approx(stage.seconds * 5.0 / (3 * expected))


def test_a_job_s_seconds_by_hand():
    """A million operations and more for each thing that takes time, on a GPU of round figures."""
    device = Accelerator(
        name="g", peak=1e6, utilisation=0.5, bandwidth=4800.0, watts=1.0, layer_seconds=3.0
    )
    work = Work(flops=1e6, passes=10.0, updates=100.0)
    # 1e6 / 5e5 + 10 x 3 / 3 + 100 x 12 float32 / 4,800.
    assert work_seconds("train_target", work, device) == pytest.approx(2 + 10 + 1)
    assert work_seconds("score", Work(flops=1e6, passes=10.0), device) == 0
    assert work_seconds("retrieve", Work(flops=7 * CPU.peak), device) == pytest.approx(2)


def test_jobs_that_were_started_anew_say_nothing_about_how_long_one_takes(folder):
    at = {"encoder": "e", "recipe": "none", "train_set": "xnli", "seed": "1"}
    write_record("train_target", at, 100.0, experiment="try", failed=[50.0])
    assert estimate(grid()).calibration.jobs == 0


def test_jobs_of_another_experiment_count_by_what_they_did(folder):
    """Two trainings of 1,000 and 5,000 steps in 50 and 250 s, of an encoder of another size."""
    write_past("other", {"xnli": 1_000, "squad_v1": 5_000})
    before, after = PlanEstimate(grid(), {"e": None}, Options()), estimate(grid())
    assert before.calibration.jobs == after.calibration.jobs == 3
    error = next(error for error in after.errors if error.rule == "train_target")
    assert error.jobs == 2
    # 1,000 steps of two layers take 3 s by what is assumed of a core, and overhead.
    assert error.before[0] < 0.3
    job = next(job for job in after.graph.jobs if job.rule == "train_target")
    work = work_seconds("train_target", after.works.of(job.rule, job.wildcards), device_of("cpu"))
    assert after.cost(job).seconds > 5 * work


def test_money_and_emissions(folder):
    found = estimate(grid(emissions={"gram_per_kwh": 400, "pue": 1.5}), price=3.0).everything
    assert found.money == pytest.approx(3.0 * found.device_seconds / 3600)
    joules = sum(stage.joules for stage in found.stages)
    assert found.kg_co2e == pytest.approx(emissions_kg(joules, 400, 1.5))
    assert found.kwh == pytest.approx(joules / 3.6e6)
    free = estimate(grid()).everything
    assert (free.money, free.kg_co2e) == (None, None)


def test_gpus_are_those_that_are_named_used_or_assumed(folder):
    found = hub_grid(device="cuda")

    def on(**options):
        return PlanEstimate(found, {"e": LARGE}, Options(**options))

    assert on(device="h100", gpus=4).device == GPUS["h100"]
    assert on(device="h100", gpus=4).devices == 4
    faster, slower = on(device="h100").everything, on(device="rtx3090").everything
    assert faster.device_seconds < slower.device_seconds
    four = on(device="h100", gpus=4, jobs=100).everything
    assert four.device_seconds == pytest.approx(faster.device_seconds)
    assert faster.device_seconds / 4 <= four.span.at_least <= four.span.seconds
    assert four.span.seconds < faster.device_seconds


def test_the_gpu_that_jobs_ran_on_is_taken_for_the_next_ones(folder, monkeypatch):
    monkeypatch.setattr("xstilts.execution.plan.accelerators.gpu_here", lambda: None)
    monkeypatch.setattr("xstilts.execution.plan.estimate.gpu_here", lambda: None)
    found = hub_grid(device="cuda")
    assumed = PlanEstimate(found, {"e": LARGE}, Options())
    assert (assumed.device, assumed.device_is_assumed) == (GPUS["a100"], True)
    at = {"encoder": "e", "recipe": "none", "train_set": "xnli", "seed": "1"}
    write_record("train_target", at, 1000.0, experiment="try")
    record = Path("results/try/benchmarks/train_target/e/none/xnli/1.jsonl")
    line = json.loads(record.read_text())
    line["hardware"]["gpu"] = "Tesla T4"
    record.write_text(json.dumps(line) + "\n")
    used = PlanEstimate(found, {"e": LARGE}, Options())
    assert used.device == GPUS["t4"]
    named = PlanEstimate(found, {"e": LARGE}, Options(device="l4"))
    # It keeps its ratio to what was assumed of the other.
    ratio = used.cost(used.graph.jobs[-1]).seconds, named.cost(named.graph.jobs[-1]).seconds
    assert ratio[0] == ratio[1]
    fit = named.calibration.fit("train_target", "l4", is_gpu=True, overhead=4.0)
    assert fit.jobs == 0
    assert fit.factor != 1.0


def test_a_broken_record_is_passed_over(folder, caplog):
    at = {"encoder": "e", "recipe": "none", "train_set": "xnli", "seed": "1"}
    write_record("train_target", at, 100.0, experiment="try")
    write_record("train_target", {**at, "seed": "2"}, 100.0, experiment="try")
    broken = Path("results/try/benchmarks/train_target/e/none/xnli/2.jsonl")
    broken.write_text('{"attempt": "1", "finished": true, "wall_seconds": 5}\n')
    assert estimate(grid()).calibration.jobs == 1
    assert "2.jsonl" in caplog.text


def test_what_is_not_known_is_said(folder, capsys, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(folder))
    values = JobParams(hub_grid()).everything() | {
        "encoders": {"e": {"hub": "someone/encoder", "revision": COMMIT}}
    }
    (folder / "hub.yaml").write_text(yaml.safe_dump(values))
    _, text, _ = plan(capsys, "--configfile", "hub.yaml")
    assert re.search(r"train_target +18 +18 +unknown +unknown\n", text)
    assert re.search(r"unknown: \d+ jobs, which are in no figure", text)


def test_the_text_says_what_is_left_and_how_good_past_estimates_were(folder, capsys, monkeypatch):
    found = grid()
    make_everything(found)
    Path(found.paths.cell_scores.format(**found.cells[0].wildcards)).unlink()
    status, text, _ = plan(capsys, "--configfile", "exp.yaml", "--jobs", 2, "--price", 2)
    assert status == 0
    assert text.startswith("try: 11 cells, 10 made, 1 to run\n")
    assert re.search(r"\n  score +11 +1 +0\.\d+ +0\.000\n", text)
    assert "At most, on 2 cores, a job each" in text
    assert re.search(r"\n  price of the hours of encoders +\d+\.\d\d +0\.00\n", text)
    assert "no job of an encoder has finished here\n  The hours above rest on data sheets" in text
    monkeypatch.setattr("xstilts.execution.plan.past.cpu_model", lambda: "another processor")
    at = {"encoder": "e", "recipe": "none", "train_set": "xnli", "seed": "1"}
    for seed in ("1", "2"):
        write_record("train_target", {**at, "seed": seed}, 1e5, experiment="try")
    write_record("train_target", {**at, "train_set": "squad_v1"}, 1e5, experiment="try")
    _, text, _ = plan(capsys, "--configfile", "exp.yaml")
    assert re.search(r"\n  target training +3 +0\.00 \(0\.00 to 0\.00\) +\d+\.\d\d \(.* to", text)
    assert "ran on other hardware" in text
    monkeypatch.setattr("xstilts.execution.plan.past.cpu_model", lambda: "A processor")
    _, text, _ = plan(capsys, "--configfile", "exp.yaml")
    assert "calibrated by these jobs" in text


def test_plain_data(folder, capsys):
    status, text, _ = plan(
        capsys, "--configfile", "exp.yaml", "--json", "--jobs", 2, "--price", 1.5
    )
    assert status == 0
    found = json.loads(text)
    expected = estimate(grid(), price=1.5)
    assert found["cells"] == {"all": 11, "made": 0, "untrained": 0}
    assert found["all"]["wall_seconds"] == pytest.approx(expected.everything.span.seconds)
    assert found["to_run"]["price"] == pytest.approx(expected.to_run.money)
    assert found["all"]["stages"]["train_target"]["jobs"] == 8
    assert found["device"]["number"] == 2
    assert found["disk"]["at_most"] > found["disk"]["at_the_end"] > 0
    assert found["past_estimates"] == {}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [(["--device", "h10"], "h100"), (["--price", "-1"], "--price"), (["--gpus", "0"], "--gpus")],
)
def test_mistakes_name_the_option(folder, capsys, arguments, message):
    try:
        status, _, error = plan(capsys, "--configfile", "exp.yaml", *arguments)
    except SystemExit as ended:
        status, error = ended.code, capsys.readouterr().err
    assert status != 0
    assert message in error
    assert "Traceback" not in error
