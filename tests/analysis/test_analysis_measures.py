"""Formulas of fairness: by hand, against double loops, and what has to hold for any scores."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xstilts.analysis.fairness import formulas as measures

# XQuAD F1 of XLM-R Large as published (google-deepmind/xquad): en ar de el es hi ru th tr vi zh.
XQUAD = np.array([86.5, 68.6, 80.4, 79.8, 82.0, 76.7, 80.1, 74.2, 75.9, 79.1, 59.3])

SCORES = st.lists(st.integers(-20, 100), min_size=2, max_size=12).map(
    lambda points: np.array(points) / 100
)
FAMILIES = ("a", "b", "a", "c", "b")

Formula = Callable[[np.ndarray], np.ndarray]
OVER_LANGUAGES: dict[str, Formula] = {
    "worst": measures.worst,
    "lowest_tenth": measures.lowest_tenth,
    "spread": measures.spread,
    "variation": measures.variation,
    "gini": measures.gini,
    "weighted_gini": lambda u: measures.gini(u, np.array([3, 0, 1, 2, 5])),
    "global_utility": lambda u: measures.global_utility(u, np.array([3, 1, 1, 2, 5]), 0.5),
    "group_gap": lambda u: measures.group_gap(u, FAMILIES),
    "eta_squared": lambda u: measures.eta_squared(u, FAMILIES),
    "harmed": measures.harmed,
}


@pytest.mark.parametrize("name", OVER_LANGUAGES)
def test_draws_are_worked_out_one_by_one(name: str) -> None:
    formula = OVER_LANGUAGES[name]
    u = np.random.default_rng(1).uniform(-0.2, 1, (2, 7, 5))
    found = formula(u)
    assert found.shape == (2, 7)
    for place in np.ndindex(2, 7):
        assert float(found[place]) == pytest.approx(float(formula(u[place])))


@pytest.mark.parametrize("name", OVER_LANGUAGES)
def test_float32_is_summed_up_as_float64(name: str) -> None:
    u = np.random.default_rng(2).uniform(0, 100, (50, 5)).astype(np.float32)
    found = OVER_LANGUAGES[name](u)
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, OVER_LANGUAGES[name](u.astype(float)), rtol=1e-12)


@pytest.mark.parametrize("name", OVER_LANGUAGES)
@pytest.mark.parametrize("missing", [np.nan, np.inf])
def test_a_missing_score_is_an_error(name: str, missing: float) -> None:
    with pytest.raises(ValueError, match="finite"):
        OVER_LANGUAGES[name](np.array([0.1, 0.2, missing, 0.4, 0.5]))


@pytest.mark.parametrize("formula", [measures.worst, measures.lowest_tenth, measures.harmed])
def test_no_language_is_an_error(formula: Formula) -> None:
    with pytest.raises(ValueError, match="last axis"):
        formula(np.empty((3, 0)))


def test_quotient_by_hand() -> None:
    found = measures.quotient(np.array([1.0, 2, 3]), np.array([2.0, 0, -1]), otherwise=7)
    assert found.tolist() == [0.5, 7, 7]
    assert np.isnan(measures.quotient(1, np.nan))


def test_chance_corrected_by_hand() -> None:
    """(80 - 50) / 50 = 0.6; chance is 0; (40 - 50) / 50 = -0.2; (75 - 0) / 100."""
    points = np.array([80, 50, 40, 75])
    found = measures.chance_corrected(points, np.array([50, 50, 50, 0]))
    np.testing.assert_allclose(found, [0.6, 0, -0.2, 0.75])
    assert measures.chance_corrected(np.array([100]), 100 / 3) == pytest.approx(1)
    assert np.isnan(measures.chance_corrected(np.array([np.nan]), 0)).all()


@pytest.mark.parametrize("chance", [100, 120, np.nan])
def test_chance_has_to_leave_room(chance: float) -> None:
    with pytest.raises(ValueError, match="chance"):
        measures.chance_corrected(np.array([50.0, 60]), np.array([0, chance]))


def test_families_by_hand() -> None:
    """a: (0.2 + 0.6) / 2 = 0.4; b: (0.4 + 1.0) / 2 = 0.7; c: 0.9."""
    u = np.array([0.2, 0.4, 0.6, 0.9, 1.0])
    names, means = measures.family_means(u, FAMILIES)
    assert names == ("a", "b", "c")
    np.testing.assert_allclose(means, [0.4, 0.7, 0.9])
    assert measures.group_gap(u, FAMILIES) == pytest.approx(0.5)


@pytest.mark.parametrize(
    "formula",
    [
        measures.family_means,
        measures.group_gap,
        measures.eta_squared,
        measures.harm_concentration,
    ],
)
def test_every_language_has_a_family(formula: Callable[..., object]) -> None:
    with pytest.raises(ValueError, match="2 families for 3 languages"):
        formula(np.zeros(3), ("a", "b"))


def test_one_family_cannot_be_compared() -> None:
    u = np.array([[0.1, 0.4], [0.3, 0.3]])
    assert np.isnan(measures.group_gap(u, ("a", "a"))).tolist() == [True, True]
    assert np.isnan(measures.eta_squared(u, ("a", "a"))).tolist() == [True, True]


def test_the_lowest_by_hand() -> None:
    """Of 11 languages the lowest two: (59.3 + 68.6) / 2 = 63.95."""
    assert measures.worst(XQUAD) == 59.3
    assert measures.lowest_tenth(XQUAD) == pytest.approx(63.95)
    assert measures.lowest_tenth(XQUAD[1:]) == 59.3


@given(SCORES.map(lambda u: np.tile(u, 5)))
def test_the_lowest_tenth_is_the_first_of_those_in_order(u: np.ndarray) -> None:
    count = math.ceil(len(u) / 10)
    assert measures.lowest_tenth(u) == pytest.approx(sum(sorted(u)[:count]) / count)


def test_spread_by_hand() -> None:
    """Mean 4; squares 4 + 0 + 4, over 2, root 2; 2 / 4."""
    u = np.array([2.0, 4, 6])
    assert measures.spread(u) == pytest.approx(2)
    assert measures.variation(u) == pytest.approx(0.5)
    assert np.isnan(measures.variation(np.array([[-1, 1], [-2.0, 1]]))).all()


@pytest.mark.parametrize("formula", [measures.spread, measures.variation])
def test_one_language_has_no_spread(formula: Formula) -> None:
    with pytest.raises(ValueError, match="2 or more"):
        formula(np.array([[1.0], [2]]))


def _gini(u: np.ndarray, w: np.ndarray) -> float:
    """metrics.md's formula in two loops."""
    u = np.maximum(u, 0)
    pairs = itertools.product(range(len(u)), repeat=2)
    above = sum(w[i] * w[j] * abs(u[i] - u[j]) for i, j in pairs)
    below = 2 * w.sum() * (w * u).sum()
    return above / below if below else 0.0


