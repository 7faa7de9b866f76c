"""Reports on what is finished: marked as unfinished, and with no number that will change."""

from __future__ import annotations

import json
import os
import re
import runpy
import shutil
import signal
import subprocess
import time
from contextlib import nullcontext
from functools import partial
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import polars as pl
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tiny_grid import LANGUAGES, edit, make_folder
from workflow_runs import ROOT, command, planned, snakemake

import xstilts.analysis.investigate as analysis
import xstilts.execution.jobs
from xstilts.analysis.findings import Findings
from xstilts.analysis.tables import EVERY
from xstilts.config.parse import parse_experiment
from xstilts.errors import XstiltsError
from xstilts.graph.cells import Cell, Grid
from xstilts.graph.finished import Scope, pop_only_finished
from xstilts.graph.job_params import JobParams

ASKED = ("--config", "only_finished=true")
CHOSEN = {
    "recipes": ["none", "mnli", "squad_v1"],
    "targets": {
        "xnli": {"languages": LANGUAGES},
        "udpos": {"languages": LANGUAGES},
        "tatoeba": {"languages": ["de", "zh"]},
    },
    "perturbations": {"typos": [0.3], "items": 10, "targets": ["xnli"]},
    "seeds": [1, 2],
    "baselines": ["majority", "type_only", "untrained"],
}
PAGES = ("index.html", "claims.html", "fairness.html", "curves.html", "cost.html")
TEXTS = ("headline.txt", "findings.txt")


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A grid, run to its end."""
    folder = make_folder(tmp_path_factory.mktemp("grid"), **CHOSEN)
    snakemake(folder)
    return folder


def grid_of(folder: Path) -> Grid:
    values = yaml.safe_load((folder / "exp.yaml").read_text())
    return Grid(parse_experiment({**values, "data_root": str(folder / "xtreme")}))


@pytest.fixture
def copy(finished, tmp_path, monkeypatch) -> Path:
    """The results in a folder in which they can be taken away."""
    (tmp_path / "results").mkdir()
    shutil.copytree(finished / "results/tiny", tmp_path / "results/tiny", copy_function=os.link)
    for name in ("xtreme", "encoder", "exp.yaml"):
        (tmp_path / name).symlink_to(finished / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


# --- which cells are compared, and what is told


def part(folder: Path, *lost: tuple[str, str, int]) -> Scope:
    """The tiny grid's cells without (recipe, target, seed)."""
    grid = grid_of(folder)
    gone = {Cell("tiny", *cell) for cell in lost}
    assert gone <= set(grid.cells)
    return Scope.of_cells(grid, [cell for cell in grid.cells if cell not in gone])


@pytest.fixture(scope="module")
def planned_only(tmp_path_factory) -> Path:
    return make_folder(tmp_path_factory.mktemp("plan"), **{**CHOSEN, "baselines": []})


BOTH = [("xnli", 1), ("xnli", 2)]


@pytest.mark.parametrize(
    ("lost", "recipes", "targets", "words"),
    [
        # A recipe that lacks a seed of a target is not compared with those that have it.
        ([("mnli", "xnli", 2)], {"none", "squad_v1"}, 3, "mnli: XNLI (seed 2)"),
        # Without the baseline a target has no gains.
        ([("none", "xnli", 1)], {"none", "mnli", "squad_v1"}, 2, "none: XNLI (seed 1)"),
        ([("none", "tatoeba", 1)], {"none", "mnli", "squad_v1"}, 2, "none: Tatoeba (all seeds)"),
        # What no recipe beside it has cannot be compared.
        (
            [(recipe, *cell) for recipe in ("mnli", "squad_v1") for cell in BOTH],
            {"none", "mnli", "squad_v1"},
            2,
            "mnli, squad_v1: XNLI (all seeds)",
        ),
        # More targets go before more recipes.
        (
            [("mnli", "xnli", 1), ("mnli", "udpos", 1), ("squad_v1", "tatoeba", 2)],
            {"none", "squad_v1"},
            2,
            "mnli: XNLI, UD-POS (seed 1)",
        ),
    ],
)
def test_recipes_are_compared_on_a_rectangle_without_a_hole(
    planned_only, lost, recipes, targets, words
):
    scope = part(planned_only, *lost)
    shown = scope.unfinished["unfinished"]["messages"]
    assert shown[0].startswith(f"Unfinished: {len(lost)} of 17 cells")
    assert words in shown
    assert {cell.recipe for cell in scope.compared} == recipes
    assert len({cell.target for cell in scope.compared}) == targets
    there = set(scope.cells)
    for recipe in recipes:
        for target in {cell.target for cell in scope.compared}:
            wanted = [c for c in scope.grid.cells if (c.recipe, c.target) == (recipe, target)]
            assert there.issuperset(wanted)


