"""The study's conditions as a user runs them: mixtures, other languages, continued MLM, seeds."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import threading
import time
from pathlib import Path

import polars as pl
import pytest
from safetensors import safe_open
from tiny_grid import LANGUAGES, make_folder
from workflow_runs import ROOT, command, has_saved_state

from xstilts.config.tasks import INTERMEDIATE

pytestmark = pytest.mark.workflow

RECIPES = ["none", "multi", "mnli+mlm", "mnli@de", "mnli@th"]


def write_text(folder: Path) -> None:
    """Plain text in two languages: the sentences of the pairs."""
    (folder / "text").mkdir()
    for language in ("en", "de"):
        rows = (folder / f"xtreme/xnli/dev-{language}.tsv").read_text(encoding="utf-8")
        lines = [line.split("\t")[0] for line in rows.splitlines()]
        (folder / f"text/{language}.txt").write_text("\n".join(lines), encoding="utf-8")


class Killer(threading.Thread):
    """Kills one training job, once it has saved a state, as if the machine had lost it."""

    def __init__(self, folder: Path, recipe: str) -> None:
        super().__init__(daemon=True)
        self.states = folder / "results/tiny/resume/intermediate/tiny" / recipe
        self.killed = False

    def run(self) -> None:
        while not self.killed:
            time.sleep(0.02)
            if has_saved_state(self.states):
                self.killed = any(self._kill(pid) for pid in self._training())

    def _training(self) -> list[int]:
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            try:
                holds = [str(each.readlink()) for each in (process / "fd").iterdir()]
            except OSError:
                continue
            if any(name.startswith(str(self.states)) for name in holds):
                found.append(int(process.name))
        return found

    @staticmethod
    def _kill(pid: int) -> bool:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            return False
        return True


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """The grid, one of whose intermediate training jobs was killed while it ran."""
    folder = make_folder(
        tmp_path_factory.mktemp("study"),
        recipes=RECIPES,
        seeds=[1, 2],
        targets={"xnli": {"languages": LANGUAGES}, "tatoeba": {"languages": ["de"]}},
        splits=["dev", "test"],
        baselines=[],
        text={"root": "text"},
        mixing={"cap": 16},
        continued_mlm={"max_length": 32},
    )
    write_text(folder)
    killer = Killer(folder, "multi")
    killer.start()
    run = subprocess.run(command(folder), capture_output=True, text=True, timeout=900)
    assert run.returncode == 0, (run.stdout + run.stderr)[-6000:]
    assert killer.killed
    assert "left out: recipe mnli@th: " in run.stdout + run.stderr
    return folder


def heads(folder: Path) -> set[str]:
    with safe_open(folder / "head.safetensors", framework="pt") as handle:
        return {name.partition(".")[0] for name in handle.keys()}  # noqa: SIM118


def test_a_killed_job_is_tried_again_and_goes_on_from_its_state(finished):
    logs = (finished / "results/tiny/logs/train_intermediate/tiny/multi").iterdir()
    assert any("resuming after step" in log.read_text(encoding="utf-8") for log in logs)
    assert not any((finished / "results/tiny/resume").rglob("*.safetensors"))


def test_multi_has_a_head_for_each_of_the_nine_tasks(finished):
    states = finished / "results/tiny/intermediate/tiny"
    assert heads(states / "multi/seed1") == set(INTERMEDIATE)
    assert heads(states / "mnli+mlm/seed1") == {"mnli", "text"}
    curve = pl.read_parquet(finished / "results/tiny/curves/tiny/multi/intermediate/seed1.parquet")
    assert set(curve["source"]) == set(INTERMEDIATE)
    provenance = json.loads((states / "mnli@de/seed1/provenance.json").read_text())
    (unit,) = provenance["data"]["mnli@de"]["units"]
    assert (unit["split"], unit["language"]) == ("train", "de")


def test_every_run_and_every_seed_is_in_the_tables(finished):
    runs = pl.read_parquet(finished / "results/tiny/runs.parquet")
    assert runs.filter(phase="intermediate").height == 3 * 2
    assert runs.filter(phase="target").height == 4 * 2
    assert (runs["tokens"] > 0).all()
    scores = pl.read_parquet(finished / "results/tiny/scores.parquet")
    assert set(scores["recipe"]) == set(RECIPES) - {"mnli@th"}
    assert set(scores.filter(target="xnli")["seed"]) == {1, 2}


def test_what_could_not_be_run_stands_in_the_report(finished):
    page = (finished / "results/tiny/index.html").read_text(encoding="utf-8")
    assert "recipe mnli@th: " in page


def test_every_claim_has_a_verdict_or_says_what_is_missing(finished):
    results = finished / "results/tiny"
    parts = json.loads((results / "claims.json").read_text(encoding="utf-8"))["claims"]
    page = (results / "claims.html").read_text(encoding="utf-8")
    assert {part["number"][0] for part in parts} == set("1234567")
    for part in parts:
        assert (part["recipe"] or part["statement"]) in page
        if part["verdict"] == "not testable":
            assert part["missing"]
        else:
            assert part["low"] <= part["high"]
    assert {part["recipe"] for part in parts if part["recipe"]} == set(RECIPES) - {
        "none",
        "mnli@th",
    }
    chosen = pl.read_parquet(results / "selection.parquet")
    assert set(chosen["basis"]) == {"english_dev", "all_language_dev"}
    assert set(chosen.filter(pl.col("target") == "xnli")["recipe"]) <= set(RECIPES)


def test_every_cell_and_every_killed_attempt_is_paid_for(finished):
    results = finished / "results/tiny"
    costs = pl.read_parquet(results / "costs.parquet")
    training = costs.filter(pl.col("stage") == "train_intermediate")
    assert training.height == 3 * 2
    assert (training["flops"] > 0).all()
    assert (costs["wall_seconds"] > 0).all()
    assert training.filter(recipe="multi")["attempts"].max() > 1
    assert "Pareto" in (results / "cost.html").read_text(encoding="utf-8")
    page = (results / "index.html").read_text(encoding="utf-8")
    assert 'href="claims.html"' in page
    assert 'href="cost.html"' in page


def test_intermediate_encoders_are_kept_and_target_checkpoints_are_not(finished):
    results = finished / "results/tiny"
    assert len(list(results.glob("intermediate/tiny/*/seed*/model.safetensors"))) == 3 * 2
    assert not list(results.glob("target/**/model.safetensors"))


ENTRY = """
    Task(
        key="boolq",
        title="BoolQ",
        kind=Kind.PAIR,
        metric="accuracy",
        labels=("yes", "no"),
        intermediate=True,
        licence="CC BY-SA 3.0",
        folder=per_split(files("boolq_jsonl", "boolq/{split}{-lang}.jsonl"), **TRAINED),
    ),
