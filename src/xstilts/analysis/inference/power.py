"""What could have been detected: the power of the tests that verdicts are taken from.

An estimate is taken as normal about the true effect. The test compares it with an estimated
standard error times a critical value of Behrens and Fisher (`behrens_fisher`). Of the estimated
error, what items add is as good as known; of what seeds add, the square is the true one times
chi-square(degrees) / degrees. Power is the mean over what it may be. Where seeds are all the
noise that is the power of Student's t test, and where items are, of the z test.

Verdicts are taken from p-values that Holm adjusted for a family of statements. Its first step is
Bonferroni's, so power is reckoned at level / tests: it is at least that, and more where other
statements of the family are detected as well.
"""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy import special
from scipy.optimize import elementwise

from xstilts.analysis.inference.behrens_fisher import critical_value

# Equally probable variances that seeds may be estimated to have: power is off by at most half of
# one, however steeply it depends on them.
_VARIANCES = 200
# Points of the table in which the smallest detectable effect is interpolated.
_POINTS = 101


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
    roots = np.linspace(0, 1, _POINTS) ** 3
    thresholds = _thresholds(roots**2, degrees, level)

    def missing(deviations: np.ndarray, places: np.ndarray) -> np.ndarray:
        return power - _power(deviations, thresholds[:, places])

    places = np.arange(_POINTS)
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
