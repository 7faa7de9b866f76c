"""What languages have in several targets, as observed, with the noise that is known of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy import stats

from xstilts.analysis.inference.draws import Draws, mean_of
from xstilts.analysis.inference.estimates import LEVEL, Estimate, estimate, estimates


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """One quantity in the languages of some targets.

    Attributes:
        codes: target to its languages.
        values: target to what was observed in each, (languages,).
        noise: target to the variance that items and seeds give to how far each value is from the
            mean of the target, (languages,); no targets where that is not known.
        common: the variance that they give to the mean over targets of these means, as a normal
            variable would have it whose 95 % interval is as wide: few seeds know it badly.
        seeds: how many the values are means of; the fewest.
    """

    codes: Mapping[str, tuple[str, ...]]
    values: Mapping[str, np.ndarray]
    noise: Mapping[str, np.ndarray] = field(default_factory=dict)
    common: float = 0.0
    seeds: int = 1

    @classmethod
    def of(
        cls,
        held: Mapping[str, Draws],
        codes: Mapping[str, tuple[str, ...]],
        *,
        with_noise: bool = False,
    ) -> Outcomes:
        """From draws, target to (1 + draws, languages) in the order of `codes`.

        Args:
            with_noise: whether to reckon the variances that items and seeds give.
        """
        noise, common = {}, 0.0
        if with_noise:
            noise = {target: _noise(_apart(each)) for target, each in held.items()}
            common = _common(estimate(mean_of([_mean(each) for each in held.values()])))
        return cls(
            codes={target: codes[target] for target in held},
            values={target: each.observed.astype(float) for target, each in held.items()},
            noise=noise,
            common=common,
            seeds=min(each.seeds for each in held.values()),
        )


def _mean(values: Draws) -> Draws:
    return values.map(lambda each: each.mean(axis=-1))


def _apart(values: Draws) -> Draws:
    """How languages differ from their mean."""
    return values.map(lambda each: each - each.mean(axis=-1, keepdims=True))


def _noise(values: Draws) -> np.ndarray:
    """The variance that items and seeds give; 0 where that is not known."""
    return np.nan_to_num(np.asarray(estimates(values).error)) ** 2


def _common(mean: Estimate) -> float:
    """The variance of a normal variable with an interval as wide; 0 where there is none."""
    if mean.low is None or mean.high is None:
        return 0.0
    return float((mean.high - mean.low) / (2 * stats.norm.ppf(1 - LEVEL / 2))) ** 2
