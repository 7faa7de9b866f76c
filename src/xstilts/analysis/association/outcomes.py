"""What languages have in several targets, as observed, with the noise that is known of it.

The noise of a language is what the bootstrap gives to languages of its target with as many items.
Of few items that a recipe leaves as they were it sees no noise at all; a language of which that is
so would outweigh all others wherever languages are estimated not to differ, and draw the mean to no
change.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import optimize, stats

from xstilts.analysis.inference.draws import Draws, mean_of
from xstilts.analysis.inference.estimates import LEVEL, Estimate, estimate, estimates


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """One quantity in the languages of some targets.

    Attributes:
        codes: target to its languages.
        values: target to what was observed in each, (languages,).
        noise: target to the variance that items and seeds give to how far a value is from the mean
            of the target, smoothed over languages, (languages,); no targets where that is not
            known.
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
        items: Mapping[str, Sequence[int]] | None = None,
    ) -> Outcomes:
        """From draws, target to (1 + draws, languages) in the order of `codes`.

        Args:
            items: target to the number of items of each language, 0 where it is not known; None
                if variances that items and seeds give are not asked for.
        """
        noise, common = {}, 0.0
        if items is not None:
            noise = {target: _noise(each, items[target]) for target, each in held.items()}
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


def _noise(values: Draws, items: Sequence[int]) -> np.ndarray:
    """Of each language beside the mean of languages; 0 where that is not known.

    a + b / items by least squares, a and b not below 0: what seeds give is the same of few items
    and of many, what items give is not. It is the mean over languages where all have as many.
    """
    apart = values.map(lambda each: each - each.mean(axis=-1, keepdims=True))
    variances = np.nan_to_num(np.asarray(estimates(apart).error)) ** 2
    design = [np.ones(len(variances))]
    if len(set(items)) > 1 and min(items) > 0:
        design.append(min(items) / np.array(items))
    columns = np.column_stack(design)
    return columns @ optimize.nnls(columns, variances)[0]


def _common(mean: Estimate) -> float:
    """The variance of a normal variable with an interval as wide; 0 where there is none."""
    if mean.low is None or mean.high is None:
        return 0.0
    return float((mean.high - mean.low) / (2 * stats.norm.ppf(1 - LEVEL / 2))) ** 2
