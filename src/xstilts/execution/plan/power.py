"""The smallest effect that a design detects, one number at a time and in plain Python.

The same as `xstilts.analysis.inference.behrens_fisher`, which says what it is, to 2 %. That one
needs numpy and scipy, whose import takes half a second: as long as everything else that planning
does.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import cache
from statistics import NormalDist

LEVEL = 0.05
POWER = 0.8

_NORMAL = NormalDist()

# Standard deviations of the logarithm of an estimated variance from one point of the grid to the
# next, about; and the relative precision that is iterated to.
_STEP = 0.4
_PRECISION = 1e-3


@cache
def smallest_detectable(share: float, degrees: int, tests: int) -> float:
    """What is detected with 80 % power at 5 %, in standard errors.

    Args:
        share: of the square of the standard error, what seeds give, 0 to 1.
        degrees: of freedom of what seeds give, at least 1.
        tests: statements that the verdict is adjusted for.
    """
    level = LEVEL / tests
    critical = -_NORMAL.inv_cdf(level / 2)
    if share == 0:
        return critical + _NORMAL.inv_cdf(POWER)
    variances, weights = _variances(degrees)
    thresholds = []
    for variance in variances:
        whole = 1 - share + share * variance
        critical = _critical_value(share * variance / whole, degrees, level, near=critical)
        thresholds.append(critical * math.sqrt(whole))
    deviations = _deviations(thresholds)
    low, high = 0.0, 2 * max(thresholds) + 2
    while high - low > _PRECISION * high:
        middle = (low + high) / 2
        found = sum(
            weight * _tail((threshold - middle) / deviation)
            for weight, threshold, deviation in zip(weights, thresholds, deviations, strict=True)
        )
        low, high = (middle, high) if found < POWER else (low, middle)
    return (low + high) / 2


def _deviations(thresholds: Sequence[float]) -> list[float]:
    """Standard deviations of an estimate minus a threshold: each stands for those near it."""
    last = len(thresholds) - 1
    widths = [
        (thresholds[min(place + 1, last)] - thresholds[max(place - 1, 0)]) / 2
        for place in range(last + 1)
    ]
    return [math.sqrt(1 + width**2 / 12) for width in widths]


def _critical_value(share: float, degrees: int, level: float, near: float) -> float:
    """As `behrens_fisher.critical_value`, by Newton's method from a value near it."""
    variances, weights = _variances(degrees)
    scales = [math.sqrt(1 - share + share / variance) for variance in variances]
    logarithm, step = math.log(near), 1.0
    while abs(step) > _PRECISION:
        deviation = math.exp(logarithm)
        ratios = [deviation / scale for scale in scales]
        tail = 2 * sum(map(math.prod, zip(weights, map(_tail, ratios), strict=True)))
        slope = 2 * sum(
            weight * ratio * _NORMAL.pdf(ratio)
            for weight, ratio in zip(weights, ratios, strict=True)
        )
        step = math.log(tail / level) * tail / slope
        logarithm += step
    return math.exp(logarithm)


@cache
def _variances(degrees: int) -> tuple[list[float], list[float]]:
    """chi-square(degrees) / degrees at points of a grid, and their probabilities."""
    step = _STEP * math.sqrt(2 / degrees)
    low, high = -26 / degrees, math.log(5 + 40 / degrees)
    logarithms = [low + place * step for place in range(int((high - low) / step) + 1)]
    variances = [math.exp(logarithm) for logarithm in logarithms]
    densities = [
        math.exp(degrees * (logarithm - variance) / 2)
        for logarithm, variance in zip(logarithms, variances, strict=True)
    ]
    whole = sum(densities)
    return variances, [density / whole for density in densities]


def _tail(deviation: float) -> float:
    return math.erfc(deviation / math.sqrt(2)) / 2
