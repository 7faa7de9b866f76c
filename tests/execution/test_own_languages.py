"""A language that is in no table here is a row of a user's, and goes through the whole workflow."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl
import pytest
from tiny_grid import make_folder
from workflow_runs import planned, snakemake

from xstilts.config.parse import parse_experiment
from xstilts.errors import XstiltsError
from xstilts.execution.provenance import read_provenance
from xstilts.graph.cells import Grid
from xstilts.graph.job_params import JobParams

ROWS = "code,name,script,iso639_3,speakers\nkjb,Q'anjob'al,Latn,kjb,0.08\n"
TARGETS = {"xnli": {"languages": ["en", "de", "kjb"]}}
MAYAN = {
    "code": "kjb",
    "name": "Q'anjob'al",
    "iso639_3": "kjb",
    "family": "Mayan",
    "branch": "Mayan",
    "script": "Latn",
    "glottocode": "qanj1241",
    "macroarea": "North America",
}


def folder_of(path: Path, **changes) -> Path:
    """A tiny experiment with a language of a user's own, of which a file says what it is."""
    folder = make_folder(
        path, targets=TARGETS, recipes=["none"], own_languages="mine.csv", **changes
    )
    (folder / "mine.csv").write_text(ROWS, encoding="utf-8")
    for split in ("dev", "test"):
        shutil.copy(folder / f"xtreme/xnli/{split}-de.tsv", folder / f"xtreme/xnli/{split}-kjb.tsv")
    return folder


def test_a_language_of_one_s_own_goes_through_the_workflow(tmp_path) -> None:
    folder = folder_of(tmp_path, perturbations={"typos": [0.3], "items": 6})
    assert planned(snakemake(folder, "--dry-run"))["predict"] == 1
    snakemake(folder)
    results = next((folder / "results").glob("**/scores.parquet"))
    scores = pl.read_parquet(results)
    assert set(scores["language"]) == {"en", "de", "kjb"}
    # What typos are made of is known of it too.
    assert "kjb" in scores.filter(pl.col("condition") != "")["language"]
    findings = pl.read_parquet(next((folder / "results").glob("**/findings/languages.parquet")))
    mine = findings.row(by_predicate=pl.col("language") == "kjb", named=True)
    assert (mine["name"], mine["family"], mine["speakers"]) == ("Q'anjob'al", "Mayan", 0.08)
    groups = pl.read_parquet(next((folder / "results").glob("**/findings/groups.parquet")))
    assert "Mayan" in groups.filter(grouping="family")["group"]
    assert "Q&#39;anjob&#39;al" in results.with_name("index.html").read_text(encoding="utf-8")
    assert read_provenance(results)
    # Another fact of it changes what is said of languages, and trains and predicts nothing again.
    (folder / "mine.csv").write_text(ROWS.replace("0.08", "0.09"), encoding="utf-8")
    again = planned(snakemake(folder, "--dry-run"))
    assert "analyse" in again
    assert not {"train_target", "predict", "score", "ingest", "perturb"} & again.keys()


def grid(folder: Path, **changes):
    return parse_experiment(
        {
            "experiment": "try",
            "data_source": "folder",
            "data_root": str(folder),
            "encoders": {"e": {"folder": "enc"}},
            "recipes": ["none"],
            "targets": TARGETS,
            "missing_data": "leave_out",
            **changes,
        }
    )


def test_glottolog_says_what_a_row_does_not(tmp_path) -> None:
    own = {"kjb": {"name": "Q'anjob'al", "script": "Latn", "iso639_3": "kjb"}}
    experiment = grid(tmp_path, own_languages=own)
    language = experiment.known_languages["kjb"]
    assert {key: getattr(language, key) for key in MAYAN} == MAYAN
    assert language.path[0] == "maya1287"
    assert language.latitude == pytest.approx(15.7, abs=1)
    assert experiment.languages("xnli") == ("de", "en", "kjb")
    # By its other names it is the same.
    named = grid(tmp_path, own_languages=own, targets={"xnli": {"languages": ["Q'anjob'al"]}})
    assert named.languages("xnli") == ("kjb",)
    # A family of the user's own needs no code.
    mine = {"qqq": {"name": "Ours", "script": "Latn", "family": "Ourish"}}
    ours = grid(tmp_path, own_languages=mine, targets={"xnli": {"languages": ["qqq"]}})
    assert ours.known_languages["qqq"].family == "Ourish"
    assert experiment.known_languages["sw"].family == "Niger-Congo"


