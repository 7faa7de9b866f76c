"""The workflow as a user runs it: real `snakemake`, on made-up data with a tiny encoder."""

from __future__ import annotations

import html
import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest
import yaml
from tiny_grid import EXPERIMENT, LANGUAGES, SMALL, edit, make_folder
from workflow_runs import ROOT, command, has_saved_state, planned, snakemake

from xstilts.analysis.findings import Findings
from xstilts.analysis.tables import EVERY
from xstilts.execution.provenance import read_provenance
from xstilts.scoring.scores import LANGUAGE_SCORE

pytestmark = pytest.mark.workflow


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """The whole tiny grid, run once."""
    folder = make_folder(tmp_path_factory.mktemp("grid"))
    snakemake(folder)
    return folder


def test_every_cell_has_scores_in_every_language(finished):
    scores = pl.read_parquet(finished / "results/tiny/scores.parquet")
    main = scores.filter(pl.col("metric") == LANGUAGE_SCORE, pl.col("split") == "test")
    found = {(row["recipe"], row["target"], row["language"]) for row in main.iter_rows(named=True)}
    wanted = {
        (recipe, target, language)
        for recipe in EXPERIMENT["recipes"]
        for target, chosen in EXPERIMENT["targets"].items()
        for language in chosen["languages"]
    }
    assert found == wanted
    assert main["value"].is_between(0, 100).all()


def test_the_tiny_encoder_learned_something_in_english(finished):
    scores = pl.read_parquet(finished / "results/tiny/scores.parquet")
    english = scores.filter(
        pl.col("metric") == "token_accuracy", pl.col("language") == "en",
        pl.col("target") == "udpos", pl.col("split") == "test",
    )  # fmt: skip
    assert (english["value"] > 3 * 100 / 17).all()


def test_submission_scored_by_evaluate_agrees_with_the_score_table(finished):
    results = finished / "results/tiny"
    scores = pl.read_parquet(results / "scores.parquet").filter(split="test", condition="clean")
    for recipe in EXPERIMENT["recipes"]:
        output = finished / f"{recipe}.json"
        subprocess.run(
            [
                str(Path(sys.executable).with_name("xstilts")), "evaluate",
                "--predictions", str(results / f"submission/tiny/{recipe}/seed1"),
                "--labels", str(results / "labels"),
                "--languages", "present", "--output", str(output),
            ],
            check=True, capture_output=True,
        )  # fmt: skip
        report = json.loads(output.read_text())
        assert report == json.loads((results / f"submission/tiny/{recipe}/seed1.json").read_text())
        compared = 0
        for row in scores.filter(pl.col("recipe") == recipe).iter_rows(named=True):
            by_language = report[row["target"]].get(row["metric"])
            if by_language is not None:
                assert by_language[row["language"]] == pytest.approx(row["value"], abs=1e-9)
                compared += 1
        assert compared > 30
        assert "all_task" in report


def test_the_report_and_the_job_records_are_there(finished):
    results = finished / "results/tiny"
    page = (results / "index.html").read_text()
    assert "mnli" in page
    assert "BUCC, tiny after none, seed 1: thresholds tuned" in page
    sentences = (results / "headline.txt").read_text().splitlines()
    assert len(sentences) == 5
    assert sentences[0].startswith("In English, none scores")
    assert html.escape(sentences[0], quote=False).replace("'", "&#39;") in page
    for kind in ("logs", "benchmarks"):
        rules = {path.name for path in (results / kind).iterdir()}
        assert {"ingest", "tokenise", "train_target", "predict", "embed", "retrieve"} <= rules
    assert not (results / "resume").exists() or not any((results / "resume").rglob("*.safe*"))
    assert not list(results.glob("target/**/model.safetensors"))
    assert (results / "intermediate/tiny/mnli/seed1/model.safetensors").is_file()
    assert "steps" in (results / "logs/train_target/tiny/none/xnli/1.log").read_text()


