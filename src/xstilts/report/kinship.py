"""Kinship on the page of findings: lambda with its profile, the models, and new languages."""

from __future__ import annotations

from functools import partial

import polars as pl

from xstilts.analysis.findings import Findings
from xstilts.analysis.relatedness.profile import DROP
from xstilts.analysis.tables import EVERY, GAIN
from xstilts.report import plots
from xstilts.report.figure import MUTED, Figure, PlotView
from xstilts.report.plots import Names
from xstilts.report.table import (
    COUNT,
    NUMBER,
    RATIO,
    RATIO_CHANGE,
    TEXT,
    Column,
    P,
    Table,
    of_frame,
)
from xstilts.rounding import signed

_COLUMNS = "encoder recipe outcome target model lambda_ relative weight"
_HOVER = (
    "<b>{recipe}</b>, lambda {lambda_:.2f}<br>log-likelihood {relative:.2f} below the best"
    "<br>counts {weight:.2f} of all"
)
_CELL = (
    Column("encoder", "Encoder"),
    Column("target", "Target"),
    Column("recipe", "Recipe"),
    Column("outcome", "Outcome"),
    Column("condition", "Perturbed by"),
)
_LOSSES = (
    "changes of what perturbed inputs take away (points; above 0 more is lost, and who scores less"
    " has fewer to lose)"
)


def lambda_profile(profile: pl.DataFrame, names: Names) -> Figure | None:
    """The profile of lambda of each recipe's gains."""
    frame = profile.filter(outcome=GAIN)
    if frame.is_empty():
        return None
    return plots.figure(
        frame.sort(pl.col("target").ne(EVERY), maintain_order=True),
        names,
        partial(_view, names=names),
        ("encoder", "target", "model"),
        anchor="lambda-profile",
        caption=(
            "Which share of what sets the gains of languages apart follows the tree of languages"
            " (lambda): the log-likelihood of each share less that of the best one. Where a line is"
            f" above {signed(-DROP, 2)}, the share is within its 95 % interval; shares that are far"
            " less likely are not drawn."
        ),
        alt=(
            "Lines, one for each recipe: the share that follows the tree from left to right, its"
            " log-likelihood upwards, 0 at the best."
        ),
        columns=_COLUMNS,
        hover=_HOVER,
    )


def _view(frame: pl.DataFrame, names: Names) -> PlotView:
    traces = []
    for recipe, held in names.by_recipe(frame):
        mark = names.marks[recipe]
        traces.append(
            plots.points(
                held.sort("lambda_"),
                _COLUMNS,
                mark,
                x="lambda_",
                y="relative",
                name=names.recipe(recipe),
                mode="lines+markers",
                line={"color": mark.colour, "width": 1.5},
            )
        )
    return plots.view(
        traces,
        360,
        shapes=[plots.ground(-DROP, -DROP, line={"color": MUTED, "dash": "dot"})],
        xaxis={"title": {"text": "share that follows the tree"}, "range": [-0.03, 1.03]},
        yaxis={"title": {"text": "log-likelihood below the best"}},
    )


def kinship_table(findings: Findings, names: Names) -> Table | None:
    """The models over languages."""
    return of_frame(
        "kinship",
        "What kinship and nearness of languages explain of scores (corrected), gains (points) and"
        f" {_LOSSES}. The verdict is on whether families differ by more than the model explains; p"
        " is adjusted over the recipes and outcomes of one encoder, target and model, of changes of"
        " losses over the recipes and perturbations (Holm)",
        _means_first(findings["kinship"]),
        (
            *_CELL,
            Column("model", "Alike by"),
            Column("languages", "Languages", COUNT),
            Column("independent_tree", "Independent ones, if all follows the tree", NUMBER),
            Column("independent", "by the model", NUMBER),
            Column("lambda_", "Share that follows the tree", RATIO, ("lambda_low", "lambda_high")),
            Column("place_share", "Share that follows places", RATIO),
            Column("reach", "Reach, km", COUNT),
            Column("spread", "Spread over languages", NUMBER),
            Column("noise", "Noise of one", NUMBER),
            Column("value", "Mean of languages like these", NUMBER, ("low", "high")),
            Column("new_low", "A new language of a new family, 95 % from", NUMBER),
            Column("new_high", "to", NUMBER),
            Column("kin_p", "p of likeness of kin by chance", P),
            Column("p", "p of families", P),
            Column("p_adjusted", "p, adjusted", P),
            Column("tests", "Of how many", COUNT),
            Column("verdict", "Verdict"),
            Column("detectable", "Would be seen", NUMBER),
            Column("note", "Note", TEXT),
        ),
        names,
    )


def new_languages_table(findings: Findings, names: Names) -> Table | None:
    """What a new language of each family would have."""
    frame = _means_first(findings["kinship_new"])
    known = pl.when(pl.col("family") == "").then(pl.lit("a new family")).otherwise("family")
    return of_frame(
        "new-languages",
        "What a new language would have, by the model with the tree, without the noise of"
        f" measuring it: corrected scores, gains in points, {_LOSSES}",
        frame.with_columns(family=known),
        (
            *_CELL,
            Column("family", "A language of"),
            Column("languages", "Languages here", COUNT),
            Column("value", "Expected", RATIO_CHANGE, ("low", "high")),
        ),
        names,
    )


def _means_first(frame: pl.DataFrame) -> pl.DataFrame:
    """Rows of the mean over targets first; without a perturbation there is none to name."""
    order = pl.col("target").ne(EVERY)
    return frame.sort(order, maintain_order=True).with_columns(perturbation())


def perturbation() -> pl.Expr:
    """The column `condition`, null where nothing is perturbed."""
    return pl.when(pl.col("condition").ne("")).then("condition").alias("condition")
