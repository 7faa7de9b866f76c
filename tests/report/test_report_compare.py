"""`xstilts compare`: what it prints and writes, and that its page needs nothing else."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from html import unescape
from pathlib import Path

import plotly.graph_objects as go
import pytest
from compared_experiments import write_side
from panels import only
from test_report_glossary import TERMS

from xstilts.cli import main
from xstilts.report.compare import COLUMNS


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> Path:
    """A folder with an experiment of three recipes, one of them clearly better."""
    folder = tmp_path_factory.mktemp("work")
    for recipe, skill in (("mnli", 0.8), ("qqp", 0.52), ("none", 0.5)):
        write_side(folder / "results/demo", recipe=recipe, skill=skill, targets=("xnli", "pawsx"))
    return folder


def figures(page: Path) -> list[dict]:
    text = page.read_text(encoding="utf-8")
    return [
        json.loads(found)
        for found in re.findall(r'<script type="application/json">(.*?)</script>', text, re.DOTALL)
    ]


def assert_stands_alone(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert not re.search(r"<(script|link|img|iframe)[^>]*\s(src|href)=", text)
    assert text.count("<!DOCTYPE html>") == 1
    assert "</html>" in text
    for figure in figures(page):
        assert figure["views"]
        for view in figure["views"].values():
            # Plotly refuses what it does not know.
            go.Figure({"data": view["data"], "layout": view["layout"]})
            for trace in view["data"]:
                assert len(trace["x"]) == len(trace["y"]) == len(trace["customdata"])
                assert all(len(row) == len(figure["columns"]) for row in trace["customdata"])


def test_two_recipes(work, capsys, monkeypatch) -> None:
    monkeypatch.chdir(work)
    sides = ("demo:tiny:mnli", "results/demo:tiny:none")
    assert main(["compare", *sides, "--json", "c.json", "--page", "c.html"]) == 0
    first, _, scope, *lines = capsys.readouterr().out.splitlines()
    found = json.loads(Path("c.json").read_text(encoding="utf-8"))
    row = only(found["rows"], target="", grouping="all", group="all languages")
    assert first == found["comparison"]
    assert re.fullmatch(
        r"On average over 2 targets, in 3 languages other than English, mnli scores"
        rf" {row['value']:.1f} points more than none \(95 % \+{row['low']:.1f} to"
        rf" \+{row['high']:.1f}, p .*\): mnli is better\.",
        first,
    )
    assert scope == (
        "results/demo:tiny:mnli minus results/demo:tiny:none; test items of XNLI, PAWS-X;"
        " 4 languages; seeds 1, 2, 3 (paired)."
    )
    text = "\n".join(lines)
    assert "Of 3 languages, 3 clearly differ (mean over targets):" in text
    assert re.search(r"^  German \(de\) .* mnli is better$", text, re.MULTILINE)
    assert "would be seen with a probability of 80 %" in text
    assert set().union(*found["rows"]) == set(found["columns"])
    assert set(found["columns"]) <= set(COLUMNS)
    assert found["targets"]["xnli"] == {
        "languages": ["de", "en", "sw", "zh"],
        "seeds_a": [1, 2, 3],
        "seeds_b": [1, 2, 3],
        "pairing": "paired",
    }
    assert found["a"]["recipe"] == "mnli"
    assert found["versions"]["xstilts"]
    assert_stands_alone(Path("c.html"))
    page = Path("c.html").read_text(encoding="utf-8")
    assert first in page
    assert all(term.meaning in unescape(page) for term in TERMS)
    ids = re.findall(r'<[a-z0-9]+ [^>]*?\bid="([^"]+)"', page.partition("</main>")[0])
    assert len(ids) == len(set(ids))
    assert {term.anchor for term in TERMS} < set(ids)
    (figure,) = figures(Path("c.html"))
    view = figure["views"]["0-0"]
    place = figure["columns"].index("value")
    shown = [record[place] for trace in view["data"] for record in trace["customdata"]]
    assert pytest.approx(row["value"], abs=1e-4) in shown


def test_not_enough_data_names_what_would_have_been_seen(work, capsys, monkeypatch) -> None:
    monkeypatch.chdir(work)
    assert main(["compare", "demo:tiny:none", "demo:tiny:qqp", "--targets", "xnli"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(
        r"On XNLI, in 3 languages other than English, none scores \S+ points less than qqp \(.*\):"
        r" not enough data to tell; a difference of \S+ would have been seen with a probability of"
        r" 80 %\.",
        lines[0],
    )
    assert lines[-1] == "Left out as asked: PAWS-X."


@pytest.mark.parametrize("arguments", [["demo"], ["demo:tiny", "--all"]])
def test_all_sides_of_an_experiment(work, capsys, monkeypatch, arguments) -> None:
    monkeypatch.chdir(work)
    assert main(["compare", *arguments, "--json", "r.json", "--page", "r.html"]) == 0
    first, *lines = capsys.readouterr().out.splitlines()
    assert re.fullmatch(
        r"On average over 2 targets, mnli is first with \S+ points, clearly above all others\.",
        first,
    )
    cells = {
        line.split()[0]: line.split()[1:] for line in lines if line.startswith(("m", "q", "n"))
    }
    assert [held[1] for held in cells.values()] == ["a", "b", "b"]
    found = json.loads(Path("r.json").read_text(encoding="utf-8"))
    assert found["ranking"] == first
    assert [held["target"] for held in found["orders"]] == ["", "xnli", "pawsx"]
    order = found["orders"][0]
    assert [each["letters"] for each in order["placed"]] == ["a", "b", "b"]
    assert order["placed"][0]["name"] == "mnli"
    assert set().union(*order["pairs"]) < set(found["columns"])
    assert_stands_alone(Path("r.html"))


def test_what_is_wrong_is_said_and_nothing_is_written(work, capsys, monkeypatch) -> None:
    monkeypatch.chdir(work)
    assert main(["compare", "demo:tiny:mnli", "demo:tiny", "--json", "no.json"]) == 1
    assert "any of 3" in capsys.readouterr().err
    assert main(["compare", "demo:tiny:mnli", "demo:tiny", "--recipe", "none"]) == 0
    capsys.readouterr()
    assert main(["compare", "demo:tiny:mnli", "demo:tiny:none", "--languages", "fr"]) == 1
    assert "no side has the language 'fr'" in capsys.readouterr().err
    assert not Path("no.json").exists()


def test_help_imports_nothing_heavy() -> None:
    program = (
        "import sys\nfrom xstilts.cli import make_parser\nmake_parser()\n"
        "print(*(name for name in ('numpy', 'polars', 'scipy', 'plotly') if name in sys.modules))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.stdout.split() == []
