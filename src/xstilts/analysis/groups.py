"""Scores, gains and gaps by language, branch and family: the table `findings.GROUPS`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy import stats

from xstilts.analysis.findings import (
    ALL,
    ALL_FAMILIES,
    ALL_LANGUAGES,
    BRANCH,
    CORRECTED,
    EVERY,
    FAMILY,
    GAIN,
    GAINS,
    GAP,
    LANGUAGE,
    LANGUAGES,
    LEVEL,
    LOSES,
    NOT_ENOUGH,
    POINTS,
    SCORE,
)
from xstilts.analysis.inference.draws import Draws, basis_of, combine, mean_of, settle_many
from xstilts.analysis.inference.estimates import Estimate, holm
from xstilts.analysis.panel import Panel
from xstilts.recipes import NONE
from xstilts.tasks import SOURCE_LANGUAGE

_TAIL = 0.025

# Of fewer languages an interval over them says little, even Student's.
_ENOUGH = 5

# In points; values that differ by less are equal.
_ROUNDING = 1e-9


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


# The groups of one target.
Layout = Mapping[Group, Units]


@dataclass(frozen=True, kw_only=True)
class _Held:
    """One quantity of one recipe in one target, over its languages, and their groups."""

    languages: Draws
    layout: Layout

    def groups(self, groups: Sequence[Group]) -> Draws:
        """(1 + draws, groups)."""
        weights = np.stack([self.layout[group].weights.mean(axis=1) for group in groups], axis=1)
        return self.languages.map(lambda scores: scores @ weights)


def group_rows(panel: Panel) -> list[dict]:
    """The rows of `findings.GROUPS`.

    Languages of a group are not resampled: of two or three, most draws would hold one of them
    several times, and none would reach beyond those that there are. From five on
    `low_languages` and `high_languages` are Student's interval over them, which allows for that;
    fewer can only be listed.
    """
    layouts = {target: layout(panel, target) for target in panel.targets}
    rows = []
    for recipe in panel.recipes:
        held = {target: _quantities(panel, recipe, target) for target in panel.targets}
        for kind in ((scale, name) for scale in (POINTS, CORRECTED) for name in (SCORE, GAIN, GAP)):
            have = {
                target: _Held(languages=found[kind], layout=layouts[target])
                for target, found in held.items()
                if kind in found
            }
            every = {target: have[target] for target in panel.averaged if target in have}
            scopes = {target: {target: found} for target, found in have.items()}
            head = {
                "encoder": panel.evidence.encoder,
                "recipe": recipe,
                **dict(zip(("scale", "quantity"), kind, strict=True)),
            }
            for target, scope in {**scopes, EVERY: every}.items():
                rows += [{**head, "target": target, **row} for row in _rows(panel, scope, kind[1])]
    return rows


def layout(panel: Panel, target: str) -> dict[Group, Units]:
    """The groups of a target's languages."""
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
        weights=np.stack([units.weights.mean(axis=1) for units in families.values()], axis=1),
        codes=codes,
    )
    return found


def _quantities(panel: Panel, recipe: str, target: str) -> dict[tuple[str, str], Draws]:
    """(scale, quantity) to (1 + draws, languages), as far as the recipe has them."""
    points = panel.scores(target, recipe)
    if points is None:
        return {}
    found = {(POINTS, SCORE): points, (CORRECTED, SCORE): panel.corrected(target, points)}
    after, before = panel.scores(target, recipe, NONE), panel.scores(target, NONE, recipe)
    if recipe != NONE and after is not None and before is not None:
        found[POINTS, GAIN] = after.minus(before)
        found[CORRECTED, GAIN] = panel.corrected(target, after).minus(
            panel.corrected(target, before)
        )
    english = panel.english(target, recipe)
    if english is not None:
        chance = panel.chance(target, (SOURCE_LANGUAGE,))
        corrected = english.map(lambda scores: 100 * (scores - chance) / (100 - chance))
        found[POINTS, GAP] = _above(english, points)
        found[CORRECTED, GAP] = _above(corrected, found[CORRECTED, SCORE])
    return found


def _above(english: Draws, others: Draws) -> Draws:
    return combine([english, others], lambda parts: parts[0][:, None] - parts[1])


