"""Quantities with their bootstrap draws, and intervals that hold for few seeds.

Draws in which few seeds are resampled know how much seeds vary, but not how little that is
known: of three seeds the variance rests on two degrees of freedom, yet the draws behave as if it
were certain, and reach no further than the seeds that were run. So draws serve for standard
errors, in two parts: what items add rests on many and is taken as normal, what seeds add as
Student's t with one degree of freedom less than there are seeds. What was observed then deviates
from the truth as their sum does, the distribution of Behrens and Fisher: Student's t where seeds
are all the noise, normal where items are, and between the two never too sure (Robinson 1976,
Annals of Statistics 4). Satterthwaite's degrees of freedom are: where three seeds add ten times
the variance that items do, tests at 5 % find something in 8 % of the cases in which there is
nothing, and tests at 0.4 %, as for the first of fourteen families, in 2 %.

What one run makes of one item by chance is in the variance over items and again in that over
seeds, and resampling both counts it three times (Owen 2007, Annals of Applied Statistics 1). So
seeds are also resampled alone, which tells that part from the others, and it is counted once.

Intervals are centred on what was observed. Percentiles would be off for measures of spread and for
minima, which noise moves to one side in the observed value and then once more in the draws.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import stats
from scipy.special import ndtr

from xstilts.analysis.findings import ITEMS, ITEMS_AND_SEEDS, SEEDS
from xstilts.analysis.inference.estimates import Estimate

# Draws of seeds alone: there are few different ones.
RUN_DRAWS = 2_000

_TAIL = 0.025
_NORMAL = float(stats.norm.ppf(1 - _TAIL))

# Less than this is rounding: of values and errors, and of shares of variance.
_ROUNDING = 1e-9
_ROUNDING_OF_SHARES = 1e-6


@dataclass(frozen=True, kw_only=True)
class Draws:
    """A quantity, observed (row 0) and in each draw; further axes as its maker says.

    Attributes:
        both: (1 + draws, ...), items and seeds resampled.
        items: the same draws of items, with every seed at its observed weight.
        runs: (1 + fewer draws, ...): the first of the draws of seeds, with items as observed.
        seeds: how many seeds were run; the fewest, of a mean over targets.
        most_seeds: the most.
        sampled: whether items were resampled; else only seeds were.
    """

    both: np.ndarray
    items: np.ndarray
    runs: np.ndarray
    seeds: int
    most_seeds: int
    sampled: bool = True

    def map(self, compute: Callable[[np.ndarray], np.ndarray]) -> Draws:
        """A function of the quantity, such as its mean over an axis."""
        return combine([self], lambda parts: compute(parts[0]))

    def minus(self, other: Draws) -> Draws:
        """The difference of two quantities in the same draws."""
        return combine([self, other], lambda parts: parts[0] - parts[1])

    @property
    def observed(self) -> np.ndarray:
        """The quantity itself."""
        return self.both[0]


def combine(parts: Sequence[Draws], compute: Callable[[Sequence[np.ndarray]], np.ndarray]) -> Draws:
    """A function of several quantities in the same draws."""
    return Draws(
        both=compute([part.both for part in parts]),
        items=compute([part.items for part in parts]),
        runs=compute([part.runs for part in parts]),
        seeds=min(part.seeds for part in parts),
        most_seeds=max(part.most_seeds for part in parts),
        sampled=all(part.sampled for part in parts),
    )


def mean_of(parts: Sequence[Draws]) -> Draws:
    """The mean of several quantities in the same draws."""
    if len(parts) == 1:
        return parts[0]
    return combine(parts, lambda arrays: sum(arrays[1:], start=arrays[0]) / len(arrays))


def settle(quantity: Draws) -> Estimate:
    """The observed value of one quantity, (1 + draws,), with its interval: see `settle_many`."""
    (estimate,) = settle_many(quantity.map(lambda series: series[:, None]))
    return estimate


def settle_many(quantities: Draws) -> list[Estimate]:
    """The observed value of each quantity with its 95 % interval and two-sided p of being 0.

    No interval where nothing was resampled, or where a value is not a number. p is at least
    2 / (draws + 1): no draws show more.

    Args:
        quantities: (1 + draws, quantities).
    """
    values = quantities.both[0].astype(float)
    draws = len(quantities.both) - 1
    if not draws or not basis_of(quantities):
        return [Estimate(value=float(value)) for value in values]
    noise = _noise(quantities)
    degrees = _degrees(quantities)
    half = np.maximum(_critical_value(noise.share, degrees) * noise.whole, _NORMAL * noise.items)
    p_values = np.maximum(
        _two_sided(_ratio(np.abs(values), noise.whole), noise.share, degrees),
        2 * ndtr(-_ratio(np.abs(values), noise.items)),
    )
    p_values = np.maximum(p_values, 2 / (draws + 1))
    p_values[np.abs(values) < _ROUNDING] = 1
    return [
        Estimate(value=value, low=value - width, high=value + width, p=p)
        if np.isfinite(value) and np.isfinite(width)
        else Estimate(value=value)
        for value, width, p in zip(values.tolist(), half.tolist(), p_values.tolist(), strict=True)
    ]


def stretch(quantities: Draws) -> np.ndarray:
    """How much wider intervals are than normal ones, for the few seeds they rest on: at least 1."""
    return _critical_value(_noise(quantities).share, _degrees(quantities)) / _NORMAL


def basis_of(quantity: Draws) -> str:
    """What the interval of a quantity is over; empty if nothing was resampled."""
    several = quantity.most_seeds > 1
    if quantity.sampled:
        return ITEMS_AND_SEEDS if several else ITEMS
    return SEEDS if several else ""


@dataclass(frozen=True, kw_only=True)
class _Noise:
    """Of each quantity.

    Attributes:
        whole: its standard error.
        items: what items alone give, of which it cannot truly be less: few seeds may agree by
            chance, the more so where scores are counts of few items.
        share: of the square of the standard error, what seeds give, 0 to 1.
    """

    whole: np.ndarray
    items: np.ndarray
    share: np.ndarray


def _noise(quantities: Draws) -> _Noise:
    both, items, runs = (
        np.var(series[1:], axis=0, dtype=float)
        for series in (quantities.both, quantities.items, quantities.runs)
    )
    # What items and runs have in common stays in that of runs, which is known less well.
    whole = runs + np.maximum(items - np.maximum(both - items - runs, 0), 0)
    share = np.divide(runs, whole, out=np.zeros_like(whole), where=whole > _ROUNDING**2)
    return _Noise(
        whole=np.sqrt(whole),
        items=np.sqrt(items),
        share=np.where(share < _ROUNDING_OF_SHARES, 0, share),
    )


def _ratio(values: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """How many standard errors values are: infinitely many where there is no noise."""
    return np.divide(values, errors, out=np.full(len(values), np.inf), where=errors > _ROUNDING)


def _degrees(quantities: Draws) -> int:
    """Of the variance of seeds; one where the fewest are one: of some target there are more."""
    return max(1, quantities.seeds - 1)


def _two_sided(deviations: np.ndarray, share: np.ndarray, degrees: int) -> np.ndarray:
    """P(|sqrt(share) T + sqrt(1 - share) Z| > deviation), T Student's and Z normal.

    T is normal given the variance that it is scaled by, so the sum is as well, and its tail is
    the mean of normal tails over what that variance may be.
    """
    factors, weights = _scaled_variances(degrees)
    scales = np.sqrt(1 - share + np.multiply.outer(factors, share))
    return 2 * weights @ ndtr(-deviations / scales)


@cache
def _scaled_variances(degrees: int) -> tuple[np.ndarray, np.ndarray]:
    """degrees / chi-square(degrees) at points of a grid, and the probabilities of the points.

    The grid is even in the logarithm, where sums come close to integrals fast.
    """
    logarithms = np.arange(-50 / degrees, np.log(80 + 6 * degrees), min(0.2, 0.5 / degrees))
    values = np.exp(logarithms)
    density = stats.chi2.pdf(values, degrees) * values
    return degrees / values, density / density.sum()


def _critical_value(share: np.ndarray, degrees: int) -> np.ndarray:
    """The deviation, in standard errors, that is exceeded with a probability of 5 %."""
    roots, critical = _critical_values(degrees)
    return np.interp(np.sqrt(share), roots, critical)


@cache
def _critical_values(degrees: int) -> tuple[np.ndarray, np.ndarray]:
    """Square roots of shares, evenly spaced, and the critical value of each."""
    roots = np.linspace(0, 1, 101)
    low = np.full(len(roots), 1.0)
    high = np.full(len(roots), 2 * stats.t.ppf(1 - _TAIL, degrees))
    for _ in range(50):
        middle = (low + high) / 2
        exceeded = _two_sided(middle, roots**2, degrees) > 2 * _TAIL
        low, high = np.where(exceeded, middle, low), np.where(exceeded, high, middle)
    return roots, (low + high) / 2
