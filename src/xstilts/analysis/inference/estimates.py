"""From bootstrap draws to intervals and p-values.

A series is an array whose row 0 is what was observed and whose further rows are draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Half of what is left out of a two-sided 95 % interval.
_TAIL = 0.025


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A number, its 95 % interval, and the two-sided p of its being 0; None without draws."""

    value: float
    low: float | None = None
    high: float | None = None
    p: float | None = None


def percentile(series: np.ndarray) -> Estimate:
    """The observed value with the percentile interval of its draws.

    p = 2 min(P(draw <= 0), P(draw >= 0)) with one added to counts and draws, so that it is never
    0 (Davison and Hinkley 1997, section 4.2); at most 1.

    Args:
        series: (1 + draws,).
    """
    return greatest(series[:, None])


def greatest(series: np.ndarray) -> Estimate:
    """The greatest of several quantities, with an interval for the greatest true one.

    The greatest of noisy numbers is too great, and its draws exaggerate that once more, so their
    percentiles would find "at least one gain" where there is none. Instead the lower limit is
    simultaneous: all true quantities exceed the observed ones plus the lower percentile of the
    least deviation, taken inside each draw (as in single-step methods, Westfall and Young 1993),
    hence so does the greatest. The upper limit is the greatest of the single upper limits: that
    of the quantity which is truly greatest is one of them (intersection-union, Berger 1982).
    For one quantity this is the percentile interval.

    Args:
        series: (1 + draws, quantities).
    """
    observed, draws = series[0].astype(float), series[1:].astype(float)
    value = float(observed.max())
    if not len(draws):
        return Estimate(value=value)
    least = value + (draws - observed).min(axis=1)
    counted = len(draws) + 1
    p_above = (1 + np.count_nonzero(least <= 0)) / counted
    p_below = (1 + np.count_nonzero(draws >= 0, axis=0).max()) / counted
    return Estimate(
        value=value,
        low=float(np.quantile(least, _TAIL)),
        high=float(np.quantile(draws, 1 - _TAIL, axis=0).max()),
        p=float(min(1.0, 2 * min(p_above, p_below))),
    )


def least(series: np.ndarray) -> Estimate:
    """The least of several quantities: `greatest`, mirrored.

    Its lower limit is above 0 only if that of each quantity is.
    """
    mirrored = greatest(-series)
    low, high = mirrored.low, mirrored.high
    return Estimate(
        value=-mirrored.value,
        low=None if high is None else -high,
        high=None if low is None else -low,
        p=mirrored.p,
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """p-values that hold for all tests together (Holm 1979), in the order given."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted = [0.0] * len(p_values)
    so_far = 0.0
    for rank, place in enumerate(order):
        so_far = max(so_far, min(1.0, (len(p_values) - rank) * p_values[place]))
        adjusted[place] = so_far
    return adjusted


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """p-values for the false discovery rate (Benjamini and Hochberg 1995), in the order given.

    Of the tests with an adjusted p of at most q, on average at most the share q is no effect. That
    holds for independent tests and for some that are positively dependent.
    """
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted = [0.0] * len(p_values)
    so_far = 1.0
    for rank, place in reversed(list(enumerate(order, start=1))):
        so_far = min(so_far, len(p_values) / rank * p_values[place])
        adjusted[place] = so_far
    return adjusted