def test_gini_by_hand() -> None:
    """Pairs differ by 1, 2, 1, twice each: 8 / (2 · 3 · 6) = 2 / 9.

    With weights 1, 1, 2: 2 (1·1 + 2·2 + 2·1) = 14, over 2 · 4 · (1 + 2 + 6) = 72.
    """
    u = np.array([3.0, 1, 2])
    assert measures.gini(u) == pytest.approx(2 / 9)
    assert measures.gini(u, np.array([2, 1, 1])) == pytest.approx(14 / 72)


def test_gini_of_one_among_many_is_near_1() -> None:
    assert measures.gini(np.array([0.0, 0, 0, 5])) == pytest.approx(3 / 4)


def test_gini_below_chance() -> None:
    assert measures.gini(np.array([-0.3, 0.5])) == measures.gini(np.array([0, 0.5]))
    assert measures.gini(np.array([-0.3, 0, -0.1])) == 0


@given(SCORES, st.data())
def test_gini_is_that_of_the_double_loop(u: np.ndarray, data: st.DataObject) -> None:
    weights = np.array(
        data.draw(st.lists(st.integers(0, 9), min_size=len(u), max_size=len(u)).filter(any))
    )
    found = measures.gini(u, weights)
    assert found == pytest.approx(_gini(u, weights), abs=1e-12)
    assert 0 <= found < 1
    assert measures.gini(u) == pytest.approx(_gini(u, np.ones(len(u))), abs=1e-12)
    # A weight of 2 is as good as two languages, one of 0 as none.
    repeated = measures.gini(np.repeat(u, weights))
    assert found == pytest.approx(repeated, abs=1e-12)


