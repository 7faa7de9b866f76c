"""What could be seen: the smallest gains that an experiment's design detects, before it runs.

A gain is a recipe's score minus the baseline's, paired by item and seed. Its standard error is
reckoned from the numbers of items, clusters, languages and seeds and from what is assumed of
results (`settings.Assumptions`), in two parts. Items are right or wrong: the difference of one has
the variance 2 a (1 - a) (1 - r), with accuracy a and correlation r between the recipes. It is taken
to be the same in every seed, and partly right answers as all or nothing: both are cautious. Items
that share a cluster multiply it by the design effect 1 + (m - 1) rho (Kish 1965). Seeds move all
items of a language together, and in part all languages and targets.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from xstilts.config.recipes import NONE
from xstilts.config.settings import Assumptions
from xstilts.config.tasks import SOURCE_LANGUAGE, TARGETS
from xstilts.execution.plan.items import Amounts, Scored
from xstilts.execution.plan.power import smallest_detectable
from xstilts.graph.cells import Grid

# Means that are judged together: over all languages, over all families, and over all with English.
_MEANS = 3


@dataclass(frozen=True, kw_only=True)
class TargetPart:
    """What one target adds to a mean.

    Attributes:
        languages: over how many of them the mean is.
        scored: what each is scored on.
        parallel: whether all have the same items.
    """

    languages: int
    scored: Scored
    parallel: bool


@dataclass(frozen=True, kw_only=True)
class GainNoise:
    """The standard error of a mean gain, in points, and the share of its square from seeds."""

    error: float
    share: float


def design_error(parts: Sequence[TargetPart], seeds: int, assumptions: Assumptions) -> GainNoise:
    """The noise of a gain: the mean over targets of means over languages.

    With one seed it is that of items alone: how seeds differ cannot be seen.
    """
    items = sum(_item_variance(part, assumptions) for part in parts)
    within = assumptions.seed_correlation_languages
    common = sum(within + (1 - within) / part.languages for part in parts)
    common += assumptions.seed_correlation_targets * len(parts) * (len(parts) - 1)
    seeded = assumptions.seed_sd**2 * common / seeds if seeds > 1 else 0.0
    whole = items + seeded
    return GainNoise(error=math.sqrt(whole) / len(parts), share=seeded / whole)


def _item_variance(part: TargetPart, assumptions: Assumptions) -> float:
    """Of the mean over languages, in squared points."""
    right = assumptions.accuracy
    difference = 100**2 * 2 * right * (1 - right) * (1 - assumptions.item_correlation)
    effect = 1 + (part.scored.together - 1) * assumptions.cluster_correlation
    common = assumptions.language_correlation if part.parallel else 0.0
    averaged = common + (1 - common) / part.languages
    return difference * effect * averaged / part.scored.items


@dataclass(frozen=True, kw_only=True)
class Seen:
    """The smallest gain that is detected with 80 % power at 5 %, in points.

    Attributes:
        languages: that the gain is the mean over.
        tests: statements about a recipe in one target that it is adjusted for.
        noise: of the gain.
        gain: the smallest.
    """

    languages: int
    tests: int
    noise: GainNoise
    gain: float


@dataclass(frozen=True, kw_only=True)
class TargetDesign:
    """One target's design.

    Attributes:
        languages: without English.
        scored: what each is scored on.
        language: what is seen of one language.
        smallest_family, largest_family: of those with several languages; None if there is none.
        mean: what is seen of the mean over languages.
    """

    target: str
    languages: int
    scored: Scored
    language: Seen
    smallest_family: Seen | None
    largest_family: Seen | None
    mean: Seen


class Design:
    """What could be seen with an experiment's numbers of items, languages and seeds."""

    def __init__(self, grid: Grid) -> None:
        self._grid = grid
        self._amounts = Amounts(grid)
        self.assumptions = grid.experiment.assumptions
        self.seeds = len(grid.experiment.seeds)
        splits = grid.experiment.splits
        # The one that findings are about.
        self._split = "test" if "test" in splits else splits[0]

    @cached_property
    def targets(self) -> tuple[TargetDesign, ...]:
        """In the experiment's order, without those of which nothing is known, or English alone.

        None where no recipe is compared with the baseline.
        """
        if not {NONE} < set(self._grid.recipes):
            return ()
        found = (self._target(target) for target in self._grid.experiment.targets)
        return tuple(each for each in found if each is not None)

    @cached_property
    def mean(self) -> Seen | None:
        """Of the mean over XTREME's targets; None of fewer than two."""
        parts = [
            self._part(each.target, each.languages, each.scored)
            for each in self.targets
            if TARGETS[each.target].xtreme
        ]
        return self._seen(parts, _MEANS) if len(parts) > 1 else None

    def _target(self, target: str) -> TargetDesign | None:
        codes = [
            unit.language
            for unit in self._grid.units(target, "eval")
            if unit.split == self._split and unit.language != SOURCE_LANGUAGE
        ]
        scored = self._amounts.scored(target, self._split)
        if not codes or scored is None:
            return None
        known = self._grid.experiment.known_languages
        families = Counter(known[code].family for code in codes)
        several = sorted(number for number in families.values() if number > 1)

        def seen(languages: int, tests: int) -> Seen:
            return self._seen([self._part(target, languages, scored)], tests)

        return TargetDesign(
            target=target,
            languages=len(codes),
            scored=scored,
            language=seen(1, len(codes)),
            smallest_family=seen(several[0], len(families)) if several else None,
            largest_family=seen(several[-1], len(families)) if several else None,
            mean=seen(len(codes), _MEANS),
        )

    def _part(self, target: str, languages: int, scored: Scored) -> TargetPart:
        return TargetPart(languages=languages, scored=scored, parallel=TARGETS[target].parallel)

    def _seen(self, parts: Sequence[TargetPart], tests: int) -> Seen:
        noise = design_error(parts, self.seeds, self.assumptions)
        errors = smallest_detectable(noise.share, max(1, self.seeds - 1), tests)
        return Seen(
            languages=sum(part.languages for part in parts),
            tests=tests,
            noise=noise,
            gain=errors * noise.error,
        )
