"""Simulated score tables of one encoder, whose truth is known: what `calibration.py` judges.

A table has XTREME's nine targets with all their languages, several recipes and up to five seeds. A
score is the language's true level, plus what the recipe truly changes, plus what the run adds, plus
what items add. Of what a run adds half of the variance is a language's own, a quarter is common to
the languages of a target, a quarter to all targets, as if it were the intermediate training's. Of
the variance of an item's outcome a part is the item's whatever the recipe, a part is the recipe's
on that item whatever the seed, the rest is the run's. Items of a cluster are correlated in each
part, on parallel targets also over languages. Sums over the items of a cluster are drawn as normal.
Where nothing is trained the baseline has one run for all seeds.

Scores are sums of these terms and counts of drawn items are the same for all of them, so tables
with fewer seeds or another deviation of runs share the draws of their items, which cost most.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import product

import numpy as np

from xstilts.analysis.inference.bootstrap import resample, seed_weights
from xstilts.analysis.inference.draws import Draws
from xstilts.analysis.inputs.items import Items
from xstilts.config.recipes import NONE
from xstilts.config.tasks import SOURCE_LANGUAGE, TARGETS, XTREME

TABLE_TARGETS = tuple(XTREME)
SEEDS = 5
# Recipes that change nothing, in the roles that claims give them.
NOTHING = ("mnli", "ccg", "multi", "mnli_mlm")
# One that changes each language by chance, so that families do not differ.
VARIED = "varied"
RECIPES = (NONE, *NOTHING, VARIED)

CLUSTER = 5
# 500 items a language, about as many as TyDiQA has; fewer where XTREME has few.
CLUSTERS = 100
FEWER = {
    ("panx", "jv"): 20, ("panx", "my"): 20, ("panx", "yo"): 20,
    ("tatoeba", "jv"): 41, ("tatoeba", "sw"): 78,
}  # fmt: skip

# In points.
LEVEL, LEVEL_SD, LEAST_LEVEL, GREATEST_LEVEL = 65.0, 10.0, 25.0, 90.0
CHANGE_SD = 2.0
# Of the variance of languages' levels, what is the same on all targets.
OVER_TARGETS = 0.5
# Of the variance of an item's outcome, what recipes and seeds share, what seeds share, the rest.
OF_ITEM, OF_RECIPE, OF_RUN = 0.4, 0.3, 0.3
# Of each of these on parallel targets, what languages share.
OVER_LANGUAGES = 0.5
# Of what a run adds: a language's own, what those of a target share, what targets share.
RUN_OWN, RUN_ON_TARGET, RUN_EVERYWHERE = 0.5, 0.25, 0.25


@dataclass(frozen=True, kw_only=True)
class World:
    """What tables have in common.

    Attributes:
        icc: intraclass correlation of the items of a cluster.
        correlation: of a language's changes over targets.
        draws: B.
    """

    icc: float
    correlation: float
    draws: int

    def cluster_variance(self, level: np.ndarray) -> np.ndarray:
        """Of a cluster's sum of right answers, given the score in points."""
        return CLUSTER * (1 + (CLUSTER - 1) * self.icc) * level / 100 * (1 - level / 100)


@cache
def codes(target: str) -> tuple[str, ...]:
    """The languages of a target; English, if there, is the last."""
    return tuple(sorted(TARGETS[target].languages, key=lambda code: code == SOURCE_LANGUAGE))


def clusters(target: str, code: str) -> int:
    """How many clusters of items a language has."""
    return FEWER.get((target, code), CLUSTERS)


def untrained(target: str) -> bool:
    """Whether the baseline has one run for all seeds."""
    return TARGETS[target].train_set is None


@cache
def weights_of_seeds(count: int, draws: int) -> np.ndarray:
    """`seed_weights`, once."""
    return seed_weights(count, draws)


@cache
def ways_of_seeds(count: int, draws: int) -> np.ndarray:
    """(1 + ways, seeds): weights of seeds as observed, and in every way to draw them.

    `seed_weights` where there are more ways than draws; of fewer it would be draws with chance in
    them, and slower.
    """
    picks = max(1, count - 1)
    if count**picks > draws:
        return weights_of_seeds(count, draws)
    ways = [
        np.bincount(way, minlength=count) / picks for way in product(range(count), repeat=picks)
    ]
    return np.vstack([np.full(count, 1 / count), *ways])


