"""What became of every training run: one table for the reports."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from xstilts.data.schemas import RUNS
from xstilts.errors import XstiltsError
from xstilts.execution.parquet import read_meta
from xstilts.training.curve import GIVEN_UP

_FROM_CURVE = (
    "collapsed",
    "restarted",
    "steps",
    "best_step",
    "seconds",
    "tokens",
    "token_pairs",
    "precision",
)
# What attempts that were given up have cost as well.
_SUMMED = ("seconds", "tokens", "token_pairs")


def collect_runs(runs: Iterable[tuple[Mapping[str, Any], str | Path]]) -> pa.Table:
    """One row (`schemas.RUNS`) for each pair of a run's place in the grid and its curve file.

    Costs of a run that was started once more include those of its earlier attempts.

    Raises:
        XstiltsError: a curve lacks what the table needs.
    """
    rows = []
    for place, path in runs:
        curve = read_meta(path)
        missing = [name for name in (*_FROM_CURVE, "best_dev_score") if name not in curve]
        if missing:
            raise XstiltsError(
                f"lacks {', '.join(missing)}", where=path, hint="delete it and run again"
            )
        attempts = [curve, *(curve.get(name) or {} for name in GIVEN_UP)]
        row = {name: curve[name] for name in _FROM_CURVE}
        row |= {name: sum(attempt.get(name, 0) for attempt in attempts) for name in _SUMMED}
        row["float32_retry"] = curve.get("float32_retry", "")
        rows.append({**place, **row, "dev": curve["best_dev_score"]})
    return pa.Table.from_pylist(rows, schema=RUNS)
