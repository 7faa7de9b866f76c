"""Suspect items on the page and in the sentences."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from findings_tables import empty_findings

from xstilts.analysis.findings import Findings
from xstilts.analysis.tables import POINTS, TABLES, table
from xstilts.report.fairness import write_fairness
from xstilts.report.plots import Names
from xstilts.report.summary import ReportSummary
from xstilts.report.suspect_sentences import suspect_sentences
from xstilts.report.suspect_tables import suspects_section

CHECK = {
    **{"target": "xnli", "respondents": 12, "encoders": 2, "languages": 3, "items": 300},
    **{"listed": 1, "seen": 0.6, "spread": 0.5, "why": None},
}
ITEM = {
    **{"target": "xnli", "language": "sw", "family": "Atlantic-Congo", "item": "i7"},
    **{"probability": 0.97, "shift": 3.9, "shift_error": 0.8, "right": 0.0},
    **{"right_elsewhere": 0.96, "languages": ["en", "de", "sw"], "difficulties": [-1.0, 0.2, 3.1]},
    **{"english": "A dog sleeps.", "text": "<b>Paka</b> analala.", "gold": "entailment"},
    "prediction": "neutral",
}
MEASURE = {
    **{"encoder": "minilm", "recipe": "none", "target": "xnli", "measure": "worst_language"},
    **{"title": "Worst language", "scale": POINTS, "better": "greater"},
}


def findings(**checked: object) -> Findings:
    rows = {
        "item_checks": [{**CHECK, **checked}],
        "suspect_items": [ITEM] if {**CHECK, **checked}["listed"] else [],
        "fairness": [{**MEASURE, "value": 60.0, "who": "sw"}],
        "fairness_without": [{**MEASURE, "value": 61.5, "who": "de"}],
    }
    if not rows["suspect_items"]:
        rows["fairness_without"] = []
    return Findings.of(**{name: table(held, TABLES[name]) for name, held in rows.items()})


def test_figure_has_the_difficulty_in_every_language() -> None:
    held = findings()
    section = suspects_section(held, Names.of(held))
    figure = section.parts[1].figure
    assert figure is not None
    (view,) = figure.views.values()
    others, suspect = view.drawing["data"]
    assert others["x"] == [-1.0, 0.2]
    assert suspect["x"] == [3.1]
    shown = section.parts[3].table
    assert shown is not None
    assert shown.data is not None
    assert {60.0, 61.5} <= {value for value in shown.data[0] if isinstance(value, float)}


def test_page_shows_texts_and_lets_none_of_them_out(tmp_path: Path) -> None:
    path = tmp_path / "fairness.html"
    write_fairness(path, findings(), title="t", summary=ReportSummary(first=("One.",)))
    html = path.read_text("utf-8")
    assert "Items that may be wrong" in html
    assert "analala" in html
    assert "<b>Paka" not in html


@pytest.mark.parametrize(
    ("checked", "parts"),
    [
        ({}, ("1 item is suspect in XNLI", "sw 1", "de at 61.5", "sw at 60.0", "12 runs")),
        ({"listed": 0}, ("No item of XNLI is clearly harder", "60.0 %")),
        ({"listed": 0, "why": "fewer than 3 runs"}, ("cannot be told: fewer than 3 runs",)),
    ],
)
def test_sentences(checked: dict[str, object], parts: tuple[str, ...]) -> None:
    (said,) = suspect_sentences(findings(**checked))
    (line,) = said.lines
    for part in parts:
        assert part in line


def test_nothing_is_said_of_nothing() -> None:
    held = empty_findings()
    assert not list(suspect_sentences(held))
    assert all(part.missing for part in suspects_section(held, Names.of(held)).parts)
    assert isinstance(held["suspect_items"], pl.DataFrame)
