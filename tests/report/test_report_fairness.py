"""The page of findings: in a real browser it draws, sorts, filters, exports and asks for nothing;
without one it is whole, escaped, and says what is missing."""

from __future__ import annotations

import csv
import html
import io
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import polars as pl
import pytest
from findings_tables import (
    ARABIC,
    CODES,
    HOSTILE,
    HOSTILE_TEMPLATE,
    RECIPES,
    TARGETS,
    empty_findings,
    example_findings,
)

from xstilts.analysis.findings import Findings
from xstilts.analysis.inference.adjust import NOT_ENOUGH
from xstilts.analysis.tables import ALL_LANGUAGES, EVERY, FAMILY, GAIN, POINTS, WITH_ENGLISH
from xstilts.report import fairness_tables, figures_perturbed
from xstilts.report.fairness import write_fairness
from xstilts.report.figures_distance import distance_plot
from xstilts.report.figures_dots import dot_plot
from xstilts.report.figures_gains import gains_figure
from xstilts.report.figures_heat_map import heat_map
from xstilts.report.figures_pareto import pareto_plot
from xstilts.report.figures_perturbed import perturbation_curves
from xstilts.report.figures_pitfalls import pitfall_rates
from xstilts.report.kinship import kinship_table, lambda_profile, new_languages_table
from xstilts.report.plots import Names
from xstilts.report.summary import ReportSummary
from xstilts.report.wording import title
from xstilts.rounding import DECIMALS

FIGURES = {
    "gains-by-family": (heat_map, "groups"),
    "languages-in-detail": (dot_plot, "groups"),
    "mean-against-worst": (pareto_plot, "pareto"),
    "gain-against-distance": (distance_plot, "groups"),
    "lambda-profile": (lambda_profile, "kinship_profile"),
    "perturbation-curves": (perturbation_curves, "perturbed"),
    "pitfall-rates": (pitfall_rates, "pitfalls"),
}
# With that of the score page.
DRAWN = {**FIGURES, "gains": (gains_figure, "groups")}
SECTIONS = (
    "families",
    "by-language",
    "fairness",
    "distance",
    "kinship",
    "robustness",
    "pitfalls",
    "stability",
    "tables",
)
SUMMARY = ReportSummary(first=("Two of three recipes gain.", "No family <i>loses</i>."))


def write(path: Path, findings: Findings, **given: Any) -> str:
    """The page of these findings."""
    options = {"title": "Demo", "summary": SUMMARY, "recipes": RECIPES, **given}
    write_fairness(path, findings, **options)
    return path.read_text("utf-8")


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of the example, written once."""
    made = tmp_path_factory.mktemp("fairness") / "fairness.html"
    notes = [HOSTILE, *(f"Caveat {number}." for number in range(5))]
    experiment = {"name": "demo", "remark": HOSTILE}
    links = [("Scores", "scores.html")]
    write(made, example_findings(), notes=notes, experiment=experiment, links=links)
    return made


@pytest.fixture(scope="module")
def page(path: Path) -> str:
    """Its HTML."""
    return path.read_text("utf-8")


@dataclass
class Opened:
    """A page in a browser, and what it said and asked for since it was opened."""

    page: Any
    messages: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)

    def data(self, figure: str) -> list[dict[str, Any]]:
        """The traces that a figure shows now."""
        found = self.page.evaluate(
            "name => JSON.stringify(document.querySelector(`#${name} .plot`).data)", figure
        )
        return json.loads(found)

    def choose(self, figure: str, label: str, option: str) -> None:
        """Choose an option of a figure's select."""
        self.page.locator(f"#{figure}").get_by_label(label, exact=True).select_option(label=option)

    def column(self, table: str, heading: str) -> list[str]:
        """The cells of a column, of the rows that are shown."""
        heads = self.page.locator(f"#table-{table} thead th .dt-column-title").all_inner_texts()
        place = heads.index(heading) + 1
        cells = self.page.locator(f"#table-{table} tbody tr td:nth-child({place})")
        return [text.split("\n")[0] for text in cells.all_inner_texts()]

    @contextmanager
    def searched(self, text: str, table: str = "pitfall-items") -> Iterator[None]:
        """With this typed into the search of a table, and without it afterwards."""
        box = self.page.locator(f"#{table}-table").get_by_label("Search this table")
        box.fill(text)
        yield
        box.fill("")

    def save(self, button: Any) -> tuple[str, list[dict[str, str]]]:
        """Name and rows of the CSV file that a button gives."""
        with self.page.expect_download() as download:
            button.click()
        held = Path(download.value.path()).read_text("utf-8-sig")
        return download.value.suggested_filename, list(csv.DictReader(io.StringIO(held)))


