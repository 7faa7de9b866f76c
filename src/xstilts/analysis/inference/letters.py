"""Letters that show what can be told apart: a compact letter display."""

from __future__ import annotations

from string import ascii_lowercase

import numpy as np


def letters(different: np.ndarray) -> list[tuple[str, ...]]:
    """The letters of each of n things: two that share one cannot be told apart.

    There is a letter for each maximal set in which no pair differs. So two things that differ share
    none, and two that do not differ share at least one. Sets are found by inserting and absorbing
    (Piepho 2004, Journal of Computational and Graphical Statistics 13): a set that holds a pair
    which differs is replaced by the two that lack one of them, and a set inside another goes.

    Args:
        different: (n, n) as booleans, symmetric: whether two things differ.

    Returns:
        For each thing its letters in order. The first letter is that of the first thing; after z
        come a2, b2 and so on.

    Raises:
        ValueError: the array is not symmetric, or a thing differs from itself.
    """
    different = np.asarray(different, dtype=bool)
    if not np.array_equal(different, different.T) or different.diagonal().any():
        raise ValueError("what differs is not symmetric, or a thing differs from itself")
    count = len(different)
    sets = [frozenset(range(count))]
    for one, other in np.argwhere(np.triu(different)).tolist():
        parted = [
            part
            for held in sets
            for part in (
                (held - {one}, held - {other}) if one in held and other in held else (held,)
            )
        ]
        unique = dict.fromkeys(parted)
        sets = [held for held in unique if not any(held < another for another in unique)]
    sets.sort(key=sorted)
    return [
        tuple(_name(place) for place, held in enumerate(sets) if thing in held)
        for thing in range(count)
    ]


def _name(place: int) -> str:
    rounds, letter = divmod(place, len(ascii_lowercase))
    return ascii_lowercase[letter] + (str(rounds + 1) if rounds else "")
