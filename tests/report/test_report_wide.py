"""Pages of very many languages: what is folded, found, drawn on a map and as a tree, and how large
they are."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import plotly.graph_objects as go
import polars as pl
import pytest
from findings_tables import RECIPES, example_findings
from panels import known_panel
from wide_experiment import WideExperiment

from xstilts.analysis.findings import Findings
from xstilts.analysis.groups import group_rows
from xstilts.analysis.tables import (
    BRANCH,
    EVERY,
    FAMILY,
    GAIN,
    GROUPS,
    KINSHIP_NEW,
    LANGUAGE,
    LOSS_CHANGE,
    POINTS,
    SCORE,
    table,
)
from xstilts.config.languages import LANGUAGES
from xstilts.config.tasks import TARGETS
from xstilts.report import packed
from xstilts.report.fairness import write_fairness
from xstilts.report.figure import Figure
from xstilts.report.figures_distance import distance_plot
from xstilts.report.figures_dots import dot_plot
from xstilts.report.figures_heat_map import heat_map
from xstilts.report.figures_map import world_map
from xstilts.report.folds import MOST_UNFOLDED
from xstilts.report.labels import with_room
from xstilts.report.page import write_page
from xstilts.report.plots import Names
from xstilts.report.summary import ReportSummary
from xstilts.report.tree import Node, Tree, gain_tree
from xstilts.report.wording import label
from xstilts.report.world import project
from xstilts.rounding import DECIMALS, signed

# Enough languages that some family is folded into branches.
CODES = (
    "en",
    *(code for code in TARGETS["sib200"].languages if code in LANGUAGES and code != "en"),
)
TARGET = "sib200"
DRAWN = {"dots": dot_plot, "heat": heat_map, "map": world_map, "distance": distance_plot}
EARTH, SPHERE = 6_371_007.181, 6_378_137.0


@pytest.fixture(scope="module")
def findings() -> Findings:
    """Numbers in all languages of SIB-200."""
    return example_findings(targets=(TARGET,), codes=CODES, recipes=RECIPES[:3])


@pytest.fixture(scope="module")
def names(findings: Findings) -> Names:
    return Names.of(findings, RECIPES)


@pytest.fixture(scope="module")
def path(findings: Findings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of them."""
    made = tmp_path_factory.mktemp("wide") / "fairness.html"
    summary = ReportSummary(first=("Some gain.",))
    write_fairness(made, findings, title="Wide", summary=summary, recipes=RECIPES)
    return made


def held(figure: Figure) -> list[dict[str, Any]]:
    """The rows of all views, as the CSV has them."""
    found = []
    for view in figure.views.values():
        for trace in view.drawing["data"]:
            rows = trace.get("customdata", ())
            rows = [row for line in rows for row in line] if trace["type"] == "heatmap" else rows
            found += [dict(zip(figure.columns, row, strict=True)) for row in rows if row]
    return found


def numbers(frame: pl.DataFrame) -> set[tuple[Any, ...]]:
    columns = ("recipe", "target", "quantity", "group", "value", "low", "high")
    rounded = frame.with_columns(pl.col("value", "low", "high").round(DECIMALS))
    return set(rounded.select(columns).iter_rows())


@pytest.mark.parametrize("name", DRAWN)
def test_wide_figures_are_what_plotly_takes(name: str, findings: Findings, names: Names) -> None:
    figure = DRAWN[name](findings["groups"], names)
    assert figure is not None
    for view in figure.views.values():
        layout = {**view.drawing["layout"], "template": figure.template()}
        go.Figure(data=view.drawing["data"], layout=layout)


@pytest.mark.parametrize(("draw", "quantities"), [(dot_plot, [SCORE, GAIN]), (heat_map, [GAIN])])
def test_every_number_is_in_some_view(
    draw: Any, quantities: list[str], findings: Findings, names: Names
) -> None:
    figure = draw(findings["groups"], names)
    shown = [row for row in held(figure) if row.get("scale", POINTS) == POINTS]
    expected = findings["groups"].filter(
        pl.col("quantity").is_in(quantities), scale=POINTS, grouping=LANGUAGE
    )
    keys = ("recipe", "target", "quantity", "group", "value", "low", "high")
    found = [tuple(row[key] for key in keys) for row in shown if row["grouping"] == LANGUAGE]
    assert set(found) == numbers(expected)
    # Once each: a language stands in its family or branch, or for itself.
    assert len(found) == len(set(found))
    families = {row["group"] for row in shown if row["grouping"] == FAMILY}
    sizes = pl.Series([names.family_of(code) for code in CODES]).value_counts()
    assert families == set(sizes.filter(pl.col("count") > 1).to_series())


