"""Exactly what re-runs after an edit of the experiment, the code, the data or the libraries.

On a grid that was really run. What has to run is written in terms of the grid.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import polars as pl
import pytest
import yaml
from counted import Counted
from rerun_grid import (
    CURVES,
    EXPERIMENT,
    LANGUAGES,
    OVERLAP,
    PAGES,
    RECIPES,
    SCRIPTS,
    FinishedGrid,
    Jobs,
    cells,
    evaluated,
    named,
    predicted,
    trained,
)
from tiny_grid import EXPERIMENT as TINY

from xstilts.execution.provenance import read_provenance
from xstilts.scoring.scores import LANGUAGE_SCORE

pytestmark = pytest.mark.workflow

SPANS = ("xquad", "mlqa")
XNLI_IN_SWAHILI = {**EXPERIMENT["targets"], "xnli": {"languages": [*LANGUAGES, "sw"]}}
TRAINING = TINY["training"]["default"]
# The last is longer than what Snakemake compares by content unless told otherwise.
FETCHED = ("xtreme/xquad/xquad.de.json", "encoder/config.json", "encoder/notes.txt")
NOTHING: Jobs = frozenset()
# What is made of the analysis.
ANALYSED: Jobs = frozenset({"analyse", "write_fairness", "write_claims", "write_report"})


@pytest.fixture(scope="module")
def grid(tmp_path_factory) -> FinishedGrid:
    """The grid, run once; every test but the last leaves it as it was."""
    made = FinishedGrid.make(tmp_path_factory.mktemp("reruns"))
    (made.folder / "traced").mkdir()
    made.run(traced=made.folder / "traced")
    return made


def edited(name: str, old: str, new: str) -> Callable[[FinishedGrid], Any]:
    """Replaces what occurs once in a file."""

    def edit(grid: FinishedGrid) -> None:
        path = grid.path(name)
        text = path.read_text(encoding="utf-8")
        assert text.count(old) == 1, f"{name}: {text.count(old)} times {old!r}"
        path.write_text(text.replace(old, new), encoding="utf-8")

    return edit


def all_of(*edits: Callable[[FinishedGrid], Any]) -> Callable[[FinishedGrid], Any]:
    return lambda grid: [edit(grid) for edit in edits]


def reordered(value: Any) -> Any:
    """Mappings the other way round, at all levels."""
    if isinstance(value, dict):
        return {key: reordered(each) for key, each in reversed(value.items())}
    return value


def reorder(grid: FinishedGrid) -> None:
    path = grid.folder / "exp.yaml"
    values = reordered(yaml.safe_load(path.read_text()))
    path.write_text("# A comment.\n\n" + yaml.safe_dump(values, sort_keys=False, indent=6))


def touch(*names: str) -> Callable[[FinishedGrid], Any]:
    return lambda grid: [os.utime(grid.path(name)) for name in names]


@dataclass(frozen=True, kw_only=True)
class Edit:
    """What is changed in the experiment and by `act` in files; what a dry run has to list."""

    runs: Jobs | set[str]
    experiment: dict[str, Any] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    act: Callable[[FinishedGrid], Any] = lambda grid: None


def prepared(*sources: str, parts: tuple[str, ...], rules: tuple[str, ...]) -> set[str]:
    places = {"ingest": "", "tokenise": "tiny/"}
    return {
        f"{rule} {places[rule]}{source}/{part}"
        for source in sources
        for part in parts
        for rule in rules
    }


ROWS = "src/xstilts/config/languages/languages.csv"
FACTS = "src/xstilts/config/languages/facts.csv"

EDITS = {
    "learning rate of an intermediate task": Edit(
        experiment={"intermediate_training": {"tasks": {"mnli": {"learning_rate": 1e-3}}}},
        runs=trained(cells(("mnli",))) | {"train_intermediate tiny/mnli/1"},
    ),
    "learning rate of a target": Edit(
        experiment={
            "training": {"default": TRAINING, "tasks": {"xnli": {"learning_rate": 1e-3}}},
            "intermediate_training": {"default": TRAINING},
        },
        runs=trained(cells(targets=("xnli",))),
    ),
    "language": Edit(experiment={"targets": XNLI_IN_SWAHILI}, runs=evaluated("xnli")),
    "seed": Edit(
        experiment={"seeds": [1, 2]},
        # The baseline's retrieval has no seed, and untrained encoders are drawn for the first.
        runs=trained(cells(RECIPES, seed=2) - {("none", "tatoeba", 2)})
        | {"train_intermediate tiny/mnli/2"},
    ),
    "recipe": Edit(
        experiment={"recipes": [*RECIPES, "qqp"]},
        runs=trained(cells(("qqp",)))
        | {"train_intermediate tiny/qqp/1"}
        | prepared("qqp", parts=("train", "dev"), rules=("ingest", "tokenise")),
    ),
    "target": Edit(
        experiment={"targets": {**EXPERIMENT["targets"], "panx": {"languages": LANGUAGES}}},
        runs=trained(cells(targets=("panx",)))
        | prepared("panx", parts=("train", "dev", "eval"), rules=("ingest", "tokenise"))
        | {"shortcuts panx", "write_labels", OVERLAP},
    ),
    "limit of one target": Edit(
        experiment={"limits": {"tasks": {"xquad": {"test": 10}}}}, runs=evaluated("xquad")
    ),
    "strength of a perturbation": Edit(
        experiment={"perturbations": {"typos": [0.3, 0.5], "items": 10, "targets": ["xnli"]}},
        runs=predicted(cells(RECIPES, ("xnli",)))
        | {"perturb xnli", "tokenise tiny/xnli/perturbed"},
    ),
    # The pages show the whole experiment.
    "emissions": Edit(experiment={"emissions": {"gram_per_kwh": 100}}, runs=PAGES),
    "assumptions of the plan": Edit(experiment={"assumptions": {"accuracy": 0.8}}, runs=NOTHING),
    "how it is executed": Edit(
        experiment={
            "training": {"default": {**TRAINING, "save_every_seconds": 9}},
            "prediction": {"batch_tokens": 512},
            "device": "cpu",
        },
        runs=PAGES,
    ),
    "comments and order of the experiment file": Edit(act=reorder, runs=NOTHING),
    "comments, docstrings and layout of the code": Edit(
        files=(
            "src/xstilts/training/loop.py",
            "workflow/scripts/train.py",
            "workflow/rules/train.smk",
        ),
        act=all_of(
            edited(
                "src/xstilts/training/loop.py", '"""One optimizer step on', '"""A single step on'
            ),
            edited(
                "src/xstilts/training/loop.py",
                "loss = loss / decisions",
                "loss = (loss\n / decisions)",
            ),
            edited(
                "workflow/scripts/train.py", "    settings =", "    # What was set.\n    settings ="
            ),
            edited("workflow/rules/train.smk", "rule train_target:", "# Last.\nrule train_target:"),
        ),
        runs=NOTHING,
    ),
    "loss of all training": Edit(
        files=("src/xstilts/training/loop.py",),
        act=edited(
            "src/xstilts/training/loop.py", "loss = loss / decisions", "loss = 2 * loss / decisions"
        ),
        runs=trained(cells() - cells(("none", "untrained"), ("tatoeba",)))
        | {"train_intermediate tiny/mnli/1"},
    ),
    "loss of one kind of task": Edit(
        files=("src/xstilts/features/kinds/pair.py",),
        act=edited("src/xstilts/features/kinds/pair.py", "outputs.float()", "2 * outputs.float()"),
        runs=trained(cells(("mnli",)) | cells(targets=("xnli",)))
        | {"train_intermediate tiny/mnli/1", "tokenise tiny/xnli/perturbed"}
        | prepared("mnli", "xnli", parts=("train", "dev"), rules=("tokenise",))
        | prepared("xnli", parts=("eval",), rules=("tokenise",))
        | {OVERLAP},
    ),
    # Development sets are decoded too, by which checkpoints are chosen.
    "decoding of one kind of task": Edit(
        files=("src/xstilts/features/kinds/span.py",),
        act=edited(
            "src/xstilts/features/kinds/span.py", "min(longest, tokens)", "min(tokens, longest)"
        ),
        runs=trained(cells(targets=SPANS))
        | prepared("squad_v1", parts=("train", "dev"), rules=("tokenise",))
        | prepared(*SPANS, parts=("eval",), rules=("tokenise",))
        | {OVERLAP},
    ),
    "how alike subwords are": Edit(
        files=("src/xstilts/features/overlap.py",),
        act=edited("src/xstilts/features/overlap.py", "base=2", "base=4"),
        runs=ANALYSED | {OVERLAP},
    ),
    "formula of a measure": Edit(
        files=("src/xstilts/analysis/fairness/formulas.py",),
        act=edited(
            "src/xstilts/analysis/fairness/formulas.py", "def worst(u: ", "def worst(u, /, *_: "
        ),
        runs=ANALYSED,
    ),
    "wording of a perturbation": Edit(
        files=("src/xstilts/config/perturbations/kinds.py",),
        act=edited(
            "src/xstilts/config/perturbations/kinds.py", 'title="Typos"', 'title="Misprints"'
        ),
        runs={"write_fairness"},
    ),
    "look of the pages": Edit(
        files=("src/xstilts/report/templates/page.css",),
        act=lambda grid: grid.path("src/xstilts/report/templates/page.css").write_text("p {}"),
        runs=PAGES | CURVES,
    ),
    "family of a language": Edit(
        files=(ROWS,),
        act=edited(ROWS, "Latn,,Swahili,Niger", "Latn,,Swahili,Atlantic"),
        runs=ANALYSED,
    ),
    "distance of a language": Edit(
        files=(FACTS,),
        act=edited(FACTS, "swh,0.526", "swh,0.626"),
        runs=ANALYSED,
    ),
    "comments of the tables": Edit(
        files=("src/xstilts/config/languages/__init__.py", "src/xstilts/config/tasks/targets.py"),
        act=all_of(
            edited(
                "src/xstilts/config/languages/__init__.py",
                '"""Languages: ',
                '"""All languages: ',
            ),
            edited("src/xstilts/config/tasks/targets.py", "\nTARGETS = (", "\n# All.\nTARGETS = ("),
        ),
        runs=NOTHING,
    ),
    "one language and one task more": Edit(
        files=(ROWS, FACTS, "src/xstilts/config/tasks/intermediate.py"),
        act=all_of(
            edited(
                ROWS,
                "\naf,Afr",
                "\naar,Afar,aar,aa,afar1241,Cushitic,Latn,,,Afro-Asiatic,Africa,1,2,afro1255\naf,Afr",
            ),
            edited(FACTS, "\naf,1.3", f"\naar,0{',' * 11}\naf,1.3"),
            edited(
                "src/xstilts/config/tasks/intermediate.py",
                "INTERMEDIATE = (\n",
                'INTERMEDIATE = (\n    Task(key="new", title="New", kind=Kind.PAIR, licence="none",'
                ' metric="accuracy", intermediate=True),\n',
            ),
        ),
        runs=ANALYSED | PAGES | CURVES,
    ),
    "one reader more": Edit(
        files=("src/xstilts/data/readers/folder.py",),
        act=edited(
            "src/xstilts/data/readers/folder.py", '"bucc": read', '"mine": read_bucc, "bucc": read'
        ),
        runs=NOTHING,
    ),
    "one version more": Edit(
        files=("src/xstilts/__init__.py",),
        act=lambda grid: grid.path("src/xstilts/__init__.py").write_text('__version__ = "99"\n'),
        runs=NOTHING,
    ),
    "content of evaluation data": Edit(
        files=("xtreme/xquad/xquad.de.json",),
        act=lambda grid: rename_first_id(grid, "xtreme/xquad/xquad.de.json"),
        runs=evaluated("xquad"),
    ),
    "content of training data": Edit(
        files=("xtreme/squad/train-v1.1.json",),
        act=lambda grid: rename_first_id(grid, "xtreme/squad/train-v1.1.json"),
        runs=trained(cells(targets=SPANS))
        | prepared("squad_v1", parts=("train",), rules=("ingest", "tokenise"))
        | {"shortcuts xquad", "shortcuts mlqa", OVERLAP},
    ),
    "data that were fetched again": Edit(
        files=FETCHED,
        act=touch(*FETCHED),
        runs=NOTHING,
    ),
}


