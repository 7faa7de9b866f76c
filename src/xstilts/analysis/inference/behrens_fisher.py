"""The distribution of Behrens and Fisher: noise that is partly Student's and partly normal.

What seeds add to an estimate has a variance that rests on few degrees of freedom, what items add
has one that is as good as known. Divided by its estimated standard error, an estimate deviates
from the truth as sqrt(share) T + sqrt(1 - share) Z does, where T is Student's, Z is normal, and
share is the part of the variance that seeds give (Robinson 1976, Annals of Statistics 4).
"""

from __future__ import annotations

from functools import cache

import numpy as np
from scipy import special

# Points of the table that critical values are interpolated in, and steps towards each.
_POINTS = 401
_STEPS = 50


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