def test_perturbed_inputs_are_predicted_as_further_conditions_of_the_same_cell(finished):
    scores = pl.read_parquet(finished / "results/tiny/scores.parquet")
    main = scores.filter(pl.col("condition") != "clean", metric=LANGUAGE_SCORE)
    perturbed = EXPERIMENT["perturbations"]
    languages = {
        (row["target"], row["condition"]): set(row["language"])
        for row in main.group_by("target", "condition").agg("language").iter_rows(named=True)
    }
    wanted = {}
    for target in perturbed["targets"]:
        every = set(EXPERIMENT["targets"][target]["languages"])
        wanted |= {(target, f"typos@{strength}"): every for strength in (0.1, 0.3)}
        # Chinese has no capitals.
        wanted[target, "upper@1"] = every - {"zh"}
    assert languages == wanted
    assert set(main["split"]) == {"test"}
    for target, n in (("xnli", 10), ("panx", 10), ("xquad", 10), ("tatoeba", 10)):
        assert set(main.filter(target=target)["n"]) == {n}
    # Clean rows of the same items are there to be set against them.
    table = pl.read_parquet(finished / "results/tiny/predictions/tiny/none/xnli/seed1.parquet")
    ids = table.filter(condition="clean", split="test").select("language", "id")
    noisy = table.filter(condition="typos@0.3").select("language", "id")
    assert noisy.join(ids, on=["language", "id"], how="anti").is_empty()


def test_every_training_run_has_a_curve_that_says_what_made_it_and_is_on_the_page(finished):
    results = finished / "results/tiny"
    curves = list(results.glob("curves/**/*.parquet"))
    runs = pl.read_parquet(results / "runs.parquet")
    assert len(curves) == len(runs) > 5
    for path in curves:
        made = read_provenance(path)
        assert made["rule"] in ("train_intermediate", "train_target")
        assert {"params", "inputs", "lineage", "hardware"} <= made.keys()
        assert made["lineage"]["code"].keys() >= {"ingest", "tokenise", made["rule"]}
    # What a table says itself does not lie beside it.
    assert not (results / "provenance/curves").exists()
    page = (results / "curves.html").read_text()
    (rows,) = re.findall(r'class="rows">(.*?)</script>', page, re.DOTALL)
    assert len(json.loads(rows)) == len(runs)
    assert '<a href="index.html">Scores</a>' in page
    for name in ("index.html", "fairness.html"):
        assert '<a href="curves.html">Training</a>' in (results / name).read_text()


def test_findings_and_their_page_are_there(finished):
    results = finished / "results/tiny"
    findings = Findings.read(results / "findings")
    # Three languages of three families allow no more, and one encoder has no order.
    empty = {name for name, held in findings.tables.items() if held.is_empty()}
    kin = {"kinship", "kinship_profile", "kinship_new"}
    suspects = {"suspect_items", "fairness_without"}  # too few runs to list any
    assert empty <= {"association", "pareto", "collapsed", "encoders", *kin, *suspects}
    assert set(findings["perturbed"]["target"]) == {*EXPERIMENT["perturbations"]["targets"], EVERY}
    page = (results / "fairness.html").read_text()
    summary = (results / "findings.txt").read_text().splitlines()
    assert summary
    for sentence in summary:
        assert html.escape(sentence.rpartition("`")[2], quote=False) in page


def test_every_target_stands_beside_its_shortcuts(finished):
    baselines = pl.read_parquet(finished / "results/tiny/baselines.parquet")
    main = baselines.filter(metric=LANGUAGE_SCORE, split="test")
    for target, chosen in EXPERIMENT["targets"].items():
        for name in ("majority", "type_only", "shared_names"):
            found = main.filter(target=target, baseline=name)["language"].to_list()
            absent = (target, name) in (("udpos", "shared_names"), ("bucc2018", "type_only"))
            assert sorted(found) == ([] if absent else sorted(chosen["languages"]))
    # The last word of the hypothesis decides the made-up label.
    assert main.filter(target="xnli", baseline="type_only", language="en")["value"].item() > 90
    page = (finished / "results/tiny/index.html").read_text()
    assert "is not clearly above the shortcut type_only" in page


