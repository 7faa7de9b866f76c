"""Tagged sentences: parts of speech, named entities, and categories of a categorial grammar."""

from __future__ import annotations

from typing import Any

from xstilts.config.invitro.draw import Draw
from xstilts.config.invitro.lexicon import HAVE
from xstilts.data.invitro.events import Event, Spot, held_out, names_in, split_of, varied
from xstilts.data.invitro.grammar import Word, clause, little, sign

# Categories in the notation of CCGbank (Hockenmaier and Steedman 2007) for the constructions
# that the source language has; adpositions are told apart below.
_CATEGORIES = {
    "NOUN": "N",
    "ADJ": "N/N",
    "NUM": "N/N",
    "DET": "NP[nb]/N",
    "VERB": "(S[pt]\\NP)/NP",
    "AUX": "(S[dcl]\\NP)/(S[pt]\\NP)",
    "PART": "(S\\NP)\\(S\\NP)",
    "ADV": "(S\\NP)\\(S\\NP)",
    "CCONJ": "conj",
    "SCONJ": "((S\\NP)\\(S\\NP))/S[dcl]",
}
_HAVING = "(S[dcl]\\NP)/NP"
_BEFORE_CLAUSE = "(S/S)/NP"
_AFTER_VERB = "((S\\NP)\\(S\\NP))/NP"
_NAME_PART, _NAME = "N/N", "NP"
CATEGORIES = tuple(
    sorted(
        {*_CATEGORIES.values(), _BEFORE_CLAUSE, _AFTER_VERB, _NAME_PART, _NAME, _HAVING, ".", ","}
    )
)


def parts_of_speech(spot: Spot) -> dict[str, Any]:
    """A sentence of one or two clauses with universal parts of speech."""
    words = _sentence(spot, lambda found: True)
    return _tagged(words, [word.upos for word in words])


def named_entities(spot: Spot) -> dict[str, Any]:
    """A sentence with at least one entity in IOB2; a quarter of the names is not trained on."""

    def fits(found: Event) -> bool:
        names = names_in(found)
        return bool(names) and not (spot.split == "train" and any(map(held_out, names)))

    words = _sentence(spot, fits)
    return _tagged(words, [word.entity for word in words])


def supertags(spot: Spot) -> dict[str, Any]:
    """A sentence with a lexical category for every word (the shape of CCGbank)."""
    words = _sentence(spot, lambda found: True)
    return _tagged(words, list(_categories(words)))


def _tagged(words: list[Word], tags: list[str]) -> dict[str, Any]:
    return {"tokens": [word.surface for word in words], "tags": tags}


def _sentence(spot: Spot, fits: Any) -> list[Word]:
    draw = spot.own_draw()
    first = _drawn(draw, spot, fits)
    words = _fronted_clause(draw, first, spot)
    kind = draw.below(5)
    if kind < 2:
        second = _fronted_clause(draw, _drawn(draw, spot, fits), spot)
        link = little("and" if kind else draw.one_of(("because", "while")), spot.tongue)
        words = [*words, *([sign(",")] if kind else []), link, *second]
    return [*words, sign(".")]


def _drawn(draw: Draw, spot: Spot, fits: Any) -> Event:
    while True:
        found = varied(draw)
        if fits(found) and split_of(found) == spot.split:
            return found


def _fronted_clause(draw: Draw, found: Event, spot: Spot) -> list[Word]:
    return clause(found, spot.tongue, fronted=draw.one_of((None, None, "place", "time")))


def _categories(words: list[Word]) -> Any:
    verb_seen = False
    for place, word in enumerate(words):
        follows = words[place + 1].upos if place + 1 < len(words) else ""
        if word.concept == HAVE and word.upos == "VERB":
            yield _HAVING
        elif word.upos == "PROPN":
            yield _NAME_PART if follows == "PROPN" else _NAME
        elif word.upos == "ADP":
            yield _AFTER_VERB if verb_seen else _BEFORE_CLAUSE
        elif word.upos == "PUNCT":
            yield word.surface
        elif word.concept.isdigit():
            yield "N"
        else:
            yield _CATEGORIES[word.upos]
        verb_seen = (verb_seen or word.upos == "VERB") and word.upos not in ("CCONJ", "SCONJ")
