"""A project that is moved, that lies in folders of any name, or whose results are copied alone."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pyarrow as pa
import pytest
import yaml
from tiny_grid import make_folder
from workflow_runs import planned, snakemake

from xstilts.config.user_paths import from_here, in_rules
from xstilts.execution.adopted import adopt
from xstilts.execution.files import sha256_file
from xstilts.execution.parquet import write_table
from xstilts.execution.provenance import write_provenance
from xstilts.execution.snakemake_internals import Notes

# As a wildcard, a variable of paths, a pattern of files, and in words of a shell.
NAME = "O'Größe {v1} <v2> [a] & 数据;"


# --- by the real workflow


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """A tiny grid that was run to its scores, with such a name in every path."""
    folder = tmp_path_factory.mktemp("moved") / NAME
    folder.mkdir()
    make_folder(
        folder, recipes=["none"], baselines=[], targets={"xnli": {"languages": ["en", "de"]}}
    )
    (folder / "xtreme").rename(folder / f"data of {NAME}")
    (folder / "encoder").rename(folder / f"encoder {NAME}")
    edit(folder, f"encoder {NAME}", data_root=str(folder / f"data of {NAME}"))
    snakemake(folder, "scores")
    return folder


def edit(folder: Path, encoder: Path | str | None = None, **changes: object) -> None:
    path = folder / "exp.yaml"
    experiment = yaml.safe_load(path.read_text())
    if encoder is not None:
        experiment["encoders"]["tiny"]["folder"] = str(encoder)
    path.write_text(yaml.safe_dump({**experiment, **changes}, allow_unicode=True))


@pytest.fixture
def copy(finished, tmp_path) -> Path:
    """All files and their times in another place, which the experiment names."""
    folder = shutil.copytree(finished, tmp_path / "another {place}", symlinks=True)
    edit(folder, folder / f"encoder {NAME}", data_root=f"./data of {NAME}")
    return folder


def limited(folder: Path) -> dict[str, int]:
    """What would run with a limit to the test data."""
    edit(folder, limits={"tasks": {"xnli": {"test": 10}}})
    return planned(snakemake(folder, "scores", "-n"))


@pytest.mark.workflow
def test_a_project_that_was_moved_has_nothing_to_run(finished, copy):
    assert "Nothing to be done" in snakemake(finished, "scores", "-n")
    assert "Nothing to be done" in snakemake(copy, "scores", "-n")
    assert limited(copy).keys() == {
        *("ingest", "tokenise", "train_target", "predict", "score", "collect_scores", "scores")
    }


@pytest.mark.workflow
def test_what_is_left_out_is_told_with_its_path(copy):
    edit(copy, missing_data="leave_out")
    (copy / f"data of {NAME}/xnli/test-de.tsv").unlink()
    output = snakemake(copy, "-n")
    assert f"data of {NAME}/xnli/test-de.tsv" in output
    assert "write_report" in planned(output)


@pytest.mark.workflow
def test_results_that_are_copied_without_snakemakes_notes_are_known_by_their_own(copy):
    shutil.rmtree(copy / ".snakemake")
    # As a clone leaves them.
    for path in sorted(copy.rglob("*.parquet")):
        os.utime(path)
    output = snakemake(copy, "scores", "-n")
    assert "results below results/tiny were made where Snakemake has no notes of them" in output
    assert "Nothing to be done" in output
    assert "has no notes of them" not in snakemake(copy, "scores", "-n")


@pytest.mark.workflow
def test_of_such_results_what_was_made_otherwise_is_made_again_as_with_notes(finished, copy):
    expected = limited(copy)
    shutil.rmtree(copy / ".snakemake")
    output = snakemake(copy, "scores", "-n")
    assert planned(output) == expected
    assert "Changed settings: limits.test: null → 10" in output


# --- paths


@pytest.mark.parametrize("typed", ["data", "./data", "data/", "other/../data", "{here}/data"])
def test_a_path_below_the_working_directory_has_one_spelling(tmp_path, monkeypatch, typed):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "other").mkdir()
    assert from_here(typed.replace("{here}", str(tmp_path))) == Path("data")


def test_a_path_elsewhere_stays_as_relative_as_it_was_typed(tmp_path, monkeypatch):
    here = tmp_path / "project"
    here.mkdir()
    monkeypatch.chdir(here)
    assert from_here("../data") == Path("../data")
    assert from_here(here / "../data") == tmp_path / "data"
    # A link in the project is moved with it, and through a link to the project one is in it.
    (here / "data").symlink_to(tmp_path)
    assert from_here("data/x") == Path("data/x")
    (tmp_path / "way").symlink_to(here)
    assert from_here(tmp_path / "way/x") == Path("x")


@pytest.mark.parametrize("name", ["plain", "{v1}", "a{b", "<v2>", "[a]"])
@pytest.mark.parametrize("far", [False, True])
def test_a_file_of_any_name_has_one_that_is_no_pattern(tmp_path, monkeypatch, name, far):
    here = tmp_path / "project"
    (here / "elsewhere").mkdir(parents=True)
    # Results often lie on another disk.
    (here / "results").symlink_to(here / "elsewhere")
    monkeypatch.chdir(here)
    folder = tmp_path / name if far else Path(name)
    folder.mkdir()
    for file in (folder / "one.tsv", folder / f"{name}.tsv"):
        file.write_text(str(file))
        for _ in range(2):
            found = in_rules(file, "results/tiny/links")
            assert not {"{", "<"} & set(found)
            assert Path(found).read_text() == str(file)
        assert (found == str(file)) == (name in ("plain", "[a]"))
    # It is told by its path, not by what lies there.
    assert in_rules(folder / "one.tsv", "links") != in_rules(Path("{other}/one.tsv"), "links")


# --- what Snakemake is told


@pytest.fixture
def results(tmp_path, monkeypatch) -> Path:
    """Predictions, and a page that was made of them."""
    monkeypatch.chdir(tmp_path)
    made = {"rule": "predict", "params": {"task": {"key": "xnli"}, "code": "c1"}, "inputs": {}}
    write_table(PREDICTIONS, pa.table({"a": [1]}), made)
    Path(PAGE).write_text("a page")
    inputs = {PREDICTIONS: sha256_file(PREDICTIONS), "results/tiny/gone.parquet": "0"}
    made = {"rule": "write", "params": {"n": 1, "code": "c2"}, "inputs": inputs}
    write_provenance([PAGE], {**made, "repeated": [PREDICTIONS]})
    return tmp_path


PREDICTIONS, PAGE = "results/tiny/predictions/e/seed1.parquet", "results/tiny/index.html"


class Told(Notes):
    """Snakemake's notes, with what they were told."""

    def add(self, path, **said):
        super().add(path, **said)
        self.said = {**getattr(self, "said", {}), path: {**said, "params": list(said["params"])}}