def open_page(browser: Any, path: Path) -> Opened:
    """The page in a tab of its own, once its last table stands."""
    held = Opened(browser.new_page(viewport={"width": 1280, "height": 900}))
    held.page.set_default_timeout(15_000)
    held.page.on("console", lambda message: held.messages.append(f"{message.type}: {message.text}"))
    held.page.on("pageerror", lambda error: held.errors.append(str(error)))
    held.page.on("request", lambda request: held.requests.append(request.url))
    held.page.goto(path.as_uri())
    held.page.locator("#table-languages tbody tr").first.wait_for()
    return held


@pytest.fixture(scope="module")
def untouched(browser: Any, path: Path) -> Opened:
    """The page, for tests that leave it as they find it: opening it takes longest."""
    return open_page(browser, path)


@pytest.fixture
def opened(browser: Any, path: Path) -> Iterator[Opened]:
    """The page, for one test."""
    held = open_page(browser, path)
    yield held
    held.page.close()


def test_page_draws_everything_and_asks_for_nothing(untouched: Opened, path: Path) -> None:
    for name in FIGURES:
        assert untouched.page.locator(f"#{name} .plot svg.main-svg").count() > 0
        assert untouched.page.locator(f"#{name} .plot .trace, #{name} .plot .hm").count() > 0
        assert any(trace.get("customdata") for trace in untouched.data(name))
    assert untouched.page.locator(".dt-container").count() == 11
    assert [url for url in untouched.requests if not url.startswith(("blob:", "data:"))] == [
        path.as_uri()
    ]
    assert not untouched.errors
    assert not untouched.messages
    assert untouched.page.title() == "Demo: robustness and fairness"


def test_nothing_is_sent_to_plotly(untouched: Opened) -> None:
    buttons = untouched.page.locator(".modebar-btn").evaluate_all(
        "held => held.map(button => button.dataset.title)"
    )
    assert "Download plot" in buttons
    assert not [name for name in buttons if name is None or "hare" in name or "loud" in name]
    assert untouched.page.locator(".modebar-btn--logo, .plotlyjsicon").count() == 0


def test_no_sideways_scrolling(untouched: Opened) -> None:
    for width in (1280, 800):
        untouched.page.set_viewport_size({"width": width, "height": 900})
        wide = untouched.page.evaluate("document.documentElement.scrollWidth")
        assert wide <= width
    untouched.page.set_viewport_size({"width": 1280, "height": 900})


def test_another_target_is_another_heat_map(opened: Opened) -> None:
    findings = example_findings()

    def shown() -> dict[tuple[str, str], float]:
        (trace,) = opened.data("gains-by-family")
        cells = [cell for line in trace["customdata"] for cell in line]
        return {(cell[1], cell[5]): cell[6] for cell in cells}

    def expected(target: str, scale: str) -> dict[tuple[str, str], float]:
        held = findings["groups"].filter(
            pl.col("grouping").eq(FAMILY) | pl.col("group").eq(ALL_LANGUAGES),
            quantity=GAIN,
            target=target,
            scale=scale,
        )
        return {(row["recipe"], row["group"]): row["value"] for row in held.to_dicts()}

    assert shown() == pytest.approx(expected(EVERY, POINTS), abs=1e-4)
    opened.choose("gains-by-family", "Target", title(TARGETS[1]))
    assert shown() == pytest.approx(expected(TARGETS[1], POINTS), abs=1e-4)
    opened.choose("gains-by-family", "Scale", "corrected")
    assert shown() == pytest.approx(expected(TARGETS[1], "corrected"), abs=1e-4)
    assert not opened.errors


