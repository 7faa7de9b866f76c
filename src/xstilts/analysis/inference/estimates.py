"""From draws to intervals and p: the only place where either is made.

What was observed deviates from the truth by what items add and by what seeds add. What items add
rests on many and is taken as normal; what seeds add rests on few and is taken as Student's t with
one degree of freedom less than there are seeds. Their sum has the distribution of Behrens and
Fisher (`behrens_fisher`), which is Student's where seeds are all the noise, normal where items
are, and between the two never too sure. Satterthwaite's degrees of freedom are: where three seeds
add ten times the variance that items do, tests at 5 % find something in 8 % of the cases in which
there is nothing, and tests at 0.4 %, as for the first of fourteen families, in 2 %.

What one run makes of one item by chance is in the variance over items and again in that over
seeds, and resampling both counts it three times (Owen 2007, Annals of Applied Statistics 1). So
seeds are also resampled alone, which tells that part from the others, and it is counted once.

Intervals are centred on what was observed. Measures of spread and others that are no means are
moved to one side by noise; by as much as draws are moved further, intervals are wider. The least
and the greatest of several quantities have bounds of their own (`greatest`, `within_least`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.special import ndtr

from xstilts.analysis.inference.behrens_fisher import critical_value, two_sided
from xstilts.analysis.inference.draws import Draws, combine, mean_of

# Intervals are of 95 %, tests at 5 %.
LEVEL = 0.05

_NORMAL = float(critical_value(0.0, 1, LEVEL))

# Less than this is rounding: of values and errors, and of shares of variance.
_ROUNDING = 1e-9
_ROUNDING_OF_SHARES = 1e-6
# p of what has no noise at all: that of 10,000 draws which are all on one side.
_LEAST_P = 2 / 10_001
# A mean of draws that is off by fewer of its own errors is off by chance.
_BY_CHANCE = 3.0
# What is above the least with a p below this is not truly the least.
_NOT_THE_LEAST = 0.001


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """A number with its 95 % interval and the two-sided p of its being 0; None without draws.

    Attributes:
        error: standard error, None without draws.
        share: of its square, what seeds give, 0 to 1.
        degrees: of freedom of that part.
    """

    value: float
    low: float | None = None
    high: float | None = None
    p: float | None = None
    error: float | None = field(default=None, compare=False)
    share: float = field(default=0.0, compare=False)
    degrees: int = field(default=1, compare=False)

    @property
    def columns(self) -> dict[str, Any]:
        """What a table says of it."""
        share = None if self.error is None else self.share
        found = {"value": self.value, "low": self.low, "high": self.high, "p": self.p}
        return {**found, "error": self.error, "seeds_share": share}


@dataclass(frozen=True, kw_only=True)
class Estimates:
    """Several estimates as arrays of one shape, nan where `Estimate` has None."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p: np.ndarray
    error: np.ndarray
    share: np.ndarray
    degrees: int

    def __iter__(self) -> Iterator[Estimate]:
        """Each of (quantities,)."""
        columns = (self.value, self.low, self.high, self.p, self.error, self.share)
        for numbers in zip(*(column.tolist() for column in columns), strict=True):
            yield self._of(*numbers)

    def one(self) -> Estimate:
        """The only one, of shape ()."""
        columns = (self.value, self.low, self.high, self.p, self.error, self.share)
        return self._of(*(np.asarray(column).item() for column in columns))

    def _of(
        self, value: float, low: float, high: float, p: float, error: float, share: float
    ) -> Estimate:
        if not np.isfinite(low):
            return Estimate(value=value)
        return Estimate(
            value=value, low=low, high=high, p=p, error=error, share=share, degrees=self.degrees
        )


def estimate(quantity: Draws) -> Estimate:
    """One quantity, (1 + draws,): see `estimates`."""
    return estimates(quantity).one()


def estimates(quantities: Draws) -> Estimates:
    """The observed value of each quantity with its 95 % interval and two-sided p of being 0.

    No interval where nothing was resampled, or where a value is not a number.

    Args:
        quantities: (1 + draws, ...).
    """
    value = np.asarray(quantities.observed, dtype=float)
    if not quantities.basis:
        return of_noise(value, None, quantities)
    several = quantities.most_seeds > 1
    items = _variance(quantities.items)
    both, seeds = (
        (_variance(quantities.both), _variance(quantities.seeds_alone))
        if several
        else (items, items)
    )
    noise = Noise.of(both, items, seeds, several=several)
    return of_noise(value, noise, quantities, _bias(quantities, value))


