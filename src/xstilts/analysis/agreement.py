"""Whether recipes rank alike again and again, and whether languages fail on the same items.

Pure formulas; axes before those that are named are kept, as a rule one, of 1 + draws. Formulas
over rankings raise ValueError where a value is not finite.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.special import bdtr

from xstilts.analysis.measures import finite, quotient


@dataclass(frozen=True, kw_only=True)
class Pitfall:
    """How right answers in English and in another language go together on parallel items.

    Each has the shape of the counts; nan where it is not defined.

    Attributes:
        rate: P(wrong in the other language, given right in English), 0 to 1, lower is better. It
            falls as accuracy rises, so it says something only beside `independence`.
        reverse: P(wrong in English, given right in the other language), 0 to 1.
        independence: what `rate` would be if the two were independent: 1 minus the accuracy in
            the other language.
        kappa: Cohen's kappa of being right, -1 to 1: agreement beyond chance. nan where both
            languages are right, or both wrong, throughout.
        mcnemar: (b - c)² / (b + c), 0 or more: far from 0 where the accuracies differ.
        p: exact two-sided McNemar p of equal accuracies; 1 where b + c = 0.
    """

    rate: np.ndarray
    reverse: np.ndarray
    independence: np.ndarray
    kappa: np.ndarray
    mcnemar: np.ndarray
    p: np.ndarray


def kendall_tau_b(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Kendall's tau-b, -1 to 1: 1 where both rank alike, 0 where they have nothing in common.

    (concordant - discordant) / sqrt(pairs not tied in x · pairs not tied in y). nan where x or y
    is tied throughout, as with fewer than two recipes. Between seeds, or between the English
    development set and a target: the former is often a poor guide to the latter (Keung et al.
    2020).

    Args:
        x, y: (..., recipes): scores or ranks; axes before the last broadcast.

    Raises:
        ValueError: if x and y do not have as many recipes.
    """
    x, y = finite(x), finite(y)
    if x.shape[-1] != y.shape[-1]:
        raise ValueError(f"{x.shape[-1]} recipes and {y.shape[-1]} are no pairs")
    axes = max(x.ndim, y.ndim)
    x, y = (_recipes_first(values, axes) for values in (x, y))
    balance = np.zeros(np.broadcast_shapes(x.shape[1:], y.shape[1:]))
    untied_x, untied_y = 0, 0
    for place in range(1, len(x)):
        order_x = _order(x[place:], x[place - 1])
        order_y = _order(y[place:], y[place - 1])
        balance += (order_x * order_y).sum(axis=0, dtype=float)
        untied_x = untied_x + np.count_nonzero(order_x, axis=0)
        untied_y = untied_y + np.count_nonzero(order_y, axis=0)
    return quotient(balance, np.sqrt(np.multiply(untied_x, untied_y, dtype=float)))


def kendall_w(scores: np.ndarray) -> np.ndarray:
    """Kendall's W, 0 to 1: 1 where all raters rank the items alike.

    12 S / (m² (n³ - n) - m T): S the squared deviations of rank sums from their mean, and T the
    sum of t³ - t over each rater's groups of t tied items, which share their mean rank. nan where
    all raters tie all items, for fewer than two items, and for one rater. W is above 0 by chance,
    on average 1 / m.

    Args:
        scores: (..., raters, items): scores or ranks, e.g. of seeds and recipes.

    Raises:
        ValueError: if there is no axis of raters.
    """
    scores = finite(scores)
    if scores.ndim < 2:
        raise ValueError(f"scores have to be (..., raters, items), not {scores.shape}")
    raters, items = scores.shape[-2:]
    ranks, ties = _midranks(scores)
    sums = ranks.sum(axis=-2) - raters * (items + 1) / 2
    most = raters**2 * (items**3 - items) - raters * ties.sum(axis=-1)
    return quotient(12 * (sums**2).sum(axis=-1), most * (raters > 1))


