"""What became of every training run: one table for the reports."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from xstilts.data.schemas import RUNS
from xstilts.errors import XstiltsError

_FROM_CURVE = ("collapsed", "restarted", "steps", "best_step", "seconds", "tokens", "token_pairs")
# What a first attempt that was given up has cost as well.
_SUMMED = ("seconds", "tokens", "token_pairs")


def collect_runs(runs: Iterable[tuple[Mapping[str, Any], str | Path]]) -> pa.Table:
    """One row (`schemas.RUNS`) for each pair of a run's place in the grid and its curve file.

    Costs of a run that was started once more include those of its first attempt.

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
        first = curve.get("first_attempt") or {}
        row = {name: curve[name] for name in _FROM_CURVE}
        row |= {name: curve[name] + first.get(name, 0) for name in _SUMMED}
        rows.append({**place, **row, "dev": curve["best_dev_score"]})
    return pa.Table.from_pylist(rows, schema=RUNS)
