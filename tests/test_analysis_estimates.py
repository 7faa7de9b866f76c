"""Intervals and p-values from draws, by hand and on synthetic data."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from xstilts.analysis.inference.estimates import (
    benjamini_hochberg,
    greatest,
    holm,
    least,
    percentile,
)


def test_percentiles_and_p_by_hand() -> None:
    """Of the draws -1 to 38, two are at most 0: p = 2 (2 + 1) / (40 + 1)."""
    found = percentile(np.array([10.0, *range(-1, 39)]))
    assert found.value == 10
    assert (found.low, found.high) == pytest.approx((-1 + 0.975, 38 - 0.975))
    assert found.p == pytest.approx(6 / 41)


def test_p_is_never_0_and_at_most_1() -> None:
    assert percentile(np.ones(100)).p == pytest.approx(2 / 100)
    assert percentile(-np.ones(100)).p == pytest.approx(2 / 100)
    assert percentile(np.zeros(100)).p == 1


def test_without_draws_there_is_no_interval() -> None:
    found = percentile(np.array([3.0]))
    assert (found.value, found.low, found.high, found.p) == (3, None, None, None)
    found = least(np.array([[3.0, 1.0]]))
    assert (found.value, found.low, found.high, found.p) == (1, None, None, None)


def test_the_greatest_by_hand() -> None:
    """Observed 1 and 3; the draws deviate by (-2, 0), (0, 1) and (1, 1), at least -2, 0 and 1.

    The lower limit is that of 3 + (-2, 0, 1), the upper the greater of the limits of the draws of
    either quantity, (-1, 1, 2) and (3, 4, 4).
    """
    series = np.array([[1.0, 3.0], [-1.0, 3.0], [1.0, 4.0], [2.0, 4.0]])
    found = greatest(series)
    assert found.value == 3
    assert found.low == pytest.approx(np.quantile([1, 3, 4], 0.025))
    assert found.high == pytest.approx(np.quantile([3, 4, 4], 0.975))
    # No draw of 3 - 2, 3 + 0, 3 + 1 is below 0; all draws of the second are above.
    assert found.p == pytest.approx(2 * 1 / 4)


@given(st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_the_least_is_the_greatest_mirrored(quantities: int, seed: int) -> None:
    series = np.random.default_rng(seed).normal(size=(50, quantities))
    one, other = greatest(series), least(-series)
    assert (one.value, one.low, one.high, one.p) == (-other.value, -other.high, -other.low, other.p)
    single, alone = percentile(series[:, 0]), least(series[:, :1])
    assert (alone.low, alone.high, alone.p) == pytest.approx((single.low, single.high, single.p))


def test_the_least_is_above_0_only_if_all_are() -> None:
    draws = np.random.default_rng(1).normal([1.0, 6.0], 1, (500, 2))
    series = np.vstack([[[1.0, 6.0]], draws])
    assert percentile(series[:, 1]).low > 0 > percentile(series[:, 0]).low
    assert least(series).low == pytest.approx(percentile(series[:, 0]).low)


def test_the_greatest_of_nothing_is_rarely_taken_for_something() -> None:
    """Eight quantities that are 0: the percentiles of the greatest draw would mostly exclude 0."""
    rng = np.random.default_rng(2)
    alarms, naive, covered = 0, 0, 0
    for _ in range(400):
        observed = rng.normal(size=8)
        series = np.vstack([observed, observed + rng.normal(size=(400, 8))])
        found = greatest(series)
        alarms += found.low > 0
        covered += found.low <= 0 <= found.high
        naive += np.quantile(series[1:].max(axis=1), 0.025) > 0
    assert alarms / 400 <= 0.05
    assert covered / 400 >= 0.93
    assert naive / 400 > 0.5


def test_the_greatest_covers_a_lone_gain() -> None:
    rng = np.random.default_rng(3)
    truth = np.array([4.0, 0, 0, 0])
    covered, found_it = 0, 0
    for _ in range(300):
        observed = truth + rng.normal(size=4)
        found = greatest(np.vstack([observed, observed + rng.normal(size=(400, 4))]))
        covered += found.low <= 4 <= found.high
        found_it += found.low > 0
    assert covered / 300 >= 0.93
    assert found_it / 300 > 0.7


def test_holm_by_hand() -> None:
    """0.01 · 4, 0.02 · 3, 0.03 · 2 = 0.06 and not less than before, 0.5 · 1."""
    assert holm([0.03, 0.01, 0.5, 0.02]) == pytest.approx([0.06, 0.04, 0.5, 0.06])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_keeps_the_order_and_only_raises(values: list[float]) -> None:
    adjusted = holm(values)
    assert all(one <= other <= 1 for one, other in zip(values, adjusted, strict=True))
    order = sorted(range(len(values)), key=values.__getitem__)
    raised = [adjusted[place] for place in order]
    assert raised == sorted(raised)
    assert not values or min(adjusted) <= min(1, len(values) * min(values)) + 1e-12


def test_benjamini_hochberg_by_hand() -> None:
    """0.5 · 4/4; 0.03 · 4/3 = 0.04; 0.028 · 4/2 = 0.056, but not above the next; 0.01 · 4/1."""
    found = benjamini_hochberg([0.03, 0.01, 0.5, 0.028])
    assert found == pytest.approx([0.04, 0.04, 0.5, 0.04])
    assert benjamini_hochberg([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_benjamini_hochberg_is_that_of_scipy_and_milder_than_holm(values: list[float]) -> None:
    adjusted = benjamini_hochberg(values)
    assert adjusted == pytest.approx(stats.false_discovery_control(values).tolist())
    assert all(one <= other + 1e-12 for one, other in zip(adjusted, holm(values), strict=True))
