"""Refusal of gold that is missing or a placeholder, which would turn into false scores.

XTREME's processed test files have their labels removed; scored against them a model reads
as 1/3 or 0 (google-research/xtreme issues 24, 93, 99).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xstilts.config.tasks import Kind, Task
from xstilts.errors import XstiltsError, did_you_mean

# Fewer items than this may well share one label by chance.
ENOUGH = 20
GOLD_REMOVED = "XTREME's processed test files hold no gold; use files that keep it"


def gold_of(task: Task, row: dict[str, Any]) -> Any:
    """The gold of an item (`schemas.DATA`): label, place of a choice, tags, or answer texts."""
    if task.kind in (Kind.PAIR, Kind.CHOICE):
        return row["label"]
    if task.kind is Kind.TAGGING:
        return row["tags"] or []
    return [answer["text"] for answer in row["answers"] or []]


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
    for row, gold in enumerate(golds, start=1):
        _refuse_item(task, gold, where, row)
    if task.kind is Kind.TAGGING:
        distinct = {tag for tags in golds for tag in tags}
    elif task.kind is Kind.SPAN:
        distinct = {tuple(answers) for answers in golds}
    else:
        distinct = set(golds)
    if not distinct:
        raise XstiltsError("no gold at all", where=where, hint=GOLD_REMOVED)
    if len(golds) >= ENOUGH and len(distinct) == 1:
        raise XstiltsError(
            f"all {len(golds)} items have the gold {distinct.pop()!r}: a placeholder, not gold",
            where=where,
            hint=GOLD_REMOVED,
        )


def _refuse_item(task: Task, gold: Any, where: str | Path, number: int) -> None:
    if task.kind is Kind.SPAN:
        answered = gold and any(answer and answer.strip() for answer in gold)
        if not (answered or (task.unanswerable and not gold)):
            raise XstiltsError(f"question {number} has no answer", where=where, hint=GOLD_REMOVED)
        return
    if task.kind is Kind.CHOICE:
        if gold is None or gold < 0:
            raise XstiltsError("no gold", where=where, row=number, hint=GOLD_REMOVED)
        return
    if task.kind is Kind.TAGGING:
        where, row, labels = f"{where}, sentence {number}", None, gold or []
    else:
        row, labels = number, [gold]
    for label in labels:
        if not label or not label.strip():
            raise XstiltsError("no gold", where=where, row=row, hint=GOLD_REMOVED)
        if task.labels and label not in task.labels:
            shown = label if len(label) <= 40 else f"{label[:40]}…"
            raise XstiltsError(
                f"{shown!r} is not a label of {task.key}",
                where=where,
                row=row,
                hint=did_you_mean(label, task.labels),
            )