def test_where_nothing_is_whole_nothing_is_compared(planned_only):
    grid = grid_of(planned_only)
    scope = Scope.of_cells(grid, [Cell("tiny", "mnli", "xnli", 1)])
    assert scope.compared == ()
    assert scope.unfinished["unfinished"]["messages"][-1].startswith(
        "No recipes can be compared yet"
    )
    assert not list(scope.states())


def test_the_curves_are_those_of_the_runs_that_finished_cells_rest_on(tmp_path):
    grid = grid_of(make_folder(tmp_path, **CHOSEN))
    cells = (Cell("tiny", "mnli", "xnli", 1), Cell("tiny", "none", "tatoeba", 1))
    beside = (Cell("tiny", "untrained", "udpos", 1),)
    scope = Scope.of_cells(grid, cells, beside)
    curves = {path.removeprefix("results/tiny/curves/tiny/") for _, path in scope.curves}
    assert curves == {
        "mnli/intermediate/seed1.parquet",
        "mnli/target/xnli/seed1.parquet",
        "untrained/target/udpos/seed1.parquet",
    }
    assert set(dict(map(reversed, scope.runs))) < set(dict(map(reversed, scope.curves)))


def test_the_whole_grid_has_nothing_to_tell(planned_only):
    grid = grid_of(planned_only)
    scope = Scope.of_cells(grid, grid.cells)
    assert scope.whole
    assert scope.unfinished == {}
    assert scope.compared == grid.cells
    assert scope.runs == grid.runs
    assert scope.curves == grid.curves
    assert len(list(scope.states())) == 6


