"""The tables of this folder as rows of text."""

from __future__ import annotations

import csv
from collections.abc import Iterator

FOLDER = __file__.rpartition("/")[0]


def read(name: str) -> Iterator[dict[str, str]]:
    """The rows of a table of this folder, each by the names of its columns."""
    # Every job imports this: pathlib and csv.DictReader would double the time.
    with open(f"{FOLDER}/{name}", encoding="utf-8", newline="") as file:  # noqa: PTH123
        rows = csv.reader(file)
        columns = next(rows)
        for row in rows:
            yield dict(zip(columns, row, strict=True))
