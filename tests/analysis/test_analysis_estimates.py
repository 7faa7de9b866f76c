"""Bounds of the greatest and the least, and p for families of statements."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.multitest import multipletests

from xstilts.analysis.inference.adjust import (
    IN_RUN,
    NOT_ENOUGH,
    benjamini_hochberg,
    detectable,
    holm,
    plain,
    verdict,
)
from xstilts.analysis.inference.draws import Draws
from xstilts.analysis.inference.estimates import (
    Estimate,
    candidates,
    estimate,
    estimates,
    greatest,
    least,
    within_least,
)


def of_items(
    observed: np.ndarray, rng: np.random.Generator, *, noise: float = 1.0, draws: int = 400
) -> Draws:
    """Quantities of one seed, with independent normal noise of items in the draws."""
    drawn = observed + noise * rng.normal(size=(draws, *observed.shape))
    both = np.concatenate([observed[None], drawn])
    return Draws(both=both, items=both, seeds_alone=observed[None], seeds=1, most_seeds=1)


def test_without_draws_there_is_no_interval() -> None:
    held = of_items(np.array([3.0, 1.0]), np.random.default_rng(0), draws=0)
    for found, value in ((greatest(held), 3), (least(held), 1)):
        assert (found.value, found.low, found.high, found.p) == (value, None, None, None)


def test_the_greatest_has_a_shared_level_below_and_single_limits_above() -> None:
    """With errors of 1: 3 exceeds the lower limits at 5 % / 2; the upper limit is 3 + 1.96."""
    held = of_items(np.array([1.0, 3.0]), np.random.default_rng(1), draws=200_000)
    found = greatest(held)
    assert found.value == 3
    assert found.low == pytest.approx(3 - stats.norm.ppf(1 - 0.025 / 2), abs=0.02)
    assert found.high == pytest.approx(3 + stats.norm.ppf(0.975), abs=0.02)
    assert found.p == pytest.approx(2 * 2 * stats.norm.sf(3), rel=0.1)


@given(st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_the_least_is_the_greatest_mirrored(quantities: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    held = of_items(rng.normal(size=quantities), rng, draws=50)
    one, other = greatest(held), least(held.map(np.negative))
    assert (one.value, one.low, one.high, one.p) == (-other.value, -other.high, -other.low, other.p)
    single = estimate(held.map(lambda series: series[:, 0]))
    alone = least(held.map(lambda series: series[:, :1]))
    assert (alone.low, alone.high, alone.p) == pytest.approx((single.low, single.high, single.p))


def test_the_least_is_above_0_only_if_all_are() -> None:
    held = of_items(np.array([1.0, 6.0]), np.random.default_rng(1))
    first, second = estimates(held)
    assert second.low > 0 > first.low
    assert least(held).low == pytest.approx(first.low)
    assert least(held).p == pytest.approx(first.p)


def test_the_greatest_of_nothing_is_rarely_taken_for_something() -> None:
    """Eight quantities that are 0: the percentiles of the greatest draw would mostly exclude 0."""
    rng = np.random.default_rng(2)
    alarms, naive, covered = 0, 0, 0
    for _ in range(600):
        held = of_items(rng.normal(size=8), rng)
        found = greatest(held)
        alarms += found.p < 0.05
        assert (found.p < 0.05) == (found.low > 0 or found.high < 0)
        covered += found.low <= 0 <= found.high
        naive += np.quantile(held.both[1:].max(axis=1), 0.025) > 0
    assert alarms / 600 <= 0.05
    assert covered / 600 >= 0.94
    assert naive / 600 > 0.5


def test_the_greatest_covers_a_lone_gain() -> None:
    rng = np.random.default_rng(3)
    truth = np.array([4.0, 0, 0, 0])
    covered, found_it = 0, 0
    for _ in range(300):
        found = greatest(of_items(truth + rng.normal(size=4), rng))
        covered += found.low <= 4 <= found.high
        found_it += found.low > 0
    assert covered / 300 >= 0.94
    assert found_it / 300 > 0.7


@pytest.mark.parametrize("gap", [0.0, 1.0, 5.0])
@pytest.mark.parametrize(
    "gains", [(0.0, 0.0, 0.0, 0.0), (6.0, 0.0, 0.0, 0.0), (0.0, -20.0, 0.0, 0.0)]
)
def test_the_change_of_the_worst_is_covered(gap: float, gains: tuple[float, ...]) -> None:
    """Whoever is truly the worst before and after: near ties and clear cases, two targets."""
    rng = np.random.default_rng([int(gap), int(abs(sum(gains)))])
    levels = np.array([0.0, gap, 2 * gap, 3 * gap])
    truth = (levels + gains).min() - levels.min()
    tables = 500
    before = [of_items(levels + rng.normal(size=(tables, 4)), rng, draws=200) for _ in range(2)]
    after = [
        of_items(levels + gains + rng.normal(size=(tables, 4)), rng, draws=200) for _ in range(2)
    ]
    change = within_least(after, before)
    covered = (change.low <= truth) & (truth <= change.high)
    assert covered.mean() >= 0.95 - 2 * (0.95 * 0.05 / tables) ** 0.5
    wrong = (change.p < 0.05) & (np.sign(change.value) != np.sign(truth))
    assert wrong.mean() <= 0.05 + 2 * (0.95 * 0.05 / tables) ** 0.5
    assert ((change.p < 0.05) == ((change.low > 0) | (change.high < 0))).all()
    level = within_least(before)
    covered = (level.low <= 0) & (level.high >= 0)
    assert covered.mean() >= 0.95 - 2 * (0.95 * 0.05 / tables) ** 0.5


def test_whoever_may_be_the_worst_is_a_candidate() -> None:
    held = of_items(np.array([0.0, 1.0, 9.0]), np.random.default_rng(5))
    assert candidates(held).tolist() == [True, True, False]


def test_a_clear_worst_is_estimated_as_if_it_were_alone() -> None:
    rng = np.random.default_rng(6)
    after, before = (of_items(np.array([level, 50.0]), rng) for level in (3.0, 0.0))
    found = within_least([after], [before])
    alone = estimate(after.minus(before).map(lambda series: series[:, 0]))
    assert vars(found.one()) == pytest.approx(vars(alone))


def test_a_worst_that_is_lifted_to_the_others_is_found_better() -> None:
    """From 25 beside 50 and 50 to three at 50: each may be the worst now, and all are above 25."""
    rng = np.random.default_rng(8)
    before = of_items(np.array([25.0, 50.0, 50.0]), rng)
    after = of_items(np.array([50.0, 50.0, 50.0]), rng)
    found = within_least([after], [before]).one()
    assert found.value == 25
    assert 20 < found.low < 25 < found.high < 30
    # And the other way round.
    found = within_least([before], [after]).one()
    assert -30 < found.low < -25 < found.high < -20


def test_holm_by_hand() -> None:
    """0.01 · 4, 0.02 · 3, 0.03 · 2 = 0.06 and not less than before, 0.5 · 1."""
    assert holm([0.03, 0.01, 0.5, 0.02]) == pytest.approx([0.06, 0.04, 0.5, 0.06])
    assert holm([]) == []


def test_benjamini_hochberg_by_hand() -> None:
    """0.5 · 4/4; 0.03 · 4/3 = 0.04; 0.028 · 4/2 = 0.056, but not above the next; 0.01 · 4/1."""
    found = benjamini_hochberg([0.03, 0.01, 0.5, 0.028])
    assert found == pytest.approx([0.04, 0.04, 0.5, 0.04])
    assert benjamini_hochberg([]) == []


# statsmodels collects garbage in every call, which takes long in a large process.
@settings(max_examples=20)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_adjusted_p_are_those_of_statsmodels_and_in_order(values: list[float]) -> None:
    adjusted = benjamini_hochberg(values)
    for method, found in (("fdr_bh", adjusted), ("holm", holm(values))):
        assert found == pytest.approx(multipletests(values, method=method)[1].tolist())
    assert all(one <= other + 1e-12 for one, other in zip(adjusted, holm(values), strict=True))


def test_a_verdict_is_taken_from_the_adjusted_p_and_says_what_it_is_on() -> None:
    words = ("loses", "gains")
    assert verdict(1.0, 0.04, words, one_seed=False) == "gains"
    assert verdict(-1.0, 0.04, words, one_seed=False) == "loses"
    assert verdict(-1.0, 0.04, words, one_seed=True) == "loses in this run"
    assert (
        verdict(1.0, 0.05, words, one_seed=True)
        == verdict(1.0, None, words, one_seed=True)
        == NOT_ENOUGH
    )
    assert [plain(each) for each in (f"gains{IN_RUN}", NOT_ENOUGH, None)] == [
        *("gains", NOT_ENOUGH),
        "",
    ]


def test_what_could_be_detected_grows_with_error_tests_and_fewer_seeds() -> None:
    """One of items alone: (1.96 + 0.84) errors, for a power of 80 % at 5 %."""
    one = Estimate(value=0, low=-1, high=1, p=1, error=2.0, share=0.0, degrees=1)
    (alone,) = detectable([one], tests=1)
    assert alone == pytest.approx(2 * (stats.norm.ppf(0.975) + stats.norm.ppf(0.8)), rel=1e-3)
    (among,) = detectable([one], tests=10)
    assert among == pytest.approx(2 * (stats.norm.ppf(0.9975) + stats.norm.ppf(0.8)), rel=1e-3)
    of_seeds = [
        Estimate(value=0, low=-1, high=1, p=1, error=2.0, share=1.0, degrees=degrees)
        for degrees in (1, 2, 4)
    ]
    found = detectable([*of_seeds, Estimate(value=1)], tests=1)
    assert found[0] > found[1] > found[2] > alone
    assert found[3] is None
