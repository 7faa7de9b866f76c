"""What is found on simulated score tables of one kind of statement, beside the truth.

Each check says of each table, or of some: whether a statement of a family was false, the share of
intervals that hold the truth, and whether a planted effect was found. A planted effect is twice the
smallest that can be detected, by `power.smallest_detectable` with the true standard error, as one
of the statements that are made together. Functions that the outputs call give every number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from score_tables import Tables, codes

from xstilts.analysis.inference.behrens_fisher import smallest_detectable
from xstilts.analysis.inference.draws import Draws
from xstilts.analysis.inference.estimates import LEVEL, Estimates
from xstilts.analysis.tables import EVERY
from xstilts.config.recipes import NONE
from xstilts.config.tasks import SOURCE_LANGUAGE

FALSE, COVERED, FOUND = "false alarms", "coverage", "power"
# Of what states no smallest detectable effect.
SEEN = "found"
# What is less is no effect but rounding.
_ROUNDING = 1e-6


@dataclass(frozen=True, kw_only=True)
class Check:
    """What was found of one kind of statement.

    Attributes:
        rates: of each table, 0 to 1; nan where nothing could be checked.
    """

    statement: str
    kind: str
    rates: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Some tables as they are with the first few seeds.

    Attributes:
        spread: standard deviation in points of what runs add.
        number: of the batch of tables; which effects are planted follows from it.
    """

    tables: Tables
    seeds: int
    spread: float
    number: int
    _scores: dict[tuple[str, str], Draws] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many tables there are."""
        return self.tables.count

    @property
    def degrees(self) -> int:
        """Of freedom of what seeds add."""
        return max(1, self.seeds - 1)

    def turns(self, statements: int) -> np.ndarray:
        """(tables,): in which of so many statements an effect is planted."""
        return (self.count * self.number + np.arange(self.count)) % statements

    def every(self, target: str, recipe: str) -> Draws:
        """(1 + draws, tables, languages): scores in points, English the last."""
        key = target, recipe
        if key not in self._scores:
            self._scores[key] = self.tables.scores(target, recipe, self.seeds, self.spread)
        return self._scores[key]

    def truth_of_every(self, target: str, recipe: str) -> np.ndarray:
        """(tables, languages): what `every` estimates."""
        return self.tables.truth(target, recipe, self.seeds, self.spread)

    def scores(self, target: str, recipe: str) -> Draws:
        """(1 + draws, tables, languages other than English)."""
        number = len(others(target))
        return self.every(target, recipe).map(lambda values: values[..., :number])

    def truth(self, target: str, recipe: str) -> np.ndarray:
        """(tables, languages other than English): what `scores` estimate."""
        return self.truth_of_every(target, recipe)[:, : len(others(target))]

    def observed(self, target: str, recipe: str) -> np.ndarray:
        """(tables, languages other than English): what is observed of `scores`."""
        found = self.tables.observed(target, recipe, self.seeds, self.spread)
        return found[:, : len(others(target))]

    def planted(
        self, weights: Mapping[str, np.ndarray], tests: int, beside: str = NONE
    ) -> np.ndarray:
        """(tables,): the effect on a sum of gains that is planted, in points.

        Args:
            weights: target to the weight of each language; English may be left out.
        """
        padded = {
            target: np.concatenate(
                [weight, np.zeros((*weight.shape[:-1], len(codes(target)) - weight.shape[-1]))], -1
            )
            for target, weight in weights.items()
        }
        error, share = self.tables.noise_of(padded, self.seeds, self.spread, beside=beside)
        return 2 * smallest_detectable(error, share, self.degrees, tests=tests)


@cache
def others(target: str) -> tuple[str, ...]:
    """The languages of a target, English left out."""
    return tuple(code for code in codes(target) if code != SOURCE_LANGUAGE)


def false(p_adjusted: np.ndarray, values: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Which statements are made of no effect, or of one with another sign."""
    signs = np.sign(np.where(np.abs(truth) < _ROUNDING, 0, truth))
    return (p_adjusted < LEVEL) & (np.sign(values) != signs)


def covered(found: Estimates, truth: np.ndarray) -> np.ndarray:
    """Which intervals hold the truth."""
    return (found.low <= truth + _ROUNDING) & (truth - _ROUNDING <= found.high)


def adjusted(adjust: Callable[[Sequence[float]], list[float]], p_values: np.ndarray) -> np.ndarray:
    """(tables, statements): p adjusted within each table; none falls, so small ones are needed."""
    result = np.ones(p_values.shape)
    for row in np.flatnonzero((p_values < LEVEL).any(axis=1)):
        result[row] = adjust(p_values[row])
    return result


def where(target: str) -> str:
    """As part of a statement's name."""
    return "mean over targets" if target == EVERY else "a target"