def of_noise(
    value: np.ndarray, noise: Noise | None, about: Draws, bias: np.ndarray | float = 0.0
) -> Estimates:
    """Intervals and p of values with this noise; none without.

    Args:
        about: whose seeds say how well the noise is known.
        bias: by how much values may be to one side.
    """
    degrees = about.degrees
    if noise is None:
        nothing = np.full(value.shape, np.nan)
        return Estimates(
            value=value, low=nothing, high=nothing, p=nothing, error=nothing,
            share=np.zeros(value.shape), degrees=degrees,
        )  # fmt: skip
    width = np.maximum(critical_value(noise.share, degrees) * noise.whole, _NORMAL * noise.items)
    off = np.maximum(np.abs(value) - bias, 0)
    p = np.maximum(
        two_sided(_ratio(off, noise.whole), noise.share, degrees),
        2 * ndtr(-_ratio(off, noise.items)),
    )
    # Few items that all agree show no noise, and still are few. Sums of weights may exceed 1.
    p = np.where(noise.whole > _ROUNDING, np.minimum(p, 1), _LEAST_P)
    p = np.where(np.abs(value) < _ROUNDING, 1.0, p)
    unknown = np.where(np.isfinite(value) & np.isfinite(width), 0.0, np.nan)
    return Estimates(
        value=value,
        low=value - width - bias + unknown,
        high=value + width + bias + unknown,
        p=p + unknown,
        error=noise.whole + unknown,
        share=noise.share,
        degrees=degrees,
    )


def greatest(quantities: Draws) -> Estimate:
    """The greatest of several quantities, with an interval for the greatest true one.

    The greatest of noisy numbers is too great. So the lower limit is simultaneous: with the level
    shared among the quantities (Bonferroni) all true ones exceed their own lower limits, hence so
    does the greatest. The upper limit is the greatest of the single upper limits: that of the
    quantity which is truly greatest is one of them (intersection-union, Berger 1982). p goes with
    them. For one quantity this is `estimate`.

    Args:
        quantities: (1 + draws, quantities).
    """
    found = estimates(quantities)
    place = int(found.value.argmax())
    if not np.isfinite(found.low).all():
        return Estimate(value=float(found.value[place]))
    number = len(found.value)
    critical = critical_value(found.share, found.degrees, LEVEL / number)
    single = critical_value(found.share, found.degrees)
    # By as much as a single interval is wider than its error says, for other reasons.
    wider = np.maximum((found.high - found.low) / 2 - single * found.error, 0)
    above = np.where(found.value > 0, number * found.p, 1.0).min()
    below = found.p.max() if (found.value < 0).all() else 1.0
    return Estimate(
        value=float(found.value[place]),
        low=float((found.value - critical * found.error - wider).max()),
        high=float(found.high.max()),
        p=float(min(1.0, above, below)),
        error=float(found.error[place]),
        share=float(found.share[place]),
        degrees=found.degrees,
    )


def least(quantities: Draws) -> Estimate:
    """The least of several quantities: `greatest`, mirrored.

    Its lower limit is above 0 only if that of each quantity is.
    """
    found = greatest(quantities.map(np.negative))
    return replace(
        found,
        value=-found.value,
        low=None if found.high is None else -found.high,
        high=None if found.low is None else -found.low,
    )


def within_least(levels: Sequence[Draws], beside: Sequence[Draws] | None = None) -> Estimates:
    """The mean over targets of the least level in each, or of its change, with bounds.

    Which language or family is truly the worst is not known where several are close. Those that
    are not clearly above the observed least are the candidates, one of which is truly the least
    (but for 0.1 % a comparison). So the least true level lies between the least and the greatest
    of the candidates' levels.

    If i is the worst afterwards and j before, the change of the least is a_i - b_j, which is at
    least i's own change, since b_j is at most b_i, and at most j's own. So it lies between the
    least of a_i - min(b_i, b_j) and the greatest of min(a_i, a_j) - b_j over the candidates i
    afterwards and j before. Limits are those of these two bounds.

    Args:
        levels: of each target, (1 + draws, ..., names): what is compared with others by name.
        beside: the same without the recipe; then the change is estimated.

    Returns:
        Of shape (...).
    """
    if beside is None:
        value = np.mean([each.observed.min(axis=-1) for each in levels], axis=0)
        found = [_level_bounds(each) for each in levels]
    else:
        pairs = list(zip(levels, beside, strict=True))
        value = np.mean([a.observed.min(-1) - b.observed.min(-1) for a, b in pairs], axis=0)
        found = [_change_bounds(after, before) for after, before in pairs]
    lowest, highest = (mean_of([each[side] for each in found]) for side in (0, 1))
    lower, upper = estimates(lowest), estimates(highest)
    p = np.where(lower.value > 0, lower.p, np.where(upper.value < 0, upper.p, 1.0))
    return Estimates(
        value=value,
        low=np.minimum(lower.low, value),
        high=np.maximum(upper.high, value),
        p=np.where(np.isfinite(lower.p), p, np.nan),
        error=np.maximum(lower.error, upper.error),
        share=np.maximum(lower.share, upper.share),
        degrees=lower.degrees,
    )