def rename_first_id(grid: FinishedGrid, name: str) -> None:
    path = grid.path(name)
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace('"id": "', '"id": "other-', 1), encoding="utf-8")


@pytest.mark.parametrize("name", EDITS)
def test_an_edit_re_runs_what_depends_on_it_and_nothing_else(grid, name):
    row = EDITS[name]
    with grid.restored(*row.files):
        if row.experiment:
            grid.edit(**row.experiment)
        row.act(grid)
        assert grid.would_run() == row.runs
    assert grid.would_run() == NOTHING


# The log, which the block around a job's work puts in the place of stderr, and its list of costs.
LOG = ("execution/log.py", "execution/cost/meter.py")


def test_whatever_a_job_calls_or_reads_counts_in_its_digest(grid):
    notes = [json.loads(path.read_text()) for path in (grid.folder / "traced").glob("*.json")]
    scripts = {note["script"] for note in notes}
    assert scripts >= {"train.py", "analyse.py", "predict.py", "score.py", "write_claims.py"}
    for script in scripts:
        # From all kinds of task, so that no entry of a table is left out.
        counted = Counted.of(SCRIPTS / script)
        own = [note for note in notes if note["script"] == script]
        called = {tuple(each) for note in own for each in note["called"]}
        read = {name for note in own for name in note["read"]}
        assert not [at for at in called if not counted.has(*at) and at[0] not in LOG], script
        assert not read - counted.attributes, script