def test_a_choice_without_numbers_says_so(browser: Any, tmp_path: Path) -> None:
    whole = example_findings()
    groups = whole["groups"].filter(
        ~(pl.col("target").eq(TARGETS[0]) & pl.col("scale").eq("corrected"))
    )
    path = tmp_path / "part.html"
    write(path, Findings.of(groups=groups, languages=whole["languages"]))
    tab = browser.new_page()
    tab.goto(path.as_uri())
    figure = tab.locator("#gains-by-family")
    figure.get_by_label("Target").select_option(label=title(TARGETS[0]))
    figure.get_by_label("Scale").select_option(label="corrected")
    assert figure.locator(".note").inner_text() == "There are no numbers for this choice."
    assert not figure.locator(".plot").is_visible()
    assert figure.locator(".csv").is_disabled()
    figure.get_by_label("Scale").select_option(label="points")
    assert figure.locator(".plot svg.main-svg").first.is_visible()
    assert figure.locator(".note").inner_text() == ""
    tab.close()


def test_a_click_on_a_header_sorts(opened: Opened) -> None:
    def numbers() -> list[float]:
        return [float(text.replace("−", "-")) for text in opened.column("fairness", "Value")]

    header = opened.page.locator("#table-fairness thead th", has_text="Value")
    before = numbers()
    header.click()
    rising = numbers()
    assert rising == sorted(rising) != before
    assert header.get_attribute("aria-sort") == "ascending"
    header.focus()
    header.locator("[role=button]").press("Enter")
    falling = numbers()
    assert falling == sorted(falling, reverse=True)
    assert falling[0] > rising[0]


def test_typing_narrows_the_pitfalls(untouched: Opened) -> None:
    info = untouched.page.locator("#pitfall-items-table .dt-info")
    everything = len(example_findings()["pitfall_items"])
    assert info.inner_text().endswith(f"of {everything}")
    with untouched.searched("Hebrew"):
        found = everything // (len(CODES) - 1)
        assert f"of {found} (of {everything} before filtering)" in info.inner_text()
        assert set(untouched.column("pitfall-items", "Language")) == {"Hebrew (he)"}


def test_a_list_of_ticks_narrows_the_pitfalls(opened: Opened) -> None:
    table = opened.page.locator("#pitfall-items-table")
    for heading, choice in (("Language", "Turkish <b>bold</b> (tr)"), ("Recipe", "mnli+mlm")):
        head = table.locator("thead th").filter(
            has=opened.page.locator(".dt-column-title", has_text=re.compile(f"^{heading}$"))
        )
        head.locator("button.dtcc-button").click()
        opened.page.locator(".dtcc-list-buttons button", has_text=choice).click()
        opened.page.keyboard.press("Escape")
    assert set(opened.column("pitfall-items", "Language")) == {"Turkish <b>bold</b> (tr)"}
    assert set(opened.column("pitfall-items", "Recipe")) == {"mnli+mlm"}


def test_hostile_text_is_text(untouched: Opened) -> None:
    page = untouched.page
    for text in (HOSTILE, HOSTILE_TEMPLATE):
        with untouched.searched(text[:20]):
            assert text in untouched.column("pitfall-items", "In English")
            assert page.locator("#pitfall-items-table td :is(img, script, b)").count() == 0
    assert HOSTILE in page.locator(".caveats li").all_text_contents()
    labels = page.locator("#languages-in-detail .ytick text").all_text_contents()
    assert "Turkish <b>bold</b> (tr)" in [label.replace("\xa0", " ") for label in labels]
    assert page.title() == "Demo: robustness and fairness"
    assert not untouched.errors


def test_text_from_right_to_left_runs_so(untouched: Opened) -> None:
    with untouched.searched(ARABIC[:5]):
        cell = untouched.page.locator("#pitfall-items-table td [dir=auto]", has_text=ARABIC).first
        assert cell.evaluate("held => getComputedStyle(held).direction") == "rtl"


