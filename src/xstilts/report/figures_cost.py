"""Quality against cost: one point for each recipe of each encoder."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import polars as pl

from xstilts.analysis.costs import pareto_front
from xstilts.report import plots
from xstilts.report.figure import MUTED, Figure, PlotView
from xstilts.report.figures_pareto import HEIGHT, WIDTH, label_places, pixels
from xstilts.report.plots import COLOURS, SYMBOLS, Mark
from xstilts.report.wording import label

_COLUMNS = "encoder recipe cost score front"
_HOVER = "<b>{recipe}</b>, {encoder}<br>cost {cost:.3~g}, score {score:.1f}"
# Costs that differ by more than this factor are drawn on a logarithmic axis.
_WIDE = 20.0


@dataclass(frozen=True, kw_only=True)
class Point:
    """A recipe of an encoder: cost in the axis's unit, score in points."""

    encoder: str
    recipe: str
    cost: float
    score: float


def quality_against_cost(
    points: Sequence[Point], anchor: str, caption: str, cost_label: str, score_label: str
) -> Figure:
    """The points, those on the Pareto front filled and joined; encoders differ in shape too."""
    return Figure(
        anchor=anchor,
        caption=caption,
        alt=f"Scatter plot of recipes: {cost_label} from left to right, {score_label} upwards.",
        columns=tuple(_COLUMNS.split()),
        hover=_HOVER,
        choices=(),
        views={"": _view(points, cost_label, score_label)},
    )


def _view(points: Sequence[Point], cost_label: str, score_label: str) -> PlotView:
    costs = [point.cost for point in points]
    wide = min(costs) > 0 and max(costs) / min(costs) > _WIDE
    on_front = pareto_front([(point.cost, point.score) for point in points])
    across = [math.log10(cost) for cost in costs] if wide else [0.0, *costs]
    places = label_places(
        [point.recipe for point in points],
        pixels(across[-len(costs) :], across, WIDTH),
        pixels([point.score for point in points], [point.score for point in points], HEIGHT),
    )
    frame = pl.DataFrame([asdict(point) for point in points]).with_columns(
        front=pl.Series(on_front), place=pl.Series(places)
    )
    front = frame.filter("front").sort("cost")
    # A cost that is not there yet buys nothing more than the best that is cheaper.
    end = max(costs) * (1.5 if wide else 1.15)
    traces = [
        plots.scatter(
            name="Pareto front",
            x=[*plots.column(front, "cost"), end],
            y=[*plots.column(front, "score"), plots.column(front, "score")[-1]],
            mode="lines",
            line={"color": MUTED, "width": 1.5, "dash": "dash", "shape": "hv"},
            hoverinfo="skip",
        )
    ]
    for number, (encoder,) in enumerate(frame.select("encoder").unique(maintain_order=True).rows()):
        colour, symbol = COLOURS[number % len(COLOURS)], SYMBOLS[number % len(SYMBOLS)]
        traces.append(plots.legend_entry(label(encoder), Mark(colour, symbol), legendgroup=encoder))
        for (kept,), held in frame.filter(encoder=encoder).group_by("front", maintain_order=True):
            traces.append(
                plots.points(
                    held,
                    _COLUMNS,
                    Mark(colour, symbol if kept else f"{symbol}-open", 11),
                    x="cost",
                    y="score",
                    mode="markers+text",
                    text=[label(recipe) for recipe in held["recipe"]],
                    textposition=held["place"].to_list(),
                    legendgroup=encoder,
                    showlegend=False,
                    cliponaxis=False,
                )
            )
    scale = {"type": "log"} if wide else {"rangemode": "tozero"}
    return plots.view(
        traces,
        480,
        xaxis={"title": {"text": label(cost_label)}, **scale},
        yaxis={"title": {"text": label(score_label)}, "zeroline": False},
    )
