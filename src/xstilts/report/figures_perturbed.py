"""How robust: what perturbed texts cost, by how much of a text is perturbed."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

import polars as pl

from xstilts.analysis.tables import ALL, ALL_LANGUAGES, EVERY, FAMILY
from xstilts.config.recipes import NONE
from xstilts.report import plots
from xstilts.report.figure import Figure, PlotView, Selector
from xstilts.report.panels import Panels, heading, suffix
from xstilts.report.plots import Names
from xstilts.report.wording import readable

_COLUMNS = (
    "encoder recipe target group kind strength clean perturbed value low high change verdict basis"
    " languages items"
)
_HOVER = (
    "<b>{recipe}</b>, {kind} at {strength}"
    "<br>drop {value:.1f} %, 95 % interval {low:.1f} to {high:.1f}"
    "<br>{clean:.1f} without, {perturbed:.1f} with it<br>languages: {languages}; items: {items}"
)
# Of more rows, only the means over targets are drawn: the page is to open within seconds.
_MOST_ROWS = 6_000
_BESIDE, _OF_FOUR = 3, 2
# In pixels: a panel with what is above and below its plot.
_PANEL, _AROUND = 250, 25


def perturbation_curves(perturbed: pl.DataFrame, names: Names) -> Figure | None:
    """What each kind of perturbation costs, by its strength; a line for each recipe."""
    frame = perturbed.filter(
        pl.col("grouping").eq(FAMILY) | pl.col("group").eq(ALL_LANGUAGES), quantity="drop"
    ).sort(pl.col("grouping").ne(ALL), maintain_order=True)
    if frame.filter(pl.col("value").is_not_null()).is_empty():
        return None
    means = frame.filter(target=EVERY)
    cut = len(frame) > _MOST_ROWS and not means.is_empty()
    frame = means if cut else frame
    kinds = frame["kind"].unique(maintain_order=True).to_list()
    choices = ("encoder", _groups(frame, names), "target")
    return plots.figure(
        frame.with_columns(pl.col("languages").list.len()),
        names,
        partial(_curve_view, names=names, kinds=kinds),
        choices,
        anchor="perturbation-curves",
        caption=(
            "Relative drop of the score corrected for chance, in percent, with 95 % intervals, by"
            " how much of a text is perturbed. Lower is more robust. The baseline is black."
            + (" Each target by itself is in the table." if cut else "")
        ),
        alt=(
            "Small line plots, one for each kind of perturbation: its strength from left to right,"
            " the relative drop upwards, one line for each recipe."
        ),
        columns=_COLUMNS,
        hover=_HOVER,
    )


def _groups(frame: pl.DataFrame, names: Names) -> Selector:
    first = frame.unique("group", keep="first", maintain_order=True)
    held = first.with_columns(
        single=pl.col("languages").list.len().eq(1) & pl.col("grouping").eq(FAMILY)
    ).to_dicts()
    return Selector(
        column="group",
        label="Languages",
        values=tuple(row["group"] for row in held),
        names=tuple(names.group(row) for row in held),
    )


def _curve_view(frame: pl.DataFrame, names: Names, kinds: list[str]) -> PlotView | None:
    unknown = frame.filter(pl.col("value").is_null())
    frame = frame.filter(pl.col("value").is_not_null()).sort("strength", maintain_order=True)
    kinds = [kind for kind in kinds if kind in frame["kind"]]
    if not kinds:
        return None
    beside = _OF_FOUR if len(kinds) in (_OF_FOUR, 2 * _OF_FOUR) else _BESIDE
    panels = Panels(len(kinds), beside, _PANEL)
    around = 0 if panels.lines == 1 else _AROUND
    layout: dict[str, Any] = {}
    annotations, traces = [], []
    shown: set[str] = set()
    for number, kind in enumerate(kinds):
        axes = suffix(number)
        layout[f"xaxis{axes}"] = {
            "anchor": f"y{axes}",
            "domain": panels.across(number),
            "rangemode": "tozero",
            "zeroline": False,
            "title": {"text": "strength"} if panels.is_lowest(number) else {},
        }
        layout[f"yaxis{axes}"] = {
            "anchor": f"x{axes}",
            "domain": panels.upright(number, around, _PANEL - around),
            **({"matches": "y"} if axes else {}),
            "title": {"text": "relative drop, %"} if panels.is_first(number) else {},
        }
        annotations.append(heading(f"<b>{readable(kind)}</b>", axes))
        for recipe, held in names.by_recipe(frame.filter(kind=kind)):
            mark = names.marks[recipe]
            traces.append(
                plots.points(
                    held,
                    _COLUMNS,
                    replace(mark, size=mark.size - 2),
                    x="strength",
                    y="value",
                    bars="y",
                    faint=0.45,
                    name=names.recipe(recipe),
                    legendgroup=recipe,
                    showlegend=recipe not in shown,
                    mode="lines+markers",
                    xaxis=f"x{axes}",
                    yaxis=f"y{axes}",
                    line={"color": mark.colour, "width": 2 if recipe == NONE else 1.5},
                )
            )
            shown.add(recipe)
    height = 130 + panels.whole_height
    return plots.view(traces, height, _unknown(unknown), annotations=annotations, **layout)


def _unknown(frame: pl.DataFrame) -> str:
    if frame.is_empty():
        return ""
    reasons = sorted({why or "reason not given" for why in frame["why"]})
    kinds = sorted({readable(kind) for kind in frame["kind"]})
    return f"Not shown, {len(frame)} numbers of {', '.join(kinds)}: {'; '.join(reasons)}."