def test_csv_of_a_figure_is_what_it_shows(opened: Opened) -> None:
    opened.choose("languages-in-detail", "Target", title(TARGETS[0]))
    name, rows = opened.save(opened.page.locator("#languages-in-detail .csv"))
    assert name == "languages-in-detail.csv"
    held = example_findings()["groups"].filter(
        target=TARGETS[0], grouping="language", quantity="score", scale=POINTS
    )
    assert len(rows) == len(held) == len(RECIPES) * len(CODES)
    expected = {(row["recipe"], row["group"]): row["low"] for row in held.to_dicts()}
    found = {(row["recipe"], row["language"]): float(row["low"]) for row in rows}
    assert found == pytest.approx(expected, abs=1e-4)
    assert "Turkish <b>bold</b> (tr)" in {row["label"] for row in rows}


def test_every_figure_has_its_csv(untouched: Opened) -> None:
    for figure in FIGURES:
        name, rows = untouched.save(untouched.page.locator(f"#{figure} .csv"))
        drawn = [cell for trace in untouched.data(figure) for cell in trace.get("customdata") or ()]
        if figure == "gains-by-family":
            drawn = [cell for line in drawn for cell in line if cell]
        assert name == f"{figure}.csv"
        assert len(rows) == len(drawn) > 0


def test_csv_of_a_table_has_numbers_and_intervals(untouched: Opened) -> None:
    table = untouched.page.locator("#pitfall-items-table")
    with untouched.searched("Japanese"):
        name, rows = untouched.save(table.locator("button", has_text="Data (CSV)"))
    assert name == "pitfall-items.csv"
    assert {row["Language"] for row in rows} == {"Japanese (ja)"}
    assert HOSTILE in {row["In English"] for row in rows}
    assert HOSTILE_TEMPLATE in {row["In English"] for row in rows}
    button = untouched.page.locator("#fairness-table button", has_text="Data (CSV)")
    _, rows = untouched.save(button)
    held = example_findings()["fairness"]
    lower = [float(row["Change, 95 % from"]) for row in rows if row["Change"]]
    assert sorted(lower) == pytest.approx(sorted(held["change_low"].drop_nulls()), abs=1e-5)
    assert {row["Change"] for row in rows if row["Recipe"] == "none (baseline)"} == {""}
    assert {row["Verdict"] for row in rows} == {"", "✱ fairer", "✱ less fair", NOT_ENOUGH}


def test_print_shows_all_sections_and_no_controls(untouched: Opened) -> None:
    untouched.page.emulate_media(media="print")
    for name in SECTIONS:
        assert untouched.page.locator(f"section[aria-labelledby={name}]").is_visible()
    for name in FIGURES:
        assert untouched.page.locator(f"#{name} svg.main-svg").first.is_visible()
        assert not untouched.page.locator(f"#{name} .controls").is_visible()
    assert untouched.page.locator(".caveats details li").first.is_visible()
    assert not untouched.page.get_by_label("Search this table").first.is_visible()
    untouched.page.emulate_media(media="screen")
    untouched.page.locator(".caveats details li").first.wait_for(state="hidden")


def test_page_works_inside_another(browser: Any, path: Path, tmp_path: Path) -> None:
    outer = tmp_path / "outer.html"
    outer.write_text(
        f'<iframe sandbox="allow-scripts" src="{path.as_uri()}" width=1200 height=800></iframe>'
    )
    tab = browser.new_page()
    tab.goto(outer.as_uri())
    inner = tab.frame_locator("iframe")
    inner.locator("#table-languages tbody tr").first.wait_for()
    assert inner.locator("#pitfall-rates svg.main-svg").count() > 0
    tab.close()


def test_page_is_one_file(page: str) -> None:
    assert page.count("plotly.js v") == 1
    assert not re.search(r'<(script|link|img|iframe)[^>]+(src|href)="(?!#)', page)
    assert 5_000_000 < len(page.encode()) < 8_000_000
    assert '<a href="scores.html">Scores</a>' in page


