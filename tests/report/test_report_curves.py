"""The page of training runs: every run is on it, what went wrong shows, and it stays small."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import plotly.graph_objects as go
import pytest
from curve_files import CHANCE, place, write_grid, write_run

from xstilts.analysis.training_curves import DEV, LOSS, TrainingCurves, read_curves
from xstilts.report.curves import write_curves
from xstilts.report.figure import Figure
from xstilts.report.figures_training import mixture_curves, training_curves
from xstilts.report.panels import suffix
from xstilts.report.plots import Names

RECIPES = ("none", "mnli", "multi")
NAMES = Names(recipes=("", *RECIPES, "untrained"), languages={})
SOURCES = ("mnli", "squad_v1", "text")
HOSTILE = "</script><b>reason</b> & more"


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> list[Any]:
    """One encoder and three recipes, of which some runs went wrong; a baseline and pretraining."""
    folder = tmp_path_factory.mktemp("curves")
    found = []

    def add(at: dict[str, Any], *given: Any, **outcome: Any) -> None:
        found.append((at, write_run(folder / f"{len(found)}.parquet", *given, **outcome)))

    add({**place(""), "phase": "pretraining"}, 60, ("text",))
    for recipe in RECIPES:
        for seed in (1, 2, 3):
            if recipe != "none":
                sources = SOURCES if recipe == "multi" else ("mnli",)
                add(place(recipe, seed=seed), 300, sources)
            collapsed = CHANCE if recipe == "mnli" and seed > 1 else ""
            add(place(recipe, "xnli", seed), 500, collapsed=collapsed)
    first = {"collapsed": HOSTILE, "best_step": 10, "best_dev_score": 33.3}
    add(place("none", "udpos", 1), given_up={"first_attempt": (30, first)})
    nan = {"bfloat16_attempt": (7, {"not_finite": "the loss is nan at step 8 in bfloat16"})}
    add(place("untrained", "xnli", 1), 500, given_up=nan)
    return found


@pytest.fixture(scope="module")
def curves(runs: list[Any]) -> TrainingCurves:
    return read_curves(runs)


def write(path: Path, curves: TrainingCurves, **given: Any) -> str:
    write_curves(path, curves, title="Demo", recipes=RECIPES, links=[("Scores", "s.html")], **given)
    return path.read_text("utf-8")


@pytest.fixture(scope="module")
def path(curves: TrainingCurves, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page, written once."""
    made = tmp_path_factory.mktemp("page") / "curves.html"
    write(made, curves)
    return made


@pytest.fixture(scope="module")
def page(path: Path) -> str:
    return path.read_text("utf-8")


def view(figure: Figure | None, *chosen: str) -> dict[str, Any]:
    """What is drawn where these values are chosen."""
    assert figure is not None
    places = (choice.names.index(name) for choice, name in zip(figure.choices, chosen, strict=True))
    return dict(figure.views["-".join(map(str, places))].drawing)