@dataclass(frozen=True, kw_only=True)
class Tables:
    """Some tables; arrays by target.

    Attributes:
        levels: true scores in points, (tables, recipes, languages).
        runs: what a run adds for each point of the seeds' deviation, (tables, recipes, seeds,
            languages).
        noise: what items add in points, float32, (1 + draws, tables, recipes, seeds, languages).
    """

    world: World
    levels: Mapping[str, np.ndarray]
    runs: Mapping[str, np.ndarray]
    noise: Mapping[str, np.ndarray]
    _means: dict[int, dict[str, tuple[np.ndarray, np.ndarray]]] = field(default_factory=dict)

    @property
    def count(self) -> int:
        """How many tables there are."""
        return len(next(iter(self.levels.values())))

    @classmethod
    def simulate(cls, world: World, count: int, random: np.random.Generator) -> Tables:
        """`count` tables."""
        every = sorted({code for target in XTREME for code in codes(target)})
        level, change = random.standard_normal((2, count, len(every)))
        cells = (count, len(RECIPES), SEEDS)
        everywhere = random.standard_normal((*cells, 1))
        levels, runs, noise = {}, {}, {}
        for target in XTREME:
            places = [every.index(code) for code in codes(target)]
            own = random.standard_normal((2, count, len(places)))
            base = LEVEL + LEVEL_SD * _mixed(level[:, places], own[0], OVER_TARGETS)
            base = np.clip(base, LEAST_LEVEL, GREATEST_LEVEL)
            levels[target] = np.repeat(base[:, None], len(RECIPES), axis=1)
            changes = CHANGE_SD * _mixed(change[:, places], own[1], world.correlation)
            levels[target][:, RECIPES.index(VARIED)] += changes
            on_target = random.standard_normal((*cells, 1))
            runs[target] = (
                RUN_EVERYWHERE**0.5 * everywhere
                + RUN_ON_TARGET**0.5 * on_target
                + RUN_OWN**0.5 * random.standard_normal((*cells, len(places)))
            )
            if untrained(target):
                runs[target][:, RECIPES.index(NONE)] = 0
            noise[target] = resample(
                _items(world, target, base, random),
                name=target,
                parallel=TARGETS[target].parallel,
                draws=world.draws,
            ).reshape(1 + world.draws, *cells, len(places))
        return cls(world=world, levels=levels, runs=runs, noise=noise)

    def scores(self, target: str, recipe: str, seeds: int, spread: float) -> Draws:
        """(1 + draws, tables, languages): scores in points, as `Evidence.scores` has them.

        Args:
            seeds: the first so many are used.
            spread: standard deviation in points of what runs add.
        """
        place = RECIPES.index(recipe)
        level = self.levels[target][:, place]
        added = spread * self.runs[target][:, place, :seeds]
        both, items = (part[:, :, place] for part in self._over_seeds(target, seeds))
        items = items + (level + added.mean(axis=1)).astype(np.float32)
        if seeds > 1:
            weights = weights_of_seeds(seeds, self.world.draws)
            drawn = np.tensordot(weights, added, axes=(1, 1)) + level
            both = both + drawn.astype(np.float32)
        observed = added + self.noise[target][0, :, place, :seeds]
        ways = ways_of_seeds(seeds, self.world.draws)
        return Draws(
            both=items if seeds == 1 else both,
            items=items,
            seeds_alone=np.tensordot(ways, observed, axes=(1, 1)) + level,
            seeds=seeds,
            most_seeds=seeds,
        )

    def observed(self, target: str, recipe: str, seeds: int, spread: float) -> np.ndarray:
        """(tables, languages): the observed value of `scores`, without draws."""
        place = RECIPES.index(recipe)
        noise = self.noise[target][0, :, place, :seeds]
        runs = spread * self.runs[target][:, place, :seeds]
        return self.levels[target][:, place] + (runs + noise).mean(axis=1)

    def truth(self, target: str, recipe: str, seeds: int, spread: float) -> np.ndarray:
        """(tables, languages): what scores are estimates of; with one seed that of the run."""
        place = RECIPES.index(recipe)
        level = self.levels[target][:, place]
        return level + spread * self.runs[target][:, place, 0] if seeds == 1 else level

    def noise_of(
        self,
        weights: Mapping[str, np.ndarray],
        seeds: int,
        spread: float,
        *,
        beside: str = NONE,
    ) -> tuple[np.ndarray, np.ndarray]:
        """True standard error of a sum of gains and the share that seeds give, (tables,).

        Args:
            weights: target to the weight of each gain, (languages,) or (tables, languages).
            beside: the recipe that gains are over.
        """
        of_items = of_seeds = np.zeros(self.count)
        # Of each side, the sum of weights of targets on which its runs differ.
        sums = np.zeros((2, self.count))
        for target, weight in weights.items():
            weight = np.broadcast_to(weight, self.levels[target][:, 0].shape)
            number = np.array([clusters(target, code) for code in codes(target)])
            variance = self.world.cluster_variance(self.levels[target][:, 0]) / number
            scaled = weight * 100 / CLUSTER * np.sqrt(variance)
            shared = OVER_LANGUAGES if TARGETS[target].parallel else 0.0
            unit = (1 - shared) * np.sum(scaled**2, axis=-1) + shared * scaled.sum(axis=-1) ** 2
            # What one run stands for is no noise of seeds.
            alone = 2 if seeds == 1 else int(untrained(target) and beside == NONE)
            of_items = of_items + unit * (2 * OF_RECIPE + alone * OF_RUN)
            run = RUN_OWN * np.sum(weight**2, axis=-1) + RUN_ON_TARGET * weight.sum(axis=-1) ** 2
            of_seeds = of_seeds + (2 - alone) * (OF_RUN * unit + spread**2 * run)
            sums[: 2 - alone] += weight.sum(axis=-1)
        of_seeds = of_seeds + RUN_EVERYWHERE * spread**2 * np.sum(sums**2, axis=0)
        of_seeds = of_seeds / seeds
        return np.sqrt(of_items + of_seeds), of_seeds / (of_items + of_seeds)

    def _over_seeds(self, target: str, seeds: int) -> tuple[np.ndarray, np.ndarray]:
        """(1 + draws, tables, recipes, languages): noise with seeds resampled too, and without."""
        if seeds not in self._means:
            # Of the number of seeds that is looked at; those of others take much memory.
            self._means.clear()
            self._means[seeds] = {}
        held = self._means[seeds]
        if target not in held:
            used = self.noise[target][:, :, :, :seeds]
            items = used.mean(axis=3)
            weights = weights_of_seeds(seeds, self.world.draws).astype(np.float32)
            both = items if seeds == 1 else np.einsum("bs,btrsl->btrl", weights, used)
            held[target] = both, items
        return held[target]