def test_page_escapes_what_it_is_given(page: str) -> None:
    assert HOSTILE not in page
    assert str(html.escape(SUMMARY.first[1])) in page
    assert html.escape(HOSTILE, quote=False).replace('"', "&#34;") in page


@pytest.mark.parametrize("name", DRAWN)
def test_figures_are_what_plotly_takes(name: str) -> None:
    findings = example_findings()
    draw, table = DRAWN[name]
    figure = draw(findings[table], Names.of(findings, RECIPES))
    assert figure is not None
    assert figure.anchor == name
    assert figure.alt
    for view in figure.views.values():
        layout = {**view.drawing["layout"], "template": figure.template()}
        go.Figure(data=view.drawing["data"], layout=layout)


@pytest.mark.parametrize("name", DRAWN)
def test_figures_of_nothing_are_none(name: str) -> None:
    findings = empty_findings()
    draw, table = DRAWN[name]
    assert draw(findings[table], Names.of(findings)) is None


def test_empty_findings_give_a_page_that_says_what_is_missing(tmp_path: Path) -> None:
    page = write(tmp_path / "empty.html", empty_findings(), summary=ReportSummary(first=()))
    assert "<figure" not in page
    assert 'class="table"' not in page
    for name in SECTIONS:
        section = page.split(f'<h2 id="{name}">')[1].split("</section>")[0]
        assert '<p class="missing">' in section
    assert "Nothing can be said yet." in page
    assert "<li>Nothing is scored yet.</li>" in page


def test_numbers_that_are_not_numbers_are_left_out(tmp_path: Path) -> None:
    whole = example_findings()
    broken = whole["groups"].with_columns(
        pl.when(pl.col("group").eq("ja")).then(float("nan")).otherwise("value").alias("value")
    )
    page = write(tmp_path / "nan.html", Findings.of(groups=broken, languages=whole["languages"]))
    for held in re.findall(r'<script type="application/json">(.*?)</script>', page, re.DOTALL):
        json.loads(held, parse_constant=pytest.fail)


def test_heat_map_marks_what_is_certain_and_who_is_alone() -> None:
    findings = example_findings()
    figure = heat_map(findings["groups"], Names.of(findings, RECIPES))
    assert figure is not None
    (trace,) = figure.views["0-0-0"].drawing["data"]
    assert trace["x"] == [
        "All languages",
        "Indo-European",
        "Afro-Asiatic",
        "Turkic †",
        "Japonic (ja)",
    ]
    # The first recipe is on top, which plotly counts from below.
    assert trace["y"] == list(RECIPES[:0:-1])
    for texts, lines in zip(trace["text"], trace["customdata"], strict=True):
        for text, row in zip(texts, lines, strict=True):
            assert ("✱" in text) == (row[10] in ("gains", "loses"))
    assert trace["zmin"] == -trace["zmax"]


def test_the_first_figure_fills_what_is_sure_of_targets_and_families() -> None:
    findings = example_findings()
    figure = gains_figure(findings["groups"], Names.of(findings, RECIPES))
    assert figure is not None
    shown: dict[str, set[tuple[str, str, str, float]]] = {"y": set(), "y2": set()}
    for trace in figure.views["0"].drawing["data"]:
        for cells, value in zip(trace.get("customdata", ()), trace["x"], strict=False):
            row = dict(zip(figure.columns, cells, strict=True))
            sure = row["verdict"] in ("gains", "loses")
            assert trace["marker"]["symbol"].endswith("-open") != sure
            assert value == row["value"]
            shown[trace["yaxis"]].add((row["recipe"], row["target"], row["group"], value))
    gains = findings["groups"].filter(pl.col("value").is_not_null(), quantity=GAIN, scale=POINTS)
    gains = gains.filter(pl.col("recipe") != "none")
    families = gains.filter(
        pl.col("grouping").eq(FAMILY) | pl.col("group").eq(ALL_LANGUAGES), target=EVERY
    )
    columns = ("recipe", "target", "group", pl.col("value").round(DECIMALS))
    assert shown["y"] == set(gains.filter(group=WITH_ENGLISH).select(columns).iter_rows())
    assert shown["y2"] == set(families.select(columns).iter_rows())
    layout = figure.views["0"].drawing["layout"]
    assert layout["yaxis"]["ticktext"][0] == "Mean over targets"
    assert layout["yaxis2"]["ticktext"][0] == "All languages"


