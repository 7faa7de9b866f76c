"""What a model over languages says, however much of the differences follows the tree.

The share of what sets languages apart that follows the tree (lambda) is known badly from some
forty languages. So each statement is a mean over lambdas from 0 to 1, each counting by its
restricted likelihood, all others being at their best for it: at each, an estimate has Student's t
around it with the languages' degrees of freedom. Intervals and p are those of the mixture, wider
than those at the best lambda, which take it for known. A lambda of 1, all differences being of
descent, counts as much beforehand as all below it: where it is the truth most estimates are below
it, and with an even count tests at 5 % of forty languages find something in 7 % of the cases in
which there is nothing (`benchmarks/tree_verdicts.py`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import interpolate, optimize, stats

from xstilts.analysis.inference.estimates import LEVEL
from xstilts.analysis.relatedness.reml import Fit, Values, fit

GRID = np.linspace(0, 1, 11)
# Half of the 95 % point of chi-squared with one degree of freedom.
DROP = float(stats.chi2.ppf(1 - LEVEL, 1) / 2)
# Lambdas that are less likely by more (on the log scale) do not count.
_NEGLIGIBLE = 8.0
# With which what is detectable would be told.
POWER = 0.8
_TINY = 1e-18


@dataclass(frozen=True, kw_only=True)
class Told:
    """An estimate over languages with its 95 % interval and two-sided p.

    Attributes:
        detectable: the true value that would be told from 0 with a probability of 80 %.
    """

    value: float
    low: float
    high: float
    p: float
    detectable: float


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A model at its best lambda and at those of `GRID` that are not far less likely.

    Attributes:
        fits: by lambda, rising.
        degrees: of freedom of what is told of languages.
    """

    best: Fit
    fits: dict[float, Fit]
    degrees: int

    @cached_property
    def weights(self) -> np.ndarray:
        """(fits,): how much each lambda counts; they sum to 1."""
        lambdas, heights = self._curve
        # 0 ends the range and stands for half as much of it; 1 stands for as much as all others.
        before = np.where(lambdas == 0, 0.5, np.where(lambdas == 1, len(GRID) - 1, 1.0))
        found = before * np.exp(heights - heights.max())
        return found / found.sum()

    @cached_property
    def interval(self) -> tuple[float, float]:
        """Of lambda: where the profile of the likelihood is within 1.92 of the greatest."""
        lambdas, heights = self._curve
        peak = self.best.shares[0]
        top = self.best.log_likelihood
        if peak not in self.fits:
            place = int(np.searchsorted(lambdas, peak))
            lambdas, heights = np.insert(lambdas, place, peak), np.insert(heights, place, top)
        if len(lambdas) < 2:
            return peak, peak
        curve = interpolate.PchipInterpolator(lambdas, heights - top + DROP)
        return _crossing(curve, peak, float(lambdas[0])), _crossing(curve, peak, float(lambdas[-1]))

    @property
    def likely(self) -> list[Fit]:
        """The best model and those whose lambda is within its interval."""
        least = self.best.log_likelihood - DROP
        return [self.best, *(each for each in self.fits.values() if each.log_likelihood >= least)]

    def told(self, of: Callable[[Fit], tuple[float, float]], extra: float = 0.0) -> Told:
        """A statement.

        Args:
            of: an estimate and its variance in each model.
            extra: a variance that does not come from languages.
        """
        centres, variances = np.array([of(each) for each in self.fits.values()]).T
        errors = np.sqrt(np.maximum(variances + extra, _TINY))
        value = float(of(self.best)[0])

        def below(x: float) -> float:
            return float(self.weights @ stats.t.cdf((x - centres) / errors, self.degrees))

        reach = 60 * errors.max() + np.ptp(centres)
        low, high = (
            optimize.brentq(
                lambda x, part=part: below(x) - part, centres.min() - reach, centres.max() + reach
            )
            for part in (LEVEL / 2, 1 - LEVEL / 2)
        )
        error = float(np.sqrt(self.weights @ errors**2))
        two = stats.t.ppf(1 - LEVEL / 2, self.degrees) + stats.t.ppf(POWER, self.degrees)
        return Told(
            value=value,
            low=min(low, value),
            high=max(high, value),
            p=min(1.0, 2 * min(below(0), 1 - below(0))),
            detectable=float(two) * error,
        )

    def coefficient(self, place: int) -> Told:
        """A coefficient of the fixed part."""
        return self.told(lambda each: (each.coefficients[place], each.covariance[place, place]))

    @property
    def _curve(self) -> tuple[np.ndarray, np.ndarray]:
        return (
            np.array(list(self.fits)),
            np.array([each.log_likelihood for each in self.fits.values()]),
        )


def _crossing(curve: Callable[[float], float], peak: float, end: float) -> float:
    """Where a curve that falls from its peak to an end crosses 0, the end if it does not."""
    return end if curve(end) >= 0 else float(optimize.brentq(curve, *sorted((peak, end))))


def profile(
    values: Values, tree: np.ndarray, degrees: int, places: np.ndarray | None = None
) -> Profile:
    """The model with the tree, over lambda.

    Args:
        degrees: of freedom, those of languages beyond what is fixed.
        places: how near languages are to each other, if that is in the model too. At each lambda
            its share is the most likely one.
    """
    alike = [tree] if places is None else [tree, places]

    def at(share: float) -> Fit:
        none = [share, *[0.0] * (len(alike) - 1)]
        return fit(values, alike, [none] if places is None else [none, [share, 1 - share]])

    best = fit(values, alike)
    first = int(np.argmin(np.abs(GRID - best.shares[0])))
    found: dict[float, Fit] = {}
    for steps in (range(first, -1, -1), range(first + 1, len(GRID))):
        for place in steps:
            share = float(GRID[place])
            found[share] = at(share)
            if found[share].log_likelihood < best.log_likelihood - _NEGLIGIBLE:
                break
    return Profile(best=best, fits=dict(sorted(found.items())), degrees=degrees)