def _mixed(common: np.ndarray, own: np.ndarray, share: float) -> np.ndarray:
    """Numbers of variance 1 of which some share is common."""
    return share**0.5 * common + (1 - share) ** 0.5 * own


def _items(
    world: World, target: str, base: np.ndarray, random: np.random.Generator
) -> dict[str, Items]:
    """What items add: of each language (clusters, tables x recipes x seeds)."""
    count, alone = len(base), untrained(target)
    shared: dict[int, np.ndarray] = {}
    items = {}
    for place, code in enumerate(codes(target)):
        number = clusters(target, code)
        drawn = _outcomes(number, count, alone, random)
        if TARGETS[target].parallel:
            if number not in shared:
                shared[number] = _outcomes(number, count, alone, random)
            drawn = _mixed(shared[number], drawn, OVER_LANGUAGES)
        deviation = np.sqrt(world.cluster_variance(base[:, place])).astype(np.float32)
        drawn *= deviation[:, None, None]
        items[code] = Items(
            numerator=drawn.reshape(number, -1),
            denominator=np.full((number, 1), CLUSTER, dtype=np.float32),
            count=number * CLUSTER,
            clusters=number,
        )
    return items


def _outcomes(number: int, count: int, alone: bool, random: np.random.Generator) -> np.ndarray:
    """(clusters, tables, recipes, seeds), float32, of variance 1."""
    cells = (number, count, len(RECIPES))
    of_run = random.standard_normal((*cells, SEEDS), dtype=np.float32)
    if alone:
        of_run[:, :, 0] = of_run[:, :, 0, :1]
    of_run *= np.float32(OF_RUN**0.5)
    of_recipe = random.standard_normal((*cells, 1), dtype=np.float32)
    of_item = random.standard_normal((number, count, 1, 1), dtype=np.float32)
    of_run += np.float32(OF_RECIPE**0.5) * of_recipe + np.float32(OF_ITEM**0.5) * of_item
    return of_run
