"""What makes data fit for training and scoring; shared by the folder and the hub readers."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from xstilts.config.tasks import Task
from xstilts.data.gold import refuse_placeholder_gold
from xstilts.data.kinds import ITEMS
from xstilts.data.kinds.base import GOLD_REMOVED
from xstilts.errors import XstiltsError, did_you_mean

# How XNLI's and ANLI's own files write labels.
_ALIASES = {
    "contradictory": "contradiction",
    "e": "entailment",
    "n": "neutral",
    "c": "contradiction",
}
_UNLABELLED = {"-", "-1"}
# The replacement character, and byte order marks, which stand within texts where files were joined.
_LOST = re.compile("[\ufffd\ufeff]")


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


def odd_texts(task: Task, rows: Sequence[dict[str, Any]]) -> Counter[str]:
    """How many items have a blank text, a lost character, or equal choices, or are repeated.

    All of it occurs in published data and is right to keep; much of it shows a broken file.
    """
    items = ITEMS[task.kind]
    counts: Counter[str] = Counter()
    seen: set[tuple[str, ...]] = set()
    for row in rows:
        # Plain text is none of what is perturbed.
        texts = (row.get("side", ""), *(items.text_of(row) or [row["text"]]))
        counts["blank"] += not all(map(str.strip, texts[1:]))
        counts["with_lost_characters"] += any(map(_LOST.search, texts))
        counts["with_equal_choices"] += _has_equal(row.get("choices", ()))
        counts["repeated"] += texts in seen
        seen.add(texts)
    return +counts


def _has_equal(choices: Sequence[str]) -> bool:
    return len(set(choices)) < len(choices)


def refuse_placeholder(task: Task, split: str, rows: Sequence[dict[str, Any]], where: str) -> None:
    """Raise if the gold of a whole dev or test file is one constant, or if nothing is left.

    Spans and retrieval are refused where they are read, for there the gold is missing outright.
    """
    if not rows:
        raise XstiltsError("no item has a label", where=where, hint=GOLD_REMOVED)
    items = ITEMS[task.kind]
    if items.gold_column and split != "train":
        refuse_placeholder_gold(task, [items.gold(row) for row in rows], where)
