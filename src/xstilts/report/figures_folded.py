"""The dot plot and the heat map of very many languages: families are folded (`folds`)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import polars as pl

from xstilts.analysis.ranges import with_ranges
from xstilts.analysis.tables import ALL, BRANCH, FAMILY, GAIN, LANGUAGE
from xstilts.config.recipes import NONE
from xstilts.report import plots
from xstilts.report.figure import BAND, LINE, Figure, PlotView
from xstilts.report.folds import Folds
from xstilts.report.heat import HEAT, cell_text, reach_of
from xstilts.report.plots import SIGNIFICANT, UNSEEN, Mark, Names
from xstilts.report.wording import counted, label
from xstilts.rounding import fixed

_DOT_COLUMNS = (
    "encoder recipe target quantity family grouping group label value low high least greatest"
    " languages basis items seeds about"
)
_DOT_HOVER = (
    "<b>{label}</b>, {about}<br>{recipe}: {value:.1f}, 95 % interval {low:.1f} to {high:.1f}"
    "<br>over {basis}; items: {items}, seeds: {seeds}"
)
_HEAT_COLUMNS = (
    "encoder recipe target scale quantity family grouping group label value low high least greatest"
    " p_adjusted verdict basis languages items seeds tests detectable statement about"
)
_HEAT_HOVER = (
    "<b>{label}</b>, {about}<br>{recipe}: {value:+.1f}, 95 % interval {low:+.1f} to {high:+.1f}"
    "<br>{statement} (adjusted p {p_adjusted:.2g} as one of {tests}, over {basis})"
    "<br>items: {items}, seeds: {seeds}"
)
_FOLDING = "Families are folded: open one to see its languages, or look for a language."
# In pixels, as of the plots that are not folded.
_ROW, _PER_RECIPE, _AROUND = 12, 4.5, 120
# Names of languages alone take a third of it.
_LEAST_WIDTH = 640
_CELL_WIDTH, _CELL_HEIGHT, _LABELS, _LEVEL_LABELS = 64, 24, 210, 8


def said(frame: pl.DataFrame, names: Names) -> pl.DataFrame:
    """With what is said of each row: `label`, `family`, and `about`, what kind of row it is."""
    labels: list[str] = []
    families: list[str | None] = []
    about: list[str] = []
    for row in frame.select(
        "grouping", "group", "languages", "unseen", "single", "least", "greatest"
    ).to_dicts():
        size = len(row["languages"])
        if row["grouping"] == LANGUAGE:
            labels.append(names.language(row["group"]))
            families.append(names.family_of(row["group"]))
            about.append(names.family_of(row["group"]))
            continue
        # Of many languages some are always unseen, which says nothing.
        every = {**row, "unseen": len(row["unseen"] or ()) == size}
        labels.append(names.group({**every, "single": False}))
        families.append(names.family_of(row["languages"][0]) if row["grouping"] != ALL else None)
        reach = [row["least"], row["greatest"]]
        ends = "" if None in reach else f" from {fixed(reach[0])} to {fixed(reach[1])}"
        about.append(f"{counted(size, 'language')}{ends}")
    return frame.with_columns(
        label=pl.Series(labels, dtype=pl.String),
        family=pl.Series(families, dtype=pl.String),
        about=pl.Series(about, dtype=pl.String),
    )


def folded_dots(folds: Folds, names: Names) -> Figure:
    """A row of dots for each family, or for each language of the one that is open."""
    frame = said(with_ranges(folds.frame), names)
    shown = names.choice(frame.sort(pl.col("quantity").eq(GAIN), maintain_order=True), "quantity")
    return plots.figure(
        frame,
        names,
        partial(_dots, names=names),
        ("encoder", "target", shown, folds.choice),
        anchor="languages-in-detail",
        caption=(
            f"Every language, in points, with 95 % intervals. {_FOLDING} The dot of a family is"
            " its mean, and a pale line reaches from its least language to its greatest. The"
            f" baseline is the open black diamond. {UNSEEN} not in the encoder's pretraining data."
            " Click a recipe in the legend to hide it, click twice to see it alone."
        ),
        alt=(
            "Dot plot with one row for each family, or for each language of one family, and one dot"
            " with an interval for each recipe."
        ),
        columns=_DOT_COLUMNS,
        hover=_DOT_HOVER,
        least_width=_LEAST_WIDTH,
        found=folds.found,
    )


def _dots(frame: pl.DataFrame, names: Names) -> PlotView:
    recipes = [recipe for recipe, _ in names.by_recipe(frame)]
    height = _ROW + _PER_RECIPE * len(recipes)
    lines = frame.unique("order", maintain_order=True)
    middles = {order: height * (place + 0.5) for place, order in enumerate(lines["order"])}
    traces = []
    for place, (recipe, held) in enumerate(names.by_recipe(frame)):
        mark = names.marks[recipe]
        shift = _PER_RECIPE * (place - (len(recipes) - 1) / 2)
        y = [middles[order] + shift for order in held["order"]]
        traces.append(_reaches(held, y, mark, legendgroup=recipe))
        traces.append(
            plots.points(
                held,
                _DOT_COLUMNS,
                mark,
                x="value",
                y=y,
                bars="x",
                name=names.recipe(recipe),
                legendgroup=recipe,
            )
        )
    # The numbers stand above as well, for a long list.
    traces.append(plots.scatter(x=[None], y=[None], xaxis="x2", showlegend=False, hoverinfo="skip"))
    gains = frame["quantity"][0] == GAIN
    bottom = height * len(lines)
    return plots.view(
        traces,
        round(_AROUND + bottom),
        xaxis={
            "title": {"text": f"gain over {NONE}, points" if gains else "score, points"},
            "zeroline": gains,
        },
        xaxis2={"overlaying": "x", "matches": "x", "side": "top", "showgrid": False},
        yaxis=plots.lines_axis(
            dict(zip(middles.values(), _texts(lines), strict=True)), (bottom, 0)
        ),
        shapes=list(_ground(lines, height)),
    )


def _reaches(frame: pl.DataFrame, y: list[float], mark: Mark, **fields: Any) -> dict[str, Any]:
    """Pale lines from the least language of each row to the greatest."""
    ends = zip(plots.column(frame, "least"), plots.column(frame, "greatest"), y, strict=True)
    held = [(least, greatest, place) for least, greatest, place in ends if least is not None]
    return plots.scatter(
        x=[number for least, greatest, _ in held for number in (least, greatest, None)],
        y=[number for *_, place in held for number in (place, place, None)],
        mode="lines",
        line={"color": mark.colour, "width": 1},
        opacity=0.35,
        hoverinfo="skip",
        showlegend=False,
        **fields,
    )


def _texts(lines: pl.DataFrame) -> list[str]:
    """The label of each row; the group that is open is set apart, others say how many they are."""
    made = []
    for row in lines.select("label", "grouping", "whole", "languages").to_dicts():
        several = row["grouping"] in (FAMILY, BRANCH)
        text = f"{row['label']} ({len(row['languages'])})" if several else row["label"]
        made.append(f"<b>{label(text)}</b>" if row["whole"] else label(text))
    return made


def _ground(lines: pl.DataFrame, height: float) -> Iterator[dict[str, Any]]:
    """A pale ground behind the group that is open, and a thin line below each row."""
    for place, whole in enumerate(lines["whole"]):
        top, bottom = height * place, height * (place + 1)
        if whole:
            yield plots.ground(top, bottom, fillcolor=BAND, line={"width": 0})
        yield plots.ground(bottom, bottom, line={"color": LINE, "width": 0.5})


def folded_heat_map(folds: Folds, names: Names) -> Figure:
    """Gains over the baseline, families or the languages of one by recipe."""
    frame = plots.with_statement(said(with_ranges(folds.frame), names))
    recipes = frame["recipe"].n_unique()
    return plots.figure(
        frame,
        names,
        partial(_heat, names=names),
        ("encoder", "target", "scale", folds.choice),
        anchor="gains-by-family",
        caption=(
            f"Gain over {NONE} by family and recipe. {_FOLDING} Blue gains, orange loses, grey is"
            f" not known; {UNSEEN} is not in the encoder's pretraining data; {SIGNIFICANT} marks a"
            " verdict. p is adjusted over the families, branches or languages of one encoder,"
            " recipe, target and scale (Holm); that of all languages over the three means. The"
            " colours reach as far as the greatest number in view."
        ),
        alt=(
            "Heat map with one row for each family, or for each language of one family, and one"
            " column for each recipe; each cell holds the gain over the baseline."
        ),
        columns=_HEAT_COLUMNS,
        hover=_HEAT_HOVER,
        least_width=_LABELS + _CELL_WIDTH * recipes,
        found=folds.found,
    )


def _heat(frame: pl.DataFrame, names: Names) -> PlotView:
    lines = frame.unique("order", maintain_order=True)
    # Plotly counts from below.
    orders, texts = lines["order"].to_list()[::-1], _texts(lines)[::-1]
    recipes = [recipe for recipe, _ in names.by_recipe(frame)]
    cells = {
        (order, recipe): (text, value, row)
        for order, recipe, text, value, row in zip(
            frame["order"],
            frame["recipe"],
            map(cell_text, frame.select("value", "verdict").to_dicts()),
            plots.column(frame, "value"),
            plots.rows(frame, _HEAT_COLUMNS),
            strict=True,
        )
    }
    nothing = ("", None, None)
    grid = [[cells.get((order, recipe), nothing) for recipe in recipes] for order in orders]
    trace = {
        **HEAT,
        "x": [label(recipe) for recipe in recipes],
        "y": list(range(len(orders))),
        "z": [[value for _, value, _ in line] for line in grid],
        "text": [[text for text, _, _ in line] for line in grid],
        "customdata": [[row for *_, row in line] for line in grid],
        **reach_of(frame),
    }
    means = lines.filter(grouping=ALL).height
    return plots.view(
        [trace],
        150 + _CELL_HEIGHT * len(orders),
        xaxis={
            "type": "category",
            "fixedrange": True,
            "side": "top",
            "showgrid": False,
            "tickangle": -35 if len(recipes) > _LEVEL_LABELS else 0,
        },
        yaxis=plots.lines_axis(dict(enumerate(texts)), (-0.5, len(orders) - 0.5)),
        plot_bgcolor="#e4e7ea",
        margin={"t": 30},
        # Apart from the families: it is made of the same languages.
        shapes=[
            {
                "type": "line",
                "xref": "paper",
                "x0": 0,
                "x1": 1,
                "y0": len(orders) - means - 0.5,
                "y1": len(orders) - means - 0.5,
                "line": {"width": 1.5},
            }
        ]
        if means
        else [],
    )
