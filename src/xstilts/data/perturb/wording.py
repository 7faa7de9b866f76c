"""What the kinds of perturbation are called, and how a reader is told what each does.

Apart from the kinds themselves, so that other words make no perturbed data anew.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Wording:
    """`title`: a few words for a table or a sentence; `definition`: one sentence."""

    title: str
    definition: str


# Key of `xstilts.config.perturbations.KINDS` to its words.
WORDING: dict[str, Wording] = {
    "typos": Wording(
        title="Typos",
        definition=(
            "That share of the letters is mistyped: replaced by another letter of the same script,"
            " left out, followed by a surplus letter, or swapped with the next one."
        ),
    ),
    "lower": Wording(
        title="Lower case",
        definition="That share of the words with capitals is written in small letters.",
    ),
    "upper": Wording(
        title="Upper case",
        definition="That share of the words with small letters is written in capitals.",
    ),
    "no_diacritics": Wording(
        title="No diacritics",
        definition=(
            "That share of the words with diacritics loses them: accents, tone marks and strokes on"
            " Latin and Greek letters, Arabic and Hebrew vowel points."
        ),
    ),
    "no_punctuation": Wording(
        title="No punctuation",
        definition=(
            "That share of the words with punctuation (of the punctuation marks, where words are"
            " written without spaces) loses it."
        ),
    ),
}
