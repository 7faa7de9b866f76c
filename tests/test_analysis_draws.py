"""Intervals for few seeds: against Student, by hand, and by how often they cover the truth."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from xstilts.analysis.findings import ITEMS, ITEMS_AND_SEEDS, SEEDS
from xstilts.analysis.inference.bootstrap import seed_weights
from xstilts.analysis.inference.draws import (
    RUN_DRAWS,
    Draws,
    basis_of,
    combine,
    mean_of,
    settle,
    settle_many,
    stretch,
)


def quantities(
    scores: np.ndarray,
    *,
    of_items: np.ndarray | float = 0.0,
    draws: int = 4000,
    sampled: bool = True,
) -> Draws:
    """Means over seeds, in draws of seeds and of items whose noise all seeds share.

    Args:
        scores: (seeds, quantities).
        of_items: the standard error that items give each quantity.
    """
    weights = seed_weights(len(scores), draws)
    shift = np.random.default_rng(1).normal(0, 1, (draws, scores.shape[1])) * of_items
    shift = np.vstack([np.zeros(scores.shape[1]), shift])
    return Draws(
        both=weights @ scores + shift,
        items=scores.mean(axis=0) + shift,
        runs=weights[: 1 + RUN_DRAWS] @ scores,
        seeds=len(scores),
        most_seeds=len(scores),
        sampled=sampled,
    )


@pytest.mark.parametrize("seeds", [2, 3, 5, 10])
def test_student_where_seeds_are_all_the_noise(seeds: int) -> None:
    scores = np.random.default_rng(seeds).normal(1, 2, (seeds, 6))
    held = quantities(scores, sampled=False)
    ratio = stats.t.ppf(0.975, seeds - 1) / stats.norm.ppf(0.975)
    assert stretch(held) == pytest.approx(ratio, rel=1e-3)
    exact = stats.ttest_1samp(scores, 0)
    low, high = exact.confidence_interval()
    for number, found in enumerate(settle_many(held)):
        assert found.value == pytest.approx(scores[:, number].mean())
        width = high[number] - low[number]
        assert (found.low, found.high) == pytest.approx(
            (low[number], high[number]), abs=0.06 * width
        )
        assert found.p == pytest.approx(exact.pvalue[number], rel=0.15)
    assert basis_of(held) == SEEDS


def test_normal_where_items_are_all_the_noise() -> None:
    held = quantities(np.array([[3.0, 0.5, -2.0]]), of_items=np.array([1.0, 1.0, 0.5]))
    assert stretch(held) == pytest.approx(1)
    for found, value, error in zip(settle_many(held), (3, 0.5, -2), (1, 1, 0.5), strict=True):
        drawn = np.std(held.both[1:, [3, 0.5, -2].index(value)])
        assert drawn == pytest.approx(error, rel=0.05)
        assert (found.low, found.high) == pytest.approx(
            (value - 1.959964 * drawn, value + 1.959964 * drawn)
        )
        assert found.p == pytest.approx(max(2 * stats.norm.sf(abs(value) / drawn), 2 / 4001))
    assert basis_of(held) == ITEMS
    # Several seeds that agree add nothing.
    alike = quantities(np.full((3, 2), 3.0), of_items=1.0)
    assert stretch(alike) == pytest.approx(1)
    assert basis_of(alike) == ITEMS_AND_SEEDS


def test_between_the_two_as_behrens_and_fisher() -> None:
    """Of 400,000 sums of Student's t and normal noise 5 % lie outside the interval."""
    rng = np.random.default_rng(2)
    scores = np.array([[-1.0], [0.0], [1.0]])
    for of_items in (0.2, 0.6, 2.0):
        held = quantities(scores, of_items=of_items, draws=40_000)
        found = settle(held.map(lambda series: series[:, 0]))
        parts = rng.standard_t(2, 400_000) / 3**0.5 + rng.normal(0, of_items, 400_000)
        outside = np.mean((parts < found.low) | (parts > found.high))
        assert outside == pytest.approx(0.05, abs=0.003)
        shifted = settle(held.map(lambda series: series[:, 0] + 3))
        assert shifted.p == pytest.approx(np.mean(np.abs(parts) >= 3), rel=0.1)


