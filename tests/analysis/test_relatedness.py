"""The model over languages: its likelihood, what it tells, and how often it is right."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import linalg, stats

from xstilts.analysis.relatedness import reml
from xstilts.analysis.relatedness.covariances import (
    correlation,
    distances,
    independent_number,
    nearness,
    relatedness,
)
from xstilts.analysis.relatedness.profile import profile
from xstilts.analysis.relatedness.reml import Values, fit
from xstilts.config.languages import LANGUAGES
from xstilts.config.languages.tree import Tree
from xstilts.config.tasks import TARGETS

# By R's ape, nlme and metafor: the file says which versions, and benchmarks/tree_in_r.py made it.
STORED = json.loads(Path(__file__).with_name("trees_in_r.json").read_text("utf-8"))["cases"]
CODES = TARGETS["panx"].languages


def values_of(outcome: np.ndarray, fixed: np.ndarray | None = None, noise: float = 0.0) -> Values:
    size = len(outcome)
    return Values(
        outcome=outcome,
        fixed=np.ones((size, 1)) if fixed is None else fixed,
        places=np.arange(size),
        noise=np.full(size, noise),
    )


def drawn(alike: np.ndarray, share: float, random: np.random.Generator) -> np.ndarray:
    whole = share * alike + (1 - share) * np.eye(len(alike))
    return np.linalg.cholesky(whole) @ random.standard_normal(len(alike))


@pytest.mark.parametrize("case", STORED)
@pytest.mark.parametrize("model", ["gls", "rma.mv"])
def test_estimates_and_likelihood_are_those_of_r(case: str, model: str) -> None:
    held = STORED[case]
    tree = Tree(
        parents={node: parent for node, (parent, _) in held["tree"].items()},
        lengths={node: length for node, (_, length) in held["tree"].items()},
        paths={code: (code,) for code in held["codes"]},
    )
    alike = correlation(tree, held["codes"])
    known = np.array(held["noise"]) if model == "rma.mv" else np.zeros(len(alike))
    values = Values(
        outcome=np.array(held["y"]),
        fixed=np.column_stack([np.ones(len(alike)), held["x"], held["latin"]]),
        places=np.arange(len(alike)),
        noise=known,
    )
    found = fit(values, [alike])
    theirs = np.array(held["figures"][model])
    errors = np.sqrt(np.diag(found.covariance))
    assert [*found.shares, found.scale] == pytest.approx(theirs[:2], rel=1e-5)
    assert found.log_likelihood == pytest.approx(theirs[2], rel=1e-9)
    assert np.abs(found.coefficients - theirs[3:6]) / errors == pytest.approx(0, abs=1e-5)
    assert errors == pytest.approx(theirs[6:], rel=1e-5)


def test_the_likelihood_is_that_of_contrasts_between_languages() -> None:
    """Restricted likelihood is the likelihood of what does not depend on X (Harville 1974)."""
    random = np.random.default_rng(2)
    alike = relatedness(LANGUAGES, CODES)
    size = len(alike)
    fixed = np.column_stack([np.ones(size), random.standard_normal(size)])
    values = values_of(drawn(alike, 0.6, random), fixed, noise=0.2)
    found = fit(values, [alike], [[0.3]])
    contrasts = linalg.null_space(fixed.T)
    covariance = contrasts.T @ found.whole @ contrasts
    density = stats.multivariate_normal(np.zeros(size - 2), covariance)
    expected = density.logpdf(contrasts.T @ values.outcome)
    # That of orthonormal contrasts has 1/2 log |X' X| more.
    expected -= 0.5 * np.linalg.slogdet(fixed.T @ fixed)[1]
    assert found.log_likelihood == pytest.approx(expected)
    others = [fit(values, [alike], [[share]]).log_likelihood for share in (0, 0.25, 0.5, 1)]
    assert fit(values, [alike]).log_likelihood >= max(others) - 1e-9


def test_several_values_of_a_language_have_a_variance_of_their_own() -> None:
    """As statsmodels has it, where languages are independent."""
    from statsmodels.regression.mixed_linear_model import MixedLM

    random = np.random.default_rng(3)
    places = np.repeat(np.arange(30), 4)
    outcome = random.standard_normal(30)[places] + 0.5 * random.standard_normal(120) + 2
    values = Values(outcome=outcome, fixed=np.ones((120, 1)), places=places, noise=np.zeros(120))
    found = fit(values, [])
    theirs = MixedLM(outcome, np.ones((120, 1)), places).fit(method=["nm", "powell"])
    assert found.scale == pytest.approx(theirs.cov_re[0, 0], rel=1e-4)
    assert found.residual == pytest.approx(theirs.scale, rel=1e-4)
    assert found.coefficients[0] == pytest.approx(theirs.fe_params[0])
    assert found.log_likelihood == pytest.approx(theirs.llf, abs=1e-5)


def test_over_languages_the_likelihood_is_that_of_all_values() -> None:
    random = np.random.default_rng(8)
    alike = relatedness(LANGUAGES, CODES)
    places = random.permutation(np.repeat(np.arange(len(CODES)), 3)[:90])
    places = np.unique(places, return_inverse=True)[1]
    values = Values(
        outcome=random.standard_normal(90),
        fixed=np.column_stack([np.ones(90), random.standard_normal(90)]),
        places=places,
        noise=random.uniform(0.1, 0.5, 90),
    )
    whole = 0.7 * alike[: places.max() + 1, : places.max() + 1]
    one, other = reml._directly(values, whole, 0.3), reml._by_languages(values, whole, 0.3)
    assert one is not None
    assert other is not None
    for a, b in zip(one, other, strict=True):
        assert a == pytest.approx(b)


def test_known_noise_is_no_difference_between_languages() -> None:
    random = np.random.default_rng(4)
    noise = 0.5 * random.standard_normal(40)
    assert fit(values_of(noise, noise=1.0), []).scale == 0
    assert fit(values_of(noise), []).scale == pytest.approx(noise.var(ddof=1), rel=1e-6)


def test_kin_count_for_less_than_as_many_independent_languages() -> None:
    assert independent_number(np.eye(7)) == pytest.approx(7)
    same = np.ones((3, 3))
    assert independent_number(linalg.block_diag(same, np.eye(2))) == pytest.approx(3)
    alike = relatedness(LANGUAGES, CODES)
    families = {LANGUAGES[code].family for code in CODES}
    assert len(families) < independent_number(alike) < len(CODES)


def test_the_best_mean_has_the_variance_of_that_many_languages() -> None:
    alike = relatedness(LANGUAGES, CODES)
    found = fit(values_of(drawn(alike, 1.0, np.random.default_rng(5))), [alike], [[1.0]])
    assert found.covariance[0, 0] == pytest.approx(found.scale / independent_number(alike))


def test_distances_are_those_on_the_globe() -> None:
    # Of Glottolog's points: Finnish 64.76 N 25.56 E, Estonian 58.55 N 25.82 E; by the law of
    # cosines on a sphere of 6,371 km.
    one, other = LANGUAGES["fi"], LANGUAGES["et"]
    a, b = np.radians([one.latitude, other.latitude])
    across = np.radians(one.longitude - other.longitude)
    angle = np.arccos(np.sin(a) * np.sin(b) + np.cos(a) * np.cos(b) * np.cos(across))
    found = distances(LANGUAGES, ["fi", "et", "ido"])
    assert found[0, 1] == pytest.approx(6371 * angle)
    assert np.isinf(found[0, 2])
    near = nearness(LANGUAGES, ["fi", "et", "ido"], 1000)
    assert near[0, 1] == pytest.approx(np.exp(-found[0, 1] / 1000))
    assert (near[2] == [0, 0, 1]).all()


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_intervals_of_lambda_and_of_effects_hold_the_truth(share: float) -> None:
    """On the real tree, with a predictor that itself follows it."""
    random = np.random.default_rng(6)
    alike = relatedness(LANGUAGES, CODES)
    predictor = drawn(alike, 0.8, random)
    fixed = np.column_stack([np.ones(len(alike)), predictor])
    tables, held, alarms = 40, 0, 0
    for _ in range(tables):
        noise = 0.3 * random.standard_normal(len(alike))
        outcome = drawn(alike, share, random) + noise
        found = profile(values_of(outcome, fixed, noise=0.09), alike, len(alike) - 2)
        low, high = found.interval
        held += low - 1e-6 <= share <= high + 1e-6
        alarms += found.coefficient(1).p < 0.05
    # Of 5 % more than six of forty would be more than three Monte Carlo errors.
    assert held >= 34
    assert alarms <= 6


def test_what_is_told_at_one_lambda_is_told_by_students_t() -> None:
    random = np.random.default_rng(7)
    alike = relatedness(LANGUAGES, CODES)
    found = profile(values_of(drawn(alike, 1.0, random)), alike, 39)
    only = type(found)(best=found.fits[1.0], fits={1.0: found.fits[1.0]}, degrees=39)
    told = only.coefficient(0)
    error = found.fits[1.0].covariance[0, 0] ** 0.5
    half = stats.t.ppf(0.975, 39) * error
    assert (told.low, told.high) == pytest.approx((told.value - half, told.value + half))
    assert told.p == pytest.approx(2 * stats.t.sf(abs(told.value) / error, 39))
    # A mixture over several is wider than its best part is, or as wide.
    assert found.coefficient(0).high - found.coefficient(0).low > 0
