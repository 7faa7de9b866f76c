"""The table of the languages that every task covers."""

from __future__ import annotations

from xstilts.report.table import NAME, NUMBER, Column, Table, TableCell, TableRow
from xstilts.report.tables import ScoreTables
from xstilts.report.wording import title


def coverage_table(tables: ScoreTables) -> Table:
    """Which of the expected languages every task covers."""
    origin = tables.benchmark or "the data source"
    labels = (
        *("Task", "Averaged", "Averaged languages", "In some runs only"),
        *(f"Beyond {origin}", "Missing"),
    )
    return Table(
        caption=f"{tables.split}: languages covered, of those in {origin}",
        columns=tuple(
            Column(label=label, kind=NUMBER if label == "Averaged" else NAME) for label in labels
        ),
        rows=tuple(_row(tables, target) for target in tables.targets),
    )


def _row(tables: ScoreTables, target: str) -> TableRow:
    held = tables.coverage.get(target)
    if held is None:
        return TableRow(label=title(target), cells=(TableCell(why="not run"),) * 5)
    lists = (held[name] for name in ("covered", "partial", "beyond", "missing"))
    count = TableCell(text=f"{held['count']} of {held['full_count']}", value=held["count"])
    return TableRow(
        label=title(target),
        cells=(count, *(TableCell(text=" ".join(codes) or "none") for codes in lists)),
    )
