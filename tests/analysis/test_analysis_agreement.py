"""Rank agreement and parallel items: by hand, against scipy, and what has to hold."""

from __future__ import annotations

import itertools
import math
import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from xstilts.analysis.pitfalls import mcnemar, pitfall
from xstilts.analysis.stability import kendall_tau_b, kendall_w

# So few values that ties are common.
RATINGS = st.integers(2, 5).flatmap(
    lambda raters: st.integers(2, 7).flatmap(
        lambda items: st.lists(
            st.lists(st.integers(0, 5), min_size=items, max_size=items),
            min_size=raters,
            max_size=raters,
        )
    )
)
COUNTS = st.tuples(*[st.integers(0, 60)] * 4)


def test_tau_by_hand() -> None:
    """Of the six pairs of four, one is turned round: (5 - 1) / 6.

    With a tie in x five pairs are left there, and none of them is turned round: 5 / sqrt(5 · 6).
    """
    assert kendall_tau_b([1, 2, 3, 4], [1, 3, 2, 4]) == pytest.approx(4 / 6)
    assert kendall_tau_b([1, 2, 2, 4], [1, 2, 3, 4]) == pytest.approx(5 / np.sqrt(30))
    assert kendall_tau_b([1, 2, 3], [5, 6, 9]) == pytest.approx(1)
    assert kendall_tau_b([1, 2, 3], [9, 6, 5]) == pytest.approx(-1)


