"""Sentence pairs: inference, paraphrase with swapped words, and repeated questions.

In each the second text is drawn first, in the same way for every label, so that it alone says
nothing about the label; the first is then made from it by one change.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from xstilts.config.invitro.draw import Draw
from xstilts.config.invitro.lexicon import (
    ADJECTIVES,
    ADVERBS,
    HYPERNYM,
    NUMBERS,
    OPPOSITE,
    THINGS,
    Entity,
    members,
)
from xstilts.config.tasks import NLI_LABELS
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
from xstilts.data.invitro.grammar import is_person, sentence, text_of

_MODIFIERS = 0.45
# Share of inference pairs in which negation decides, or stands on both sides; and how often,
# where there is a choice, no word of the hypothesis is missing in the premise.
_NEGATED = 0.15
_SAME_WORDS = 0.2
# Of pairs that are no paraphrases, how many are made of the same words.
_SWAPPED = 0.75
# Share of hypotheses in which one person does something to another.
_TWO_PEOPLE = 0.3
Change = Callable[[Draw, Event], Event]


def inference(spot: Spot) -> dict[str, Any]:
    """Premise and hypothesis (the shape of MNLI and XNLI)."""
    label, premise, hypothesis, draw = _inference(spot)
    return {
        "text_a": _statement(premise, spot, _fronted(draw, premise)),
        "text_b": _statement(hypothesis, spot, _fronted(draw, hypothesis)),
        "label": label,
    }


def inference_in_passage(spot: Spot) -> dict[str, Any]:
    """Inference from one of two sentences (the longer premises of ANLI)."""
    label, premise, hypothesis, draw = _inference(spot)
    texts = [_statement(premise, spot, _fronted(draw, premise))]
    # It must not bear on the hypothesis: another subject and another object.
    while True:
        other = event(draw, modifiers=_MODIFIERS)
        apart = {other.subject.head, other.object.head}.isdisjoint(
            {premise.subject.head, premise.object.head}
            | {hypothesis.subject.head, hypothesis.object.head}
        )
        unrelated = apart and other.verb not in (premise.verb, OPPOSITE[premise.verb])
        if unrelated and split_of(other) == spot.split:
            break
    texts.append(_statement(other, spot, None))
    return {
        "text_a": " ".join(draw.shuffled(texts)),
        "text_b": _statement(hypothesis, spot, _fronted(draw, hypothesis)),
        "label": label,
    }


def paraphrase(spot: Spot) -> dict[str, Any]:
    """One person and another: the same told in another order, or not the same.

    What differs is mostly who did it and to whom, in the same words; else one of the two is
    somebody else.
    """
    draw = spot.draw()
    label = draw.one_of(("0", "1"))
    swapped = draw.chance(_SWAPPED)
    while True:
        one, another = _two_people(draw)
        found = other = replace(
            event(draw, modifiers=_MODIFIERS), subject=one, object=another, negated=False
        )
        if not _movable(found):
            continue
        if label == "0":
            change = draw.one_of((_other_object, _other_subject))
            other = _swap(found) if swapped else change(draw, found)
        if split_of(found) == split_of(other) == spot.split:
            break
    first, second = draw.some([None, *_movable(found)], 2)
    return {
        "text_a": _statement(found, spot, first),
        "text_b": _statement(other, spot, second),
        "label": label,
    }


def repeated_question(spot: Spot) -> dict[str, Any]:
    """Two questions that ask the same thing in another order, or differ in one point."""
    draw = spot.draw()
    same = draw.chance(0.5)
    two_people = draw.chance(0.5)
    while True:
        found = other = replace(event(draw, modifiers=0.7), negated=False)
        if two_people:
            one, another = _two_people(draw)
            found = other = replace(found, subject=one, object=another)
        # Of people, who did it and to whom is one question where a verb stands first.
        asked: Role = draw.one_of(("place", "time") if two_people else ("subject", "object"))
        movable = [name for name in _movable(found) if name != asked]
        if is_person(found.object) != two_people or not movable or getattr(found, asked) is None:
            continue
        if not same:
            changes = [_opposite_verb, *([_other_place] if "place" in movable else [])]
            if two_people:
                # The same words: only their order, or case, tells the questions apart.
                changes = [lambda draw, found: _swap(found)] * 2 + changes
            else:
                changes.append(_other_object if asked == "subject" else _other_subject)
            other = draw.one_of(changes)(draw, found)
        if split_of(found) == split_of(other) == spot.split:
            break
    first, second = draw.some([None, *movable], 2)
    return {
        "text_a": text_of(sentence(found, spot.tongue, fronted=first, asked=asked)),
        "text_b": text_of(sentence(other, spot.tongue, fronted=second, asked=asked)),
        "label": "duplicate" if same else "not_duplicate",
    }


def _inference(spot: Spot) -> tuple[str, Event, Event, Draw]:
    draw = spot.draw()
    label = draw.one_of(NLI_LABELS)
    # Twice as often where one side alone is negated: a "not" in the hypothesis is no clue.
    negated = draw.chance(_NEGATED * (2 if label == "contradiction" else 1))
    while True:
        hypothesis = _hypothesis(draw)
        if negated:
            premise, hypothesis = _with_negation(label, hypothesis, draw)
        else:
            premise = draw.one_of(_changes(label, hypothesis, draw))(draw, hypothesis)
            # Contradicted or left open, it stays so whatever else the premise says; and that
            # it says more must not give entailment away.
            if draw.chance(0.5):
                premise = _add_modifier(draw, premise, besides=hypothesis)
            # Where all is said already nothing was added, or it was a swap of the same.
            if premise == hypothesis:
                continue
        if split_of(premise) == split_of(hypothesis) == spot.split:
            return label, premise, hypothesis, draw


def _hypothesis(draw: Draw) -> Event:
    """An event to which every sort of change applies often enough."""
    found = replace(event(draw, modifiers=_MODIFIERS), negated=False)
    if draw.chance(_TWO_PEOPLE):
        one, other = _two_people(draw)
        return replace(found, subject=one, object=other)
    return replace(found, object=thing(draw, classes=0.7))


def _with_negation(label: str, found: Event, draw: Draw) -> tuple[Event, Event]:
    """Premise and hypothesis of which the label is true, with a "not" in either or both.

    What did not happen did not happen in Oslo either; that it did not happen in Oslo leaves
    open whether it happened.
    """
    if label == "contradiction":
        premise = _add_modifier(draw, found) if draw.chance(0.5) else found
        if draw.chance(0.5):
            return replace(found, negated=True), found
        return premise, replace(found, negated=True)
    negated = replace(found, negated=True)
    more = replace(_add_modifier(draw, found), negated=True)
    if label == "entailment":
        return negated, draw.one_of((negated, more))
    other = replace(_other_object(draw, found), negated=True)
    return (other if more == negated else draw.one_of((more, other))), negated


def _changes(label: str, hypothesis: Event, draw: Draw) -> list[Change]:
    """What can be done to a hypothesis so that it becomes a premise with this label.

    Every label has changes that replace one word and changes after which the premise holds all
    words of the hypothesis, in like shares, so that counting common words does not decide.
    """
    thing_word = str(hypothesis.object.head)
    same_words = draw.chance(_SAME_WORDS)
    if label == "entailment":
        return [_specialise] if members(thing_word) and not same_words else [_add_modifier]
    if label == "contradiction":
        changes: list[Change] = [_opposite_verb]
        if hypothesis.object.adjective:
            changes.append(_opposite_adjective)
        if hypothesis.object.number:
            changes.append(_other_number)
        if hypothesis.adverb:
            changes.append(_opposite_adverb)
        return changes
    if same_words and _both_people(hypothesis):
        return [lambda draw, found: _swap(found)]
    changes = [_other_object]
    if hypothesis.adverb or hypothesis.object.adjective:
        changes.append(_leave_out)
    if thing_word in HYPERNYM:
        changes.append(_generalise)
    return changes


def _statement(found: Event, spot: Spot, fronted: str | None) -> str:
    return text_of(sentence(found, spot.tongue, fronted=fronted))


def _movable(found: Event) -> list[str]:
    return [name for name in ("place", "time") if getattr(found, name) is not None]


def _fronted(draw: Draw, found: Event) -> str | None:
    return draw.one_of([None, None, *_movable(found)])


def _both_people(found: Event) -> bool:
    return found.subject.named and found.object.named


def _two_people(draw: Draw) -> tuple[Phrase, Phrase]:
    one = Phrase(person(draw))
    return one, _another(draw, one, one)


def _swap(found: Event) -> Event:
    return replace(found, subject=found.object, object=found.subject)


def _add_modifier(draw: Draw, found: Event, besides: Event | None = None) -> Event:
    """The event with one modifier more, of a sort that neither it nor `besides` has.

    The event as it is where nothing is left to add.
    """
    events = [found, *([besides] if besides else [])]
    optional = ("adverb", "companion", "place", "time")
    free = [name for name in optional if all(getattr(e, name) is None for e in events)]
    if not any(e.object.named or e.object.adjective for e in events):
        free.append("adjective")
    if not free:
        return found
    name = draw.one_of(free)
    if name == "adjective":
        return replace(found, object=replace(found.object, adjective=draw.one_of(ADJECTIVES)))
    made: dict[str, Callable[[], Any]] = {
        "adverb": lambda: draw.one_of(ADVERBS),
        "companion": lambda: person(draw),
        "place": lambda: (draw.one_of(("in", "near", "from")), location(draw)),
        "time": lambda: time(draw),
    }
    return replace(found, **{name: made[name]()})


def _leave_out(draw: Draw, found: Event) -> Event:
    if found.object.adjective:
        return replace(found, object=replace(found.object, adjective=None))
    return replace(found, adverb=None)


def _specialise(draw: Draw, found: Event) -> Event:
    return _with_head(found, draw.one_of(members(str(found.object.head))))


def _generalise(draw: Draw, found: Event) -> Event:
    return _with_head(found, HYPERNYM[str(found.object.head)])


def _with_head(found: Event, head: str) -> Event:
    return replace(found, object=replace(found.object, head=head))


def _opposite_verb(draw: Draw, found: Event) -> Event:
    return replace(found, verb=OPPOSITE[found.verb])


def _opposite_adverb(draw: Draw, found: Event) -> Event:
    return replace(found, adverb=OPPOSITE[str(found.adverb)])


def _opposite_adjective(draw: Draw, found: Event) -> Event:
    return replace(
        found, object=replace(found.object, adjective=OPPOSITE[str(found.object.adjective)])
    )


def _other_number(draw: Draw, found: Event) -> Event:
    others = [number for number in NUMBERS if number != found.object.number]
    return replace(found, object=replace(found.object, number=draw.one_of(others)))


def _other_object(draw: Draw, found: Event) -> Event:
    """Another thing of another class, or another person; the rest of the phrase stays."""
    if found.object.named or found.object.head not in {**THINGS, **HYPERNYM}:
        return replace(found, object=_another(draw, found.object, found.subject))
    before = str(found.object.head)
    own_class = HYPERNYM.get(before, before)
    classes = [word for word in THINGS if word != own_class]
    chosen = draw.one_of(classes)
    return _with_head(found, chosen if draw.chance(0.3) else draw.one_of(members(chosen)))


def _other_subject(draw: Draw, found: Event) -> Event:
    return replace(found, subject=_another(draw, found.subject, found.object))


def _another(draw: Draw, phrase: Phrase, besides: Phrase) -> Phrase:
    """Someone who is neither of them, by a name of as many words."""
    heads = [known.head for known in (phrase, besides) if isinstance(known.head, Entity)]
    taken = {word for head in heads for word in head.words}
    number = len(phrase.head.words) if isinstance(phrase.head, Entity) else None
    while True:
        name = person(draw)
        if number in (None, len(name.words)) and taken.isdisjoint(name.words):
            return Phrase(name)


def _other_place(draw: Draw, found: Event) -> Event:
    assert found.place is not None
    adposition, before = found.place
    while True:
        place = location(draw)
        if place.words[-1] != before.words[-1]:
            return replace(found, place=(adposition, place))
