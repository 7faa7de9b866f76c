"""Shortcuts for tagging."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from typing import Any

from xstilts.prediction.shortcuts.words import most_frequent

Row = dict[str, Any]


def majority(train: Sequence[Row], items: Sequence[Row], labels: Sequence[str]) -> list[list[str]]:
    """The most frequent tag of the training data, for every token."""
    tag = most_frequent(tag for row in train for tag in row["tags"])
    return [[tag] * len(row["tokens"]) for row in items]


def type_only(train: Sequence[Row], items: Sequence[Row], labels: Sequence[str]) -> list[list[str]]:
    """Each word form's most frequent training tag, whatever stands around it.

    A word form that training does not have gets the most frequent tag of the forms that stand
    in it once, because those resemble the unseen ones most.
    """
    tags: dict[str, Counter[str]] = defaultdict(Counter)
    for row in train:
        for token, tag in zip(row["tokens"], row["tags"], strict=True):
            tags[token][tag] += 1
    usual = {token: most_frequent(counts) for token, counts in tags.items()}
    once = [usual[token] for token, counts in tags.items() if counts.total() == 1]
    unseen = most_frequent(once or (tag for row in train for tag in row["tags"]))
    return [[usual.get(token, unseen) for token in row["tokens"]] for row in items]


def shared_names(
    train: Sequence[Row], items: Sequence[Row], labels: Sequence[str]
) -> list[list[str]]:
    """A gazetteer: word sequences that were entities in training keep their most frequent type.

    Read from left to right, the longest sequence first; everything else is O.
    """
    types: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for row in train:
        for start, end, kind in entities(row["tags"]):
            types[tuple(row["tokens"][start:end])][kind] += 1
    gazetteer = {name: most_frequent(counts) for name, counts in types.items()}
    longest = max(map(len, gazetteer), default=0)
    return [_look_up(row["tokens"], gazetteer, longest) for row in items]


def entities(tags: Sequence[str]) -> Iterator[tuple[int, int, str]]:
    """(start, end, type) of each entity in IOB2; an I that continues nothing starts one."""
    start, kind = 0, ""
    for place, tag in enumerate((*tags, "O")):
        prefix, _, found = tag.partition("-")
        if kind and (prefix != "I" or found != kind):
            yield start, place, kind
            kind = ""
        if not kind and found:
            start, kind = place, found


def _look_up(
    tokens: Sequence[str], gazetteer: dict[tuple[str, ...], str], longest: int
) -> list[str]:
    tags: list[str] = []
    while (place := len(tags)) < len(tokens):
        ends = range(min(place + longest, len(tokens)), place, -1)
        end = next((end for end in ends if tuple(tokens[place:end]) in gazetteer), None)
        if end is None:
            tags.append("O")
            continue
        kind = gazetteer[tuple(tokens[place:end])]
        tags += [f"B-{kind}", *[f"I-{kind}"] * (end - place - 1)]
    return tags
