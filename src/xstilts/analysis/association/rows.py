"""The rows of `tables.ASSOCIATION`, and the observations that they are of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict
from itertools import chain, product

import numpy as np

from xstilts.analysis.association.association import (
    leave_one_family_out,
    mixed_model,
    partial_rank_correlations,
    rank_correlations,
)
from xstilts.analysis.association.observations import (
    FALLS,
    RISES,
    Association,
    Observations,
)
from xstilts.analysis.association.outcomes import Outcomes
from xstilts.analysis.association.predictors import predictors
from xstilts.analysis.inference.adjust import Statement, holm, judge
from xstilts.analysis.inference.draws import LANGUAGES, Draws
from xstilts.analysis.inference.estimates import Estimate
from xstilts.analysis.inputs.known_languages import KnownLanguages
from xstilts.analysis.inputs.panel import Panel
from xstilts.analysis.tables import GAIN, SCORE, Row
from xstilts.config.recipes import NONE

_ASSOCIATIONS = (rank_correlations, partial_rank_correlations, leave_one_family_out, mixed_model)


def association_rows(panel: Panel, world: KnownLanguages) -> list[Row]:
    """Rows of `tables.ASSOCIATION`: scores and gains of every recipe against what is known."""
    found = []
    for recipe, outcome in product(panel.recipes, (SCORE, GAIN)):
        observations = observations_of(panel, world, recipe, outcome, panel.averaged)
        if observations is not None:
            for each in chain.from_iterable(compute(observations) for compute in _ASSOCIATIONS):
                found.append((recipe, observations.seeds, each))
    return judged(panel.evidence.encoder, found)


def judged(encoder: str, found: Iterable[tuple[str, int, Association]]) -> list[Row]:
    """Rows with their verdicts, of associations with the recipe and the seeds that they rest on."""
    rows: list[Row] = []
    families: dict[tuple[str, str], list[Statement]] = {}
    for recipe, seeds, each in found:
        basis = None if each.low is None else LANGUAGES
        rows.append({"encoder": encoder, "recipe": recipe, "basis": basis, **asdict(each)})
        if each.value is not None and each.p is not None and each.enough:
            said = Statement(
                row=rows[-1],
                estimate=Estimate(value=each.value, p=each.p),
                words=(FALLS, RISES),
                seeds=seeds,
            )
            families.setdefault((each.method, each.predictor), []).append(said)
    for family in families.values():
        judge(family, holm)
    return rows


def observations_of(
    panel: Panel,
    world: KnownLanguages,
    recipe: str,
    outcome: str,
    targets: Sequence[str],
    *,
    with_noise: bool = False,
) -> Observations | None:
    """Chance-corrected scores of a recipe, or its gains in points; None where there are none.

    Args:
        with_noise: whether to reckon the variances that items and seeds give.
    """
    held: dict[str, Draws] = {}
    panel = panel.fewer
    for target in targets:
        scores = panel.scores(target, recipe)
        if outcome == GAIN:
            found = panel.gain(target, recipe) if recipe != NONE else None
        else:
            found = None if scores is None else panel.corrected(target, scores)
        if found is not None:
            held[target] = found
    if not held:
        return None
    known = {target: panel.codes(target) for target in held}
    items = {target: [panel.items(target, code) for code in known[target]] for target in held}
    outcomes = Outcomes.of(held, known, items if with_noise else None)
    return with_predictors(outcomes, panel, world, outcome=outcome)


def with_predictors(
    outcomes: Outcomes,
    panel: Panel,
    world: KnownLanguages,
    *,
    outcome: str,
    condition: str = "",
) -> Observations:
    """Outcomes beside what is known of their languages."""
    tasks = [target for target, held in outcomes.codes.items() for _ in held]
    codes = [code for held in outcomes.codes.values() for code in held]
    return Observations(
        outcome=outcome,
        condition=condition,
        tasks=tuple(tasks),
        languages=tuple(codes),
        families=tuple(panel.languages[code].family for code in codes),
        values=np.concatenate(list(outcomes.values.values())),
        noise=np.concatenate([np.empty(0), *outcomes.noise.values()]),
        common=outcomes.common,
        seeds=outcomes.seeds,
        predictors=predictors(world, panel.evidence.encoder, codes, tuple(outcomes.codes)),
    )
