"""The five most telling numbers of a run, a plain sentence each.

Scores, gains, families and verdicts are those of the findings; nothing is estimated or averaged
over targets here. Only English beside the baselines is read off the tables of scores. Each sentence
names what it rests on, and says what is not known where scores are missing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import polars as pl

from xstilts.analysis.findings import Findings
from xstilts.analysis.inference.adjust import IN_RUN, NOT_ENOUGH, plain
from xstilts.analysis.stability import BELOW_BEST, CLEARLY_BELOW
from xstilts.analysis.tables import ALL, EVERY, FAMILY, GAIN, POINTS, SCORE, WITH_ENGLISH
from xstilts.config.experiment import BASELINE
from xstilts.config.languages import Language
from xstilts.config.tasks import SOURCE_LANGUAGE, TARGETS, XTREME, averaged
from xstilts.report.wording import counted, listed, title
from xstilts.rounding import fixed, signed
from xstilts.scoring.averages import summarise
from xstilts.scoring.best_baseline import CLEAR, best_baseline, main_scores
from xstilts.scoring.item_counts import CLEAN

# A row of a table of findings.
_Row = Mapping[str, Any]


def headline(
    scores: pl.DataFrame,
    baselines: pl.DataFrame | None,
    languages: Mapping[str, Language],
    findings: Findings,
) -> list[str]:
    """Five sentences on the first encoder's clean scores, on the test split if there is one.

    In order: English against the best baseline of each trained target; the family of the
    source language and the worst family; the overall score; the recipes with the greatest
    and the smallest mean gain; what the first of them did to retrieval and to the worst family.
    The first three are of the recipe `none`, or of the first recipe where that was not run.

    Args:
        scores: columns of `schemas.SCORES`, values in points.
        baselines: columns of `schemas.BASELINES`, None where none were computed.
        languages: the languages of the data source, by code.
        findings: of the same scores.

    Raises:
        XstiltsError: the table is not a table of scores, or nothing in it is clean.
    """
    run = _Subject.of(scores.filter(condition=CLEAN), baselines, languages, findings)
    sentences = [
        _against_baselines(run),
        _by_family(run),
        _overall(run),
        _gains(run),
        _side_effects(run),
    ]
    several = scores["encoder"].n_unique() > 1
    return [f"{run.encoder}: {sentence}" if several else sentence for sentence in sentences]


@dataclass(frozen=True, kw_only=True)
class _Subject:
    """What the sentences are about: one encoder and split; `recipe` is the one described.

    Attributes:
        english: target to the English score of `recipe`, mean over seeds.
        averaged: the targets over which means are (`config.tasks.averaged`).
        tables: name to the rows of this encoder, of `groups` those in points.
    """

    encoder: str
    recipe: str
    recipes: Sequence[str]
    english: Mapping[str, float]
    averaged: tuple[str, ...]
    baselines: Mapping[tuple[str, str], dict[str, float]]
    languages: Mapping[str, Language]
    tables: Mapping[str, pl.DataFrame]

    @staticmethod
    def of(
        clean: pl.DataFrame,
        baselines: pl.DataFrame | None,
        languages: Mapping[str, Language],
        findings: Findings,
    ) -> _Subject:
        summary = summarise(clean)
        encoder = clean["encoder"][0]
        split = "test" if "test" in clean["split"] else clean["split"][0]
        ran = clean.filter(encoder=encoder, split=split)
        recipes = ran["recipe"].unique(maintain_order=True).to_list()
        recipe = BASELINE if BASELINE in recipes else recipes[0]
        english = summary.averages.filter(
            encoder=encoder, split=split, recipe=recipe, quantity="english"
        )
        known = dict(english.select("name", "mean").iter_rows())
        names = ("groups", "fairness", "stability")
        tables = {name: findings[name].filter(encoder=encoder) for name in names}
        for name in ("groups", "fairness"):
            tables[name] = tables[name].filter(scale=POINTS)
        return _Subject(
            encoder=encoder,
            recipe=recipe,
            recipes=recipes,
            english={key: known[key] for key in averaged(ran["target"]) if key in known},
            averaged=averaged(ran["target"]),
            baselines={} if baselines is None else main_scores(baselines, encoder, split),
            languages=languages,
            tables=tables,
        )

    def rows(self, table: str, **where: str) -> Sequence[_Row]:
        """The rows of a table that have these values."""
        return self.tables[table].filter(**where).to_dicts()

    def task_score(self, quantity: str, recipe: str, target: str = EVERY) -> _Row | None:
        """A recipe's task score or its gain, the mean over targets if none is named."""
        place = {"grouping": ALL, "group": WITH_ENGLISH, "quantity": quantity}
        return next(iter(self.rows("groups", **place, recipe=recipe, target=target)), None)

    def worst_family(self, recipe: str) -> _Row | None:
        """The worst family, mean over targets."""
        place = {"measure": "worst_family", "recipe": recipe, "target": EVERY}
        return next(iter(self.rows("fairness", **place)), None)

    def gains(self) -> dict[str, _Row]:
        """Recipe to its mean gain, in the order of recipes."""
        found = {recipe: self.task_score(GAIN, recipe) for recipe in self.recipes}
        return {recipe: row for recipe, row in found.items() if row is not None}


