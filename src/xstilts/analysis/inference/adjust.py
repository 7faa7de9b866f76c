"""p-values and verdicts for a family of statements that are made together."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import false_discovery_control

from xstilts.analysis.inference.behrens_fisher import smallest_detectable
from xstilts.analysis.inference.estimates import LEVEL, Estimate

NOT_ENOUGH = "not enough data to tell"
# With one seed, what is true of its items says nothing of another seed; nor does a mean over
# targets of which some have one seed left.
IN_RUN = " in this run"


def holm(p_values: Sequence[float]) -> list[float]:
    """p that hold for all tests together (Holm 1979), in the order given.

    As statsmodels' `multipletests`, which collects the garbage of the whole process at every call:
    30 ms each, for thousands of families.
    """
    p = np.asarray(p_values, dtype=float)
    order = np.argsort(p, kind="stable")
    raised = np.maximum.accumulate((len(p) - np.arange(len(p))) * p[order])
    adjusted = np.empty(len(p))
    adjusted[order] = np.minimum(raised, 1)
    return adjusted.tolist()


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """p for the false discovery rate (Benjamini and Hochberg 1995), in the order given.

    Of the tests with an adjusted p of at most q, on average at most the share q is no effect. That
    holds for independent tests and for some that are positively dependent.
    """
    return false_discovery_control(p_values).tolist() if len(p_values) else []


def verdict(
    value: float, p_adjusted: float | None, words: tuple[str, str], *, one_seed: bool
) -> str:
    """What an adjusted p says of a value.

    Args:
        words: for a value below 0 and for one above.
        one_seed: whether some part of the value rests on one seed, so that the verdict is on this
            run.
    """
    if p_adjusted is None or p_adjusted >= LEVEL:
        return NOT_ENOUGH
    return words[value > 0] + IN_RUN * one_seed


def plain(verdict: str | None) -> str:
    """A verdict without the words that say that it is on one run alone; empty for None."""
    return (verdict or "").removesuffix(IN_RUN)


@dataclass(frozen=True, kw_only=True)
class Statement:
    """What is said of a number in a row of a table.

    Attributes:
        row: which is given the verdict, and what it rests on.
        words: of the verdict, for a value below 0 and for one above.
        seeds: the fewest of any part of the value.
    """

    row: dict[str, Any]
    estimate: Estimate
    words: tuple[str, str]
    seeds: int


def judge(
    statements: Iterable[Statement],
    adjust: Callable[[Sequence[float]], list[float]],
    *,
    more: int = 0,
) -> None:
    """Fill in verdicts, and p that hold for these statements together, where they have a p.

    Args:
        adjust: `holm` or `benjamini_hochberg`.
        more: further statements of the family, whose p counts as 1.
    """
    tested: list[tuple[Statement, float]] = []
    for each in statements:
        each.row["verdict"] = NOT_ENOUGH
        if each.estimate.p is not None:
            tested.append((each, each.estimate.p))
    tests = len(tested) + more
    adjusted = adjust([*(p for _, p in tested), *[1.0] * more])
    smallest = detectable([each.estimate for each, _ in tested], tests=tests)
    for (each, _), p, size in zip(tested, adjusted, smallest, strict=False):
        said = verdict(each.estimate.value, p, each.words, one_seed=each.seeds == 1)
        each.row.update({"p_adjusted": p, "tests": tests, "verdict": said})
        if size is not None:
            each.row["detectable"] = size


def detectable(found: Sequence[Estimate], *, tests: int) -> list[float | None]:
    """The smallest effect that each of these could detect, as one of `tests` statements.

    What was estimated of its error is taken for the true one. None where there is no error.
    """
    places: dict[int, list[int]] = {}
    for place, each in enumerate(found):
        if each.error is not None:
            places.setdefault(each.degrees, []).append(place)
    known: list[float | None] = [None] * len(found)
    for degrees, held in places.items():
        errors = np.array([found[place].error for place in held])
        shares = np.array([found[place].share for place in held])
        smallest = smallest_detectable(errors, shares, degrees, tests=tests)
        for place, value in zip(held, smallest.tolist(), strict=True):
            known[place] = value
    return known
