"""What is said, before any language says it: which item it is, and events of one clause."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

from xstilts.config.invitro.draw import Draw, digest
from xstilts.config.invitro.lexicon import (
    ADJECTIVES,
    ADVERBS,
    DAYS,
    FAMILY_NAMES,
    GIVEN_NAMES,
    HAVE,
    NAMES,
    NUMBERS,
    ORGANISATION_WORDS,
    ORGANISATIONS,
    PERSONS,
    PLACE_WORDS,
    PLACES,
    THINGS,
    VERBS,
    YEARS,
    Entity,
)
from xstilts.config.invitro.tongues import Tongue, tongue

Role = Literal["subject", "object", "place", "time"]
_SPLIT_OF_TEN = {8: "dev", 9: "test"}
# Of all names this share never stands in training data for named entities.
_HELD_OUT_NAMES = 4


@dataclass(frozen=True)
class Spot:
    """Item `number` of a split of a task in a language, in the world with this seed.

    All random choices depend on it alone.
    """

    seed: int
    task: str
    split: str
    language: str
    number: int

    @cached_property
    def tongue(self) -> Tongue:
        """The language to speak."""
        return tongue(self.language)

    def draw(self, *purpose: object) -> Draw:
        """Choices that are the same in every language: what parallel items are made of."""
        return Draw(self.seed, self.task, self.split, self.number, *purpose)

    def own_draw(self, *purpose: object) -> Draw:
        """Choices of this language's own."""
        return Draw(self.seed, self.task, self.split, self.number, self.language, *purpose)


@dataclass(frozen=True)
class Phrase:
    """A noun with what may go with it, or something with a name.

    Whether it is `definite` is no part of what tells two events apart (`split_of`), because
    languages without articles do not say it.
    """

    head: str | Entity
    adjective: str | None = None
    number: str | None = None
    definite: bool = field(default=True, repr=False)

    @property
    def named(self) -> bool:
        """Whether the head is an entity."""
        return isinstance(self.head, Entity)


@dataclass(frozen=True)
class Event:
    """Who did what: the meaning of a clause.

    `place` is (adposition, entity), `time` a day or a year, `companion` whoever was there too.
    """

    verb: str
    subject: Phrase
    object: Phrase
    adverb: str | None = None
    companion: Entity | None = None
    place: tuple[str, Entity] | None = None
    time: str | None = None
    tense: str = "has"
    negated: bool = False

    def modifiers(self) -> list[str]:
        """The fields that can be left out and are there."""
        return [
            name
            for name in ("adverb", "companion", "place", "time")
            if getattr(self, name) is not None
        ]


def split_of(content: object) -> str:
    """The split that content belongs to: train, dev or test in the ratio 8 : 1 : 1.

    By content, so that no sentence of the test data stands in training data of any task, in
    any language, however much is generated.
    """
    return _SPLIT_OF_TEN.get(digest("split", content) % 10, "train")


def person(draw: Draw) -> Entity:
    """A person with a given name, half of them with a family name."""
    given = draw.one_of(GIVEN_NAMES)
    return Entity("PER", (given, draw.one_of(FAMILY_NAMES)) if draw.chance(0.5) else (given,))


def organisation(draw: Draw) -> Entity:
    """An organisation: a name and mostly the kind of organisation."""
    name = draw.one_of(ORGANISATIONS)
    if draw.chance(0.3):
        return Entity("ORG", (name,))
    return Entity("ORG", (name, draw.one_of(ORGANISATION_WORDS)))


def location(draw: Draw) -> Entity:
    """A place, some of them a lake."""
    name = draw.one_of(PLACES)
    return Entity("LOC", (draw.one_of(PLACE_WORDS), name) if draw.chance(0.2) else (name,))


def thing(draw: Draw, *, classes: float = 0.3) -> Phrase:
    """A thing, by its class in this share of draws, with an adjective or a number at times."""
    head = _noun(draw, THINGS, classes)
    number = draw.one_of(NUMBERS) if draw.chance(0.25) else None
    adjective = draw.one_of(ADJECTIVES) if draw.chance(0.5) else None
    return Phrase(head, adjective, number, draw.chance(0.6))


def someone(draw: Draw) -> Phrase:
    """A person by name or by what they do, or an organisation."""
    if draw.chance(0.5):
        return Phrase(person(draw))
    if draw.chance(0.3):
        return Phrase(organisation(draw))
    adjective = draw.one_of(ADJECTIVES) if draw.chance(0.4) else None
    return Phrase(_noun(draw, PERSONS, 0.3), adjective, None, draw.chance(0.6))


def _noun(draw: Draw, nouns: Mapping[str, Sequence[str]], classes: float) -> str:
    if draw.chance(classes):
        return draw.one_of(list(nouns))
    return draw.one_of([word for members in nouns.values() for word in members])


def time(draw: Draw) -> str:
    """A day of the week or a year."""
    return draw.one_of(DAYS) if draw.chance(0.5) else draw.one_of(YEARS)


def varied(draw: Draw) -> Event:
    """Any event, also of a sort in which a word is no longer sure of its part of speech.

    "has" is a verb too, a participle stands as an adjective, and what is part of the name of an
    organisation elsewhere is a common noun.
    """
    found = event(draw)
    if draw.chance(0.3):
        found = replace(found, verb=HAVE, object=thing(draw), negated=False)
    if draw.chance(0.2):
        found = replace(found, subject=Phrase(draw.one_of(ORGANISATION_WORDS)))
    if not found.object.named and draw.chance(0.35):
        found = replace(found, object=replace(found.object, adjective=draw.one_of(VERBS)))
    return found


def event(draw: Draw, *, modifiers: float = 0.4) -> Event:
    """Any event; each modifier is there with probability `modifiers`."""
    return Event(
        verb=draw.one_of(VERBS),
        subject=someone(draw),
        object=someone(draw) if draw.chance(0.25) else thing(draw),
        adverb=draw.one_of(ADVERBS) if draw.chance(modifiers) else None,
        companion=person(draw) if draw.chance(modifiers / 3) else None,
        place=(draw.one_of(("in", "near", "from")), location(draw))
        if draw.chance(modifiers)
        else None,
        time=time(draw) if draw.chance(modifiers) else None,
        tense=draw.one_of(("has", "had")),
        negated=draw.chance(0.1),
    )


def held_out(name: str) -> bool:
    """Whether a name is kept from training data for named entities."""
    return digest("held out", name) % _HELD_OUT_NAMES == 0


def names_in(found: Event) -> set[str]:
    """The words of all entities of an event."""
    place = found.place[1] if found.place else None
    entities = [found.subject.head, found.object.head, found.companion, place]
    return {
        word
        for entity in entities
        if isinstance(entity, Entity)
        for word in entity.words
        if word in NAMES
    }
