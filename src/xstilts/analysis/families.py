"""What a recipe does to families of languages (claim 7).

A family's score in a task is the mean over its languages, English left out. Families are
compared within a task and only then averaged over tasks, since tasks differ in the languages
that they have. A family of which the run has one language is shown and marked; the worst family
is one of those with several, so that no single language carries a verdict.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from xstilts.analysis.evidence import Evidence
from xstilts.analysis.inference.estimates import holm, percentile
from xstilts.analysis.parts import (
    NO_ITEMS,
    FamilyChange,
    Measure,
    Part,
    basis,
    missing,
    missing_targets,
    verdict,
)
from xstilts.languages import Language
from xstilts.recipes import NONE
from xstilts.task_types import SOURCE_LANGUAGE
from xstilts.tasks import XTREME

_LEVEL = 0.05


@dataclass(frozen=True, kw_only=True)
class _Target:
    """Family to its mean score, (1 + draws,), with the recipe and without."""

    after: dict[str, np.ndarray]
    before: dict[str, np.ndarray]


def family_part(evidence: Evidence, recipe: str, languages: Mapping[str, Language]) -> Part:
    """Claim 7 for one recipe: is the worst family better off, and who gains and loses.

    Args:
        languages: of the data source, by code; languages that it does not name are left out.
    """
    members = _members(evidence, recipe, languages)
    several = {family for family, codes in members.items() if len(codes) > 1}
    targets = {
        key: found
        for key in XTREME
        if (found := _by_family(evidence, recipe, key, languages)) is not None
    }
    part = Part(
        number="7",
        recipe=recipe,
        statement=f"After {recipe} the worst-off family of languages is better off.",
        quantity=(
            "Score of the worst family in a target after the recipe, minus that of the worst"
            " without it (each the least, in each draw, of the families that have several"
            " languages in this run); mean over targets."
        ),
        reference="A question of this project; the study does not report families.",
    )
    compared = {
        key: found for key, found in targets.items() if len(several & found.after.keys()) > 1
    }
    changes = _changes(targets, members)
    if not compared:
        lacking = "two families with several languages each in one target, beside the baseline"
        return replace(part, missing=lacking, families=changes)
    worst = percentile(
        np.mean(
            [
                _least(found.after, several) - _least(found.before, several)
                for found in compared.values()
            ],
            axis=0,
        )
    )
    return replace(
        part,
        **vars(worst),
        verdict=verdict(worst),
        missing=missing(missing_targets(compared), "" if evidence.draws else NO_ITEMS),
        basis=basis(evidence, [(key, recipe, NONE) for key in compared]),
        measures=tuple(_measures(targets, compared)),
        families=changes,
    )


def _members(
    evidence: Evidence, recipe: str, languages: Mapping[str, Language]
) -> dict[str, tuple[str, ...]]:
    """Family to its languages over all targets that the recipe and the baseline have."""
    codes = {
        code: None
        for key in XTREME
        if evidence.gain(key, recipe) is not None
        for code in evidence.samples[key].languages
        if code in languages and code != SOURCE_LANGUAGE
    }
    return {
        family: tuple(code for code in codes if languages[code].family == family)
        for family in dict.fromkeys(languages[code].family for code in codes)
    }


def _by_family(
    evidence: Evidence, recipe: str, target: str, languages: Mapping[str, Language]
) -> _Target | None:
    pair = evidence.pair(target, recipe)
    if pair is None:
        return None
    places: dict[str, list[int]] = {}
    for place, code in enumerate(pair.languages):
        if code in languages and code != SOURCE_LANGUAGE:
            places.setdefault(languages[code].family, []).append(place)
    return _Target(
        after={family: pair.after[:, held].mean(axis=1) for family, held in places.items()},
        before={family: pair.before[:, held].mean(axis=1) for family, held in places.items()},
    )


def _least(scores: Mapping[str, np.ndarray], families: set[str]) -> np.ndarray:
    return np.min([series for family, series in scores.items() if family in families], axis=0)


def _measures(targets: Mapping[str, _Target], compared: Mapping[str, _Target]) -> list[Measure]:
    """Level, spread and the very worst: none of them says enough without the others."""
    everyone = [found for found in targets.values() if found.after]
    spread = [found for found in everyone if len(found.after) > 1]

    def mean(series: Sequence[np.ndarray], name: str) -> Measure:
        return Measure.of(name, percentile(np.mean(series, axis=0)))

    return [
        mean(
            [
                np.mean(list(found.after.values()), axis=0)
                - np.mean(list(found.before.values()), axis=0)
                for found in everyone
            ],
            "Mean over families",
        ),
        mean(
            [
                np.std(list(found.after.values()), axis=0, ddof=1)
                - np.std(list(found.before.values()), axis=0, ddof=1)
                for found in spread
            ],
            "Spread between families (SD; less is more even)",
        ),
        mean(
            [
                _least(found.after, set(found.after)) - _least(found.before, set(found.before))
                for found in compared.values()
            ],
            "Worst family, families of one language among them",
        ),
    ]


def _changes(
    targets: Mapping[str, _Target], members: Mapping[str, tuple[str, ...]]
) -> tuple[FamilyChange, ...]:
    found = {}
    for family in members:
        series = [
            held.after[family] - held.before[family]
            for held in targets.values()
            if family in held.after
        ]
        found[family] = (len(series), percentile(np.mean(series, axis=0)))
    known = [family for family, (_, estimate) in found.items() if estimate.p is not None]
    adjusted = dict(zip(known, holm([found[family][1].p or 0.0 for family in known]), strict=True))
    return tuple(
        FamilyChange(
            family=family,
            languages=members[family],
            targets=count,
            single=len(members[family]) == 1,
            **vars(estimate),
            outcome=(
                "not clear"
                if adjusted.get(family, 1.0) >= _LEVEL
                else "gains"
                if estimate.value > 0
                else "loses"
            ),
        )
        for family, (count, estimate) in found.items()
    )
