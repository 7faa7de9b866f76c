"""The rows of the tables of kinship, and those of associations that allow for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import NamedTuple

import numpy as np

from xstilts.analysis.association.observations import (
    ENOUGH_LANGUAGES,
    Association,
    Observations,
)
from xstilts.analysis.association.rows import judged, observations_of, with_predictors
from xstilts.analysis.inference.adjust import Statement, holm, judge
from xstilts.analysis.inference.estimates import Estimate
from xstilts.analysis.inputs.known_languages import KnownLanguages
from xstilts.analysis.inputs.panel import Panel
from xstilts.analysis.relatedness.covariances import relatedness
from xstilts.analysis.relatedness.models import OverLanguages
from xstilts.analysis.relatedness.profile import Profile, Told
from xstilts.analysis.relatedness.reml import Fit, fit
from xstilts.analysis.robustness import LossChange
from xstilts.analysis.tables import EVERY, GAIN, LOSS_CHANGE, SCORE, Row
from xstilts.config.languages import Language
from xstilts.config.recipes import NONE

TREE, PLACES, BOTH = "tree", "places", "tree and places"
FULL = "tree, places and predictors"
# Methods of associations.
WITH_TREE, WITH_BOTH = "model with the tree", "model with tree and places"
ALONG_TREE = "Spearman, drawn along the tree"

FAMILIES_DIFFER = "families differ"

Rows = dict[str, list[Row]]


class _Cell(NamedTuple):
    """What one model over languages is of."""

    recipe: str
    target: str
    observations: Observations


def kinship_rows(panel: Panel, world: KnownLanguages, changes: Sequence[LossChange] = ()) -> Rows:
    """Rows of "kinship", "kinship_profile", "kinship_new" and "association".

    Gains of all recipes, and scores of the baseline, in each target and over those that are
    averaged; of perturbed items, changes of losses over those that are averaged. Targets and means
    with fewer than ten languages have none.
    """
    rows: Rows = {"kinship": [], "kinship_profile": [], "kinship_new": [], "association": []}
    encoder = panel.evidence.encoder
    for cells in (_scored(panel, world), _perturbed(panel, world, changes)):
        # Statements on losses are families of their own.
        found: list[tuple[str, int, Association]] = []
        families: dict[tuple[str, str], list[Statement]] = {}
        for recipe, target, observations in cells:
            head = {
                "encoder": encoder,
                "recipe": recipe,
                "outcome": observations.outcome,
                "condition": observations.condition,
                "target": target,
            }
            bare = OverLanguages.of(observations, panel.languages)
            known = (
                OverLanguages.of(observations, panel.languages, tuple(observations.predictors))
                if target == EVERY
                else "told of the mean over targets"
            )
            if target == EVERY:
                found += [
                    (recipe, observations.seeds, each) for each in _effects(observations, known)
                ]
            if isinstance(bare, str):
                continue
            own = list(_models(bare, known))
            rows["kinship"] += [{**head, **row} for row in own]
            for row in rows["kinship"][-len(own) :]:
                if row.get("p") is not None:
                    said = Statement(
                        row=row,
                        estimate=Estimate(value=1.0, p=row["p"]),
                        words=("", FAMILIES_DIFFER),
                        seeds=observations.seeds,
                    )
                    families.setdefault((target, row["model"]), []).append(said)
            rows["kinship_profile"] += [{**head, **row} for row in _profiles(bare, known)]
            rows["kinship_new"] += [{**head, **row} for row in _new(bare)]
        for family in families.values():
            judge(family, holm)
        rows["association"] += judged(encoder, found)
    return rows


def _scored(panel: Panel, world: KnownLanguages) -> Iterator[_Cell]:
    """Scores of the baseline, and gains."""
    scopes = {target: (target,) for target in panel.targets}
    for recipe, outcome in product(panel.recipes, (SCORE, GAIN)):
        # Scores after all recipes are much alike.
        if outcome == SCORE and recipe != NONE:
            continue
        for target, scope in {**scopes, EVERY: panel.averaged}.items():
            observations = observations_of(panel, world, recipe, outcome, scope, with_noise=True)
            if observations is not None:
                yield _Cell(recipe, target, observations)


def _perturbed(
    panel: Panel,
    world: KnownLanguages,
    changes: Sequence[LossChange],
) -> Iterator[_Cell]:
    """Changes of what is lost where items are perturbed, where languages are enough."""
    for each in changes:
        observations = with_predictors(
            each.outcomes, panel, world, outcome=LOSS_CHANGE, condition=each.condition
        )
        if len(set(observations.languages)) >= ENOUGH_LANGUAGES:
            yield _Cell(each.recipe, EVERY, observations)


def _models(bare: OverLanguages, known: OverLanguages | str) -> Iterator[Row]:
    """Rows of `tables.KINSHIP`, of the models without predictors and with them."""
    mean, new = bare.mean(bare.by_tree), bare.new(bare.by_tree)
    reach, near = bare.nearness
    yield {
        **_model(bare, TREE, bare.by_tree.best),
        **_lambda(bare.by_tree),
        **_families(bare, bare.by_tree),
        "value": mean.value,
        "low": mean.low,
        "high": mean.high,
        "new_low": new.low,
        "new_high": new.high,
        "kin_p": bare.kin_are_alike(),
    }
    if isinstance(known, str):
        return
    places = fit(bare.values, [near])
    yield {
        **_model(bare, PLACES, places),
        "place_share": places.shares[0],
        "reach": reach,
    }
    for over, name in ((bare, BOTH), (known, FULL)):
        best = over.by_both.best
        yield {
            **_model(over, name, best),
            **_lambda(over.by_both),
            **_families(over, over.by_both),
            "place_share": best.shares[1],
            "reach": over.nearness[0],
            "note": f"beside {', '.join(over.names)}" if over.names else "",
        }


def _model(over: OverLanguages, name: str, model: Fit) -> Row:
    noise = float(np.sqrt(over.values.noise.mean()))
    return {
        "model": name,
        "languages": len(over.codes),
        "families": len(set(over.families)),
        "independent_tree": over.independent_by_tree,
        "independent": over.independent(model),
        "spread": over.unit * model.scale**0.5,
        "noise": over.unit * noise,
        "log_likelihood": model.log_likelihood,
    }


def _lambda(model: Profile) -> Row:
    low, high = model.interval
    return {"lambda_": model.best.shares[0], "lambda_low": low, "lambda_high": high}


def _families(over: OverLanguages, model: Profile) -> Row:
    found = over.families_differ(model)
    return {} if found is None else {"p": found[0], "detectable": found[1]}


def _profiles(bare: OverLanguages, known: OverLanguages | str) -> Iterator[Row]:
    """Rows of `tables.KINSHIP_PROFILE`."""
    models = {TREE: bare.by_tree}
    if not isinstance(known, str):
        models |= {BOTH: bare.by_both, FULL: known.by_both}
    for name, model in models.items():
        top = model.best.log_likelihood
        weights = dict(zip(model.fits, model.weights.tolist(), strict=True))
        likelihoods = {share: each.log_likelihood - top for share, each in model.fits.items()}
        likelihoods.setdefault(model.best.shares[0], 0.0)
        for share in sorted(likelihoods):
            yield {
                "model": name,
                "lambda_": share,
                "relative": min(0.0, likelihoods[share]),
                "weight": weights.get(share, 0.0),
            }


def _new(over: OverLanguages) -> Iterator[Row]:
    """Rows of `tables.KINSHIP_NEW`."""
    yield {"family": "", "languages": 0, **_interval(over.new(over.by_tree))}
    members: dict[str, list[str]] = {}
    for code, family in zip(over.codes, over.families, strict=True):
        members.setdefault(family, []).append(code)
    newcomers = {family: _newcomer(over.languages[codes[0]]) for family, codes in members.items()}
    # A code of theirs can be no language's.
    names = {family: f"new in {family}" for family in members}
    world = {code: over.languages[code] for code in over.codes}
    world |= {names[family]: newcomers[family] for family in members}
    alike = relatedness(world, [*over.codes, *names.values()])
    for row, (family, codes) in enumerate(members.items(), start=len(over.codes)):
        told = over.new(over.by_tree, alike[row, : len(over.codes)])
        yield {"family": family, "languages": len(codes), **_interval(told)}


def _newcomer(kin: Language) -> Language:
    """A language of the same family, on a branch of its own."""
    top = kin.path[0] if kin.path else kin.family
    return Language(
        code="", name="", iso639_3="", family=kin.family, branch="", script="",
        path=(top, f"new in {top}"),
    )  # fmt: skip


def _interval(told: Told) -> Row:
    return {"value": told.value, "low": told.low, "high": told.high}


def _effects(observations: Observations, over: OverLanguages | str) -> Iterator[Association]:
    """How an outcome goes with each predictor, the others held constant, and by ranks alone."""
    for method in (WITH_TREE, WITH_BOTH, ALONG_TREE):
        if isinstance(over, str) or not over.names:
            for name in observations.predictors:
                yield Association(
                    method=method, predictor=name, outcome=observations.outcome,
                    condition=observations.condition,
                    note=over if isinstance(over, str) else "no predictor varies",
                )  # fmt: skip
            continue
        for name, told in _told_by(method, observations, over):
            yield Association(
                method=method,
                predictor=name,
                outcome=observations.outcome,
                condition=observations.condition,
                languages=len(over.codes),
                **told,
            )


def _told_by(
    method: str, observations: Observations, over: OverLanguages
) -> Sequence[tuple[str, Row]]:
    if method == ALONG_TREE:
        drawn = over.drawn_along(over.bare.by_tree)
        found = {name: over.rank_correlation(name, drawn) for name in over.names}
        return [(name, {"value": value, "p": p}) for name, (value, p) in found.items()]
    model = over.by_tree if method == WITH_TREE else over.by_both
    return [(name, {**_interval(told), "p": told.p}) for name, told in over.effects(model)]
