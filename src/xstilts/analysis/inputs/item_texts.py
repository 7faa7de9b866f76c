"""What was asked and answered in single items, as a page shows it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from xstilts.analysis.inputs.items import CLEAN
from xstilts.config.tasks import SOURCE_LANGUAGE
from xstilts.data.graphemes import whole_graphemes
from xstilts.data.kinds.base import Item

# Characters that are shown of a text; then the rest of a grapheme.
_LONGEST = 400


def read_texts(
    path: str | Path, units: Collection[str], languages: Collection[str], split: str
) -> dict[tuple[str, str], Item]:
    """(language, unit) to the item, of units by `group` in these languages and English.

    Args:
        path: evaluation data (`schemas.DATA`).
    """
    wanted = {*languages, SOURCE_LANGUAGE}
    rows = (
        pl.scan_parquet(path)
        .filter(pl.col("group").is_in(set(units)), pl.col("language").is_in(wanted), split=split)
        .collect()
    )
    return {(row["language"], row["group"]): row for row in rows.iter_rows(named=True)}


def read_answers(
    wanted: Iterable[tuple[str, str, str]], split: str
) -> dict[tuple[str, str, str], tuple[Any, Any]]:
    """(path of predictions, language, unit) to the prediction and the gold."""
    by_path: dict[str, set[str]] = {}
    for path, _, unit in wanted:
        by_path.setdefault(path, set()).add(unit)
    found = {}
    for path, units in by_path.items():
        rows = (
            pl.scan_parquet(path)
            .filter(pl.col("group").is_in(units), split=split, condition=CLEAN)
            .select("language", "group", "prediction", "gold")
            .collect()
        )
        for language, unit, prediction, gold in rows.iter_rows():
            found[path, language, unit] = (prediction, gold)
    return found


def capped(text: str) -> str:
    """A text, or its beginning and an ellipsis."""
    if len(text) <= _LONGEST:
        return text
    ((_, end),) = whole_graphemes(text, np.array([[0, _LONGEST - 1]]))
    return f"{text[:end]}…"
