"""What a metric is made of: all that any part of the workflow asks of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import polars as pl
import pyarrow as pa

from xstilts.config.rows import Row
from xstilts.config.tasks import Task
from xstilts.errors import XstiltsError

# An item, or its counts.
Item = dict[str, Any]
# Number of the metric -> (points, number of items).
Scores = dict[str, tuple[float, int]]
# What an item adds to the numerator and to the denominator of a score.
Ratio = tuple[pl.Expr, pl.Expr]


class Metric(Row):
    """One metric: its counts by item, its numbers, and how they are resampled and shown.

    Attributes:
        main: the numbers whose mean is the score by which a language is judged (XTREME's
            evaluate.py, `avg_metric`).
        titles: how numbers are shown whose names do not read well with spaces for underlines.
        definition: of the score, and of the numbers beside it, with the source; as the score page
            has it.
        columns: its counts that predictions of the kind do not have anyway
            (`xstilts.data.schemas.PREDICTIONS`); none of retrieval.
        directions: those that rows of retrieval may have.
        direction: the one by which a language is judged; None where there is no other.
        right: whether an item is right, from its counts; None where it may be so in part.
    """

    __slots__ = ()
    main: ClassVar[tuple[str, ...]]
    titles: ClassVar[Mapping[str, str]] = {}
    definition: ClassVar[str]
    columns: ClassVar[Sequence[tuple[str, pa.DataType]]] = ()
    directions: ClassVar[frozenset[str]] = frozenset()
    direction: ClassVar[str | None] = None
    right: ClassVar[pl.Expr | None] = None

    def counts(
        self, task: Task, rows: Sequence[Item], predictions: Sequence[Any], where: str
    ) -> list[Item]:
        """`prediction`, `gold` and the counts of each item (`schemas.DATA`), in their order.

        Not asked of retrieval, where they are counted as it is searched
        (`xstilts.scoring.item_counts`).

        Raises:
            XstiltsError: a prediction or gold is missing, or they do not fit together.
        """
        raise NotImplementedError

    def numbers(self, items: pl.DataFrame, where: str) -> Scores:
        """The metric's numbers over items with their counts, which are one or more.

        Raises:
            XstiltsError: a count is missing.
        """
        raise NotImplementedError

    def ratio(self) -> Ratio:
        """What an item adds to two sums, of which 100 times the ratio is the main score."""
        raise NotImplementedError

    def chance(self, task: Task, items: int) -> float:
        """Points of guessing among what can be answered, `items` being those of a language.

        Not asked where it is the majority label's score (`KindFacts.majority_is_chance`).
        """
        return 0.0


def column(items: pl.DataFrame, name: str, where: str) -> pl.Series:
    """A column of counts.

    Raises:
        XstiltsError: a count is missing.
    """
    found = items[name]
    if found.null_count():
        raise XstiltsError(f"the count {name!r} is missing in some rows", where=where)
    return found


def total(items: pl.DataFrame, name: str, where: str) -> int:
    """The sum of a column of counts.

    Raises:
        XstiltsError: a count is missing.
    """
    return int(column(items, name, where).sum())
