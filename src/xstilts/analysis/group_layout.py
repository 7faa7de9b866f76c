"""The groups of a target's languages: each language, branches, families, and all of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from xstilts.analysis.inputs.panel import Panel
from xstilts.analysis.tables import (
    ALL,
    ALL_FAMILIES,
    ALL_LANGUAGES,
    BRANCH,
    FAMILY,
    LANGUAGE,
    WITH_ENGLISH,
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
