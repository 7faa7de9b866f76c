"""From an event to words: order, agreement, case and script of each language."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from xstilts.config.invitro.lexicon import DAYS, HAVE, HYPERNYM, PERSONS, UPOS, Entity
from xstilts.config.invitro.tongues import Tongue
from xstilts.data.invitro.events import Event, Phrase, Role

_WH: dict[str, str] = {"place": "where", "time": "when"}


@dataclass(frozen=True)
class Word:
    """A word on the surface: its part of speech, entity tag, and the role it fills.

    `role` is the role of the phrase whose words answer a question for it; articles and
    adpositions fill none. `concept` is the concept, name or sign that the word stands for.
    """

    surface: str
    upos: str
    entity: str = "O"
    role: str | None = None
    concept: str = ""


def sentence(
    event: Event, tongue: Tongue, *, fronted: str | None = None, asked: Role | None = None
) -> list[Word]:
    """A clause with its full stop, or a question for `asked`.

    Args:
        fronted: the modifier that stands first ("place" or "time"); nothing if it is absent.
    """
    words = clause(event, tongue, fronted=fronted, asked=asked)
    return [*words, sign("?" if asked else ".")]


def sign(mark: str) -> Word:
    """A punctuation mark."""
    return Word(mark, "PUNCT", concept=mark)


def little(concept: str, tongue: Tongue) -> Word:
    """A word that is part of no phrase."""
    return Word(tongue.write(concept), UPOS[concept], concept=concept)


def clause(
    event: Event, tongue: Tongue, *, fronted: str | None = None, asked: Role | None = None
) -> list[Word]:
    """The words of an event, without a full stop."""
    grammar = tongue.grammar
    parts = {
        "subject": _phrase(event.subject, tongue, "subject"),
        "object": _phrase(event.object, tongue, "object", case="accusative"),
        "adverb": [little(event.adverb, tongue)] if event.adverb else [],
        "companion": _relation("with", event.companion, tongue, None),
        "place": _relation(*event.place, tongue, "place") if event.place else [],
        "time": _time(event.time, tongue),
    }
    if asked:
        parts[asked] = [little(_question_word(event, asked), tongue)]
    auxiliary, verb = _verb(event, tongue)
    order: list[str | list[Word]]
    if grammar.order == "SVO":
        order = ["subject", auxiliary, verb, "object", "adverb", "companion", "place", "time"]
    elif grammar.order == "SOV":
        order = ["subject", "time", "place", "companion", "object", "adverb", verb, auxiliary]
    else:
        order = [auxiliary, verb, "subject", "object", "adverb", "companion", "place", "time"]
    for first in (asked if grammar.wh_first else None, fronted):
        if first in order:
            order.remove(first)
            order.insert(0, first)
    return [word for part in order for word in (parts[part] if isinstance(part, str) else part)]


def text_of(words: Sequence[Word]) -> str:
    """Words as running text: signs close up to the word before."""
    return "".join(piece for piece, _ in _pieces(words))


def find_role(words: Sequence[Word], role: str) -> tuple[str, int]:
    """The text of the words that fill a role, and where it starts in `text_of(words)`.

    Raises:
        ValueError: no word fills it, or they do not stand together.
    """
    text = text_of(words)
    spans = [
        span for (_, span), word in zip(_pieces(words), words, strict=True) if word.role == role
    ]
    places = [i for i, word in enumerate(words) if word.role == role]
    if not places or places[-1] - places[0] + 1 != len(places):
        raise ValueError(f"no words that stand together fill the role {role!r} in {text!r}")
    start, end = spans[0][0], spans[-1][1]
    return text[start:end], start


def _pieces(words: Iterable[Word]) -> list[tuple[str, tuple[int, int]]]:
    pieces, at = [], 0
    for word in words:
        space = " " if at and word.upos != "PUNCT" else ""
        start = at + len(space)
        at = start + len(word.surface)
        pieces.append((space + word.surface, (start, at)))
    return pieces


def _question_word(event: Event, asked: Role) -> str:
    if asked in _WH:
        return _WH[asked]
    phrase = event.subject if asked == "subject" else event.object
    return "who" if is_person(phrase) else "what"


def is_person(phrase: Phrase) -> bool:
    """Whether one asks for it with "who": people and organisations."""
    head = phrase.head
    return isinstance(head, Entity) or head in PERSONS or HYPERNYM.get(head) in PERSONS


def _verb(event: Event, tongue: Tongue) -> tuple[list[Word], list[Word]]:
    """Auxiliary (none where tense is a suffix) and the verb with its negation."""
    tense = tongue.suffix(event.tense)
    if event.verb == HAVE:
        word = tongue.write(HAVE, (tense,)) if tense else tongue.write(event.tense)
        return [], [Word(word, "VERB", role="verb", concept=HAVE)]
    verb = Word(
        tongue.write(event.verb, (tense,) if tense else ()), "VERB", role="verb", concept=event.verb
    )
    negation = [little("not", tongue)] if event.negated else []
    return ([] if tense else [little(event.tense, tongue)]), [*negation, verb]


def _phrase(
    phrase: Phrase, tongue: Tongue, role: str | None, case: str | None = None
) -> list[Word]:
    suffix = tongue.suffix(case) if case else None
    marks = (suffix,) if suffix else ()
    if isinstance(phrase.head, Entity):
        return _entity(phrase.head, tongue, role, marks)
    plural = tongue.suffix("plural") if phrase.number else None
    noun = Word(
        tongue.write(phrase.head, (*((plural,) if plural else ()), *marks)),
        "NOUN",
        role=role,
        concept=phrase.head,
    )
    words = [noun]
    if phrase.adjective:
        adjective = Word(tongue.write(phrase.adjective), "ADJ", role=role, concept=phrase.adjective)
        words.insert(0 if tongue.grammar.adjective_first else 1, adjective)
    if phrase.number:
        number = Word(tongue.write(phrase.number), "NUM", role=role, concept=phrase.number)
        words.insert(0, number)
    elif tongue.grammar.articles:
        words.insert(0, little("the" if phrase.definite else "a", tongue))
    return words


def _entity(entity: Entity, tongue: Tongue, role: str | None, marks: tuple[str, ...]) -> list[Word]:
    last = len(entity.words) - 1
    return [
        Word(
            tongue.write(word, marks if place == last else ()),
            "PROPN",
            f"{'I' if place else 'B'}-{entity.kind}",
            role,
            word,
        )
        for place, word in enumerate(entity.words)
    ]


def _relation(
    adposition: str, entity: Entity | None, tongue: Tongue, role: str | None
) -> list[Word]:
    if entity is None:
        return []
    suffix = tongue.suffix(adposition)
    words = _entity(entity, tongue, role, (suffix,) if suffix else ())
    return words if suffix else _with_adposition(adposition, words, tongue)


def _time(time: str | None, tongue: Tongue) -> list[Word]:
    if time is None:
        return []
    day = time in DAYS
    adposition = "on" if day else "in"
    # Years are digits in every language and take no suffix.
    suffix = tongue.suffix(adposition) if day else None
    surface = tongue.write(time, (suffix,) if suffix else ())
    word = Word(surface, "NOUN" if day else "NUM", role="time", concept=time)
    return [word] if suffix else _with_adposition(adposition, [word], tongue)


def _with_adposition(adposition: str, words: list[Word], tongue: Tongue) -> list[Word]:
    # An adposition that is a suffix on nouns stands apart after digits, as a word.
    relation = little(adposition, tongue)
    return [*words, relation] if tongue.grammar.postpositions else [relation, *words]
