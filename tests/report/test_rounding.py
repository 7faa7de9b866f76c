"""One rounding for pages, tables, text and files, in Python and in the browser."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xstilts.rounding import DECIMALS, JAVASCRIPT, fixed, rounded, signed


@pytest.mark.parametrize(
    ("value", "decimals", "text", "with_sign"),
    [
        (39.25, 1, "39.3", "+39.3"),
        (39.75, 1, "39.8", "+39.8"),
        (-39.25, 1, "−39.3", "−39.3"),
        (0.125, 2, "0.13", "+0.13"),
        (100 * 0.5725, 1, "57.3", "+57.3"),
        (0.04, 1, "0.0", "±0.0"),
        (-0.04, 1, "0.0", "±0.0"),
        (0.0, 1, "0.0", "±0.0"),
        (-0.06, 1, "−0.1", "−0.1"),
        (100.0, 0, "100", "+100"),
        (99.96, 1, "100.0", "+100.0"),
        (math.nan, 1, "nan", "nan"),
    ],
)
def test_numbers_by_hand(value: float, decimals: int, text: str, with_sign: str) -> None:
    assert (fixed(value, decimals), signed(value, decimals)) == (text, with_sign)


@given(st.floats(-1e6, 1e6), st.integers(0, 3))
def test_what_is_shown_is_the_nearest_and_of_two_the_further_from_zero(
    value: float, decimals: int
) -> None:
    held = Fraction(round(value, DECIMALS))
    whole = math.floor(abs(held) * 10**decimals + Fraction(1, 2))
    expected = math.copysign(whole / 10**decimals, held)
    assert rounded(value, decimals) == expected
    assert float(fixed(value, decimals).replace("−", "-")) == expected
    assert rounded(value, decimals) == -rounded(-value, decimals)


def test_the_browser_shows_the_same(browser) -> None:
    """All accuracies of 400 and of 1,200 items, their differences from one, and shares."""
    values = [100 * k / n for n in (400, 1200) for k in range(n + 1)]
    values += [k / 400 - 0.5 for k in range(401)] + [100 * (k / 10_000) for k in range(10_001)]
    held = [round(value, DECIMALS) for value in values]
    found = browser.new_page().evaluate(
        f"(values) => {{ {JAVASCRIPT}\n"
        "return values.map((x) => [fixed(x, 1), signed(x, 1), fixed(x, 2)]); }",
        held,
    )
    expected = [[fixed(value), signed(value), fixed(value, 2)] for value in values]
    assert found == expected
    # Where the two languages would differ by themselves.
    assert sum(f"{value:.1f}" != fixed(value) for value in values[:401]) == 100
