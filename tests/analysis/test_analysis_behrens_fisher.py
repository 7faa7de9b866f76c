"""The distribution of Behrens and Fisher, against scipy at its ends and simulation between."""

import numpy as np
import pytest
from scipy import stats

from xstilts.analysis.inference.behrens_fisher import critical_value, scaled_variances, two_sided

LEVELS = (0.3, 0.05, 0.05 / 14, 0.05 / 200)


@pytest.mark.parametrize("degrees", range(1, 31))
def test_at_its_ends_it_is_normal_and_students(degrees: int) -> None:
    for level in LEVELS:
        expected = [stats.norm.isf(level / 2), stats.t.isf(level / 2, degrees)]
        assert critical_value(np.array([0.0, 1.0]), degrees, level) == pytest.approx(
            expected, rel=1e-5
        )
    deviations = np.array([0.0, 0.5, 2.0, 30.0])
    assert two_sided(deviations, 1.0, degrees) == pytest.approx(
        2 * stats.t.sf(deviations, degrees), rel=1e-5, abs=1e-9
    )
    assert two_sided(deviations, 0.0, degrees) == pytest.approx(2 * stats.norm.sf(deviations))


@pytest.mark.parametrize("degrees", range(1, 31))
def test_critical_values_are_exceeded_at_their_level(degrees: int) -> None:
    shares = np.concatenate([np.geomspace(1e-9, 1, 200), np.linspace(0, 1, 100)])
    for level in LEVELS:
        exceeded = two_sided(critical_value(shares, degrees, level), shares, degrees)
        assert exceeded == pytest.approx(np.full(len(shares), level), rel=2e-3)


@pytest.mark.parametrize("degrees", [1, 2, 4, 9])
@pytest.mark.parametrize("share", [0.03, 0.4, 0.9])
def test_between_its_ends_it_is_what_simulation_gives(degrees: int, share: float) -> None:
    rng = np.random.default_rng(degrees)
    draws = 1_000_000
    seeds = rng.standard_normal(draws) / np.sqrt(rng.chisquare(degrees, draws) / degrees)
    noise = np.abs(np.sqrt(share) * seeds + np.sqrt(1 - share) * rng.standard_normal(draws))
    for level in LEVELS:
        exceeded = np.mean(noise > critical_value(share, degrees, level))
        assert exceeded == pytest.approx(level, abs=4 * np.sqrt(level / draws))


def test_levels_and_shares_may_both_be_arrays() -> None:
    shares, levels = np.array([[0.1], [0.7]]), np.array([0.05, 0.01, 0.05])
    values = critical_value(shares, 2, levels)
    assert values.shape == (2, 3)
    for row, share in enumerate(shares[:, 0]):
        for column, level in enumerate(levels):
            assert values[row, column] == critical_value(share, 2, level)


@pytest.mark.parametrize("degrees", [1, 3, 30])
def test_the_grid_of_variances_is_that_of_chi_square(degrees: int) -> None:
    factors, weights = scaled_variances(degrees)
    assert weights.sum() == pytest.approx(1)
    assert (degrees / factors) @ weights == pytest.approx(degrees, rel=1e-6)
    assert (degrees / factors) ** 2 @ weights == pytest.approx(degrees * (degrees + 2), rel=1e-6)
