"""Groups of languages, a quantity in them, its means over targets, and what is tested of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from xstilts.analysis.inference.adjust import Statement
from xstilts.analysis.inference.draws import Draws, mean_of
from xstilts.analysis.inference.estimates import Estimate, estimates
from xstilts.analysis.inputs.panel import Panel
from xstilts.analysis.tables import (
    ALL,
    ALL_FAMILIES,
    ALL_LANGUAGES,
    BRANCH,
    FAMILY,
    LANGUAGE,
    WITH_ENGLISH,
    Row,
)


class Group(NamedTuple):
    """One group of a grouping."""

    grouping: str
    name: str


@dataclass(frozen=True, kw_only=True)
class Units:
    """What a group is the plain mean of in one target: languages, of "all families" families.

    Attributes:
        names: of the units.
        weights: (languages of the target, units): each unit as a mean of languages.
        codes: the languages of all units.
    """

    names: tuple[str, ...]
    weights: np.ndarray
    codes: tuple[str, ...]

    @cached_property
    def mean(self) -> np.ndarray:
        """(languages of the target,): the group as a mean of languages."""
        return self.weights.mean(axis=1)


# The groups of one target.
Layout = Mapping[Group, Units]


def layout(panel: Panel, target: str) -> dict[Group, Units]:
    """The groups of a target's languages, English left out."""
    codes = panel.codes(target)
    one_each = np.eye(len(codes))
    members: dict[Group, list[int]] = {}
    for place, code in enumerate(codes):
        members[Group(LANGUAGE, code)] = [place]
    for grouping in (BRANCH, FAMILY):
        for place, code in enumerate(codes):
            name = getattr(panel.languages[code], grouping)
            members.setdefault(Group(grouping, name), []).append(place)
    members[Group(ALL, ALL_LANGUAGES)] = list(range(len(codes)))
    found = {
        group: Units(
            names=(held := tuple(codes[place] for place in places)),
            codes=held,
            weights=one_each[:, places],
        )
        for group, places in members.items()
    }
    families = {group: units for group, units in found.items() if group.grouping == FAMILY}
    found[Group(ALL, ALL_FAMILIES)] = Units(
        names=tuple(group.name for group in families),
        weights=np.stack([units.mean for units in families.values()], axis=1),
        codes=codes,
    )
    return found


def layout_with_english(panel: Panel, target: str) -> dict[Group, Units]:
    """The groups of the covered languages: those of `layout`, and the task score."""
    covered = panel.covered(target)
    more = len(covered) - len(panel.codes(target))
    found = {
        group: Units(
            names=units.names,
            codes=units.codes,
            weights=np.vstack([units.weights, np.zeros((more, len(units.names)))]),
        )
        for group, units in layout(panel, target).items()
    }
    task = Units(names=covered, codes=covered, weights=np.eye(len(covered)))
    return {**found, Group(ALL, WITH_ENGLISH): task}


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
    """The mean of a quantity over targets, of one or of several; the fewest seeds of any."""

    estimate: Estimate
    basis: str | None
    seeds: int
    targets: tuple[str, ...] = ()

    def statement(self, row: Row, words: tuple[str, str]) -> Statement:
        """The statement on it in a row."""
        return Statement(row=row, estimate=self.estimate, words=words, seeds=self.seeds)


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
    weights = np.stack([units.mean for units in groups.values()], axis=1)
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
        for group, estimate in zip(groups, estimates(draws), strict=True):
            basis = None if estimate.low is None else draws.basis
            found[group] = Mean(estimate=estimate, basis=basis, seeds=draws.seeds, targets=targets)
    return found


def change_columns(change: Mean | None) -> Row:
    """The columns of a change, none where there is no change."""
    if change is None:
        return {}
    found = change.estimate
    return {
        "change": found.value,
        "change_low": found.low,
        "change_high": found.high,
        "change_basis": change.basis,
        "p": found.p,
    }
