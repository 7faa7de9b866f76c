"""What readers take for a letter, and which letters a language's texts are written with.

A letter is a grapheme cluster that begins with a character of category L: vowel signs, tone marks
and joiners belong to the letter that they stand on.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left, bisect_right
from collections import Counter, defaultdict
from collections.abc import Iterable
from functools import cache
from itertools import accumulate

from xstilts.data.graphemes import graphemes


@cache
def script_and_case(grapheme: str) -> tuple[str, bool] | None:
    """What a letter can be mistaken within, or None for what is no letter.

    A script is the first word of its letters' Unicode names. So full-width letters, and signs
    that several scripts share, are among themselves.
    """
    if not unicodedata.category(grapheme[0]).startswith("L"):
        return None
    return unicodedata.name(grapheme[0], "").partition(" ")[0], grapheme.isupper()


class Alphabet:
    """The letters of texts, and how often each occurs."""

    def __init__(self, texts: Iterable[str]) -> None:
        counts: Counter[str] = Counter()
        for text in texts:
            counts.update(graphemes(text))
        letters: dict[tuple[str, bool], list[str]] = defaultdict(list)
        for letter in sorted(counts):
            if group := script_and_case(letter):
                letters[group].append(letter)
        self._groups = {
            group: (members, list(accumulate(counts[letter] for letter in members)))
            for group, members in letters.items()
        }

    def another(self, letter: str, uniform: float) -> str | None:
        """A letter of the same script and case, by how often each occurs; None if there is none."""
        group = script_and_case(letter)
        letters, sums = self._groups.get(group, ([], [0])) if group else ([], [0])
        place = bisect_left(letters, letter)
        before = sums[place - 1] if place else 0
        own = sums[place] - before if letter in letters[place : place + 1] else 0
        if sums[-1] == own:
            return None
        draw = int(uniform * (sums[-1] - own))
        return letters[bisect_right(sums, draw if draw < before else draw + own)]
