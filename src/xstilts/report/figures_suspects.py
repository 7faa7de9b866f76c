"""How hard suspect items are in every language."""

from __future__ import annotations

from functools import partial

import polars as pl

from xstilts.report import plots
from xstilts.report.figure import Figure, PlotView
from xstilts.report.plots import COLOURS, Mark, Names
from xstilts.report.wording import label

_COLUMNS = "target item suspect language called difficulty right right_elsewhere probability"
_HOVER = (
    "<b>{called}</b>, item {item}<br>difficulty {difficulty:.1f} logits"
    "<br>suspect in {suspect}: {right:.0%} of runs are right there, {right_elsewhere:.0%} elsewhere"
)
# So many items of a target are drawn; the table has all.
_MOST = 30
_OTHERS, _SUSPECT = Mark("#8c959f", "circle-open", 8), Mark(COLOURS[0], "circle", 11)


def suspect_difficulties(suspects: pl.DataFrame, names: Names) -> Figure | None:
    """A row of dots for each suspect item: its difficulty in each language, the suspect marked."""
    if suspects.is_empty():
        return None
    first = suspects.group_by("target", maintain_order=True).head(_MOST)
    frame = (
        first.with_columns(suspect="language", order=pl.int_range(pl.len()).over("target"))
        .drop("language")
        .explode("languages", "difficulties")
        .rename({"languages": "language", "difficulties": "difficulty"})
    )
    called = [names.language(code) for code in frame["language"]]
    frame = frame.with_columns(called=pl.Series(called, dtype=pl.String))
    return plots.figure(
        frame,
        names,
        partial(_view, names=names),
        ("target",),
        anchor="suspect-difficulty",
        caption=(
            "Difficulty of suspect items in every language, in logits, further right is harder: the"
            " language in which an item is suspect is the filled dot, the others are open. The"
            f" {_MOST} least doubtful of each target."
        ),
        alt="Dot plot with one row for each suspect item and one dot for each language.",
        columns=_COLUMNS,
        hover=_HOVER,
    )


def _view(frame: pl.DataFrame, names: Names) -> PlotView:
    items = frame.unique("order", keep="first", maintain_order=True)
    is_suspect = pl.col("language") == pl.col("suspect")
    traces = [
        plots.points(held, _COLUMNS, mark, x="difficulty", y=held["order"], name=name)
        for held, mark, name in (
            (frame.filter(~is_suspect), _OTHERS, "other languages"),
            (frame.filter(is_suspect), _SUSPECT, "the suspect language"),
        )
    ]
    rows = items.select("order", "item", "suspect").iter_rows()
    return plots.view(
        traces,
        110 + 22 * len(items),
        xaxis={"title": {"text": "difficulty, logits"}},
        yaxis=plots.lines_axis(
            {order: label(f"{names.language(code)}: {item[:24]}") for order, item, code in rows},
            (len(items) - 0.4, -0.6),
        ),
    )