def _level_bounds(levels: Draws) -> tuple[Draws, Draws]:
    """The bounds of the least, in one target."""
    kept = candidates(levels)
    return levels.map(lambda a: _least_of(a, kept)), levels.map(lambda a: _greatest_of(a, kept))


def _change_bounds(after: Draws, before: Draws) -> tuple[Draws, Draws]:
    """The bounds of the change of the least, in one target."""
    last, first = candidates(after), candidates(before)

    def lowest(parts: Sequence[np.ndarray]) -> np.ndarray:
        a, b = parts
        return _least_of(a - np.minimum(b, _greatest_of(b, first)[..., None]), last)

    def highest(parts: Sequence[np.ndarray]) -> np.ndarray:
        a, b = parts
        return _greatest_of(np.minimum(a, _greatest_of(a, last)[..., None]) - b, first)

    return combine([after, before], lowest), combine([after, before], highest)


def _least_of(values: np.ndarray, kept: np.ndarray) -> np.ndarray:
    return np.where(kept, values, np.inf).min(axis=-1)


def _greatest_of(values: np.ndarray, kept: np.ndarray) -> np.ndarray:
    return np.where(kept, values, -np.inf).max(axis=-1)


def candidates(levels: Draws) -> np.ndarray:
    """Which names may be the one that is truly the least: bool, (..., names).

    Args:
        levels: (1 + draws, ..., names).
    """
    place = levels.observed.argmin(axis=-1)[..., None]
    above = levels.map(
        lambda values: (
            values - np.take_along_axis(values, np.broadcast_to(place, (*values.shape[:-1], 1)), -1)
        )
    )
    found = estimates(above)
    return ~(found.p < _NOT_THE_LEAST) | (found.value <= 0)


@dataclass(frozen=True, kw_only=True)
class Noise:
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

    @classmethod
    def of(cls, both: np.ndarray, items: np.ndarray, seeds: np.ndarray, *, several: bool) -> Noise:
        """From the variances of draws of items and seeds, of items alone and of seeds alone."""
        if not several:
            return cls(whole=np.sqrt(items), items=np.sqrt(items), share=np.zeros(items.shape))
        # What items and seeds have in common stays in that of seeds, which is known less well.
        whole = seeds + np.maximum(items - np.maximum(both - items - seeds, 0), 0)
        share = np.divide(seeds, whole, out=np.zeros_like(whole), where=whole > _ROUNDING**2)
        return cls(
            whole=np.sqrt(whole),
            items=np.sqrt(items),
            share=np.where(share < _ROUNDING_OF_SHARES, 0, share),
        )


def covariance(series: np.ndarray) -> np.ndarray:
    """(columns, columns): of the draws of a series, (1 + draws, columns)."""
    off = series[1:] - series[1:].mean(axis=0, dtype=float).astype(series.dtype)
    return (off.T @ off).astype(float) / len(off)


def _variance(series: np.ndarray) -> np.ndarray:
    """Of the draws of a series, (1 + draws, ...)."""
    return np.var(series[1:], axis=0, dtype=float)


def _bias(quantities: Draws, value: np.ndarray) -> np.ndarray:
    """By how much draws are to one side of what was observed, beyond chance."""
    drawn = quantities.both[1:]
    off = np.abs(drawn.mean(axis=0, dtype=float) - value)
    return np.maximum(off - _BY_CHANCE * drawn.std(axis=0, dtype=float) / len(drawn) ** 0.5, 0)


def _ratio(values: np.ndarray, errors: np.ndarray) -> np.ndarray:
    """How many standard errors values are: infinitely many where there is no noise."""
    return np.divide(values, errors, out=np.full(values.shape, np.inf), where=errors > _ROUNDING)