def test_curves_say_what_is_not_defined() -> None:
    findings = example_findings()
    figure = perturbation_curves(findings["perturbed"], Names.of(findings, RECIPES))
    assert figure is not None
    japonic = figure.choices[1].names.index("Japonic (ja)")
    assert figure.views[f"0-{japonic}-0"].note.endswith("of lower: score near chance.")
    assert figure.views["0-0-0"].note == ""


def test_curves_of_too_many_rows_are_means_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(figures_perturbed, "_MOST_ROWS", 100)
    findings = example_findings()
    figure = perturbation_curves(findings["perturbed"], Names.of(findings, RECIPES))
    assert figure is not None
    assert figure.choices[2].names == ("Mean over targets",)
    assert "in the table" in figure.caption


def test_too_many_items_are_cut_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fairness_tables, "_MOST_ITEMS", 72)
    findings = example_findings()
    table = fairness_tables.pitfall_items_table(findings, Names.of(findings, RECIPES))
    assert table is not None
    assert (len(table.data), table.caption.partition("; ")[2]) == (72, "the worst 72 of 288")


def test_recipes_come_in_the_order_given_and_the_baseline_first() -> None:
    names = Names.of(example_findings(), ["mnli+mlm", "squad_v1"])
    assert names.recipes == ("none", "mnli+mlm", "squad_v1", "mnli")
    marks = [(mark.colour, mark.symbol) for mark in names.marks.values()]
    assert len(set(marks)) == len(names.recipes)


def test_more_recipes_than_colours_are_told_apart() -> None:
    many = Names.of(empty_findings(), ["none", *(f"recipe{number}" for number in range(40))])
    marks = {(mark.colour, mark.symbol) for mark in many.marks.values()}
    assert len(marks) == 41


def test_a_gain_is_also_told_as_the_share_of_errors_that_is_gone():
    row = {"encoder": "e", "recipe": "mnli", "target": "xnli", "grouping": "all", "group": "all"}
    frame = pl.DataFrame(
        [
            {**row, "scale": "points", "quantity": "score", "value": 90.0},
            {**row, "scale": "points", "quantity": "gain", "value": 5.0},
            {**row, "scale": "points", "quantity": "gap", "value": 7.0},
            {**row, "recipe": "qqp", "scale": "points", "quantity": "score", "value": 40.0},
            {**row, "recipe": "qqp", "scale": "points", "quantity": "gain", "value": -10.0},
        ]
    )
    found = fairness_tables.with_error_reduction(frame)
    assert found.drop("error_reduction").equals(frame)
    # 85 to 90 is a third of what was wrong; 50 to 40 is a fifth more.
    assert found["error_reduction"].to_list() == pytest.approx([None, 1 / 3, None, None, -1 / 5])


def test_gains_and_losses_of_kin_are_not_mixed() -> None:
    findings = example_findings()
    names = Names.of(findings, RECIPES)
    figure = lambda_profile(findings["kinship_profile"], names)
    assert figure is not None
    outcomes = {
        dict(zip(figure.columns, row, strict=True))["outcome"]
        for view in figure.views.values()
        for trace in view.drawing["data"]
        for row in trace["customdata"]
    }
    assert outcomes == {GAIN}
    for table in (kinship_table(findings, names), new_languages_table(findings, names)):
        assert table is not None
        assert table.data is not None
        heads = [column.label for column in table.columns]
        pairs = {
            (row[heads.index("Outcome")], row[heads.index("Perturbed by")]) for row in table.data
        }
        assert pairs == {("score", ""), ("gain", ""), ("change of loss", "typos@0.2")}
