"""Power and smallest detectable effects, against simulation, Student's t test and the z test."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.power import TTestPower

from xstilts.analysis.inference.behrens_fisher import power, smallest_detectable, two_sided


@pytest.mark.parametrize("degrees", [1, 2, 4, 9])
@pytest.mark.parametrize("share", [0.0, 0.05, 0.3, 0.8, 1.0])
@pytest.mark.parametrize("tests", [1, 14])
def test_the_procedure_itself_detects_as_often(degrees: int, share: float, tests: int) -> None:
    """Estimates are drawn, their errors are estimated, and p is adjusted: no critical values."""
    rng = np.random.default_rng(degrees)
    runs, error = 20_000, 1.7
    effect = smallest_detectable(error, share, degrees, tests=tests)
    for factor in (0.5, 1.0, 1.5):
        estimates = factor * effect + error * rng.standard_normal(runs)
        seeds = error**2 * share * rng.chisquare(degrees, runs) / degrees
        variances = error**2 * (1 - share) + seeds
        p = two_sided(np.abs(estimates) / np.sqrt(variances), seeds / variances, degrees)
        detected = np.mean(tests * p < 0.05)
        expected = power(factor * effect, error, share, degrees, tests=tests)
        tolerance = 4 * np.sqrt(0.25 / runs) + 1 / 400  # half of a variance
        assert detected == pytest.approx(float(expected), abs=tolerance)
    assert power(effect, error, share, degrees, tests=tests) == pytest.approx(0.8, abs=2e-3)


# Where noncentral t of statsmodels is not a number the critical value is far out; these are not.
@pytest.mark.parametrize(("seeds", "tests"), [(3, 1), (5, 1), (10, 1), (10, 14), (31, 14)])
def test_noise_of_seeds_alone_is_students_t_test(seeds: int, tests: int) -> None:
    effects = np.linspace(0.2, 6, 12)
    expected = [
        TTestPower().power(effect_size=effect / np.sqrt(seeds), nobs=seeds, alpha=0.05 / tests)
        for effect in effects
    ]
    assert power(effects, 1.0, 1.0, seeds - 1, tests=tests) == pytest.approx(expected, abs=2e-3)


@pytest.mark.parametrize("tests", [1, 14, 200])
def test_noise_of_items_alone_is_the_z_test(tests: int) -> None:
    critical = stats.norm.isf(0.025 / tests)
    effects = np.linspace(-6, 6, 13)
    expected = stats.norm.sf(critical - effects) + stats.norm.cdf(-critical - effects)
    assert power(effects, 1.0, 0.0, 2, tests=tests) == pytest.approx(expected, rel=1e-4)
    for wanted in (0.8, 0.95):
        found = smallest_detectable(3.0, 0.0, 1, tests=tests, power=wanted)
        # The other tail adds next to nothing.
        assert found == pytest.approx(3 * (critical + stats.norm.ppf(wanted)), rel=1e-4)


def test_it_is_found_for_arrays_of_any_shape() -> None:
    errors, shares = np.array([[1.0], [2.0]]), np.array([0.0, 0.4, 1.0])
    found = smallest_detectable(errors, shares, 2, tests=3)
    assert found.shape == (2, 3)
    assert found[1] == pytest.approx(2 * found[0])
    assert power(found, errors, shares, 2, tests=3) == pytest.approx(np.full((2, 3), 0.8), abs=2e-3)
    # Less is known of seeds than of items, more statements ask for more, and so does more power.
    assert (np.diff(found[0]) > 0).all()
    assert (smallest_detectable(errors, shares, 2, tests=4) > found).all()
    assert (smallest_detectable(errors, shares, 4, tests=3)[:, 1:] < found[:, 1:]).all()
    assert (smallest_detectable(errors, shares, 2, tests=3, power=0.9) > found).all()


def test_without_noise_every_effect_but_none_is_detected() -> None:
    assert power(np.array([0.0, 1e-3, -2.0]), 0.0, 0.0, 2).tolist() == [0, 1, 1]
    assert smallest_detectable(0.0, 0.0, 2) == 0
