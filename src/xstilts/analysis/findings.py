"""What was found: the tables of a run with its claims and notes, and the folder that holds them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from xstilts.analysis.tables import TABLES, table
from xstilts.execution.files import atomic_path

_CLAIMS, _NOTES = "claims.json", "notes.txt"


@dataclass(frozen=True, kw_only=True)
class Findings:
    """The tables by name (`TABLES`); one that the data do not allow is empty, and `notes` say why.

    Every table of `TABLES` is there; `of` makes up for those that are not given. `claims` are the
    study's, as plain data: the fields of `parts.ClaimPart` and the encoder.
    """

    tables: Mapping[str, pl.DataFrame]
    notes: tuple[str, ...] = ()
    claims: tuple[Mapping[str, Any], ...] = ()

    @classmethod
    def of(
        cls,
        notes: Iterable[str] = (),
        claims: Iterable[Mapping[str, Any]] = (),
        **tables: pl.DataFrame,
    ) -> Findings:
        """Findings with empty tables where none is given.

        Raises:
            ValueError: an unknown table, or one with other columns than `TABLES` says.
        """
        for name, held in tables.items():
            if name not in TABLES or dict(held.schema) != dict(pl.Schema(TABLES[name])):
                raise ValueError(f"no table {name} with the columns {held.columns}")
        return cls(
            tables={name: tables.get(name, table([], schema)) for name, schema in TABLES.items()},
            notes=tuple(notes),
            claims=tuple(claims),
        )

    def __getitem__(self, name: str) -> pl.DataFrame:
        """A table by name."""
        return self.tables[name]

    def write(self, folder: str | Path) -> None:
        """Write a Parquet file a table, claims and notes into a new folder, atomically."""
        with atomic_path(folder) as part:
            part.mkdir()
            for name, held in self.tables.items():
                held.write_parquet(part / f"{name}.parquet")
            (part / _CLAIMS).write_text(json.dumps(self.claims, indent=1), "utf-8")
            (part / _NOTES).write_text("".join(f"{note}\n" for note in self.notes), "utf-8")

    @classmethod
    def read(cls, folder: str | Path) -> Findings:
        """What `write` has written."""
        folder = Path(folder)
        tables = {name: pl.read_parquet(folder / f"{name}.parquet") for name in TABLES}
        claims = json.loads((folder / _CLAIMS).read_text("utf-8"))
        return cls.of((folder / _NOTES).read_text("utf-8").splitlines(), claims, **tables)
