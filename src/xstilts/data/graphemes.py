"""Grapheme clusters: what readers take for one character, and what no cut may part.

Extended clusters of Unicode Standard Annex 29: a letter with its marks, vowel signs and joiners, a
conjunct, a Hangul syllable written in jamo, half-width kana with a voicing mark, an emoji of
several characters. Also with the vowel signs of Burmese and its relatives that the annex leaves
alone, for they are marks to normalisers.
"""

from __future__ import annotations

import numpy as np
import regex

_GRAPHEME = regex.compile(r"\X(?:(?<=[\p{L}\p{M}])\p{M}+)?")


def graphemes(text: str) -> list[str]:
    """The grapheme clusters of a text."""
    # All ASCII characters but one stand alone, and that one only before a line feed.
    if text.isascii() and "\r" not in text:
        return list(text)
    return _GRAPHEME.findall(text)


def whole_graphemes(text: str, spans: np.ndarray) -> np.ndarray:
    """Spans of a text, each with the whole of the graphemes that it begins and ends in.

    An empty span between two graphemes stays empty.

    Args:
        spans: (n, 2) integers, the characters from the first up to the second.

    Returns:
        The same shape and type.
    """
    found = graphemes(text)
    if len(found) == len(text):
        return spans
    bounds = np.cumsum([0, *map(len, found)], dtype=spans.dtype)
    starts = np.searchsorted(bounds, spans[:, 0], side="right") - 1
    ends = np.searchsorted(bounds, spans[:, 1], side="left")
    return np.stack([bounds[starts], bounds[ends]], axis=1)