def test_the_first_view_is_folded_and_no_view_is_long(findings: Findings, names: Names) -> None:
    figure = dot_plot(findings["groups"], names)
    assert figure is not None
    rows = {key: view.drawing["layout"]["yaxis"]["ticktext"] for key, view in figure.views.items()}
    families = {names.family_of(code) for code in CODES}
    assert len(rows["0-0-0-0"]) == len(families)
    assert any(text.startswith("Indo-European (") for text in rows["0-0-0-0"])
    assert max(map(len, rows.values())) <= MOST_UNFOLDED + 1


def test_few_languages_are_not_folded() -> None:
    few = example_findings(codes=CODES[:MOST_UNFOLDED])
    many = example_findings(codes=CODES[: MOST_UNFOLDED + 1])
    for draw in (dot_plot, heat_map):
        choices = [
            [choice.label for choice in draw(each["groups"], Names.of(each)).choices]
            for each in (few, many)
        ]
        assert [*choices[0], "Open"] == choices[1]


def test_what_can_be_looked_for_leads_to_a_view_that_has_it(
    findings: Findings, names: Names
) -> None:
    figure = dot_plot(findings["groups"], names)
    assert figure is not None
    for name, place in figure.found[: len(CODES)]:
        layout = figure.views[f"0-0-0-{place}"].drawing["layout"]
        assert label(name.rsplit(",", 1)[0]) in layout["yaxis"]["ticktext"]
    assert len({name for name, _ in figure.found}) == len(figure.found)


@pytest.mark.parametrize(
    ("place", "radius", "expected"),
    [
        # EPSG:8857, on the sphere that has WGS 84's area: its bounds and a corner.
        ((180, 0), EARTH, (17_243_959.06, 0)),
        ((0, 90), EARTH, (0, 8_392_927.60)),
        ((-180, -90), EARTH, (-10_216_474.79, -8_392_927.60)),
        # A test of PROJ's, on a sphere.
        ((180, 0), SPHERE, (17_263_256.84, 0)),
    ],
)
def test_the_projection_has_its_published_values(
    place: tuple[float, float], radius: float, expected: tuple[float, float]
) -> None:
    assert np.multiply(project(*place), radius) == pytest.approx(expected, abs=0.01)


def test_the_projection_keeps_areas() -> None:
    """A degree squared anywhere has the area that it has on the globe: cos(latitude)."""
    for longitude, latitude in [(0, 0), (100, 30), (-150, 60), (20, -45), (170, 80)]:
        step = 1e-4
        east = np.subtract(project(longitude + step, latitude), project(longitude - step, latitude))
        north = np.subtract(
            project(longitude, latitude + step), project(longitude, latitude - step)
        )
        area = (east[0] * north[1] - east[1] * north[0]) / np.radians(2 * step) ** 2
        assert area == pytest.approx(np.cos(np.radians(latitude)), rel=1e-6)


def test_the_map_has_every_language_at_its_place(findings: Findings, names: Names) -> None:
    figure = world_map(findings["groups"], names)
    assert figure is not None
    rows = held(figure)
    gains = findings["groups"].filter(quantity=GAIN, grouping=LANGUAGE, scale=POINTS)
    places = {code for code in CODES if LANGUAGES[code].latitude is not None}
    expected = {row for row in numbers(gains) if row[3] in places}
    assert "not shown" not in figure.caption
    keys = ("recipe", "target", "language", "value", "low", "high")
    found = {tuple(row[key] for key in keys) for row in rows}
    assert found == {(*row[:2], *row[3:]) for row in expected}
    assert len(found) == len(rows)
    for row in rows:
        language = LANGUAGES[row["language"]]
        assert (row["latitude"], row["longitude"]) == (language.latitude, language.longitude)
        assert row["macroarea"] == language.macroarea
    points = [
        tuple(point)
        for view in list(figure.views.values())[:1]
        for point in zip(*(view.drawing["data"][0][axis] for axis in "xy"), strict=True)
    ]
    assert len(set(points)) == len(points)
    (path,) = (shape["path"] for shape in figure.ground["shapes"] if shape["name"] == "land")
    assert 5_000 < len(path) < 30_000


def test_the_map_tells_whom_it_does_not_show(findings: Findings, names: Names) -> None:
    known = {code: {**held} for code, held in names.languages.items()}
    known["de"]["latitude"] = known["sw"]["latitude"] = None
    figure = world_map(findings["groups"], replace(names, languages=known))
    assert figure is not None
    assert {"de", "sw"}.isdisjoint(row["language"] for row in held(figure))
    expected = " and ".join(sorted(map(names.language, ("de", "sw"))))
    assert f"Without a place there, and not shown: {expected}." in figure.caption


