"""The cost page: worked numbers, units, what is missing, and a figure that needs no colour."""

from __future__ import annotations

import json
import re
import shutil
from html.parser import HTMLParser

import plotly.graph_objects as go
import polars as pl
import pytest
from cost_records import write_experiment, write_record

from xstilts.errors import XstiltsError
from xstilts.execution.cost.table import collect_costs
from xstilts.graph.paths import Paths
from xstilts.report.amounts import BYTES, FLOPS, JOULES, common_unit, digits, duration
from xstilts.report.cost import write_cost
from xstilts.report.figures_cost import Point, quality_against_cost

TARGETS = ("xnli", "xquad", "tatoeba")


def scores(values=(("none", 60.0), ("mnli", 66.0)), targets=("xnli", "tatoeba")):
    return pl.DataFrame(
        [
            {
                "encoder": "e", "recipe": recipe, "target": target, "seed": seed, "split": "test",
                "language": language, "condition": "clean", "metric": "accuracy",
                "value": value, "n": 10,
            }
            for recipe, value in values
            for target in targets
            for seed in (1, 2)
            for language in ("en", "de")
            if not (target == "tatoeba" and (language == "en" or (recipe, seed) == ("none", 2)))
        ]
    )  # fmt: skip


@pytest.fixture
def page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def render(table=None, records=True, **options):
        cells = write_experiment(TARGETS) if records else []
        if records:
            # As long as in the records, without the train set of a target that is not there.
            write_record("tokenise", {"encoder": "e", "task": "xnli", "part": "train"}, 400.0)
        found = collect_costs(Paths("tiny"), cells)
        write_cost(
            tmp_path / "cost.html",
            title="tiny",
            costs=pl.DataFrame(found.costs),
            cells=pl.DataFrame(found.cells),
            scores=scores() if table is None else table,
            experiment={"recipes": {"mnli": {}, "none": {}}},
            hardware=found.hardware,
            **options,
        )
        return (tmp_path / "cost.html").read_text(encoding="utf-8")

    return render


class Tables(HTMLParser):
    """Tables by caption: rows of the texts of their cells."""

    def __init__(self, html):
        super().__init__()
        self.tables, self._caption, self._cell = {}, None, None
        self._in_caption = False
        self.feed(html)

    def handle_starttag(self, tag, attributes):
        if tag == "table":
            self._rows = []
        elif tag == "caption":
            self._in_caption, self._caption = True, ""
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._cell = []
        elif tag == "abbr" and self._cell is not None:
            self._cell.append("why")

    def handle_data(self, data):
        if self._in_caption:
            self._caption += data
        elif self._cell is not None:
            self._cell.append(data.strip())

    def handle_endtag(self, tag):
        if tag == "caption":
            self._in_caption = False
        elif tag in ("td", "th") and self._cell is not None:
            self._rows[-1].append(" ".join(part for part in self._cell if part))
            self._cell = None
        elif tag == "table":
            self.tables[self._caption] = self._rows


def test_the_table_of_recipes_holds_the_worked_example(page):
    tables = Tables(page()).tables
    heads, names, *rows = tables["e, test: score and cost of each recipe"]
    assert heads[-3:] == ["One seed (energy, partly measured)", "Over none", "Cells"]
    assert names == [
        "Wall time", "CPU time", "MFLOP", "mWh", "Memory (MB)", "mWh", "Points", "Points per mWh",
    ]  # fmt: skip
    none, mnli = rows
    # 2 trainings, 2 predictions, 1 retrieval in two steps, 3 scores: 233 s at 10 W are 647 mWh.
    assert none[:4] == ["none", "60.0", "FLOP and energy", "3 min 53 s"]
    assert none[4:8] == ["1 min 56 s", "20", "647", "100"]
    assert all(cell.startswith("why") for cell in none[8:11])
    assert none[11] == "5"
    # 90 s more of intermediate training: 250 mWh for 6 points.
    assert mnli[:4] == ["mnli", "66.0", "FLOP and energy", "5 min 23 s"]
    assert mnli[8:] == ["250", "+6.0", "0.024", "6"]


def test_phases_and_stages(page):
    tables = Tables(page()).tables
    _, _, none, mnli = tables["e: wall time and energy of one seed by phase"]
    assert none[1].startswith("why")
    assert mnli[1:5] == ["1 min 30 s", "250", "3 min 20 s", "556"]
    *_, total = tables["All jobs of the experiment by stage"]
    assert total[0] == "All"
    wall = 4 * 200 + 2 * 90 + 8 * 10 + 3 * 10 + 11 + 400
    assert total[2] == duration(wall)
    cells = {tuple(row[:3]): row for row in tables["e: cost of each cell"][2:]}
    # xquad's training is not shared here, because mlqa is not evaluated.
    assert cells["mnli", "XQuAD", "1"][3:7] == ["1 min 51 s", "308", "30.0 s", "83.3"]


