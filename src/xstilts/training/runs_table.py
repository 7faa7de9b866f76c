"""What became of every training run: one table for the reports."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from xstilts.data.schemas import RUNS
from xstilts.errors import XstiltsError

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
# Attempts that were given up, and what they have cost as well.
_GIVEN_UP = ("first_attempt", "bfloat16_attempt")
_SUMMED = ("seconds", "tokens", "token_pairs")


def collect_runs(runs: Iterable[tuple[Mapping[str, Any], str | Path]]) -> pa.Table:
    """One row (`schemas.RUNS`) for each pair of a run's place in the grid and its curve file.

    Costs of a run that was started once more include those of its earlier attempts.

    Raises:
        XstiltsError: a curve lacks what the table needs.
    """
    rows = []
    for place, path in runs:
        curve = json.loads(Path(path).read_text(encoding="utf-8"))
        missing = [name for name in (*_FROM_CURVE, "best_dev_score") if name not in curve]
        if missing:
            raise XstiltsError(
                f"lacks {', '.join(missing)}", where=path, hint="delete it and run again"
            )
        attempts = [curve, *(curve.get(name) or {} for name in _GIVEN_UP)]
        row = {name: curve[name] for name in _FROM_CURVE}
        row |= {name: sum(attempt.get(name, 0) for attempt in attempts) for name in _SUMMED}
        row["float32_retry"] = curve.get("float32_retry", "")
        rows.append({**place, **row, "dev": curve["best_dev_score"]})
    return pa.Table.from_pylist(rows, schema=RUNS)