def test_labels_lie_on_no_point_and_no_other_label() -> None:
    points = np.array([[0, 0], [8, 0], [100, 0], [100, 40], [128, 40]], dtype=float)
    assert sorted(with_room(points, ["a", "b", "long_code", "right", "x"])) == [1, 2, 4]
    # Of two that lie on each other, the last.
    assert with_room(np.array([[0.0, 0.0], [15.0, 0.0], [0.0, 11.0]]), ["", "", "abc"]) == [2, 1, 0]


def walk(nodes: tuple[Node, ...]) -> dict[str, Node]:
    return {
        name: found
        for node in nodes
        for name, found in {node.label: node, **walk(node.inside)}.items()
    }


def test_the_tree_has_the_plain_means_of_its_languages() -> None:
    rng = np.random.default_rng(3)
    scores = {
        (recipe, seed): {code: rng.uniform(30, 90) for code in CODES}
        for recipe in ("none", "mnli")
        for seed in (1, 2)
    }
    groups = table(group_rows(known_panel({TARGET: scores})), GROUPS)
    tree = gain_tree(
        groups.filter(target=TARGET),
        table([], KINSHIP_NEW),
        Names(
            recipes=("none", "mnli"),
            languages={
                code: {
                    "name": each.name,
                    "family": each.family,
                    "branch": each.branch,
                    "unseen": False,
                }
                for code, each in LANGUAGES.items()
            },
        ),
    )
    assert tree is not None

    def gain(codes: list[str]) -> float:
        return float(
            np.mean(
                [
                    scores["mnli", seed][code] - scores["none", seed][code]
                    for code in codes
                    for seed in (1, 2)
                ]
            )
        )

    rows = [dict(zip(tree.data()["columns"], row, strict=True)) for row in tree.data()["rows"]]
    seen = set()
    for row in rows:
        of = {FAMILY: "family", BRANCH: "branch", LANGUAGE: "code"}.get(row["grouping"])
        own = [
            code
            for code in CODES
            if (code != "en" or of == "code")
            and (of is None or getattr(LANGUAGES[code], of) == row["group"])
        ]
        assert row["value"] == pytest.approx(gain(own), abs=1e-3)
        seen.add(of)
    assert seen == {None, "family", "branch", "code"}
    nodes = walk(tree.parts[0].nodes)
    turkic = [code for code in CODES if LANGUAGES[code].family == "Turkic"]
    assert (
        nodes[f"Turkic ({len(turkic)})"]
        .gains[0]
        .text.startswith(f"{gain(turkic):+.1f}".replace("-", "−"))
    )


def leaves(nodes: tuple[Node, ...]) -> list[str]:
    return [
        name for node in nodes for name in (leaves(node.inside) if node.inside else [node.label])
    ]


def test_the_tree_ends_in_every_language_once(findings: Findings, names: Names) -> None:
    tree = gain_tree(findings["groups"], table([], KINSHIP_NEW), names)
    assert isinstance(tree, Tree)
    for part in tree.parts:
        expected = ["All languages", *map(names.language, CODES)]
        assert sorted(leaves(part.nodes)) == sorted(expected)


def test_a_family_holds_what_a_new_language_of_it_would_gain(
    findings: Findings, names: Names
) -> None:
    held = findings["kinship_new"]
    # Of other outcomes the tree tells nothing.
    others = held.filter(outcome=GAIN).with_columns(
        outcome=pl.lit(LOSS_CHANGE), condition=pl.lit("typos@0.1"), value=pl.lit(77.0)
    )
    tree = gain_tree(findings["groups"], pl.concat([held, others]), names)
    assert isinstance(tree, Tree)
    shown = {recipe: place for place, recipe in enumerate(tree.recipes)}
    rows = [dict(zip(tree.data()["columns"], row, strict=True)) for row in tree.data()["rows"]]
    new = {
        (row["target"], row["group"], row["recipe"]): row
        for row in rows
        if row["grouping"] == "new language"
    }
    expected = held.filter(outcome=GAIN)
    assert len(new) == len(expected) > 0
    for part, target in zip(tree.parts, (EVERY, TARGET), strict=True):
        tops = {node.label: node for node in part.nodes}
        for row in expected.filter(target=target).iter_rows(named=True):
            family = row["family"]
            if family == "":
                node = tops["A new language of a new family"]
            else:
                # A family of one language is that language.
                (node,) = [
                    inner
                    for top in part.nodes
                    for inner in top.inside
                    if inner.label == f"A new language of {family}"
                ]
            assert node.new
            gain = node.gains[shown[row["recipe"]]]
            assert gain.text == signed(row["value"])
            assert gain.interval == f"{signed(row['low'])} to {signed(row['high'])}"
            kept = new[target, family, row["recipe"]]
            assert kept["family"] == (family or None)
            assert [kept[name] for name in ("value", "low", "high")] == pytest.approx(
                [row[name] for name in ("value", "low", "high")], abs=1e-3
            )
        assert names.language("ja") in tops