def test_the_page_says_what_is_estimated_and_what_is_lost(page):
    html = page()
    assert "Energy was estimated" not in html
    assert "cpu measured (RAPL); memory estimated (0.3725 W a GB)" in html
    assert "CO2e" not in html
    more = scores(targets=("xnli", "pawsx", "tatoeba"))
    assert "4 of 11 cells have a score, but no record of their cost." in page_again(page, more)


def page_again(page, table):
    import shutil

    shutil.rmtree("results")
    return page(table)


def test_emissions_are_shown_if_their_factor_is_given(page):
    html = page(gram_per_kwh=400.0, pue=1.5)
    rows = Tables(html).tables["e, test: score and cost of each recipe"]
    assert rows[1][4] == "g CO2e"
    # 2330 J · 1.5 · 400 g/kWh.
    assert rows[2][7] == "0.388"
    assert "400 g/kWh" in html
    assert "of 1.5" in html


def test_the_figures_are_part_of_the_page(page):
    html = page()
    figures = re.findall(r"<figure.*?</figure>", html, re.DOTALL)
    assert len(figures) == 2
    assert all("mean of XNLI, Tatoeba" in figure for figure in figures)
    for figure in figures:
        (held,) = re.findall(r"<script[^>]*>(.*?)</script>", figure, re.DOTALL)
        drawn = json.loads(held)["views"][""]["data"]
        assert {name for trace in drawn for name in trace.get("text", ())} == {"none", "mnli"}
    assert "<link" not in html
    assert "<script src=" not in html


def test_the_page_is_the_same_each_time_and_asks_for_nothing(browser, page, tmp_path):
    first = page()
    shutil.rmtree("results")
    assert page() == first
    tab, asked = browser.new_page(), []
    tab.on("request", lambda request: asked.append(request.url))
    address = (tmp_path / "cost.html").as_uri()
    tab.goto(address)
    tab.locator(".plot svg.main-svg").first.wait_for()
    assert [url for url in asked if not url.startswith(("blob:", "data:"))] == [address]
    tab.close()


def test_no_record_is_an_error(page):
    with pytest.raises(XstiltsError, match="record of its cost"):
        page(records=False)


def test_the_figure_tells_points_apart_without_colour():
    points = [
        Point(encoder=encoder, recipe=recipe, cost=cost, score=score)
        for encoder, recipe, cost, score in (
            ("a", "none", 1.0, 50.0), ("a", "mnli", 90.0, 60.0), ("b", "none", 40.0, 49.0),
        )
    ]  # fmt: skip
    figure = quality_against_cost(points, "cost", "Caption", "Energy (kWh)", "Score")
    drawing = figure.views[""].drawing
    go.Figure(data=drawing["data"], layout={**drawing["layout"], "template": figure.template()})
    assert drawing["layout"]["xaxis"]["type"] == "log"
    line, *traces = drawing["data"]
    assert line["name"] == "Pareto front"
    assert (line["x"][:2], line["y"]) == ([1.0, 90.0], [50.0, 60.0, 60.0])
    # A marker for each encoder; what is not on the front is hollow.
    shapes = {
        (row[0], row[1]): trace["marker"]["symbol"]
        for trace in traces
        for row in trace.get("customdata", ())
    }
    assert shapes == {
        ("a", "none"): "circle",
        ("a", "mnli"): "circle",
        ("b", "none"): "square-open",
    }
    near = quality_against_cost(points[1:], "cost", "Caption", "Energy (kWh)", "Score")
    assert near.views[""].drawing["layout"]["xaxis"]["rangemode"] == "tozero"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (59.94, "59.9 s"),
        (61, "1 min 1 s"),
        (3_600, "1 h 0 min"),
        (47 * 3600 + 1800, "47 h 30 min"),
        (200_000, "2 d 8 h"),
    ],
)
def test_durations(seconds, text):
    assert duration(seconds) == text


def test_digits_and_units():
    assert [digits(value) for value in (0, 0.0123456, 1.2345, 45.678, 1234.5, -3)] == [
        "0", "0.0123", "1.23", "45.7", "1,234", "−3"
    ]  # fmt: skip
    assert common_unit(JOULES, [None, 3.6e6, 7.0]).name == "kWh"
    assert common_unit(FLOPS, [2e15]).name == "PFLOP"
    assert common_unit(BYTES, []).name == "MB"
    assert JOULES[2].cell(None, "lost").why == "lost"
