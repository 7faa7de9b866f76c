"""How evenly recipes serve languages: the tables `findings.FAIRNESS` and `findings.PARETO`.

No measure says enough alone: spread falls where all scores do, so the level stands beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product
from typing import Protocol

import numpy as np

from xstilts.analysis import measures
from xstilts.analysis.fairness_measures import (
    CLDR,
    ETHNOLOGUE,
    MEAN,
    MEASURES,
    WORST_FAMILY,
    Covered,
    Measure,
)
from xstilts.analysis.findings import (
    BETTER,
    CORRECTED,
    EVERY,
    FAIRER,
    GREATER,
    LESS_FAIR,
    LEVEL,
    NOT_ENOUGH,
    POINTS,
    WORSE,
)
from xstilts.analysis.inference.draws import Draws, basis_of, mean_of, settle
from xstilts.analysis.inference.estimates import Estimate, benjamini_hochberg
from xstilts.analysis.panel import Panel
from xstilts.recipes import NONE

# In corrected points: what is better by less does not dominate, as scores are printed to a tenth.
TOLERANCE = 0.1


class Spoken(Protocol):
    """How many millions speak a language, None where it is not known."""

    @property
    def speakers(self) -> float | None:
        """By Unicode CLDR."""

    @property
    def speakers_ethnologue(self) -> float | None:
        """By Ethnologue, where that differs much."""


@dataclass(frozen=True, kw_only=True)
class _Found:
    """A measure's draws, (1 + draws,), and what a minimum names."""

    draws: Draws
    who: str | None = None


# (scale, measure) to what was found
_Measured = Mapping[tuple[str, Measure], _Found]


def fairness_rows(panel: Panel, facts: Mapping[str, Spoken]) -> list[dict]:
    """The rows of `findings.FAIRNESS`.

    Args:
        facts: by code; speakers that Ethnologue does not count otherwise are those of CLDR.
    """
    covered = {target: _covered(panel, target, facts) for target in panel.targets}
    baselines: dict[tuple[str, tuple[int, ...]], _Measured] = {}
    rows = []
    for recipe in panel.recipes:
        values: dict[str, _Measured] = {}
        changes: dict[str, _Measured] = {}
        for target in panel.targets:
            whole = partial(_measured, panel, target, covered[target])
            values[target] = whole(panel.scores(target, recipe))
            shared = panel.evidence.common_seeds(target, recipe, NONE)
            if recipe == NONE or not shared:
                continue
            if (target, shared) not in baselines:
                baselines[target, shared] = whole(panel.scores(target, NONE, recipe))
            same = shared == panel.evidence.seeds(recipe, target)
            after = values[target] if same else whole(panel.scores(target, recipe, NONE))
            before = baselines[target, shared]
            changes[target] = {
                key: _Found(draws=after[key].draws.minus(before[key].draws))
                for key in after
                if key in before
            }
        values[EVERY] = _means(values[target] for target in panel.averaged)
        changes[EVERY] = _means(changes.get(target, {}) for target in panel.averaged)
        head = {"encoder": panel.evidence.encoder, "recipe": recipe}
        for target, scale in product((*panel.targets, EVERY), (POINTS, CORRECTED)):
            found = _rows(scale, values[target], changes.get(target, {}))
            rows += [{**head, "target": target, "scale": scale, **row} for row in found]
    return rows


def pareto_rows(panel: Panel) -> list[dict]:
    """The rows of `findings.PARETO`, over the targets that all recipes have (`Panel.common`)."""
    found = {
        recipe: _means(
            _measured(
                panel,
                target,
                _covered(panel, target, {}),
                panel.scores(target, recipe),
                of=((CORRECTED, MEAN), (CORRECTED, WORST_FAMILY)),
            )
            for target in panel.common
        )
        for recipe in panel.recipes
    }
    if not all((CORRECTED, WORST_FAMILY) in held for held in found.values()):
        return []
    means, worst = (
        {recipe: settle(held[CORRECTED, measure].draws) for recipe, held in found.items()}
        for measure in (MEAN, WORST_FAMILY)
    )
    points = np.array([(means[recipe].value, worst[recipe].value) for recipe in found])
    front = measures.pareto_front(points, TOLERANCE)
    return [
        {
            "encoder": panel.evidence.encoder,
            "recipe": recipe,
            **_named("mean", means[recipe]),
            **_named("worst", worst[recipe]),
            "worst_family": found[recipe][CORRECTED, WORST_FAMILY].who,
            "front": bool(front[place]),
            "dominated_by": [
                other
                for other, point in zip(found, points, strict=True)
                if measures.dominates(point, points[place], TOLERANCE)
            ],
        }
        for place, recipe in enumerate(found)
    ]


