"""A text that is to be perturbed, and edits of it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from xstilts.config.languages import Language
from xstilts.data.graphemes import whole_graphemes
from xstilts.data.perturb.letters import Alphabet

_FREE = re.compile(rb"\x00+")


class Edit(NamedTuple):
    """`text[start:end]` becomes `text`."""

    start: int
    end: int
    text: str


def apply_edits(text: str, edits: Iterable[Edit]) -> str:
    """The text after edits that are in order and do not overlap."""
    pieces: list[str] = []
    done = 0
    for edit in edits:
        pieces += (text[done : edit.start], edit.text)
        done = edit.end
    return "".join((*pieces, text[done:]))


def moved(place: int, edits: Iterable[Edit]) -> int:
    """Where the character at `place`, itself in no edit, stands after the edits."""
    return place + sum(
        len(edit.text) - (edit.end - edit.start) for edit in edits if edit.end <= place
    )


def protect(text: str, names: Iterable[str]) -> bytes:
    """A byte a character of the text: 1 in every occurrence of one of the names.

    Also in the rest of a grapheme that an occurrence begins or ends in: an answer without its last
    mark is none.
    """
    places = []
    for name in set(names):
        place = text.find(name)
        while place >= 0:
            places.append((place, place + len(name)))
            place = text.find(name, place + 1)
    mask = np.zeros(len(text), np.uint8)
    for start, end in whole_graphemes(text, np.array(places, int).reshape(-1, 2)):
        mask[start:end] = 1
    return mask.tobytes()


def uniforms(seed: int, count: int) -> np.ndarray:
    """`count` numbers in [0, 1), a longer row of them starting as a shorter one.

    From a hash, for a library's generator may give other numbers in its next version.
    """
    stream = hashlib.shake_256(seed.to_bytes(8, "big")).digest(4 * count)
    return np.frombuffer(stream, dtype="<u4") / 2**32


@dataclass(frozen=True)
class Passage:
    """One field of one item in one language; `protected` (`protect`) may be empty."""

    text: str
    language: Language
    alphabet: Alphabet
    seed: int
    protected: bytes = b""

    def is_free(self, start: int, end: int) -> bool:
        """Whether no character from `start` to `end` is protected."""
        return 1 not in self.protected[start:end]

    def free(self, start: int, end: int) -> list[tuple[int, int]]:
        """What of `start` to `end` is not protected, as runs of characters."""
        if self.is_free(start, end):
            return [(start, end)]
        return [
            (start + run.start(), start + run.end())
            for run in _FREE.finditer(self.protected[start:end])
        ]
