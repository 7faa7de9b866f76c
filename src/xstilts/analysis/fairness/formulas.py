"""How evenly languages are served, whom a recipe harms, and what is worth its cost.

Pure formulas. Languages are on the last axis, any axes before it are kept (as a rule one, of
1 + draws), and results drop the last axis. `u` are chance-corrected scores, at most 1 and negative
below chance; where nothing else is said, scores in points do as well. Formulas over languages
raise ValueError for no languages (of a spread, for fewer than two), for a value that is not finite,
and where families, speakers or weights are not one per language: what is missing is left out by
the caller, who can say so. Formulas for single scores pass nan on.

No measure of spread says anything without the level: SD falls where all scores shrink, Gini where
only the best do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

# Sums of the same losses in another order differ by rounding; a share this much less is no less.
_ROUNDING = 1e-9


class Harm(NamedTuple):
    """What a family loses.

    Attributes:
        rate: share of its languages that lose, 0 to 1.
        concentration: that rate over the rate of all languages; 1 where losses are spread evenly.
        loss_share: of all that is lost, the share that its languages bear, 0 to 1.
    """

    rate: float
    concentration: float
    loss_share: float


def finite(values: np.ndarray, *, least: int = 1) -> np.ndarray:
    """`values` as float64 with at least `least` on the last axis; ValueError if not, or if nan."""
    checked = np.asarray(values, dtype=float)
    if checked.ndim == 0 or checked.shape[-1] < least:
        raise ValueError(f"shape {checked.shape}: the last axis has to have {least} or more")
    if not np.isfinite(checked).all():
        raise ValueError("some values are not finite")
    return checked


def quotient(
    above: npt.ArrayLike, below: npt.ArrayLike, *, otherwise: float = np.nan
) -> np.ndarray:
    """above / below, element by element, and `otherwise` where `below` is not above 0."""
    shape = np.broadcast_shapes(np.shape(above), np.shape(below))
    out = np.full(shape, otherwise, dtype=float)
    return np.divide(above, below, out=out, where=np.broadcast_to(np.greater(below, 0), shape))


def chance_corrected(points: np.ndarray, chance: np.ndarray | float) -> np.ndarray:
    """u = (s - c) / (100 - c): 0 at chance, 1 at 100 points, negative below chance.

    Args:
        points: scores s, of any shape.
        chance: c in points, one number or one per language.

    Raises:
        ValueError: if a chance is not below 100.
    """
    base = np.asarray(chance, dtype=float)
    if not (base < 100).all():
        raise ValueError("chance has to be below 100 points")
    return (np.asarray(points, dtype=float) - base) / (100 - base)


def family_means(u: np.ndarray, families: Sequence[str]) -> tuple[tuple[str, ...], np.ndarray]:
    """The families in order of first appearance, and the mean of each: (..., families).

    As in XTREME (Hu et al. 2020). A family may have one language: its mean is that language.
    """
    u = finite(u)
    places = _places(families, u.shape[-1])
    shares = np.zeros((u.shape[-1], len(places)))
    for number, held in enumerate(places.values()):
        shares[held, number] = 1 / len(held)
    return tuple(places), u @ shares


def worst(u: np.ndarray) -> np.ndarray:
    """The least score: higher is better (Choudhury and Deshpande 2021).

    The least of noisy scores is too low and chases the smallest test set; so it is taken inside
    each draw.
    """
    return finite(u).min(axis=-1)


def lowest_tenth(u: np.ndarray) -> np.ndarray:
    """The mean of the lowest tenth of languages, rounded up: higher is better.

    Less moved by a single language than `worst`, which it equals for up to ten.
    """
    u = finite(u)
    count = -(-u.shape[-1] // 10)
    return np.partition(u, count - 1, axis=-1)[..., :count].mean(axis=-1)


def spread(u: np.ndarray) -> np.ndarray:
    """Standard deviation over languages (ddof 1), in the unit of `u`: lower is more even."""
    return finite(u, least=2).std(axis=-1, ddof=1)


def variation(u: np.ndarray) -> np.ndarray:
    """Coefficient of variation: `spread` over the mean, at least 0, lower is more even.

    nan where the mean is not above 0.
    """
    return quotient(spread(u), np.mean(u, axis=-1, dtype=float))


def gini(u: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
    """Gini coefficient, 0 to below 1: lower is more even (Khanuja et al. 2023).

    sum_ij w_i w_j |u_i - u_j| / (2 sum w sum w u), where scores below 0 count as 0; and 0 where
    all of them are 0. It does not tell the level, and chance correction alone can double it.

    Args:
        weights: one per language, not negative, e.g. its speakers; equal ones by default.
    """
    u = np.maximum(finite(u), 0)
    if weights is None:
        count = u.shape[-1]
        ranks = 2 * np.arange(1, count + 1) - count - 1
        # Of equal scores rounding leaves less than 0.
        spread = np.maximum(np.sort(u, axis=-1) @ ranks, 0)
        return quotient(spread, count * u.sum(axis=-1), otherwise=0)
    w = finite(weights)
    if w.shape != u.shape[-1:] or (w < 0).any() or not w.any():
        raise ValueError("weights have to be one per language, not negative and not all 0")
    order = np.argsort(u, axis=-1)
    rising = np.take_along_axis(u, order, axis=-1)
    # Between neighbours in the order, all below differ from all above by the gap.
    below = np.cumsum(w[order], axis=-1)
    whole = below[..., -1:]
    gaps = np.diff(rising, axis=-1) * below[..., :-1] * (whole - below[..., :-1])
    return quotient(gaps.sum(axis=-1), whole[..., 0] * (u @ w), otherwise=0)


def global_utility(u: np.ndarray, speakers: np.ndarray, tau: float) -> np.ndarray:
    """sum d u with d = n^tau / sum n^tau: at most 1, higher is better (Blasi et al. 2022).

    tau = 1 weighs each speaker alike (demographic utility), tau near 0 each language (linguistic
    utility). The original scores languages without data 0; this is conditional on those covered.
    `u` is not clipped: scores of a language at chance lie on both sides of 0, and without the
    negative ones noise would look like utility. So the result may be negative.

    Args:
        speakers: n, one per language, above 0.
        tau: 0 or more.
    """
    u, n = finite(u), finite(speakers)
    if n.shape != u.shape[-1:] or (n <= 0).any():
        raise ValueError("speakers have to be one number per language, above 0")
    if not tau >= 0:
        raise ValueError(f"tau is {tau}, below 0")
    demand = (n / n.max()) ** tau
    return u @ (demand / demand.sum())


def group_gap(u: np.ndarray, families: Sequence[str]) -> np.ndarray:
    """The best family mean minus the worst, in the unit of `u`: lower is fairer.

    Group disparity (Cabello Piqueras and Søgaard 2022). nan for one family, which has none to be
    compared with.
    """
    names, means = family_means(u, families)
    if len(names) < 2:
        return np.full(means.shape[:-1], np.nan)
    return np.ptp(means, axis=-1)


def eta_squared(u: np.ndarray, families: Sequence[str]) -> np.ndarray:
    """The share of the variance over languages that lies between families, 0 to 1.

    Lower is fairer between families, whatever the level of the scores and the unit. It is high by
    itself where families are many for the languages, and 1 where each has one language. nan for
    one family and where all languages score the same.
    """
    u = finite(u)
    names, means = family_means(u, families)
    if len(names) < 2:
        return np.full(means.shape[:-1], np.nan)
    place = np.array([names.index(family) for family in families])
    own = means[..., place]
    between = ((own - u.mean(axis=-1, keepdims=True)) ** 2).sum(axis=-1)
    within = ((u - own) ** 2).sum(axis=-1)
    # Rounding alone gives equal scores some variance.
    varies = np.ptp(u, axis=-1) > 0
    return quotient(between, (between + within) * varies)


def harmed(change: np.ndarray) -> np.ndarray:
    """Rate of negative transfer: the share of languages with a change below 0; lower is better.

    Args:
        change: score with the recipe minus score without it.
    """
    return (finite(change) < 0).mean(axis=-1)


def harm_concentration(change: np.ndarray, families: Sequence[str]) -> dict[str, Harm]:
    """What each family loses, by family in order of first appearance.

    `concentration` and `loss_share` are nan where no language loses.

    Args:
        change: (languages,): what was observed, score with the recipe minus score without it.
    """
    change = finite(change)
    if change.ndim != 1:
        raise ValueError(f"changes have to be (languages,), not {change.shape}")
    rate, losses = float(harmed(change)), np.maximum(-change, 0)
    found = {}
    for family, held in _places(families, len(change)).items():
        own = float(harmed(change[held]))
        found[family] = Harm(
            rate=own,
            concentration=float(quotient(own, rate)),
            loss_share=float(quotient(losses[held].sum(), losses.sum())),
        )
    return found


def harm_concentration_p(
    changes: Sequence[np.ndarray],
    languages: Sequence[Sequence[str]],
    families: Mapping[str, str],
    *,
    draws: int,
    seed: int,
) -> dict[str, float]:
    """One-sided p of each family's losing so much on average by chance.

    Families are permuted over languages, once for all tasks: what a language loses in one task
    goes with what it loses in another, so that tasks are no independent evidence (permuted within
    each task, 13 to 25 % of the families would be found where there is nothing). Losses are
    divided by the mean loss of their task, which brings tasks to one scale, and what is compared
    is a family's mean over its pairs of task and language, since languages are in unequally many
    tasks. One is added to counts and draws, so p is never 0; it is 1 where nothing is lost and
    where there is one family.

    Args:
        changes: (languages,) of each task: score with the recipe minus score without it.
        languages: of each task, the names of its languages.
        families: language to its family.
    """
    if len(changes) == 0 or len(changes) != len(languages):
        raise ValueError("there have to be changes and languages of one task or more")
    names = list(dict.fromkeys(name for held in languages for name in held))
    place = {name: number for number, name in enumerate(names)}
    lost, tasks = np.zeros(len(names)), np.zeros(len(names))
    for change, held in zip(changes, languages, strict=True):
        losses = np.maximum(-finite(change), 0)
        if len(losses) != len(held):
            raise ValueError(f"{len(losses)} changes for {len(held)} languages")
        where = [place[name] for name in held]
        lost[where] += losses / losses.mean() if losses.any() else losses
        tasks[where] += 1
    kinds = list(dict.fromkeys(families[name] for name in names))
    member = np.array([[families[name] == kind for kind in kinds] for name in names], dtype=float)
    random = np.random.default_rng(seed)
    order = random.permuted(np.tile(np.arange(len(names)), (draws, 1)), axis=1)
    # Row 0 is what was observed.
    order = np.vstack([np.arange(len(names)), order])
    means = quotient(lost[order] @ member, tasks[order] @ member, otherwise=0)
    beyond = np.count_nonzero(means[1:] >= means[0] - _ROUNDING, axis=0)
    return dict(zip(kinds, ((1 + beyond) / (1 + draws)).tolist(), strict=True))


def dominates(a: np.ndarray, b: np.ndarray, tolerance: np.ndarray | float = 0.0) -> np.ndarray:
    """Whether a is nowhere worse than b by more than the tolerance, and somewhere better by more.

    With a tolerance this is no order: over three objectives or more it may run in a circle.

    Args:
        a, b: (..., objectives), greater is better in each (cost is given as its negative).
        tolerance: 0 or more, in the units of the objectives; one number or one per objective.

    Raises:
        ValueError: if an objective is not finite or a tolerance is negative.
    """
    if not np.all(np.asarray(tolerance) >= 0):
        raise ValueError(f"tolerance is {tolerance}, below 0")
    gain = finite(a) - finite(b)
    better, worse = gain > tolerance, gain < -np.asarray(tolerance)
    return np.any(better, axis=-1) & ~np.any(worse, axis=-1)


def pareto_front(points: np.ndarray, tolerance: np.ndarray | float = 0.0) -> np.ndarray:
    """Which points no other one dominates: bool, (n,). Of equal points all or none are in it.

    With a tolerance and three objectives or more it may be empty, see `dominates`.

    Args:
        points: (n, objectives), greater is better in each.
        tolerance: as for `dominates`.
    """
    points = finite(points)
    if points.ndim != 2:
        raise ValueError(f"points have to be (n, objectives), not {points.shape}")
    return ~np.any(dominates(points[:, None], points[None], tolerance), axis=0)


def relative_drop(clean: np.ndarray, perturbed: np.ndarray, smallest: float) -> np.ndarray:
    """(u_clean - u_perturbed) / u_clean, element by element: lower is more robust.

    1 where all above chance is lost, more where the perturbed score is below chance, negative
    where perturbation helps. nan where the clean score is below `smallest`: there is nothing to
    lose near chance.

    Args:
        clean, perturbed: chance-corrected scores, of any shapes that fit.
        smallest: clean score from which a drop is told, above 0.
    """
    if not smallest > 0:
        raise ValueError(f"smallest is {smallest}, not above 0")
    clean = np.asarray(clean, dtype=float)
    return quotient(clean - perturbed, np.where(clean >= smallest, clean, np.nan))


def error_reduction(gain_points: np.ndarray, points_before: np.ndarray) -> np.ndarray:
    """Gain / (100 - score before), element by element: at most 1, higher is better.

    The share of errors that is gone; negative where there are more. Gains in points shrink near
    the top, this does not. nan where there was no error.

    Args:
        gain_points: score after minus score before.
        points_before: score before.
    """
    return quotient(gain_points, 100 - np.asarray(points_before, dtype=float))


def _places(families: Sequence[str], languages: int) -> dict[str, list[int]]:
    """Family to the places of its languages, in order of first appearance."""
    if len(families) != languages:
        raise ValueError(f"{len(families)} families for {languages} languages")
    places: dict[str, list[int]] = {}
    for place, family in enumerate(families):
        places.setdefault(family, []).append(place)
    return places
