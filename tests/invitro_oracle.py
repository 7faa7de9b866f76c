"""A reader of the generated languages that shares no code with the generator's speaker.

From the tables of words and grammars alone it takes running text back to who did what: words
to their possible readings, readings to clauses, and from meanings to the labels that must hold.
Where the tables leave several readings it finds them all; `read` then refuses the text.

It knows less than the speaker: modifiers may stand in any order where the speaker puts them in
one, so a text that reads one way here reads one way for the speaker's own order too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from typing import Any

from xstilts.config.invitro import lexicon
from xstilts.config.invitro.tongues import GRAMMARS, tongue

CLASSES = (*lexicon.THINGS, *lexicon.PERSONS)
PEOPLE = {*lexicon.PERSONS, *(word for words in lexicon.PERSONS.values() for word in words)}
OBJECTS = {*lexicon.THINGS, *(word for words in lexicon.THINGS.values() for word in words)}
NOUNS = PEOPLE | OBJECTS
MODIFIERS = ("adverb", "companion", "place", "time")
ROLES = ("subject", "object", "place", "time")


class Unreadable(Exception):  # noqa: N818 - what is wrong is the text
    """No clause of the language, or more than one."""


@dataclass(frozen=True)
class Noun:
    """A phrase with a common noun. `definite` is None where the language does not say."""

    head: str
    adjective: str | None = None
    number: str | None = None
    definite: bool | None = None


@dataclass(frozen=True)
class Name:
    kind: str
    words: tuple[str, ...]


@dataclass(frozen=True)
class Meaning:
    """What a clause says; in a question the role `asked` is None (or, of a word, missing)."""

    verb: str
    tense: str
    subject: Noun | Name | None = None
    object: Noun | Name | None = None
    adverb: str | None = None
    companion: Name | None = None
    place: tuple[str, Name] | None = None
    time: str | None = None
    negated: bool = False
    asked: str | None = None
    wh: str | None = None


@dataclass(frozen=True)
class Clause:
    """A meaning and what each word was read as.

    `spans` maps a role to the words that fill it, without article and adposition; `names` are
    (kind, first, after last) of all names.
    """

    meaning: Meaning
    spans: dict[str, tuple[int, int]]
    names: tuple[tuple[str, int, int], ...]


# --- words ------------------------------------------------------------------------------------


def tokens_of(text: str) -> list[str]:
    """Words and signs of running text."""
    return re.findall(r"[^\s.,?]+|[.,?]", text)


def sentences_of(text: str) -> list[str]:
    """The sentences of a text, each with the sign that ends it."""
    return re.findall(r"\S[^.?]*[.?]", text)


@cache
def dictionary(code: str) -> dict[str, frozenset[tuple[str, tuple[str, ...]]]]:
    """Every inflected form of a language to all its readings: (concept, suffixes it bears)."""
    found: dict[str, set[tuple[str, tuple[str, ...]]]] = {}
    for concept, relations in inflections(code):
        marks = tuple(GRAMMARS[code].suffixes[relation] for relation in relations)
        found.setdefault(tongue(code).write(concept, marks), set()).add((concept, relations))
    return {surface: frozenset(readings) for surface, readings in found.items()}


def inflections(code: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """What can stand in a text: concepts and names, each with the suffixes that it can bear."""
    marked = GRAMMARS[code].suffixes

    def some(*relations: str) -> list[tuple[str, ...]]:
        return [(), *((relation,) for relation in relations if relation in marked)]

    names = (*lexicon.NAMES, *lexicon.ORGANISATION_WORDS)
    for concept in (*lexicon.CONCEPTS, *lexicon.NAMES):
        if concept in NOUNS:
            both = product(some("plural") if concept in OBJECTS else [()], some("accusative"))
            choices = [number + case for number, case in both]
        elif concept in names:
            choices = some("accusative", "in", "near", "from", "with")
        elif concept in lexicon.DAYS:
            choices = some("on")
        elif concept in lexicon.VERBS or concept == lexicon.HAVE:
            choices = some("has", "had")
        else:
            choices = [()]
        yield from ((concept, relations) for relations in choices)


def ambiguous_forms(code: str) -> dict[str, frozenset[tuple[str, tuple[str, ...]]]]:
    """Forms with two readings or more."""
    return {form: found for form, found in dictionary(code).items() if len(found) > 1}


# --- clauses ----------------------------------------------------------------------------------


class _Parser:
    """All ways to read a list of words as one clause, by trying every part at every place.

    Sentences to be tagged are `varied`: "has" is a verb too, a participle can go with an object
    as an adjective, and what is part of the name of an organisation elsewhere can be a subject.
    """

    def __init__(self, words: Sequence[str], code: str, varied: bool) -> None:
        self.varied = varied
        self.grammar = GRAMMARS[code]
        self.marked = self.grammar.suffixes
        self.readings = [
            {(word, ())} if word.isdigit() else dictionary(code).get(word, frozenset())
            for word in words
        ]
        self.length = len(words)

    def bare(self, at: int, concepts: Sequence[str] | set[str]) -> Iterator[str]:
        """Concepts that the word at a place can be, bearing no suffix."""
        yield from self.bearing(at, concepts, ())

    def bearing(
        self, at: int, concepts: Sequence[str] | set[str], relations: tuple[str, ...]
    ) -> Iterator[str]:
        if at < self.length:
            for concept, found in self.readings[at]:
                if found == relations and concept in concepts:
                    yield concept

    # A part is (what it says, words that fill its role, where it ends, its names).

    def entity(self, at: int, kind: str, relation: str | None) -> Iterator[tuple]:
        """A name whose last word bears the suffix of a relation, if it has one."""
        last = (relation,) if relation in self.marked else ()
        first, second = {
            "PER": (lexicon.GIVEN_NAMES, lexicon.FAMILY_NAMES),
            "ORG": (lexicon.ORGANISATIONS, lexicon.ORGANISATION_WORDS),
            "LOC": (lexicon.PLACE_WORDS, lexicon.PLACES),
        }[kind]
        for word in self.bearing(at, lexicon.PLACES if kind == "LOC" else first, last):
            yield Name(kind, (word,)), (at, at + 1), at + 1, [(kind, at, at + 1)]
        for one in self.bare(at, first):
            for two in self.bearing(at + 1, second, last):
                yield Name(kind, (one, two)), (at, at + 2), at + 2, [(kind, at, at + 2)]

    def phrase(self, at: int, role: str) -> Iterator[tuple]:
        """A subject or object."""
        case = "accusative" if role == "object" else None
        for kind in ("PER", "ORG"):
            yield from self.entity(at, kind, case)
        marks = (case,) if case in self.marked else ()
        nouns = PEOPLE if role == "subject" else NOUNS
        adjectives = lexicon.ADJECTIVES
        if self.varied:
            nouns = nouns | set(lexicon.ORGANISATION_WORDS) if role == "subject" else nouns
            adjectives += lexicon.VERBS if role == "object" else ()
        for number in self.bare(at, lexicon.NUMBERS):
            plural = ("plural",) if "plural" in self.marked else ()
            for head, adjective, end in self.noun(
                at + 1, OBJECTS & nouns, adjectives, plural + marks
            ):
                yield Noun(head, adjective, number), (at, end), end, []
        if not self.grammar.articles:
            for head, adjective, end in self.noun(at, nouns, adjectives, marks):
                yield Noun(head, adjective), (at, end), end, []
            return
        for article in self.bare(at, ("the", "a")):
            for head, adjective, end in self.noun(at + 1, nouns, adjectives, marks):
                yield Noun(head, adjective, None, article == "the"), (at + 1, end), end, []

    def noun(
        self, at: int, nouns: set[str], adjectives: Sequence[str], marks: tuple[str, ...]
    ) -> Iterator[tuple[str, str | None, int]]:
        for head in self.bearing(at, nouns, marks):
            yield head, None, at + 1
        before = self.grammar.adjective_first
        for adjective in self.bare(at if before else at + 1, adjectives):
            for head in self.bearing(at + 1 if before else at, nouns, marks):
                yield head, adjective, at + 2

    def related(self, at: int, adposition: str, kind: str) -> Iterator[tuple]:
        """A name with an adposition or its suffix."""
        if adposition in self.marked:
            yield from self.entity(at, kind, adposition)
        elif self.grammar.postpositions:
            for said, span, end, names in self.entity(at, kind, None):
                for _ in self.bare(end, (adposition,)):
                    yield said, span, end + 1, names
        else:
            for _ in self.bare(at, (adposition,)):
                yield from self.entity(at + 1, kind, None)

    def modifier(self, at: int, role: str) -> Iterator[tuple]:
        if role == "adverb":
            for adverb in self.bare(at, lexicon.ADVERBS):
                yield adverb, (at, at + 1), at + 1, []
        elif role == "companion":
            yield from self.related(at, "with", "PER")
        elif role == "place":
            for adposition in ("in", "near", "from"):
                for said, *rest in self.related(at, adposition, "LOC"):
                    yield ((adposition, said), *rest)
        else:
            yield from self.time(at)

    def time(self, at: int) -> Iterator[tuple]:
        if "on" in self.marked:
            for day in self.bearing(at, lexicon.DAYS, ("on",)):
                yield day, (at, at + 1), at + 1, []
        # Digits bear no suffix, so that with them every adposition is a word.
        apart = [("in", lexicon.YEARS)]
        apart += [("on", lexicon.DAYS)] if "on" not in self.marked else []
        after = self.grammar.postpositions
        for adposition, times in apart:
            for _ in self.bare(at + 1 if after else at, (adposition,)):
                place = at if after else at + 1
                for time in self.bare(place, times):
                    yield time, (place, place + 1), at + 2, []

    def auxiliary(self, at: int) -> Iterator[tuple[str, int]]:
        for tense in self.bare(at, ("has", "had")):
            if tense not in self.marked:
                yield tense, at + 1

    def verb(self, at: int) -> Iterator[tuple[dict[str, Any], int]]:
        """Verb, negation and, where it is a suffix, tense."""
        places = [(at, False), *((at + 1, True) for _ in self.bare(at, ("not",)))]
        for place, negated in places:
            for tense in ("has", "had"):
                if tense in self.marked:
                    for verb in self.bearing(place, lexicon.VERBS, (tense,)):
                        yield {"verb": verb, "tense": tense, "negated": negated}, place + 1
            for verb in self.bare(place, lexicon.VERBS):
                yield {"verb": verb, "negated": negated}, place + 1

    def having(self, at: int) -> Iterator[tuple[dict[str, Any], int]]:
        """The verb "has": the word for the tense, or its own stem with the suffix of the tense."""
        for tense in ("has", "had"):
            said = {"verb": lexicon.HAVE, "tense": tense}
            if tense in self.marked:
                for _ in self.bearing(at, (lexicon.HAVE,), (tense,)):
                    yield said, at + 1
            else:
                for _ in self.bare(at, (tense,)):
                    yield said, at + 1

    def predicate(self, at: int) -> Iterator[tuple[dict[str, Any], int]]:
        """Auxiliary and verb in the order of the language."""
        if self.varied:
            yield from self.having(at)
        if self.grammar.order == "SOV":
            for said, end in self.verb(at):
                if "tense" in said:
                    yield said, end
                for tense, after in self.auxiliary(end):
                    if "tense" not in said:
                        yield {**said, "tense": tense}, after
            return
        for said, end in self.verb(at):
            if "tense" in said:
                yield said, end
        for tense, after in self.auxiliary(at):
            for said, end in self.verb(after):
                if "tense" not in said:
                    yield {**said, "tense": tense}, end

    def question_word(self, at: int, role: str) -> Iterator[str]:
        yield from self.bare(
            at,
            {
                "subject": ("who",),
                "object": ("who", "what"),
                "place": ("where",),
                "time": ("when",),
            }.get(role, ()),
        )

    def clauses(self, question: bool) -> Iterator[tuple[dict[str, Any], dict, list]]:
        """Every reading: what is said, spans, names."""
        start = ((), {}, {}, [])
        if not question:
            yield from self._rest(0, *start, asked=None)
        elif self.grammar.wh_first:
            # Place or time can stand before the question word.
            fronted = [(0, (), {}, {}, [])]
            for role in ("place", "time"):
                for found, span, end, names in self.modifier(0, role):
                    fronted.append((end, (role,), {role: found}, {role: span}, names))
            for (at, done, said, spans, names), role in product(fronted, ROLES):
                for wh in self.question_word(at, role) if role not in done else ():
                    yield from self._rest(
                        at + 1,
                        (*done, role),
                        {**said, "asked": role, "wh": wh},
                        {**spans, role: (at, at + 1)},
                        names,
                        asked=None,
                    )
        else:
            for role in ROLES:
                yield from self._rest(0, *start, asked=role)

    def _rest(
        self,
        at: int,
        done: tuple[str, ...],
        said: dict,
        spans: dict,
        names: list,
        asked: str | None,
    ) -> Iterator[tuple[dict[str, Any], dict, list]]:
        """Readings of the words from a place on, after the parts that are done."""
        if at == self.length:
            whole = {"subject", "object", "verb"} <= set(done)
            if whole and (asked is None or asked in done):
                yield said, spans, names
            return
        for role in self._may_follow(done):
            if role == "verb":
                for found, end in self.predicate(at):
                    yield from self._rest(
                        end,
                        (*done, role),
                        {**said, **found},
                        {**spans, role: (at, end)},
                        names,
                        asked=asked,
                    )
            elif role == asked:
                for wh in self.question_word(at, role):
                    filled = {**said, "asked": role, "wh": wh}
                    place = {**spans, role: (at, at + 1)}
                    yield from self._rest(at + 1, (*done, role), filled, place, names, asked=asked)
            else:
                part = self.phrase if role in ("subject", "object") else self.modifier
                for found, span, end, more in part(at, role):
                    yield from self._rest(
                        end,
                        (*done, role),
                        {**said, role: found},
                        {**spans, role: span},
                        [*names, *more],
                        asked=asked,
                    )

    def _may_follow(self, done: tuple[str, ...]) -> Iterator[str]:
        """Parts that the order of the language lets come next: its core in order, and a modifier.

        Before the core's first part only place and time can stand.
        """
        core = {"S": "subject", "V": "verb", "O": "object"}
        left = [core[letter] for letter in self.grammar.order if core[letter] not in done]
        yield from left[:1]
        begun = any(part in done for part in core.values())
        among = self.grammar.order == "SOV" and "verb" not in done
        if not begun:
            yield from (role for role in ("place", "time") if role not in done)
        elif among or not left:
            yield from (role for role in MODIFIERS if role not in done)


def clauses(
    words: Sequence[str], code: str, *, question: bool = False, varied: bool = False
) -> list[Clause]:
    """Every reading of words (without the sign that ends them) as one clause."""
    parser = _Parser(words, code, varied)
    found = []
    for said, spans, names in parser.clauses(question):
        clause = Clause(Meaning(**said), spans, tuple(sorted(names, key=lambda name: name[1])))
        if clause not in found:
            found.append(clause)
    return found


def read(sentence: str, code: str) -> Clause:
    """The one reading of a sentence that ends in a full stop or question mark.

    Raises:
        Unreadable: there is no reading, or more than one.
    """
    *words, mark = tokens_of(sentence)
    return _only(clauses(words, code, question=mark == "?"), sentence, code)


def meaning(sentence: str, code: str) -> Meaning:
    """What a sentence says."""
    return read(sentence, code).meaning


def question_meanings(sentence: str, code: str) -> list[Meaning]:
    """All that a question can ask: who did it to someone, or whom someone did it to."""
    *words, mark = tokens_of(sentence)
    found = [clause.meaning for clause in clauses(words, code, question=True)]
    if mark != "?" or not found:
        raise Unreadable(f"{code}: {sentence!r}: no question")
    return found


def _only(found: Sequence[Any], text: str, code: str) -> Any:
    if len(found) != 1:
        raise Unreadable(f"{code}: {text!r}: {len(found)} readings: {found}")
    return found[0]


def read_tagged(tokens: Sequence[str], code: str) -> tuple[list[str], list[str]]:
    """Parts of speech and entity tags of a sentence of one or two clauses.

    Raises:
        Unreadable: there is no way to read it, or there are two ways with different tags.
    """
    *words, mark = tokens
    if mark != ".":
        raise Unreadable(f"{code}: {tokens} does not end in a full stop")
    readings = [_tags(words, clause, code) for clause in clauses(words, code, varied=True)]
    links = {"and": ",", "because": "", "while": ""}
    for place, word in enumerate(words):
        for link in (link for link, _ in dictionary(code).get(word, ()) if link in links):
            comma = words[place - 1] == "," if place else False
            if comma != (links[link] == ","):
                continue
            before, after = words[: place - comma], words[place + 1 :]
            found = [clauses(part, code, varied=True) for part in (before, after)]
            for one, two in product(*found):
                left, right = _tags(before, one, code), _tags(after, two, code)
                middle = ["PUNCT"] * comma + ["CCONJ" if link == "and" else "SCONJ"]
                tags = left[0] + middle + right[0]
                readings.append((tags, left[1] + ["O"] * len(middle) + right[1]))
    distinct = [found for place, found in enumerate(readings) if found not in readings[:place]]
    upos, entities = _only(distinct, " ".join(tokens), code)
    return [*upos, "PUNCT"], [*entities, "O"]


def _tags(words: Sequence[str], clause: Clause, code: str) -> tuple[list[str], list[str]]:
    entities = ["O"] * len(words)
    upos = [""] * len(words)
    for kind, first, end in clause.names:
        for place in range(first, end):
            entities[place] = f"{'I' if place > first else 'B'}-{kind}"
            upos[place] = "PROPN"
    said = clause.meaning
    known = {place: {said.verb: "VERB"} for place in range(*clause.spans["verb"])}
    for role in ("subject", "object"):
        phrase = getattr(said, role)
        if isinstance(phrase, Noun):
            roles = {phrase.head: "NOUN", phrase.adjective: "ADJ", phrase.number: "NUM"}
            known |= {place: roles for place in range(*clause.spans[role])}  # noqa: C420
    for place, word in enumerate(words):
        if word.isdigit():
            upos[place] = "NUM"
        elif not upos[place]:
            concepts = [concept for concept, _ in dictionary(code)[word]]
            tags = {
                known.get(place, {}).get(concept, lexicon.UPOS[concept]) for concept in concepts
            }
            upos[place] = _only(sorted(tags), word, code)
    if said.verb == lexicon.HAVE:
        # Spelt like the auxiliary, it is the only word of its predicate.
        upos[clause.spans["verb"][0]] = "VERB"
    return upos, entities


# --- what follows from what -------------------------------------------------------------------


def is_a(word: str, other: str) -> bool:
    """Whether the first word is the second or a member of its class."""
    members = {**lexicon.THINGS, **lexicon.PERSONS}.get(other, ())
    return word == other or word in members


def phrase_entails(one: Noun | Name | None, other: Noun | Name | None) -> bool:
    """Whether whatever is the first is the second too."""
    if not (isinstance(one, Noun) and isinstance(other, Noun)):
        return one == other
    return (
        is_a(one.head, other.head)
        and other.adjective in (None, one.adjective)
        and one.number == other.number
        and one.definite == other.definite
    )


def affirmed_entails(one: Meaning, other: Meaning) -> bool:
    """Whether the first follows the second, both taken without their negation."""
    return (
        (one.verb, one.tense) == (other.verb, other.tense)
        and phrase_entails(one.subject, other.subject)
        and phrase_entails(one.object, other.object)
        and all(getattr(other, role) in (None, getattr(one, role)) for role in MODIFIERS)
    )


def affirmed_contradicts(one: Meaning, other: Meaning) -> bool:
    """Whether one point cannot be true of both, and all else of the second follows."""
    reconciled = []
    if lexicon.OPPOSITE[one.verb] == other.verb:
        reconciled.append(replace(one, verb=other.verb))
    if one.adverb and lexicon.OPPOSITE[one.adverb] == other.adverb:
        reconciled.append(replace(one, adverb=other.adverb))
    for role in ("subject", "object"):
        a, b = getattr(one, role), getattr(other, role)
        if isinstance(a, Noun) and isinstance(b, Noun):
            if a.adjective and lexicon.OPPOSITE[a.adjective] == b.adjective:
                reconciled.append(replace(one, **{role: replace(a, adjective=b.adjective)}))
            if a.number and b.number and a.number != b.number:
                reconciled.append(replace(one, **{role: replace(a, number=b.number)}))
    return any(affirmed_entails(mended, other) for mended in reconciled)


def inference(premise: Meaning, hypothesis: Meaning) -> str:
    """What the premise says about the hypothesis."""
    one, other = replace(premise, negated=False), replace(hypothesis, negated=False)
    match premise.negated, hypothesis.negated:
        case False, False:
            if affirmed_entails(one, other):
                return "entailment"
            return "contradiction" if affirmed_contradicts(one, other) else "neutral"
        case True, True:
            return "entailment" if affirmed_entails(other, one) else "neutral"
        case False, True:
            if affirmed_entails(one, other):
                return "contradiction"
            return "entailment" if affirmed_contradicts(one, other) else "neutral"
        case _:
            return "contradiction" if affirmed_entails(other, one) else "neutral"


def without_articles(found: Meaning) -> Meaning:
    """The meaning as a language without articles has it."""
    plain = {
        role: replace(getattr(found, role), definite=None)
        for role in ("subject", "object")
        if isinstance(getattr(found, role), Noun)
    }
    return replace(found, **plain)


def answers_of(context: str, question: str, code: str) -> list[tuple[str, int]]:
    """(text, offset) of what each sentence of a passage answers to a question."""
    found = []
    at = 0
    for sentence in sentences_of(context):
        start = context.index(sentence, at)
        at = start + len(sentence)
        stated = read(sentence, code)
        for asked in question_meanings(question, code):
            role = asked.asked
            if _fits(stated.meaning, asked, role):
                first, end = stated.spans[role]
                places = [match.span() for match in re.finditer(r"[^\s.,?]+", sentence)]
                begin = places[first][0]
                text = sentence[begin : places[end - 1][1]]
                found.append((text, start + begin))
    return found


def _fits(told: Meaning, asked: Meaning, role: str | None) -> bool:
    if role is None or getattr(told, role) is None or told.negated != asked.negated:
        return False
    answer = getattr(told, role)
    if role in ("subject", "object"):
        person = isinstance(answer, Name) or answer.head in PEOPLE
        if (asked.wh == "who") != person:
            return False
    return affirmed_entails(replace(told, **{role: None}), asked)
