"""Which items depend on each other, because they were written about the same text."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping

from xstilts.config.tasks import SOURCE_LANGUAGE, Task
from xstilts.data.kinds import ITEMS
from xstilts.data.rows import Row
from xstilts.data.schemas import DATA

# Of SHA-256 in hexadecimal: among a million texts two agree with probability 3e-8.
_DIGITS = 16

# (split, group) -> cluster.
References = Mapping[tuple[str, str], str]


def reference_clusters(task: Task, rows: Iterable[Row]) -> dict[tuple[str, str], str]:
    """The cluster of each group of a parallel task, from its text in the reference language.

    That is English, else the first language in the order of `rows` that has a text of the group.
    A group without any is a cluster of its own.
    """
    known: dict[tuple[str, str], str] = {}
    of_english: set[tuple[str, str]] = set()
    for row in rows:
        key = row["split"], row["group"]
        english = row["language"] == SOURCE_LANGUAGE
        if (key in known and not english) or key in of_english:
            continue
        text = _text(task, row)
        if text:
            known[key] = f"{row['split']}:{_digest(text)}"
            if english:
                of_english.add(key)
    return known


def set_clusters(task: Task, rows: Iterable[Row], references: References | None = None) -> None:
    """Give each row its `cluster`, where the schema of its kind has one.

    Args:
        references: what `reference_clusters` found in all languages; without it the clusters are
            those of each language by itself.
    """
    if "cluster" not in DATA[task.kind].names:
        return
    for row in rows:
        row["cluster"] = _cluster(task, row, references)


def _cluster(task: Task, row: Row, references: References | None) -> str:
    within = f"{row['split']}-{row['language']}"
    if ITEMS[task.kind].shared is None:
        # A document that the source names, the same in every language, else each item by itself.
        if row.get("document"):
            return f"{row['split']}:{row['document']}"
        return ":".join((within, *([row["side"]] if "side" in row else []), row["id"]))
    if references is not None:
        return references.get((row["split"], row["group"]), row["group"])
    text = _text(task, row)
    return f"{within}:{_digest(text)}" if text else row["group"]


def _text(task: Task, row: Row) -> str:
    """The shared text without the spaces that vary; nothing where it is a placeholder."""
    shared = ITEMS[task.kind].shared
    assert shared is not None
    text = " ".join((row.get("passage") or row[shared]).split())
    return "" if text in task.placeholder_texts else text


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]