@pytest.mark.parametrize("seeds", [2, 3, 5])
@pytest.mark.parametrize("of_items", [0.05, 0.3, 1.0, 3.0])
def test_coverage_with_seeds_and_items(seeds: int, of_items: float) -> None:
    """4,000 data sets whose mean over seeds has a standard error of 1, and items another."""
    rng = np.random.default_rng([seeds, int(100 * of_items)])
    count = 4000
    scores = rng.normal(0, seeds**0.5, (seeds, count)) + rng.normal(0, of_items, count)
    found = settle_many(quantities(scores, of_items=of_items, draws=400))
    missed = np.mean([not each.low <= 0 <= each.high for each in found])
    least = 0.025 if of_items in (0.05, 3.0) and seeds > 2 else 0
    assert least <= missed <= 0.06
    # The first of fourteen families, by Holm.
    assert np.mean([each.p < 0.05 / 7 for each in found]) <= 0.05 / 7 * 1.6


def test_chance_of_single_runs_on_single_items_is_counted_once() -> None:
    """Seeds and 60 items with nothing in common: the mean's standard error is 1 / sqrt(180).

    Resampling both counts it three times, in 1,500 data sets.
    """
    rng = np.random.default_rng(4)
    count, draws = 1500, 300
    tables = rng.normal(0, 1, (3, 60, count))
    picks = rng.multinomial(60, [1 / 60] * 60, draws) / 60
    weights = seed_weights(3, draws)
    by_item = np.einsum("bi,sin->bsn", np.vstack([np.full(60, 1 / 60), picks]), tables)
    held = Draws(
        both=np.einsum("bs,bsn->bn", weights, by_item),
        items=by_item.mean(axis=1),
        runs=weights @ by_item[0],
        seeds=3,
        most_seeds=3,
    )
    assert np.mean(held.both[1:].var(axis=0)) == pytest.approx(3 / 180, rel=0.06)
    found = settle_many(held)
    assert 0.003 <= np.mean([not each.low <= 0 <= each.high for each in found]) <= 0.06
    half = np.array([each.high - each.value for each in found])
    assert np.median(half) < 0.8 * np.median(stretch(held) * 1.96 * held.both[1:].std(axis=0))
    # Never less than items alone give, however well three seeds agree.
    assert (half >= 1.9599 * held.items[1:].std(axis=0)).all()


def test_what_has_no_interval() -> None:
    one = np.array([[1.0, 2.0]])
    assert basis_of(quantities(one, sampled=False)) == ""
    for held in (quantities(one, sampled=False), quantities(one, draws=0)):
        for found, value in zip(settle_many(held), (1, 2), strict=True):
            assert (found.value, found.low, found.high, found.p) == (value, None, None, None)
    broken = quantities(np.array([[1.0, 2.0]]), of_items=1.0)
    broken.both[5, 0] = np.nan
    first, second = settle_many(broken)
    assert (first.value, first.low, first.p) == (1, None, None)
    assert second.low is not None


def test_without_noise_p_is_that_of_the_draws_or_1() -> None:
    held = quantities(np.array([[0.0, 5.0]]), draws=99)
    nothing, certain = settle_many(held)
    assert (nothing.low, nothing.high, nothing.p) == (0, 0, 1)
    assert (certain.low, certain.high, certain.p) == (5, 5, pytest.approx(2 / 100))


def test_one_quantity_is_one_column() -> None:
    held = quantities(np.random.default_rng(0).normal(0, 1, (3, 4)), of_items=0.5)
    for number, expected in enumerate(settle_many(held)):
        found = settle(held.map(lambda series, number=number: series[:, number]))
        assert vars(found) == pytest.approx(vars(expected))


def test_means_and_differences_are_those_of_each_draw() -> None:
    rng = np.random.default_rng(0)
    parts = [quantities(rng.normal(0, 1, (seeds, 2)), of_items=1.0, draws=50) for seeds in (3, 2)]
    mean, difference = mean_of(parts), parts[0].minus(parts[1])
    greatest = combine(parts, lambda arrays: np.max(arrays, axis=0))
    for name in ("both", "items", "runs"):
        one, other = (getattr(part, name) for part in parts)
        assert getattr(mean, name) == pytest.approx((one + other) / 2)
        assert getattr(difference, name) == pytest.approx(one - other)
        assert (getattr(greatest, name) == np.maximum(one, other)).all()
    assert (mean.seeds, difference.seeds, greatest.seeds) == (2, 2, 2)
    assert (mean.observed == mean.both[0]).all()
    assert mean_of(parts[:1]) is parts[0]


def test_a_mean_over_targets_of_one_and_of_several_seeds_is_over_seeds_too() -> None:
    several = quantities(np.array([[1.0], [2.0], [4.0]]), of_items=1.0)
    one = quantities(np.array([[3.0]]), of_items=1.0)
    assert basis_of(one) == ITEMS
    together = mean_of([one, several])
    assert basis_of(together) == ITEMS_AND_SEEDS
    # What is known of seeds is as little as where it is least.
    assert together.seeds == 1
