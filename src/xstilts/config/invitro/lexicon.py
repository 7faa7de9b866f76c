"""The world: what there is to talk about, and how the words relate.

Concepts are named by their English word. A hypernym is true of whatever its hyponym is true
of; of two opposites only one can be true. Nothing else relates two concepts.
"""

from __future__ import annotations

from dataclasses import dataclass

# Class word -> its members.
THINGS: dict[str, tuple[str, ...]] = {
    "animal": ("dog", "cat", "horse"),
    "vehicle": ("boat", "truck", "sled"),
    "fruit": ("plum", "lemon", "melon"),
    "tool": ("hammer", "rake", "shovel"),
}
PERSONS: dict[str, tuple[str, ...]] = {
    "artist": ("painter", "singer", "dancer"),
    "official": ("judge", "mayor", "guard"),
}
_CLASSES = {**THINGS, **PERSONS}
HYPERNYM: dict[str, str] = {
    member: word for word, members in _CLASSES.items() for member in members
}

_OPPOSITE_ADJECTIVES = (
    ("big", "small"),
    ("old", "new"),
    ("clean", "dirty"),
    ("strong", "weak"),
    ("calm", "wild"),
)
# Participles: with "has" and "had" one form serves every sentence.
_OPPOSITE_VERBS = (
    ("bought", "sold"),
    ("found", "lost"),
    ("loved", "hated"),
    ("helped", "harmed"),
    ("shown", "hidden"),
    ("chosen", "refused"),
)
# The one verb without an auxiliary, spelt like it: "has", or "had" by tense.
HAVE = "has"
_OPPOSITE_ADVERBS = (("often", "rarely"), ("quickly", "slowly"))

OPPOSITE: dict[str, str] = {
    word: other
    for one, two in (*_OPPOSITE_ADJECTIVES, *_OPPOSITE_VERBS, *_OPPOSITE_ADVERBS)
    for word, other in ((one, two), (two, one))
}
ADJECTIVES = tuple(word for pair in _OPPOSITE_ADJECTIVES for word in pair)
VERBS = tuple(word for pair in _OPPOSITE_VERBS for word in pair)
ADVERBS = tuple(word for pair in _OPPOSITE_ADVERBS for word in pair)
NUMBERS = ("two", "three", "four", "five")
DAYS = ("monday", "tuesday", "friday", "sunday")
YEARS = tuple(str(year) for year in range(1900, 2000, 10))

GIVEN_NAMES = (
    "Anna",
    "Boris",
    "Clara",
    "David",
    "Elena",
    "Felix",
    "Greta",
    "Hugo",
    "Maria",
    "Oscar",
)
# The first three are also places, so that a name alone does not say what it names.
FAMILY_NAMES = ("Berna", "Narva", "Malmo", "Kowal", "Meyer", "Rossi", "Lund", "Silva")
PLACES = (
    *("Berna", "Narva", "Malmo", "Lodz", "Cadiz", "Delft"),
    *("Evora", "Fargo", "Gotha", "Havre", "Izmir", "Oslo"),
)
ORGANISATIONS = ("Torvex", "Nimbus", "Astra", "Polar", "Vertex", "Orion")
# What may follow the name of an organisation, and what may precede that of a place.
ORGANISATION_WORDS = ("company", "bank", "club")
PLACE_WORDS = ("lake",)
NAMES = tuple(dict.fromkeys((*GIVEN_NAMES, *FAMILY_NAMES, *PLACES, *ORGANISATIONS)))

# Universal part of speech of every concept that is no name, number in digits or punctuation.
_BY_CLASS: dict[str, tuple[str, ...]] = {
    "NOUN": (*THINGS, *PERSONS, *HYPERNYM, *DAYS),
    "ADJ": ADJECTIVES,
    "VERB": VERBS,
    "ADV": (*ADVERBS, "where", "when"),
    "NUM": NUMBERS,
    "PROPN": (*ORGANISATION_WORDS, *PLACE_WORDS),
    "DET": ("the", "a", "which"),
    "AUX": ("has", "had", "is"),
    "PART": ("not",),
    "ADP": ("in", "near", "from", "with", "on"),
    "CCONJ": ("and",),
    "SCONJ": ("because", "while"),
    "PRON": ("who", "what"),
}
UPOS: dict[str, str] = {word: tag for tag, words in _BY_CLASS.items() for word in words}
CONCEPTS = tuple(UPOS)


@dataclass(frozen=True)
class Entity:
    """Something with a name: `kind` is PER, LOC or ORG; `words` are names and class words."""

    kind: str
    words: tuple[str, ...]


def members(word: str) -> tuple[str, ...]:
    """The concepts that a class word is true of, none for another word."""
    return _CLASSES.get(word, ())
