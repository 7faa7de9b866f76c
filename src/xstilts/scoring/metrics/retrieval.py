"""Accuracy of nearest-neighbour retrieval, in either direction."""

from __future__ import annotations

import polars as pl

from xstilts.config.rows import Row
from xstilts.config.tasks import Task
from xstilts.scoring.metrics.base import Metric, Ratio, Scores, total

# English queries and a foreign index, which is XTREME's direction; the other way round; both.
FROM_ENGLISH = "from_en"
TO_ENGLISH = "to_en"
MINING = "mining"


class RetrievalAccuracy(Metric, Row):
    """The share of queries whose nearest neighbour is their translation."""

    main = ("accuracy",)
    titles = {"accuracy_to_en": "Accuracy, foreign queries against English"}  # noqa: RUF012
    definition = (
        "Accuracy: the share of English sentences whose nearest foreign sentence by cosine is the"
        " translation, which is XTREME's direction; the reverse direction is LASER's (XTREME;"
        " facebookresearch/LASER)."
    )
    directions = frozenset({FROM_ENGLISH, TO_ENGLISH})
    direction = FROM_ENGLISH

    def numbers(self, items: pl.DataFrame, where: str) -> Scores:
        scores = {}
        for name, direction in (("accuracy", FROM_ENGLISH), ("accuracy_to_en", TO_ENGLISH)):
            queries = items.filter(pl.col("direction") == direction)
            if n := len(queries):
                scores[name] = (100 * total(queries, "correct", where) / n, n)
        return scores

    def ratio(self) -> Ratio:
        return pl.col("correct"), pl.lit(1)

    def chance(self, task: Task, items: int) -> float:
        return 100 / items if items > 1 else 0.0
