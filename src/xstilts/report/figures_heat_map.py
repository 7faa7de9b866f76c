"""Who gains: gains over the baseline, recipe by family of languages."""

from __future__ import annotations

from functools import partial
from typing import Any

import polars as pl

from xstilts.analysis.tables import ALL, ALL_LANGUAGES, FAMILY, GAIN
from xstilts.config.recipes import NONE
from xstilts.report import plots
from xstilts.report.figure import INK, Figure, PlotView
from xstilts.report.figures_folded import folded_heat_map
from xstilts.report.folds import folded
from xstilts.report.heat import HEAT, cell_text, reach_of
from xstilts.report.plots import SIGNIFICANT, UNSEEN, Names
from xstilts.report.wording import label

_COLUMNS = (
    "encoder recipe target scale quantity group value low high p_adjusted verdict basis languages"
    " members items seeds label tests detectable statement"
)
_HOVER = (
    "<b>{label}</b>, {recipe}<br>{value:+.1f}, 95 % interval {low:+.1f} to {high:+.1f}"
    "<br>{statement} (adjusted p {p_adjusted:.2g} as one of {tests}, over {basis})"
    "<br>languages: {members} ({languages})<br>items: {items}, seeds: {seeds}"
)
# In pixels: a cell with its number, and what is beside the cells.
_CELL, _BESIDE = 58, 150
# More labels than this stand aslant.
_LEVEL_LABELS = 6
_RULE = {
    "type": "line",
    "yref": "paper",
    "x0": 0.5,
    "x1": 0.5,
    "y0": 0,
    "y1": 1,
    "line": {"color": INK, "width": 1.5},
}


def heat_map(groups: pl.DataFrame, names: Names) -> Figure | None:
    """Gains over the baseline, recipe by family; the first column is the mean over languages.

    Where languages are many, families are rows (`figures_folded`).
    """
    gains = groups.filter(
        pl.col("value").is_not_null(),
        pl.col("grouping").ne(ALL) | pl.col("group").eq(ALL_LANGUAGES),
        quantity=GAIN,
    )
    if (folds := folded(gains, names)) is not None:
        return folded_heat_map(folds, names)
    frame = gains.filter(pl.col("grouping").is_in([FAMILY, ALL]))
    frame = plots.with_statement(frame).with_columns(members=pl.col("languages").list.len())
    if frame.filter(grouping=FAMILY).is_empty():
        return None
    return plots.figure(
        frame,
        names,
        partial(_heat_view, names=names),
        ("encoder", "target", "scale"),
        anchor="gains-by-family",
        caption=(
            f"Gain over {NONE} by recipe and family. Blue gains, orange loses, grey is not known;"
            f" {UNSEEN} has languages that are not in the encoder's pretraining data;"
            f" {SIGNIFICANT} marks a verdict. p is adjusted over the families of one encoder,"
            " recipe, target and scale (Holm); that of all languages over the three means. The"
            " colours reach as far as the greatest number in view."
        ),
        alt=(
            "Heat map with one row for each recipe and one column for each family of languages;"
            " each cell holds the gain over the baseline."
        ),
        columns=_COLUMNS,
        hover=_HOVER,
        least_width=_BESIDE + _CELL * frame["group"].n_unique(),
    )


def _heat_view(frame: pl.DataFrame, names: Names) -> PlotView:
    labels = _family_labels(frame, names)
    # The first recipe stands on top.
    recipes = [recipe for recipe, _ in names.by_recipe(frame)][::-1]
    frame = frame.with_columns(label=pl.col("group").replace_strict(labels))
    held = {
        (row["recipe"], row["group"]): (row, cells)
        for row, cells in zip(frame.to_dicts(), plots.rows(frame, _COLUMNS), strict=True)
    }
    nothing: tuple[dict[str, Any], list[Any] | None] = ({}, None)
    grid = [[held.get((recipe, group), nothing) for group in labels] for recipe in recipes]
    trace = {
        **HEAT,
        "x": [label(name) for name in labels.values()],
        "y": recipes,
        "z": [[row.get("value") for row, _ in line] for line in grid],
        "text": [[cell_text(row) for row, _ in line] for line in grid],
        "customdata": [[cells for _, cells in line] for line in grid],
        **reach_of(frame),
    }
    return plots.view(
        [trace],
        150 + 38 * len(recipes),
        xaxis={
            "type": "category",
            "fixedrange": True,
            "side": "top",
            "showgrid": False,
            "tickfont": {"size": 12},
            "tickangle": -35 if len(labels) > _LEVEL_LABELS else 0,
        },
        yaxis={"type": "category", "fixedrange": True, "showgrid": False},
        plot_bgcolor="#e4e7ea",
        margin={"t": 30},
        # Apart from the families: it is made of the same languages.
        shapes=[_RULE] if ALL_LANGUAGES in labels else [],
    )


def _family_labels(frame: pl.DataFrame, names: Names) -> dict[str, str]:
    """Group to its label: all languages first, then families by their number of languages."""
    first = (
        frame.unique("group", keep="first", maintain_order=True)
        .sort(
            pl.col("grouping").eq(ALL),
            pl.col("members"),
            descending=True,
            maintain_order=True,
        )
        .to_dicts()
    )
    return {row["group"]: names.group(row) for row in first}
