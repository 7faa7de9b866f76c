"""What makes data fit for training and scoring; shared by the folder and the hub readers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from xstilts.errors import XstiltsError, did_you_mean
from xstilts.gold import GOLD_REMOVED, refuse_placeholder_gold
from xstilts.tasks import Kind, Task

# How far an answer may stand from its offset; further off, another occurrence may be meant.
NEAR = 128

# How XNLI's and ANLI's own files write labels.
_ALIASES = {
    "contradictory": "contradiction",
    "e": "entailment",
    "n": "neutral",
    "c": "contradiction",
}
_UNLABELLED = {"-", "-1"}


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
        raise XstiltsError("the label is missing", where=str(where), row=row, mend=GOLD_REMOVED)
    raise XstiltsError(
        f"unknown label {name!r}", where=str(where), row=row, mend=did_you_mean(name, labels)
    )


def settle_answers(
    context: str,
    answers: Iterable[tuple[str, int]],
    *,
    train: bool,
    where: str,
    counts: Counter[str],
    unanswerable: bool = False,
) -> list[dict[str, Any]] | None:
    """The answers with offsets that hold in `context`, or None if the question is dropped.

    An answer that is not at its offset is moved to its nearest occurrence within `NEAR`
    characters, or to its only one; a negative offset says nothing. One that cannot be placed is
    dropped from training; in dev and test it stays with start -1, since scoring needs only its
    text. A question without answers stays without where questions may be `unanswerable`.

    Raises:
        XstiltsError: a question of dev or test has no answer, and should have one.
    """
    settled = []
    given = [(text, start) for text, start in answers if text.strip()]
    if not given and unanswerable:
        counts["unanswerable"] += 1
        return []
    if not given and not train:
        raise XstiltsError("the question has no answer", where=where, mend=GOLD_REMOVED)
    for text, start in given:
        if start >= 0 and context.startswith(text, start):
            settled.append({"text": text, "start": start})
            continue
        found = _nearest(context, text, start)
        if found is None and text != text.strip():
            # A context stripped of outer spaces can lose those of an answer at its end.
            text = text.strip()
            found = _nearest(context, text, start)
        if found is not None:
            counts["offsets_repaired"] += 1
            settled.append({"text": text, "start": found})
        elif train:
            counts["answers_dropped"] += 1
        else:
            counts["answers_not_in_context"] += 1
            settled.append({"text": text, "start": -1})
    if not settled:
        counts["questions_dropped"] += 1
        return None
    return settled


def _nearest(context: str, text: str, start: int) -> int | None:
    places = []
    place = context.find(text)
    while place >= 0:
        places.append(place)
        place = context.find(text, place + 1)
    if not places:
        return None
    best = min(places, key=lambda place: (abs(place - start), place))
    return best if len(places) == 1 or (start >= 0 and abs(best - start) <= NEAR) else None


def refuse_repeated(names: Iterable[Any], what: str, where: str) -> None:
    """Raise if a name occurs twice."""
    seen: set[Any] = set()
    for name in names:
        if name in seen:
            raise XstiltsError(
                f"{what} {name!r} occurs twice", where=where, mend="remove one of the two"
            )
        seen.add(name)


def refuse_placeholder(task: Task, split: str, rows: Sequence[dict[str, Any]], where: str) -> None:
    """Raise if the gold of a whole dev or test file is one constant, or if nothing is left.

    Spans and retrieval are refused where they are read, for there the gold is missing outright.
    """
    if not rows:
        raise XstiltsError("no item has a label", where=where, mend=GOLD_REMOVED)
    column = {Kind.PAIR: "label", Kind.CHOICE: "label", Kind.TAGGING: "tags"}.get(task.kind)
    if column and split != "train":
        refuse_placeholder_gold(task, [row[column] for row in rows], where)
