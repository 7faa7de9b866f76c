"""Questions about a passage: one sentence tells what people did, the others of other things.

A question mostly asks for one of three people in the same sentence, who did it or to whom: the
sort of answer alone leaves three, and only who does what in question and sentence decides.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from xstilts.config.invitro.draw import Draw
from xstilts.config.invitro.lexicon import ADVERBS, HYPERNYM, Entity
from xstilts.data.invitro.events import (
    Event,
    Phrase,
    Role,
    Spot,
    event,
    location,
    person,
    split_of,
    thing,
    time,
)
from xstilts.data.invitro.grammar import Word, find_role, sentence, text_of

# As often as they stand here.
_ASKED: tuple[Role, ...] = (*("subject",) * 4, *("object",) * 4, "place", "time")
_SENTENCES = 2


@dataclass(frozen=True)
class GeneratedQuestion:
    """Events in the order of their telling, the one asked about, and what is asked for.

    `known` is the asked event as far as the question tells it.
    """

    passage: tuple[Event, ...]
    about: int
    asked: Role
    known: Event


def plain(spot: Spot) -> dict[str, Any]:
    """SQuAD 1.1 and XQuAD: the question repeats much of the asked sentence."""
    return _row(_question(spot.draw(), spot), spot)


def own_surroundings(spot: Spot) -> dict[str, Any]:
    """MLQA: question and asked sentence are parallel, the sentences around are not."""
    found = _question(spot.draw(), spot)
    own = spot.own_draw()
    asked = found.passage[found.about]
    passage = _surroundings(own, spot, asked)
    about = own.below(_SENTENCES)
    return _row(
        replace(found, passage=(*passage[:about], asked, *passage[about:]), about=about), spot
    )


def information_seeking(spot: Spot) -> dict[str, Any]:
    """TyDiQA: written in each language for itself, with few words of the answer's sentence."""
    found = _question(spot.own_draw(), spot)
    known = replace(found.known, adverb=None, companion=None)
    if found.asked != "place":
        known = replace(known, place=None)
    if found.asked != "time":
        known = replace(known, time=None)
    return _row(replace(found, known=known), spot)


def maybe_unanswerable(spot: Spot) -> dict[str, Any]:
    """SQuAD 2.0: a third of the questions asks about something that did not happen."""
    draw = spot.draw()
    found = _question(draw, spot)
    if not draw.chance(1 / 3):
        return _row(found, spot)
    # Somebody else of whom the passage says nothing leaves the question unanswered.
    taken = _heads(found.passage)
    while True:
        other = Phrase(person(draw))
        if _words(other.head).isdisjoint(taken):
            break
    if found.asked == "subject":
        known = replace(found.known, object=other)
    else:
        known = replace(found.known, subject=other)
    return {**_row(replace(found, known=known), spot), "answers": []}


def question_about_passage(spot: Spot) -> tuple[str, str, GeneratedQuestion]:
    """A passage and a question about it as texts, for other tasks of reading."""
    found = _question(spot.draw(), spot)
    row = _row(found, spot)
    return row["context"], row["question"], found


def answer_text(found: GeneratedQuestion, spot: Spot) -> str:
    """The words of the passage that answer a question."""
    return find_role(sentence(found.passage[found.about], spot.tongue), found.asked)[0]


def _spoken(said: Event, spot: Spot) -> list[Word]:
    """A sentence of a passage, in an order that goes with the event in every language."""
    order = Draw(spot.seed, "order", said)
    return sentence(said, spot.tongue, fronted=order.one_of((None, None, "place", "time")))


def _row(found: GeneratedQuestion, spot: Spot) -> dict[str, Any]:
    sentences = [_spoken(said, spot) for said in found.passage]
    texts = [text_of(words) for words in sentences]
    answer, start = find_role(sentences[found.about], found.asked)
    start += sum(len(text) + 1 for text in texts[: found.about])
    return {
        "context": " ".join(texts),
        "question": text_of(sentence(found.known, spot.tongue, asked=found.asked)),
        "answers": [{"text": answer, "start": start}],
    }


def _question(draw: Draw, spot: Spot) -> GeneratedQuestion:
    said = _about_people(draw, spot)
    passage = _surroundings(draw, spot, said)
    about = draw.below(_SENTENCES)
    asked = draw.one_of([role for role in _ASKED if getattr(said, role) is not None])
    # A question does not tell all it could.
    unsaid: dict[str, Any] = dict.fromkeys(
        name for name in said.modifiers() if name != asked and draw.chance(0.7)
    )
    known = replace(said, **unsaid)
    return GeneratedQuestion((*passage[:about], said, *passage[about:]), about, asked, known)


def _about_people(draw: Draw, spot: Spot) -> Event:
    while True:
        names = [person(draw) for _ in range(3)]
        one, another, companion = names
        found = replace(
            _modified(draw), subject=Phrase(one), object=Phrase(another), companion=companion
        )
        place = [found.place[1]] if found.place else []
        words = [word for name in (*names, *place) for word in name.words]
        if len(set(words)) == len(words) and split_of(found) == spot.split:
            return found


def _surroundings(draw: Draw, spot: Spot, said: Event) -> tuple[Event, ...]:
    """Events without names of people, and with no place or time of each other or of `said`."""
    events: list[Event] = []
    while len(events) < _SENTENCES - 1:
        found = replace(_modified(draw), object=thing(draw))
        apart = _heads((found,)).isdisjoint(_heads((*events, said)))
        if apart and not found.subject.named and split_of(found) == spot.split:
            events.append(found)
    return tuple(events)


def _modified(draw: Draw) -> Event:
    return replace(
        event(draw, modifiers=0),
        adverb=draw.one_of(ADVERBS) if draw.chance(0.2) else None,
        place=("in", location(draw)) if draw.chance(0.6) else None,
        time=time(draw) if draw.chance(0.6) else None,
        negated=False,
    )


def _heads(events: tuple[Event, ...]) -> set[str]:
    """What must not repeat within a passage: names, things with their class, places, times."""
    heads: set[str] = set()
    for found in events:
        place = found.place[1] if found.place else None
        for head in (found.subject.head, found.object.head, found.companion, place, found.time):
            if head is not None:
                heads |= _words(head)
    return heads


def _words(head: str | Entity) -> set[str]:
    if isinstance(head, Entity):
        return set(head.words)
    return {head, HYPERNYM.get(head, head)}


def answer_words(found: GeneratedQuestion) -> set[str]:
    """The names in an answer, or its noun with the noun's class, or its day or year."""
    answer = getattr(found.passage[found.about], found.asked)
    if found.asked == "place":
        return _words(answer[1])
    return {answer} if found.asked == "time" else _words(answer.head)
