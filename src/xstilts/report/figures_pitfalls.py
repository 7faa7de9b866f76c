"""What goes wrong in another language though it is right in English, before and after a recipe."""

from __future__ import annotations

from functools import partial

import polars as pl

from xstilts.analysis.tables import (
    ALL,
    ALL_LANGUAGES,
    FAMILY,
)
from xstilts.config.recipes import NONE
from xstilts.report.fairness_figures import (
    BASELINE_MARK,
    COLOURS,
    INK,
    LINE,
    MUTED,
    Figure,
    Mark,
    Names,
    View,
    bars,
    column,
    drawing,
    label,
    rows,
    scatter,
    views,
)

_COLUMNS = (
    "encoder",
    "recipe",
    "target",
    "group",
    "rate",
    "low",
    "high",
    "expected",
    "reverse",
    "kappa",
    "change",
    "verdict",
    "basis",
    "languages",
    "pairs",
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
    choices = (
        names.choice(after, "encoder", "Encoder"),
        names.choice(after, "recipe", "Recipe"),
        names.choice(after, "target", "Target"),
    )
    return Figure(
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
        choices=choices,
        views=views(after, choices, partial(_rate_view, names=names, frame_of=frame)),
    )


def _rate_view(after: pl.DataFrame, names: Names, frame_of: pl.DataFrame) -> View:
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
    traces = [
        scatter(
            x=[
                value
                for row in order
                if row["group"] in rates
                for value in (rates[row["group"]], row["rate"], None)
            ],
            y=[
                value
                for row in order
                if row["group"] in rates
                for value in (
                    places[row["group"]] - _APART,
                    places[row["group"]] + _APART,
                    None,
                )
            ],
            mode="lines",
            line={"color": MUTED, "width": 1.5},
            hoverinfo="skip",
            showlegend=False,
        )
    ]
    for recipe, held, mark, shift in (
        (NONE, before, BASELINE_MARK, -_APART),
        (after["recipe"][0], after, _AFTER_MARK, _APART),
    ):
        if held.is_empty():
            continue
        y = [places[group] + shift for group in held["group"]]
        traces += [
            scatter(
                name=names.recipe(recipe),
                x=column(held, "rate"),
                y=y,
                mode="markers",
                marker=mark.marker(),
                error_x=bars(held, "rate", "low", "high", mark),
                customdata=rows(held, _COLUMNS),
            ),
            scatter(
                name=f"{recipe}, if independent",
                x=column(held, "expected"),
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
    figure = drawing(
        traces,
        height=120 + 44 * len(order),
        xaxis={
            "title": {"text": "wrong here, of those right in English"},
            "tickformat": ".0%",
            "rangemode": "tozero",
        },
        yaxis={
            "range": [len(order) - 0.4, -0.6],
            "tickmode": "array",
            "tickvals": list(places.values()),
            "ticktext": [label(names.group(row)) for row in order],
            "showgrid": False,
            "zeroline": False,
        },
        shapes=[
            {
                "type": "line",
                "layer": "below",
                "xref": "paper",
                "x0": 0,
                "x1": 1,
                "y0": place + 0.5,
                "y1": place + 0.5,
                "line": {"color": LINE if place else INK, "width": 1},
            }
            for place in range(len(order) - 1)
        ],
    )
    return View(drawing=figure)
