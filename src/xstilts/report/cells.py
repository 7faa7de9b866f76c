"""What the tables of the score page consist of: cells, rows, names and number formats.

A cell that has no number carries the reason instead, so that nothing missing reads as zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby

from xstilts.config.tasks import TASKS
from xstilts.scoring.averages import OVERALL
from xstilts.scoring.metrics import METRICS

TITLES = {**{key: task.title for key, task in TASKS.items()}, "qa": "QA"}

_TIE = 1e-9
_CAPITALISED = {OVERALL, *(task.group for task in TASKS.values())}


@dataclass(frozen=True, kw_only=True)
class Cell:
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


@dataclass(frozen=True, kw_only=True)
class Column:
    """A column: its label, the heading it shares with its neighbours, whether it is numbers."""

    label: str
    group: str = ""
    number: bool = False


@dataclass(frozen=True, kw_only=True)
class Row:
    """A row: its heading, footnote marks on it, how many columns it spans, and its cells."""

    label: str
    cells: tuple[Cell, ...]
    marks: str = ""
    span: int = 1


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table; `columns[0]` is the column of row headings."""

    caption: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    foot: tuple[Row, ...] = ()

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


def title(name: str) -> str:
    """How a task, group or average is called on the page."""
    return TITLES.get(name, name.capitalize() if name in _CAPITALISED else name)


def metric_title(metric: str) -> str:
    """How a metric is called on the page."""
    titles = {name: title for held in METRICS.values() for name, title in held.titles.items()}
    return titles.get(metric, metric.replace("_", " ").capitalize())


def mark_best(cells: Sequence[Cell]) -> list[Cell]:
    """Emphasise the greatest value, and its equals, where there is something to compare."""
    compared = [cell.value for cell in cells if cell.value is not None and cell.whole]
    if len(compared) < 2:
        return list(cells)
    top = max(compared) - _TIE
    return [
        replace(cell, best=cell.whole and cell.value is not None and cell.value >= top)
        for cell in cells
    ]
