"""Accuracy of labels and of chosen answers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from xstilts.config.rows import Row
from xstilts.config.tasks import Task
from xstilts.errors import XstiltsError
from xstilts.scoring.metrics.base import Item, Metric, Ratio, Scores, total


class Accuracy(Metric, Row):
    """The share of items with the right label."""

    main = ("accuracy",)
    definition = (
        "Accuracy: the share of items that get the right label (XTREME, google-research/xtreme"
        " evaluate.py at 838c13b)."
    )
    right = pl.col("correct") == 1

    def counts(
        self, task: Task, rows: Sequence[Item], predictions: Sequence[Any], where: str
    ) -> list[Item]:
        if None in predictions:
            raise XstiltsError("no prediction", where=where, row=predictions.index(None) + 1)
        return [
            {
                "prediction": prediction,
                "gold": row["label"],
                "correct": int(prediction == row["label"]),
            }
            for row, prediction in zip(rows, predictions, strict=True)
        ]

    def numbers(self, items: pl.DataFrame, where: str) -> Scores:
        n = len(items)
        return {"accuracy": (100 * total(items, "correct", where) / n, n)}

    def ratio(self) -> Ratio:
        return pl.col("correct"), pl.lit(1)

    def chance(self, task: Task, items: int) -> float:
        return 100 / (task.choices or len(task.labels))
