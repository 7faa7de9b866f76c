"""A quantity in the groups of a target, its means over targets, and what is tested of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from xstilts.analysis.findings import ALL_LANGUAGES, FAMILY, LANGUAGE, LEVEL, NOT_ENOUGH
from xstilts.analysis.groups import Group, Layout, layout
from xstilts.analysis.inference.draws import Draws, basis_of, mean_of, settle_many
from xstilts.analysis.inference.estimates import Estimate
from xstilts.analysis.panel import Panel


@dataclass(frozen=True, kw_only=True)
class Grouped:
    """A quantity in the groups of one target: (1 + draws, groups), nan where it is not defined."""

    groups: tuple[Group, ...]
    draws: Draws

    @property
    def defined(self) -> tuple[Group, ...]:
        """The groups in which it is."""
        pairs = zip(self.groups, self.draws.observed, strict=True)
        return tuple(group for group, value in pairs if np.isfinite(value))

    def columns(self, groups: Sequence[Group]) -> Draws:
        """(1 + draws, these groups)."""
        if tuple(groups) == self.groups:
            return self.draws
        places = [self.groups.index(group) for group in groups]
        return self.draws.map(lambda values: values[:, places])


@dataclass(frozen=True, kw_only=True)
class Mean:
    """The mean of a quantity over targets, of one or of several."""

    estimate: Estimate
    basis: str | None
    targets: tuple[str, ...]


def main_groups(panel: Panel, target: str) -> Layout:
    """Each language of a target, each family, and all languages."""
    return {
        group: units
        for group, units in layout(panel, target).items()
        if group.grouping in (LANGUAGE, FAMILY) or group.name == ALL_LANGUAGES
    }


def group_means(values: np.ndarray, groups: Layout) -> np.ndarray:
    """(..., groups): means of values whose last axis are the languages of a target.

    nan where one of the group's languages is.
    """
    weights = np.stack([units.weights.mean(axis=1) for units in groups.values()], axis=1)
    missing = np.isnan(values)
    if not missing.any():
        return values @ weights
    return np.where(missing @ (weights > 0), np.nan, np.nan_to_num(values) @ weights)


def means(scope: Mapping[str, Grouped]) -> dict[Group, Mean]:
    """Of each group, over the targets in which it is defined."""
    over: dict[Group, tuple[str, ...]] = {}
    for target, quantity in scope.items():
        for group in quantity.defined:
            over[group] = (*over.get(group, ()), target)
    found = {}
    for targets in dict.fromkeys(over.values()):
        groups = [group for group, held in over.items() if held == targets]
        draws = mean_of([scope[target].columns(groups) for target in targets])
        for group, estimate in zip(groups, settle_many(draws), strict=True):
            basis = None if estimate.low is None else basis_of(draws)
            found[group] = Mean(estimate=estimate, basis=basis, targets=targets)
    return found


def change_columns(change: Mean | None) -> dict[str, object]:
    """The columns of a change and its test, none where there is no change."""
    if change is None:
        return {}
    told = change.estimate
    return {
        "change": told.value,
        "change_low": told.low,
        "change_high": told.high,
        "change_basis": change.basis,
        "p": told.p,
    }


def judge(
    rows: Iterable[dict[str, object]],
    adjust: Callable[[Sequence[float]], list[float]],
    words: tuple[str, str],
) -> None:
    """Fill in p that hold for these rows together, and the verdict on each change.

    Args:
        adjust: how p is adjusted (`xstilts.analysis.inference.estimates`).
        words: for a change below 0 and for one above.
    """
    changed = [row for row in rows if row.get("change") is not None]
    tested = [row for row in changed if row["p"] is not None]
    for row, p in zip(tested, adjust([row["p"] for row in tested]), strict=True):
        row["p_adjusted"] = p
    for row in changed:
        clear = row.get("p_adjusted", 1.0) < LEVEL
        row["verdict"] = words[row["change"] > 0] if clear else NOT_ENOUGH
