"""Words, ranks and chance choices, the same on every platform."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections import Counter
from collections.abc import Hashable, Iterable, Sequence
from typing import NamedTuple, TypeVar

Item = TypeVar("Item", bound=Hashable)

# Python's \w leaves out the vowel signs of Indic scripts and the joiners between letters.
# There are marks up to the end of the supplementary plane, and Han variation selectors far behind.
_MARKS = "".join(
    chr(code)
    for code in (*range(0x300, 0x20000), *range(0xE0100, 0xE01F0))
    if unicodedata.category(chr(code)).startswith("M")
)
_WORD = re.compile(f"[\\w{_MARKS}\u200c\u200d]+")
_SENTENCE_END = re.compile(r"(?<=[.!?؟।])\s+|(?<=[。！？])")


class TextWord(NamedTuple):
    """A word of a text: casefolded, and where it stands (`text[start:end]`)."""

    folded: str
    start: int
    end: int


def words(text: str) -> list[TextWord]:
    """Runs of letters, digits and marks. A script without spaces gives long runs."""
    return [
        TextWord(match[0].casefold(), match.start(), match.end()) for match in _WORD.finditer(text)
    ]


def folded(text: str) -> list[str]:
    """The casefolded words of a text."""
    return [word.folded for word in words(text)]


def sentences(text: str) -> list[list[TextWord]]:
    """The words of each sentence that has any, with their places in `text`."""
    ends = [match.start() for match in _SENTENCE_END.finditer(text)]
    found: list[list[TextWord]] = [[]]
    for word in words(text):
        while ends and word.start >= ends[0]:
            ends.pop(0)
            found.append([])
        found[-1].append(word)
    return [sentence for sentence in found if sentence]


def most_frequent(values: Iterable[Item] | Counter[Item]) -> Item:
    """The most frequent of the values, or of what a Counter counted; of equals the first.

    Raises:
        ValueError: there are none.
    """
    counts = Counter(values)
    if not counts:
        raise ValueError("nothing to count")
    return max(counts, key=lambda value: counts[value])


def choose(options: Sequence[Item], name: str) -> Item:
    """One of `options`, by a digest of `name`: no state, the same on every platform."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:8], "big")
    return options[number % len(options)]
