"""The distribution of Behrens and Fisher: noise that is partly Student's and partly normal.

What seeds add to an estimate has a variance that rests on few degrees of freedom, what items add
has one that is as good as known. Divided by its estimated standard error, an estimate deviates
from the truth as sqrt(share) T + sqrt(1 - share) Z does, where T is Student's, Z is normal, and
share is the part of the variance that seeds give (Robinson 1976, Annals of Statistics 4).

Power is that of the test that verdicts are taken from: an estimate, normal about the true effect,
against its estimated standard error times a critical value. Of that error, what items add is as
good as known; of what seeds add, the square is the true one times chi-square(degrees) / degrees,
and power is the mean over what it may be. Where seeds are all the noise it is that of Student's t
test, and where items are, of the z test. Verdicts are adjusted by Holm, whose first step is
Bonferroni's, so power is reckoned at level / tests: it is at least that, and more where other
statements of the family are detected as well.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy import special
from scipy.optimize import elementwise

# Points of the tables in which critical values and smallest detectable effects are interpolated.
_POINTS, _POWER_POINTS = 401, 101
# Steps towards each critical value.
_STEPS = 50
# Equally probable variances that seeds may be estimated to have: power is off by at most half of
# one, however steeply it depends on them.
_VARIANCES = 200


def two_sided(
    deviations: np.ndarray | float, share: np.ndarray | float, degrees: int
) -> np.ndarray:
    """P(|sqrt(share) T + sqrt(1 - share) Z| > deviation), T Student's and Z normal.

    T is normal given the variance that it is scaled by, so the sum is as well, and its tail is
    the mean of normal tails over what that variance may be.

    Args:
        deviations: in standard errors, at least 0; any shape that fits that of `share`.
        share: of the variance, what is known with few degrees of freedom: 0 to 1.
        degrees: of freedom, at least 1.
    """
    deviations, share = np.broadcast_arrays(deviations, share)
    weights = scaled_variances(degrees)[1]
    return 2 * np.tensordot(weights, special.ndtr(-deviations / _scales(share, degrees)), axes=1)


@cache
def scaled_variances(degrees: int) -> tuple[np.ndarray, np.ndarray]:
    """degrees / chi-square(degrees) at points of a grid, and the probabilities of the points.

    The grid is even in the logarithm, where sums come close to integrals fast. It leaves out
    less than 1e-10 of the probability at either end.
    """
    logarithms = np.arange(-50 / degrees, np.log(80 + 6 * degrees), min(0.2, 0.5 / degrees))
    values = np.exp(logarithms)
    # The density of chi-square times what a step in the logarithm is worth, up to a constant.
    density = np.exp((degrees * logarithms - values) / 2)
    factors, weights = degrees / values, density / density.sum()
    factors.flags.writeable = weights.flags.writeable = False
    return factors, weights


def critical_value(
    share: np.ndarray | float, degrees: int, level: np.ndarray | float = 0.05
) -> np.ndarray:
    """The deviation, in standard errors, that is exceeded with a probability of `level`.

    Args:
        share: of the variance, what is known with few degrees of freedom: 0 to 1.
        degrees: of freedom, at least 1.
        level: of the two-sided test; any shape that fits that of `share`.
    """
    if np.ndim(level) == 0:
        roots, values = _critical_values(degrees, float(level))
        return np.interp(np.sqrt(share), roots, values)
    shares, levels = np.broadcast_arrays(np.asarray(share, dtype=float), level)
    critical = np.empty(shares.shape)
    for one in np.unique(levels):
        chosen = levels == one
        roots, values = _critical_values(degrees, float(one))
        critical[chosen] = np.interp(np.sqrt(shares[chosen]), roots, values)
    return critical


@cache
def _critical_values(degrees: int, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Square roots of shares, and the critical value of each.

    The roots are closest near 0: there the far tail of Student's begins to tell.
    """
    roots = np.linspace(0, 1, _POINTS) ** 3
    scales = _scales(roots**2, degrees)
    weights = scaled_variances(degrees)[1][:, None]
    # The logarithm of the tail is concave in that of the deviation, so Newton's method arrives;
    # no critical value is less than the normal one.
    logarithms = np.full(_POINTS, np.log(-special.ndtri(level / 2)))
    for _ in range(_STEPS):
        ratios = np.exp(logarithms) / scales
        tail = 2 * np.sum(weights * special.ndtr(-ratios), axis=0)
        slope = 2 * np.sum(weights * ratios * np.exp(-(ratios**2) / 2), axis=0) / np.sqrt(2 * np.pi)
        steps = np.log(tail / level) * tail / slope
        logarithms = logarithms + steps
        if np.max(np.abs(steps)) < 1e-12:
            break
    return roots, np.exp(logarithms)