def test_what_was_saved_is_read_again(planned_only, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    scope = part(planned_only, ("mnli", "xnli", 2))
    scope.save()
    assert Scope.read(scope.grid) == scope


def test_only_finished_is_true_or_false():
    values = {"only_finished": "True", "seeds": [1]}
    assert pop_only_finished(values) is True
    assert values == {"seeds": [1]}
    assert pop_only_finished(values) is False
    with pytest.raises(XstiltsError, match="only_finished: 'perhaps' is neither"):
        pop_only_finished({"only_finished": "perhaps"})


# --- by the real workflow


@pytest.mark.workflow
@pytest.mark.parametrize("folder", ["encoders", "features/tiny/udpos"])
def test_reports_need_no_encoder_and_no_features_that_are_gone(copy, folder):
    """Overlaps of subwords are told of what is there."""
    shutil.rmtree(copy / "results/tiny" / folder)
    remove(copy, "mnli/xnli/seed2.parquet")
    jobs = planned(snakemake(copy, *ASKED, "--dry-run"))
    assert jobs["analyse"] == 1
    assert ("measure_overlap" in jobs) == (folder != "encoders")


def remove(folder: Path, *scores: str) -> None:
    for name in scores:
        (folder / "results/tiny/scores/tiny" / name).unlink()


@pytest.mark.workflow
def test_a_finished_grid_has_nothing_to_be_reported_anew(finished):
    assert "Nothing to be done" in snakemake(finished, *ASKED)
    assert "Nothing to be done" in snakemake(finished)


@pytest.mark.workflow
def test_reports_are_made_of_what_is_finished_and_whole_again_when_the_rest_is(finished):
    results = finished / "results/tiny"
    tables = ("scores", "runs", "baselines", "selection")
    complete = {name: pl.read_parquet(results / f"{name}.parquet") for name in tables}
    texts = {name: (results / name).read_text() for name in TEXTS}
    claims = json.loads((results / "claims.json").read_text())
    page = (results / "index.html").read_text()
    findings = Findings.read(results / "findings")
    remove(finished, "mnli/xnli/seed2.parquet", "squad_v1/tatoeba/seed1.parquet")
    (results / "predictions/tiny/mnli/xnli/seed2.parquet").unlink()
    # As a run leaves it in which these cells failed.
    (results / "scores.parquet").unlink()
    shutil.rmtree(results / "submission")

    jobs = planned(snakemake(finished, *ASKED, "--dry-run"))
    assert set(jobs) <= {
        *("collect_scores", "collect_runs", "collect_baselines", "collect_costs", "analyse"),
        "measure_overlap",
        *("write_report", "write_claims", "write_fairness", "write_curves", "write_cost"),
        "write_labels",
        "write_submission",
    }
    snakemake(finished, *ASKED)
    part = results / "finished"
    shown = ["2 of 17 cells", "mnli: XNLI (seed 2)", "squad_v1: Tatoeba (seed 1)"]
    for name in (*PAGES, *TEXTS, "claims.json"):
        text = (part / name).read_text()
        for words in shown:
            assert words in text, (name, words)
    assert (part / "headline.txt").read_text().startswith("Unfinished: 2 of 17")
    made = {"/".join(path.parts[-2:]) for path in part.glob("submission/tiny/*/seed?")}
    assert made == {"none/seed1", "none/seed2", "mnli/seed1", "squad_v1/seed2"}
    # What was made of all cells stays as it was, and is made anew by an ordinary run alone.
    assert (results / "index.html").read_text() == page
    assert not (results / "scores.parquet").exists()
    meta = pl.read_parquet_metadata(part / "scores.parquet")
    assert "2 of 17 cells" in json.dumps(meta)

    jobs = planned(snakemake(finished, "--dry-run"))
    assert jobs["score"] == 2
    assert jobs["predict"] == jobs["train_target"] == 1
    assert "train_intermediate" not in jobs
    snakemake(finished)
    for name, table in complete.items():
        measured = [column for column in ("seconds",) if column in table.columns]
        again = pl.read_parquet(results / f"{name}.parquet")
        assert again.drop(measured).equals(table.drop(measured)), name
    assert {name: (results / name).read_text() for name in TEXTS} == texts
    assert json.loads((results / "claims.json").read_text()) == claims
    assert (results / "index.html").read_text() == page
    again = Findings.read(results / "findings")
    assert again.notes == findings.notes
    for name, table in findings.tables.items():
        assert again[name].equals(table), name


@pytest.mark.workflow
def test_reports_can_be_made_while_a_run_goes_on(finished):
    results = finished / "results/tiny"
    complete = {name: (results / name).read_text() for name in TEXTS}
    lost = ("mnli/xnli/seed2.parquet", "squad_v1/udpos/seed1.parquet")
    remove(finished, *lost)
    for name in lost:
        (results / "predictions/tiny" / name).unlink()
    # Else Snakemake would make nothing that is between what there is.
    (results / "scores.parquet").unlink()
    begun = results / "benchmarks/train_target/tiny/mnli/xnli/2.jsonl"
    size = begun.stat().st_size
    process = subprocess.Popen(
        command(finished), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        start_new_session=True,
    )  # fmt: skip
    while process.poll() is None and begun.stat().st_size == size:
        time.sleep(0.01)
    # It stands still while the reports are made, so that it cannot be done before.
    assert process.poll() is None, "it ended before it could be halted"
    os.killpg(process.pid, signal.SIGSTOP)
    try:
        snakemake(finished, *ASKED, "--nolock")
        headline = (results / "finished/headline.txt").read_text()
    finally:
        os.killpg(process.pid, signal.SIGCONT)
    assert "2 of 17 cells" in headline
    assert process.wait(timeout=600) == 0
    assert {name: (results / name).read_text() for name in TEXTS} == complete
    assert "Nothing to be done" in snakemake(finished)


@pytest.mark.workflow
def test_what_was_made_before_a_change_is_not_finished(finished):
    grid = grid_of(finished)

    def missing(**changes) -> str:
        edit(finished, **{**CHOSEN, **changes})
        try:
            output = snakemake(finished, *ASKED, "--dry-run", "--printshellcmds", check=False)
        finally:
            edit(finished, **CHOSEN)
        return output

    slow = {"default": yaml.safe_load((finished / "exp.yaml").read_text())["training"]["default"]}
    changed = {**slow, "tasks": {"xnli": {"epochs": 1}}}
    assert "write_report" in planned(missing(training=changed))
    every = {"default": {**slow["default"], "epochs": 1}}
    assert f"of {len(grid.cells)} cells is finished" not in missing(training=changed)
    # Retrieval without training is what is left of it.
    assert "write_report" in planned(missing(training=every))
    nothing = missing(training=every, targets={"xnli": {"languages": LANGUAGES}})
    assert "none of 6 cells is finished" in nothing
    assert "Traceback" not in nothing


# --- by the scripts themselves, on parts of the grid


class Tables(HTMLParser):
    """The numbers of a page: (caption, row, column) to the number and all the text of its cell."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.cells: dict[tuple[str, str, int], tuple[float | None, str]] = {}
        self.heads: dict[tuple[str, int], str] = {}
        self._in, self._caption, self._row, self._column = "", "", "", 0
        self._value: float | None = None
        self._text = ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        if tag == "tr":
            self._row, self._column = "", 0
        if tag in ("caption", "td", "th"):
            self._in, self._text = tag, ""
            self._value = float(attrs["data-order"]) if attrs.get("data-order") else None
            self._head = attrs.get("data-column")
            self._span = int(attrs.get("colspan", 1))

    def handle_data(self, data):
        self._text += data

    def handle_endtag(self, tag):
        if tag not in ("caption", "td", "th") or tag != self._in:
            return
        text = " ".join(self._text.split())
        if tag == "caption":
            self._caption = text
        elif tag == "th" and self._head is not None:
            self.heads[self._caption, int(self._head)] = text
        elif tag == "th":
            self._row, self._column = text, self._span - 1
        else:
            key = (self._caption, self._row, self._column)
            self._column += 1
            if self._row:
                self.cells[key] = (self._value, text)


def run(script: str, **parts) -> None:
    """Run a script of the workflow in this process, with what a job would be given."""
    params = parts.pop("params")
    folder = SimpleNamespace
    inputs = folder(**parts["input"]) if isinstance(parts["input"], dict) else parts["input"]
    outputs = Named(parts["output"])
    job = SimpleNamespace(input=inputs, output=outputs, params=Named(params))
    runpy.run_path(str(ROOT / f"workflow/scripts/{script}.py"), init_globals={"snakemake": job})


class Named(dict):
    """As Snakemake's lists with names: by attribute, by place."""

    def __getattr__(self, name):
        return self[name]

    def __getitem__(self, name):
        return list(self.values())[name] if isinstance(name, int) else super().__getitem__(name)


def report(grid: Grid, scope: Scope, output: Path) -> None:
    """Run all report jobs on a part of the grid, from `results` here into another folder."""
    paths, slices = grid.paths, JobParams(grid)
    at = {name: str(output / name) for name in (*PAGES, *TEXTS)}
    scores, runs, baselines, findings, costs, cells = (
        str(output / name)
        for name in ("scores", "runs", "baselines", "findings", "costs", "cell_costs")
    )
    extra = {"code": "", **scope.unfinished}
    files = [paths.cell_scores.format(**cell.wildcards) for cell in scope.cells]
    predictions = [paths.predictions.format(**cell.wildcards) for cell in scope.compared]
    beside = [paths.cell_scores.format(**cell.wildcards) for cell in scope.baseline_cells]
    experiment = slices.everything()
    run("collect_scores", input=files, output={"": scores}, params=extra)
    run("collect_runs", input=[curve for _, curve in scope.runs], output={"": runs},
        params={"places": [place for place, _ in scope.runs], **extra})  # fmt: skip
    run("collect_baselines", input={"shortcuts": scope.shortcuts, "cells": beside},
        output={"": baselines}, params={"names": experiment["baselines"], **extra})  # fmt: skip
    tables = {"scores": scores, "runs": runs}
    run("analyse", input={**tables, "baselines": [baselines], "predictions": predictions,
                          "overlaps": [],
                          "data": [paths.data.format(task="xnli", part="eval")]},
        output={"": findings},
        params={"data_source": "folder", "recipes": slices.recipes(),
                "unseen": slices.unseen(), "corpora": slices.corpora(),
                "own_languages": slices.own_languages(), **extra})  # fmt: skip
    run("write_fairness", input=[findings],
        output={"page": at["fairness.html"], "summary": at["findings.txt"]},
        params={"experiment": experiment, "recipes": list(grid.recipes), "left_out": [],
                "links": [], **extra})  # fmt: skip
    run("write_claims", input={**tables, "findings": findings},
        output={"page": at["claims.html"], "claims": str(output / "claims.json"),
                "selection": str(output / "selection.parquet")},
        params={"experiment": experiment, "recipes": slices.recipes(), "left_out": [],
                **extra})  # fmt: skip
    run("write_curves", input=[curve for _, curve in scope.curves],
        output={"": at["curves.html"]},
        params={"title": "tiny", "places": [place for place, _ in scope.curves], "links": [],
                "recipes": list(grid.recipes), **extra})  # fmt: skip
    chosen = {} if scope.whole else {"finished": [cell.wildcards for cell in scope.cells]}
    run("collect_costs", input=tables, output={"costs": costs, "cells": cells},
        params={"experiment": "tiny", **extra, **chosen,
                "cells": [c.wildcards for c in (*grid.cells, *grid.baseline_cells)]})  # fmt: skip
    run("write_report", input={**tables, "baselines": [baselines], "findings": findings,
                               "cells": cells, "mined": [], "data": []},
        output={"page": at["index.html"], "headline": at["headline.txt"],
                "glossary": str(output / "glossary.html")},
        params={"experiment": experiment, "table": slices.table(), "links": [], "left_out": [],
                "recipes": slices.recipes(), "unseen": slices.unseen(), **extra})  # fmt: skip
    run("write_cost", input={**tables, "costs": costs, "cells": cells},
        output={"": at["cost.html"]},
        params={"experiment": experiment, "table": slices.table(), **extra})  # fmt: skip


@pytest.fixture(scope="module")
def whole(finished, tmp_path_factory) -> SimpleNamespace:
    """The complete reports, and a grid whose parts can be reported."""
    output = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(finished)
        patch.setattr(xstilts.execution.jobs, "job", lambda *_, **__: nullcontext())
        patch.setattr(xstilts.execution.jobs, "record", lambda _: {})
        # Intervals are not at stake: few draws are as good as many.
        patch.setattr(analysis, "investigate", partial(analysis.investigate, draws=40))
        grid = grid_of(finished)
        report(grid, Scope.of_all(grid), output)
        page = Tables((output / "index.html").read_text())
        yield SimpleNamespace(grid=grid, output=output, page=page)


def _expect_marked_and_unchanged(whole: SimpleNamespace, scope: Scope, output: Path) -> None:
    grid = whole.grid
    lost = [cell for cell in grid.cells if cell not in scope.cells]
    head = f"Unfinished: {len(lost)} of {len(grid.cells)} cells"
    for name in (*PAGES, *TEXTS):
        text = (output / name).read_text()
        assert head in text[: text.find("</h2>") if name.endswith("html") else len(head)]
    incomplete = {cell.recipe for cell in lost}
    page = Tables((output / "index.html").read_text())
    assert page.cells
    for key, (value, text) in page.cells.items():
        caption, recipe, column = key
        heading = page.heads.get((caption, column + 1), "")
        # A mean over targets is told of no recipe that lacks one of them, unless it is marked.
        assert (
            "seeds missing" in text or heading != "Overall" or recipe not in incomplete or not value
        )
        if value is None or "seeds missing" in text + heading or "spread" in caption:
            continue
        # All else is the same to the last digit, or not there.
        assert key in whole.page.cells, key
        assert whole.page.cells[key][0] == value, key
        if gain := re.search(r"[+−±]\d+\.\d", text):
            assert gain[0] in whole.page.cells[key][1], key
    _expect_findings_unchanged(whole, scope, output)
    _expect_costs_unchanged(whole, scope, output)


def _expect_findings_unchanged(whole: SimpleNamespace, scope: Scope, output: Path) -> None:
    mine, complete = Findings.read(output / "findings"), Findings.read(whole.output / "findings")
    compared = {(cell.recipe, cell.target) for cell in scope.compared}
    every = all(
        (recipe, target) in compared
        for recipe in {recipe for recipe, _ in compared}
        for target in whole.grid.experiment.targets
    )
    keys = {
        "groups": ["recipe", "target", "grouping", "group", "scale", "quantity"],
        "fairness": ["recipe", "target", "scale", "measure"],
        "harm": ["recipe", "target", "grouping", "group"],
        "perturbed": ["recipe", "target", "kind", "strength", "grouping", "group", "quantity"],
        "pitfalls": ["recipe", "target", "grouping", "group"],
    }
    values = {"groups": "value", "fairness": "value", "harm": "rate", "perturbed": "value",
              "pitfalls": "rate"}  # fmt: skip
    for name, key in keys.items():
        mined, value = mine[name], values[name]
        assert {(row["recipe"], row["target"]) for row in mined.iter_rows(named=True)} <= {
            *compared,
            *((recipe, EVERY) for recipe, _ in compared),
        }
        if not every:
            # A mean over targets is of those that the page names.
            mined = mined.filter(pl.col("target") != EVERY)
        both = mined.select(*key, value).join(
            complete[name].select(*key, pl.col(value).alias("complete")), on=key, how="left"
        )
        known = both.filter(pl.col(value).is_not_null() & pl.col(value).is_not_nan())
        assert known["complete"].null_count() == 0, name
        assert ((known[value] - known["complete"]).abs() < 1e-4).all(), name


def _expect_costs_unchanged(whole: SimpleNamespace, scope: Scope, output: Path) -> None:
    mine, complete = (pl.read_parquet(folder / "cell_costs") for folder in (output, whole.output))
    keys = ["encoder", "recipe", "target", "seed", "phase", "shared_by"]
    joined = mine.join(complete, on=keys, how="left", suffix="_whole")
    # Parts of a cost that are shared are those of the whole grid.
    assert joined["wall_seconds_whole"].null_count() == 0
    assert (joined["wall_seconds"] == joined["wall_seconds_whole"]).all()
    cells = {(c.recipe, c.target, c.seed) for c in (*scope.cells, *scope.baseline_cells)}
    assert set(mine.select("recipe", "target", "seed").iter_rows()) <= cells


def without(grid: Grid, **wanted) -> tuple[Cell, ...]:
    """The cells of which not all of this holds."""
    return tuple(
        cell
        for cell in grid.cells
        if not all(getattr(cell, name) == value for name, value in wanted.items())
    )


@pytest.mark.workflow
@pytest.mark.parametrize(
    "lost",
    [
        {"recipe": "mnli"},
        {"recipe": "none"},
        {"recipe": "mnli", "target": "xnli", "seed": 2},
        {"recipe": "none", "target": "udpos"},
        {"target": "tatoeba"},
        {"seed": 2, "target": "udpos"},
        {"seed": 2},
        {"encoder": "tiny", "target": "xnli", "recipe": "none", "seed": 1},
    ],
    ids=str,
)
def test_reports_stand_cells_of_every_kind_missing(whole, tmp_path, lost):
    scope = Scope.of_cells(whole.grid, without(whole.grid, **lost), whole.grid.baseline_cells)
    report(whole.grid, scope, tmp_path)
    _expect_marked_and_unchanged(whole, scope, tmp_path)


@pytest.mark.workflow
def test_reports_stand_baselines_missing(whole, copy, tmp_path_factory):
    (copy / whole.grid.paths.shortcuts.format(target="udpos")).unlink()
    output = tmp_path_factory.mktemp("out")
    scope = Scope.of_cells(whole.grid, whole.grid.cells, whole.grid.baseline_cells[:1])
    report(whole.grid, scope, output)
    text = (output / "headline.txt").read_text()
    assert "baseline untrained: UD-POS, Tatoeba" in text
    assert "baselines majority, type_only: UD-POS" in text
    # Without the majority's score there is no chance level of POS as there will be.
    assert "over XNLI, Tatoeba alone: none, mnli, squad_v1" in text
    _expect_marked_and_unchanged(whole, scope, output)


@pytest.mark.workflow
@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_whatever_is_finished_is_reported_marked_and_unchanged(whole, tmp_path_factory, data):
    kept = data.draw(st.lists(st.booleans(), min_size=17, max_size=17).filter(any))
    cells = [cell for cell, keep in zip(whole.grid.cells, kept, strict=True) if keep]
    scope = Scope.of_cells(whole.grid, cells, whole.grid.baseline_cells)
    output = tmp_path_factory.mktemp("part")
    report(whole.grid, scope, output)
    if not scope.whole:
        _expect_marked_and_unchanged(whole, scope, output)
