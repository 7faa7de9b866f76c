"""One score for every recipe, to be set against its cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from xstilts.config.tasks import SPLITS
from xstilts.errors import XstiltsError
from xstilts.report.wording import title
from xstilts.scoring.averages import OVERALL, check_scores, summarise
from xstilts.scoring.item_counts import CLEAN


@dataclass(frozen=True, kw_only=True)
class Quality:
    """A score for every (encoder, recipe), all over the same tasks, and what it is the mean of."""

    scores: dict[tuple[str, str], float]
    label: str
    split: str

    @classmethod
    def of(cls, scores: pl.DataFrame, table: Mapping[str, Mapping[str, Any]] | None) -> Quality:
        """The overall score, or where it lacks tasks the mean of those that all recipes have.

        Without any score there is none of any recipe.
        """
        if scores.is_empty():
            return cls(scores={}, label="nothing to compare", split=SPLITS[-1])
        clean = check_scores(scores).filter(condition=CLEAN)
        split = next((name for name in reversed(SPLITS) if name in clean["split"]), None)
        if split is None:
            raise XstiltsError(f"no score has the condition {CLEAN!r}", where="table of scores")
        expected = {key: list(entry["languages"]) for key, entry in (table or {}).items()}
        averages = summarise(clean.filter(split=split), expected=expected).averages
        runs = {tuple(row) for row in averages.select("encoder", "recipe").iter_rows()}
        overall = averages.filter(quantity=OVERALL)
        if overall.height == len(runs):
            return cls(scores=_by_run(overall), label="mean of XTREME's nine tasks", split=split)
        tasks = averages.filter(quantity="task")
        common = [
            name
            for (name,), rows in tasks.group_by(["name"], maintain_order=True)
            if rows.height == len(runs)
        ]
        means = (
            tasks.filter(pl.col("name").is_in(common))
            .group_by(["encoder", "recipe"], maintain_order=True)
            .agg(pl.col("mean").mean())
        )
        label = f"mean of {', '.join(map(title, common))}" if common else "no task in common"
        return cls(scores=_by_run(means), label=label, split=split)


def _by_run(rows: pl.DataFrame) -> dict[tuple[str, str], float]:
    return {
        (encoder, recipe): mean
        for encoder, recipe, mean in rows.select("encoder", "recipe", "mean").iter_rows()
    }
