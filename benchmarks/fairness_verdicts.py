"""Measures of how evenly languages are served, on simulated score tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from functools import cache

import numpy as np
from score_tables import NOTHING, TABLE_TARGETS
from verdicts import COVERED, FALSE, FOUND, Check, Setting, adjusted, covered, false, others, where

from xstilts.analysis.fairness.formulas import family_means
from xstilts.analysis.fairness.registry import CLDR, ETHNOLOGUE, MEASURES, Covered, Measure
from xstilts.analysis.fairness.rows import TargetMeasure, mean_estimates, measure_of
from xstilts.analysis.inference.adjust import benjamini_hochberg
from xstilts.analysis.inference.draws import Draws
from xstilts.analysis.inference.estimates import LEVEL, Estimates
from xstilts.analysis.tables import EVERY, LESS
from xstilts.config.language_facts import FACTS
from xstilts.config.languages import LANGUAGES
from xstilts.config.recipes import NONE

# No verdict is given on the value of a measure, so its interval is looked at in fewer batches.
_VALUES_ONCE = 3


@cache
def _covered(target: str) -> Covered:
    names = others(target)
    families = tuple(LANGUAGES[code].family for code in names)
    cldr = np.array([FACTS[code].speakers for code in names], dtype=float)
    other = [FACTS[code].speakers_ethnologue for code in names]
    return Covered(
        codes=names,
        families=families,
        several=frozenset(name for name, number in Counter(families).items() if number > 1),
        speakers={
            CLDR: cldr,
            ETHNOLOGUE: np.array(
                [one if two is None else two for one, two in zip(cldr, other, strict=True)]
            ),
        },
    )


def fairness(setting: Setting, recipe: str = NOTHING[1]) -> Iterator[Check]:
    """How evenly languages are served (`tables.FAIRNESS`, Benjamini-Hochberg)."""
    one = TABLE_TARGETS[setting.number % len(TABLE_TARGETS)]
    after = {t: setting.scores(t, recipe) for t in TABLE_TARGETS}
    before = {t: setting.scores(t, NONE) for t in TABLE_TARGETS}
    measured = {
        (target, measure): (
            measure_of(measure, after[target], _covered(target)),
            measure_of(measure, before[target], _covered(target)),
        )
        for measure in MEASURES
        for target in TABLE_TARGETS
    }
    measured = {key: pair for key, pair in measured.items() if None not in pair}
    for scope, targets in ((one, (one,)), (EVERY, TABLE_TARGETS)):
        truth = true_changes(setting, recipe, scope)
        changes: dict[Measure, tuple[Estimates, np.ndarray]] = {}
        for measure in MEASURES:
            having = [t for t in targets if (t, measure) in measured]
            if not having:
                continue
            pairs = [measured[t, measure] for t in having]
            label = f"{measure.name}, {where(scope)}"
            if setting.number % _VALUES_ONCE == 0:
                value = mean_estimates([pair[0] for pair in pairs])
                true = _mean_of(measure, having, [setting.truth(t, recipe) for t in having])
                yield Check(statement=f"value: {label}", kind=COVERED, rates=covered(value, true))
            change = mean_estimates(*zip(*pairs, strict=True))
            changes[measure] = change, truth[measure.name]
            inside = covered(change, truth[measure.name])
            yield Check(statement=f"fairness: {label}", kind=COVERED, rates=inside)
        p_values = np.stack([found.p for found, _ in changes.values()], axis=1)
        p = adjusted(benjamini_hochberg, p_values)
        wrong = np.stack(
            [false(p[:, n], f.value, true) for n, (f, true) in enumerate(changes.values())], axis=1
        )
        yield Check(
            statement=f"fairness: any measure, {where(scope)}", kind=FALSE, rates=wrong.any(axis=1)
        )
        place = setting.number % len(changes)
        measure = list(changes)[place]
        having = [t for t in targets if (t, measure) in measured]
        pairs = [measured[t, measure] for t in having]
        rates = _planted_measure(setting, recipe, measure, having, after, pairs, p_values, place)
        yield Check(statement=f"fairness: {measure.name}, {where(scope)}", kind=FOUND, rates=rates)


def true_changes(setting: Setting, recipe: str, scope: str) -> dict[str, np.ndarray]:
    """By the name of a measure, (tables,): its true change, mean over the targets that allow it."""
    found = {}
    for measure in MEASURES:
        changes = []
        for target in TABLE_TARGETS if scope == EVERY else (scope,):
            after, before = (
                measure.formula(setting.truth(target, name), _covered(target))
                for name in (recipe, NONE)
            )
            if after is not None:
                changes.append(after - before)
        if changes:
            found[measure.name] = np.mean(changes, axis=0)
    return found


def _mean_of(measure: Measure, targets: Sequence[str], levels: Sequence[np.ndarray]) -> np.ndarray:
    """(tables...,): a measure of levels by target, (tables..., languages), mean over targets."""
    values = [
        measure.formula(level, _covered(target))
        for target, level in zip(targets, levels, strict=True)
    ]
    return np.mean(values, axis=0)


def _planted_measure(
    setting: Setting,
    recipe: str,
    measure: Measure,
    targets: Sequence[str],
    after: Mapping[str, Draws],
    pairs: Sequence[tuple[TargetMeasure, TargetMeasure]],
    p_values: np.ndarray,
    place: int,
) -> np.ndarray:
    """Whether the change of a measure is found: higher scores, or ones further apart.

    nan where the measure cannot be as great, or only with scores beyond 0 and 100 where it is no
    mean of scores: what noise does to a quotient there, no report can meet with.
    """
    levels = [setting.truth(target, NONE) for target in targets]
    slopes = {
        target: _slopes(measure, target, level) / len(targets)
        for target, level in zip(targets, levels, strict=True)
    }
    wanted = setting.planted(slopes, p_values.shape[1])
    directions = [_direction(measure, t, level) for t, level in zip(targets, levels, strict=True)]
    start = _mean_of(measure, targets, levels)

    def reached(step: np.ndarray) -> np.ndarray:
        moved = [level + step[:, None] * way for level, way in zip(levels, directions, strict=True)]
        return _mean_of(measure, targets, moved) - start

    # Most measures are linear in the step; for the others the secant is taken again.
    step = np.zeros(len(wanted))
    slope = reached(np.ones(len(wanted)))
    for _ in range(8):
        missing = wanted - reached(step)
        further = step + missing / np.where(slope == 0, np.nan, slope)
        gained = reached(np.nan_to_num(further)) - reached(step)
        slope = np.where(
            further != step, gained / np.where(further == step, 1, further - step), slope
        )
        step = np.nan_to_num(further)
    possible = np.abs(reached(step) - wanted) < 0.01 * wanted
    if measure.better == LESS:
        ends = [level + step[:, None] * way for level, way in zip(levels, directions, strict=True)]
        possible &= np.all([((end >= 0) & (end <= 100)).all(axis=1) for end in ends], axis=0)
    step = np.where(possible, step, 0)
    moved = [
        measure_of(
            measure,
            after[t].map(lambda v, way=way: v + (step[:, None] * way).astype(v.dtype)),
            _covered(t),
        )
        for t, way in zip(targets, directions, strict=True)
    ]
    if None in moved:
        return np.full(len(wanted), np.nan)
    found = mean_estimates(moved, [pair[1] for pair in pairs])
    p = p_values.copy()
    p[:, place] = found.p
    p = adjusted(benjamini_hochberg, p)[:, place]
    return np.where(possible, (p < LEVEL) & (found.value > 0), np.nan)


def _slopes(measure: Measure, target: str, level: np.ndarray) -> np.ndarray:
    """(tables, languages): by how much a measure changes with the level of each language."""
    step = 0.01 * np.eye(level.shape[1])[:, None]
    moved = [measure.formula(level + sign * step, _covered(target)) for sign in (1, -1)]
    return (moved[0] - moved[1]).T / 0.02


def _direction(measure: Measure, target: str, level: np.ndarray) -> np.ndarray:
    """(tables, languages): how levels are moved to change a measure."""
    if measure.level or measure.candidates is not None or measure.name == "lowest_tenth":
        return np.ones_like(level)
    mean = level.mean(axis=-1, keepdims=True)
    if measure.name in ("family_gap", "eta_squared"):
        names, means = family_means(level, _covered(target).families)
        return means[:, [names.index(name) for name in _covered(target).families]] - mean
    return level - mean