def test_tau_of_what_does_not_rank() -> None:
    assert np.isnan(kendall_tau_b([1, 1, 1], [1, 2, 3]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert np.isnan(kendall_tau_b([1], [2]))


@given(RATINGS)
def test_tau_is_that_of_pairs(ratings: list[list[int]]) -> None:
    """Concordant minus discordant pairs, over the root of the pairs not tied in either."""
    x, y = ratings[:2]
    pairs = list(itertools.combinations(range(len(x)), 2))
    orders = [(np.sign(x[i] - x[j]), np.sign(y[i] - y[j])) for i, j in pairs]
    untied = np.prod([sum(order[side] != 0 for order in orders) for side in (0, 1)])
    if not untied:
        assert np.isnan(kendall_tau_b(x, y))
        return
    expected = sum(one * other for one, other in orders) / np.sqrt(untied)
    assert kendall_tau_b(x, y) == pytest.approx(expected)


def test_rankings_that_do_not_fit() -> None:
    for others in ([1, 2, 3], [[1, 2], [3, 4]]):
        with pytest.raises(ValueError, match="no pairs"):
            kendall_tau_b([1, 2], others)
    with pytest.raises(ValueError, match="finite"):
        kendall_tau_b([1, 2, 3], [1, np.nan, 3])
    with pytest.raises(ValueError, match="finite"):
        kendall_w([[1, 2], [1, np.nan]])
    with pytest.raises(ValueError, match="raters"):
        kendall_w([1, 2])


def test_w_by_hand() -> None:
    """Rank sums 4, 5, 9 of three raters, mean 6: S = 4 + 1 + 9 = 14, 12 · 14 / (9 · 24) = 7 / 9.

    With ties: ranks 1, 2.5, 2.5 and 1, 2, 3 sum to 2, 4.5, 5.5, mean 4: S = 4 + 0.25 + 2.25 = 6.5,
    T = 2³ - 2 = 6: 12 · 6.5 / (4 · 24 - 2 · 6) = 78 / 84.
    """
    assert kendall_w([[1, 2, 3], [1, 2, 3], [2, 1, 3]]) == pytest.approx(7 / 9)
    assert kendall_w([[10, 50, 50], [1, 2, 3]]) == pytest.approx(78 / 84)


def test_w_of_opposite_rankings_is_0() -> None:
    assert kendall_w([[1, 2, 3, 4], [4, 3, 2, 1]]) == 0


@pytest.mark.parametrize("scores", [[[1, 2, 3]], [[1], [2]], [[1, 1, 1], [2, 2, 2]]])
def test_w_of_what_cannot_agree(scores: list[list[int]]) -> None:
    assert np.isnan(kendall_w(scores))


@given(RATINGS)
def test_w_is_that_of_friedman(ratings: list[list[int]]) -> None:
    """Friedman's statistic, corrected for ties, is m (n - 1) W."""
    scores = np.array(ratings)
    raters, items = scores.shape
    found = kendall_w(scores)
    if all(len(set(row)) == 1 for row in ratings):
        assert np.isnan(found)
        return
    assert -1e-12 <= found <= 1 + 1e-12
    if items > 2:
        friedman = stats.friedmanchisquare(*scores.T).statistic
        assert raters * (items - 1) * found == pytest.approx(friedman, abs=1e-9)
    # Scores or their ranks, as they are or on another scale: nothing but order counts.
    assert kendall_w(stats.rankdata(scores, axis=-1)) == found
    assert kendall_w(np.exp(scores)) == found


@given(RATINGS.map(lambda ratings: ratings[0]).filter(lambda row: len(set(row)) > 1))
def test_w_of_the_same_ranking_is_1(row: list[int]) -> None:
    assert kendall_w([row] * 3) == pytest.approx(1)


@given(st.lists(st.permutations(range(5)), min_size=2, max_size=5))
def test_w_is_the_mean_agreement_of_two(rankings: list[list[int]]) -> None:
    """The mean Spearman correlation of two raters is (m W - 1) / (m - 1) where nothing is tied."""
    raters = len(rankings)
    pairs = [
        stats.spearmanr(one, other).statistic for one, other in itertools.combinations(rankings, 2)
    ]
    expected = (1 + np.mean(pairs) * (raters - 1)) / raters
    assert kendall_w(rankings) == pytest.approx(expected, abs=1e-12)


def test_w_of_raters_at_random_is_1_by_their_number() -> None:
    scores = np.random.default_rng(3).normal(size=(2000, 4, 6))
    assert np.mean([kendall_w(each) for each in scores]) == pytest.approx(1 / 4, abs=0.015)


def test_pitfalls_by_hand() -> None:
    """40, 20, 10, 30: wrong 20 of 60, reverse 10 of 50, accuracy 0.5 in the other language.

    They agree in 0.7, by chance in 0.6 · 0.5 + 0.4 · 0.5 = 0.5: kappa (0.7 - 0.5) / 0.5 = 0.4.
    """
    found = pitfall(40, 20, 10, 30)
    assert found.rate == pytest.approx(20 / 60)
    assert found.reverse == pytest.approx(10 / 50)
    assert found.independence == pytest.approx(0.5)
    assert found.kappa == pytest.approx(0.4)


def test_mcnemar_by_hand() -> None:
    """Five of five: 2 · (1/2)^5 = 1 / 16; equal numbers: 1; none: 1."""
    assert mcnemar(np.full(5, 0.5)) == mcnemar(np.full(5, -3)) == pytest.approx(1 / 16)
    assert mcnemar(np.array([1, 1, 0.1, 0, -1, -2, -3])) == 1
    assert mcnemar(np.zeros(9)) == mcnemar(np.zeros(0)) == 1


@given(COUNTS)
def test_mcnemar_of_single_items_is_the_exact_test(counts: tuple[int, int, int, int]) -> None:
    """The binomial tail of b in b + c, summed up; where b = c all is in the tail."""
    a, b, c, d = counts
    tail = sum(math.comb(b + c, k) for k in range(min(b, c) + 1)) / 2 ** (b + c)
    differences = np.repeat([0, 1, -1, 0], [a, b, c, d])
    assert mcnemar(differences) == pytest.approx(min(1, 2 * tail))
    assert mcnemar(-differences) == pytest.approx(min(1, 2 * tail))


def test_pitfalls_that_are_not_defined() -> None:
    """Nothing right in English; nothing right at all; all right; no items."""
    found = pitfall([0, 0, 7, 0], 0, [3, 0, 0, 0], [4, 7, 0, 0])
    assert np.isnan(found.rate).tolist() == [True, True, False, True]
    assert np.isnan(found.reverse).tolist() == [False, True, False, True]
    assert np.isnan(found.independence).tolist() == [False, False, False, True]
    assert np.isnan(found.kappa).tolist() == [False, True, True, True]


@given(st.lists(COUNTS, min_size=1, max_size=6))
def test_pitfalls_of_many_are_those_of_each(tables: list[tuple[int, int, int, int]]) -> None:
    found = pitfall(*np.array(tables).T)
    for place, (a, b, c, d) in enumerate(tables):
        items = a + b + c + d
        if items:
            agree = (a + d) / items
            chance = ((a + b) * (a + c) + (c + d) * (b + d)) / items**2
            if items not in (a, d):
                kappa = (agree - chance) / (1 - chance)
                assert found.kappa[place] == pytest.approx(kappa, abs=1e-12)
                assert -1 <= found.kappa[place] <= 1
            assert found.independence[place] == pytest.approx(1 - (a + c) / items)
        if a + b:
            assert found.rate[place] == b / (a + b)


@given(st.integers(1, 20), st.integers(1, 20), st.integers(1, 20), st.integers(1, 20))
def test_the_rate_of_independent_answers(right: int, wrong: int, one: int, two: int) -> None:
    """The same odds in English whether the other is right or wrong: nothing beyond chance."""
    found = pitfall(right * one, wrong * one, right * two, wrong * two)
    assert found.rate == pytest.approx(float(found.independence))
    assert found.kappa == pytest.approx(0, abs=1e-12)


@given(COUNTS)
def test_languages_change_places(counts: tuple[int, int, int, int]) -> None:
    a, b, c, d = counts
    one, other = pitfall(a, b, c, d), pitfall(a, c, b, d)
    np.testing.assert_array_equal(one.rate, other.reverse)
    np.testing.assert_array_equal(one.kappa, other.kappa)


def test_counts_broadcast_and_are_whole() -> None:
    found = pitfall(np.ones((3, 1)), np.arange(4), 2, 5)
    for values in vars(found).values():
        assert values.shape == (3, 4)
    for counts in ((1, 2, 3, -1), (1, 2.5, 3, 4), (1, 2, np.nan, 4), (np.inf, 1, 1, 1)):
        with pytest.raises(ValueError, match="whole numbers"):
            pitfall(*counts)