def test_untrained_encoders_are_trained_on_targets_and_nothing_else(finished):
    edit(finished, baselines=["majority", "untrained"], seeds=[1, 2])
    try:
        output = snakemake(finished, "--dry-run", "baselines")
    finally:
        edit(finished)
    jobs = planned(output)
    assert jobs["reinitialise"] == 1
    assert jobs["train_target"] == 6
    assert jobs["predict"] == 7
    assert jobs["embed"] == jobs["retrieve"] == 2
    assert jobs["score"] == jobs["shortcuts"] == 9
    assert "after none" not in output
    assert "seed 2" not in output


def test_a_second_run_does_nothing(finished):
    assert "Nothing to be done" in snakemake(finished)


def test_a_language_more_reaches_its_target_only(finished):
    targets = {**EXPERIMENT["targets"], "xnli": {"languages": [*LANGUAGES, "sw"]}}
    edit(finished, targets=targets, perturbations=EXPERIMENT["perturbations"])
    try:
        jobs = planned(snakemake(finished, "--dry-run"))
    finally:
        edit(finished)
    # Its data and features do not reach training, whose checkpoints were temporary: the two
    # that predict again are trained again, and no others.
    assert jobs["ingest"] == jobs["perturb"] == 1
    assert jobs["tokenise"] == 2
    assert jobs["predict"] == jobs["train_target"] == 2
    assert "train_intermediate" not in jobs


def test_how_a_job_is_executed_re_runs_nothing(finished):
    training = {"default": {**EXPERIMENT["training"]["default"], "save_every_seconds": 9}}
    edit(finished, training=training, prediction={"batch_tokens": 512}, device="cpu")
    try:
        jobs = planned(snakemake(finished, "--dry-run"))
    finally:
        edit(finished)
    assert set(jobs) <= {"write_report", "write_claims", "write_cost", "write_fairness"}


def test_a_learning_rate_of_one_recipe_reaches_its_descendants_only(finished):
    edit(finished, intermediate_training={"tasks": {"mnli": {"learning_rate": 1e-3}}})
    try:
        output = snakemake(finished, "--dry-run")
    finally:
        edit(finished)
    jobs = planned(output)
    assert jobs["train_intermediate"] == 1
    assert jobs["train_target"] == 6
    assert "target training: tiny after mnli" in output
    assert "target training: tiny after none" not in output


def test_a_comment_and_the_order_of_keys_change_nothing(finished):
    text = (finished / "exp.yaml").read_text()
    reordered = dict(reversed(yaml.safe_load(text).items()))
    (finished / "exp.yaml").write_text("# a comment\n" + yaml.safe_dump(reordered, sort_keys=False))
    try:
        assert "Nothing to be done" in snakemake(finished, "--dry-run")
    finally:
        (finished / "exp.yaml").write_text(text)


def stop_with_state(process: subprocess.Popen, folder: Path) -> None:
    """Stop a run for good or ill at a moment at which a training run has state to resume from."""
    while process.poll() is None:
        if has_saved_state(folder):
            # What was seen may be gone a moment later: stand still, and look again.
            os.killpg(process.pid, signal.SIGSTOP)
            if has_saved_state(folder):
                return
            os.killpg(process.pid, signal.SIGCONT)
        time.sleep(0.005)


