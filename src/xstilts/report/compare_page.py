"""One self-contained HTML page of a comparison, or of a ranking: dots, tables and notes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import polars as pl
from plotly.offline import get_plotlyjs

from xstilts.analysis.compare import Comparison
from xstilts.analysis.ranking import Ranking
from xstilts.analysis.tables import EVERY
from xstilts.execution.files import write_text
from xstilts.report import plots
from xstilts.report.compare import (
    COLUMNS,
    answer,
    best,
    group_name,
    left_out,
    ranking_lines,
    seen,
    what,
)
from xstilts.report.fairness import Section, SectionPart
from xstilts.report.figure import Figure, PlotView
from xstilts.report.glossary import CHAPTERS
from xstilts.report.plots import COLOURS, SIGNIFICANT, Mark, Names, significant
from xstilts.report.render import templates
from xstilts.report.table import CHANGE, COUNT, NUMBER, TEXT, Column, P, Table, of_frame
from xstilts.report.wording import label

_MARKS = {True: Mark(COLOURS[0], "circle"), False: Mark(COLOURS[0], "circle-open")}
# In pixels: a row, and what is around the rows.
_ROW, _AROUND = 24, 110
_NAMES = Names(recipes=(), languages={})
_ENDS = ("low", "high")


def write_comparison(path: Path, found: Comparison) -> None:
    """Write the page of one side against another."""
    frame = pl.DataFrame(
        [
            {name: row[name] for name in row if name != "languages"}
            | {"label": group_name(row), "clear": significant(row["verdict"])}
            for row in found.rows
        ],
        infer_schema_length=None,
    )
    one, other = found.names
    sections = (
        Section(
            anchor="differences",
            heading=f"{one} minus {other}",
            reading=(
                f"Right of 0 {one} is better. A filled dot is a verdict that holds for all groups"
                " of its kind together (Holm); an open one is not enough data to tell."
            ),
            parts=(SectionPart(figure=_differences(frame, one, other)),),
        ),
        Section(
            anchor="tables",
            heading="All numbers",
            reading=(
                f"In points. {SIGNIFICANT} marks a verdict. “Seen from” is the smallest difference"
                " that such data show with a probability of 80 %."
            ),
            parts=(SectionPart(table=_difference_table(frame, one, other)),),
        ),
    )
    _write(path, f"{one} and {other}", [answer(found), what(found), *seen(found)], sections,
           [*left_out(found.common), *found.notes])  # fmt: skip


def write_ranking(path: Path, found: Ranking) -> None:
    """Write the page of all sides in order."""
    placed = pl.DataFrame(
        [
            {
                "target": order.target,
                "side": each.name,
                "value": each.mean.value,
                "low": each.mean.low,
                "high": each.mean.high,
                "letters": "".join(each.letters),
                "label": f"{each.name} {''.join(each.letters)}",
            }
            for order in found.orders
            for each in order.placed
        ],
        infer_schema_length=None,
    )
    pairs = pl.DataFrame(
        [row for order in found.orders for row in order.pairs], infer_schema_length=None
    )
    sections = (
        Section(
            anchor="order",
            heading="Sides in order",
            reading=(
                "The mean over languages other than English. Two sides that share a letter cannot"
                " be told apart; p is adjusted for all pairs of sides (Holm). Intervals are of each"
                " side alone: that they overlap does not mean that two sides are alike."
            ),
            parts=(
                SectionPart(figure=_order_figure(placed)),
                SectionPart(table=_order_table(placed)),
            ),
        ),
        Section(
            anchor="pairs",
            heading="Every pair",
            reading=f"The better side minus the other. {SIGNIFICANT} marks a verdict.",
            parts=(SectionPart(table=_pairs_table(pairs)),),
        ),
    )
    title = f"{len(found.sides)} sides"
    summary = [best(found.orders[0], found.common), ranking_lines(found)[2]]
    _write(path, title, summary, sections, [*left_out(found.common), *found.notes])


def _write(
    path: Path,
    title: str,
    summary: Sequence[str],
    sections: Sequence[Section],
    notes: Sequence[str],
) -> None:
    html = (
        templates()
        .get_template("compare.html.j2")
        .render(
            title=title,
            summary=summary,
            notes=notes,
            sections=sections,
            columns=COLUMNS,
            chapters=CHAPTERS,
            unfolded=max(len(notes), len(summary)),
            plotly=get_plotlyjs(),
        )
    )
    write_text(path, html)


def _differences(frame: pl.DataFrame, one: str, other: str) -> Figure:
    columns = "target grouping label a b value low high p_adjusted verdict basis items seeds clear"
    title = f"{one} minus {other}, points"
    return plots.figure(
        frame,
        _NAMES,
        partial(_dots, columns=columns, title=title, zero=True),
        ("target", "grouping"),
        anchor="difference",
        caption="Differences in points with 95 % intervals.",
        alt="Dot plot with one row for each group: a difference with its interval.",
        columns=columns,
        hover=(
            "<b>{label}</b><br>{value:.1f}, 95 % interval {low:.1f} to {high:.1f}<br>{verdict}"
            " (p {p_adjusted:.2g})<br>over {basis}; items: {items}, seeds: {seeds}"
        ),
    )


def _order_figure(placed: pl.DataFrame) -> Figure:
    columns = "target side label letters value low high clear"
    return plots.figure(
        placed.with_columns(clear=pl.lit(value=True)),
        _NAMES,
        partial(_dots, columns=columns, title="points", zero=False),
        ("target",),
        anchor="sides",
        caption="Means in points with 95 % intervals; letters stand behind the names.",
        alt="Dot plot with one row for each side, the best at the top.",
        columns=columns,
        hover="<b>{side}</b> {letters}<br>{value:.1f}, 95 % interval {low:.1f} to {high:.1f}",
    )


def _dots(frame: pl.DataFrame, columns: str, title: str, *, zero: bool) -> PlotView:
    """A row for each label, the greatest value at the top."""
    frame = frame.sort("value", descending=True).with_row_index("place")
    parts = ((frame.filter(clear=clear), mark) for clear, mark in _MARKS.items())
    traces = [
        plots.points(held, columns, mark, x="value", y=held["place"], bars="x", showlegend=False)
        for held, mark in parts
        if not held.is_empty()
    ]
    said = dict(zip(frame["place"], map(label, frame["label"]), strict=True))
    return plots.view(
        traces,
        _AROUND + _ROW * len(frame),
        xaxis={"title": {"text": label(title)}, "zeroline": zero},
        yaxis=plots.lines_axis(said, (len(frame) - 0.5, -0.5)) | {"showgrid": True},
    )


def _difference_table(frame: pl.DataFrame, one: str, other: str) -> Table | None:
    frame = frame.with_columns(family=pl.col("grouping"))
    return of_frame(
        "differences",
        f"{one} minus {other}",
        frame.sort(pl.col("target").ne(EVERY), maintain_order=True),
        (
            Column("target", "Target"),
            Column("grouping", "Grouping"),
            Column("label", "Group", TEXT),
            Column("a", one, NUMBER),
            Column("b", other, NUMBER),
            Column("value", "Difference", CHANGE, _ENDS),
            Column("p_adjusted", "p, adjusted", P),
            Column("tests", "Tests", COUNT),
            Column("verdict", "Verdict"),
            Column("detectable", "Seen from", NUMBER),
            Column("with_collapsed", "With collapsed runs", CHANGE),
            Column("items", "Items", COUNT),
            Column("clusters", "Clusters", COUNT),
            Column("seeds", "Seeds", COUNT),
            Column("basis", "Interval over"),
        ),
        _NAMES,
    )


def _order_table(placed: pl.DataFrame) -> Table | None:
    return of_frame(
        "order",
        "Means in points and letters",
        placed,
        (
            Column("target", "Target"),
            Column("side", "Side"),
            Column("value", "Mean", NUMBER, _ENDS),
            Column("letters", "Letters"),
        ),
        _NAMES,
    )


def _pairs_table(pairs: pl.DataFrame) -> Table | None:
    return of_frame(
        "pairs",
        "Every pair of sides",
        pairs,
        (
            Column("target", "Target"),
            Column("a", "Better"),
            Column("b", "Other"),
            Column("value", "Difference", CHANGE, _ENDS),
            Column("p_adjusted", "p, adjusted", P),
            Column("tests", "Tests", COUNT),
            Column("verdict", "Verdict"),
            Column("detectable", "Seen from", NUMBER),
            Column("pairing", "Seeds are"),
            Column("basis", "Interval over"),
        ),
        _NAMES,
    )