"""
READER = '''
from xstilts.data.readers.lines import parse_json


def read_boolq(place, files):
    """JSON lines of question, passage and answer (true or false)."""
    batch = Batch()
    for number, line in enumerate(read_lines(files[0])):
        row = parse_json(line, files[0], number + 1)
        texts = {"text_a": row["question"], "text_b": row["passage"]}
        label = "yes" if row["answer"] else "no"
        batch.rows.append({**item(place, number), **texts, "label": label})
    return batch


READERS["boolq_jsonl"] = read_boolq
'''


def test_a_tenth_intermediate_task_is_one_entry_and_one_reader(tmp_path):
    """A copy of the package with these two added runs it from data to scores."""
    package = tmp_path / "patched/xstilts"
    shutil.copytree(ROOT / "src/xstilts", package, ignore=shutil.ignore_patterns("__pycache__"))
    table = package / "config/tasks/intermediate.py"
    text = table.read_text(encoding="utf-8")
    assert text.count("\nINTERMEDIATE = (\n") == 1
    table.write_text(text.replace("\nINTERMEDIATE = (\n", f"\nINTERMEDIATE = ({ENTRY}"))
    with (package / "data/readers/folder.py").open("a", encoding="utf-8") as readers:
        readers.write(READER)
    folder = make_folder(
        tmp_path / "run",
        recipes=["none", "boolq"],
        targets={"xnli": {"languages": LANGUAGES}},
        baselines=[],
    )
    (folder / "xtreme/boolq").mkdir()
    for split, number in (("train", 40), ("dev", 20)):
        rows = [
            {"question": f"is it {i}", "passage": f"it is {i % 7}", "answer": i % 2 == 0}
            for i in range(number)
        ]
        lines = "".join(f"{json.dumps(row)}\n" for row in rows)
        (folder / f"xtreme/boolq/{split}.jsonl").write_text(lines)
    environment = {**os.environ, "PYTHONPATH": str(package.parent)}
    run = subprocess.run(
        command(folder, "scores"), capture_output=True, text=True, env=environment, timeout=600
    )
    assert run.returncode == 0, (run.stdout + run.stderr)[-6000:]
    scores = pl.read_parquet(folder / "results/tiny/scores.parquet")
    assert set(scores["recipe"]) == {"none", "boolq"}
    assert heads(folder / "results/tiny/intermediate/tiny/boolq/seed1") == {"boolq"}
