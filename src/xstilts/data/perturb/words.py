"""Perturbations that change some of the words which they could change.

Each function finds every edit that its kind could make; `some_words` then keeps those in the words
whose random number is below the strength.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect
from collections.abc import Callable
from functools import cache

import regex

from xstilts.data.graphemes import graphemes
from xstilts.data.perturb.passage import Edit, Passage, uniforms

_WITHOUT_SPACES = frozenset({"Hans", "Hant", "Jpan", "Khmr", "Laoo", "Mymr", "Thai"})
_SPACES = re.compile(r"\s+")
_WORD = re.compile(r"\S+")
_PUNCTUATION = regex.compile(r"\p{P}")

# Languages in which i has its capital İ, and I its small letter ı.
_DOTTED_CAPITAL = frozenset({"tr", "az"})
# Unicode gives Georgian letters capitals that ordinary text never has.
_GEORGIAN = re.compile("[\u10a0-\u10ff\u1c90-\u1cbf]")

_GENERAL_MARKS = "\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff"
# Vowel and reading signs; madda and hamza (0653 to 0655) make other letters and stay.
_HARAKAT = (
    "\u0610-\u061a\u064b-\u0652\u0656-\u065e\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8"
    "\u06ea-\u06ed"
)
_NIQQUD = "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"
_MARK = re.compile(f"[{_GENERAL_MARKS}{_HARAKAT}{_NIQQUD}]")
# General marks count on Latin and Greek letters only: on й they make another letter. The last
# range has Hebrew letters and their points in one character.
_MARKED = regex.compile(
    rf"[\p{{Latin}}\p{{Greek}}][{_GENERAL_MARKS}]*|[{_HARAKAT}{_NIQQUD}]|[\ufb1d-\ufb4e]"
)
# Strokes are diacritics without a combining mark of their own.
_STROKES = str.maketrans("đĐøØłŁħĦŧŦ", "dDoOlLhHtT")


def some_words(passage: Passage, edits: list[Edit], strength: float) -> list[Edit]:
    """The edits in an expected share of `strength` of the words that have any.

    A word stands between spaces; in scripts without them, each edit is by itself.
    """
    if not edits:
        return []
    if passage.language.script in _WITHOUT_SPACES:
        words = list(range(len(edits)))
    else:
        spaces = [space.start() for space in _SPACES.finditer(passage.text)]
        words = [bisect(spaces, edit.start) for edit in edits]
    distinct = dict.fromkeys(words)
    chosen = dict(zip(distinct, uniforms(passage.seed, len(distinct)) < strength, strict=True))
    return [edit for edit, word in zip(edits, words, strict=True) if chosen[word]]


def lower(passage: Passage) -> list[Edit]:
    """Small letters by Unicode's rules, a sigma that ends a word as ς; i and ı in Turkic."""
    dotted = passage.language.code in _DOTTED_CAPITAL
    return _recased(passage, _lower_dotted if dotted else str.lower)


def upper(passage: Passage) -> list[Edit]:
    """Capitals by Unicode's rules: ß becomes SS, Greek keeps its accents; İ and I in Turkic."""
    dotted = passage.language.code in _DOTTED_CAPITAL
    return _recased(passage, _upper_dotted if dotted else str.upper)


def no_diacritics(passage: Passage) -> list[Edit]:
    """Marked letters without their marks; other letters keep their code points."""
    if passage.text.isascii():
        return []
    return [
        Edit(*match.span(), bare)
        for match in _MARKED.finditer(passage.text)
        if (bare := _without_marks(match[0])) != match[0] and passage.is_free(*match.span())
    ]


def no_punctuation(passage: Passage) -> list[Edit]:
    """No character of category P. One that carries a mark, as in keycaps, is part of a sign."""
    if not _PUNCTUATION.search(passage.text):
        return []
    edits = []
    end = 0
    for grapheme in graphemes(passage.text):
        start, end = end, end + len(grapheme)
        if _is_punctuation(grapheme) and passage.is_free(start, end):
            edits.append(Edit(start, end, ""))
    return edits


def _recased(passage: Passage, recase: Callable[[str], str]) -> list[Edit]:
    text = passage.text
    return [
        Edit(start, end, changed)
        for word in _WORD.finditer(text)
        for start, end in passage.free(*word.span())
        if (changed := recase(text[start:end])) != text[start:end]
        and not _GEORGIAN.search(text, start, end)
    ]


def _lower_dotted(text: str) -> str:
    return text.replace("I\u0307", "i").replace("İ", "i").replace("I", "ı").lower()


def _upper_dotted(text: str) -> str:
    return text.replace("i", "İ").upper()


@cache
def _without_marks(letter: str) -> str:
    # Character by character: what loses no mark is to stay as it is, composed or not.
    bare = []
    for char in letter:
        decomposed = unicodedata.normalize("NFD", char)
        stripped = _MARK.sub("", decomposed)
        bare.append(stripped if stripped != decomposed else char)
    return "".join(bare).translate(_STROKES)


@cache
def _is_punctuation(grapheme: str) -> bool:
    return _PUNCTUATION.fullmatch(grapheme) is not None