def _against_baselines(run: _Subject) -> str:
    if not run.english:
        return "No trained target has an English score, so nothing is compared with the baselines."
    found = {target: best_baseline(run.baselines, target) for target in run.english}
    best_baselines = {target: each for target, each in found.items() if each}
    if not best_baselines:
        return (
            f"In English, {run.recipe} scores {fixed(fmean(run.english.values()))} on average over"
            f" {counted(len(run.english), 'trained target')}; no baselines were run, so how much of"
            " it a shortcut would reach is not known."
        )
    compared = {target: run.english[target] for target in best_baselines}
    clear = sum(best_baselines[target].is_beaten_by(score) for target, score in compared.items())
    return (
        f"In English, {run.recipe} scores {fixed(fmean(compared.values()))} on average over"
        f" {counted(len(compared), 'trained target')}, the best baseline of each"
        f" {fixed(fmean(each.value for each in best_baselines.values()))};"
        f" above it by {fixed(CLEAR)} points or more: {clear} of {len(compared)}."
    )


def _by_family(run: _Subject) -> str:
    worst = run.worst_family(run.recipe)
    own = run.languages[SOURCE_LANGUAGE].family if SOURCE_LANGUAGE in run.languages else ""
    place = {"grouping": FAMILY, "group": own, "quantity": SCORE, "target": EVERY}
    source = next(iter(run.rows("groups", **place, recipe=run.recipe)), None)
    if worst is None and source is None:
        return (
            "No target has two families of several languages or a further language of English's"
            " family, so transfer by family is not known."
        )
    scored, rest = [], ""
    if source is None:
        rest = "; English's own family has no further language"
    else:
        about = f"{own} without English, {_over(source['targets'])}"
        scored.append(("English's own family", source, about))
    if worst is None:
        rest = "; no target has two families of several languages, so no worst family is known"
    else:
        rows = run.rows("fairness", measure="worst_family", recipe=run.recipe)
        targets = sum(row["target"] in run.averaged for row in rows)
        most = "most often " if targets > 1 else ""
        scored.append(("the worst family", worst, f"{most}{worst['who']}, {_over(targets)}"))
    parts = [
        f"{name} {'' if number else 'scores '}{fixed(row['value'])}"
        f" ({about}{_interval(row, before='; ')})"
        for number, (name, row, about) in enumerate(scored)
    ]
    after = "Without intermediate training" if run.recipe == BASELINE else f"After {run.recipe}"
    return f"{after}, {' and '.join(parts)}{rest}."


def _overall(run: _Subject) -> str:
    row = run.task_score(SCORE, run.recipe)
    if set(run.averaged) <= set(XTREME):
        lacking = f"No overall score, because not all {len(XTREME)} targets have a score"
    else:
        lacking = "No overall score, because none of these targets is XTREME's"
    if row is None:
        return f"{lacking}."
    if run.averaged == tuple(XTREME) and row["targets"] == len(XTREME):
        return (
            f"The overall score of {run.recipe}, the mean of all {len(XTREME)} task scores, is"
            f" {fixed(row['value'])}{_interval(row, before=' (', after=')')}."
        )
    tasks = [target for target in run.averaged if run.task_score(SCORE, run.recipe, target)]
    names = ", ".join(title(target) for target in tasks)
    return (
        f"{lacking}; over {names}, {run.recipe} scores {fixed(row['value'])} on average"
        f"{_interval(row, before=' (', after=')')}."
    )