def test_what_results_say_of_themselves_is_noted_once(results):
    notes = Told()
    assert adopt("results/tiny", notes) == [PAGE, PREDICTIONS]
    assert adopt("results/tiny", Notes()) == []
    assert notes.said[PAGE] == {
        "rule": "write",
        "params": [1, "c2"],
        "inputs": [PREDICTIONS, "results/tiny/gone.parquet", PREDICTIONS],
        "sha256": {PREDICTIONS: sha256_file(PREDICTIONS)},
    }
    assert notes.said[PREDICTIONS]["params"] == [{"key": "xnli"}, "c1"]


def test_a_result_whose_input_is_another_by_now_is_noted_as_made_of_others(results):
    write_table(PREDICTIONS, pa.table({"a": [2]}), {})
    notes = Told()
    adopt("results/tiny", notes)
    assert notes.said[PAGE]["inputs"] == ["results/tiny/gone.parquet"]
    assert notes.said[PAGE]["sha256"] == {}


def test_what_cannot_be_read_or_says_nothing_is_not_noted(results):
    Path(PREDICTIONS).write_bytes(b"PAR1")
    write_table("results/tiny/old.parquet", pa.table({"a": [2]}), {"rule": "score"})
    assert adopt("results/tiny", Notes()) == [PAGE]


def test_what_snakemake_has_noted_stays(results):
    adopt("results/tiny", Notes())
    write_provenance([PAGE], {"rule": "write", "params": {"n": 2}, "inputs": {}})
    assert adopt("results/tiny", Notes()) == []
