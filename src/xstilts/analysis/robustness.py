"""What recipes lose where items are perturbed, and whether less than the baseline does.

Clean scores are those of the very items that were perturbed, and items and seeds are resampled
alike in both, so that a loss is a difference within items. A language to which a perturbation does
not apply has no rows, hence no loss of 0. Who scores more has more points to lose; the relative
drop allows for that, but says nothing near chance, where there is nothing to lose.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from xstilts.analysis.association.outcomes import Outcomes
from xstilts.analysis.fairness.formulas import chance_corrected, relative_drop
from xstilts.analysis.group_means import (
    Group,
    Grouped,
    Layout,
    Mean,
    change_columns,
    group_means,
    main_groups,
    means,
)
from xstilts.analysis.inference.adjust import Statement, benjamini_hochberg, judge
from xstilts.analysis.inference.bootstrap import Sample, resample
from xstilts.analysis.inference.draws import Draws, combine
from xstilts.analysis.inputs.items import (
    CLEAN,
    CellFile,
    Items,
    conditions_of,
    items_of,
    of_target,
    read_conditions,
)
from xstilts.analysis.inputs.panel import Panel
from xstilts.analysis.tables import EVERY, GAINS, LANGUAGE, LOSES, Row
from xstilts.config.perturbations import parse_condition
from xstilts.config.recipes import NONE
from xstilts.config.tasks import TARGETS

DROP, LOSS = "drop", "loss"
MORE_ROBUST, LESS_ROBUST = "more robust", "less robust"
# Who scores less has fewer points to lose: that alone is not robust.
LOSES_LESS, LOSES_MORE = "loses fewer points", "loses more points"
NEAR_CHANCE = "too near chance"
_WORDS = {DROP: (MORE_ROBUST, LESS_ROBUST), LOSS: (LOSES_LESS, LOSES_MORE)}

# The chance-corrected clean score of a group from which a relative drop is told.
_SMALLEST = 0.05


@dataclass(frozen=True, kw_only=True)
class LossChange:
    """By how many points more than the baseline a recipe loses in each language.

    In points, which every language has: a relative drop is not defined near chance, and where it
    is, differences from the mean of a quotient have no known noise. Who scores less has fewer
    points to lose, so that less lost is not more robust by itself.

    Attributes:
        outcomes: of the averaged targets.
    """

    recipe: str
    condition: str
    outcomes: Outcomes


@dataclass(frozen=True, kw_only=True)
class _Held:
    """What is resampled of one target and condition; clean and perturbed have the same units."""

    cells: tuple[tuple[str, int], ...]
    clean: Mapping[str, Items]
    perturbed: Mapping[str, Items]


@dataclass(frozen=True, kw_only=True)
class _Scores:
    """Clean and perturbed scores of a recipe, (1 + draws, groups)."""

    points: tuple[Draws, Draws]
    corrected: tuple[Draws, Draws]

    def quantity(self, name: str) -> Draws:
        """The drop in percent, nan where it is not defined, or the loss in points."""
        if name == LOSS:
            return self.points[0].minus(self.points[1])
        enough = self.corrected[0].observed >= _SMALLEST
        # Draws may come nearer to chance, as long as there is something to lose.
        least = float(np.finfo(float).tiny)
        return combine(
            self.corrected,
            lambda parts: np.where(enough, 100 * relative_drop(parts[0], parts[1], least), np.nan),
        )


@dataclass(frozen=True, kw_only=True)
class _TargetDrop:
    """What a recipe loses on a target: quantity to its value, and to the change of it."""

    layout: Layout
    clean: Mapping[Group, float]
    perturbed: Mapping[Group, float]
    values: Mapping[str, Grouped]
    changes: Mapping[str, Grouped]
    counts: Mapping[str, int]
    seeds: int

    @property
    def languages(self) -> tuple[Group, ...]:
        """The groups that are a language each."""
        return tuple(group for group in self.layout if group.grouping == LANGUAGE)


@dataclass(frozen=True, kw_only=True)
class _Compared:
    """One condition: what recipes score on clean and on perturbed items.

    `panel` is that of all clean items. What the baseline scores over the same seeds is computed
    once for all recipes.
    """

    panel: Panel
    clean: Panel
    perturbed: Panel
    _baselines: dict[tuple[str, tuple[int, ...]], _Scores | None] = field(default_factory=dict)

    def measure(self, target: str, recipe: str) -> _TargetDrop | None:
        """What a recipe loses on a target, None where it was not run."""
        own = self._scores(target, recipe)
        if own is None:
            return None
        layout = main_groups(self.clean, target)
        groups = tuple(layout)
        changes = {}
        for name, change in self._changes(target, recipe, own).items():
            changes[name] = Grouped(groups=groups, draws=change)
        before, after = (100 * part.observed for part in own.corrected)
        return _TargetDrop(
            layout=layout,
            clean=dict(zip(groups, before.tolist(), strict=True)),
            perturbed=dict(zip(groups, after.tolist(), strict=True)),
            values={
                name: Grouped(groups=groups, draws=own.quantity(name)) for name in (DROP, LOSS)
            },
            changes=changes,
            counts={
                code: self.perturbed.items(target, code) for code in self.perturbed.codes(target)
            },
            seeds=own.points[0].seeds,
        )

    def _changes(self, target: str, recipe: str, own: _Scores) -> dict[str, Draws]:
        """Quantity to the recipe's minus the baseline's; nothing for the baseline itself."""
        evidence = self.clean.evidence
        seeds = evidence.common_seeds(target, recipe)
        if recipe == NONE or not seeds:
            return {}
        if seeds != evidence.seeds(recipe, target):
            paired = self._scores(target, recipe, NONE)
            if paired is None:
                return {}
            own = paired
        if (target, seeds) not in self._baselines:
            self._baselines[target, seeds] = self._scores(target, NONE, recipe)
        base = self._baselines[target, seeds]
        if base is None:
            return {}
        return {name: own.quantity(name).minus(base.quantity(name)) for name in (DROP, LOSS)}

    def _scores(self, target: str, recipe: str, beside: str | None = None) -> _Scores | None:
        clean = self.clean.scores(target, recipe, beside)
        perturbed = self.perturbed.scores(target, recipe, beside)
        if clean is None or perturbed is None:
            return None
        layout = main_groups(self.clean, target)
        chance = self.panel.chance(target, self.clean.codes(target))

        def corrected(points: Draws) -> Draws:
            return points.map(lambda held: group_means(chance_corrected(held, chance), layout))

        def in_points(points: Draws) -> Draws:
            return points.map(lambda held: group_means(held, layout))

        return _Scores(
            points=(in_points(clean), in_points(perturbed)),
            corrected=(corrected(clean), corrected(perturbed)),
        )


def perturbed_rows(
    files: Sequence[CellFile], panel: Panel, *, split: str, draws: int
) -> tuple[list[Row], list[LossChange]]:
    """Rows of `tables.PERTURBED`, and how losses of languages change by condition and recipe.

    Rows are of each condition, recipe, target and group. A group's drop is that of its mean score:
    undefined where the clean mean is near chance, and without an interval where that of a draw is
    at or below it. A mean over XTREME's targets is over those in which the quantity is defined;
    its change over those in which it is so with the recipe and without.

    Args:
        files: the cells of the panel's encoder; those without perturbed rows are skipped.
        panel: its clean evidence says what chance is, since retrieval keeps its whole pool.
        split: of which items were perturbed.
        draws: B.
    """
    rows: list[Row] = []
    changed: list[LossChange] = []
    # The statements on a recipe and a quantity are one family.
    families: dict[tuple[str, str], list[Statement]] = {}
    for condition, held in _by_condition(files, panel, split).items():
        kind, strength = parse_condition(condition)
        clean = _panel(panel, held, lambda each: each.clean, draws)
        perturbed = _panel(panel, held, lambda each: each.perturbed, draws)
        compared = _Compared(panel=panel, clean=clean, perturbed=perturbed)
        for recipe in panel.recipes:
            found = {
                target: measured
                for target in held
                if (measured := compared.measure(target, recipe))
            }
            head: Row = {"encoder": panel.evidence.encoder, "recipe": recipe}
            head |= {"kind": kind, "strength": strength}
            every = {target: found[target] for target in panel.averaged if target in found}
            outcomes = _loss_changes(every)
            if outcomes is not None:
                changed.append(LossChange(recipe=recipe, condition=condition, outcomes=outcomes))
            scopes = {target: {target: measured} for target, measured in found.items()}
            for target, scope in {**scopes, EVERY: every}.items():
                for row, value, change in _rows(scope):
                    rows.append({**head, "target": target, **row})
                    words = _WORDS[row["quantity"]]
                    if recipe == NONE and row["quantity"] == LOSS:
                        # What perturbation costs at all.
                        change, words = value, (GAINS, LOSES)
                        rows[-1]["p"] = value and value.estimate.p
                    if change is not None:
                        family = families.setdefault((recipe, row["quantity"]), [])
                        family.append(change.statement(rows[-1], words))
    for family in families.values():
        judge(family, benjamini_hochberg)
    return rows, changed


def _loss_changes(scope: Mapping[str, _TargetDrop]) -> Outcomes | None:
    """How much more languages lose than without the recipe; None of the baseline itself."""
    held = {target: each for target, each in scope.items() if each.changes}
    if not held:
        return None
    codes = {target: tuple(group.name for group in each.languages) for target, each in held.items()}
    return Outcomes.of(
        {target: each.changes[LOSS].columns(each.languages) for target, each in held.items()},
        codes,
        {target: [held[target].counts[code] for code in own] for target, own in codes.items()},
    )


def _by_condition(
    files: Sequence[CellFile], panel: Panel, split: str
) -> dict[str, dict[str, _Held]]:
    """Condition to target to what is resampled."""
    ours = [file for file in files if file.recipe in panel.recipes]
    found: dict[str, dict[str, _Held]] = {}
    for target, cells in of_target(ours).items():
        names = [conditions_of(file, split) for file in cells]
        tables = {
            place: read_conditions(cells[place], split) for place, held in enumerate(names) if held
        }
        for condition in dict.fromkeys(name for held in names for name in held):
            places = [place for place, held in enumerate(names) if condition in held]
            having = [tables[place] for place in places]
            spoken = [set(table.filter(condition=condition)["language"]) for table in having]
            codes = [code for code in panel.codes(target) if all(code in held for held in spoken)]
            if codes:
                found.setdefault(condition, {})[target] = _Held(
                    cells=tuple((cells[place].recipe, cells[place].seed) for place in places),
                    clean=items_of(having, target, codes, condition=CLEAN, within=condition),
                    perturbed=items_of(having, target, codes, condition=condition),
                )
    return found


def _panel(
    panel: Panel,
    held: Mapping[str, _Held],
    of: Callable[[_Held], Mapping[str, Items]],
    draws: int,
) -> Panel:
    """The panel with the scores of the clean or of the perturbed items, by target.

    Random numbers derive from the target and the number of units, so clean and perturbed items,
    which are the same units in the same order, are drawn alike.
    """
    samples = {}
    for target, each in held.items():
        items, parallel = of(each), TARGETS[target].parallel
        samples[target] = Sample(
            cells=each.cells,
            languages=tuple(items),
            scores=resample(items, name=target, parallel=parallel, draws=draws),
            counts={code: own.count for code, own in items.items()},
        )
    return panel.with_samples(samples)


def _rows(
    scope: Mapping[str, _TargetDrop],
) -> Iterator[tuple[Row, Mean | None, Mean | None]]:
    """The rows of one target, or of the mean over several, with its quantity and its change."""
    for name in (DROP, LOSS):
        values = means({target: held.values[name] for target, held in scope.items()})
        changes = means(
            {target: held.changes[name] for target, held in scope.items() if held.changes}
        )
        for group in dict.fromkeys(group for held in scope.values() for group in held.layout):
            value = values.get(group)
            having = [target for target, held in scope.items() if group in held.layout]
            used = [scope[target] for target in (value.targets if value else having)]
            row = {
                "grouping": group.grouping,
                "group": group.name,
                "quantity": name,
                "clean": float(np.mean([held.clean[group] for held in used])),
                "perturbed": float(np.mean([held.perturbed[group] for held in used])),
                "why": _why(having, value.targets if value else ()),
                "languages": list(
                    dict.fromkeys(code for held in used for code in held.layout[group].codes)
                ),
                "items": sum(
                    held.counts[code] for held in used for code in held.layout[group].codes
                ),
                "seeds": min(held.seeds for held in used),
            }
            if value:
                found = value.estimate
                row |= {"value": found.value, "low": found.low, "high": found.high}
                row |= {"basis": value.basis, **change_columns(changes.get(group))}
            yield row, value, changes.get(group) if value else None


def _why(having: Sequence[str], defined: Sequence[str]) -> str | None:
    """Why a quantity is not that of all targets that have the group."""
    without = [TARGETS[target].title for target in having if target not in defined]
    if not defined:
        return NEAR_CHANCE
    return f"without {', '.join(without)}: {NEAR_CHANCE}" if without else None
