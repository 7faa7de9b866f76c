"""Every language as a row of dots, one for each recipe, the languages of a family together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from typing import Any

import polars as pl

from xstilts.analysis.tables import ALL, GAIN, LANGUAGE, POINTS, SCORE
from xstilts.config.recipes import NONE
from xstilts.report import plots
from xstilts.report.figure import BAND, LINE, Figure, PlotView
from xstilts.report.figures_folded import folded_dots
from xstilts.report.folds import folded
from xstilts.report.plots import UNSEEN, Names
from xstilts.report.wording import label

_COLUMNS = "encoder recipe target quantity family language label value low high basis items seeds"
_HOVER = (
    "<b>{label}</b>, {family}<br>{recipe}: {value:.1f}, 95 % interval {low:.1f} to {high:.1f}"
    "<br>over {basis}; items: {items}, seeds: {seeds}"
)
# In pixels: a row before any recipe, what each recipe adds, a family's heading, what is around.
_ROW, _PER_RECIPE, _HEADING, _AROUND = 12, 4.5, 24, 120


@dataclass(frozen=True)
class Line:
    """A row of the plot, in pixels from the top; without a language it is a family's heading."""

    family: str
    code: str
    top: float
    height: float

    @property
    def middle(self) -> float:
        """Where its text stands."""
        return self.top + self.height / 2

    @property
    def bottom(self) -> float:
        """Where the next one begins."""
        return self.top + self.height


def dot_plot(groups: pl.DataFrame, names: Names) -> Figure | None:
    """Scores or gains of every language, the languages of a family together.

    Where languages are many, families are folded (`figures_folded`).
    """
    frame = groups.filter(
        pl.col("value").is_not_null(),
        pl.col("quantity").is_in([SCORE, GAIN]),
        pl.col("grouping").ne(ALL),
        scale=POINTS,
    )
    if (folds := folded(frame, names)) is not None:
        return folded_dots(folds, names)
    frame = frame.filter(grouping=LANGUAGE)
    if frame.is_empty():
        return None
    codes = frame["group"].unique(maintain_order=True).to_list()
    families = {code: names.family_of(code) for code in codes}
    order = sorted(
        set(families.values()),
        key=lambda family: (-sum(held == family for held in families.values()), family),
    )
    frame = frame.with_columns(
        language=pl.col("group"),
        label=pl.col("group").replace_strict({code: names.language(code) for code in codes}),
        family=pl.col("group").replace_strict(families),
    )
    shown = names.choice(frame.sort(pl.col("quantity").eq(GAIN)), "quantity")
    return plots.figure(
        frame,
        names,
        partial(_dot_view, names=names, order=order),
        ("encoder", "target", shown),
        anchor="languages-in-detail",
        caption=(
            "Every language, in points, with 95 % intervals. The baseline is the open black"
            f" diamond. {UNSEEN} not in the encoder's pretraining data. Click a recipe in the"
            " legend to hide it, click twice to see it alone."
        ),
        alt=(
            "Dot plot with one row for each language, grouped by family, and one dot with an"
            " interval for each recipe."
        ),
        columns=_COLUMNS,
        hover=_HOVER,
    )


def _dot_view(frame: pl.DataFrame, names: Names, order: Sequence[str]) -> PlotView:
    recipes = [recipe for recipe, _ in names.by_recipe(frame)]
    lines = _lines(frame, order, _ROW + _PER_RECIPE * len(recipes))
    middles = {line.code: line.middle for line in lines if line.code}
    traces = []
    for place, (recipe, held) in enumerate(names.by_recipe(frame)):
        mark = names.marks[recipe]
        # Recipes share a language's row, the first one on top.
        shift = _PER_RECIPE * (place - (len(recipes) - 1) / 2)
        y = [middles[code] + shift for code in held["language"]]
        traces.append(
            plots.points(held, _COLUMNS, mark, x="value", y=y, bars="x", name=names.recipe(recipe))
        )
    # The numbers stand above as well, for a long list.
    traces.append(plots.scatter(x=[None], y=[None], xaxis="x2", showlegend=False, hoverinfo="skip"))
    labels = dict(zip(frame["language"], frame["label"], strict=True))
    gains = frame["quantity"][0] == GAIN
    said = {
        line.middle: label(labels[line.code]) if line.code else f"<b>{label(line.family)}</b>"
        for line in lines
    }
    return plots.view(
        traces,
        round(_AROUND + lines[-1].bottom),
        xaxis={
            "title": {"text": f"gain over {NONE}, points" if gains else "score, points"},
            "zeroline": gains,
        },
        xaxis2={"overlaying": "x", "matches": "x", "side": "top", "showgrid": False},
        yaxis=plots.lines_axis(said, (lines[-1].bottom, 0)),
        shapes=list(_ground(lines)),
    )


def _lines(frame: pl.DataFrame, order: Sequence[str], height: float) -> list[Line]:
    """The families in order, each with its languages by name."""
    lines: list[Line] = []
    for family in order:
        held = frame.filter(family=family).unique("language").sort("label")
        for code in ["", *held["language"]] if not held.is_empty() else []:
            top = lines[-1].bottom if lines else 0.0
            lines.append(Line(family, code, top, height if code else _HEADING))
    return lines


def _ground(lines: Sequence[Line]) -> Iterator[dict[str, Any]]:
    """A pale ground behind every other family, and a thin line below each language."""
    for number, (_, held) in enumerate(groupby(lines, key=lambda line: line.family)):
        first, *others = held
        if number % 2 == 0:
            yield plots.ground(first.top, others[-1].bottom, fillcolor=BAND, line={"width": 0})
        for line in others:
            yield plots.ground(line.bottom, line.bottom, line={"color": LINE, "width": 0.5})
