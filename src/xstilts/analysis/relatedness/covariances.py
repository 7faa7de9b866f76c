"""How alike languages are expected to be: by descent, and by where they are spoken."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from xstilts.config.languages import Language
from xstilts.config.languages.tree import Tree, tree_of

# Mean radius of the Earth, in km.
_RADIUS = 6371.0


def relatedness(languages: Mapping[str, Language], codes: Sequence[str]) -> np.ndarray:
    """(codes, codes): the correlation of what drifts along the tree; 0 between families.

    A quantity that changes at random along branches has the covariance of the branches that two
    languages share (Felsenstein 1985, American Naturalist 125); here each variance is 1.
    """
    return correlation(tree_of({code: languages[code] for code in codes}), codes)


def correlation(tree: Tree, tips: Sequence[str]) -> np.ndarray:
    """(tips, tips): branch length shared from the root on, over the mean length of the two."""
    nodes = {node: place for place, node in enumerate(tree.parents)}
    on_line = np.zeros((len(tips), len(nodes)))
    for row, tip in enumerate(tips):
        on_line[row, [nodes[node] for node in tree.above(tip)]] = 1
    shared = (on_line * np.array([tree.lengths[node] for node in nodes])) @ on_line.T
    height = np.sqrt(np.diag(shared))
    found = shared / height / height[:, None]
    np.fill_diagonal(found, 1)
    return found


def distances(languages: Mapping[str, Language], codes: Sequence[str]) -> np.ndarray:
    """(codes, codes): great-circle distances in km; infinite to one without coordinates."""
    held = [languages[code] for code in codes]
    latitude, longitude = (
        np.radians([np.nan if value is None else value for value in values])
        for values in ([each.latitude for each in held], [each.longitude for each in held])
    )
    across = np.sin((longitude - longitude[:, None]) / 2) ** 2
    chord = (
        np.sin((latitude - latitude[:, None]) / 2) ** 2
        + np.cos(latitude) * np.cos(latitude)[:, None] * across
    )
    found = 2 * _RADIUS * np.arcsin(np.sqrt(np.clip(chord, 0, 1)))
    found = np.where(np.isfinite(found), found, np.inf)
    np.fill_diagonal(found, 0)
    return found


def nearness(languages: Mapping[str, Language], codes: Sequence[str], reach: float) -> np.ndarray:
    """(codes, codes): exp(-d / reach) of distances d; `reach` in km."""
    return np.exp(-distances(languages, codes) / reach)


def independent_number(matrix: np.ndarray) -> float:
    """As how many independent languages these count, 1' R^-1 1, for the mean over all of them.

    That mean has the variance s^2 / n of n independent ones if it is the best one (generalised
    least squares). Varieties that are the same count once.
    """
    ones = np.ones(len(matrix))
    return float(ones @ np.linalg.lstsq(matrix, ones, rcond=None)[0])
