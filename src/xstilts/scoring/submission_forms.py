"""Predictions in another form than XTREME's: converted where it is unmistakable, else refused.

A file whose labels are spelt otherwise, whose lines hold tokens beside tags, or whose columns are
the other way round would be scored, and low, as if the model were bad. What is converted is said;
what is not understood is named, and nothing of it is scored.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path

from xstilts.config.tasks import Task
from xstilts.data.checks import spellings
from xstilts.errors import XstiltsError, did_you_mean

# Takes what is to be said.
Say = Callable[[str], None]
Pairs = list[tuple[str, str]]

_SHOWN = 40


def known_labels(lines: Sequence[str], task: Task, where: Path, say: Say) -> list[str]:
    """Predicted labels as the task writes them; "contradictory" or "Neutral" are converted.

    Raises:
        XstiltsError: a line is no label.
    """
    meant = {name.casefold(): label for name, label in spellings(task.labels).items()}
    found = []
    for row, line in enumerate(lines, start=1):
        label = line if line in task.labels else meant.get(line.casefold())
        if label is None:
            raise XstiltsError(
                f"{_short(line)!r} is not a label of {task.key}",
                where=where,
                row=row,
                hint=did_you_mean(line, task.labels),
            )
        found.append(label)
    changed = {one: other for one, other in zip(lines, found, strict=True) if one != other}
    if changed:
        read = ", ".join(f"{one!r} as {other!r}" for one, other in sorted(changed.items()))
        say(f"{where}: read {read}")
    return found


def known_places(lines: Sequence[str], golds: Sequence[str], where: Path) -> list[str]:
    """Predicted places of sentences, which count from 0 as in `golds`.

    Raises:
        XstiltsError: a line is no number, or more than there are sentences; or, where `golds` are
            names and no numbers, no line is any of them.
    """
    if not all(gold.isdecimal() for gold in golds):
        if not set(golds) & set(lines):
            raise XstiltsError(
                f"{_short(lines[0])!r} is no sentence of the labels, nor is any other line",
                where=where,
                row=1,
            )
        return list(lines)
    last = max(len(golds) - 1, *map(int, golds))
    for row, line in enumerate(lines, start=1):
        if not line.isdecimal() or int(line) > last:
            raise XstiltsError(
                f"{_short(line)!r} is no place of a sentence",
                where=where,
                row=row,
                hint=f"sentences are numbered from 0 to {last}",
            )
    return [str(int(line)) for line in lines]


def last_columns(lines: Sequence[str], task: Task, where: Path, say: Say) -> list[str]:
    """Lines of tags and of blanks; of token, tab or space, and tag in all lines the tags.

    What else is no tag stays as it is: `known_tags` names it.
    """
    filled = [line.split() for line in lines if line.strip()]
    if not filled or any(len(fields) < 2 or fields[-1] not in task.labels for fields in filled):
        return list(lines)
    say(f"{where}: read the last column of each line as its tag")
    return [line.split()[-1] if line.strip() else "" for line in lines]


def known_tags(sentences: Sequence[Sequence[str]], task: Task, where: Path) -> None:
    """Refuse what is no tag of the task.

    Raises:
        XstiltsError: it names the sentence and the tag.
    """
    for number, tags in enumerate(sentences, start=1):
        for tag in tags:
            if tag not in task.labels:
                raise XstiltsError(
                    f"sentence {number}: {_short(tag)!r} is not a label of {task.key}",
                    where=where,
                    hint=did_you_mean(tag, task.labels),
                )


def foreign_first(pairs: Pairs, golds: Pairs, where: Path, say: Say) -> Pairs:
    """Predicted pairs with the foreign sentence first, as in `golds`.

    Sides are distinguished by what their ids begin with in `golds` (de-000000123, en-000000456), or
    where that is the same, or nothing, by the ids themselves.

    Raises:
        XstiltsError: some pairs are the other way round, or have ids of other languages.
    """
    if not pairs:
        return pairs
    sides = _prefixes(golds) or _sides(golds)
    right = [sides(*pair) for pair in pairs]
    turned = [sides(*reversed(pair)) for pair in pairs]
    if all(right):
        return pairs
    if all(turned):
        say(f"{where}: the English sentence stands first in each line; columns are swapped")
        return [(second, first) for first, second in pairs]
    row = right.index(False)
    first, second = golds[0]
    raise XstiltsError(
        f"{_short(pairs[row][0])!r} and {_short(pairs[row][1])!r} are not ids of a foreign and an"
        " English sentence in this order",
        where=where,
        row=row + 1,
        hint=f"foreign⇥English, as in the labels: {first}⇥{second}",
    )


def _prefixes(golds: Pairs) -> Callable[[str, str], bool] | None:
    """Whether two ids begin as foreign and English ones do; None if golds do not tell."""
    first, second = ({pair[side].partition("-")[0] for pair in golds} for side in (0, 1))
    dashed = all("-" in name for pair in golds for name in pair)
    if not dashed or len(first) > 1 or len(second) > 1 or first == second:
        return None
    return lambda one, other: one.partition("-")[0] in first and other.partition("-")[0] in second


def _sides(golds: Pairs) -> Callable[[str, str], bool]:
    """Whether neither of two ids is known from the other side alone."""
    first, second = ({pair[side] for pair in golds} for side in (0, 1))
    return lambda one, other: one not in second - first and other not in first - second


def known_questions(
    answers: Mapping[str, str], questions: Collection[str], where: Path, labels: Path, say: Say
) -> None:
    """Refuse answers to other questions, and say how many have none.

    Raises:
        XstiltsError: an id is none of `questions`.
    """
    unknown = [name for name in answers if name not in questions]
    if unknown:
        raise XstiltsError(
            f"{len(unknown)} of {len(answers)} answers have ids that {labels} does not have, such"
            f" as {_short(unknown[0])!r}",
            where=where,
            hint=f"ids are like {next(iter(questions))!r}",
        )
    missing = sum(name not in answers for name in questions)
    if missing:
        say(f"{where}: {missing} of {len(questions)} questions have no answer and count as wrong")


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…"