@given(SCORES, st.floats(0.01, 1000), st.randoms())
def test_gini_is_blind_to_scale_and_order(u: np.ndarray, scale: float, random: Random) -> None:
    shuffled = np.array(random.sample(list(u), len(u)))
    assert measures.gini(shuffled * scale) == pytest.approx(measures.gini(u), abs=1e-12)


@given(st.floats(0, 1), st.integers(1, 9), st.integers(1, 1000))
def test_gini_of_equal_scores_is_0(score: float, count: int, weight: int) -> None:
    u = np.full(count, score)
    assert 0 <= measures.gini(u) < 1e-12
    assert measures.gini(u, np.arange(count) / 7 + weight) == 0


def test_gini_and_spread_can_disagree_on_what_is_even() -> None:
    """All scores halved: SD halves, Gini stays. The best made worse: both fall."""
    u = np.array([0.2, 0.4, 0.9])
    assert measures.spread(u / 2) == pytest.approx(measures.spread(u) / 2)
    assert measures.gini(u / 2) == pytest.approx(measures.gini(u))


@pytest.mark.parametrize("weights", [[1, 2], [1, -1, 1], [0, 0, 0], [[1, 1, 1]]])
def test_weights_that_are_none(weights: list) -> None:
    with pytest.raises(ValueError, match="weights"):
        measures.gini(np.array([0.1, 0.2, 0.3]), np.array(weights))


def test_global_utility_by_hand() -> None:
    """tau 1: (1 · 0.9 + 3 · 0.1) / 4 = 0.3; tau 0.5 of 1 and 9 speakers: (0.9 + 3 · 0.1) / 4."""
    u = np.array([0.9, 0.1])
    assert measures.global_utility(u, np.array([1, 3]), 1) == pytest.approx(0.3)
    assert measures.global_utility(u, np.array([1, 9]), 0.5) == pytest.approx(0.3)
    assert measures.global_utility(u, np.array([1, 9]), 0) == pytest.approx(0.5)
    # Below chance is not clipped.
    assert measures.global_utility(np.array([-0.2, 0.1]), np.array([3, 1]), 1) == pytest.approx(
        -0.125
    )


@given(SCORES, st.data())
def test_global_utility_goes_from_languages_to_speakers(u: np.ndarray, data: st.DataObject) -> None:
    speakers = np.array(
        data.draw(st.lists(st.integers(1, 10**9), min_size=len(u), max_size=len(u)))
    )
    by_speaker = (speakers * u).sum() / speakers.sum()
    assert measures.global_utility(u, speakers, 1) == pytest.approx(by_speaker, abs=1e-12)
    assert measures.global_utility(u, speakers, 1e-9) == pytest.approx(u.mean(), abs=1e-6)
    between = measures.global_utility(u, speakers, 0.3)
    assert u.min() - 1e-12 <= between <= u.max() + 1e-12
    by_hand = (speakers**0.3 * u).sum() / (speakers**0.3).sum()
    assert between == pytest.approx(by_hand, abs=1e-12)


@pytest.mark.parametrize("speakers", [[1, 2, 3], [0, 1], [-1, 1]])
def test_speakers_that_are_none(speakers: list[int]) -> None:
    with pytest.raises(ValueError, match="speakers"):
        measures.global_utility(np.array([0.1, 0.2]), np.array(speakers), 1)


@pytest.mark.parametrize("tau", [-0.1, np.nan])
def test_tau_is_not_negative(tau: float) -> None:
    with pytest.raises(ValueError, match="tau"):
        measures.global_utility(np.array([0.1, 0.2]), np.array([1, 2]), tau)