def _covered(panel: Panel, target: str, facts: Mapping[str, Spoken]) -> Covered:
    codes = panel.codes(target)
    known = [facts.get(code) for code in codes]
    cldr = [None if fact is None else fact.speakers for fact in known]
    other = [None if fact is None else fact.speakers_ethnologue for fact in known]
    both = [one if more is None else more for one, more in zip(cldr, other, strict=True)]
    return Covered(
        codes=codes,
        families=panel.families(target),
        several=frozenset(
            family for family, count in Counter(panel.families(target)).items() if count > 1
        ),
        speakers={CLDR: np.array(cldr, float), ETHNOLOGUE: np.array(both, float)},
    )


def _measured(
    panel: Panel,
    target: str,
    covered: Covered,
    points: Draws | None,
    of: Iterable[tuple[str, Measure]] = tuple(product((POINTS, CORRECTED), MEASURES)),
) -> _Measured:
    """The measures that are defined for what was observed."""
    if points is None:
        return {}
    scales = {POINTS: points, CORRECTED: panel.corrected(target, points)}
    found = {}
    for scale, measure in of:
        scores = scales[scale]
        observed = measure.formula(scores.observed, covered)
        if observed is None or not np.isfinite(observed):
            continue
        who = None
        if measure.candidates:
            names, candidates = measure.candidates(scores.observed, covered)
            who = names[int(candidates.argmin())]
        draws = scores.map(partial(measure.formula, covered=covered))
        found[scale, measure] = _Found(draws=draws, who=who)
    return found


def _means(targets: Iterable[_Measured]) -> _Measured:
    """Each measure's mean over the targets in which it is defined."""
    parts: dict[tuple[str, Measure], list[_Found]] = {}
    for measured in targets:
        for key, found in measured.items():
            parts.setdefault(key, []).append(found)
    return {
        key: _Found(
            draws=mean_of([found.draws for found in held]),
            who=Counter(found.who for found in held).most_common(1)[0][0],
        )
        for key, held in parts.items()
    }


def _rows(scale: str, values: _Measured, changes: _Measured) -> list[dict]:
    """The rows of one recipe, target and scale, verdicts holding for all of them together."""
    rows, tested = [], []
    for (of, measure), found in values.items():
        if of != scale:
            continue
        value = settle(found.draws)
        row = {
            **{"measure": measure.name, "title": measure.title, "better": measure.better},
            **vars(value),
            "basis": basis_of(found.draws) if value.low is not None else None,
            "who": found.who,
            "p": None,
        }
        if (scale, measure) in changes:
            change = settle(changes[scale, measure].draws)
            row |= {**_named("change", change), "p": change.p, "verdict": NOT_ENOUGH}
            if change.low is not None:
                row["change_basis"] = basis_of(changes[scale, measure].draws)
            if change.p is not None:
                tested.append((row, measure))
        rows.append(row)
    adjusted = benjamini_hochberg([row["p"] for row, _ in tested])
    for (row, measure), p in zip(tested, adjusted, strict=True):
        row["p_adjusted"] = p
        if p < LEVEL:
            up, down = (BETTER, WORSE) if measure.level else (FAIRER, LESS_FAIR)
            row["verdict"] = up if (row["change"] > 0) == (measure.better == GREATER) else down
    return rows


def _named(name: str, estimate: Estimate) -> dict[str, float | None]:
    return {name: estimate.value, f"{name}_low": estimate.low, f"{name}_high": estimate.high}
