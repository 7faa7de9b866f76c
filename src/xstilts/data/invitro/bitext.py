"""Sentences and their translations: retrieval among all, and mining among distractors."""

from __future__ import annotations

from collections.abc import Iterator

from xstilts.config.invitro.draw import Draw
from xstilts.config.invitro.tongues import tongue
from xstilts.config.tasks import SOURCE_LANGUAGE
from xstilts.data.invitro.events import Event, event, split_of
from xstilts.data.invitro.grammar import sentence, text_of

Texts = list[tuple[str, str]]
Gold = list[tuple[str, str]]
# Sentences of each side without a translation, for each that has one.
DISTRACTORS = 2.0


def aligned(
    seed: int, task: str, split: str, language: str, pairs: int
) -> tuple[Texts, Texts, Gold]:
    """Foreign and source sentences with ids, row by row translations (the shape of Tatoeba)."""
    foreign: Texts = []
    english: Texts = []
    events = _distinct(Draw(seed, task, split, language), split)
    for row in range(pairs):
        found = next(events)
        foreign.append((str(row), _said(found, language)))
        english.append((str(row), _said(found, SOURCE_LANGUAGE)))
    return foreign, english, [(str(row), str(row)) for row in range(pairs)]


def mixed(seed: int, task: str, split: str, language: str, pairs: int) -> tuple[Texts, Texts, Gold]:
    """Two monolingual corpora in which some sentences are translations (the shape of BUCC)."""
    draw = Draw(seed, task, split, language)
    events = _distinct(draw, split)
    alone = round(pairs * DISTRACTORS)
    shared = [next(events) for _ in range(pairs)]
    sides = [
        draw.shuffled([*enumerate(shared), *((None, next(events)) for _ in range(alone))])
        for _ in range(2)
    ]
    codes = (language, SOURCE_LANGUAGE)
    texts = [
        [(f"{code}-{row:06d}", _said(found, code)) for row, (_, found) in enumerate(side)]
        for code, side in zip(codes, sides, strict=True)
    ]
    place = [
        {number: texts[side][row][0] for row, (number, _) in enumerate(sides[side])}
        for side in range(2)
    ]
    return texts[0], texts[1], [(place[0][number], place[1][number]) for number in range(pairs)]


def _said(found: Event, code: str) -> str:
    return text_of(sentence(found, tongue(code)))


def _distinct(draw: Draw, split: str) -> Iterator[Event]:
    seen: set[str] = set()
    while True:
        found = event(draw)
        if split_of(found) == split and repr(found) not in seen:
            seen.add(repr(found))
            yield found
