"""Quantities with their bootstrap draws: observed, and with items and seeds drawn anew.

Draws serve for standard errors, never for percentiles: those of few seeds reach no further than the
seeds that were run. `estimates` says how standard errors become intervals.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

# Draws of seeds alone: there are few different ones.
SEED_DRAWS = 2_000
# Of quantities that are no means of scores every draw is computed: a standard error from as many
# is right within 2 %, as one of normal draws varies by 1 / sqrt(2 draws).
FEWER_DRAWS = 2_000

# What the draws of a quantity are over.
ITEMS_AND_SEEDS, ITEMS, SEEDS = "items and seeds", "items", "seeds"
# What an interval without draws may be over.
LANGUAGES = "languages"


@dataclass(frozen=True, kw_only=True)
class Draws:
    """A quantity, observed (row 0) and in each draw; further axes as its maker says.

    Attributes:
        both: (1 + draws, ...), items and seeds resampled.
        items: the same draws of items, with every seed at its observed weight.
        seeds_alone: (1 + fewer draws, ...): the first draws of seeds, with items as observed.
        seeds: how many seeds were run; the fewest, of a mean over targets.
        most_seeds: the most.
        sampled: whether items were resampled; else only seeds were.
        exact: (1, ...), what was observed, where `both` holds it with less precision.
    """

    both: np.ndarray
    items: np.ndarray
    seeds_alone: np.ndarray
    seeds: int
    most_seeds: int
    sampled: bool = True
    exact: np.ndarray | None = None

    @property
    def observed(self) -> np.ndarray:
        """The quantity itself."""
        return self.both[0] if self.exact is None else self.exact[0]

    @property
    def basis(self) -> str:
        """What an interval of the quantity is over; empty if nothing was resampled."""
        if len(self.both) < 2:
            return ""
        several = self.most_seeds > 1
        if self.sampled:
            return ITEMS_AND_SEEDS if several else ITEMS
        return SEEDS if several else ""

    @property
    def degrees(self) -> int:
        """Degrees of freedom of what seeds add; one where the fewest seeds are one."""
        return max(1, self.seeds - 1)

    def map(self, compute: Callable[[np.ndarray], np.ndarray]) -> Draws:
        """A function of the quantity, such as its mean over an axis."""
        return combine([self], lambda parts: compute(parts[0]))

    def minus(self, other: Draws) -> Draws:
        """The difference of two quantities in the same draws."""
        return combine([self, other], lambda parts: parts[0] - parts[1])


def combine(parts: Sequence[Draws], compute: Callable[[Sequence[np.ndarray]], np.ndarray]) -> Draws:
    """A function of several quantities in the same draws."""
    # Where nothing but items vary, or nothing but seeds, the draws are the same arrays.
    of_items = all(part.items is part.both for part in parts)
    both = compute([part.both for part in parts])
    known = any(part.exact is not None for part in parts)
    return Draws(
        both=both,
        items=both if of_items else compute([part.items for part in parts]),
        seeds_alone=compute([part.seeds_alone for part in parts]),
        seeds=min(part.seeds for part in parts),
        most_seeds=max(part.most_seeds for part in parts),
        sampled=all(part.sampled for part in parts),
        exact=compute([part.observed[None] for part in parts]) if known else None,
    )


def stack(parts: Sequence[Draws]) -> Draws:
    """Several quantities side by side, along a new last axis."""
    return combine(parts, lambda arrays: np.stack(arrays, axis=-1))


def side_by_side(parts: Sequence[Draws]) -> Draws:
    """Quantities (1 + draws, columns) joined along their columns."""
    return combine(parts, lambda arrays: np.concatenate(arrays, axis=-1))


def mean_of(parts: Sequence[Draws]) -> Draws:
    """The mean of several quantities in the same draws."""
    if len(parts) == 1:
        return parts[0]
    return combine(parts, lambda arrays: sum(arrays[1:], start=arrays[0]) / len(arrays))
