"""Exact search, one way and both ways, against a sort of all similarities in float64."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from unittest import mock

import faiss
import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from xstilts.errors import XstiltsError
from xstilts.prediction import screen, search
from xstilts.prediction.search import Neighbours, nearest, nearest_both, normalised

# 15 unit vectors whose products are 0.5, 0.75 or 1 without rounding: ties are exact and many.
EXACT = np.zeros((15, 6), np.float32)
for number, chosen in enumerate(combinations(range(6), 4)):
    EXACT[number, list(chosen)] = 0.5
PRECISIONS = [torch.bfloat16, torch.float32]


def gaussian(rows: int, seed: int, width: int = 33) -> np.ndarray:
    """Unit vectors without ties."""
    return normalised(np.random.default_rng(seed).normal(size=(rows, width)).astype(np.float32))


def sorted_by_float64(queries: np.ndarray, index: np.ndarray, k: int) -> Neighbours:
    """All similarities, rounded to float32, and a stable sort."""
    exact = queries.astype(np.float64) @ index.astype(np.float64).T
    similarities = exact.astype(np.float32)
    rows = np.argsort(-similarities, axis=1, kind="stable")[:, :k]
    return Neighbours(np.take_along_axis(similarities, rows, 1), rows)


def assert_same(found: Neighbours, expected: Neighbours) -> None:
    assert found.rows.tolist() == expected.rows.tolist()
    assert found.similarities.tolist() == expected.similarities.tolist()
    assert found.similarities.dtype == np.float32


def by_one_product(x, y, k, *, precision=None, block=screen._BLOCK):
    """`nearest_both` where it takes the product, however small the sides are."""

    def fastest(device: torch.device) -> torch.dtype:
        return precision or torch.bfloat16

    with (
        mock.patch.multiple(search, _WORTH=0, _VECTORS_A_NEIGHBOUR=0),
        mock.patch.multiple(screen, _BLOCK=block, fastest=fastest),
    ):
        return nearest_both(x, y, k)


@st.composite
def sides(draw, most: int = 90):
    """Two sides of one sort: neighbours are far apart, tie, or differ by less than is computed."""
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    n, m, width = draw(st.integers(1, most)), draw(st.integers(1, most)), draw(st.integers(1, 40))
    kind = draw(st.sampled_from(["apart", "alike", "copies", "near", "few values", "cluster"]))
    spread = draw(st.sampled_from([1e-1, 1e-3, 1e-5, 1e-7]))

    def noise(rows: int) -> np.ndarray:
        return random.normal(size=(rows, width))

    centres = noise(3)
    vectors = {
        "apart": lambda rows: noise(rows),
        "alike": lambda rows: noise(rows) + 5 * centres[0],
        "copies": lambda rows: centres[random.integers(0, 3, rows)],
        "near": lambda rows: centres[random.integers(0, 3, rows)] + spread * noise(rows),
        "few values": lambda rows: random.integers(-1, 2, (rows, width)),
        "cluster": lambda rows: centres[0] + spread * noise(rows),
    }[kind]
    x, y = (normalised(vectors(rows).astype(np.float32)) for rows in (n, m))
    if draw(st.booleans()):
        x[random.integers(n)] = 0
        y[random.integers(m)] = 0
    return x, y


# ---- one way


def exact(most: int):
    picks = st.lists(st.integers(0, 14), min_size=1, max_size=most)
    return picks.map(lambda picked: EXACT[picked])


@settings(deadline=None)
@given(exact(40), exact(60), st.integers(1, 9))
def test_ties_of_any_number_break_by_lowest_row(queries, index, k):
    expected = sorted_by_float64(queries, index, k)
    assert_same(nearest(queries, index, k), expected)
    assert_same(by_one_product(queries, index, k)[0], expected)


@settings(deadline=None)
@given(sides(), st.integers(1, 9))
def test_neighbours_and_similarities_are_those_of_a_full_sort(vectors, k):
    queries, index = vectors
    assert_same(nearest(queries, index, k), sorted_by_float64(queries, index, k))


@pytest.mark.parametrize(("queries", "rows"), [(3, 7), (19, 300), (500, 2), (300, 1500)])
def test_neighbours_are_faiss_own_where_nothing_ties(queries, rows):
    x, y = gaussian(queries, 1), gaussian(rows, 2)
    index = faiss.IndexFlatIP(33)
    index.add(y)
    similarities, numbers = index.search(x, min(5, rows))
    for found in (nearest(x, y, 5), by_one_product(x, y, 5)[0]):
        assert np.array_equal(found.rows, numbers)
        np.testing.assert_allclose(found.similarities, similarities, rtol=0, atol=3e-7)


@pytest.mark.parametrize("queries", [3, 200])
def test_a_collapsed_encoder_finds_the_first_rows(queries):
    """All vectors are the same, so all similarities tie."""
    same = np.repeat(gaussian(1, 0), 400, axis=0)
    few = same[:queries]
    for found in (nearest(few, same, 4), *by_one_product(few, same, 3)):
        assert (found.rows == np.arange(found.rows.shape[1])).all()
        assert len(np.unique(found.similarities)) == 1


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_vectors_that_are_no_numbers_are_refused(value):
    sound = gaussian(4, 1)
    broken = sound.copy()
    broken[2, 5] = value
    for search_for in (nearest, nearest_both):
        with pytest.raises(XstiltsError, match="query 3 of 4 is not a finite number"):
            search_for(broken, sound, 1)


def test_unit_length_leaves_zero_vectors_alone():
    found = normalised(np.array([[3.0, 4.0], [0.0, 0.0]], np.float32))
    np.testing.assert_allclose(found, [[0.6, 0.8], [0.0, 0.0]], atol=1e-7)
    assert found.dtype == np.float32


# ---- both ways


@settings(deadline=None, max_examples=200)
@given(
    sides(),
    st.integers(1, 9),
    st.sampled_from(PRECISIONS),
    st.sampled_from([(32, 48), (512, 4096)]),
)
def test_one_product_finds_what_a_full_sort_finds_both_ways(vectors, k, precision, block):
    x, y = vectors
    of_x, of_y = by_one_product(x, y, k, precision=precision, block=block)
    assert_same(of_x, sorted_by_float64(x, y, k))
    assert_same(of_y, sorted_by_float64(y, x, k))


@settings(deadline=None, max_examples=20)
@given(sides(), st.integers(1, 4))
def test_small_sides_are_searched_one_after_the_other(vectors, k):
    x, y = vectors
    with mock.patch.object(search, "_by_one_product") as never:
        of_x, of_y = nearest_both(x, y, k)
    never.assert_not_called()
    assert_same(of_x, nearest(x, y, k))
    assert_same(of_y, nearest(y, x, k))


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("spread", [1.0, 0.1, 0.01])
def test_large_sides_are_screened_and_nothing_is_left_open(precision, spread):
    """However much alike they are: the mean cosine is 0.5, 0.99 and 0.9999."""
    random = np.random.default_rng(3)
    common = random.normal(size=256)
    x, y = (
        normalised((common + spread * random.normal(size=(rows, 256))).astype(np.float32))
        for rows in (700, 1300)
    )
    with mock.patch.object(search, "_by_faiss") as never:
        found = by_one_product(x, y, 4, precision=precision)
    never.assert_not_called()
    assert_same(found[0], sorted_by_float64(x, y, 4))
    assert_same(found[1], sorted_by_float64(y, x, 4))
    pairs = screen.screen(x, y, 4, precision=precision)
    # At the least four of each row of the larger side.
    assert 4 * 1300 <= len(pairs.x) < 20 * 1300


def test_float32_is_not_rounded_where_others_let_pytorch_do_so_and_they_still_may_afterwards():
    x, y = gaussian(200, 1, 64), gaussian(300, 2, 64)
    torch.set_float32_matmul_precision("medium")
    try:
        of_x, _ = by_one_product(x, y, 4, precision=torch.float32)
        assert torch.get_float32_matmul_precision() == "medium"
    finally:
        torch.set_float32_matmul_precision("highest")
    assert_same(of_x, sorted_by_float64(x, y, 4))


def test_size_decides_how_both_ways_are_searched():
    x, y = gaussian(300, 1, 64), gaussian(400, 2, 64)
    with mock.patch.object(search, "_by_one_product", wraps=search._by_one_product) as product:
        few = nearest_both(x, y, 4)
        assert not product.called
        with mock.patch.object(search, "_WORTH", 300 * 400 * 64):
            assert_same(nearest_both(x, y, 4)[0], few[0])
            assert product.call_count == 1
            # Too few for so many neighbours.
            nearest_both(x, y, 5)
            assert product.call_count == 1
        with (
            mock.patch.object(search, "_WORTH", 0),
            mock.patch.dict("sys.modules"),
        ):
            del search.sys.modules["torch"]
            nearest_both(x, y, 4)
        assert product.call_count == 1


@pytest.mark.parametrize(("spread", "float32_decides"), [(5e-2, True), (1e-8, False)])
def test_what_the_bounds_do_not_separate_is_searched_in_float32_and_then_float64(
    spread, float32_decides
):
    """Of both sides 300 lie closer together than bfloat16, or float32, can tell."""
    random = np.random.default_rng(5)
    centre = random.normal(size=64)
    x, y = (
        normalised(
            np.concatenate(
                [centre + spread * random.normal(size=(300, 64)), random.normal(size=(rows, 64))]
            ).astype(np.float32)
        )
        for rows in (100, 500)
    )
    with (
        mock.patch.object(search, "_by_faiss", wraps=search._by_faiss) as in_float32,
        mock.patch.object(search, "_by_float64", wraps=search._by_float64) as in_float64,
    ):
        of_x, of_y = by_one_product(x, y, 4)
    asked, again = (
        [len(call.args[0]) for call in calls.call_args_list] for calls in (in_float32, in_float64)
    )
    # A few others have the centre among their neighbours.
    assert len(asked) == 2
    assert all(300 <= queries < 350 for queries in asked)
    assert sum(again) == 0 if float32_decides else sum(again) >= 600
    assert_same(of_x, sorted_by_float64(x, y, 4))
    assert_same(of_y, sorted_by_float64(y, x, 4))


def test_both_directions_give_a_pair_the_same_similarity():
    x, y = gaussian(200, 1, 301), gaussian(200, 2, 301)
    of_x, of_y = by_one_product(x, y, 20)
    known = {
        (i, j): value
        for i, pairs in enumerate(zip(of_x.rows, of_x.similarities, strict=True))
        for j, value in zip(*pairs, strict=True)
    }
    shared = [
        (known[i, j], value)
        for j, pairs in enumerate(zip(of_y.rows, of_y.similarities, strict=True))
        for i, value in zip(*pairs, strict=True)
        if (i, j) in known
    ]
    assert len(shared) > 1000
    assert all(one == other for one, other in shared)


# ---- the bound


def results_and_errors(x: np.ndarray, y: np.ndarray, precision: torch.dtype):
    """The product of low precision, what it stands for, and what bounds their difference."""
    left, right = torch.from_numpy(x), torch.from_numpy(y)
    c, e = left.mean(0), right.mean(0)
    rows = screen.Rounded(left, c, e, precision, is_left=True)
    columns = screen.Rounded(right, e, c, precision, is_left=False)
    results = (rows.low @ columns.low.T)[: len(x), : len(y)].double()
    exact = left.double() @ right.double().T - c.double() @ e.double()
    errors = torch.minimum(rows.errors(columns)[:, None], columns.errors(rows)).double()
    # Float64 is off too.
    return results, exact, errors + 1e-14 * left.norm(dim=1).max() * right.norm(dim=1).max()


@settings(deadline=None, max_examples=300)
@given(sides(60), st.sampled_from(PRECISIONS), st.sampled_from([1.0, 1e-3, 1e3]))
def test_no_result_is_further_off_than_the_bound(vectors, precision, scale):
    x, y = vectors
    results, exact, errors = results_and_errors(x * np.float32(scale), y, precision)
    half_unit = 2.0**-8 if precision == torch.bfloat16 else 0.0
    assert ((results - exact).abs() <= errors + half_unit * results.abs()).all()


def test_the_bound_is_reached_where_all_roundings_go_one_way():
    """Numbers that lie just above the middle of two in bfloat16, and their negatives."""
    above = np.full((1, 256), (1 + 2.0**-8 + 2.0**-16) / 32, np.float32)
    x = np.concatenate([above, -above])
    results, exact, errors = results_and_errors(x, x, torch.bfloat16)
    off = (results - exact).abs()
    assert (off <= errors + 2.0**-8 * results.abs()).all()
    assert (off >= 0.85 * errors).all()


def test_the_bound_parts_neighbours_of_unit_vectors():
    x, y = gaussian(300, 1, 1024), gaussian(300, 2, 1024)
    _, exact, errors = results_and_errors(x, y, torch.bfloat16)
    assert errors.max() < 0.005
    assert errors.max() < exact.std() / 6


def test_the_bound_holds_where_all_but_the_rounding_of_what_centring_took_is_exact():
    """Of one dimension, and results that are 0: nothing else hides it."""
    random = np.random.default_rng(4)
    for e in random.uniform(0.2, 0.4, 200):
        u, v = 1.0, -0.25
        c = -u * (v + e) / v
        x, y = (
            np.array([[mean + part], [mean - part]], np.float32) for mean, part in ((c, u), (e, v))
        )
        results, exact, errors = results_and_errors(x, y, torch.bfloat16)
        assert ((results - exact).abs() <= errors + 2.0**-8 * results.abs()).all()


numbers = st.floats(-2, 2, width=32)


@given(
    numbers, st.lists(numbers, min_size=1), st.floats(0, 1, width=32), st.sampled_from(PRECISIONS)
)
@example(0.0, [-0.0], 0.0, torch.bfloat16)
def test_what_can_be_as_near_as_the_last_is_kept(last, others, margin, precision):
    """As the module says it: with the result's own rounding on both sides, and 2 E + r between."""
    possible = screen._Possible(torch.tensor([margin]), 1 + len(others), 1, precision)
    values = torch.tensor([last, *others]).to(precision)
    possible._best = screen._ordered(values[:1].clone())[None]
    kept = screen._ordered(values.clone()) >= possible._least(slice(None))
    half_unit = Fraction(1, 2**8) if precision == torch.bfloat16 else 0
    last, *others = map(Fraction, values.tolist())
    needed = last - half_unit * abs(last) - Fraction(margin)
    assert kept[0]
    for value, is_kept in zip(others, kept[1:].tolist(), strict=True):
        assert is_kept or value + half_unit * abs(value) < needed


