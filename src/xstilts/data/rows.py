"""Rows in the Arrow schema of their kind, made the same way from files and from the hub."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from xstilts.config.tasks import Task
from xstilts.data.checks import refuse_repeated
from xstilts.data.kinds.base import GOLD_REMOVED
from xstilts.data.readers.answers import (
    SourceQuestion,
    in_characters,
    place_answers,
    refuse_wrong_offsets,
)
from xstilts.errors import XstiltsError

Row = dict[str, Any]

_UNPAIRED = "unpaired"


@dataclass(frozen=True)
class Place:
    """Which split of which task in which language is read; `where` names its origin in errors.

    `first` is the number of its first row, where a data set is joined from several.
    """

    task: Task
    split: str
    language: str
    where: str = ""
    first: int = 0


class Pairing(StrEnum):
    """By what the same item is known in other languages."""

    NUMBER = "number"
    ID = "id"
    NOTHING = "nothing"


@dataclass
class Batch:
    """What one reader call returns.

    `rows` fit `schemas.DATA[kind]`, but for `passage` and `document`, which say what items of one
    cluster share where no column does; `counts` says what was repaired, dropped or odd. `dropped`
    are the groups of the rows that were left out, for they too have translations. `pairing` is
    what says which rows of a parallel task are translations of each other.
    """

    rows: list[Row] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)
    dropped: list[str] = field(default_factory=list)
    pairing: Pairing = Pairing.NUMBER

    def extend(self, other: Batch) -> None:
        """Add what another call returned, in place."""
        self.rows += other.rows
        self.counts += other.counts
        self.dropped += other.dropped
        self.pairing = other.pairing


def item(place: Place, number: int, key: str | None = None) -> Row:
    """The columns that every item has, for the 0-based row `number` of what is read.

    `key` is what the item is called in every language, where the source has such an id.
    """
    number += place.first
    name = f"{place.split}-{place.language}:{number}"
    if place.task.parallel and place.language not in place.task.own_items.get(place.split, ()):
        group = f"{place.split}:{number if key is None else key}"
    else:
        group = f"{place.language}:{name}"
    return {"id": name, "language": place.language, "split": place.split, "group": group}


def unpaired_group(row: Row) -> str:
    """A group of the row's own, from which `item_name` still tells what it is elsewhere."""
    return f"{_UNPAIRED} {row['language']} {row['group']}"


def item_name(row: Row) -> str:
    """What an item is called in every language, paired or not, where it has such a name."""
    group: str = row["group"] if "group" in row else row["id"]
    return group.removeprefix(f"{_UNPAIRED} {row['language']} ")


def span_batch(place: Place, stem: str, questions: Sequence[SourceQuestion]) -> Batch:
    """Question answering rows; `stem` starts the ids where the source's own repeat.

    Raises:
        XstiltsError: a question of dev or test has no answer; none of them, where questions may
            be unanswerable; or offsets are wrong (`answers.refuse_wrong_offsets`).
    """
    counts: Counter[str] = Counter()
    distinct = {question.id for question in questions}
    own_ids = len(distinct) == len(questions) and "" not in distinct
    if not own_ids:
        counts["ids_repeated"] = len(questions) - len(distinct)
    if place.split != "train" and not any(
        text.strip() for question in questions for text, _ in question.answers
    ):
        raise XstiltsError(
            "no question has an answer: the answers were removed from this file",
            where=place.where,
            hint=GOLD_REMOVED,
        )
    rows = []
    questions = in_characters(questions, counts)
    for number, question in enumerate(questions):
        name = question.id if own_ids else f"{stem}:{number}"
        answers = place_answers(
            question.context,
            question.answers,
            train=place.split == "train",
            where=f"{place.where}, question {question.id or number}",
            counts=counts,
            unanswerable=place.task.unanswerable,
        )
        if answers is None:
            continue
        rows.append(
            {
                "id": name,
                "language": place.language,
                "split": place.split,
                "context": question.context,
                "question": question.question,
                "answers": answers,
                "group": name if place.task.parallel and own_ids else f"{place.language}:{name}",
            }
        )
    refuse_wrong_offsets(questions, counts, place.where)
    counts = Counter({name: count for name, count in counts.items() if count})
    return Batch(rows, counts, pairing=Pairing.ID if own_ids else Pairing.NOTHING)


def retrieval_batch(
    place: Place,
    foreign: Sequence[tuple[str, str]],
    english: Sequence[tuple[str, str]],
    gold: Iterable[tuple[str, str]],
    documents: Mapping[str, str] | None = None,
) -> Batch:
    """Rows of both sides from (id, text) pairs; `gold` are (foreign id, English id) pairs.

    Args:
        documents: which document a sentence is of, by the id that it has on both sides.

    Raises:
        XstiltsError: an id repeats on one side.
    """
    translations: dict[str, list[str]] = {}
    for foreign_id, english_id in gold:
        of_english = translations.setdefault(english_id, [])
        if foreign_id not in of_english:
            of_english.append(foreign_id)
    rows = []
    for side, sentences in (("foreign", foreign), ("en", english)):
        refuse_repeated((name for name, _ in sentences), f"id on the {side} side", place.where)
        rows += [
            {
                "id": name,
                "language": place.language,
                "split": place.split,
                "side": side,
                "text": text,
                "gold": translations.get(name, []) if side == "en" else [],
                **({"document": documents[name]} if documents else {}),
            }
            for name, text in sentences
        ]
    return Batch(rows)


def gold_pairs(rows: Iterable[Row]) -> list[tuple[str, str]]:
    """The (foreign id, English id) pairs of retrieval rows, in row order."""
    return [(foreign, row["id"]) for row in rows if row["side"] == "en" for foreign in row["gold"]]
