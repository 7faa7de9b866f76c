"""How evenly recipes serve languages: the tables `tables.FAIRNESS` and `tables.PARETO`.

No measure says enough alone: spread falls where all scores do, so the level stands beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import product

import numpy as np

from xstilts.analysis.fairness import formulas as measures
from xstilts.analysis.fairness.registry import (
    CLDR,
    ETHNOLOGUE,
    MEAN,
    MEASURES,
    WORST_FAMILY,
    Covered,
    Measure,
)
from xstilts.analysis.group_means import Mean, change_columns
from xstilts.analysis.groups import estimate_of
from xstilts.analysis.inference.adjust import Statement, benjamini_hochberg, judge
from xstilts.analysis.inference.draws import Draws, mean_of, stack
from xstilts.analysis.inference.estimates import Estimate, Estimates, estimates, within_least
from xstilts.analysis.inputs.panel import Panel
from xstilts.analysis.tables import (
    ALL,
    ALL_LANGUAGES,
    BETTER,
    CORRECTED,
    EVERY,
    FAIRER,
    GAIN,
    GREATER,
    LESS_FAIR,
    POINTS,
    SCORE,
    WORSE,
    Row,
)
from xstilts.config.language_facts import LanguageFacts
from xstilts.config.recipes import NONE

# In corrected points: what is better by less does not dominate, as scores are printed to a tenth.
TOLERANCE = 0.1


@dataclass(frozen=True, kw_only=True)
class TargetMeasure:
    """A measure of one target, of one table of scores or of several.

    Attributes:
        draws: (1 + draws, tables...); of a minimum (1 + draws, tables..., names), of what it is
            the least.
        names: of what it is the least, empty if it is no minimum.
    """

    draws: Draws
    names: tuple[str, ...] = ()

    @property
    def who(self) -> str | None:
        """Who is observed to be the least, of one table."""
        return self.names[int(self.draws.observed.argmin())] if self.names else None


# (scale, measure) to what was found
_Measured = Mapping[tuple[str, Measure], TargetMeasure]


def fairness_rows(
    panel: Panel, facts: Mapping[str, LanguageFacts], groups: Iterable[Row]
) -> list[Row]:
    """The rows of `tables.FAIRNESS`.

    Args:
        facts: by code; speakers that Ethnologue does not count otherwise are those of CLDR.
        groups: rows of `tables.GROUPS`, where the means over languages and families stand.
    """
    known: dict[tuple[str, str, str], dict[tuple[str, str], Row]] = {}
    for row in groups:
        if row["grouping"] == ALL:
            place = (row["recipe"], row["target"], row["scale"])
            known.setdefault(place, {})[row["quantity"], row["group"]] = row
    panel = panel.fewer
    covered = {target: _covered(panel, target, facts) for target in panel.targets}
    baselines: dict[tuple[str, tuple[int, ...]], _Measured] = {}
    rows = []
    for recipe in panel.recipes:
        values: dict[str, _Measured] = {}
        changes: dict[str, tuple[_Measured, _Measured]] = {}
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
            changes[target] = after, baselines[target, shared]
        scopes = {**{target: (target,) for target in panel.targets}, EVERY: panel.averaged}
        for (target, scope), scale in product(scopes.items(), (POINTS, CORRECTED)):
            head = {"encoder": panel.evidence.encoder, "recipe": recipe}
            head |= {"target": target, "scale": scale}
            held = [values[each] for each in scope]
            pairs = [changes[each] for each in scope if each in changes]
            own = known.get((recipe, target, scale), {})
            rows += [{**head, **row} for row in _rows(scale, held, pairs, own)]
    return rows


def pareto_rows(panel: Panel, groups: Iterable[Row] = ()) -> list[Row]:
    """The rows of `tables.PARETO`, over the targets that all recipes have (`Panel.common`).

    Args:
        groups: rows of `tables.GROUPS`; where they hold the mean over the same targets it is the
            same number here.
    """
    place = (EVERY, CORRECTED, SCORE, ALL_LANGUAGES, len(panel.common))
    columns = ("target", "scale", "quantity", "group", "targets")
    known = {
        row["recipe"]: estimate_of(row)
        for row in groups
        if tuple(row[name] for name in columns) == place
    }
    panel, found = panel.fewer, {}
    for recipe in panel.recipes:
        held = [
            _measured(
                panel,
                target,
                _covered(panel, target, {}),
                panel.scores(target, recipe),
                of=((CORRECTED, MEAN), (CORRECTED, WORST_FAMILY)),
            )
            for target in panel.common
        ]
        of = {
            measure: [each[CORRECTED, measure] for each in held if (CORRECTED, measure) in each]
            for measure in (MEAN, WORST_FAMILY)
        }
        if not of[WORST_FAMILY]:
            return []
        found[recipe] = {
            measure: (mean_estimates(parts).one(), parts) for measure, parts in of.items()
        }
        if recipe in known:
            found[recipe][MEAN] = known[recipe], of[MEAN]
    points = np.array([[held[m][0].value for m in (MEAN, WORST_FAMILY)] for held in found.values()])
    front = measures.pareto_front(points, TOLERANCE) if found else np.zeros(0, dtype=bool)
    return [
        {
            "encoder": panel.evidence.encoder,
            "recipe": recipe,
            **_named("mean", found[recipe][MEAN][0]),
            **_named("worst", found[recipe][WORST_FAMILY][0]),
            "worst_family": _who(found[recipe][WORST_FAMILY][1]),
            "front": bool(front[place]),
            "dominated_by": [
                other
                for other, point in zip(found, points, strict=True)
                if measures.dominates(point, points[place], TOLERANCE)
            ],
        }
        for place, recipe in enumerate(found)
    ]


def _covered(panel: Panel, target: str, facts: Mapping[str, LanguageFacts]) -> Covered:
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
        measured = measure_of(measure, scales[scale], covered)
        if measured is not None:
            found[scale, measure] = measured
    return found


def measure_of(measure: Measure, scores: Draws, covered: Covered) -> TargetMeasure | None:
    """A measure of scores, (1 + draws, tables..., languages); None where it is not defined."""
    observed = measure.formula(scores.observed, covered)
    if observed is None or not np.isfinite(observed).all():
        return None
    candidates = measure.candidates
    if candidates is None:
        return TargetMeasure(draws=scores.map(lambda u: np.asarray(measure.formula(u, covered))))
    names, _ = candidates(scores.observed, covered)
    levels = scores.map(lambda u: candidates(u, covered)[1])
    return TargetMeasure(draws=levels, names=tuple(names))


def mean_estimates(
    after: Sequence[TargetMeasure], before: Sequence[TargetMeasure] | None = None
) -> Estimates:
    """The mean of a measure over targets, or, with `before`, of its change: (tables...)."""
    if after[0].names:
        beside = None if before is None else [part.draws for part in before]
        return within_least([part.draws for part in after], beside)
    return estimates(_mean_draws(after, before))


def _mean_draws(after: Sequence[TargetMeasure], before: Sequence[TargetMeasure] | None) -> Draws:
    own = mean_of([part.draws for part in after])
    return own if before is None else own.minus(mean_of([part.draws for part in before]))


def _means(
    wanted: Sequence[tuple[Sequence[TargetMeasure], Sequence[TargetMeasure] | None]],
) -> list[Mean]:
    """The mean over targets of each measure, or, with a second part, of its change.

    Measures that rest on the same seeds are estimated at once, but for minima.
    """
    found: dict[int, Estimate] = {}
    together: dict[tuple[int, int], list[tuple[int, Draws]]] = {}
    for place, (after, before) in enumerate(wanted):
        if after[0].names:
            found[place] = mean_estimates(after, before).one()
            continue
        quantity = _mean_draws(after, before)
        together.setdefault((quantity.seeds, quantity.most_seeds), []).append((place, quantity))
    for held in together.values():
        columns = estimates(stack([quantity for _, quantity in held]))
        found |= {place: each for (place, _), each in zip(held, columns, strict=True)}
    return [
        Mean(
            estimate=found[place],
            basis=None
            if found[place].low is None
            else max((part.draws for part in after), key=lambda each: each.most_seeds).basis,
            seeds=min(part.draws.seeds for part in (*after, *(before or ()))),
        )
        for place, (after, before) in enumerate(wanted)
    ]


def _who(parts: Sequence[TargetMeasure]) -> str | None:
    """Whom a minimum names, over several targets in most of them."""
    return Counter(part.who for part in parts).most_common(1)[0][0]


def _rows(
    scale: str,
    values: Sequence[_Measured],
    changes: Sequence[tuple[_Measured, _Measured]],
    groups: Mapping[tuple[str, str], Row],
) -> list[Row]:
    """The rows of one recipe, target and scale, verdicts holding for all of them together.

    Args:
        groups: (quantity, group) to the row of the same recipe, target and scale.
    """
    rows: list[Row] = []
    said: list[Statement] = []
    held_by: dict[Measure, list[TargetMeasure]] = {}
    pairs_by: dict[Measure, list[tuple[TargetMeasure, TargetMeasure]]] = {}
    for measure in MEASURES:
        key = (scale, measure)
        held_by[measure] = [found[key] for found in values if key in found]
        pairs_by[measure] = [
            (after[key], before[key]) for after, before in changes if key in after.keys() & before
        ]
    computed = [measure for measure in MEASURES if held_by[measure] and not measure.group]
    changed = [measure for measure in computed if pairs_by[measure]]
    own = _means(
        [
            *((held_by[measure], None) for measure in computed),
            *(_unzipped(pairs_by[measure]) for measure in changed),
        ]
    )
    value_of = dict(zip(computed, own[: len(computed)], strict=True))
    change_of = dict(zip(changed, own[len(computed) :], strict=True))
    for measure in MEASURES:
        held = held_by[measure]
        if not held:
            continue
        if measure.group:
            # What stands among the groups is the same number here.
            value, change = _of_group(groups[SCORE, measure.group]), None
            if (GAIN, measure.group) in groups:
                change = _of_group(groups[GAIN, measure.group])
        else:
            value, change = value_of[measure], change_of.get(measure)
        row = {
            **{"measure": measure.name, "title": measure.title, "better": measure.better},
            **_named("value", _bounded(value.estimate, measure.bounds)),
            "basis": value.basis,
            "who": _who(held),
        }
        if change is not None:
            row |= change_columns(change)
            up, down = (BETTER, WORSE) if measure.level else (FAIRER, LESS_FAIR)
            words = (down, up) if measure.better == GREATER else (up, down)
            said.append(change.statement(row, words))
        rows.append(row)
    judge(said, benjamini_hochberg)
    return rows


def _unzipped(
    pairs: Sequence[tuple[TargetMeasure, TargetMeasure]],
) -> tuple[list[TargetMeasure], list[TargetMeasure]]:
    return [after for after, _ in pairs], [before for _, before in pairs]


def _of_group(row: Row) -> Mean:
    return Mean(estimate=estimate_of(row), basis=row["basis"], seeds=row["seeds"])


def _named(name: str, found: Estimate) -> dict[str, float | None]:
    prefix = "" if name == "value" else f"{name}_"
    return {name: found.value, f"{prefix}low": found.low, f"{prefix}high": found.high}


def _bounded(found: Estimate, bounds: tuple[float, float]) -> Estimate:
    """With an interval that holds no values which the measure cannot have."""
    if found.low is None or found.high is None:
        return found
    return replace(found, low=max(found.low, bounds[0]), high=min(found.high, bounds[1]))