def drawn(figure: Figure, held: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows of all traces by the figure's columns, as its CSV has them."""
    return [
        dict(zip(figure.columns, [*trace["meta"], *row], strict=True))
        for trace in held["data"]
        for row in trace.get("customdata", ())
    ]


def test_every_run_is_drawn_in_the_view_of_its_training(curves: TrainingCurves, runs: Any) -> None:
    figure = training_curves(curves, NAMES)
    assert figure is not None
    assert figure.choices[1].names == ("Pretraining", "Intermediate training", "XNLI", "UD-POS")
    names = ("encoder", "recipe", "phase", "train_set", "seed")
    shown = set()
    for name in figure.choices[1].names:
        rows = drawn(figure, view(figure, "enc", name))
        kept = {tuple(row[each] for each in names) for row in rows if row["attempt"] == "kept"}
        assert not kept & shown
        shown |= kept
        assert {row["quantity"] for row in rows} == {LOSS, DEV}
    assert shown == {tuple(at[each] for each in names) for at, _ in runs}


def test_a_panel_a_recipe_with_its_seeds_and_the_checkpoint_that_is_kept(
    curves: TrainingCurves,
) -> None:
    figure = training_curves(curves, NAMES)
    held = view(figure, "enc", "XNLI")
    layout = held["layout"]
    titles = [each["text"].split("</b>")[0] for each in layout["annotations"]]
    assert titles == ["<b>none (baseline)", "<b>mnli", "<b>multi", "<b>untrained"]
    # Two axes a panel, one above the other.
    for number in range(len(titles)):
        upper, lower = (layout[f"yaxis{suffix(2 * number + n)}"]["domain"] for n in (0, 1))
        assert 0 <= lower[0] < lower[1] < upper[0] < upper[1] <= 1
    traces = [trace for trace in held["data"] if trace.get("customdata")]
    for trace in traces:
        row = dict(zip(figure.columns, trace["meta"], strict=False))
        panel = ["none", "mnli", "multi", "untrained"].index(row["recipe"])
        assert trace["yaxis"] == f"y{suffix(2 * panel + (row['quantity'] == DEV))}"
        assert trace["y"] == [point[-1] for point in trace["customdata"]]
        if row["quantity"] == DEV:
            marks = zip(trace["x"], trace["marker"]["symbol"], strict=True)
            assert [step for step, mark in marks if mark == "star"] == [490]
        else:
            assert len(trace["x"]) <= 200
    colours = {trace["name"]: trace["line"]["color"] for trace in traces}
    assert len(set(colours.values())) == len(colours) == 3
    in_legend = [trace["name"] for trace in held["data"] if trace.get("showlegend")]
    assert in_legend == ["seed 1", "seed 2", "seed 3"]


def test_collapsed_runs_are_marked_with_their_reason(curves: TrainingCurves) -> None:
    layout = view(training_curves(curves, NAMES), "enc", "XNLI")["layout"]
    texts = [re.sub("<[^>]*>", " ", each["text"]) for each in layout["annotations"]]
    (mnli,) = (text for text in texts if " mnli " in text)
    assert "✗ seeds 2 and 3: " in mnli
    assert CHANCE.split()[-1] in mnli
    assert sum("✗" in text for text in texts) == 1
    assert {shape["xref"] for shape in layout["shapes"]} == {"x3 domain", "x4 domain"}
    figure = training_curves(curves, NAMES)
    dotted = {
        (trace["meta"][1], trace["meta"][4])
        for trace in view(figure, "enc", "XNLI")["data"]
        if trace.get("meta") and trace["line"]["dash"] == "dot"
    }
    assert dotted == {("mnli", 2), ("mnli", 3)}


def test_attempts_that_were_given_up_are_dashed(curves: TrainingCurves) -> None:
    figure = training_curves(curves, NAMES)
    for training, attempt, points in (
        ("UD-POS", "first attempt", 30),
        ("XNLI", "attempt in bfloat16", 7),
    ):
        held = view(figure, "enc", training)
        (loss,) = (
            trace
            for trace in held["data"]
            if trace.get("meta") and trace["meta"][5] == attempt and trace["meta"][7] == LOSS
        )
        assert loss["line"]["dash"] == "dash"
        assert len(loss["x"]) == points
        assert any("given up" in each["text"] for each in held["layout"]["annotations"])
        assert any(trace["name"].startswith("given up") for trace in held["data"])


def test_a_mixture_has_a_panel_for_each_source(curves: TrainingCurves) -> None:
    figure = mixture_curves(curves, NAMES)
    held = view(figure, "enc", "multi")
    titles = [each["text"] for each in held["layout"]["annotations"]]
    assert titles == [f"<b>{source}</b>" for source in SOURCES]
    rows = drawn(figure, held)
    assert {row["source"] for row in rows} == set(SOURCES)
    # Text has no development set, so that its loss has the axis with the steps.
    assert "yaxis6" not in held["layout"]
    assert held["layout"]["xaxis5"]["showticklabels"]
    assert not held["layout"]["xaxis"]["showticklabels"]


def test_figures_are_what_plotly_takes(curves: TrainingCurves) -> None:
    for figure in (training_curves(curves, NAMES), mixture_curves(curves, NAMES)):
        assert figure is not None
        for each in figure.views.values():
            layout = {**each.drawing["layout"], "template": figure.template()}
            go.Figure(data=each.drawing["data"], layout=layout)


def test_the_page_says_what_went_wrong(page: str) -> None:
    assert "18 training runs, of which 2 collapsed; 2 attempts given up and made once" in page
    assert "enc after mnli, XNLI, seeds 2 and 3: collapsed, since " + CHANCE in page
    assert "enc after none, UD-POS, seed 1: the first attempt collapsed and was given up" in page
    assert HOSTILE not in page
    assert '<a href="s.html">Scores</a>' in page
    assert '<a href="glossary.html">Glossary</a>' in page
    assert not re.search(r'<(script|link|img|iframe)[^>]+(src|href)="(?!#)', page)


def test_all_attempts_are_in_the_table(page: str, curves: TrainingCurves) -> None:
    (rows,) = re.findall(r'class="rows">(.*?)</script>', page, re.DOTALL)
    assert len(json.loads(rows)) == len(curves.attempts)


def test_no_run_is_a_page_that_says_so(tmp_path: Path) -> None:
    page = write(tmp_path / "none.html", read_curves([]), unfinished=["Unfinished: 3 of 3 cells"])
    assert "<figure" not in page
    assert page.count("No training run is finished.") == 2
    assert "Unfinished: 3 of 3 cells" in page


def test_runs_that_are_not_there_are_left_out(runs: Any, tmp_path: Path) -> None:
    """Of a grid that is not finished."""
    part = read_curves([run for run in runs if run[0]["seed"] == 1 and run[0]["recipe"] != "none"])
    held = view(training_curves(part, NAMES), "enc", "XNLI")
    titles = [each["text"].split("</b>")[0] for each in held["layout"]["annotations"]]
    assert titles == ["<b>mnli", "<b>multi", "<b>untrained"]
    assert "none (baseline)" not in write(tmp_path / "part.html", part)


def test_a_grid_of_all_recipes_targets_seeds_and_two_encoders_stays_small(tmp_path: Path) -> None:
    """12 recipes, 9 train sets, 3 seeds, 2 encoders; each run with more steps than are drawn."""
    recipes = {"none": (), "multi": tuple(f"task{n}" for n in range(9))}
    recipes |= {f"task{n}+mlm": (f"task{n}", "text") for n in range(10)}
    sets = ("xnli", "pawsx", "udpos", "panx", "squad_v1", "tydiqa", "copa", "mnli", "qqp")
    runs = list(write_grid(tmp_path, ("a", "b"), recipes, sets, (1, 2, 3), 400))
    assert len(runs) == 2 * 3 * (12 * 9 + 11)
    curves = read_curves(runs)
    write_curves(tmp_path / "curves.html", curves, title="Large", recipes=list(recipes))
    assert (tmp_path / "curves.html").stat().st_size < 20_000_000
    whole = curves.points.filter(quantity=LOSS, source="")
    assert whole.group_by("encoder", "recipe", "train_set", "seed").len()["len"].min() == 200


# --- in a browser


def test_the_page_draws_exports_and_asks_for_nothing(browser: Any, path: Path) -> None:
    tab = browser.new_page(viewport={"width": 1280, "height": 900})
    asked: list[str] = []
    errors: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.on("pageerror", lambda error: errors.append(str(error)))
    tab.on("console", lambda message: errors.append(message.text))
    tab.goto(path.as_uri())
    figure = tab.locator("#training-curves")
    figure.get_by_label("Training", exact=True).select_option(label="XNLI")
    figure.locator("svg .scatterlayer .trace").first.wait_for()
    tab.locator("#table-training-runs tbody tr").first.wait_for()
    text = figure.locator(".annotation-text").all_text_contents()
    assert any("✗ seeds 2 and 3" in each for each in text)
    with tab.expect_download() as download:
        figure.locator(".csv").click()
    rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text("utf-8-sig"))))
    chosen = [row for row in rows if row["recipe"] == "multi" and row["seed"] == "2"]
    assert {row["attempt"] for row in chosen} == {"kept"}
    loss = [float(row["value"]) for row in chosen if row["quantity"] == LOSS]
    assert loss[0] == pytest.approx((1 + 1 / 2 + 1 / 3) / 3, abs=1e-6)
    # The texts of both kinds of columns, those that a trace has once and those of its points.
    hover = tab.evaluate(
        """() => {
            const plot = document.querySelector("#training-curves .plot");
            Plotly.Fx.hover(plot, [{ curveNumber: 0, pointNumber: 3 }], ["xy"]);
            return [...plot.querySelectorAll(".hoverlayer text")].map((each) => each.textContent);
        }"""
    )
    assert "none, seed 1, kept" in " ".join(hover)
    assert "steps 10 to 12" in " ".join(hover)
    assert [url for url in asked if not url.startswith(("blob:", "data:"))] == [path.as_uri()]
    assert not errors
    for width in (1280, 700):
        tab.set_viewport_size({"width": width, "height": 900})
        assert tab.evaluate("document.documentElement.scrollWidth") <= width
    tab.close()
