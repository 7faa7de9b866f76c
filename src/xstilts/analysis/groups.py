"""Scores, gains and gaps by language, branch and family: the table `tables.GROUPS`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import special

from xstilts.analysis.group_means import Group, Layout, layout_with_english
from xstilts.analysis.inference.adjust import Statement, holm, judge
from xstilts.analysis.inference.columns import Columns
from xstilts.analysis.inference.draws import LANGUAGES, Draws
from xstilts.analysis.inference.estimates import Estimate
from xstilts.analysis.inputs.panel import Panel
from xstilts.analysis.tables import (
    ALL,
    BRANCH,
    CORRECTED,
    EVERY,
    FAMILY,
    GAIN,
    GAINS,
    GAP,
    LANGUAGE,
    LOSES,
    POINTS,
    SCORE,
    WITH_ENGLISH,
)
from xstilts.config.tasks import SOURCE_LANGUAGE

_TAIL = 0.025

# Of fewer languages an interval over them says little, even Student's.
_ENOUGH = 5

# In points; values that differ by less are equal.
_ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True)
class _Quantity:
    """One quantity of one recipe on one scale.

    Attributes:
        columns: the scores or gains of the covered languages of all targets.
        observed: target to its languages' values of this quantity, (languages,).
        layouts: of the same targets; their weights are those of the covered languages.
        sums: target and group to the weights of the columns that make the group.
        offsets: target and group to what is added to that sum.
        all_seeds: as `observed`, over all seeds, of targets of which some collapsed.
    """

    name: str
    scale: str
    columns: Columns
    draws: Mapping[str, Draws]
    observed: Mapping[str, np.ndarray]
    layouts: Mapping[str, Layout]
    sums: Mapping[tuple[str, Group], np.ndarray]
    offsets: Mapping[tuple[str, Group], float]
    all_seeds: Mapping[str, np.ndarray]


def group_rows(panel: Panel) -> list[dict]:
    """The rows of `tables.GROUPS`.

    Languages of a group are not resampled: of two or three, most draws would hold one of them
    several times, and none would reach beyond those that there are. From five on
    `low_languages` and `high_languages` are Student's interval over them, which allows for that;
    fewer can only be listed.
    """
    layouts = {target: layout_with_english(panel, target) for target in panel.targets}
    rows = []
    for recipe in panel.recipes:
        for quantity in _quantities(panel, recipe, layouts):
            head = {
                "encoder": panel.evidence.encoder,
                "recipe": recipe,
                "scale": quantity.scale,
                "quantity": quantity.name,
            }
            every = [target for target in panel.averaged if target in quantity.draws]
            scopes = {target: [target] for target in quantity.draws}
            for target, scope in {**scopes, EVERY: every}.items():
                rows += [
                    {**head, "target": target, **row}
                    for row in _rows(panel, recipe, quantity, scope)
                ]
    return rows


def _quantities(panel: Panel, recipe: str, layouts: Mapping[str, Layout]) -> Iterator[_Quantity]:
    """Score, gain and gap on both scales, as far as the recipe has them."""

    def scores(of: Panel, whose: str, beside: str | None = None) -> dict[str, Draws]:
        """Target to scores of the covered languages."""
        return {
            target: found
            for target in panel.targets
            if (found := of.scores_in(panel.covered(target), target, whose, beside)) is not None
        }

    def gained(of: Panel) -> dict[str, Draws]:
        if recipe == panel.baseline:
            return {}
        after = scores(of, recipe, panel.baseline)
        before = scores(of, panel.baseline, recipe)
        return {target: after[target].minus(before[target]) for target in after if target in before}

    own, own_all = scores(panel, recipe), scores(panel.everything, recipe)
    gains, gains_all = gained(panel), gained(panel.everything)
    collapsed = {
        target: {
            name
            for name in (recipe, panel.baseline)
            if panel.evidence.collapsed_seeds(name, target)
        }
        for target in panel.targets
    }
    for name, held, everything in (
        (SCORE, own, own_all),
        (GAIN, gains, gains_all),
        (GAP, own, own_all),
    ):
        whose = {recipe, panel.baseline} if name == GAIN else {recipe}
        affected = {t: everything[t] for t in held if t in everything and collapsed[t] & whose}
        if name == GAP:
            held = {t: each for t, each in held.items() if SOURCE_LANGUAGE in panel.covered(t)}
        if not held:
            continue
        columns = Columns(held)
        for scale in (POINTS, CORRECTED):
            yield _quantity(panel, name, scale, columns, held, affected, layouts)


def _quantity(
    panel: Panel,
    name: str,
    scale: str,
    columns: Columns,
    held: Mapping[str, Draws],
    affected: Mapping[str, Draws],
    layouts: Mapping[str, Layout],
) -> _Quantity:
    sums, offsets, observed, all_seeds = {}, {}, {}, {}
    kept: dict[str, Layout] = {}
    for target in held:
        covered = panel.covered(target)
        chance = panel.chance(target, covered) if scale == CORRECTED else np.zeros(len(covered))
        factor = 100 / (100 - chance)
        # What is chance-corrected is 100 (s - c) / (100 - c): a factor, and an offset of scores.
        shift = np.zeros(len(covered)) if name == GAIN else -factor * chance
        kept[target] = {
            group: units
            for group, units in layouts[target].items()
            if not (name == GAP and group.name == WITH_ENGLISH and group.grouping == ALL)
        }

        def of_languages(
            values: np.ndarray, factor: np.ndarray = factor, shift: np.ndarray = shift
        ) -> np.ndarray:
            scaled = values * factor + shift
            return scaled[-1] - scaled if name == GAP else scaled

        observed[target] = of_languages(held[target].observed)
        if target in affected:
            all_seeds[target] = of_languages(affected[target].observed)
        for group, units in kept[target].items():
            weights = units.mean
            if name == GAP:
                weights = -weights
                weights[-1] += 1
            sums[target, group] = weights * factor
            offsets[target, group] = float(weights @ shift)
    return _Quantity(
        name=name,
        scale=scale,
        columns=columns,
        draws=held,
        observed=observed,
        layouts=kept,
        sums=sums,
        offsets=offsets,
        all_seeds=all_seeds,
    )


def _rows(panel: Panel, recipe: str, quantity: _Quantity, scope: Sequence[str]) -> Iterator[dict]:
    """The rows of one quantity, in one target or as the mean over several."""
    targets: dict[Group, tuple[str, ...]] = {}
    for target in scope:
        for group in quantity.layouts[target]:
            targets[group] = (*targets.get(group, ()), target)
    rows: dict[Group, dict] = {}
    for where in dict.fromkeys(targets.values()):
        # Groups of the same targets are estimated at once.
        groups = [group for group, held in targets.items() if held == where]
        found = quantity.columns.estimates(
            [{target: quantity.sums[target, group] for target in where} for group in groups],
            scale=1 / len(where),
            offsets=[
                sum(quantity.offsets[t, group] for t in where) / len(where) for group in groups
            ],
        )
        parts = [quantity.draws[target] for target in where]
        basis = max(parts, key=lambda part: part.most_seeds).basis
        for group, estimate in zip(groups, found, strict=True):
            rows[group] = _row(panel, recipe, quantity, group, where, estimate, basis)
    if quantity.name == GAIN:
        for grouping in (LANGUAGE, BRANCH, FAMILY, ALL):
            judge(
                (
                    Statement(
                        row=row,
                        estimate=estimate_of(row),
                        words=(LOSES, GAINS),
                        seeds=row["seeds"],
                    )
                    for group, row in rows.items()
                    if group.grouping == grouping
                ),
                holm,
            )
    yield from (rows[group] for group in targets)


def _row(
    panel: Panel,
    recipe: str,
    quantity: _Quantity,
    group: Group,
    where: Sequence[str],
    estimate: Estimate,
    basis: str,
) -> dict:
    units = _units(group, quantity, where, estimate.value)
    over = _over_units(list(units.values()), estimate.value)
    known: str | None = basis if estimate.low is not None else None
    if known is None and quantity.name == GAIN and over.low is not None:
        # A table of scores from a paper: one seed, no items.
        estimate, known = over, LANGUAGES
    better = -1 if quantity.name == GAP else 1
    order = sorted(units, key=lambda name: better * units[name])
    pairs = [(target, code) for target in where for code in quantity.layouts[target][group].codes]
    codes = tuple(dict.fromkeys(code for _, code in pairs))
    samples = panel.evidence.samples
    effects = [
        samples[target].design_effects[code]
        for target, code in pairs
        if code in samples[target].design_effects
    ]
    gone = [
        len(panel.evidence.collapsed_seeds(name, target))
        for target in where
        for name in ({recipe, panel.baseline} if quantity.name == GAIN else {recipe})
        if target in quantity.all_seeds
    ]
    draws = [quantity.draws[target] for target in where]
    return {
        "grouping": group.grouping,
        "group": group.name,
        **estimate.columns,
        "p": estimate.p if quantity.name == GAIN else None,
        "basis": known,
        "low_languages": over.low,
        "high_languages": over.high,
        "spread": float(np.std(list(units.values()), ddof=1)) if len(units) > 1 else None,
        "best": order[-1] if order else None,
        "worst": order[0] if order else None,
        "languages": list(codes),
        "unseen": [code for code in codes if code in panel.unseen],
        "items": sum(panel.items(*pair) for pair in pairs) or None,
        "clusters": sum(samples[target].clusters.get(code, 0) for target, code in pairs) or None,
        "design_effect": sum(effects) / len(effects) if effects else None,
        "seeds": min(each.seeds for each in draws),
        "with_collapsed": _with_collapsed(quantity, group, where) if gone else None,
        "collapsed_seeds": sum(gone) or None,
        "targets": len(where),
        "single": group.grouping in (BRANCH, FAMILY) and len(codes) == 1,
    }


def _with_collapsed(quantity: _Quantity, group: Group, where: Sequence[str]) -> float:
    """The value over all seeds, those that learnt nothing among them."""
    return float(
        np.mean(
            [
                quantity.all_seeds.get(target, quantity.observed[target])
                @ quantity.layouts[target][group].mean
                for target in where
            ]
        )
    )


def _units(
    group: Group, quantity: _Quantity, where: Sequence[str], value: float
) -> dict[str, float]:
    """Each unit of a group, observed: the group's value and the unit's mean distance from it.

    Distances are taken within each target that has several units of the group: what a unit is in
    few targets says how hard these are, not how it differs from the others.
    """
    distances: dict[str, list[float]] = {}
    for target in where:
        units = quantity.layouts[target][group]
        if len(units.names) > 1:
            observed = quantity.observed[target] @ units.weights
            for name, off in zip(units.names, (observed - observed.mean()).tolist(), strict=True):
                distances.setdefault(name, []).append(off)
    if not distances:
        names = {name for target in where for name in quantity.layouts[target][group].names}
        return dict.fromkeys(names, value) if len(names) == 1 else {}
    return {name: value + sum(held) / len(held) for name, held in distances.items()}


def _over_units(values: Sequence[float], value: float) -> Estimate:
    """Student's interval and p if other units had been taken; none for few or equal ones."""
    if len(values) < _ENOUGH or max(values) - min(values) < _ROUNDING:
        return Estimate(value=value)
    error = float(np.std(values, ddof=1)) / len(values) ** 0.5
    degrees = len(values) - 1
    half = _student(degrees) * error
    return Estimate(
        value=value,
        low=value - half,
        high=value + half,
        p=2 * float(special.stdtr(degrees, -abs(value) / error)),
        error=error,
        share=1.0,
        degrees=degrees,
    )


@cache
def _student(degrees: int) -> float:
    return float(special.stdtrit(degrees, 1 - _TAIL))


def estimate_of(row: Mapping) -> Estimate:
    """The estimate of a row of `tables.GROUPS`."""
    degrees = row["seeds"] - 1 if row["basis"] != LANGUAGES else len(row["languages"]) - 1
    return Estimate(
        value=row["value"],
        low=row["low"],
        high=row["high"],
        p=row["p"],
        error=row["error"],
        share=row["seeds_share"] or 0.0,
        degrees=max(1, degrees),
    )
