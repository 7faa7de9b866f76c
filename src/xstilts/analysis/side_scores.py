"""The scores of several sides with their draws: same items, and same seeds where there are any.

Items are resampled alike on all sides. Seeds of the same number are common random numbers, so sides
are paired by them; where two sides have no seed in common, the seeds of each are resampled for
themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from xstilts.analysis.collapsed_cells import split_collapsed
from xstilts.analysis.comparable import Common
from xstilts.analysis.inference.bootstrap import Sample
from xstilts.analysis.inference.draws import Draws
from xstilts.analysis.inputs.evidence import Evidence
from xstilts.analysis.inputs.items import CellFile, of_target
from xstilts.analysis.sides import Side
from xstilts.config.seeds import derive_seed
from xstilts.config.tasks import TARGETS

# How seeds of two sides go together.
PAIRED, INDEPENDENT = "paired", "independent"


@dataclass(frozen=True, kw_only=True)
class Seeds:
    """The seeds over which two sides are compared on a target.

    Attributes:
        one, other: of each side, in order.
        how: `PAIRED` or `INDEPENDENT`.
    """

    one: tuple[int, ...]
    other: tuple[int, ...]
    how: str


class Sides(Evidence):
    """The scores of several sides, which stand as recipes of one encoder.

    Args:
        samples: target to the cells (name of the side, seed).
        untrained: the sides without intermediate training.
        left_out: (side, target, seed) that are not used, because they collapsed.
        against: of a side, which other is meant where none is named.
    """

    def __init__(
        self,
        samples: Mapping[str, Sample],
        untrained: Set[str],
        left_out: Set[tuple[str, str, int]] = frozenset(),
        against: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__("", samples, left_out)
        self._untrained, self._against = untrained, against or {}

    def compared(self, target: str, one: str, other: str) -> Seeds:
        """The seeds of two sides that are compared on a target.

        Those in common, or where there are none all of both. Without any training nothing depends
        on the seed, so that one cell stands for all.
        """
        shared = self.common_seeds(target, one, other)
        first, second = self.seeds(one, target), self.seeds(other, target)
        if shared or not (first and second):
            return Seeds(one=shared, other=shared, how=PAIRED)
        return Seeds(one=first, other=second, how=INDEPENDENT)

    def scores(self, target: str, recipe: str, beside: str | None = None) -> Draws | None:
        """(1 + draws, languages of the target's sample): a side's scores in points.

        Args:
            beside: the side that it is compared with.

        Returns:
            None where there is nothing to compare.
        """
        beside = beside or self._against.get(recipe, recipe)
        seeds = self.compared(target, recipe, beside)
        if not seeds.one:
            return None
        places = self._places_of(target, recipe, seeds.one)
        count = len(seeds.one)
        independent = seeds.how == INDEPENDENT
        if independent and 1 in (count, len(seeds.other)):
            # Of two runs with a seed each that differ, nothing is known of other seeds.
            return self._drawn(target, places, None, seeds=1)
        if all(self._is_one_for_all_seeds(name, target) for name in (recipe, beside)):
            count = max(
                len(self.seeds(name, key)) for key in self.samples for name in {recipe, beside}
            )
        weights = self.seed_weights(len(places))
        if independent and seeds.one > seeds.other:
            weights = weights[self._other_order]
        return self._drawn(target, places, weights, seeds=count)

    @cached_property
    def everything(self) -> Sides:
        """What was observed of all seeds, those that are left out among them; without draws."""
        return Sides(self._with_draws(0), self._untrained, against=self._against)

    def _is_one_for_all_seeds(self, recipe: str, target: str) -> bool:
        return recipe in self._untrained and TARGETS[target].train_set is None

    @cached_property
    def _other_order(self) -> np.ndarray:
        """The draws of seeds in another order: as good as draws of their own."""
        random = np.random.default_rng(derive_seed("bootstrap", "seeds", INDEPENDENT))
        return np.concatenate([[0], 1 + random.permutation(self.draws)])


def collapsed_of(
    names: Sequence[str], sides: Sequence[Side], shared: Common
) -> tuple[set[tuple[str, str, int]], list[str]]:
    """(side, target, seed) that are left out since their runs learnt nothing, and notes on them."""
    left_out, notes = set(), []
    for name, side, files in zip(names, sides, shared.files, strict=True):
        cells = [(file.encoder, file.recipe, file.target, file.seed) for file in files]
        found = split_collapsed(cells, side.runs)
        left_out |= {(name, target, seed) for _, _, target, seed in found.left_out}
        notes += [f"{name}: {note}" for note in found.notes]
    return left_out, notes


def cells_of(names: Sequence[str], shared: Common) -> Mapping[str, list[CellFile]]:
    """Target to the cells of all sides, each side by its name."""
    return of_target(
        replace(file, recipe=name)
        for name, files in zip(names, shared.files, strict=True)
        for file in files
    )
