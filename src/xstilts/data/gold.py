"""Labels by name, and refusal of gold that is missing or a placeholder.

Such gold would turn into false scores: XTREME's processed test files have their labels removed, and
scored against them a model reads as 1/3 or 0 (google-research/xtreme issues 24, 93, 99).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from xstilts.config.tasks import Kind, Task
from xstilts.errors import XstiltsError, did_you_mean

# Fewer items than this may well share one label by chance.
ENOUGH = 20
GOLD_REMOVED = "XTREME's processed test files hold no gold; use files that keep it"

# How XNLI's and ANLI's own files write labels.
_ALIASES = {
    "contradictory": "contradiction",
    "e": "entailment",
    "n": "neutral",
    "c": "contradiction",
}
_UNLABELLED = {"-", "-1"}


def gold_of(task: Task, row: dict[str, Any]) -> Any:
    """The gold of an item (`schemas.DATA`): label, place of a choice, tags, or answer texts."""
    if task.kind in (Kind.PAIR, Kind.CHOICE):
        return row["label"]
    if task.kind is Kind.TAGGING:
        return row["tags"] or []
    return [answer["text"] for answer in row["answers"] or []]


def refuse_placeholder_gold(
    task: Task,
    golds: Sequence[Any],
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


def spellings(labels: Sequence[str]) -> dict[str, str]:
    """The label that is meant, for each way to write one."""
    aliases = {alias: label for alias, label in _ALIASES.items() if label in labels}
    return aliases | {label: label for label in labels}


def label_name(raw: Any, labels: Sequence[str], where: object, row: int | None) -> str | None:
    """The label by name, or None where the annotators did not agree on one ("-" or -1).

    Raises:
        XstiltsError: `raw` is no label of the task, or there is none.
    """
    name = "" if raw is None else str(raw).strip()
    if name not in labels:
        name = _ALIASES.get(name, name)
    if name in labels:
        return name
    if name in _UNLABELLED:
        return None
    if not name:
        raise XstiltsError("the label is missing", where=str(where), row=row, hint=GOLD_REMOVED)
    raise XstiltsError(
        f"unknown label {name!r}", where=str(where), row=row, hint=did_you_mean(name, labels)
    )


def refuse_repeated(names: Iterable[Any], what: str, where: str) -> None:
    """Raise if a name occurs twice."""
    seen: set[Any] = set()
    for name in names:
        if name in seen:
            raise XstiltsError(
                f"{what} {name!r} occurs twice", where=where, hint="remove one of the two"
            )
        seen.add(name)


def refuse_placeholder(task: Task, split: str, rows: Sequence[dict[str, Any]], where: str) -> None:
    """Raise if the gold of a whole dev or test file is one constant, or if nothing is left.

    Spans and retrieval are refused where they are read, for there the gold is missing outright.
    """
    if not rows:
        raise XstiltsError("no item has a label", where=where, hint=GOLD_REMOVED)
    column = {Kind.PAIR: "label", Kind.CHOICE: "label", Kind.TAGGING: "tags"}.get(task.kind)
    if column and split != "train":
        refuse_placeholder_gold(task, [row[column] for row in rows], where)