def test_killed_anywhere_and_started_again_it_gives_the_same_scores(tmp_path):
    left_alone = make_folder(tmp_path / "a", **SMALL)
    killed = make_folder(tmp_path / "b", **SMALL)
    snakemake(left_alone)
    moments = random.Random(3)
    for kill in range(3):
        process = subprocess.Popen(
            command(killed), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        if kill == 2:
            # The last, so that the run which is left alone finds the state.
            stop_with_state(process, killed)
        else:
            time.sleep(moments.uniform(4, 12))
        assert process.poll() is None, "it ended before it was killed"
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        snakemake(killed, "--unlock")
    snakemake(killed)
    assert any(
        "resuming after step" in path.read_text() for path in killed.rglob("logs/train_*/**/*.log")
    )
    tables = [
        pl.read_parquet(folder / "results/tiny/scores.parquet") for folder in (left_alone, killed)
    ]
    assert tables[0].equals(tables[1])
    assert not list(killed.rglob("*.tmp"))


def test_a_typo_stops_before_any_job(tmp_path):
    folder = make_folder(tmp_path, targets={"xnly": None})
    output = snakemake(folder, "--dry-run", check=False)
    assert "did you mean 'xnli'?" in output
    assert "Traceback" not in output


def test_missing_data_stop_before_any_job_and_can_be_left_out(tmp_path):
    targets = {"xnli": {"languages": ["en", "fr"]}, "tatoeba": {"languages": ["de"]}}
    folder = make_folder(tmp_path, targets=targets)
    output = snakemake(folder, "--dry-run", check=False)
    assert "xnli test fr" in output
    assert "missing_data: leave_out" in output
    edit(folder, targets=targets, missing_data="leave_out")
    assert "left out: xnli test fr" in snakemake(folder, "--dry-run")


def test_bad_data_stop_with_file_and_row(tmp_path):
    folder = make_folder(tmp_path, **SMALL)
    path = folder / "xtreme/xnli/test-de.tsv"
    lines = path.read_text().split("\n")
    lines[4] = lines[4].rsplit("\t", 1)[0] + "\tperhaps"
    path.write_text("\n".join(lines))
    output = snakemake(folder, "--until", "ingest", check=False)
    assert "test-de.tsv, row 5" in output
    assert "'perhaps'" in output
    assert not (folder / "results/tiny/data/xnli/eval.parquet").exists()


def test_the_hub_experiment_plans_the_whole_grid(tmp_path):
    text = (ROOT / "workflow/experiments/xtreme-hub.yaml").read_text()
    (tmp_path / "exp.yaml").write_text(text)
    jobs = planned(snakemake(tmp_path, "--dry-run"))
    # 4 recipes × 6 train sets × 3 seeds; 3 intermediate tasks × 3 seeds; retrieval once for none.
    assert jobs["train_target"] == 72
    assert jobs["train_intermediate"] == 9
    assert jobs["predict"] == 84
    assert jobs["retrieve"] == 2 * (1 + 3 + 3 + 3)


@pytest.mark.real_data
def test_real_data_and_a_real_encoder_give_the_expected_picture(tmp_path, xtreme_mini):
    """MiniLM is English: NER far better there, retrieval above chance in Latin script."""
    experiment = yaml.safe_load((ROOT / "workflow/experiments/xtreme-mini.yaml").read_text())
    experiment |= {
        "data_root": str(xtreme_mini),
        "recipes": ["none"],
        "targets": {
            "panx": {"languages": ["en", "et", "ta"]},
            "tatoeba": {"languages": ["de", "fr"]},
        },
        "limits": {
            "default": {"train": 800, "dev": 80, "test": 80},
            "tasks": {"tatoeba": {"test": 200}},
        },
    }
    (tmp_path / "exp.yaml").write_text(yaml.safe_dump(experiment))
    snakemake(tmp_path, "scores")
    scores = pl.read_parquet(tmp_path / "results/xtreme-mini/scores.parquet")
    main = {
        (row["target"], row["language"]): row["value"]
        for row in scores.filter(metric=LANGUAGE_SCORE, condition="clean").iter_rows(named=True)
    }
    assert main["panx", "en"] > 45
    assert main["panx", "en"] > main["panx", "et"] + 15
    assert main["panx", "en"] > main["panx", "ta"] + 30
    # 1 in 200 is chance; a full pool of 1,000 gives about 17 and 19.
    assert main["tatoeba", "de"] > 15
    assert main["tatoeba", "fr"] > 15