def test_a_tree_unfolds_without_scripts(browser: Any, path: Path) -> None:
    context = browser.new_context(java_script_enabled=False)
    tab = context.new_page()
    tab.goto(path.as_uri())
    line = tab.locator("#gains-as-a-tree .row", has_text="Tatar (tat)").first
    assert not line.is_visible()
    for name in ("Turkic", "Kipchak"):
        tab.locator("#gains-as-a-tree summary", has_text=name).first.click()
    assert line.is_visible()
    assert not tab.locator("#gains-as-a-tree .controls").is_visible()
    context.close()


def test_a_language_is_found_in_its_family(browser: Any, path: Path) -> None:
    tab = browser.new_page(viewport={"width": 400, "height": 900})
    errors: list[str] = []
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.goto(path.as_uri())
    tab.locator("#table-languages .dt-column-title").first.wait_for()
    for anchor in ("languages-in-detail", "gains-by-family"):
        figure = tab.locator(f"#{anchor}")
        box = figure.get_by_label("Find")
        box.fill("tat")
        box.press("Enter")
        figure.locator(".ytick", has_text="▸ Tatar (tat)").wait_for()
        assert "Turkic" in figure.get_by_label("Open").evaluate(
            "select => select.selectedOptions[0].textContent"
        )
        box.fill("no such language")
        box.press("Enter")
        said = "No language or family is called so."
        figure.locator(".note", has_text=said).wait_for()
    tree = tab.locator("#gains-as-a-tree")
    tree.get_by_label("Find").fill("tatar (tat)")
    assert tree.locator(".row", has_text="Tatar (tat)").first.is_visible()
    assert not tree.locator(".row", has_text="Yoruba (yo)").first.is_visible()
    with tab.expect_download() as download:
        tree.get_by_role("button", name="Data (CSV)").click()
    saved = Path(download.value.path()).read_text("utf-8-sig")
    assert {"Tatar (tat)", "Turkic"} <= {row["label"] for row in csv.DictReader(io.StringIO(saved))}
    assert tab.evaluate("document.documentElement.scrollWidth") <= 400
    assert not errors
    tab.close()


def test_compressed_data_are_the_same_data(
    browser: Any, findings: Findings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown = []
    for name, most in (("plain", 10**9), ("packed", 0)):
        monkeypatch.setattr(packed, "_MOST_CHARACTERS", most)
        page = tmp_path / f"{name}.html"
        write_fairness(
            page, findings, title="Wide", summary=ReportSummary(first=()), recipes=RECIPES
        )
        tab = browser.new_page()
        tab.goto(page.as_uri())
        tab.evaluate("standing")
        tab.locator("#table-languages .dt-column-title").first.wait_for()
        shown.append(
            tab.evaluate(
                """async () => {
                  const held = "figure script, .table script, .tree script";
                  const scripts = document.querySelectorAll(held);
                  return JSON.stringify(await Promise.all([...scripts].map(unpacked)));
                }"""
            )
        )
        assert tab.locator(".plot svg.main-svg").count() > 0
        tab.close()
    assert shown[0] == shown[1]
    assert (tmp_path / "packed.html").stat().st_size < (tmp_path / "plain.html").stat().st_size
    assert '<script type="application/json">' not in (tmp_path / "packed.html").read_text("utf-8")


def test_tables_of_many_languages_can_be_searched_by_family(browser: Any, tmp_path: Path) -> None:
    scores = WideExperiment(250, 2, 1).scores.filter(target=TARGET)
    page = tmp_path / "index.html"
    write_page(scores, page, title="Wide", experiment={}, notes=[])
    tab = browser.new_page()
    tab.goto(page.as_uri())
    tab.locator("details.task > summary").click()
    rows = tab.locator("details.task tbody tr")
    tab.locator("details.task .dt-search input").fill("Turkic")
    family = [code for code in TARGETS[TARGET].languages if LANGUAGES[code].family == "Turkic"]
    tab.locator("details.task .dt-info", has_text=f"of {len(family)}").wait_for()
    assert rows.count() == len(family)
    tab.close()
    # All rows are there without a script.
    text = page.read_text("utf-8").split('class="task"')[1].split("</details>")[0]
    assert text.count("<tr>") == len(TARGETS[TARGET].languages) + 2


def test_pages_of_a_wide_experiment_are_not_too_large(tmp_path: Path) -> None:
    """250 languages, 12 recipes, 3 seeds: what a browser has to hold, and megabytes."""
    experiment = WideExperiment(250, 12, 3)
    for name, write in experiment.pages().items():
        write(tmp_path / name)
        text = (tmp_path / name).read_text("utf-8")
        assert len(text) < 20e6
        # Scripts of libraries hold tags as well.
        body = re.sub(r"<script.*?</script>", "", text, flags=re.DOTALL)
        assert body.count("<") / 2 < 120_000
