"""The tables that say how robust and how fair transfer is: what the report is made of.

Scores, gains and gaps are in points (scale "points", 0 to 100) or chance-corrected, 100 (s - c) /
(100 - c) (scale "corrected", 0 at chance, 100 at best). A `target` of `EVERY` is the mean over
targets, each computed within its task first. Intervals are 95 %; `basis` says what they are over.
Everything with an interval comes from `inference.estimates`. `p` is of one statement alone,
`p_adjusted` holds for all `tests` statements of one family together, as each table says, and
verdicts are taken from it. A verdict that rests on the items of one seed ends in "in this run".
`detectable` is the smallest true value or change that this design calls with a probability of 80 %
(`inference.behrens_fisher`), as one of `tests` statements. `error` is the standard error,
`seeds_share` the part of its square that seeds give. Null means that there is no such number, never
zero.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

# Of a table: column to value.
Row = dict[str, Any]
# Column to its type.
Type = pl.DataType | type[pl.DataType]
Schema = Mapping[str, Type]

EVERY = ""
POINTS, CORRECTED = "points", "corrected"
SCORE, GAIN, GAP = "score", "gain", "gap"
LOSS_CHANGE = "change of loss"
LANGUAGE, BRANCH, FAMILY, ALL = "language", "branch", "family", "all"
ALL_LANGUAGES, ALL_FAMILIES = "all languages", "all families"
# XTREME's task score: the mean over all languages of a target, English among them.
WITH_ENGLISH = "with English"

GAINS, LOSES = "gains", "loses"
FAIRER, LESS_FAIR, BETTER, WORSE = "fairer", "less fair", "better", "worse"
GREATER, LESS = "greater", "less"


def _columns(kind: type[pl.DataType], *names: str) -> dict[str, Type]:
    """Columns of one type."""
    return dict.fromkeys(names, kind)


_CELL = _columns(pl.String, "encoder", "recipe", "target")
_GROUP = _columns(pl.String, "grouping", "group")
ESTIMATE = {
    **_columns(pl.Float64, "value", "low", "high", "error", "seeds_share", "p", "p_adjusted"),
    "tests": pl.Int64,
    **_columns(pl.String, "verdict", "basis"),
    "detectable": pl.Float64,
}

# A change and the statement on it.
CHANGE = {
    **_columns(pl.Float64, "change", "change_low", "change_high"),
    **_columns(pl.Float64, "p", "p_adjusted"),
    "tests": pl.Int64,
    "verdict": pl.String,
    "detectable": pl.Float64,
}

# One row an (encoder, recipe, target, group, quantity, scale). The group of grouping ALL is "all
# languages" (English left out, macro over languages), "all families" (macro over families) or
# "with English" (XTREME's task score: all languages of the target; in `EVERY` the mean of task
# scores). No gap has that group.
# quantity: score; gain over the baseline recipe; gap, English minus the group (none for
# retrieval). p and verdicts are on gains, p adjusted by Holm over the groups of one encoder,
# recipe, target, grouping and scale. low_languages, high_languages: the interval if other languages
# of the group had been taken, where it has enough of them. spread, best, worst: over its languages;
# of "all families" all five are over families. In `EVERY` a language differs from its group by the
# mean of its differences within targets. single: one language of a family or branch is all there is
# in the row's targets. with_collapsed: the value over all seeds, those among them that learnt
# nothing and are left out of `value`, on which the verdict rests; null where none is left out.
# design_effect: by how much the variance over items is greater because items share a passage, a
# premise or a document; mean over languages and targets. clusters: how many of these there are.
GROUPS: Schema = {
    **_CELL,
    **_GROUP,
    **_columns(pl.String, "scale", "quantity"),
    **ESTIMATE,
    **_columns(pl.Float64, "low_languages", "high_languages", "spread"),
    **_columns(pl.String, "best", "worst"),
    "languages": pl.List(pl.String),
    "unseen": pl.List(pl.String),
    **_columns(pl.Int64, "items", "clusters"),
    "design_effect": pl.Float64,
    "seeds": pl.Int64,
    "with_collapsed": pl.Float64,
    **_columns(pl.Int64, "collapsed_seeds", "targets"),
    "single": pl.Boolean,
}

# One row an (encoder, recipe, target, measure, scale). value, low, high: the measure itself.
# change and what follows: after the recipe minus the baseline's, over the seeds and targets that
# both have; null for the baseline. better: "greater" or "less". verdict: "fairer" or "less fair"
# ("better" or "worse" of means and utilities, which tell the level) or "not enough data to tell",
# p adjusted by Benjamini-Hochberg over the measures of one encoder, recipe, target and scale.
# basis: of the measure's interval. who: the language or family that a minimum names, in `EVERY` the
# one that it names in most targets.
FAIRNESS: Schema = {
    **_CELL,
    **_columns(pl.String, "measure", "title", "better", "scale"),
    **_columns(pl.Float64, "value", "low", "high"),
    **CHANGE,
    **_columns(pl.String, "basis", "change_basis", "who"),
}

# The same without suspect items, of targets that have any and of the mean over targets if these are
# among them; each is left out in the language in which it is suspect.
FAIRNESS_WITHOUT = FAIRNESS

# Negative transfer: one row an (encoder, recipe, target, grouping, group). grouping "language" and
# "family" with group "all": the share of languages or families that lose (`rate`), and of those
# that lose for certain (`strict`): p adjusted by Holm over all that are counted. grouping "family"
# with a family: the rate within it, over the rate overall (`ratio`), its share of all losses, and
# the p of its losing so much on average when families are permuted over languages, adjusted by Holm
# over the families of the row's encoder, recipe and target.
HARM: Schema = {
    **_CELL,
    **_GROUP,
    **_columns(pl.Int64, "harmed", "strictly", "count"),
    **_columns(pl.Float64, "rate", "strict", "ratio", "share_of_losses", "p", "p_adjusted"),
    "tests": pl.Int64,
    "verdict": pl.String,
    "single": pl.Boolean,
}

# One row an (encoder, recipe): mean over languages against the worst family of several languages,
# both corrected, over the targets that all recipes have.
PARETO: Schema = {
    **_columns(pl.String, "encoder", "recipe"),
    **_columns(pl.Float64, "mean", "mean_low", "mean_high", "worst", "worst_low", "worst_high"),
    "worst_family": pl.String,
    "front": pl.Boolean,
    "dominated_by": pl.List(pl.String),
}

# Of recipes between seeds. measure: "kendall_tau" (mean over pairs of seeds), "kendall_w", for each
# recipe "below_best" (name: the recipe; points below the observed best, with p adjusted by Holm
# over all pairs of recipes: what is not clearly below may be the best) and "spread_over_seeds"
# (name: the recipe; points).
STABILITY: Schema = {
    **_columns(pl.String, "encoder", "target", "measure", "name"),
    **ESTIMATE,
    **_columns(pl.Int64, "recipes", "seeds"),
}

# One row an (encoder, recipe, target, condition, group). clean, perturbed: corrected scores on the
# same items. quantity "drop": the relative drop (u_clean - u_perturbed) / u_clean in percent,
# undefined (null, with `why`) near chance; "loss": clean minus perturbed in points. change: after
# the recipe minus the baseline's, which p and verdict are on; those of the baseline are on its own
# loss. p is adjusted by Benjamini-Hochberg over all rows of one encoder, recipe and quantity.
PERTURBED: Schema = {
    **_CELL,
    "kind": pl.String,
    "strength": pl.Float64,
    **_GROUP,
    "quantity": pl.String,
    **_columns(pl.Float64, "clean", "perturbed", "value", "low", "high"),
    **CHANGE,
    **_columns(pl.String, "basis", "change_basis", "why"),
    "languages": pl.List(pl.String),
    **_columns(pl.Int64, "items", "seeds"),
}

# Parallel items, English against another language. rate: P(wrong in the language | right in
# English), mean over seeds, items resampled by cluster. expected (what it would be if languages
# were independent), reverse and kappa are of counts summed over seeds. mcnemar_p: a cluster of
# items counts once, for the language that is ahead in it on average over seeds.
PITFALLS: Schema = {
    **_CELL,
    **_GROUP,
    **_columns(pl.Float64, "rate", "low", "high", "expected", "reverse", "kappa", "mcnemar_p"),
    **CHANGE,
    **_columns(pl.String, "basis", "change_basis"),
    "languages": pl.List(pl.String),
    "pairs": pl.Int64,
    "single": pl.Boolean,
}

# The worst items: right in English, wrong in `language`. before: what the baseline made of the
# item in that language ("right", "wrong", "" unknown). share: of the task's languages in which the
# item is wrong, mean over seeds.
PITFALL_ITEMS: Schema = {
    **_CELL,
    **_columns(pl.String, "language", "family", "item", "before"),
    "share": pl.Float64,
    **_columns(pl.String, "english", "text", "gold", "prediction"),
}

# Whether items of a parallel target can be told to be wrong in one language, one row a target, of
# all encoders. respondents: runs (encoder, recipe, seed) that did not collapse. seen: of the items
# of a language, the share that would be listed if no run had them right. spread: median over
# languages of the standard deviation of usual shifts, in logits. why: nothing can be told, and
# nothing is listed; null where it can.
ITEM_CHECKS: Schema = {
    "target": pl.String,
    **_columns(pl.Int64, "respondents", "encoders", "languages", "items", "listed"),
    **_columns(pl.Float64, "seen", "spread"),
    "why": pl.String,
}

# Suspect items, one row a (target, language, item): harder in the language than elsewhere, for the
# runs of all encoders (`analysis.suspects`). probability: that the shift is a departure; on average
# a tenth of those listed are none. shift: by how much harder in logits, with its error. right,
# right_elsewhere: shares of runs that have it right, here and over the other languages.
# difficulties: in logits, in each of `languages`. prediction: of the first run that is wrong.
SUSPECT_ITEMS: Schema = {
    **_columns(pl.String, "target", "language", "family", "item"),
    **_columns(pl.Float64, "probability", "shift", "shift_error", "right", "right_elsewhere"),
    "languages": pl.List(pl.String),
    "difficulties": pl.List(pl.Float64),
    **_columns(pl.String, "english", "text", "gold", "prediction"),
}

# outcome: "score" (corrected), "gain", or "change of loss": by how many points more than the
# baseline a recipe loses where items are perturbed by `condition` (kind and strength, as
# "typos@0.1"; empty of the other outcomes); see `analysis.association`. p is adjusted by Holm
# over the recipes and outcomes of one encoder, method and predictor, where languages are enough;
# of changes of losses over the recipes and conditions.
ASSOCIATION: Schema = {
    **_columns(pl.String, "encoder", "recipe", "outcome", "condition", "method", "predictor"),
    **_columns(pl.Float64, "value", "low", "high", "p", "p_adjusted"),
    "tests": pl.Int64,
    **_columns(pl.String, "verdict", "basis"),
    "languages": pl.Int64,
    "note": pl.String,
}

# What the outcomes of a model over languages are of: `ASSOCIATION`.
_MODELLED = _columns(pl.String, "encoder", "recipe", "outcome", "condition", "target")

# What relatedness and places explain of an outcome over languages ("score", corrected, "gain", in
# points, or "change of loss", in points, above 0 where more is lost; of the last the mean over
# targets alone), one row an (encoder, recipe, outcome, condition, target, model):
# `analysis.relatedness`. condition: of which perturbed items a change of loss is; else empty.
# model: by what languages are expected to be alike: "tree", "places", "tree and places", or these
# with what is known of languages ("tree, places and predictors"). lambda_: the share of what sets
# languages apart that follows the tree (Pagel's lambda), with the interval of its profile;
# place_share: that which follows places, with the reach in km at which likeness by them has
# fallen to 37 %. independent_tree, independent: as how many independent languages those here
# count for a mean, if all follows the tree, and by the model. spread: the standard deviation over
# languages, noise (that which items and seeds give to a language's value) taken out. value, low,
# high: the mean over languages of which these are a sample, each family counting by how little it
# repeats itself; new_low, new_high: of a new language of a new family (95 %). kin_p: of kin being
# as alike as they are, if the tree had nothing to do with it. p, its adjusted one (Holm over the
# recipes and outcomes of one encoder, target and model, of changes of losses over the recipes and
# conditions) and the verdict: whether families differ by more than their descent explains;
# detectable: the standard deviation of shifts of families that would be told.
KINSHIP: Schema = {
    **_MODELLED,
    "model": pl.String,
    **_columns(pl.Int64, "languages", "families"),
    **_columns(pl.Float64, "independent_tree", "independent"),
    **_columns(pl.Float64, "lambda_", "lambda_low", "lambda_high", "place_share", "reach"),
    **_columns(pl.Float64, "spread", "noise", "log_likelihood"),
    **_columns(pl.Float64, "value", "low", "high", "new_low", "new_high", "kin_p"),
    **_columns(pl.Float64, "p", "p_adjusted"),
    "tests": pl.Int64,
    "verdict": pl.String,
    "detectable": pl.Float64,
    "note": pl.String,
}

# The profile of lambda: one row of a model of `KINSHIP` and a lambda that is not far less likely
# than the best. relative: log-likelihood less the greatest; weight: how much the lambda counts in
# what is told.
KINSHIP_PROFILE: Schema = {
    **_MODELLED,
    "model": pl.String,
    **_columns(pl.Float64, "lambda_", "relative", "weight"),
}

# What a new language would have, by the model with the tree: one row an (encoder, recipe,
# outcome, condition, target, family). It parts from the family's others where their first
# branches part. family: empty for a language of a new family. languages: those of the family that
# this rests on.
KINSHIP_NEW: Schema = {
    **_MODELLED,
    "family": pl.String,
    "languages": pl.Int64,
    **_columns(pl.Float64, "value", "low", "high"),
}

# The encoders in order after each recipe, one row an (encoder, recipe, target), of the targets that
# all encoders have: the mean over the languages other than English, in points, with its interval.
# place: from 1. letters: two encoders that share one cannot be told apart, p being adjusted by Holm
# over all pairs of encoders of the recipe and target (`analysis.ranking`).
ENCODERS: Schema = {
    **_CELL,
    "place": pl.Int64,
    **_columns(pl.Float64, "value", "low", "high"),
    "letters": pl.String,
    "seeds": pl.Int64,
}

# Cells all of whose seeds come from runs that learnt nothing; they are kept, since there is nothing
# else, and named.
COLLAPSED = dict(_CELL)

# What is known of each language that has a score: for figures that need no other file. macroarea
# and coordinates, in degrees, are Glottolog's; null of languages that are generated.
LANGUAGE_TABLE: Schema = {
    **_columns(pl.String, "language", "name", "family", "branch", "script", "glottolog_family"),
    "macroarea": pl.String,
    **_columns(pl.Float64, "latitude", "longitude"),
    "unseen": pl.Boolean,
    **_columns(pl.Float64, "distance", "pretraining_gib", "speakers"),
}

# How diverse the languages are that a mean is over, one row a (target, group, set of languages).
# languages, families: how many. with_features: languages whose syntactic features URIEL has.
# distance: mean over pairs of these, 1 minus the cosine of the features. entropy: of a feature's
# values over these in bits, the mean over features (Ploeger et al. 2024); both are null of fewer
# than two. members: the languages.
DIVERSITY: Schema = {
    **_columns(pl.String, "target", "group"),
    **_columns(pl.Int64, "languages", "families", "with_features"),
    **_columns(pl.Float64, "distance", "entropy"),
    "members": pl.List(pl.String),
}


# Name of each table to its columns.
TABLES: dict[str, Schema] = {
    "groups": GROUPS,
    "fairness": FAIRNESS,
    "harm": HARM,
    "pareto": PARETO,
    "stability": STABILITY,
    "perturbed": PERTURBED,
    "pitfalls": PITFALLS,
    "pitfall_items": PITFALL_ITEMS,
    "item_checks": ITEM_CHECKS,
    "suspect_items": SUSPECT_ITEMS,
    "fairness_without": FAIRNESS_WITHOUT,
    "association": ASSOCIATION,
    "kinship": KINSHIP,
    "kinship_profile": KINSHIP_PROFILE,
    "kinship_new": KINSHIP_NEW,
    "encoders": ENCODERS,
    "collapsed": COLLAPSED,
    "languages": LANGUAGE_TABLE,
    "diversity": DIVERSITY,
}


def or_null(value: float) -> float | None:
    """A number as it stands in a table, where there is no nan."""
    return float(value) if math.isfinite(value) else None


def table(rows: Sequence[Mapping[str, object]], schema: Schema) -> pl.DataFrame:
    """Rows as a table of this schema; columns that a row lacks are null."""
    names = list(schema)
    unknown = {name for row in rows for name in row} - set(names)
    if unknown:
        raise ValueError(f"no such columns: {sorted(unknown)}")
    return pl.DataFrame(
        [{name: row.get(name) for name in names} for row in rows], schema=dict(schema)
    )