def test_without_own_languages_jobs_are_what_they_were(tmp_path) -> None:
    own = {"kjb": {"name": "Q'anjob'al", "script": "Latn", "iso639_3": "kjb"}}
    targets, hub = {"xnli": {"languages": ["en", "de"]}}, {"data_source": "hub", "data_root": None}
    plain, more = (
        JobParams(Grid(grid(tmp_path, own_languages=each, targets=targets, **hub)))
        for each in ({}, own)
    )
    job = {"encoder": "e", "recipe": "none", "seed": "1", "train_set": "xnli"}
    assert plain.target(job) == more.target(job)
    assert plain.facts() == more.facts()
    assert plain.own_languages() == {}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("name,script\nOurs,Latn\n", "mine.csv, line 1: no column `code` (it has name, script)"),
        ("", "mine.csv, line 1: no column `code` (it has none)"),
        ("code,name,script\nqqq,Ours\n", "mine.csv, line 2: 2 cells, the head has 3"),
        ("code,name,script\nqqq,A,Latn\nqqq,B,Latn\n", "line 3: code 'qqq' is empty or a second"),
        ("code,name,script\n,A,Latn\n", "mine.csv, line 2: code '' is empty"),
        ("code,name,script\nsw,A,Latn\n", "mine.csv: the code 'sw' is a name of Swahili (sw)"),
        ("code,name,script,family\ndeu,A,Latn,F\n", "the code 'deu' is a name of German (de)"),
        ("code,name,script,family\nkas_Arab,A,Arab,F\n", "'kas_Arab' is a name of Kashmiri (kas)"),
        ("code,name,script,family\nmul,A,Latn,F\n", "'mul' stands for several languages"),
        ("code,name,script,iso639_3\nqqq,A,Latn,German\n", "mine.csv: qqq: iso639_3: String sh"),
        ("code,name,script\nSwahili,A,Latn\n", "mine.csv: the code 'Swahili' must be like"),
        ("code,name,script\nqqq,A,latin\n", "mine.csv: qqq: script: String should match"),
        ("code,name,script\nqqq,A,Latn\n", "mine.csv: qqq: family is needed, or a glottocode"),
        ("code,name,skript\nqqq,A,Latn\n", "unknown key 'skript' (did you mean 'script'?)"),
        ("code,name,script,glottocode\nqqq,A,Latn,qanj9999\n", "unknown language 'qanj9999'"),
        ("code,name,script,family,speakers\nqqq,A,Latn,B,many\n", "qqq: speakers: Input should"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_its_line(tmp_path, text: str, said: str) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(XstiltsError) as error:
        grid(tmp_path, own_languages=str(path))
    assert said in str(error.value)
    assert "own_languages" in str(error.value)


def test_spaces_and_empty_lines_of_a_file_are_nothing(tmp_path) -> None:
    path = tmp_path / "mine.csv"
    path.write_text(ROWS.replace(",", " , ") + "\n , , , ,\n", encoding="utf-8")
    (row,) = grid(tmp_path, own_languages=str(path)).own_languages.values()
    assert (row.name, row.script, row.speakers) == ("Q'anjob'al", "Latn", 0.08)
    path.write_text("code,name,script,family\nqqq,Ñ,Latn,F\n", encoding="latin-1")
    with pytest.raises(XstiltsError, match=r"mine\.csv: not UTF-8"):
        grid(tmp_path, own_languages=str(path))


def test_without_an_iso_code_it_is_the_code_s_language(tmp_path) -> None:
    own = {"xx_Cyrl": {"name": "Ours", "script": "Cyrl", "family": "Ourish"}}
    found = grid(tmp_path, own_languages=own, targets={"xnli": {"languages": ["xx_Cyrl"]}})
    assert found.known_languages["xx_Cyrl"].iso639_3 == "xx"


def test_a_file_that_is_not_there_is_named(tmp_path) -> None:
    with pytest.raises(XstiltsError, match=r"own_languages: .*none\.csv: there is no such file"):
        grid(tmp_path, own_languages=str(tmp_path / "none.csv"))
