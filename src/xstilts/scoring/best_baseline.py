"""Whether a score is clearly above the best baseline of its target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from xstilts.config.tasks import SOURCE_LANGUAGE
from xstilts.rounding import rounded
from xstilts.scoring.item_counts import CLEAN
from xstilts.scoring.scores import LANGUAGE_SCORE

# Points by which a score must exceed the best baseline; fewer may be chance or a small trick.
CLEAR = 5.0


@dataclass(frozen=True, kw_only=True)
class BestBaseline:
    """The best baseline of a target in English, and its score in points."""

    name: str
    value: float

    def is_beaten_by(self, score: float) -> bool:
        """Whether `score` is higher by `CLEAR` points at least."""
        # Both are rounded as they are shown, so that a sentence never contradicts its numbers.
        return rounded(score) - rounded(self.value) > CLEAR - 0.05


def main_scores(
    baselines: pl.DataFrame, encoder: str, split: str, condition: str = CLEAN
) -> Mapping[tuple[str, str], dict[str, float]]:
    """(baseline, target) to its main score in each language, in points.

    Args:
        baselines: columns of `schemas.BASELINES`.
        encoder: those of other encoders are left out, those that need none are not.
    """
    rows = baselines.filter(
        pl.col("encoder").is_in(["", encoder]),
        pl.col("metric") == LANGUAGE_SCORE,
        split=split,
        condition=condition,
    )
    found: dict[tuple[str, str], dict[str, float]] = {}
    for row in rows.iter_rows(named=True):
        found.setdefault((row["baseline"], row["target"]), {})[row["language"]] = row["value"]
    return found


def best_baseline(
    found: Mapping[tuple[str, str], dict[str, float]], target: str
) -> BestBaseline | None:
    """The baseline of `main_scores` with the greatest English score of a target, if any."""
    english = [
        BestBaseline(name=name, value=scores[SOURCE_LANGUAGE])
        for (name, key), scores in found.items()
        if key == target and SOURCE_LANGUAGE in scores
    ]
    return max(english, key=lambda each: each.value, default=None)