@given(sides(20), st.sampled_from(PRECISIONS))
def test_margins_are_twice_the_bound_and_the_rounding_of_similarities(vectors, precision):
    x, y = vectors
    c, e = (torch.from_numpy(side.mean(0)) for side in vectors)
    rows = screen.Rounded(torch.from_numpy(x), c, e, precision, is_left=True)
    columns = screen.Rounded(torch.from_numpy(y), e, c, precision, is_left=False)
    lengths = np.linalg.norm(x, axis=1) * np.linalg.norm(y, axis=1).max()
    rounding = torch.from_numpy(2 * 2.0**-24 * lengths)
    assert (rows.margins(columns) >= 2 * rows.errors(columns) + rounding).all()


def test_zeros_of_both_signs_tie():
    zeros = np.array([0.0, -0.0, 0.0, -0.0], np.float32)
    found = search._first_k(np.zeros(4, np.int64), np.arange(4), zeros, (1, 3))
    assert found.rows.tolist() == [[0, 1, 2]]


@given(st.lists(st.floats(width=32, allow_nan=False), min_size=2, max_size=40))
def test_integers_in_the_order_of_numbers(values):
    for dtype in PRECISIONS:
        numbers = torch.tensor(values).to(dtype)
        ordered = screen._ordered(numbers.clone())
        by_number = numbers[ordered.argsort(stable=True)]
        assert (by_number[1:] >= by_number[:-1]).all()
        assert torch.equal(screen._numbers(ordered, dtype), numbers)
