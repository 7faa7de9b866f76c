"""Compact letter displays: published examples, and brute force over all sets."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xstilts.analysis.ranking import letters


def matrix(count: int, pairs) -> np.ndarray:
    found = np.zeros((count, count), dtype=bool)
    for one, other in pairs:
        found[one, other] = found[other, one] = True
    return found


def test_chicken_feeds() -> None:
    """R's chickwts, pairwise Wilcoxon tests with Holm, as the package cld displays them."""
    feeds = ("casein", "horsebean", "linseed", "meatmeal", "soybean", "sunflower")
    told_apart = [
        ("casein", "horsebean"), ("casein", "linseed"), ("casein", "soybean"),
        ("horsebean", "meatmeal"), ("horsebean", "soybean"), ("horsebean", "sunflower"),
        ("linseed", "sunflower"), ("soybean", "sunflower"),
    ]  # fmt: skip
    pairs = [(feeds.index(one), feeds.index(other)) for one, other in told_apart]
    found = dict(zip(feeds, map("".join, letters(matrix(6, pairs))), strict=True))
    assert found == {
        "casein": "a", "horsebean": "b", "linseed": "bc", "meatmeal": "ac", "soybean": "c",
        "sunflower": "a",
    }  # fmt: skip


def test_small_ones() -> None:
    assert letters(matrix(0, [])) == []
    assert letters(matrix(3, [])) == [("a",)] * 3
    assert letters(matrix(3, combinations(range(3), 2))) == [("a",), ("b",), ("c",)]
    # The second and third differ, and the first is between them (multcompView's own example).
    assert letters(matrix(3, [(1, 2)])) == [("a", "b"), ("a",), ("b",)]


def test_more_than_26_letters_are_told_apart() -> None:
    found = letters(matrix(60, combinations(range(60), 2)))
    assert len(set(found)) == 60
    assert found[25:28] == [("z",), ("a2",), ("b2",)]


@given(st.integers(1, 7).flatmap(
    lambda count: st.tuples(
        st.just(count),
        st.sets(st.sampled_from(list(combinations(range(count), 2)) or [None])).map(
            lambda pairs: pairs - {None}
        ),
    )
))  # fmt: skip
def test_letters_are_the_maximal_sets_without_a_difference(drawn) -> None:
    count, pairs = drawn
    alike = [
        set(held)
        for size in range(1, count + 1)
        for held in combinations(range(count), size)
        if not any(pair in pairs for pair in combinations(held, 2))
    ]
    maximal = [held for held in alike if not any(held < other for other in alike)]
    found = letters(matrix(count, pairs))
    names = {name for held in found for name in held}
    sets = [{thing for thing in range(count) if name in found[thing]} for name in sorted(names)]
    assert sorted(map(sorted, sets)) == sorted(map(sorted, maximal))
    assert found[0][0] == "a"


def test_what_is_not_symmetric_is_refused() -> None:
    with pytest.raises(ValueError, match="not symmetric"):
        letters(np.array([[False, True], [False, False]]))
    with pytest.raises(ValueError, match="itself"):
        letters(np.eye(2, dtype=bool))