def test_without_its_checkpoints_a_target_with_one_more_language_is_trained_again(grid):
    checkpoints = grid.folder / "results/tiny/target"
    aside = checkpoints.with_name("aside")
    checkpoints.rename(aside)
    try:
        with grid.restored():
            grid.edit(keep_target_checkpoints=False)
            assert grid.would_run() == PAGES
            grid.edit(keep_target_checkpoints=False, targets=XNLI_IN_SWAHILI)
            assert grid.would_run() == evaluated("xnli") | trained(cells(targets=("xnli",)))
    finally:
        aside.rename(checkpoints)
    assert grid.would_run() == NOTHING


def test_an_upgraded_library_re_runs_nothing(grid):
    upgraded = grid.code / "src/faiss_cpu-99.0.dist-info"
    upgraded.mkdir()
    (upgraded / "METADATA").write_text("Metadata-Version: 2.1\nName: faiss-cpu\nVersion: 99.0\n")
    assert grid.would_run() == NOTHING
    # What to do about it, as docs/reruns.md says.
    assert grid.would_run("--forcerun", "retrieve") == predicted(cells(targets=("tatoeba",)))
    shutil.rmtree(upgraded)


@pytest.mark.parametrize(
    ("name", "rule", "reason"),
    [
        (
            "learning rate of an intermediate task",
            "train_intermediate",
            "Changed settings: learning_rate: 0.003 → 0.001",
        ),
        ("limit of one target", "ingest", "Changed settings: limits.test: null → 10"),
        ("strength of a perturbation", "perturb", "Changed settings: conditions: typos@0.5 added"),
        ("emissions", "write_cost", "Changed settings: emissions.gram_per_kwh: null → 100.0"),
        ("loss of all training", "train_intermediate", "Changed code of train_intermediate"),
    ],
)
def test_a_dry_run_says_why_in_the_words_of_the_experiment(grid, name, rule, reason):
    row = EDITS[name]
    with grid.restored(*row.files):
        grid.edit(**row.experiment)
        row.act(grid)
        reasons = [job["reason"] for job in grid.run("--dry-run") if job["rule"] == rule]
    assert reason in reasons