def _scales(share: np.ndarray, degrees: int) -> np.ndarray:
    """Standard deviations of the sum, (points, ...), given what the variance of T may be."""
    factors = scaled_variances(degrees)[0]
    return np.sqrt(1 - share + np.multiply.outer(factors, share))


def power(
    effect: np.ndarray | float,
    error: np.ndarray | float,
    share: np.ndarray | float,
    degrees: int,
    *,
    tests: int = 1,
    level: float = 0.05,
) -> np.ndarray:
    """The probability that a verdict calls an effect, whichever its sign.

    Args:
        effect: the true one; any shape that fits those of `error` and `share`.
        error: the true standard error of its estimate, in the same unit.
        share: of the square of that error, what seeds give, 0 to 1.
        degrees: of freedom of what seeds give: one less than there are seeds, at least 1.
        tests: statements that the verdict is adjusted for.
        level: of the family of statements.
    """
    effect, error, share = np.broadcast_arrays(np.abs(effect), error, share)
    deviations = np.divide(effect, error, out=np.zeros(effect.shape), where=error > 0)
    found = _power(deviations, _thresholds(share, degrees, level / tests))
    return np.where(error > 0, found, effect > 0)


def smallest_detectable(
    error: np.ndarray | float,
    share: np.ndarray | float,
    degrees: int,
    *,
    tests: int = 1,
    level: float = 0.05,
    power: float = 0.8,
) -> np.ndarray:
    """The smallest effect that is called with a probability of `power`: `power`'s inverse.

    The other arguments are those of `power`. Where `error` and `share` are estimates, so is what
    this returns, in the unit of `error`.

    Args:
        error: of any shape that fits that of `share`.
        power: the probability, more than `level` and less than 1.
    """
    error, share = np.broadcast_arrays(np.asarray(error, dtype=float), share)
    roots, ratios = _smallest_ratios(degrees, level / tests, power)
    return error * np.interp(np.sqrt(share), roots, ratios)


@cache
def _smallest_ratios(degrees: int, level: float, power: float) -> tuple[np.ndarray, np.ndarray]:
    """Square roots of shares, and the smallest detectable effect of each in standard errors."""
    roots = np.linspace(0, 1, _POWER_POINTS) ** 3
    thresholds = _thresholds(roots**2, degrees, level)

    def missing(deviations: np.ndarray, places: np.ndarray) -> np.ndarray:
        return power - _power(deviations, thresholds[:, places])

    places = np.arange(_POWER_POINTS)
    start = thresholds.mean(axis=0)
    bracket = elementwise.bracket_root(missing, 0, start, xmin=0, args=(places,)).bracket
    return roots, elementwise.find_root(
        missing, bracket, args=(places,), tolerances={"xrtol": 1e-6}
    ).x


def _thresholds(share: np.ndarray, degrees: int, level: float) -> np.ndarray:
    """What an estimate must exceed, in true standard errors: (variances, ...)."""
    places = (np.arange(_VARIANCES) + 0.5) / _VARIANCES
    factors = special.gammaincinv(degrees / 2, places) * 2 / degrees
    seeds = np.multiply.outer(factors, share)
    whole = 1 - share + seeds
    return np.sqrt(whole) * critical_value(seeds / whole, degrees, level)


def _power(deviations: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    exceeded = special.ndtr(deviations - thresholds) + special.ndtr(-deviations - thresholds)
    return exceeded.mean(axis=0)
