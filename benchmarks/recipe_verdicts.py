"""Whom recipes harm, and how they rank, on simulated score tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
from score_tables import NOTHING, RECIPES, TABLE_TARGETS, VARIED
from verdicts import (
    COVERED,
    FALSE,
    FOUND,
    SEEN,
    Check,
    Setting,
    adjusted,
    covered,
    false,
    others,
    where,
)

from xstilts.analysis.fairness.formulas import harm_concentration_p
from xstilts.analysis.inference.adjust import holm
from xstilts.analysis.inference.draws import mean_of, stack
from xstilts.analysis.inference.estimates import LEVEL, Estimates, estimates
from xstilts.analysis.tables import EVERY
from xstilts.config.languages import LANGUAGES
from xstilts.config.recipes import NONE


def harm(setting: Setting, permutations: int) -> Iterator[Check]:
    """Families that bear more than their share of losses (`tables.HARM`, Holm)."""
    one = TABLE_TARGETS[setting.number % len(TABLE_TARGETS)]
    for scope, targets in ((one, (one,)), (EVERY, TABLE_TARGETS)):
        names = [others(target) for target in targets]
        family_of = {code: LANGUAGES[code].family for held in names for code in held}
        sizes = Counter(family_of.values())
        large = [family for family in sizes if sizes[family] > 1 and len(sizes) > 1]

        def judged(changes: Sequence[np.ndarray], names=names, family_of=family_of) -> dict:
            found = harm_concentration_p(
                changes, names, family_of, draws=permutations, seed=setting.number
            )
            return dict(zip(found, holm(list(found.values())), strict=True))

        for recipe, label in ((VARIED, "languages change"), (NOTHING[0], "nothing changes")):
            change = [setting.observed(t, recipe) - setting.observed(t, NONE) for t in targets]
            tables = range(setting.count)
            rates = [min(judged([each[n] for each in change]).values()) < LEVEL for n in tables]
            yield Check(
                statement=f"harm, {label}, {where(scope)}", kind=FALSE, rates=np.array(rates)
            )
            if recipe == VARIED and large:
                rates = []
                for n in tables:
                    family = large[setting.turns(len(large))[n]]
                    lost = [
                        each[n] - 10 * np.array([family_of[code] == family for code in held])
                        for each, held in zip(change, names, strict=True)
                    ]
                    rates.append(judged(lost)[family] < LEVEL)
                yield Check(
                    statement=f"harm, {label}, {where(scope)}", kind=SEEN, rates=np.array(rates)
                )


def order(setting: Setting) -> Iterator[Check]:
    """Recipes against each other (`compare`), and below the best (`tables.STABILITY`), Holm."""
    one = TABLE_TARGETS[setting.number % len(TABLE_TARGETS)]
    names = RECIPES[: RECIPES.index(VARIED)]
    places = list(combinations(range(len(names)), 2))
    first, second = (list(side) for side in zip(*places, strict=True))
    for scope, targets in ((one, (one,)), (EVERY, TABLE_TARGETS)):
        means = stack(
            [
                mean_of([setting.scores(t, name).map(lambda v: v.mean(axis=-1)) for t in targets])
                for name in names
            ]
        )
        truth = np.stack(
            [np.mean([setting.truth(t, n).mean(axis=-1) for t in targets], axis=0) for n in names],
            axis=-1,
        )
        weights = {t: np.full(len(others(t)), 1 / len(others(t)) / len(targets)) for t in targets}
        effect = setting.planted(weights, len(places), beside=NOTHING[0])
        for shift in (0, effect):
            moved = np.zeros(truth.shape)
            moved[:, -1] -= shift
            shifted = means.map(lambda v, moved=moved: v + moved)
            pairs = shifted.map(lambda v: v[..., first] - v[..., second])
            known = (truth + moved)[:, first] - (truth + moved)[:, second]
            found = estimates(pairs)
            p = adjusted(holm, found.p)
            wrong = false(p, found.value, known)
            below, clearly = _below_best(found, p, places, shifted.observed)
            label = f"recipes in order, {where(scope)}"
            best = f"below the best recipe, {where(scope)}"
            if np.ndim(shift) == 0:
                yield Check(statement=label, kind=FALSE, rates=wrong.any(axis=1))
                yield Check(statement=label, kind=COVERED, rates=covered(found, known).mean(axis=1))
                # Who is said to be below one that is truly no better.
                wrong = clearly & false(np.zeros(p.shape), found.value, known)
                yield Check(statement=best, kind=FALSE, rates=wrong.any(axis=1))
            else:
                last = [n for n, (_, other) in enumerate(places) if other == len(names) - 1]
                right = (p[:, last] < LEVEL) & (found.value[:, last] > 0)
                yield Check(statement=label, kind=FOUND, rates=right.mean(axis=1))
                yield Check(statement=best, kind=FOUND, rates=below[:, -1])


def _below_best(
    found: Estimates, p: np.ndarray, places: Sequence[tuple[int, int]], observed: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Which recipes are said to be below the best, and in which pairs that is said.

    As in `stability`: the pairs with the observed best are tested, the others count as p = 1.
    """
    best = observed.argmax(axis=-1)
    below = np.zeros(observed.shape, dtype=bool)
    clearly = np.zeros(p.shape, dtype=bool)
    for row, place in enumerate(best):
        mine = [n for n, pair in enumerate(places) if place in pair]
        adjusted_p = holm([*found.p[row, mine], *[1.0] * (len(places) - len(mine))])[: len(mine)]
        for n, value in zip(mine, adjusted_p, strict=True):
            clearly[row, n] = value < LEVEL
            other = places[n][0] if places[n][1] == place else places[n][1]
            below[row, other] = value < LEVEL
    return below, clearly
