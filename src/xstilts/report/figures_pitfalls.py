"""What goes wrong in another language though it is right in English, before and after a recipe."""

from __future__ import annotations

from functools import partial

import polars as pl

from xstilts.analysis.tables import ALL, ALL_LANGUAGES, FAMILY
from xstilts.config.recipes import NONE
from xstilts.report import plots
from xstilts.report.figure import INK, LINE, MUTED, Figure, PlotView
from xstilts.report.plots import BASELINE_MARK, COLOURS, Mark, Names
from xstilts.report.wording import label

_COLUMNS = (
    "encoder recipe target group rate low high expected reverse kappa change verdict basis"
    " languages pairs"
)
_HOVER = (
    "<b>{group}</b>, {recipe}<br>rate {rate:.1%}, 95 % interval {low:.1%} to {high:.1%}"
    "<br>{expected:.1%} if languages were independent<br>wrong in English alone: {reverse:.1%}"
    "<br>pairs of items: {pairs}; languages: {languages}"
)
_AFTER_MARK = Mark(COLOURS[0], "circle", 11)
_APART = 0.16


def pitfall_rates(pitfalls: pl.DataFrame, names: Names) -> Figure | None:
    """How often a family is wrong where English is right, with the baseline and with a recipe."""
    frame = pitfalls.filter(
        pl.col("rate").is_not_null(),
        pl.col("grouping").eq(FAMILY) | pl.col("group").eq(ALL_LANGUAGES),
    )
    after = frame.filter(pl.col("recipe").ne(NONE))
    if after.is_empty():
        return None
    return plots.figure(
        after,
        names,
        partial(_rate_view, names=names, frame_of=frame),
        ("encoder", "recipe", "target"),
        anchor="pitfall-rates",
        caption=(
            "How often an item is wrong in another language, of those that are right in English,"
            f" with 95 % intervals: {NONE} is the open diamond, the recipe the blue dot. The"
            " upright stroke is the rate if right and wrong had nothing to do with each other"
            " between languages."
        ),
        alt=(
            "Dumbbell plot with one row for each family: the rate of pitfalls before and after"
            " the recipe, from left to right."
        ),
        columns=_COLUMNS,
        hover=_HOVER,
    )


def _rate_view(after: pl.DataFrame, names: Names, frame_of: pl.DataFrame) -> PlotView:
    same = {name: after[name][0] for name in ("encoder", "target")}
    before = frame_of.filter(**same, recipe=NONE)
    order = after.sort(
        pl.col("grouping").eq(ALL),
        pl.col("languages").list.len(),
        descending=True,
        maintain_order=True,
    ).to_dicts()
    places = {row["group"]: place for place, row in enumerate(order)}
    before = before.filter(pl.col("group").is_in(list(places)))
    rates = dict(zip(before["group"], before["rate"], strict=True))
    ends: dict[str, list[float | None]] = {"x": [], "y": []}
    for row in order:
        if row["group"] in rates:
            place = places[row["group"]]
            ends["x"] += [rates[row["group"]], row["rate"], None]
            ends["y"] += [place - _APART, place + _APART, None]
    line = {"color": MUTED, "width": 1.5}
    traces = [plots.scatter(**ends, mode="lines", line=line, hoverinfo="skip", showlegend=False)]
    for recipe, held, mark, shift in (
        (NONE, before, BASELINE_MARK, -_APART),
        (after["recipe"][0], after, _AFTER_MARK, _APART),
    ):
        if held.is_empty():
            continue
        y = [places[group] + shift for group in held["group"]]
        traces += [
            plots.points(held, _COLUMNS, mark, x="rate", y=y, bars="x", name=names.recipe(recipe)),
            plots.scatter(
                name=f"{recipe}, if independent",
                x=plots.column(held, "expected"),
                y=y,
                mode="markers",
                marker={
                    "symbol": "line-ns-open",
                    "color": mark.colour,
                    "size": 14,
                    "line": {"width": 2, "color": mark.colour},
                },
                hoverinfo="skip",
            ),
        ]
    return plots.view(
        traces,
        120 + 44 * len(order),
        xaxis={
            "title": {"text": "wrong here, of those right in English"},
            "tickformat": ".0%",
            "rangemode": "tozero",
        },
        yaxis=plots.lines_axis(
            {place: label(names.group(row)) for place, row in enumerate(order)},
            (len(order) - 0.4, -0.6),
        ),
        shapes=[
            plots.ground(
                place + 0.5, place + 0.5, line={"color": LINE if place else INK, "width": 1}
            )
            for place in range(len(order) - 1)
        ],
    )
