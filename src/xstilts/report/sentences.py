"""What the findings say, in plain sentences with their numbers.

Every statement is one that its interval carries: a verdict that holds for all rows of its table
together (`findings`). What carries none is named as not clear, and a family of which the run has
one language is spoken of as that language.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import polars as pl

from xstilts.analysis.findings import Findings
from xstilts.analysis.inference.adjust import IN_RUN, NOT_ENOUGH, plain
from xstilts.analysis.inference.draws import ITEMS, LANGUAGES, SEEDS
from xstilts.analysis.tables import (
    ALL,
    ALL_LANGUAGES,
    CORRECTED,
    EVERY,
    FAIRER,
    FAMILY,
    GAIN,
    GAINS,
    LANGUAGE,
    LESS_FAIR,
    LOSES,
    POINTS,
)
from xstilts.config.perturbations import KINDS
from xstilts.config.recipes import NONE
from xstilts.report.association_sentences import association_sentences
from xstilts.report.kinship_sentences import independent_ones, kinship_sentences
from xstilts.report.summary import (
    Certain,
    ReportSummary,
    Said,
    certainty,
    detectable,
    size,
    sure,
    unclear,
)
from xstilts.report.suspect_sentences import suspect_sentences
from xstilts.report.wording import counted, listed, within
from xstilts.rounding import fixed, signed

_Row = Mapping[str, Any]

# What sentences are about, as the sections of the page are headed that hold the numbers.
EVEN, FAMILIES, KIN, DISTANCES, ROBUST, WRONG = (
    "Mean and worst family",
    "Which families gain",
    "Languages are kin",
    "Gain and distance from English",
    "Perturbed texts",
    "Right in English, wrong elsewhere",
)

# More names than six in one sentence are counted.
_listed = partial(listed, most=6)
# Measures of evenness that are spoken of, in order; the first that has a verdict is.
_EVENNESS = ("gini", "spread", "family_gap")
# What an interval does not cover has to be said.
_WORST = (
    "; it is the worst of the families with several languages, found within each task, mean over"
    " tasks"
)
_BASES = {ITEMS: ", of one seed", LANGUAGES: ", over languages", SEEDS: ", over seeds alone"}
_ALL_BASES = {
    ITEMS: "One seed was run: all intervals are over its items, and say nothing of another seed.",
    LANGUAGES: "All intervals are over languages, since neither items nor seeds are known.",
    SEEDS: "All intervals are over seeds alone, since no items are known.",
}


def summary_of(findings: Findings) -> ReportSummary:
    """The summary of all encoders; its first sentences are never none."""
    encoders = findings["groups"]["encoder"].unique(maintain_order=True).to_list()
    if not encoders:
        return ReportSummary(
            first=("There are no scores in a language other than English: nothing can be said.",)
        )
    shown: list[tuple[str, Said]] = []
    for encoder in encoders:
        place = f"With {encoder}: " if len(encoders) > 1 else ""
        nothing = unclear("There is nothing to compare, and nothing to be said.")
        for heading, said in list(_Of(findings, encoder).messages()) or [("", nothing)]:
            lines = tuple(f"{place}{line}" for line in said.lines)
            shown.append((heading, replace(said, lines=lines)))
    return ReportSummary.of([*shown, *((WRONG, said) for said in suspect_sentences(findings))])


class _Of:
    """The findings of one encoder."""

    def __init__(self, findings: Findings, encoder: str) -> None:
        self._tables = {
            name: held.filter(encoder=encoder) if "encoder" in held.columns else held
            for name, held in findings.tables.items()
        }
        names = findings["languages"].select("language", "name")
        self._names = dict(names.iter_rows())
        groups = self._tables["groups"]
        ran = groups["recipe"].unique(maintain_order=True).to_list()
        self._recipes = [recipe for recipe in ran if recipe != NONE]
        self._compared = bool(self._recipes) and NONE in ran
        lost = self._tables["collapsed"].group_by("recipe").len()
        targets = groups.filter(pl.col("target") != EVERY)["target"].n_unique()
        self._lost = {recipe for recipe, count in lost.iter_rows() if count >= targets}
        bases = set(groups["basis"].drop_nulls()) - {""}
        # What holds for all intervals is said once.
        self._basis = bases.pop() if len(bases) == 1 else None

    def messages(self) -> Iterator[tuple[str, Said]]:
        """What can be said, most important first, each under its heading."""
        if self._basis in _ALL_BASES:
            yield "", Said((_ALL_BASES[self._basis],), Certain.FOR_ALL)
        compared = (
            (EVEN, self._mean),
            (EVEN, self._worst_family),
            (FAMILIES, self._families),
            (EVEN, self._evenness),
            (EVEN, self._harm),
            (KIN, self._kinship),
        )
        always = (
            (ROBUST, self._perturbed),
            (WRONG, self._pitfalls),
            (DISTANCES, self._association),
        )
        for heading, tell in (*(compared if self._compared else ()), *always):
            yield from ((heading, said) for said in tell())

    def _name(self, recipe: str) -> str:
        lost = " (whose runs all learnt nothing)" if recipe in self._lost else ""
        return f"`{recipe}`{lost}"

    def _interval(
        self, row: _Row, prefix: str = "", *, factor: float = 1, lowered: bool = False
    ) -> str:
        """The interval of a value, or, `lowered`, of by how much it is below 0."""
        low, high = (factor * row[f"{prefix}{side}"] for side in ("low", "high"))
        if lowered:
            low, high = -high, -low
        decimals = 1 if max(abs(low), abs(high)) >= 1 else 3
        basis = row[f"{prefix}basis"]
        shown = "" if basis == self._basis else _BASES.get(basis, "")
        return f"95 % {fixed(low, decimals)} to {fixed(high, decimals)}{shown}"

    def _rows(self, table: str, **where: Any) -> list[_Row]:
        held = self._tables[table].filter(**where)
        order = {recipe: place for place, recipe in enumerate([NONE, *self._recipes])}
        return sorted(held.iter_rows(named=True), key=lambda row: order.get(row["recipe"], -1))

    def _mean(self) -> Iterator[Said]:
        rows = self._rows(
            "groups", target=EVERY, grouping=ALL, group=ALL_LANGUAGES, quantity=GAIN, scale=POINTS
        )
        clear = [row for row in rows if plain(row["verdict"]) in (GAINS, LOSES)]
        if clear:
            what = f"the mean over {counted(len(rows[0]['languages']), 'language')}"
            what += independent_ones(self._tables["kinship"])
            yield from self._moved(what, clear, "value")
        yield from self._unclear([row for row in rows if row not in clear])

    def _moved(
        self, what: str, rows: Sequence[_Row], column: str, remark: str = ""
    ) -> Iterator[Said]:
        """Sentences on all recipes that raise or lower something, those of one seed apart."""
        prefix = "" if column == "value" else f"{column}_"
        for in_run in (False, True):
            held = [row for row in rows if row["verdict"].endswith(IN_RUN) == in_run]
            parts = [
                f"{self._name(row['recipe'])} {'raises' if row[column] > 0 else 'lowers'}"
                f" {what if number == 0 else 'it'} by {fixed(abs(row[column]))}"
                f"{' points' if number == 0 else ''}"
                f" ({self._interval(row, prefix, lowered=row[column] < 0)})"
                for number, row in enumerate(held)
            ]
            if parts:
                line = f"{'In this run, ' if in_run else ''}{_listed(parts)}{remark}."
                yield sure(line, held, column)

    def _unclear(self, rows: Sequence[_Row]) -> Iterator[Said]:
        if not rows:
            return
        shown = [
            f"{self._name(row['recipe'])} {signed(row['value'])}"
            + (f" ({self._interval(row)}{_as_one_of(row)})" if row["low"] is not None else "")
            for row in rows
        ]
        yield unclear(
            f"Not enough data to tell whether the mean over languages changes: {_listed(shown)}"
            f"{_seen(rows)}."
        )

    def _worst_family(self) -> Iterator[Said]:
        rows = self._rows("fairness", target=EVERY, measure="worst_family", scale=POINTS)
        changed = [row for row in rows if row["recipe"] != NONE and row["change"] is not None]
        clear = [row for row in changed if plain(row["verdict"]) in (FAIRER, LESS_FAIR)]
        yield from self._moved("the worst family", clear, "change", _WORST)
        rest = [row for row in changed if row not in clear]
        if rest:
            yield unclear(
                "Not enough data to tell whether the worst family is better or worse off after"
                f" {_listed(self._name(row['recipe']) for row in rest)}{_seen(rest)}."
            )
        if not changed:
            yield unclear(
                "Nothing can be said of a worst family: no task has two families of several"
                " languages each, beside the baseline."
            )

    def _families(self) -> Iterator[Said]:
        rows = self._rows("groups", target=EVERY, grouping=FAMILY, quantity=GAIN, scale=POINTS)
        for recipe in self._recipes:
            own = [row for row in rows if row["recipe"] == recipe]
            parts = []
            for verdict, verb in ((GAINS, "raises"), (LOSES, "lowers")):
                shown = [
                    f"{self._group(row)} by {fixed(abs(row['value']))}"
                    f" ({self._interval(row, lowered=row['value'] < 0)})"
                    for row in own
                    if plain(row["verdict"]) == verdict
                ]
                if shown:
                    parts.append(f"{verb} {_listed(shown)}")
            open_ = sum(row["verdict"] == NOT_ENOUGH for row in own)
            if parts:
                rest = f"; of {open_} more nothing is clear" if open_ else ""
                where = self._where(own)
                line = f"By family, {self._name(recipe)} {' and '.join(parts)}{where}{rest}."
                yield sure(line, [row for row in own if row["verdict"] != NOT_ENOUGH], "value")

    def _group(self, row: _Row) -> str:
        """A family, or the one language that it has here."""
        if row["single"]:
            (code,) = row["languages"]
            return f"{self._names.get(code, code)} (the only {row['group']} language here)"
        return f"{row['group']}"

    def _evenness(self) -> Iterator[Said]:
        rows = self._rows("fairness", target=EVERY, scale=CORRECTED)
        for recipe in self._recipes:
            own = {row["measure"]: row for row in rows if row["recipe"] == recipe}
            clear = [
                row
                for name in _EVENNESS
                if (row := own.get(name)) is not None
                and plain(row["verdict"]) in (FAIRER, LESS_FAIR)
            ]
            mean = own.get("mean_languages")
            if not clear or mean is None or mean["change"] is None:
                continue
            shown = [
                f"{within(row['title'])}"
                f" {'falls' if row['change'] < 0 else 'rises'} by"
                f" {fixed(abs(row['change']), 3 if row['measure'] == 'gini' else 1)}"
                f" ({self._interval(row, 'change_', lowered=row['change'] < 0)})"
                for row in clear
            ]
            sides = {plain(row["verdict"]) for row in clear}
            word = {FAIRER: "more even", LESS_FAIR: "less even"}
            how = " and in another way ".join(
                word[side] for side in (FAIRER, LESS_FAIR) if side in sides
            )
            line = (
                f"Scores are {how} over languages after {self._name(recipe)}{self._where(clear)}:"
                f" {_listed(shown)}, while their chance-corrected mean changes by"
                f" {signed(mean['change'])} ({self._interval(mean, 'change_')})."
            )
            yield sure(line, clear, "change")

    def _harm(self) -> Iterator[Said]:
        rows = self._rows("harm", target=EVERY, grouping=LANGUAGE, group=ALL)
        shown = [
            f"after {self._name(row['recipe'])} in {row['strictly']} of {row['count']}"
            for row in rows
            if row["strictly"]
        ]
        if shown:
            in_run = self._where(self._rows("groups"))
            line = f"A language loses for certain in a task{in_run}, {_listed(shown)} cases"
            line += " (p adjusted for all of these)."
            yield Said((line,), Certain.SURE_IN_RUN if in_run else Certain.SURE)
        elif rows and all(row["strictly"] is not None for row in rows):
            yield unclear("No language loses for certain in any task: no sure harm is seen.")

    def _perturbed(self) -> Iterator[Said]:
        rows = self._rows("perturbed", target=EVERY, grouping=ALL, quantity="loss", recipe=NONE)
        strongest: dict[str, _Row] = {}
        for row in rows:
            if plain(row["verdict"]) == LOSES:
                held = strongest.get(row["kind"])
                if held is None or row["strength"] > held["strength"]:
                    strongest[row["kind"]] = row
        if strongest:
            shown = [
                f"{within(KINDS[kind].wording.title)} at strength {row['strength']:g}"
                f" by {fixed(row['value'])} points ({self._interval(row)})"
                for kind, row in strongest.items()
            ]
            lost = list(strongest.values())
            line = (
                "Without intermediate training, perturbed inputs lower the mean over languages"
                f"{self._where(lost)}: {_listed(shown)}."
            )
            yield sure(line, lost, "value")
        # Who scores less has fewer points to lose, so that robustness is told by the share of them.
        changes = self._rows("perturbed", target=EVERY, grouping=ALL, quantity="drop")
        clear = [row for row in changes if row["verdict"] not in (None, NOT_ENOUGH)]
        shown = [
            f"{self._name(row['recipe'])} loses {fixed(abs(row['change']))} percentage points"
            f" {'more' if row['change'] > 0 else 'less'}"
            f" by {within(KINDS[row['kind']].wording.title)} at"
            f" {row['strength']:g} ({self._interval(row, 'change_', lowered=row['change'] < 0)})"
            for row in clear
        ]
        if shown:
            line = (
                "Of what is scored above chance, compared with the baseline"
                f"{self._where(clear)}, {_listed(shown)}."
            )
            yield sure(line, clear, "change")
        elif any(row["change"] is not None for row in changes):
            yield unclear(
                "Not enough data to tell whether intermediate training makes scores more or less"
                " robust to perturbed inputs."
            )
        elif self._compared and self._tables["perturbed"].is_empty():
            yield unclear("No perturbed inputs were scored: nothing can be said of robustness.")

    def _pitfalls(self) -> Iterator[Said]:
        rows = self._rows("pitfalls", target=EVERY, grouping=ALL)
        levels = [
            "Without intermediate training, of what is right in English"
            f" {fixed(100 * row['rate'])} % is wrong in another language"
            f" ({self._interval(row, factor=100)}; it would be"
            f" {fixed(100 * row['expected'])} % if languages were independent)."
            for row in rows
            if row["recipe"] == NONE and row["rate"] is not None and row["low"] is not None
        ]
        changed = [
            row
            for row in rows
            if row["change"] is not None and row["verdict"] not in (None, NOT_ENOUGH)
        ]
        for row in changed:
            lowered = row["change"] < 0
            levels.append(
                f"This share {'falls' if lowered else 'rises'} by"
                f" {fixed(100 * abs(row['change']))} points after {self._name(row['recipe'])}"
                f"{self._where([row])}"
                f" ({self._interval(row, 'change_', factor=100, lowered=lowered)})."
            )
        if levels:
            # Changes are of the share that is told first.
            certain = min((certainty(row) for row in changed), default=Certain.LEVEL)
            largest = max((size(row, "change") for row in changed), default=0.0)
            yield Said(tuple(levels), certain, largest)

    def _kinship(self) -> Iterator[Said]:
        return kinship_sentences(self._tables, self._name)

    def _association(self) -> Iterator[Said]:
        return association_sentences(self._tables["association"], self._name)

    def _where(self, rows: Sequence[_Row]) -> str:
        """Says that verdicts are on one run, where they are and it is not said at the start."""
        in_run = any((row["verdict"] or "").endswith(IN_RUN) for row in rows)
        return IN_RUN if in_run else ""


def _as_one_of(row: _Row) -> str:
    """Why a value whose own interval is clear of 0 has no verdict."""
    clear = row["low"] > 0 or row["high"] < 0
    return f", not clear as one of {row['tests']} statements" if clear and row["tests"] else ""


def _seen(rows: Sequence[_Row]) -> str:
    """What could have been seen, of rows with the smallest detectable effect."""
    sizes = detectable(rows)
    if sizes is None:
        return ""
    if not sizes:
        return "; no change that is possible would be seen in four of five such experiments"
    return (
        f"; a true change of {' to '.join(sizes)} points would be seen in four of five such"
        " experiments"
    )