def test_eta_squared_by_hand() -> None:
    """Means 2 and 6, overall 4: between 2 · 4 + 2 · 4 = 16, within 1 + 1 + 1 + 1, 16 / 20."""
    assert measures.eta_squared(np.array([1.0, 3, 5, 7]), ("a", "a", "b", "b")) == pytest.approx(
        0.8
    )


def test_eta_squared_of_equal_scores_is_none() -> None:
    """0.1 three times has a variance by rounding."""
    u = np.array([[0.1, 0.1, 0.1], [0.1, 0.1, 0.4]])
    found = measures.eta_squared(u, ("a", "a", "b"))
    assert np.isnan(found[0])
    assert found[1] == pytest.approx(1)


@given(st.lists(st.tuples(st.integers(0, 100), st.sampled_from("abc")), min_size=2, max_size=12))
def test_eta_squared_shares_out_the_variance(pairs: list[tuple[int, str]]) -> None:
    u, families = np.array([score for score, _ in pairs]), [family for _, family in pairs]
    found = measures.eta_squared(u, families)
    if len(set(families)) == 1 or len(set(u)) == 1:
        assert np.isnan(found)
        return
    whole = sum((score - u.mean()) ** 2 for score in u)
    between = 0.0
    for family in set(families):
        own = [score for score, name in pairs if name == family]
        between += len(own) * (sum(own) / len(own) - u.mean()) ** 2
    assert found == pytest.approx(between / whole, abs=1e-9)
    assert 0 <= found <= 1
    # Neither the level nor the unit matter.
    assert measures.eta_squared(u / 50 - 7, families) == pytest.approx(float(found), abs=1e-9)
    if len(set(families)) == len(u):
        assert found == 1


def test_harm_by_hand() -> None:
    """Three of five lose, 1 + 3 + 4 = 8.

    a loses in one of two: 0.5 over 0.6, and 1 of 8; b in both, 1 over 0.6, and 7 of 8; c not.
    """
    change = np.array([-1.0, -3, 2, 0, -4])
    assert measures.harmed(change) == pytest.approx(0.6)
    found = measures.harm_concentration(change, FAMILIES)
    assert list(found) == ["a", "b", "c"]
    assert found["a"] == pytest.approx((0.5, 0.5 / 0.6, 1 / 8))
    assert found["b"] == pytest.approx((1, 1 / 0.6, 7 / 8))
    assert found["c"] == (0, 0, 0)
    assert found["b"].loss_share == 7 / 8


def test_no_harm_is_not_concentrated() -> None:
    found = measures.harm_concentration(np.array([0.0, 1, 2]), ("a", "a", "b"))
    for harm in found.values():
        assert harm.rate == 0
        assert np.isnan(harm[1:]).all()


def test_harm_is_told_of_what_was_observed() -> None:
    with pytest.raises(ValueError, match=r"\(languages,\)"):
        measures.harm_concentration(np.zeros((2, 3)), ("a", "a", "b"))


@given(st.lists(st.tuples(st.integers(-9, 9), st.sampled_from("abc")), min_size=1, max_size=12))
def test_harm_adds_up(pairs: list[tuple[int, str]]) -> None:
    change, families = np.array([one for one, _ in pairs]), [family for _, family in pairs]
    found = measures.harm_concentration(change, families)
    rate = sum(found[family].rate for family in families) / len(families)
    assert rate == pytest.approx(float(measures.harmed(change)))
    if rate:
        assert sum(harm.loss_share for harm in found.values()) == pytest.approx(1)
    else:
        assert np.isnan([harm.loss_share for harm in found.values()]).all()


# Languages of two tasks, and their families.
KIN = {"de": "a", "fr": "a", "tr": "b", "kk": "b", "ja": "c"}


