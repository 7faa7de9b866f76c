"""The study's claims on simulated score tables: quantities and verdicts as in `claim_parts`.

A test holds them against `claim_parts`, which does the same for one table at a time, and much else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from score_tables import NOTHING, TABLE_TARGETS, codes, untrained, ways_of_seeds, weights_of_seeds
from verdicts import COVERED, FALSE, FOUND, Check, Setting, false

from xstilts.analysis.inference.adjust import holm
from xstilts.analysis.inference.draws import Draws, combine, mean_of, stack
from xstilts.analysis.inference.estimates import LEVEL, Estimate, estimates, greatest, least
from xstilts.config.recipes import NONE

ENGLISH = ("mnli", "ccg", "multi")
MLM = "mnli_mlm"
CANDIDATES = (NONE, *NOTHING)
# Part of a claim to the recipes and targets whose gains make it true (4b: false); with a minus
# those of what it is set against.
PLANTED: dict[str, tuple[Sequence[str], Sequence[str], int]] = {
    "1b": (("mnli", MLM), TABLE_TARGETS, 1),
    "2": (("multi",), TABLE_TARGETS, 1),
    "3a": (NOTHING, ("bucc2018",), 1),
    "3b": (NOTHING, ("tatoeba",), 1),
    "4a": (ENGLISH, ("tydiqa",), 1),
    "4b": (ENGLISH, ("xnli",), 1),
    "5": (NOTHING, TABLE_TARGETS, 1),
    "6i": ((MLM,), TABLE_TARGETS, -1),
}
# Points by which development scores are above the baseline's where a choice is to pay.
_CLEARLY = 1000.0

# (recipe, target) to task scores, (1 + draws, tables)
Scores = Mapping[tuple[str, str], Draws]


def quantities(scores: Scores, development: np.ndarray, draws: int) -> dict[str, Draws]:
    """By part, (1 + draws, tables), or (1 + draws, tables, compared) of a least or greatest.

    Args:
        development: (targets, candidates, seeds, tables).
    """

    def gain(recipe: str, target: str, other: str = NONE) -> Draws:
        return scores[recipe, target].minus(scores[other, target])

    def beyond(recipe: str, other: str) -> Draws:
        return mean_of([gain(recipe, t).minus(gain(other, t)) for t in TABLE_TARGETS])

    def over_trained(target: str) -> Draws:
        trained = [other for other in TABLE_TARGETS if not untrained(other)]
        return stack(
            [
                mean_of([gain(name, target).minus(gain(name, other)) for name in ENGLISH])
                for other in trained
            ]
        )

    tydiqa = [gain(name, "tydiqa") for name in ENGLISH]
    return {
        "1b": stack([beyond("mnli", "ccg")]),
        "2": stack([beyond("multi", "mnli"), beyond("multi", "ccg")]),
        "3a": over_trained("bucc2018"),
        "3b": over_trained("tatoeba"),
        "4a": combine(tydiqa, lambda arrays: np.median(arrays, axis=0)),
        "4b": stack([gain(name, "xnli") for name in ENGLISH]),
        "5": mean_of(
            [
                _chosen([gain(name, t) for name in CANDIDATES], of_target, draws)
                for t, of_target in zip(TABLE_TARGETS, development, strict=True)
            ]
        ),
        "6i": mean_of([gain("mnli", t, MLM) for t in TABLE_TARGETS]),
    }


def _chosen(gains: Sequence[Draws], development: np.ndarray, draws: int) -> Draws:
    """The gain of whom development scores, (candidates, seeds, tables), are greatest."""
    seeds = development.shape[1]
    drawn = np.tensordot(development, weights_of_seeds(seeds, draws), axes=(1, 1))
    ways = np.tensordot(development, ways_of_seeds(seeds, draws), axes=(1, 1))
    both, alone = (np.moveaxis(each, -1, 1) for each in (drawn, ways))
    developed = [
        Draws(
            both=one if len(gains[0].both) > 1 else one[:1],
            items=np.broadcast_to(one[:1], gains[0].items.shape),
            seeds_alone=other if len(gains[0].seeds_alone) > 1 else other[:1],
            seeds=seeds,
            most_seeds=seeds,
        )
        for one, other in zip(both, alone, strict=True)
    ]

    def choose(arrays: Sequence[np.ndarray]) -> np.ndarray:
        held, scores = np.split(np.stack(arrays), 2)
        return np.take_along_axis(held, scores.argmax(axis=0)[None], axis=0)[0]

    return combine([*gains, *developed], choose)


def found(number: str, quantity: Draws) -> list[Estimate]:
    """The estimate of a part in each table."""
    if quantity.both.ndim == 2:
        return list(estimates(quantity))
    extreme = greatest if number == "4b" else least
    tables = range(quantity.both.shape[1])
    return [extreme(quantity.map(lambda v, n=n: v[:, n])) for n in tables]


def task_scores(setting: Setting) -> dict[tuple[str, str], Draws]:
    """(1 + draws, tables) each: means over all languages of a target, English among them."""
    return {
        (name, target): setting.every(target, name).map(
            lambda values: values.mean(axis=-1, dtype=float)
        )
        for name in CANDIDATES
        for target in TABLE_TARGETS
    }


def claims(setting: Setting) -> Iterator[Check]:
    """Claims 1 to 6 (Holm); claim 7 is the worst family in `tables.FAIRNESS`."""
    draws, seeds = setting.tables.world.draws, setting.seeds
    scores = task_scores(setting)
    tables = scores[NONE, TABLE_TARGETS[0]].observed.shape[0]
    random = np.random.default_rng([setting.number, seeds])
    shape = (len(TABLE_TARGETS), len(CANDIDATES), seeds, tables)
    development = setting.spread * random.standard_normal(shape)
    known = {
        (name, target): setting.truth_of_every(target, name).mean(axis=-1)
        for name, target in scores
    }
    truth = quantities(
        {key: _without_draws(value, seeds) for key, value in known.items()}, development, draws
    )
    true = {number: (_least_or_greatest(number, each.observed)) for number, each in truth.items()}
    drawn = quantities(scores, development, draws)
    parts = {number: found(number, each) for number, each in drawn.items()}
    value, low, high, p = (
        np.array([[getattr(each, name) for each in held] for held in parts.values()]).T
        for name in ("value", "low", "high", "p")
    )
    known_values = np.stack(list(true.values()), axis=1)
    p_adjusted = np.array([holm(row) for row in p])
    wrong = false(p_adjusted, value, known_values).any(axis=1)
    yield Check(statement="claims: any part", kind=FALSE, rates=wrong)
    inside = (low <= known_values + 1e-6) & (known_values - 1e-6 <= high)
    for place, number in enumerate(parts):
        yield Check(statement=f"claim {number}", kind=COVERED, rates=inside[:, place])
    # One part is planted; parts take turns.
    place = setting.number % len(parts)
    number = list(parts)[place]
    recipes, targets, sign = PLANTED[number]
    # One gain among several is looked for, and they share the level.
    shared = len(recipes) if number == "4b" else 1
    effect = sign * _effect(setting, number, len(parts) * shared)
    shifted = {
        (name, target): each.map(lambda v: v + effect)
        if name in recipes and target in targets
        else each
        for (name, target), each in scores.items()
    }
    if number == "5":
        development[:, 1:] += _CLEARLY
    planted = found(number, quantities(shifted, development, draws)[number])
    p = p.copy()
    p[:, place] = [each.p for each in planted]
    detected = np.array([holm(row)[place] for row in p]) < LEVEL
    rates = detected & (np.array([each.value for each in planted]) > 0)
    yield Check(statement=f"claim {number}", kind=FOUND, rates=rates)


def _without_draws(value: np.ndarray, seeds: int) -> Draws:
    only = value[None]
    return Draws(both=only, items=only, seeds_alone=only, seeds=seeds, most_seeds=seeds)


def _least_or_greatest(number: str, values: np.ndarray) -> np.ndarray:
    if values.ndim == 1:
        return values
    return values.max(axis=-1) if number == "4b" else values.min(axis=-1)


def _effect(setting: Setting, number: str, tests: int) -> np.ndarray:
    """(tables,): what is planted, by the error of a single difference or gain."""
    _, targets, _ = PLANTED[number]
    beside = NOTHING[0] if number in ("1b", "2", "6i") else NONE
    weights = {t: np.full(len(codes(t)), 1 / len(codes(t)) / len(targets)) for t in targets}
    if number in ("3a", "3b"):
        # Set against other targets; XQuAD is one whose mean has much noise.
        weights["xquad"] = np.full(len(codes("xquad")), 1 / len(codes("xquad")))
    return setting.planted(weights, tests, beside=beside)