def _gains(run: _Subject) -> str:
    if BASELINE not in run.recipes:
        return f"The recipe {BASELINE} was not run, so no gains are known."
    if list(run.recipes) == [BASELINE]:
        return f"Only the recipe {BASELINE} was run, so nothing is known of intermediate training."
    gains = run.gains()
    if not gains:
        return f"The recipes have no target and seed in common with {BASELINE}: no gains are known."
    best, least = _best(gains), min(gains, key=lambda recipe: gains[recipe]["value"])
    if len(gains) == 1:
        return (
            f"The only intermediate training that was run, {best}, changes the score of"
            f" {BASELINE} by {_change(gains[best], 'value', 'points', targets=True)}."
        )
    same = gains[best]["targets"] == gains[least]["targets"]
    if gains[best]["value"] < 0:
        first = f"None of {len(gains)} recipes gains over {BASELINE}: {best} loses least,"
        last = f"and {least} most,"
    else:
        first = f"Of {len(gains)} recipes {best} gains most over {BASELINE},"
        last = f"and {least} least,"
    return (
        f"{first} {_change(gains[best], 'value', 'points', targets=True)}, {last}"
        f" {_change(gains[least], 'value', targets=not same)}.{_whether_best(run, best)}"
    )


def _best(gains: Mapping[str, _Row]) -> str:
    return max(gains, key=lambda recipe: gains[recipe]["value"])


def _whether_best(run: _Subject, best: str) -> str:
    """Which recipes may truly have the highest mean over languages, by `tables.STABILITY`."""
    below = {
        row["name"]: row["verdict"]
        for row in run.rows("stability", target=EVERY, measure=BELOW_BEST)
    }
    ranked = [
        row["name"] for row in run.rows("stability", target=EVERY, measure="spread_over_seeds")
    ]
    if not below:
        return ""
    candidates = [name for name in ranked if plain(below.get(name)) != CLEARLY_BELOW]
    in_run = IN_RUN if any((said or "").endswith(IN_RUN) for said in below.values()) else ""
    if len(candidates) == 1:
        top = "it" if candidates == [best] else _name(candidates[0])
        return f" By the mean over languages, all others are below {top}{in_run}."
    if best not in candidates:
        may = listed([_name(name) for name in candidates], "or")
        return f" By the mean over languages, English left out, {may} may be the best."
    others = listed([_name(name) for name in candidates if name != best], "or")
    return f" Whether {best} is truly the best or {others} is, there is {NOT_ENOUGH}."


def _side_effects(run: _Subject) -> str:
    gains = run.gains()
    if not gains:
        return "What intermediate training does to retrieval and to the worst family is not known."
    best = _best(gains)
    changes = {title(target): row for target, row in _retrieval(run, best)}
    lacking = [] if changes else ["retrieval"]
    worst = run.worst_family(best)
    if worst is None or worst["change"] is None:
        lacking.append("the worst family")
    else:
        changes["the worst family"] = worst
    unknown = f"what happens to {listed(lacking, 'and to')} is not known" if lacking else ""
    if not changes:
        return f"After {best}, {unknown}."
    parts = [
        f"{name} {'changes ' if number == 0 else ''}by"
        f" {_change(row, 'change' if 'change' in row else 'value', 'points' * (number == 0))}"
        for number, (name, row) in enumerate(changes.items())
    ]
    return f"After {best}, {listed(parts, 'and')}{'; ' * bool(unknown)}{unknown}."


def _retrieval(run: _Subject, recipe: str) -> Iterator[tuple[str, _Row]]:
    for target in run.averaged:
        row = run.task_score(GAIN, recipe, target)
        if TARGETS[target].facts.embedded and row is not None:
            yield target, row


def _change(row: _Row, name: str, unit: str = "", *, targets: bool = False) -> str:
    """A change with its interval and verdict, and over how many targets it is."""
    prefix = "" if name == "value" else f"{name}_"
    shown = f"{signed(row[name])} {unit}".rstrip()
    over = f" {_over(row['targets'])}" if targets else ""
    interval = _interval(row, prefix, after="; ") or "no interval; "
    # An interval is of one statement alone, a verdict of several.
    low, high = row[f"{prefix}low"] or 0, row[f"{prefix}high"] or 0
    alone = row["verdict"] == NOT_ENOUGH and (low > 0 or high < 0)
    of = f" as one of {row['tests']} statements" if alone else ""
    return f"{shown}{over} ({interval}{row['verdict']}{of})"


def _over(targets: int) -> str:
    return "in 1 target" if targets == 1 else f"on average over {targets} targets"


def _interval(row: _Row, prefix: str = "", *, before: str = "", after: str = "") -> str:
    """The interval with words around it; empty where there is none."""
    low, high = row[f"{prefix}low"], row[f"{prefix}high"]
    if low is None or high is None:
        return ""
    write = fixed if not prefix and row.get("quantity") != GAIN else signed
    return f"{before}95 % {write(low)} to {write(high)}{after}"


def _name(recipe: str) -> str:
    return f"the baseline {recipe}" if recipe == BASELINE else recipe