def test_p_of_concentrated_harm_by_enumeration() -> None:
    """Two tasks; of all ways to hand out families to languages, how many give as great a mean.

    The mean is over pairs of task and language, of losses over the mean loss of their task.
    """
    changes = [np.array([-3.0, -1, 2, -2, 1]), np.array([-2.0, 1, -0.5])]
    languages = [("de", "fr", "tr", "kk", "ja"), ("de", "tr", "ja")]
    losses = [np.maximum(-change, 0) for change in changes]
    scaled = [loss / loss.mean() for loss in losses]
    pairs = [
        (code, loss)
        for codes, held in zip(languages, scaled, strict=True)
        for code, loss in zip(codes, held, strict=True)
    ]

    def mean(family: str, kin: dict[str, str]) -> float:
        held = [loss for code, loss in pairs if kin[code] == family]
        return sum(held) / len(held)

    every = [dict(zip(KIN, order, strict=True)) for order in itertools.permutations(KIN.values())]
    found = measures.harm_concentration_p(changes, languages, KIN, draws=20_000, seed=3)
    assert list(found) == ["a", "b", "c"]
    for family, p in found.items():
        hits = sum(mean(family, kin) >= mean(family, KIN) - 1e-9 for kin in every)
        # Four standard errors of a share of 20,000 draws are at most 0.0142.
        assert p == pytest.approx(hits / len(every), abs=0.0142)
    assert found == measures.harm_concentration_p(changes, languages, KIN, draws=20_000, seed=3)
    assert found != measures.harm_concentration_p(changes, languages, KIN, draws=20_000, seed=4)


def test_p_of_harm_is_never_0() -> None:
    """Ten of 40 languages lose, all of one family: no draw comes near."""
    change = np.where(np.arange(40) < 10, -1.0, 1.0)
    codes = [f"l{number}" for number in range(40)]
    kin = {code: "a" if number < 10 else "b" for number, code in enumerate(codes)}
    found = measures.harm_concentration_p([change], [codes], kin, draws=99, seed=1)
    assert found == {"a": 1 / 100, "b": 1}


def test_p_of_harm_that_labels_cannot_change_is_1() -> None:
    """Equal losses, one family, or none: the sum in another order is less by rounding at most."""
    codes = tuple(KIN)
    equal = np.full(5, -0.1)
    found = measures.harm_concentration_p([equal], [codes], KIN, draws=50, seed=1)
    assert set(found.values()) == {1}
    uneven, alone = -np.array([0.1, 0.2, 0.7, 1e-3, 3.3]), dict.fromkeys(KIN, "a")
    found = measures.harm_concentration_p(
        [uneven, -uneven], [codes, codes], alone, draws=500, seed=1
    )
    assert found == {"a": 1}
    found = measures.harm_concentration_p([np.ones(5)], [codes], KIN, draws=9, seed=1)
    assert set(found.values()) == {1}


