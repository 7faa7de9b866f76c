"""What is noted of each step of a training run, and how it is saved while the run goes on.

Each time only the steps since the last time are written, to a file of their own that is named by
the last of them, so that a save costs the same however long the run is.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa

from xstilts.data.schemas import CURVES
from xstilts.errors import XstiltsError
from xstilts.execution.parquet import read_table, write_table

# The columns of a curve but the attempt, which is the same for a whole history.
STEPS = pa.schema([field for field in CURVES if field.name != "attempt"])
# Steps are counted, and the numbers beside them hardly ever repeat. Losses are sums of few numbers
# of 32 bits: split into their bytes, the half that holds nothing is packed away.
ENCODINGS = {
    "step": "DELTA_BINARY_PACKED",
    "loss": "BYTE_STREAM_SPLIT",
    "learning_rate": "BYTE_STREAM_SPLIT",
}


class Attempt(NamedTuple):
    """An attempt at a run: what became of it as plain data, and its steps (`STEPS`)."""

    outcome: dict[str, Any]
    steps: pa.Table


class History:
    """The steps of a run so far, by column of `STEPS`."""

    def __init__(self) -> None:
        self._columns: dict[str, list[Any]] = {name: [] for name in STEPS.names}
        self._saved = 0

    def append(
        self,
        *,
        step: int,
        source: str,
        loss: float,
        learning_rate: float,
        dev: float | None = None,
        dev_loss: float | None = None,
        dev_by_task: list[dict[str, Any]] | None = None,
    ) -> None:
        """Note the step after the last one (`schemas.CURVES` says what of it)."""
        row = (step, source, loss, learning_rate, dev, dev_loss, dev_by_task)
        for column, value in zip(self._columns.values(), row, strict=True):
            column.append(value)

    def rows(self, *names: str) -> Iterator[tuple[Any, ...]]:
        """These columns of all steps, in order."""
        return zip(*(self._columns[name] for name in names), strict=True)

    def table(self, start: int = 0) -> pa.Table:
        """All steps after the first `start`."""
        columns = (
            pa.array(column[start:], STEPS.field(name).type)
            for name, column in self._columns.items()
        )
        return pa.table(list(columns), schema=STEPS)

    def save(self, folder: Path) -> None:
        """Write the steps that are not in `folder` yet."""
        new = self.table(self._saved)
        if new.num_rows:
            write_table(folder / f"{new['step'][-1]}.parquet", new, {}, ENCODINGS)
            self._saved += new.num_rows

    @classmethod
    def load(cls, folder: Path, steps: int) -> History | None:
        """The first `steps` of those that were saved; None if they are not all there.

        Files of later steps are removed: a run that goes on from here writes them again.
        """
        found = cls()
        for path in sorted(folder.glob("*.parquet"), key=lambda path: int(path.stem)):
            if int(path.stem) > steps:
                path.unlink()
                continue
            try:
                table = read_table(path, STEPS)
            except (OSError, ValueError, XstiltsError):
                return None
            for name, column in found._columns.items():
                column += table[name].to_pylist()
        found._saved = steps
        return found if found._columns["step"] == list(range(1, steps + 1)) else None
