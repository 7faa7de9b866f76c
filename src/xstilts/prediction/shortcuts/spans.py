"""Shortcuts for span extraction.

An answer is a sequence of words, compared casefolded; what is predicted is the stretch of the
context from its first word to its last, as it is written there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import dropwhile, takewhile
from typing import Any

from xstilts.prediction.shortcuts.words import (
    TextWord,
    choose,
    folded,
    most_frequent,
    sentences,
    words,
)

Row = dict[str, Any]
# Longer answers than this hardly ever occur again.
_LONGEST = 6


class Openings:
    """Which training answers the questions had that begin with the same one or two words."""

    def __init__(self, train: Sequence[Row]) -> None:
        self._answers: dict[tuple[str, ...], Counter[str]] = {}
        for row in train:
            answer = next((" ".join(folded(text)) for text in _answers(row)), "")
            start = folded(row["question"])
            for length in {len(start[:1]), len(start[:2])} if answer else ():
                self._answers.setdefault(tuple(start[:length]), Counter())[answer] += 1

    def of(self, question: Sequence[str]) -> Counter[str]:
        """Answers by how often they occurred: after the same two words, else the same one."""
        two, one = tuple(question[:2]), tuple(question[:1])
        return self._answers.get(two) or self._answers.get(one) or Counter()


def majority(train: Sequence[Row], items: Sequence[Row], labels: Sequence[str]) -> list[str]:
    """The most frequent training answer where the context has it, else the first word."""
    answers = [answer for row in train for answer in _answers(row)[:1]]
    usual = most_frequent(answers) if answers else None
    return [
        usual if usual is not None and usual in row["context"] else _first_word(row["context"])
        for row in items
    ]


def type_only(train: Sequence[Row], items: Sequence[Row], labels: Sequence[str]) -> list[str]:
    """By chance one of the words in the context that fit the question's opening.

    What fits is what questions with the same opening had for an answer in training. Where
    nothing in the context fits, any word that is written with a capital, else any word.
    """
    openings = Openings(train)
    return [_by_type(row, openings) for row in items]


def shared_names(train: Sequence[Row], items: Sequence[Row], labels: Sequence[str]) -> list[str]:
    """In the sentence with most words of the question, the first words that it does not have.

    That is their first run; the first word where it has all of them. Of equal sentences the
    first. What kind of answer is asked for plays no part: that is what `type_only` looks at.
    """
    return [_by_overlap(row) for row in items]


def _by_type(row: Row, openings: Openings) -> str:
    context = row["context"]
    found = words(context)
    if not found:
        return context
    wanted = openings.of(folded(row["question"]))
    # By what they say, so that a word is as likely as any other however often it occurs.
    fitting = {answer: text for text, answer in reversed([*_stretches(found, wanted)])}
    names = {w.folded: (w,) for w in found if context[w.start : w.end] != w.folded}
    options = fitting or names or {word.folded: (word,) for word in found}
    answer = choose(sorted(options), f"{row['language']} {row['split']} {row['id']}")
    return _text(context, options[answer])


def _by_overlap(row: Row) -> str:
    context = row["context"]
    asked = set(folded(row["question"]))
    options = sentences(context)
    if not options:
        return context
    best = max(options, key=lambda found: len(asked & {word.folded for word in found}))
    rest = dropwhile(lambda word: word.folded in asked, best)
    run = [*takewhile(lambda word: word.folded not in asked, rest)]
    return _text(context, run or best[:1])


def _stretches(
    found: Sequence[TextWord], wanted: Counter[str]
) -> Iterator[tuple[tuple[TextWord, ...], str]]:
    """Sequences of words that are among the answers `wanted`, in order of where they start."""
    longest = min(_LONGEST, len(found)) if wanted else 0
    for start in range(len(found)):
        for end in range(start + 1, min(start + longest, len(found)) + 1):
            answer = " ".join(word.folded for word in found[start:end])
            if answer in wanted:
                yield tuple(found[start:end]), answer


def _answers(row: Row) -> list[str]:
    return [answer["text"] for answer in row["answers"] or []]


def _text(context: str, stretch: Sequence[TextWord]) -> str:
    return context[stretch[0].start : stretch[-1].end]


def _first_word(context: str) -> str:
    found = words(context)
    return _text(context, found[:1]) if found else context
