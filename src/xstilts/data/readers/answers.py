"""Where answers stand in their passages: offsets as sources give them, and as they must be.

Offsets are wrong in three ways. Passages were stripped and offsets were not, so that answers stand
a few characters off: they are moved. Offsets count bytes (as in TyDiQA's primary task), which in
Latin script is nearly the same: where a file's offsets fit as bytes, they are read as such. Or they
belong to another text: then nothing tells which occurrence is meant, and a file that has many of
them is refused.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from xstilts.data.kinds.base import GOLD_REMOVED
from xstilts.errors import XstiltsError

# How many characters an answer may stand from its offset; further off, another occurrence may be
# meant.
_NEAR = 16
# Of a file's answers, that fit as bytes where offsets are bytes; and that may stand elsewhere.
_AS_BYTES, _ELSEWHERE, _FEW = 0.9, 0.02, 2


@dataclass(frozen=True)
class SourceQuestion:
    """One question as its source has it: `answers` are (text, start) pairs."""

    id: str
    context: str
    question: str
    answers: tuple[tuple[str, int], ...]


def in_characters(
    questions: Sequence[SourceQuestion], counts: Counter[str]
) -> Sequence[SourceQuestion]:
    """The questions with offsets in characters, whether they are that or bytes."""
    fits: Counter[str] = Counter()
    for question in questions:
        # In plain ASCII both are the same.
        if not question.context.isascii():
            encoded = question.context.encode()
            for text, start in question.answers:
                if text.strip() and start >= 0:
                    fits["answers"] += 1
                    fits["characters"] += question.context.startswith(text, start)
                    fits["bytes"] += encoded.startswith(text.encode(), start)
    if fits["bytes"] <= fits["characters"] or fits["bytes"] < _AS_BYTES * fits["answers"]:
        return questions
    counts["offsets_in_bytes"] = fits["answers"]
    return [
        replace(
            question,
            answers=tuple(
                (text, _characters(question.context, start)) for text, start in question.answers
            ),
        )
        for question in questions
    ]


def _characters(context: str, start: int) -> int:
    return start if start < 0 else len(context.encode()[:start].decode(errors="ignore"))


def place_answers(
    context: str,
    answers: Iterable[tuple[str, int]],
    *,
    train: bool,
    where: str,
    counts: Counter[str],
    unanswerable: bool = False,
) -> list[dict[str, Any]] | None:
    """The answers with offsets that hold in `context`, or None if the question is dropped.

    An answer that is not at its offset is moved to its nearest occurrence within a few characters;
    one whose offset is negative, which says nothing, to its only occurrence. One that cannot be
    placed is dropped from training; in dev and test it stays with start -1, since scoring needs
    only its text. A question without answers stays without where questions may be `unanswerable`;
    one whose answers have no text is none of these.

    Raises:
        XstiltsError: a question of dev or test has no answer, and should have one.
    """
    answers = list(answers)
    given = [(text, start) for text, start in answers if text.strip()]
    counts["answers_without_text"] += len(answers) - len(given)
    if not answers and unanswerable:
        counts["unanswerable"] += 1
        return []
    if not given and not train:
        raise XstiltsError("the question has no answer", where=where, hint=GOLD_REMOVED)
    placed = []
    for text, start in given:
        if start >= 0 and context.startswith(text, start):
            placed.append({"text": text, "start": start})
            continue
        found = _nearest(context, text, start)
        if found is None and text != text.strip():
            # A context stripped of outer spaces can lose those of an answer at its end.
            text = text.strip()
            found = _nearest(context, text, start)
        if found is not None:
            counts["offsets_repaired"] += 1
            placed.append({"text": text, "start": found})
            continue
        counts["answers_elsewhere"] += start >= 0 and text in context
        if train:
            counts["answers_dropped"] += 1
        else:
            counts["answers_not_in_context"] += 1
            placed.append({"text": text, "start": -1})
    if not placed:
        counts["questions_dropped"] += 1
        return None
    return placed


def _nearest(context: str, text: str, start: int) -> int | None:
    if start < 0:
        return context.find(text) if context.count(text) == 1 else None
    found = [
        place
        for place in range(max(0, start - _NEAR), start + _NEAR + 1)
        if context.startswith(text, place)
    ]
    return min(found, key=lambda place: (abs(place - start), place), default=None)


def refuse_wrong_offsets(
    questions: Sequence[SourceQuestion], counts: Counter[str], where: str
) -> None:
    """Raise if more than 2 % of a file's answers stand elsewhere than their offsets say.

    Args:
        counts: what `place_answers` counted.
    """
    elsewhere, number = counts["answers_elsewhere"], sum(len(each.answers) for each in questions)
    if elsewhere > max(_FEW, _ELSEWHERE * number):
        raise XstiltsError(
            f"{elsewhere} of {number} answers stand elsewhere than their offsets say: offsets look"
            " like bytes, or belong to another text",
            where=where,
            hint="count answer_start in characters of the context, or set it to -1 where it is not"
            " known",
        )
