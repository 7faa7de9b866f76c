"""The kinds of perturbation: what each changes, in which languages, and how it is called.

A new one is a class and its line in `KINDS`; nothing else names one. Where a kind does not apply,
there is nothing to measure, which is not the same as no loss.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import ClassVar

from xstilts.config.languages import Language
from xstilts.config.rows import Row

# Georgian is missing: its capitals are for headlines only, and no ordinary text has them.
_CASED = frozenset({"Latn", "Cyrl", "Grek", "Armn"})
# Unicode gives Georgian letters such capitals.
_GEORGIAN = re.compile("[\u10a0-\u10ff\u1c90-\u1cbf]")
# Languages in which i has its capital İ, and I its small letter ı.
_DOTTED_CAPITAL = frozenset({"tr", "az"})

_GENERAL_MARKS = "\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff"
# Vowel and reading signs; madda and hamza (0653 to 0655) make other letters and stay.
_HARAKAT = (
    "\u0610-\u061a\u064b-\u0652\u0656-\u065e\u0670\u06d6-\u06dc\u06df-\u06e4\u06e7\u06e8"
    "\u06ea-\u06ed"
)
_NIQQUD = "\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7"
_MARK = re.compile(f"[{_GENERAL_MARKS}{_HARAKAT}{_NIQQUD}]")
# Strokes are diacritics without a combining mark of their own.
_STROKES = str.maketrans("đĐøØłŁħĦŧŦ", "dDoOlLhHtT")


@dataclass(frozen=True, kw_only=True)
class Wording:
    """`title`: a few words for a table or a sentence; `definition`: one sentence."""

    title: str
    definition: str


class PerturbationKind(Row):
    """One kind, which changes the words that its condition's strength draws.

    Attributes:
        scripts: the ISO 15924 codes of those in which it applies; None is all.
        unit: the pattern (of `regex`) of what it changes by itself: every match, as `edited` says.
            None for typing errors, which are drawn letter by letter
            (`xstilts.data.perturb.typos`).
        divisible: whether of a unit that is protected in part the rest is changed; else it stays.
    """

    __slots__ = ()
    scripts: ClassVar[frozenset[str] | None] = None
    unit: ClassVar[str | None]
    divisible: ClassVar[bool] = False
    wording: ClassVar[Wording]

    def applies_to(self, language: Language) -> bool:
        """Whether texts in a language have what this kind changes, by the language's script."""
        return self.scripts is None or language.script in self.scripts

    def edited(self, text: str, language: Language) -> str:
        """What becomes of a unit: the same where there is nothing to change."""
        raise NotImplementedError


class Typos(PerturbationKind, Row):
    """Typing errors; the strength is the share of the letters."""

    unit = None
    wording = Wording(
        title="Typos",
        definition=(
            "That share of the letters is mistyped: replaced by another letter of the same script,"
            " left out, followed by a surplus letter, or swapped with the next one."
        ),
    )


class _Recased(PerturbationKind, Row):
    """Words in the other case, but for Georgian ones: ordinary text has no capitals of them."""

    scripts = _CASED
    unit = r"\S+"
    divisible = True

    def edited(self, text: str, language: Language) -> str:
        if _GEORGIAN.search(text):
            return text
        return self.recased(text, dotted=language.code in _DOTTED_CAPITAL)

    def recased(self, text: str, *, dotted: bool) -> str:
        """The text in the other case; `dotted` where i has its capital İ."""
        raise NotImplementedError


class Lower(_Recased, Row):
    """Small letters by Unicode's rules, a sigma that ends a word as ς; i and ı in Turkic."""

    wording = Wording(
        title="Lower case",
        definition="That share of the words with capitals is written in small letters.",
    )

    def recased(self, text: str, *, dotted: bool) -> str:
        if dotted:
            text = text.replace("I\u0307", "i").replace("İ", "i").replace("I", "ı")
        return text.lower()


class Upper(_Recased, Row):
    """Capitals by Unicode's rules: ß becomes SS, Greek keeps its accents; İ and I in Turkic."""

    wording = Wording(
        title="Upper case",
        definition="That share of the words with small letters is written in capitals.",
    )

    def recased(self, text: str, *, dotted: bool) -> str:
        return (text.replace("i", "İ") if dotted else text).upper()


class NoDiacritics(PerturbationKind, Row):
    """Marked letters without their marks; other letters keep their code points."""

    # Marks that people leave out when they type. Cyrillic is missing: й, ё and ї are letters of
    # their own with keys of their own, and stress marks stand in encyclopaedias only. The marks of
    # Indic scripts, Thai and Burmese are vowels and tones, without which no word is left.
    scripts = frozenset({"Latn", "Grek", "Arab", "Hebr"})
    # General marks count on Latin and Greek letters only: on й they make another letter. The last
    # range has Hebrew letters and their points in one character.
    unit = rf"[\p{{Latin}}\p{{Greek}}][{_GENERAL_MARKS}]*|[{_HARAKAT}{_NIQQUD}]|[\ufb1d-\ufb4e]"
    wording = Wording(
        title="No diacritics",
        definition=(
            "That share of the words with diacritics loses them: accents, tone marks and strokes on"
            " Latin and Greek letters, Arabic and Hebrew vowel points."
        ),
    )

    def edited(self, text: str, language: Language) -> str:
        return text if text.isascii() else _without_marks(text)


class NoPunctuation(PerturbationKind, Row):
    """No character of category P. One that carries a mark, as in keycaps, is part of a sign."""

    unit = r"\X"
    wording = Wording(
        title="No punctuation",
        definition=(
            "That share of the words with punctuation (of the punctuation marks, where words are"
            " written without spaces) loses it."
        ),
    )

    def edited(self, text: str, language: Language) -> str:
        return "" if _is_punctuation(text) else text


# In the order in which they are shown.
KINDS: dict[str, PerturbationKind] = {
    "typos": Typos(),
    "lower": Lower(),
    "upper": Upper(),
    "no_diacritics": NoDiacritics(),
    "no_punctuation": NoPunctuation(),
}


@cache
def _is_punctuation(grapheme: str) -> bool:
    # Rules read this table too, in every process, and need no patterns.
    import regex

    return regex.fullmatch(r"\p{P}", grapheme) is not None


@cache
def _without_marks(letter: str) -> str:
    # Character by character: what loses no mark is to stay as it is, composed or not.
    bare = []
    for char in letter:
        decomposed = unicodedata.normalize("NFD", char)
        stripped = _MARK.sub("", decomposed)
        bare.append(stripped if stripped != decomposed else char)
    return "".join(bare).translate(_STROKES)
