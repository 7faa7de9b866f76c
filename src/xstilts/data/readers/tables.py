"""Tables of text with a header: CSV, and rows of one line each with tabs between columns."""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from xstilts.data.readers.lines import read_lines, read_text
from xstilts.errors import XstiltsError, did_you_mean

# A row by the names of its columns, and the 1-based line that it starts in.
Numbered = tuple[int, dict[str, str]]
_CUT_SHORT = "the file may be cut short: download it again"


def csv_rows(path: Path) -> Iterator[Numbered]:
    """The rows of CSV.

    Raises:
        XstiltsError: the quoting is broken, or a row has another number of cells than the header.
    """
    reader = csv.reader(io.StringIO(read_text(path), newline=""), strict=True)
    row = 1
    try:
        header = next(reader)
        row = reader.line_num + 1
        for cells in reader:
            if cells:
                hint = "quote texts that hold commas, quotes or line ends"
                yield row, _named(header, cells, path, row, hint)
            row = reader.line_num + 1
    except csv.Error as error:
        raise XstiltsError(f"broken CSV: {error}", where=path, row=row, hint=_CUT_SHORT) from error


def tab_rows(path: Path, needed: Sequence[str], counts: Counter[str] | None) -> Iterator[Numbered]:
    """The rows of a table with tabs, which has these columns and maybe others.

    Args:
        counts: of cells that are quoted as CSV is, one that holds a quotation mark and stands in
            none is counted here. None: quotation marks are those of the texts.

    Raises:
        XstiltsError: a column is missing, a row has another number of cells than the header, or
            the quoting is broken.
    """
    lines = read_lines(path)
    header = lines[0].split("\t")
    for name in needed:
        if name not in header:
            raise XstiltsError(
                f"the header {lines[0][:80]!r} lacks {name!r} ({did_you_mean(name, header)})",
                where=path,
                row=1,
                hint="the first line names the columns, with tabs between them",
            )
    for row, line in enumerate(lines[1:], 2):
        if not line:
            continue
        cells = line.split("\t")
        if counts is not None:
            cells = [_unquoted(cell, path, row, counts) for cell in cells]
        yield row, _named(header, cells, path, row, "texts hold no tabs and no line ends")


def _named(
    header: Sequence[str], cells: Sequence[str], path: Path, row: int, hint: str
) -> dict[str, str]:
    if len(cells) != len(header):
        raise XstiltsError(
            f"{len(cells)} columns, the header has {len(header)}", where=path, row=row, hint=hint
        )
    return dict(zip(header, cells, strict=True))


def _unquoted(cell: str, path: Path, row: int, counts: Counter[str]) -> str:
    if not cell.startswith('"'):
        counts["quotation_marks_in_no_quotes"] += '"' in cell
        return cell
    inner = cell[1:-1].replace('""', "")
    if len(cell) < 2 or not cell.endswith('"') or '"' in inner:
        raise XstiltsError(
            f"broken quoting: {cell[:60]!r}",
            where=path,
            row=row,
            hint="a text that begins with a quotation mark stands in quotes, those inside it"
            " doubled; " + _CUT_SHORT,
        )
    return cell[1:-1].replace('""', '"')
