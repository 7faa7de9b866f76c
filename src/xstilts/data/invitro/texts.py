"""Running text for masked language modelling, and sentences with their translations.

Running text has three sorts of documents: a passage of one or two sentences of which one is then
translated; the same with a sentence said again instead; and two sentences that have nothing to do
with each other. The first makes languages without a common word meet in one space (translation
language modelling, Conneau and Lample 2019, arXiv 1901.07291); their share is a parameter, and
every report on these data states it. From the second a small encoder learns to look things up:
without it the loss stays several times as long where it is when only the grammar is known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from xstilts.config.invitro.draw import Draw
from xstilts.config.invitro.tongues import tongue
from xstilts.config.tasks import SOURCE_LANGUAGE
from xstilts.data.invitro.events import Event, Spot, event, split_of, varied
from xstilts.data.invitro.grammar import sentence, text_of

# Of all passages, how many have a second sentence, so that one must look in the right one; and
# of the documents without a translation, how many say a sentence again.
_TWO_SENTENCES = 0.1
_SAID_AGAIN = 0.75

Texts = list[tuple[str, str]]
Gold = list[tuple[str, str]]
# Sentences of each side without a translation, for each that has one.
DISTRACTORS = 2.0


def document(spot: Spot, languages: Sequence[str], translated_share: float) -> dict[str, Any]:
    """One document: the columns language (of its first sentence) and text.

    Translations are from or into the source language, as most translated text is.

    Args:
        languages: codes to choose from, the source language among them.
        translated_share: share of documents that are followed by their translation, 0 to 1.
    """
    draw = spot.draw()
    first = draw.one_of(languages)
    found, other = _event(draw), _event(draw)
    passage = [found, other] if draw.chance(_TWO_SENTENCES) else [found]
    if draw.chance(translated_share):
        others = [code for code in languages if code != first]
        last = (found, SOURCE_LANGUAGE if first != SOURCE_LANGUAGE else draw.one_of(others))
    elif draw.chance(_SAID_AGAIN):
        last = (found, first)
    else:
        passage, last = [found], (other, first)
    fronted = draw.one_of((None, None, "place", "time"))
    said = [*((event, first) for event in draw.shuffled(passage)), last]
    texts = [text_of(sentence(event, tongue(code), fronted=fronted)) for event, code in said]
    return {"language": first, "text": " ".join(texts)}


def _event(draw: Draw) -> Event:
    while True:
        found = varied(draw)
        # Nothing that is tested on, in any language; development text is of this sort too.
        if split_of(found) == "train":
            return found


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