def test_what_is_run_is_what_a_dry_run_told_and_is_run_by_the_edited_code(grid):
    name = "src/xstilts/report/templates/page.css"
    with grid.restored(name):
        grid.path(name).write_text("/* edited */")
        shown = grid.would_run()
        assert grid.jobs() == shown == PAGES | CURVES
        page = (grid.folder / "results/tiny/index.html").read_text()
        assert "/* edited */" in page
        assert "What made these scores" in page
        lineage = read_provenance(grid.folder / "results/tiny/scores.parquet")["lineage"]
        for shown in (*lineage["hardware"], *lineage["data"], *lineage["code"]["train_target"]):
            assert shown in page
        assert {"xnli train", "squad_v1 train", "tatoeba eval"} <= lineage["data"].keys()
        assert grid.would_run() == NOTHING
    assert grid.jobs() == PAGES | CURVES


def test_a_language_more_is_run_as_told_and_leaves_every_training_as_it_was(grid):
    weights = sorted((grid.folder / "results/tiny").rglob("model.safetensors"))
    before = {path: path.stat().st_mtime_ns for path in weights}
    assert len(weights) > len(RECIPES)
    grid.edit(targets=XNLI_IN_SWAHILI)
    jobs = grid.run("--dry-run")
    (reason,) = (job["reason"] for job in jobs if job["rule"] == "ingest")
    assert "test data in language sw added" in reason
    assert "test-sw.tsv added" in reason
    assert grid.jobs() == named(jobs) == evaluated("xnli")
    assert grid.would_run() == NOTHING
    scores = pl.read_parquet(grid.folder / "results/tiny/scores.parquet")
    spoken = scores.filter(target="xnli", metric=LANGUAGE_SCORE, condition="clean")["language"]
    assert set(spoken) == {*LANGUAGES, "sw"}
    assert before == {path: path.stat().st_mtime_ns for path in weights}
