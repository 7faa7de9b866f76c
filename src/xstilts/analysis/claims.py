"""The study's claims, each with a verdict that is computed from this run.

The claims are those of Phang et al. 2020 (arXiv 2005.13013) and this project's own question. A
quantity is chosen for each part such that the claim says "above 0" (4b: "not above 0").

Verdicts, from the 95 % interval of the quantity:
    supported: the lower limit is above 0 (4b: the upper limit is not above 0);
    not supported: the upper limit is below 0 (4b: the lower limit is above 0);
    not enough data to tell: neither, or there are no items to resample;
    not testable: recipes, targets or languages are missing; `missing` names them.
"The greatest" and "the least" of several recipes or families are taken inside each draw; see
`estimates.greatest` for why their intervals are not those of single quantities.

Like is compared with like: two recipes over the targets of XTREME's nine that both have, two
targets over the recipes that both have.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from xstilts.analysis.choice_claims import alternatives, best_per_target
from xstilts.analysis.evidence import Evidence
from xstilts.analysis.families import family_part
from xstilts.analysis.gain_claims import (
    best_single_tasks,
    multi_task,
    tydiqa,
    untrained_targets,
    xnli,
)
from xstilts.analysis.inference.estimates import holm
from xstilts.analysis.parts import Part, facts
from xstilts.analysis.run import Run
from xstilts.analysis.selection import Development
from xstilts.languages import Language
from xstilts.recipes import NONE


def claim_parts(
    evidence: Evidence,
    *,
    recipes: Mapping[str, Mapping[str, object]],
    languages: Mapping[str, Language],
    development: Mapping[str, Development],
) -> list[Part]:
    """Every part of every claim, in order, for one encoder.

    Args:
        recipes: name to `tasks`, `languages` and `mlm`, in the experiment's order.
        languages: of the data source, by code.
        development: target to what its recipe is chosen by, on English development data
            (`selection.Table.of`).
    """
    run = Run(evidence=evidence, recipes=facts(recipes), development=development)
    parts = [
        *best_single_tasks(run),
        multi_task(run),
        *untrained_targets(run),
        tydiqa(run),
        xnli(run),
        best_per_target(run),
        *alternatives(run),
        *(
            family_part(evidence, name, languages)
            for name in run.recipes
            if name != NONE and run.gains(name)
        ),
    ]
    tested = [place for place, part in enumerate(parts) if part.p is not None]
    adjusted = holm([parts[place].p or 0.0 for place in tested])
    for place, p_value in zip(tested, adjusted, strict=True):
        parts[place] = replace(parts[place], p_holm=p_value)
    return parts
