"""The mean over languages against the worst family: which recipes better which."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial

import polars as pl

from xstilts.report import plots
from xstilts.report.figure import MUTED, Figure, PlotView
from xstilts.report.plots import Names

_COLUMNS = (
    "encoder recipe mean mean_low mean_high worst worst_low worst_high worst_family front"
    " dominated_by standing"
)
_HOVER = (
    "<b>{recipe}</b><br>mean over languages: {mean:.1f} ({mean_low:.1f} to {mean_high:.1f})"
    "<br>worst family, {worst_family}: {worst:.1f} ({worst_low:.1f} to {worst_high:.1f})"
    "<br>{standing}"
)
# In pixels: a letter and a line of a label, half a point, and the plot area that is reckoned with.
_LETTER, _LINE_HEIGHT, _POINT, WIDTH, HEIGHT = 7.5, 17.0, 7.0, 850.0, 380.0
# Where a label can stand: to the right of its point, the left and so on, as plotly says it, with
# the signs of its middle's distance from the point.
_PLACES = {
    "top right": (1, 1),
    "bottom right": (1, -1),
    "top left": (-1, 1),
    "bottom left": (-1, -1),
    "top center": (0, 1),
    "bottom center": (0, -1),
    "middle right": (1, 0),
    "middle left": (-1, 0),
}


def pareto_plot(pareto: pl.DataFrame, names: Names) -> Figure | None:
    """Mean over languages against the worst family, the front joined."""
    frame = pareto.filter(pl.col("mean").is_not_null(), pl.col("worst").is_not_null())
    if frame.is_empty():
        return None
    return plots.figure(
        frame,
        names,
        partial(_pareto_view, names=names),
        ("encoder",),
        anchor="mean-against-worst",
        caption=(
            "Mean over languages against the worst family, both corrected for chance, with 95 %"
            " intervals. Up and to the right is better. The line joins the recipes that no other"
            " one betters in both; larger marks."
        ),
        alt=(
            "Scatter plot of recipes: mean over languages from left to right, the score of the"
            " worst family upwards, with the Pareto front as a line."
        ),
        columns=_COLUMNS,
        hover=_HOVER,
    )


def _pareto_view(frame: pl.DataFrame, names: Names) -> PlotView:
    frame = frame.with_columns(pl.col("front").fill_null(False)).with_columns(
        standing=pl.when(pl.col("front"))
        .then(pl.lit("on the front"))
        .otherwise(pl.lit("bettered by ") + pl.col("dominated_by").list.join(", "))
    )
    front = frame.filter("front").sort("mean")
    places = label_places(
        frame["recipe"].to_list(),
        pixels(frame["mean"].to_list(), _drawn(frame, "mean"), WIDTH),
        pixels(frame["worst"].to_list(), _drawn(frame, "worst"), HEIGHT),
    )
    labels = dict(zip(frame["recipe"], places, strict=True))
    traces = [
        plots.scatter(
            x=plots.column(front, "mean"),
            y=plots.column(front, "worst"),
            mode="lines",
            line={"color": MUTED, "width": 1.5, "dash": "dot"},
            hoverinfo="skip",
        )
    ]
    for recipe, held in names.by_recipe(frame):
        base = names.marks[recipe]
        traces.append(
            plots.points(
                held,
                _COLUMNS,
                replace(base, size=base.size + 4 * held["front"][0]),
                x="mean",
                y="worst",
                bars="xy",
                faint=0.35,
                name=names.recipe(recipe),
                mode="markers+text",
                text=[recipe],
                textposition=labels[recipe],
                cliponaxis=False,
            )
        )
    return plots.view(
        traces,
        480,
        showlegend=False,
        xaxis={"title": {"text": "mean over languages, corrected"}, "zeroline": False},
        yaxis={"title": {"text": "worst family, corrected"}, "zeroline": False},
    )


@dataclass(frozen=True)
class Box:
    """What is drawn around a point: half its width and height, in pixels."""

    x: float
    y: float
    across: float
    up: float

    def hits(self, other: Box) -> bool:
        """Whether the two overlap."""
        return (
            abs(self.x - other.x) < self.across + other.across
            and abs(self.y - other.y) < self.up + other.up
        )


def label_places(names: Sequence[str], across: Sequence[float], up: Sequence[float]) -> list[str]:
    """Where each point's name stands: the place with the fewest names and points in its way.

    Args:
        across, up: of each point, in pixels.
    """
    points = [Box(x, y, _POINT, _POINT) for x, y in zip(across, up, strict=True)]
    labels: list[Box] = []
    chosen = []
    for name, point in zip(names, points, strict=True):
        half = len(name) * _LETTER / 2
        places = {
            place: Box(
                point.x + right * (half + _POINT),
                point.y + above * (_LINE_HEIGHT / 2 + _POINT),
                half,
                _LINE_HEIGHT / 2,
            )
            for place, (right, above) in _PLACES.items()
        }
        in_the_way = [*labels, *(other for other in points if other is not point)]
        hits = {place: sum(map(box.hits, in_the_way)) for place, box in places.items()}
        best = min(hits, key=hits.__getitem__)
        labels.append(places[best])
        chosen.append(best)
    return chosen


def pixels(values: Sequence[float], ends: Sequence[float], size: float) -> list[float]:
    """Values as distances, on an axis of this size over all that is drawn."""
    span = max(ends) - min(ends) or 1.0
    return [(value - min(ends)) / span * size for value in values]


def _drawn(frame: pl.DataFrame, name: str) -> list[float]:
    """All that is drawn along an axis, intervals among it."""
    return [*frame[f"{name}_low"].drop_nulls(), *frame[f"{name}_high"].drop_nulls(), *frame[name]]
