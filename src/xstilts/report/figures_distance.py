"""Gains of languages against how far they are from English."""

from __future__ import annotations

from functools import partial

import numpy as np
import polars as pl

from xstilts.analysis.tables import EVERY, GAIN, LANGUAGE, POINTS
from xstilts.config.recipes import NONE
from xstilts.report import plots
from xstilts.report.figure import INK, MUTED, Figure, PlotView
from xstilts.report.folds import MOST_UNFOLDED
from xstilts.report.labels import with_room
from xstilts.report.plots import COLOURS, UNSEEN, Mark, Names
from xstilts.report.wording import label

_COLUMNS = (
    "encoder recipe language name family script unseen distance value low high verdict detectable"
    " statement"
)
_HOVER = (
    "<b>{name}</b> ({language}), {family}, {script}<br>distance {distance:.2f}"
    "<br>gain {value:+.1f}, 95 % interval {low:+.1f} to {high:+.1f}<br>{statement}"
)
_SHAPES = (
    "circle",
    "square",
    "diamond",
    "triangle-up",
    "triangle-down",
    "cross",
    "x",
    "star",
    "pentagon",
    "hexagon2",
    "hourglass",
    "bowtie",
    "star-diamond",
    "star-square",
    "triangle-left",
    "triangle-right",
    "diamond-tall",
    "octagon",
)
# Families of one language share the grey, so that the colours last for those with several.
_FAMILY_COLOURS = (*COLOURS, "#8c510a", INK)
_ONE_LANGUAGE, _OTHERS = "Families of one language", "Other families"
# On less than this, the legend of scripts leaves no room for the plot.
_LEAST_WIDTH = 600
# In pixels, of the plot on a wide screen.
_WIDTH, _HEIGHT = 1100, 345
# What is not written, as text: of empty ones plotly loses others when the view changes.
_NOTHING = "\N{ZERO WIDTH SPACE}"


def distance_plot(groups: pl.DataFrame, names: Names) -> Figure | None:
    """Gains of languages, mean over targets, against their distance from English."""
    known = [
        {"language": code, **{key: row[key] for key in ("name", "family", "script", "distance")}}
        for code, row in names.languages.items()
        if row["distance"] is not None
    ]
    gains = groups.filter(
        pl.col("value").is_not_null(),
        quantity=GAIN,
        grouping=LANGUAGE,
        scale=POINTS,
        target=EVERY,
    ).rename({"group": "language"})
    if gains.is_empty() or not known:
        return None
    unseen = [code for code, row in names.languages.items() if row["unseen"]]
    frame = (
        plots.with_statement(gains)
        .join(pl.DataFrame(known), on="language", maintain_order="left")
        .with_columns(unseen=pl.col("language").is_in(unseen))
    )
    if frame.is_empty():
        return None
    left_out = sorted(set(gains["language"]) - set(frame["language"]))
    return plots.figure(
        frame,
        names,
        partial(_distance_view, shapes=_shapes(frame)),
        ("encoder", "recipe"),
        anchor="gain-against-distance",
        caption=(
            f"Gain over {NONE} of each language, in points, mean over targets, against its"
            " distance from English. Colours are families, shapes are scripts."
            f" {UNSEEN} not in the encoder's pretraining data. p is adjusted over the languages of"
            " one encoder and recipe (Holm)."
            + (f" Distance not known: {', '.join(left_out)}." if left_out else "")
        ),
        alt=(
            "Scatter plot of languages: distance from English from left to right, gain over the"
            " baseline upwards."
        ),
        columns=_COLUMNS,
        hover=_HOVER,
        least_width=_LEAST_WIDTH,
    )


def _shapes(frame: pl.DataFrame) -> dict[str, str]:
    """Script to shape, the same in all views."""
    scripts = (
        frame.unique("language")
        .group_by("script")
        .len()
        .sort("len", "script", descending=[True, False])
    )
    return {script: _SHAPES[place % len(_SHAPES)] for place, script in enumerate(scripts["script"])}


def _codes(frame: pl.DataFrame) -> list[str]:
    """What is written beside each point: all codes, or of very many those that have room."""
    codes = [f"{row['language']}{UNSEEN if row['unseen'] else ''}" for row in frame.to_dicts()]
    if len(codes) <= MOST_UNFOLDED:
        return codes
    at = frame.select("distance", "value").to_numpy()
    reach = np.where((span := np.ptp(at, axis=0)) > 0, span, 1)
    shown = set(with_room((at - at.min(axis=0)) / reach * (_WIDTH, _HEIGHT), codes))
    return [code if place in shown else _NOTHING for place, code in enumerate(codes)]


def _distance_view(frame: pl.DataFrame, shapes: dict[str, str]) -> PlotView:
    frame = frame.with_columns(code=pl.Series(_codes(frame), dtype=pl.String))
    sizes = frame.group_by("family").len().sort("len", "family", descending=[True, False])
    several = [family for family, size in sizes.iter_rows() if size > 1]
    rest = _ONE_LANGUAGE if len(several) <= len(_FAMILY_COLOURS) else _OTHERS
    several = several[: len(_FAMILY_COLOURS)]
    colours = dict(zip(several, _FAMILY_COLOURS, strict=False))
    traces = []
    for family in (*several, rest):
        held = frame.filter(
            pl.col("family").eq(family) if family != rest else ~pl.col("family").is_in(several)
        )
        if held.is_empty():
            continue
        mark = Mark(colours.get(family, MUTED), "circle")
        traces.append(
            plots.points(
                held,
                _COLUMNS,
                mark,
                x="distance",
                y="value",
                bars="y",
                faint=0.4,
                legendgroup=family,
                showlegend=False,
                mode="markers+text",
                text=held["code"].to_list(),
                textposition="middle right",
                textfont={"size": 11},
                marker={
                    "color": mark.colour,
                    "size": 9,
                    "symbol": [shapes[script] for script in held["script"]],
                },
            )
        )
        # In the legend a colour has no shape, which would be that of some script.
        traces.append(plots.legend_entry(label(family), mark, legendgroup=family))
    traces += [
        plots.legend_entry(script, Mark(MUTED, shape), legend="legend2")
        for script, shape in shapes.items()
        if script in frame["script"]
    ]
    return plots.view(
        traces,
        540,
        xaxis={"title": {"text": "distance from English"}, "zeroline": False},
        yaxis={"title": {"text": f"gain over {NONE}, points"}},
        legend2={
            "orientation": "h",
            "x": 0,
            "y": 0,
            "yref": "container",
            "yanchor": "bottom",
            "title": {"text": "Script "},
            "itemclick": False,
            "itemdoubleclick": False,
        },
    )