def _rows(panel: Panel, scope: Mapping[str, _Held], quantity: str) -> Iterator[dict]:
    """The rows of one quantity, in one target or as the mean over several."""
    targets: dict[Group, tuple[str, ...]] = {}
    for target, held in scope.items():
        for group in held.layout:
            targets[group] = (*targets.get(group, ()), target)
    rows: dict[Group, dict] = {}
    for where in dict.fromkeys(targets.values()):
        # Groups of the same targets are settled at once.
        groups = [group for group, held in targets.items() if held == where]
        draws = mean_of([scope[target].groups(groups) for target in where])
        for group, estimate in zip(groups, settle_many(draws), strict=True):
            held = {target: scope[target] for target in where}
            rows[group] = _row(panel, group, held, quantity, estimate, draws)
    if quantity == GAIN:
        for grouping in (LANGUAGE, BRANCH, FAMILY, ALL):
            _judge([row for group, row in rows.items() if group.grouping == grouping])
    yield from (rows[group] for group in targets)


def _row(
    panel: Panel,
    group: Group,
    scope: Mapping[str, _Held],
    quantity: str,
    estimate: Estimate,
    draws: Draws,
) -> dict:
    units = _units(group, scope, estimate.value)
    over = _over_units(list(units.values()), estimate.value)
    basis = basis_of(draws) if estimate.low is not None else None
    if basis is None and quantity == GAIN and over.low is not None:
        # A table of scores from a paper: one seed, no items.
        estimate, basis = over, LANGUAGES
    better = -1 if quantity == GAP else 1
    order = sorted(units, key=lambda name: better * units[name])
    codes = tuple(
        dict.fromkeys(code for held in scope.values() for code in held.layout[group].codes)
    )
    items = sum(
        panel.items(target, code)
        for target, held in scope.items()
        for code in held.layout[group].codes
    )
    return {
        "grouping": group.grouping,
        "group": group.name,
        "value": estimate.value,
        "low": estimate.low,
        "high": estimate.high,
        "p": estimate.p if quantity == GAIN else None,
        "basis": basis,
        "low_languages": over.low,
        "high_languages": over.high,
        "spread": float(np.std(list(units.values()), ddof=1)) if len(units) > 1 else None,
        "best": order[-1] if order else None,
        "worst": order[0] if order else None,
        "languages": list(codes),
        "unseen": [code for code in codes if code in panel.unseen],
        "items": items or None,
        "seeds": draws.seeds,
        "targets": len(scope),
        "single": group.grouping in (BRANCH, FAMILY) and len(codes) == 1,
    }


def _units(group: Group, scope: Mapping[str, _Held], value: float) -> dict[str, float]:
    """Each unit of a group, observed: the group's value and the unit's mean distance from it.

    Distances are taken within each target that has several units of the group: what a unit is in
    few targets says how hard these are, not how it differs from the others.
    """
    distances: dict[str, list[float]] = {}
    for held in scope.values():
        units = held.layout[group]
        observed = held.languages.observed @ units.weights
        if len(units.names) > 1:
            for name, score in zip(units.names, observed, strict=True):
                distances.setdefault(name, []).append(float(score - observed.mean()))
    if not distances:
        names = {name for held in scope.values() for name in held.layout[group].names}
        return dict.fromkeys(names, value) if len(names) == 1 else {}
    return {name: value + float(np.mean(held)) for name, held in distances.items()}


def _over_units(values: Sequence[float], value: float) -> Estimate:
    """Student's interval and p if other units had been taken; none for few or equal ones."""
    if len(values) < _ENOUGH or np.ptp(values) < _ROUNDING:
        return Estimate(value=value)
    error = float(np.std(values, ddof=1)) / len(values) ** 0.5
    degrees = len(values) - 1
    half = float(stats.t.ppf(1 - _TAIL, degrees)) * error
    return Estimate(
        value=value,
        low=value - half,
        high=value + half,
        p=2 * float(stats.t.sf(abs(value) / error, degrees)),
    )


def _judge(rows: Sequence[dict]) -> None:
    """Fill in the verdicts on gains that hold for all of these groups together."""
    tested = [row for row in rows if row["p"] is not None]
    for row in rows:
        row["verdict"] = NOT_ENOUGH
    for row, adjusted in zip(tested, holm([row["p"] for row in tested]), strict=True):
        row["p_adjusted"] = adjusted
        if adjusted < LEVEL:
            row["verdict"] = GAINS if row["value"] > 0 else LOSES