def best_stays_best(scores: np.ndarray) -> tuple[int, float]:
    """Which recipe was observed to be best, and the share of draws in which it is, 0 to 1.

    Of k recipes that are best in a draw, each counts 1 / k. Of recipes observed to be equally
    good the first is taken. The share is nan without draws.

    Args:
        scores: (1 + draws, recipes), higher is better; row 0 is what was observed.

    Raises:
        ValueError: if scores have another shape.
    """
    scores = finite(scores)
    if scores.ndim != 2 or not len(scores):
        raise ValueError(f"scores have to be (1 + draws, recipes), not {scores.shape}")
    best = int(scores[0].argmax())
    drawn = scores[1:]
    top = drawn == drawn.max(axis=1, keepdims=True)
    return best, float(quotient((top[:, best] / top.sum(axis=1)).sum(), len(drawn)))


def pitfall(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> Pitfall:
    """Cross-lingual pitfalls: items answered in English and not in another language.

    Rates after Xu et al. 2025 (arXiv 2505.18673).

    Args:
        a: number of items with both right.
        b: right in English only.
        c: right in the other language only.
        d: both wrong. All four may be arrays that broadcast.

    Raises:
        ValueError: if counts are not whole numbers of 0 or more.
    """
    a, b, c, d = np.broadcast_arrays(*(np.asarray(count, dtype=float) for count in (a, b, c, d)))
    for counts in (a, b, c, d):
        if not (np.isfinite(counts) & (counts >= 0) & (counts == np.floor(counts))).all():
            raise ValueError("counts have to be whole numbers of 0 or more")
    english, other = a + b, a + c
    items = english + c + d
    # The share of disagreement that chance would give, times the square of the items.
    expected = english * (b + d) + other * (c + d)
    return Pitfall(
        rate=quotient(b, english),
        reverse=quotient(c, other),
        independence=quotient(b + d, items),
        kappa=1 - quotient((b + c) * items, expected),
        mcnemar=quotient((b - c) ** 2, b + c),
        p=_exact_p(b, c),
    )


def _exact_p(b: np.ndarray, c: np.ndarray) -> np.ndarray:
    """Two-sided binomial p of b and c being draws of a fair coin."""
    # Draws have many of their counts in common, and each pair is worked out once.
    fewer, both = np.minimum(b, c).astype(int), (b + c).astype(int)
    base = 1 + both.max(initial=0)
    pairs, place = np.unique(fewer * base + both, return_inverse=True)
    p = np.minimum(1, 2 * bdtr((pairs // base).astype(float), pairs % base, 0.5))
    return p[place].reshape(b.shape)


def _recipes_first(values: np.ndarray, axes: int) -> np.ndarray:
    """The last axis brought to the front, where it is fast to compare; `axes` axes in all."""
    padded = values.reshape((1,) * (axes - values.ndim) + values.shape)
    return np.ascontiguousarray(np.moveaxis(padded, -1, 0))


def _order(these: np.ndarray, than: np.ndarray) -> np.ndarray:
    """int8: 1 where greater, -1 where less, 0 where tied."""
    return (these > than).view(np.int8) - (these < than).view(np.int8)


def _midranks(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ranks from 1 along the last axis, tied ones shared, and the sum of t³ - t over ties t."""
    order = np.argsort(scores, axis=-1)
    rising = np.take_along_axis(scores, order, axis=-1)
    count = scores.shape[-1]
    # Each tie has a first and a last place in the order, which all its items are told.
    steps = rising[..., 1:] > rising[..., :-1]
    first = np.zeros(scores.shape, dtype=int)
    first[..., 1:] = np.where(steps, np.arange(1, count), 0)
    first = np.maximum.accumulate(first, axis=-1)
    last = np.full(scores.shape, count - 1)
    last[..., :-1] = np.where(steps, np.arange(count - 1), count - 1)
    last = np.minimum.accumulate(last[..., ::-1], axis=-1)[..., ::-1]
    ranks = np.empty(scores.shape)
    np.put_along_axis(ranks, order, (first + last) / 2 + 1, axis=-1)
    return ranks, ((last - first + 1) ** 2 - 1).sum(axis=-1)
