"""Random choices that are the same on every platform, Python version and order of calls.

Python promises that `Random.random` gives the same sequence for the same integer seed in all
versions; it does not promise that of `choice`, `sample` or `shuffle`, so those are built here.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from typing import TypeVar

Thing = TypeVar("Thing")


def digest(*parts: object) -> int:
    """64 bits that depend on the parts alone."""
    text = "\x1f".join(map(str, parts))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def unit(*parts: object) -> float:
    """A number in [0, 1) that depends on the parts alone."""
    return (digest(*parts) >> 11) / 2**53


class Draw:
    """A stream of choices seeded by what it is for, e.g. (seed, "mnli", "train", 17)."""

    def __init__(self, *parts: object) -> None:
        self._random = random.Random(digest(*parts))

    def below(self, number: int) -> int:
        """An integer from 0 to `number` - 1."""
        return int(self._random.random() * number)

    def chance(self, share: float) -> bool:
        """True in this share of draws."""
        return self._random.random() < share

    def one_of(self, things: Sequence[Thing]) -> Thing:
        """One of them, each as likely."""
        return things[self.below(len(things))]

    def some(self, things: Sequence[Thing], number: int) -> list[Thing]:
        """`number` different ones, in random order."""
        rest = list(things)
        for place in range(number):
            other = place + self.below(len(rest) - place)
            rest[place], rest[other] = rest[other], rest[place]
        return rest[:number]

    def shuffled(self, things: Sequence[Thing]) -> list[Thing]:
        """All of them, in random order."""
        return self.some(things, len(things))
