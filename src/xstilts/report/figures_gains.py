"""The figure that opens the score page: who gains, by target and by family."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import polars as pl

from xstilts.analysis.tables import (
    ALL,
    ALL_LANGUAGES,
    EVERY,
    FAMILY,
    GAIN,
    POINTS,
    WITH_ENGLISH,
)
from xstilts.config.recipes import NONE
from xstilts.config.tasks import TARGETS
from xstilts.report import plots
from xstilts.report.figure import BAND, Figure, PlotView
from xstilts.report.plots import Names, significant
from xstilts.report.wording import label, target_name

_COLUMNS = (
    "encoder recipe target grouping group label value low high p_adjusted tests verdict basis"
    " languages items seeds statement"
)
_HOVER = (
    "<b>{recipe}</b>, {label}<br>{value:+.1f}, 95 % interval {low:+.1f} to {high:+.1f}"
    "<br>{statement} (adjusted p {p_adjusted:.2g} as one of {tests}, over {basis})"
    "<br>languages: {languages}; items: {items}, seeds: {seeds}"
)
# Where ends of intervals are further from 0 than twice what this share of them is, they are cut.
_MOST_ENDS = 0.9
# In pixels: a line before any recipe, what each recipe adds, and what is around the lines.
_LINE, _PER_RECIPE, _AROUND = 16, 9, 130
# What a recipe adds where lines are many.
_MOST_LINES, _NARROW = 20, 5

# Rows in the order of the targets, after their mean.
_PLACES = {EVERY: -1, **{target: place for place, target in enumerate(TARGETS)}}


def gains_figure(groups: pl.DataFrame, names: Names) -> Figure | None:
    """Gains over the baseline, by target on the left and by family on the right."""
    frame = groups.fill_nan(None).filter(
        pl.col("value").is_not_null(),
        pl.col("recipe") != NONE,
        pl.col("group").eq(WITH_ENGLISH)
        | (
            pl.col("target").eq(EVERY)
            & (pl.col("grouping").eq(FAMILY) | pl.col("group").eq(ALL_LANGUAGES))
        ),
        quantity=GAIN,
        scale=POINTS,
    )
    if frame.is_empty():
        return None
    said = [
        target_name(row["target"]) if row["group"] == WITH_ENGLISH else names.group(row)
        for row in frame.to_dicts()
    ]
    return plots.figure(
        plots.with_statement(frame).with_columns(label=pl.Series(said, dtype=pl.String)),
        names,
        partial(_view, names=names),
        ("encoder",),
        anchor="gains",
        caption=(
            f"Gain over {NONE} in points, with 95 % intervals: of task scores on the left, of"
            " families of languages, mean over targets, on the right. A filled mark is sure after"
            " adjustment (Holm): of a target over its three means, of a family over all families"
            " of the recipe. An open one is not enough data to tell. Intervals that are cut at the"
            " edge reach further: a double click shows them whole."
        ),
        alt=(
            "Two dot plots side by side, one with a row for each target, one with a row for each"
            " family of languages; one dot with an interval for each recipe."
        ),
        columns=_COLUMNS,
        hover=_HOVER,
        least_width=700,
    )


def _view(frame: pl.DataFrame, names: Names) -> PlotView:
    recipes = [recipe for recipe, _ in names.by_recipe(frame)]
    of_target = pl.col("group") == WITH_ENGLISH
    panels = (
        _ordered(frame.filter(of_target), pl.col("target").replace_strict(_PLACES)),
        _ordered(
            frame.filter(~of_target),
            pl.col("grouping").ne(ALL),
            -pl.col("languages").list.len().cast(pl.Int64),
        ),
    )
    most = max(len(labels) for _, labels in panels)
    step = _PER_RECIPE if most <= _MOST_LINES else _NARROW
    height = _LINE + step * len(recipes)
    traces: list[dict[str, Any]] = []
    layout: dict[str, Any] = {}
    shapes: list[dict[str, Any]] = []
    for number, (held, labels) in enumerate(panels):
        axes = "2" * number
        middles = {text: height * (place + 0.5) for place, text in enumerate(labels)}
        traces += _dots(held, names, recipes, middles, step, axes)
        layout[f"xaxis{axes}"] = {
            "anchor": f"y{axes}",
            "domain": ([0, 0.42], [0.6, 1])[number],
            "title": {"text": f"gain over {NONE}, points"},
            **_reach(held),
        }
        layout[f"yaxis{axes}"] = {
            "anchor": f"x{axes}",
            **plots.lines_axis(
                {middle: label(text) for text, middle in middles.items()}, (height * most, 0)
            ),
        }
        shapes += [
            plots.ground(
                middle - height / 2,
                middle + height / 2,
                fillcolor=BAND,
                line={"width": 0},
                xref=f"x{axes} domain",
                yref=f"y{axes}",
            )
            for middle in list(middles.values())[::2]
        ]
    traces += [
        plots.legend_entry(names.recipe(recipe), names.marks[recipe], legendgroup=recipe)
        for recipe in recipes
    ]
    return plots.view(traces, _AROUND + height * most, **layout, shapes=shapes)


def _reach(frame: pl.DataFrame) -> dict[str, Any]:
    """The range of an axis, where a few intervals would make all else small."""
    ends = pl.concat([frame["low"].abs(), frame["high"].abs()]).drop_nulls().to_numpy()
    if not len(ends):
        return {}
    values = frame["value"].abs().drop_nulls().to_numpy()
    most = 1.1 * float(max([*values, np.quantile(ends, _MOST_ENDS, method="nearest")]))
    return {"range": [-most, most]} if ends.max() > 2 * most else {}


def _ordered(frame: pl.DataFrame, *order: pl.Expr) -> tuple[pl.DataFrame, list[str]]:
    """Rows in the order of their lines, and the labels of these."""
    frame = frame.sort(*order, maintain_order=True)
    return frame, frame["label"].unique(maintain_order=True).to_list()


def _dots(
    frame: pl.DataFrame,
    names: Names,
    recipes: Sequence[str],
    middles: dict[str, float],
    step: float,
    axes: str,
) -> Iterator[dict[str, Any]]:
    """Of each recipe a trace of what is sure, and one of what is not."""
    frame = frame.with_columns(
        sure=pl.col("verdict").fill_null("").map_elements(significant, return_dtype=pl.Boolean)
    )
    for recipe, held in names.by_recipe(frame):
        mark = names.marks[recipe]
        shift = step * (recipes.index(recipe) - (len(recipes) - 1) / 2)
        for sure in (True, False):
            rows = held.filter(sure=sure)
            yield plots.points(
                rows,
                _COLUMNS,
                mark if sure else replace(mark, symbol=f"{mark.symbol}-open"),
                x="value",
                y=[middles[text] + shift for text in rows["label"]],
                bars="x",
                name=names.recipe(recipe),
                legendgroup=recipe,
                showlegend=False,
                xaxis=f"x{axes}",
                yaxis=f"y{axes}",
            )
