"""Verdicts on ratios: what perturbation costs, and items right in English alone.

Their true standard errors have no formula here. What is planted takes for true the root mean
square of the estimated ones, over the tables of a batch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
from gain_verdicts import groups_of
from scipy.special import ndtri
from score_tables import CLUSTER, CLUSTERS, NOTHING, TABLE_TARGETS, weights_of_seeds
from verdicts import COVERED, FALSE, FOUND, Check, Setting, adjusted, covered, false

from xstilts.analysis.fairness.formulas import chance_corrected, relative_drop
from xstilts.analysis.inference.adjust import benjamini_hochberg, holm
from xstilts.analysis.inference.behrens_fisher import smallest_detectable
from xstilts.analysis.inference.bootstrap import resample
from xstilts.analysis.inference.draws import Draws, combine
from xstilts.analysis.inference.estimates import LEVEL, Estimates, estimates
from xstilts.analysis.inputs.items import Items
from xstilts.analysis.pitfalls import mcnemar
from xstilts.analysis.tables import ALL_LANGUAGES, FAMILY, LANGUAGE
from xstilts.config.tasks import TARGETS, Kind

# Points that perturbation costs, and the clean score from which a relative drop is told.
LOST = 10.0
SMALLEST = 0.05
# Of the items on which languages are compared: shares of the variance of what makes them hard.
RIGHT_IN_ENGLISH, RIGHT_ELSEWHERE = 0.85, 0.7
HARD_FOR_ALL, HARD_IN_LANGUAGE, HARD_IN_RUN = 0.4, 0.3, 0.3


def _main(target: str) -> tuple[list[int], np.ndarray]:
    """Groupings as numbers, and weights, (languages, groups), of main groups of a target."""
    groups, weights = groups_of(target)
    kept = [
        place
        for place, group in enumerate(groups)
        if group.grouping in (LANGUAGE, FAMILY) or group.name == ALL_LANGUAGES
    ]
    names = [groups[place].grouping for place in kept]
    return [list(dict.fromkeys(names)).index(name) for name in names], weights[:, kept]


def _judged(
    label: str,
    drawn: Draws,
    truth: np.ndarray,
    families: Sequence[int],
    adjust: Callable[[Sequence[float]], list[float]],
    setting: Setting,
) -> Iterator[Check]:
    """Checks of changes, (1 + draws, tables, statements), adjusted within families."""
    found = estimates(drawn)
    known = np.isfinite(found.p) & np.isfinite(truth)
    wrong = []
    tables = np.arange(setting.count)
    detected = []
    for family in dict.fromkeys(families):
        places = np.flatnonzero(np.array(families) == family)
        p_values = np.where(known, found.p, 1.0)[:, places]
        p = adjusted(adjust, p_values)
        wrong.append(false(p, found.value[:, places], truth[:, places]).any(axis=1))
        turn = setting.turns(len(places))
        effect = 2 * _detectable(found, known, places, setting)[turn]
        planted = estimates(drawn.map(lambda v, c=places[turn], e=effect: v[:, tables, c] + e))
        p_values[tables, turn] = np.nan_to_num(planted.p, nan=1.0)
        right = (adjusted(adjust, p_values)[tables, turn] < LEVEL) & (planted.value > 0)
        detected.append(np.where(known[tables, places[turn]], right, np.nan))
    inside = np.where(known, covered(found, truth), np.nan)
    yield Check(statement=label, kind=FALSE, rates=np.mean(wrong, axis=0))
    with np.errstate(invalid="ignore"):
        shares = [
            np.nansum(each, axis=1) / np.isfinite(each).sum(axis=1)
            for each in (inside, np.stack(detected, axis=1))
        ]
    yield Check(statement=label, kind=COVERED, rates=shares[0])
    yield Check(statement=label, kind=FOUND, rates=shares[1])


def _detectable(
    found: Estimates, known: np.ndarray, places: np.ndarray, setting: Setting
) -> np.ndarray:
    """(places,): the smallest detectable effect of each, from the errors of all tables."""
    squares = np.where(known, found.error, np.nan)[:, places] ** 2
    of_seeds = np.nanmean(squares * found.share[:, places], axis=0)
    whole = np.nanmean(squares, axis=0)
    return smallest_detectable(np.sqrt(whole), of_seeds / whole, setting.degrees, tests=len(places))


def robustness(setting: Setting) -> Iterator[Check]:
    """Changes of the relative drop and of the loss (`tables.PERTURBED`, Benjamini-Hochberg).

    Perturbed scores are those of other recipes that change nothing, less what is lost.
    """
    target = TABLE_TARGETS[setting.number % len(TABLE_TARGETS)]
    task = TARGETS[target]
    chance = 100 / len(task.labels) if task.kind is Kind.PAIR else 0.0
    _, weights = _main(target)
    sides = (NOTHING[0], NOTHING[1]), (NOTHING[2], NOTHING[3])
    drawn = [
        setting.scores(target, name).map(lambda v, lost=lost: v.astype(float) - lost)
        for side in sides
        for name, lost in zip(side, (0.0, LOST), strict=True)
    ]
    true = [
        setting.truth(target, name) - lost
        for side in sides
        for name, lost in zip(side, (0.0, LOST), strict=True)
    ]
    enough = [
        chance_corrected(part.observed, chance) @ weights >= SMALLEST
        for part in (drawn[0], drawn[2])
    ]
    enough = enough[0] & enough[1]

    def drop(parts: Sequence[np.ndarray]) -> np.ndarray:
        corrected = [chance_corrected(part, chance) @ weights for part in parts]
        after, before = (
            relative_drop(*corrected[start : start + 2], smallest=float(np.finfo(float).tiny))
            for start in (0, 2)
        )
        return np.where(enough, 100 * (after - before), np.nan)

    def loss(parts: Sequence[np.ndarray]) -> np.ndarray:
        return ((parts[0] - parts[1]) - (parts[2] - parts[3])) @ weights

    for name, change in (("relative drop", drop), ("loss", loss)):
        yield from _judged(
            f"perturbed: {name}, a target",
            combine(drawn, change),
            change(true),
            [0] * weights.shape[1],
            benjamini_hochberg,
            setting,
        )


def pitfalls(setting: Setting) -> Iterator[Check]:
    """Rates of items that are right in English alone (`tables.PITFALLS`, Holm), and McNemar's p.

    Items are those of XQuAD, right or wrong, in two recipes that are equally good. For McNemar's
    test languages are as good as English, and runs differ by items alone.
    """
    target = "xquad"
    families, weights = _main(target)
    tables = setting.count
    random = np.random.default_rng([setting.number, setting.seeds, round(10 * setting.spread)])
    right = _right(setting, random, (tables, 2, setting.seeds), len(weights), setting.spread)
    english, others = right[..., :1], right[..., 1:]
    missed, asked = (english & ~others), np.broadcast_to(english, others.shape)

    def by_cluster(hits: np.ndarray) -> np.ndarray:
        sums = hits.reshape(CLUSTERS, CLUSTER, *hits.shape[1:]).sum(axis=1, dtype=np.float32)
        return sums.reshape(CLUSTERS, -1, len(weights))

    above, below = by_cluster(missed), by_cluster(asked)
    rates = resample(
        {
            f"{place}": Items(numerator=above[..., place], denominator=below[..., place], count=0)
            for place in range(len(weights))
        },
        name=target,
        parallel=True,
        draws=setting.tables.world.draws,
    ).reshape(-1, tables, 2, setting.seeds, len(weights))
    change = rates[:, :, 0] - rates[:, :, 1]
    seed_weights = weights_of_seeds(setting.seeds, setting.tables.world.draws)
    items = change.mean(axis=2)
    both = items if setting.seeds == 1 else np.einsum("bs,btsl->btl", seed_weights, change)
    drawn = Draws(
        both=both,
        items=items,
        seeds_alone=np.einsum("bs,tsl->btl", seed_weights, change[0]),
        seeds=setting.seeds,
        most_seeds=setting.seeds,
    ).map(lambda values: values @ weights)
    yield from _judged(
        "pitfalls: rate, a target",
        drawn,
        np.zeros((tables, weights.shape[1])),
        families,
        holm,
        setting,
    )
    alike = _right(setting, random, (tables, setting.seeds), 1, 0.0, elsewhere=RIGHT_IN_ENGLISH)
    ahead = (alike[..., 0].astype(float) - alike[..., 1]).mean(axis=2)
    sums = ahead.reshape(CLUSTERS, CLUSTER, tables).sum(axis=1).round(9)
    p = np.array([mcnemar(sums[:, table]) for table in range(tables)])
    yield Check(statement="pitfalls: McNemar, a language", kind=FALSE, rates=p < LEVEL)


def _right(
    setting: Setting,
    random: np.random.Generator,
    cells: tuple[int, ...],
    languages: int,
    spread: float,
    elsewhere: float = RIGHT_ELSEWHERE,
) -> np.ndarray:
    """(items, *cells, 1 + languages): whether items are right, English first.

    Args:
        cells: tables first.
    """
    units, alone = CLUSTERS * CLUSTER, (cells[0], *[1] * (len(cells) - 1))

    def normal(*shape: int) -> np.ndarray:
        """Of variance 1 and correlated within clusters."""
        icc = setting.tables.world.icc
        shared = random.standard_normal((CLUSTERS, 1, *shape), dtype=np.float32)
        own = random.standard_normal((CLUSTERS, CLUSTER, *shape), dtype=np.float32)
        return (icc**0.5 * shared + (1 - icc) ** 0.5 * own).reshape(units, *shape)

    ease = HARD_FOR_ALL**0.5 * normal(*alone, 1)
    ease = ease + HARD_IN_LANGUAGE**0.5 * normal(*alone, 1 + languages)
    ease = ease + HARD_IN_RUN**0.5 * normal(*cells, 1 + languages)
    level = np.array([RIGHT_IN_ENGLISH, *[elsewhere] * languages])
    # A point is worth about as much on the normal scale at these levels.
    runs = spread / 100 / 0.3 * random.standard_normal((*cells, 1 + languages))
    return ease + (ndtri(level) + runs).astype(np.float32) > 0
