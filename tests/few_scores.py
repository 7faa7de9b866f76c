"""Tables of scores from a few numbers."""

from __future__ import annotations

import polars as pl

from xstilts.config.tasks import TARGETS
from xstilts.data.schemas import BASELINES, SCORES
from xstilts.scoring.averages import main_metrics


def table(*rows: tuple) -> pl.DataFrame:
    """Rows of (recipe, target, seed, language, metric, value), the rest filled in."""
    return pl.DataFrame(
        [
            ("enc", recipe, target, seed, "test", language, "clean", metric, float(value), 10)
            for recipe, target, seed, language, metric, value in rows
        ],
        schema=SCORES.names,
        orient="row",
    )


def grid(values: dict[tuple[str, str, int], float], languages: int = 2) -> pl.DataFrame:
    """The same value for every main metric in the first languages of every cell."""
    return table(
        *(
            (recipe, target, seed, language, metric, value)
            for (recipe, target, seed), value in values.items()
            for language in TARGETS[target].languages[:languages]
            for metric in main_metrics(target)
        )
    )


def baselines(*rows: tuple[str, str, str, str, float]) -> pl.DataFrame:
    """Main scores from (baseline, encoder, target, language, value)."""
    return pl.DataFrame(
        [
            (name, encoder, target, 0, "test", language, "clean", "score", float(value), 10)
            for name, encoder, target, language, value in rows
        ],
        schema=BASELINES.names,
        orient="row",
    )
