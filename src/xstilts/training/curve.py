"""The curve of a training run: what was noted of each step, and what became of the run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from xstilts.data.schemas import CURVES
from xstilts.execution.parquet import write_table
from xstilts.training.history import ENCODINGS, Attempt

KEPT = "kept"
# Attempts that were given up: because it collapsed, because it was not finite in bfloat16.
FIRST, BFLOAT16 = GIVEN_UP = ("first_attempt", "bfloat16_attempt")


def write_curve(
    path: Path, kept: Attempt, given_up: Mapping[str, Attempt], made: Mapping[str, Any]
) -> None:
    """Write the steps of all attempts at a run, and in the metadata what became of them.

    The metadata are those of the attempt that is kept, with those of one that was given up under
    its name, None where there was none.

    Args:
        given_up: attempts by their names (`GIVEN_UP`), in the order in which they were made.
        made: what made the file, for its metadata.
    """
    attempts = {**given_up, KEPT: kept}
    tables = []
    for name, attempt in attempts.items():
        names = pa.array([name] * attempt.steps.num_rows, CURVES.field("attempt").type)
        tables.append(attempt.steps.add_column(0, CURVES.field("attempt"), names))
    outcomes = {name: given_up[name].outcome if name in given_up else None for name in GIVEN_UP}
    steps = pa.concat_tables(tables).unify_dictionaries()
    write_table(path, steps, {**made, **kept.outcome, **outcomes}, ENCODINGS)
