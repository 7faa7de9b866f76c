"""The study's claims, each with a verdict that is computed from this run.

The claims are those of Phang et al. 2020 (arXiv 2005.13013) and this project's own question. A
quantity is chosen for each part such that the claim says "above 0" (4b: "not above 0").

Verdicts, from p adjusted by Holm over claims 1 to 6 of one encoder:
    supported: the quantity is above 0 (4b: below 0), with an adjusted p below 0.05;
    not supported: it is below 0 (4b: above 0), likewise;
    not enough data to tell: neither, or there are no items to resample;
    not testable: recipes, targets or languages are missing; `missing` names them.
A verdict that rests on one seed ends in "in this run". "The greatest" and "the least" of several
recipes have bounds of their own (`inference.estimates.greatest`). Claim 7 is that the worst family
is better off, once a recipe: its number and verdict are those of the table `tables.FAIRNESS`,
and what each family gains those of `tables.GROUPS`.

Like is compared with like: two recipes over the targets of XTREME's nine that both have, two
targets over the recipes that both have.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from xstilts.analysis.claims.parts import (
    NO_GAIN,
    NO_ITEMS,
    NOT_SUPPORTED,
    SUPPORTED,
    ClaimPart,
    EncoderEvidence,
    FamilyChange,
    SupportingNumber,
    basis,
    facts,
    judged,
    missing,
    missing_targets,
)
from xstilts.analysis.claims.selection import Development
from xstilts.analysis.claims.study_claims import (
    alternatives,
    best_per_target,
    best_single_tasks,
    multi_task,
    tydiqa,
    untrained_targets,
    xnli,
)
from xstilts.analysis.inference.adjust import NOT_ENOUGH, detectable, holm, plain
from xstilts.analysis.inputs.evidence import Evidence
from xstilts.analysis.tables import EVERY, FAIRER, FAMILY, GAIN, LESS_FAIR, POINTS
from xstilts.config.recipes import NONE
from xstilts.config.tasks import averaged

_CLAIMS = "the claims of this page, claim 7 left out (Holm)"
_MEASURES = "the measures of this recipe in the table of evenness (Benjamini-Hochberg)"
# What stands beside the worst family: none of them says enough alone.
_BESIDE = ("mean_families", "family_gap", "worst_any_family")

Rows = Sequence[Mapping]


def claim_parts(
    evidence: Evidence,
    *,
    recipes: Mapping[str, Mapping[str, object]],
    development: Mapping[str, Development],
    groups: Rows,
    fairness: Rows,
) -> list[ClaimPart]:
    """Every part of every claim, in order, for one encoder.

    Args:
        recipes: name to `tasks`, `languages` and `mlm`, in the experiment's order.
        development: target to what its recipe is chosen by, on English development data
            (`selection.CandidateTable.of`).
        groups, fairness: the rows of the encoder of these tables of findings.
    """
    run = EncoderEvidence(evidence=evidence, recipes=facts(recipes), development=development)
    parts = [
        *best_single_tasks(run),
        multi_task(run),
        *untrained_targets(run),
        tydiqa(run),
        xnli(run),
        best_per_target(run),
        *alternatives(run),
    ]
    return [*_judged(parts), *_worst_families(run, groups, fairness)]


def _looked_at(part: ClaimPart) -> int:
    """Among how many quantities one above 0 is looked for, which share the level."""
    return max(1, len(part.measures)) if part.number == NO_GAIN else 1


def _judged(parts: Sequence[ClaimPart]) -> Iterator[ClaimPart]:
    """The parts with verdicts that hold for all of them together."""
    tested = [part for part in parts if part.p is not None]
    adjusted = holm([part.p for part in tested if part.p is not None])
    found = {part.number: p for part, p in zip(tested, adjusted, strict=True)}
    smallest = {
        part.number: detectable([part.estimate], tests=len(tested) * _looked_at(part))[0]
        for part in tested
    }
    for part in parts:
        if part.number not in found:
            yield part
            continue
        part = replace(part, detectable=smallest[part.number], adjusted_in=_CLAIMS)
        yield judged(part, found[part.number], len(tested))


def _worst_families(run: EncoderEvidence, groups: Rows, fairness: Rows) -> Iterator[ClaimPart]:
    """Claim 7 for each recipe with a gain."""
    measures = {
        (row["recipe"], row["measure"]): row
        for row in fairness
        if (row["target"], row["scale"]) == (EVERY, POINTS)
    }
    families: dict[str, list[Mapping]] = {}
    for row in groups:
        place = (row["target"], row["scale"], row["quantity"], row["grouping"])
        if place == (EVERY, POINTS, GAIN, FAMILY):
            families.setdefault(row["recipe"], []).append(row)
    for name in run.recipes:
        if name != NONE and run.gains(name):
            yield _worst_family(run, name, measures, families.get(name, []))


def _worst_family(
    run: EncoderEvidence, name: str, measures: Mapping[tuple[str, str], Mapping], families: Rows
) -> ClaimPart:
    row = measures.get((name, "worst_family"))
    part = ClaimPart(
        number="7",
        recipe=name,
        statement=f"After {name} the worst-off family of languages is better off.",
        quantity=(
            "Score of the worst family after the recipe, minus that of the worst without it: in"
            " each target the least mean of the families that have several languages there; mean"
            " over targets."
        ),
        reference="A question of this project; the study does not report families.",
        families=tuple(_changes(families)),
    )
    if row is None or row.get("change") is None:
        lacking = "two families with several languages each in one target, beside the baseline"
        return replace(part, missing=lacking)
    found = plain(row["verdict"])
    outcome = {FAIRER: SUPPORTED, LESS_FAIR: NOT_SUPPORTED}.get(found, NOT_ENOUGH)
    beside = [measures[name, other] for other in _BESIDE if (name, other) in measures]
    held = averaged(run.evidence.samples)
    used = [(target, name, NONE) for target in held if run.evidence.common_seeds(target, name)]
    return replace(
        part,
        value=row["change"],
        low=row["change_low"],
        high=row["change_high"],
        p=row["p"],
        p_adjusted=row.get("p_adjusted"),
        tests=row.get("tests"),
        adjusted_in=_MEASURES if row.get("p_adjusted") is not None else "",
        detectable=row.get("detectable"),
        verdict=outcome + row["verdict"].removeprefix(found),
        missing=missing(
            missing_targets(key for key, *_ in used), "" if run.evidence.has_items else NO_ITEMS
        ),
        basis=basis(run.evidence, used),
        measures=tuple(
            SupportingNumber(
                name=f"Change: {other['title']}",
                value=other["change"],
                low=other["change_low"],
                high=other["change_high"],
                p=other["p"],
            )
            for other in beside
            if other.get("change") is not None
        ),
    )


def _changes(families: Rows) -> Iterator[FamilyChange]:
    for row in families:
        yield FamilyChange(
            family=row["group"],
            languages=tuple(row["languages"]),
            targets=row["targets"],
            single=row["single"],
            value=row["value"],
            low=row["low"],
            high=row["high"],
            p=row["p"],
            outcome=row["verdict"],
        )
