"""Which item is made: the one thing that all its random choices depend on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from xstilts.config.invitro.draw import Draw
from xstilts.config.invitro.tongues import Tongue, tongue


@dataclass(frozen=True)
class Spot:
    """Item `number` of a split of a task in a language, in the world with this seed."""

    seed: int
    task: str
    split: str
    language: str
    number: int

    @cached_property
    def tongue(self) -> Tongue:
        """The language to speak."""
        return tongue(self.language)

    def draw(self, *purpose: object) -> Draw:
        """Choices that are the same in every language: what parallel items are made of."""
        return Draw(self.seed, self.task, self.split, self.number, *purpose)

    def own_draw(self, *purpose: object) -> Draw:
        """Choices of this language's own."""
        return Draw(self.seed, self.task, self.split, self.number, self.language, *purpose)