@pytest.mark.parametrize("together", [0.0, 0.5, 0.8])
def test_p_of_harm_is_honest_however_tasks_go_together(together: float) -> None:
    """Where families mean nothing, one in twenty is below 0.05 at most.

    A language's changes go together over tasks; permuting within each task would find 13 % and
    25 % at 0.5 and 0.8.
    """
    random = np.random.default_rng([5, int(10 * together)])
    codes = [f"l{number}" for number in range(20)]
    kin = {code: "abcd"[number // 5] for number, code in enumerate(codes)}
    languages = [codes, codes[::2], codes[:15], codes[3:]]
    found = []
    for number in range(500):
        own = dict(zip(codes, random.normal(size=20), strict=True))
        changes = [
            np.array(
                [
                    together**0.5 * own[code] + (1 - together) ** 0.5 * random.normal()
                    for code in held
                ]
            )
            for held in languages
        ]
        p = measures.harm_concentration_p(changes, languages, kin, draws=199, seed=number)
        found.append(p["a"])
    # 0.05 and two standard errors of a share of 500.
    assert np.mean(np.array(found) <= 0.05) <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 500)


def test_changes_and_languages_are_of_the_same_tasks() -> None:
    with pytest.raises(ValueError, match="one task or more"):
        measures.harm_concentration_p([], [], KIN, draws=9, seed=1)
    with pytest.raises(ValueError, match="one task or more"):
        measures.harm_concentration_p([np.ones(2)], [("de", "fr")] * 2, KIN, draws=9, seed=1)
    with pytest.raises(ValueError, match="3 changes for 2 languages"):
        measures.harm_concentration_p([np.ones(3)], [("de", "fr")], KIN, draws=9, seed=1)


def test_dominance_by_hand() -> None:
    """As good everywhere and better somewhere, with room of `tolerance` on both sides."""
    assert measures.dominates([1, 2], [1, 1])
    assert not measures.dominates([1, 1], [1, 1])
    assert not measures.dominates([2, 0], [1, 1])
    # 0.5 worse is within 1, 2 better is beyond it; 1 better is not.
    assert measures.dominates([3, 0.5], [1, 1], 1)
    assert not measures.dominates([2, 0.5], [1, 1], 1)
    assert not measures.dominates([3, -0.5], [1, 1], 1)
    # Points and kWh have tolerances of their own.
    assert measures.dominates([3, -5], [1, -1], np.array([1, 10]))
    assert measures.dominates([[1, 2], [0, 0]], [1, 1]).tolist() == [True, False]


def test_the_front_by_hand() -> None:
    points = np.array([[3, 1], [1, 3], [2, 2], [1, 1], [3, 1], [2, 1]])
    assert measures.pareto_front(points).tolist() == [True, True, True, False, True, False]
    # 0.5 is no difference: the last is not beaten clearly any more.
    points = np.array([[3, 1], [2.6, 1]])
    assert measures.pareto_front(points).tolist() == [True, False]
    assert measures.pareto_front(points, 0.5).tolist() == [True, True]


def test_with_a_tolerance_the_front_of_three_objectives_may_be_empty() -> None:
    """Each beats the next by 2 in one, and is worse by 1 in two."""
    points = np.array([[2, 1, 0], [0, 2, 1], [1, 0, 2]])
    assert measures.pareto_front(points).all()
    assert not measures.pareto_front(points, 1).any()


@given(
    st.lists(
        st.tuples(st.integers(0, 4), st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=9
    )
)
def test_the_front_is_that_of_the_double_loop(points: list[tuple[int, int, int]]) -> None:
    found = measures.pareto_front(np.array(points))
    for point, kept in zip(points, found, strict=True):
        beaten = any(
            all(x >= y for x, y in zip(other, point, strict=True)) and other != point
            for other in points
        )
        assert kept == (not beaten)
    assert found.any()


def test_what_is_not_known_is_on_no_front() -> None:
    with pytest.raises(ValueError, match="finite"):
        measures.pareto_front(np.array([[1, np.nan], [1, 2]]))
    with pytest.raises(ValueError, match="tolerance"):
        measures.pareto_front(np.ones((2, 2)), -1)
    with pytest.raises(ValueError, match="objectives"):
        measures.pareto_front(np.ones(3))


def test_relative_drop_by_hand() -> None:
    """(0.8 - 0.6) / 0.8; better; all and more than all lost; 0.04 is too near to chance."""
    clean = np.array([0.8, 0.5, 0.4, 0.4, 0.04, 0.05, -0.2])
    perturbed = np.array([0.6, 0.6, 0.0, -0.1, 0.0, 0.04, -0.3])
    found = measures.relative_drop(clean, perturbed, 0.05)
    np.testing.assert_allclose(found, [0.25, -0.2, 1, 1.25, np.nan, 0.2, np.nan])


@pytest.mark.parametrize("smallest", [0, -1, np.nan])
def test_a_drop_needs_something_to_lose(smallest: float) -> None:
    with pytest.raises(ValueError, match="smallest"):
        measures.relative_drop(np.ones(1), np.ones(1), smallest)


def test_error_reduction_by_hand() -> None:
    """Of 20 points of error 5 are gone, of 2 one; of 50 there are 10 more; none can go of 0."""
    found = measures.error_reduction(np.array([5, 1, -10, 0]), np.array([80, 98, 50, 100]))
    np.testing.assert_allclose(found, [0.25, 0.5, -0.2, np.nan])
