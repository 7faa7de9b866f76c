"""The tables that say how robust and how fair transfer is: what the report is made of.

Scores, gains and gaps are in points (scale "points", 0 to 100) or chance-corrected, 100 (s - c) /
(100 - c) (scale "corrected", 0 at chance, 100 at best). A `target` of `EVERY` is the mean over
targets, each computed within its task first. Intervals are 95 %; `basis` says what they are over.
`p_adjusted` holds for all rows of one family of tests together, as each table says. Null means
that there is no such number, never zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from xstilts.files import atomic_path

# Column to its type.
Schema = Mapping[str, pl.DataType | type[pl.DataType]]

EVERY = ""
POINTS, CORRECTED = "points", "corrected"
SCORE, GAIN, GAP = "score", "gain", "gap"
LANGUAGE, BRANCH, FAMILY, ALL = "language", "branch", "family", "all"
ALL_LANGUAGES, ALL_FAMILIES = "all languages", "all families"

# Below this an adjusted p is a verdict.
LEVEL = 0.05

GAINS, LOSES, NOT_ENOUGH = "gains", "loses", "not enough data to tell"
FAIRER, LESS_FAIR, BETTER, WORSE = "fairer", "less fair", "better", "worse"
GREATER, LESS = "greater", "less"

# basis of an interval
ITEMS_AND_SEEDS, ITEMS, SEEDS, LANGUAGES = "items and seeds", "items", "seeds", "languages"

_CELL = {"encoder": pl.String, "recipe": pl.String, "target": pl.String}
_GROUP = {"grouping": pl.String, "group": pl.String}
ESTIMATE = {
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "p": pl.Float64,
    "p_adjusted": pl.Float64,
    "verdict": pl.String,
    "basis": pl.String,
}

# One row an (encoder, recipe, target, group, quantity, scale). The group of grouping ALL is "all
# languages" (English left out, macro over languages) or "all families" (macro over families).
# quantity: score; gain over the baseline recipe; gap, English minus the group (none for
# retrieval). p and verdicts are on gains, p adjusted by Holm over the groups of one encoder,
# recipe, target, grouping and scale. low_languages, high_languages: the interval if other languages
# of the group had been taken, where it has enough of them. spread, best, worst: over its languages;
# of "all families" all five are over families. In `EVERY` a language differs from its group by the
# mean of its differences within targets. single: one language of a family or branch is all there is
# in the row's targets.
GROUPS = {
    **_CELL,
    **_GROUP,
    "scale": pl.String,
    "quantity": pl.String,
    **ESTIMATE,
    "low_languages": pl.Float64,
    "high_languages": pl.Float64,
    "spread": pl.Float64,
    "best": pl.String,
    "worst": pl.String,
    "languages": pl.List(pl.String),
    "unseen": pl.List(pl.String),
    "items": pl.Int64,
    "seeds": pl.Int64,
    "targets": pl.Int64,
    "single": pl.Boolean,
}

# One row an (encoder, recipe, target, measure, scale). value, low, high: the measure itself.
# change and what follows: after the recipe minus the baseline's, over the seeds and targets that
# both have; null for the baseline. better: "greater" or "less". verdict: "fairer" or "less fair"
# ("better" or "worse" of means and utilities, which tell the level) or "not enough data to tell",
# p adjusted by Benjamini-Hochberg over the measures of one encoder, recipe, target and scale.
# basis: of the measure's interval. who: the language or family that a minimum names, in `EVERY` the
# one that it names in most targets.
FAIRNESS = {
    **_CELL,
    "measure": pl.String,
    "title": pl.String,
    "better": pl.String,
    "scale": pl.String,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "change": pl.Float64,
    "change_low": pl.Float64,
    "change_high": pl.Float64,
    "p": pl.Float64,
    "p_adjusted": pl.Float64,
    "verdict": pl.String,
    "basis": pl.String,
    "change_basis": pl.String,
    "who": pl.String,
}

# Negative transfer: one row an (encoder, recipe, target, grouping, group). grouping "language" and
# "family" with group "all": the share of languages or families that lose (`rate`), and of those
# whose whole interval is below 0 (`strict`). grouping "family" with a family: the rate within it,
# over the rate overall (`ratio`), its share of all losses and the p of that share under permuted
# families.
HARM = {
    **_CELL,
    **_GROUP,
    "harmed": pl.Int64,
    "strictly": pl.Int64,
    "count": pl.Int64,
    "rate": pl.Float64,
    "strict": pl.Float64,
    "ratio": pl.Float64,
    "share_of_losses": pl.Float64,
    "p": pl.Float64,
    "single": pl.Boolean,
}

# One row an (encoder, recipe): mean over languages against the worst family of several languages,
# both corrected, over the targets that all recipes have.
PARETO = {
    "encoder": pl.String,
    "recipe": pl.String,
    "mean": pl.Float64,
    "mean_low": pl.Float64,
    "mean_high": pl.Float64,
    "worst": pl.Float64,
    "worst_low": pl.Float64,
    "worst_high": pl.Float64,
    "worst_family": pl.String,
    "front": pl.Boolean,
    "dominated_by": pl.List(pl.String),
}

# Of recipes between seeds. measure: "kendall_tau" (mean over pairs of seeds), "kendall_w",
# "best_stays_best" (name: the best recipe), and for each recipe "spread_over_seeds" (name: the
# recipe; points).
STABILITY = {
    "encoder": pl.String,
    "target": pl.String,
    "measure": pl.String,
    "name": pl.String,
    "value": pl.Float64,
    "recipes": pl.Int64,
    "seeds": pl.Int64,
}

# One row an (encoder, recipe, target, condition, group). clean, perturbed: corrected scores on the
# same items. quantity "drop": the relative drop (u_clean - u_perturbed) / u_clean in percent,
# undefined (null, with `why`) near chance; "loss": clean minus perturbed in points. change: after
# the recipe minus the baseline's.
PERTURBED = {
    **_CELL,
    "kind": pl.String,
    "strength": pl.Float64,
    **_GROUP,
    "quantity": pl.String,
    "clean": pl.Float64,
    "perturbed": pl.Float64,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "change": pl.Float64,
    "change_low": pl.Float64,
    "change_high": pl.Float64,
    "p": pl.Float64,
    "p_adjusted": pl.Float64,
    "verdict": pl.String,
    "basis": pl.String,
    "change_basis": pl.String,
    "why": pl.String,
    "languages": pl.List(pl.String),
    "items": pl.Int64,
    "seeds": pl.Int64,
}

# Parallel items, English against another language, counts summed over seeds. rate: P(wrong in the
# language | right in English), with what it would be if languages were independent (`expected`).
PITFALLS = {
    **_CELL,
    **_GROUP,
    "rate": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "expected": pl.Float64,
    "reverse": pl.Float64,
    "kappa": pl.Float64,
    "mcnemar_p": pl.Float64,
    "change": pl.Float64,
    "change_low": pl.Float64,
    "change_high": pl.Float64,
    "p": pl.Float64,
    "p_adjusted": pl.Float64,
    "verdict": pl.String,
    "basis": pl.String,
    "change_basis": pl.String,
    "languages": pl.List(pl.String),
    "pairs": pl.Int64,
    "single": pl.Boolean,
}

# The worst items: right in English, wrong in `language`. before: what the baseline made of the
# item in that language ("right", "wrong", "" unknown). share: of the task's languages in which the
# item is wrong, mean over seeds.
PITFALL_ITEMS = {
    **_CELL,
    "language": pl.String,
    "family": pl.String,
    "item": pl.String,
    "before": pl.String,
    "share": pl.Float64,
    "english": pl.String,
    "text": pl.String,
    "gold": pl.String,
    "prediction": pl.String,
}

# outcome: "score" (corrected) or "gain"; see `analysis.association`.
ASSOCIATION = {
    "encoder": pl.String,
    "recipe": pl.String,
    "outcome": pl.String,
    "method": pl.String,
    "predictor": pl.String,
    "value": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
    "p": pl.Float64,
    "languages": pl.Int64,
    "note": pl.String,
}

# Cells all of whose seeds come from runs that learnt nothing; they are kept, since there is nothing
# else, and named.
COLLAPSED = dict(_CELL)

# What is known of each language that has a score: for figures that need no other file.
LANGUAGE_TABLE = {
    "language": pl.String,
    "name": pl.String,
    "family": pl.String,
    "branch": pl.String,
    "script": pl.String,
    "glottolog_family": pl.String,
    "unseen": pl.Boolean,
    "distance": pl.Float64,
    "pretraining_gib": pl.Float64,
    "speakers": pl.Float64,
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
    "association": ASSOCIATION,
    "collapsed": COLLAPSED,
    "languages": LANGUAGE_TABLE,
}


@dataclass(frozen=True, kw_only=True)
class Findings:
    """The tables by name (`TABLES`); one that the data do not allow is empty, and `notes` say why.

    Every table of `TABLES` is there; `of` makes up for those that are not given.
    """

    tables: Mapping[str, pl.DataFrame]
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, notes: Iterable[str] = (), **tables: pl.DataFrame) -> Findings:
        """Findings with empty tables where none is given.

        Raises:
            ValueError: an unknown table, or one with other columns than `TABLES` says.
        """
        for name, held in tables.items():
            if name not in TABLES or dict(held.schema) != dict(pl.Schema(TABLES[name])):
                raise ValueError(f"no table {name} with the columns {held.columns}")
        return cls(
            tables={name: tables.get(name, table([], schema)) for name, schema in TABLES.items()},
            notes=tuple(notes),
        )

    def __getitem__(self, name: str) -> pl.DataFrame:
        """A table by name."""
        return self.tables[name]

    def write(self, folder: str | Path) -> None:
        """Write one Parquet file a table and `notes.txt` into a new folder, atomically."""
        with atomic_path(folder) as part:
            part.mkdir()
            for name, held in self.tables.items():
                held.write_parquet(part / f"{name}.parquet")
            (part / "notes.txt").write_text("".join(f"{note}\n" for note in self.notes), "utf-8")

    @classmethod
    def read(cls, folder: str | Path) -> Findings:
        """What `write` has written."""
        folder = Path(folder)
        tables = {name: pl.read_parquet(folder / f"{name}.parquet") for name in TABLES}
        return cls.of((folder / "notes.txt").read_text("utf-8").splitlines(), **tables)


def table(rows: Sequence[Mapping[str, object]], schema: Schema) -> pl.DataFrame:
    """Rows as a table of this schema; columns that a row lacks are null."""
    names = list(schema)
    unknown = {name for row in rows for name in row} - set(names)
    if unknown:
        raise ValueError(f"no such columns: {sorted(unknown)}")
    return pl.DataFrame(
        [{name: row.get(name) for name in names} for row in rows], schema=dict(schema)
    )
