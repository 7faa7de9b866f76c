"""Rank correlations of many weightings of languages at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# Correlations that differ by less are equal, and determinants below it are 0.
TINY = 1e-9


def rank_correlation(
    variables: Sequence[np.ndarray], counts: np.ndarray, fewest: int
) -> np.ndarray:
    """(rows,): rank correlation of the first two variables, the further ones held constant.

    nan where one of the two is constant or determined by the further ones, or where fewer than
    `fewest` things are counted.

    Args:
        variables: (rows or 1, things) each.
        counts: (rows or 1, things), how often each thing is there.
    """
    centred = []
    with np.errstate(divide="ignore", invalid="ignore"):
        for variable in variables:
            ranks = rank_matrix(variable, counts)
            centred.append(ranks - (ranks * counts).sum(1, keepdims=True) / counts.sum(1)[:, None])
        matrix = {
            (i, j): (centred[i] * centred[j] * counts).sum(1)
            for i in range(len(centred))
            for j in range(i + 1)
        }
        spread = [np.sqrt(matrix[i, i]) for i in range(len(centred))]
        for i, j in matrix:
            ratio = matrix[i, j] / (spread[i] * spread[j])
            matrix[i, j] = np.where(np.minimum(spread[i], spread[j]) > TINY, ratio, 0.0)
        # Gaussian elimination; a variable that is constant or determined by those before has
        # nothing left to take out.
        for out in range(len(centred) - 1, 1, -1):
            left = matrix[out, out]
            for i in range(out):
                for j in range(i + 1):
                    taken = matrix[out, i] * matrix[out, j] / left
                    matrix[i, j] = matrix[i, j] - np.where(left > TINY, taken, 0.0)
        known = (np.minimum(matrix[0, 0], matrix[1, 1]) > TINY) & (
            np.count_nonzero(counts, axis=1) >= fewest
        )
        found = matrix[1, 0] / np.sqrt(matrix[0, 0] * matrix[1, 1])
    return np.where(known, found, np.nan)


def rank_matrix(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """(rows, things): ranks from 1, their mean for ties, of things that are there several times.

    Args:
        values: (rows or 1, things).
        counts: (rows or 1, things); what is there 0 times gets a rank that means nothing.
    """
    order = np.argsort(values, axis=1, kind="stable")
    ordered = np.take_along_axis(values, order, axis=1)
    new = np.ones(ordered.shape, dtype=bool)
    new[:, 1:] = ordered[:, 1:] > ordered[:, :-1]
    last = np.ones(ordered.shape, dtype=bool)
    last[:, :-1] = new[:, 1:]
    weights = np.take_along_axis(counts, order, axis=1)
    upto = np.cumsum(weights, axis=1)
    start = np.maximum.accumulate(np.where(new, upto - weights, 0), axis=1)
    end = np.where(last, upto, np.inf)[:, ::-1]
    end = np.minimum.accumulate(end, axis=1)[:, ::-1]
    return np.take_along_axis((start + end + 1) / 2, np.argsort(order, axis=1), axis=1)
