"""The findings that a headline is made of, from tables of scores, without the slow rest."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from xstilts.analysis.fairness.rows import fairness_rows
from xstilts.analysis.findings import Findings
from xstilts.analysis.groups import group_rows
from xstilts.analysis.inputs.evidence import evidence_of_scores
from xstilts.analysis.inputs.items import CLEAN
from xstilts.analysis.inputs.panel import Panel
from xstilts.analysis.stability import stability_rows
from xstilts.analysis.tables import TABLES, table
from xstilts.config.languages import Language
from xstilts.config.recipes import NONE


def findings_of(
    scores: pl.DataFrame, languages: Mapping[str, Language], draws: int = 300
) -> Findings:
    """Groups, fairness and stability of the clean scores, on the test split if there is one."""
    clean = scores.filter(condition=CLEAN)
    split = "test" if "test" in clean["split"] else "dev"
    names = clean["recipe"].unique(maintain_order=True).to_list()
    recipes = tuple(sorted(names, key=lambda recipe: recipe != NONE))
    rows: dict[str, list[dict]] = {"groups": [], "fairness": [], "stability": []}
    for each in evidence_of_scores(clean, recipes=recipes, split=split, draws=draws):
        panel = Panel(evidence=each, recipes=recipes, languages=languages)
        groups = group_rows(panel)
        rows["groups"] += groups
        rows["fairness"] += fairness_rows(panel, {}, groups)
        rows["stability"] += stability_rows(panel)
    return Findings.of(**{name: table(held, TABLES[name]) for name, held in rows.items()})
