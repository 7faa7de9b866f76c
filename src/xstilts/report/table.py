"""Tables that are sorted, filtered and saved on a page: DataTables, from the bundle of itables.

A table is of cells, each written here, or of a frame, whose numbers the page's script writes
(`templates/tables.js`). A cell that has no number carries the reason instead, so that nothing
missing reads as zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from html import unescape
from itertools import groupby
from typing import Any

import polars as pl
from markupsafe import Markup, escape

from xstilts.analysis.tables import EVERY
from xstilts.report.plots import SIGNIFICANT, Names, significant
from xstilts.report.wording import target_name
from xstilts.rounding import DECIMALS

# Columns of few values, which are ticked in a list; texts to be read, long and short; and numbers
# by how they are written.
NAME, TEXT, SHORT = "name", "text", "short"
NUMBER, CHANGE, SHARE, SHARE_CHANGE = "number", "change", "share", "share-change"
RATIO, RATIO_CHANGE, P, COUNT = "ratio", "ratio-change", "p", "count"
# Both ends of an interval, which stand small beneath its number and are columns in the CSV alone.
_END = "end"

_TIE = 1e-9
# So many rows of a frame are shown where no script runs.
_PREVIEW = 10


@dataclass(frozen=True, kw_only=True)
class TableCell:
    """One cell: a text, the number it sorts by, and what stands small beneath it.

    `why` says why there is no number. `sign` is "up", "down" or "flat" for a gain. What is not
    `whole` rests on fewer seeds than there will be, and is not compared.
    """

    text: str = ""
    value: float | None = None
    gain: str | None = None
    sign: str = "flat"
    small: tuple[str, ...] = ()
    best: bool = False
    whole: bool = True
    why: str | None = None

    @classmethod
    def of(cls, value: float | None, say: Callable[[float], str], why: str) -> TableCell:
        """A number as `say` writes it, or `why` there is none."""
        return cls(why=why) if value is None else cls(text=say(value), value=value)


@dataclass(frozen=True)
class Column:
    """A column.

    Attributes:
        name: of the frame's column, empty where there is none.
        label: its heading.
        kind: of its cells.
        interval: the frame's columns that hold the ends of its interval.
        group: the heading that it shares with its neighbours.
        options: the values that can be ticked, in order.
    """

    name: str = ""
    label: str = ""
    kind: str = NAME
    interval: tuple[str, str] | None = None
    group: str = ""
    options: tuple[str, ...] = ()

    @property
    def number(self) -> bool:
        """Whether its cells are numbers."""
        return self.kind not in (NAME, TEXT, SHORT)


@dataclass(frozen=True, kw_only=True)
class TableRow:
    """A row: its heading, footnote marks on it, how many columns it spans, and its cells."""

    label: str
    cells: tuple[TableCell, ...]
    marks: str = ""
    span: int = 1


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table; of one that is made of cells, `columns[0]` is the column of row headings.

    Attributes:
        data: of a frame, all rows as the page's script takes them; `rows` are then a few of them.
        paged: whether the page's script shows a few rows at a time; without one all are there.
    """

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[TableRow, ...] = ()
    foot: tuple[TableRow, ...] = ()
    anchor: str = ""
    data: list[list[Any]] | None = None
    paged: bool = False

    @property
    def header(self) -> list[tuple[str, int]]:
        """Headings of the upper header row with the number of columns that each spans.

        An empty heading stands for one column whose own label fills both rows.
        """
        spans: list[tuple[str, int]] = []
        for group, columns in groupby(self.columns, key=lambda column: column.group):
            size = len(list(columns))
            spans.extend([(group, size)] if group else [("", 1)] * size)
        return spans

    @property
    def grouped(self) -> bool:
        """Whether there is an upper header row."""
        return any(column.group for column in self.columns)


def library() -> Markup:
    """The script and style that all tables need, once a page; the browser is asked for nothing."""
    # Imported here because it brings in pandas, and pages without tables need neither.
    import itables
    from itables.javascript import generate_init_offline_itables_html

    made = generate_init_offline_itables_html(itables.options.dt_bundle)
    name = f"_itables_{itables.__version__.replace('.', '_')}"
    # After the script comes what is said to readers of notebooks.
    script = made[: made.rindex("</script>")]
    return Markup(f"{script}window.tableLibrary = window.{name};</script>")


def of_frame(
    anchor: str, caption: str, frame: pl.DataFrame, columns: Sequence[Column], names: Names
) -> Table | None:
    """A table of these columns; those that are null throughout are left out.

    None if there is no row.
    """
    if frame.is_empty():
        return None
    kept: list[Column] = []
    cells: list[pl.Series] = []
    for held in columns:
        values = frame[held.name]
        alone = held.name == "encoder" and values.n_unique() == 1
        if alone or values.null_count() == len(frame):
            continue
        shown = _shown(values, held, names)
        options = shown.dtype.categories if isinstance(shown.dtype, pl.Enum) else ()
        kept.append(replace(held, options=tuple(map(unescape, options))))
        cells.append(shown)
        for end, name in zip(("from", "to"), held.interval or (), strict=False):
            kept.append(Column(label=f"{held.label}, 95 % {end}", kind=_END))
            cells.append(frame[name].round(DECIMALS))
    data = [list(row) for row in zip(*(series.to_list() for series in cells), strict=True)]
    return Table(
        anchor=anchor,
        caption=caption,
        columns=tuple(kept),
        rows=tuple(_preview(row) for row in data[:_PREVIEW]),
        data=data,
    )


def _preview(row: Sequence[Any]) -> TableRow:
    first, *others = ("–" if value is None else Markup(value) for value in row)
    return TableRow(label=first, cells=tuple(TableCell(text=text) for text in others))


def _shown(values: pl.Series, column: Column, names: Names) -> pl.Series:
    if column.number:
        return values.round(DECIMALS) if values.dtype.is_float() else values
    said = ["" if value is None else _say(column.name, value, names) for value in values]
    if column.kind in (TEXT, SHORT):
        return pl.Series([f'<div dir="auto">{text}</div>' if text else "" for text in said])
    order = {
        "recipe": [_say("recipe", recipe, names) for recipe in names.recipes],
        "target": [_say("target", EVERY, names)],
    }.get(column.name, [])
    held = sorted(set(said))
    first = [text for text in order if text in held]
    return pl.Series(said, dtype=pl.Enum(list(dict.fromkeys([*first, *held]))))


def _say(name: str, value: Any, names: Names) -> str:
    """A cell's text, as HTML: names as they are on the page, everything escaped."""
    match name, value:
        case "recipe", _:
            text = names.recipe(value)
        case "target", _:
            text = target_name(value)
        case "verdict", _:
            text = f"{SIGNIFICANT} {value}" if significant(value) else value
        case _, bool():
            text = "yes" if value else "no"
        case _, list():
            text = ", ".join(value)
        case _:
            text = str(value)
    return str(escape(text))


def mark_best(cells: Sequence[TableCell]) -> list[TableCell]:
    """Emphasise the greatest value, and its equals, where there is something to compare."""
    compared = [cell.value for cell in cells if cell.value is not None and cell.whole]
    if len(compared) < 2:
        return list(cells)
    top = max(compared) - _TIE
    return [
        replace(cell, best=cell.whole and cell.value is not None and cell.value >= top)
        for cell in cells
    ]
