"""By how much items that depend on each other widen an interval."""

from __future__ import annotations

import numpy as np

# Squares of residuals that are this share of the squares of values are rounding.
_ROUNDING = 1e-12


def design_effects(
    numerator: np.ndarray,
    denominator: np.ndarray,
    *,
    cluster: np.ndarray,
    language: np.ndarray,
    languages: int,
) -> np.ndarray:
    """(languages,): the design effect of each language's score in one cell.

    That is the variance of the score if clusters are drawn, over its variance if items are drawn.
    The score is a ratio of sums, so both follow from its linearised residuals
    e = numerator - score · denominator: sum over clusters of (sum of e)², over the sum of e²
    (Kish 1965, Survey Sampling; Miller 2024, arXiv 2411.00640, section 2.2). With clusters of m
    items and an intraclass correlation rho it is 1 + (m - 1) rho; with one item a cluster 1.

    Args:
        numerator, denominator: (items,): what each item adds to the two sums.
        cluster: (items,): the number of its cluster.
        language: (clusters,): the number of its language.

    Returns:
        nan for a language without items, or whose items do not vary.
    """

    def of_languages(values: np.ndarray) -> np.ndarray:
        return np.bincount(language, weights=values, minlength=languages)

    def of_clusters(values: np.ndarray) -> np.ndarray:
        return np.bincount(cluster, weights=values, minlength=len(language))

    below = of_languages(of_clusters(denominator))
    score = of_languages(of_clusters(numerator)) / np.where(below > 0, below, 1)
    residual = numerator - score[language[cluster]] * denominator
    squares = of_clusters(residual**2)
    # What products of different items add. A cluster of one item adds exactly nothing.
    products = of_clusters(residual) ** 2 - squares
    varies = of_languages(squares) > _ROUNDING * of_languages(of_clusters(numerator**2))
    total = np.where(varies, of_languages(squares), np.nan)
    return 1 + of_languages(products) / total
