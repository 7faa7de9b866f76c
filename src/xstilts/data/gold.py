"""Refusal of gold that is missing or a placeholder, which would turn into false scores.

XTREME's processed test files have their labels removed; scored against them a model reads
as 1/3 or 0 (google-research/xtreme issues 24, 93, 99).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from xstilts.config.tasks import Task
from xstilts.data.kinds import ITEMS
from xstilts.data.kinds.base import GOLD_REMOVED
from xstilts.errors import XstiltsError

# Fewer items than this may well share one label by chance.
ENOUGH = 20


def refuse_placeholder_gold(
    task: Task,
    golds: Sequence[str] | Sequence[int] | Sequence[Sequence[str]],
    where: str | Path,
) -> None:
    """Refuse missing, unknown or constant gold of one language's evaluation items.

    Args:
        golds: one entry an item: label (pair), place among the choices (choice), tags (tagging),
            answer texts (span, none where a question is unanswerable), id or pair of ids as one
            string (retrieval).
        where: named in the message.

    Raises:
        XstiltsError: no items; an item without gold, or no question with an answer; a label or
            tag that the task does not have; or the same gold in all of `ENOUGH` items or more.
    """
    if not golds or (task.unanswerable and not any(golds)):
        raise XstiltsError("no gold at all", where=where, hint=GOLD_REMOVED)
    items = ITEMS[task.kind]
    for row, gold in enumerate(golds, start=1):
        items.refuse(task, gold, where, row)
    distinct = items.distinct(golds)
    if not distinct:
        raise XstiltsError("no gold at all", where=where, hint=GOLD_REMOVED)
    if len(golds) >= ENOUGH and len(distinct) == 1:
        raise XstiltsError(
            f"all {len(golds)} items have the gold {distinct.pop()!r}: a placeholder, not gold",
            where=where,
            hint=GOLD_REMOVED,
        )
