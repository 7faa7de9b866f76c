"""Parallel tasks: whether the languages hold translations of the same items, and which do not.

What is wrong throughout is refused, since all after it would be paired with other items. What is
wrong in single rows leaves those out of the comparison of languages, never out of their own scores.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from xstilts.config.tasks import SOURCE_LANGUAGE, Task
from xstilts.data.gold import ENOUGH
from xstilts.data.kinds import ITEMS
from xstilts.data.rows import Batch, Pairing, Place
from xstilts.errors import XstiltsError

# What a unit is in errors, and its rows as they were read.
Side = tuple[Place, Batch]

# Why a row is not paired: names of counts in the metadata of data.
KNOWN_MISPAIRED = "known_mispaired"
PLACEHOLDER_TEXT = "placeholder_text"
GOLD_DIFFERS = "gold_differs"
REASONS = (GOLD_DIFFERS, PLACEHOLDER_TEXT, KNOWN_MISPAIRED)

_SHOWN = 3
# PAWS-X's languages differ in 3 % of their labels, rows that are no translations in half or more.
_MOST_DIFFERENT = 0.2


def refuse_other_items(task: Task, sides: Sequence[Side]) -> None:
    """Raise if the languages of a split do not hold the same items.

    They are compared with English, or with most languages where these agree on something else.
    Of a task with `subset` each language may hold other ones, and those with `own_items` do.

    Raises:
        XstiltsError: a language has another number of rows, other ids, or another sort of ids.
    """
    if task.subset:
        return
    shared = [
        (place, batch)
        for place, batch in sides
        if place.language not in task.own_items.get(place.split, ())
    ]
    for of_split in _by_split(shared):
        if len(of_split) < 2:
            continue
        for place, batch in of_split:
            if batch.pairing is Pairing.NOTHING:
                raise XstiltsError(
                    "ids are missing or repeat: nothing says which items are those of other"
                    " languages",
                    where=place.where,
                    hint="use the published file, whose ids are the same in every language",
                )
        _compare(of_split, lambda batch: batch.pairing, _other_pairing)
        if of_split[0][1].pairing is Pairing.NUMBER:
            _compare(of_split, _number_of_rows, _other_number)
        else:
            _compare(of_split, _groups, _other_ids)


class OnePool:
    """The English sentences of a split, which are to be the same for every language."""

    def __init__(self) -> None:
        self._first: dict[str, tuple[Place, list[Hashable]]] = {}

    def add(self, place: Place, batch: Batch) -> None:
        """The next language's.

        Raises:
            XstiltsError: they are not those of the first language.
        """
        sentences = [
            (row["text"], row.get("document")) for row in batch.rows if row["side"] == "en"
        ]
        first, theirs = self._first.setdefault(place.split, (place, list(sentences)))
        if sentences == theirs:
            return
        both = zip(sentences, theirs, strict=False)
        shorter = min(len(sentences), len(theirs))
        row = next((row for row, (one, other) in enumerate(both) if one != other), shorter)
        raise XstiltsError(
            f"{len(sentences)} English sentences beside {place.language}, {len(theirs)} beside"
            f" {first.language} ({first.where}), of which this one differs first, or its document",
            where=place.where,
            row=row + 1,
            hint="every language is searched among the same sentences: use the files of one"
            " release, in one folder",
        )


def not_paired(task: Task, sides: Sequence[Side]) -> list[dict[str, str]]:
    """Of each side the groups that are not translations there, and why (`REASONS`).

    These are rows known as mispaired (`Task.mispaired`), rows with an empty text or a placeholder,
    and rows whose gold is not that of the same item in English, or where English has none, in most
    languages.

    Raises:
        XstiltsError: gold differs so often that the items of a language must be other ones.
    """
    items = ITEMS[task.kind]
    found = [_unfit(task, place, batch) for place, batch in sides]
    golds: dict[tuple[str, str], dict[int, Hashable]] = defaultdict(dict)
    english = set()
    for number, (place, batch) in enumerate(sides):
        if place.language == SOURCE_LANGUAGE:
            english.add(number)
        for row in batch.rows:
            if row["group"] not in found[number]:
                golds[row["split"], row["group"]][number] = items.in_common(row)
    for (_, group), by_side in golds.items():
        if len(set(by_side.values())) == 1:
            continue
        of_english = [gold for number, gold in by_side.items() if number in english]
        right = of_english[0] if of_english else Counter(by_side.values()).most_common(1)[0][0]
        for number, gold in by_side.items():
            if gold != right:
                found[number][group] = GOLD_DIFFERS
    for side, reasons in zip(sides, found, strict=True):
        _refuse_other_gold(side, reasons)
    return found


def _refuse_other_gold(side: Side, reasons: Mapping[str, str]) -> None:
    place, batch = side
    differ = [row for row in batch.rows if reasons.get(row["group"]) == GOLD_DIFFERS]
    if len(batch.rows) >= ENOUGH and len(differ) > _MOST_DIFFERENT * len(batch.rows):
        raise XstiltsError(
            f"the gold of {len(differ)} of {len(batch.rows)} items in {place.language} is another"
            f" than that of the same items in other languages, first that of {differ[0]['id']}",
            where=place.where,
            hint="its items are in another order, or not those of the other languages: use the"
            " files of one release",
        )


def row_of_difference(fewer: Sequence[Any], more: Sequence[Any]) -> int:
    """Where `more` has the first of its extra entries, counted from 0.

    `fewer` is read as `more` with entries left out: each entry stands at its own place in `more`
    or up to `len(more) - len(fewer)` places further on, and once moved it never moves back. Of
    all such alignments one with the most equal entries is taken, whose first move is as early as
    any. Time is of the order of the product of `len(fewer)` and the difference.
    """
    codes = {label: code for code, label in enumerate(dict.fromkeys([*fewer, *more]))}
    few, many = (np.array([codes[each] for each in side], np.int64) for side in (fewer, more))
    extra = len(many) - len(few)
    moved = np.zeros(extra + 1, np.int64)
    # after[k]: of entries k and later the most that agree, if k and all later ones have moved.
    after = np.zeros(len(few) + 1, np.int64)
    for place in range(len(few) - 1, -1, -1):
        moved += many[place : place + extra + 1] == few[place]
        moved = np.maximum.accumulate(moved[::-1])[::-1]
        after[place] = moved[1]
    before = np.concatenate([[0], np.cumsum(many[: len(few)] == few)])
    return int(np.argmax(before + after))


def _by_split(sides: Iterable[Side]) -> list[list[Side]]:
    """The sides of each split, English first."""
    found: dict[str, list[Side]] = defaultdict(list)
    for side in sorted(sides, key=lambda side: side[0].language != SOURCE_LANGUAGE):
        found[side[0].split].append(side)
    return list(found.values())


def _compare(
    sides: Sequence[Side],
    measure: Callable[[Batch], Hashable],
    refusal: Callable[[Side, Side], XstiltsError],
) -> None:
    """Raise the refusal of the first side that differs from the reference, English if in doubt."""
    values = [measure(batch) for _, batch in sides]
    usual = Counter(values).most_common(1)[0][0]
    for side, value in zip(sides, values, strict=True):
        if value != usual:
            raise refusal(side, sides[values.index(usual)])


def _other_pairing(side: Side, reference: Side) -> XstiltsError:
    (place, batch), (other, of_other) = side, reference
    return XstiltsError(
        f"items in {place.language} have {_named(batch.pairing)}, those in {other.language} have"
        f" {_named(of_other.pairing)}",
        where=place.where,
        hint=f"use the files of one release: the other is {other.where}",
    )


def _named(pairing: Pairing) -> str:
    return "ids" if pairing is Pairing.ID else "no ids, or ids that repeat"


def _other_number(side: Side, reference: Side) -> XstiltsError:
    (place, batch), (other, of_other) = side, reference
    labels, of_reference = _labels(batch), _labels(of_other)
    difference = len(labels) - len(of_reference)
    fewer, more = sorted((labels, of_reference), key=len)
    what = "line is" if abs(difference) == 1 else "lines are"
    kind = "extra" if difference > 0 else "missing"
    can_be_placed = len(set(more)) > 1
    near = ", by the labels near this row" if can_be_placed else ""
    return XstiltsError(
        f"{len(labels)} rows in {place.language}, but {len(of_reference)} in {other.language}"
        f" ({other.where}): {abs(difference)} {what} {kind}{near}",
        where=place.where,
        row=row_of_difference(fewer, more) + 1 if can_be_placed else None,
        hint="row n of one language translates row n of the other: download the file again, or"
        " put in or take out what makes the difference",
    )


def _other_ids(side: Side, reference: Side) -> XstiltsError:
    (place, batch), (other, of_other) = side, reference
    own, of_reference = _groups(batch), _groups(of_other)
    shown = [
        f"{language} lacks {len(ids)} of the ids in {having} ({_few(place, ids)})"
        for language, having, ids in (
            (place.language, other.language, of_reference - own),
            (other.language, place.language, own - of_reference),
        )
        if ids
    ]
    return XstiltsError(
        "; ".join(shown),
        where=place.where,
        hint=f"an id is the same item in every language, so use files of one release; the other"
        f" is {other.where}",
    )


def _few(place: Place, groups: Iterable[str]) -> str:
    """The first of these groups, as the source calls them."""
    names = sorted(group.removeprefix(f"{place.split}:") for group in groups)
    return ", ".join([*names[:_SHOWN], *(["…"] if len(names) > _SHOWN else [])])


def _number_of_rows(batch: Batch) -> int:
    return len(batch.rows) + len(batch.dropped)


def _groups(batch: Batch) -> frozenset[str]:
    return frozenset((*(row["group"] for row in batch.rows), *batch.dropped))


def _labels(batch: Batch) -> list[Any]:
    """By row number, None where there is none or a row was left out."""
    known = {_number(row["group"]): row.get("label") for row in batch.rows}
    return [known.get(number) for number in range(_number_of_rows(batch))]


def _number(group: str) -> int:
    return int(group.rpartition(":")[2])


def _unfit(task: Task, place: Place, batch: Batch) -> dict[str, str]:
    """The groups whose rows are no translations by themselves."""
    total = _number_of_rows(batch)
    known = {
        f"{place.split}:{row}"
        for each in task.mispaired
        if (each.split, each.language, each.total) == (place.split, place.language, total)
        for row in each.rows
    }
    empty = {"", *task.placeholder_texts}
    found = {}
    for row in batch.rows:
        if row["group"] in known:
            found[row["group"]] = KNOWN_MISPAIRED
        elif any(text.strip() in empty for text in ITEMS[task.kind].text_of(row)):
            found[row["group"]] = PLACEHOLDER_TEXT
    return found
