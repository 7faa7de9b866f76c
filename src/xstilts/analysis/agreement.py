"""Whether recipes rank alike again and again, and whether languages fail on the same items.

Pure formulas. Those over rankings raise ValueError where a value is not finite.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from xstilts.analysis.fairness.formulas import finite, quotient


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
    """

    rate: np.ndarray
    reverse: np.ndarray
    independence: np.ndarray
    kappa: np.ndarray


def kendall_tau_b(x: np.ndarray, y: np.ndarray) -> float:
    """Kendall's tau-b (scipy's), -1 to 1: 1 where both rank alike, 0 where they do not at all.

    nan where x or y is tied throughout, as with fewer than two recipes. Between seeds, or between
    the English development set and a target: the former is often a poor guide to the latter (Keung
    et al. 2020).

    Args:
        x, y: (recipes,): scores or ranks.

    Raises:
        ValueError: if x and y do not have as many recipes.
    """
    x, y = finite(x), finite(y)
    if x.shape != y.shape or x.ndim != 1:
        raise ValueError(f"recipes {x.shape} and {y.shape} are no pairs")
    return float(stats.kendalltau(x, y).statistic) if len(x) > 1 else np.nan


def kendall_w(scores: np.ndarray) -> float:
    """Kendall's W, 0 to 1: 1 where all raters rank the items alike.

    12 S / (m² (n³ - n) - m T): S the squared deviations of rank sums from their mean, and T the
    sum of t³ - t over each rater's groups of t tied items, which share their mean rank. nan where
    all raters tie all items, for fewer than two items, and for one rater. W is above 0 by chance,
    on average 1 / m.

    Args:
        scores: (raters, items): scores or ranks, e.g. of seeds and recipes.

    Raises:
        ValueError: if scores have other axes.
    """
    scores = finite(scores)
    if scores.ndim != 2:
        raise ValueError(f"scores have to be (raters, items), not {scores.shape}")
    raters, items = scores.shape
    ranks = stats.rankdata(scores, axis=1)
    sums = ranks.sum(axis=0) - raters * (items + 1) / 2
    # tiecorrect is 1 - (sum of t³ - t) / (n³ - n).
    untied = sum(stats.tiecorrect(row) for row in ranks)
    most = raters * (items**3 - items) * untied
    return float(quotient(12 * (sums**2).sum(), most * (raters > 1)))


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
    )


def mcnemar(differences: np.ndarray) -> float:
    """Exact two-sided p of McNemar's test that two languages are right equally often.

    The sign test of paired items (Agresti 2013, Categorical Data Analysis, section 11.1; scipy's
    `binomtest`): of the clusters that favour one language, each is as likely to favour either.
    Unlike pairs are independent from cluster to cluster only, so a cluster counts once, whatever
    the number of its items, and so does an item, whatever the number of its seeds.

    Args:
        differences: (clusters,): right in one language minus right in the other, summed over the
            cluster's items; 0 where neither language is ahead, which counts for neither.

    Returns:
        1 where no cluster favours a language.
    """
    ahead, behind = int((differences > 0).sum()), int((differences < 0).sum())
    return float(stats.binomtest(ahead, ahead + behind).pvalue) if ahead + behind else 1.0
