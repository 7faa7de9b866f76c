"""The five most telling numbers of a run, a plain sentence each.

They are read off the tables of scores, name what they rest on, and say what is not known where
scores are missing. None of them claims that a difference is more than chance.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import fmean

import polars as pl

from xstilts.config import BASELINE
from xstilts.item_counts import CLEAN
from xstilts.languages import Language
from xstilts.report.cells import points, signed, title
from xstilts.rivals import CLEAR, main_scores, rival
from xstilts.summary import OVERALL, Summary, summarise
from xstilts.tasks import SOURCE_LANGUAGE, XTREME, Kind


def headline(
    scores: pl.DataFrame,
    baselines: pl.DataFrame | None,
    languages: Mapping[str, Language],
) -> list[str]:
    """Five sentences on the first encoder's clean scores, on the test split if there is one.

    In order: English against the best baseline of each trained target; the family of the
    source language against the worst family; the overall score; the recipes with the greatest
    and the smallest mean gain; what the first of them did to retrieval and to the worst family.
    The first three are of the recipe `none`, or of the first recipe where that was not run.

    Args:
        scores: columns of `schemas.SCORES`, values in points.
        baselines: columns of `schemas.BASELINES`, None where none were computed.
        languages: the languages of the data source, by code.

    Raises:
        XstiltsError: the table is not a table of scores, or nothing in it is clean.
    """
    run = _Run.of(scores.filter(condition=CLEAN), baselines, languages)
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
class _Family:
    """A family's distance from the source language's, over the targets that have both."""

    name: str
    targets: list[str]
    value: float
    source: float


@dataclass(frozen=True, kw_only=True)
class _Run:
    """What the sentences are about: one encoder and split; `recipe` is the one described.

    Keys are (recipe, quantity, name) for `averages` and `gains`, and (recipe, target,
    language) for `scores` and `score_gains`; values are means over seeds, in points.
    """

    encoder: str
    recipe: str
    recipes: list[str]
    seeds: int
    averages: dict[tuple[str, str, str], float]
    gains: dict[tuple[str, str, str], float]
    scores: dict[tuple[str, str, str], float]
    score_gains: dict[tuple[str, str, str], float]
    covered: dict[str, list[str]]
    baselines: Mapping[tuple[str, str], dict[str, float]]
    languages: Mapping[str, Language]

    @staticmethod
    def of(
        clean: pl.DataFrame, baselines: pl.DataFrame | None, languages: Mapping[str, Language]
    ) -> _Run:
        summary: Summary = summarise(clean)
        encoder = clean["encoder"][0]
        split = "test" if "test" in clean["split"] else clean["split"][0]
        ran = clean.filter(encoder=encoder, split=split)
        recipes = ran["recipe"].unique(maintain_order=True).to_list()

        def means(table: pl.DataFrame, *keys: str) -> dict[tuple[str, str, str], float]:
            here = table.filter(encoder=encoder, split=split)
            return {tuple(row[key] for key in keys): row["mean"] for row in here.to_dicts()}

        coverage = summary.coverage.filter(split=split)
        return _Run(
            encoder=encoder,
            recipe=BASELINE if BASELINE in recipes else recipes[0],
            recipes=recipes,
            seeds=ran["seed"].n_unique(),
            averages=means(summary.averages, "recipe", "quantity", "name"),
            gains=means(summary.gains, "recipe", "quantity", "name"),
            scores=means(summary.languages, "recipe", "target", "language"),
            score_gains=means(summary.language_gains, "recipe", "target", "language"),
            covered=dict(coverage.select("target", "covered").iter_rows()),
            baselines={} if baselines is None else main_scores(baselines, encoder, split),
            languages=languages,
        )

    def targets(self, recipe: str, *, trained: bool | None = None) -> list[str]:
        """XTREME's targets with a score after `recipe`: all, the trained ones, or the others."""
        return [
            key
            for key, task in XTREME.items()
            if (recipe, "task", key) in self.averages
            and (trained is None or trained == (task.train_set is not None))
        ]

    def members(self, target: str, family: str) -> list[str]:
        """Languages of a family that a target's averages rest on, without the source language."""
        return [
            code
            for code in self.covered[target]
            if code != SOURCE_LANGUAGE
            and code in self.languages
            and self.languages[code].family == family
        ]

    def worst_family(self) -> _Family | None:
        """The family that is furthest below that of the source language on trained targets."""
        if SOURCE_LANGUAGE not in self.languages:
            return None
        own = self.languages[SOURCE_LANGUAGE].family
        names = dict.fromkeys(language.family for language in self.languages.values())
        found = []
        for name in names:
            shared = [
                target
                for target in self.targets(self.recipe, trained=True)
                if name != own and self.members(target, name) and self.members(target, own)
            ]
            if shared:
                value, source = (
                    fmean(self._family_score(target, family) for target in shared)
                    for family in (name, own)
                )
                found.append(_Family(name=name, targets=shared, value=value, source=source))
        return min(found, key=lambda family: family.value - family.source, default=None)

    def _family_score(self, target: str, family: str) -> float:
        return fmean(
            self.scores[self.recipe, target, code] for code in self.members(target, family)
        )

    def mean_gains(self) -> tuple[dict[str, float], list[str]]:
        """Each recipe's mean gain over the targets that all recipes have, and these targets."""
        with_gains = [
            recipe
            for recipe in self.recipes
            if any((recipe, "task", target) in self.gains for target in XTREME)
        ]
        shared = [
            target
            for target in XTREME
            if with_gains and all((recipe, "task", target) in self.gains for recipe in with_gains)
        ]
        if not shared:
            return {}, []
        gains = {
            recipe: fmean(self.gains[recipe, "task", target] for target in shared)
            for recipe in with_gains
        }
        return gains, shared


def _against_baselines(run: _Run) -> str:
    english = {
        target: run.averages[run.recipe, "english", target]
        for target in run.targets(run.recipe, trained=True)
        if (run.recipe, "english", target) in run.averages
    }
    if not english:
        return "No trained target has an English score, so nothing is compared with the baselines."
    rivals = {target: found for target in english if (found := rival(run.baselines, target))}
    if not rivals:
        return (
            f"In English, {run.recipe} scores {points(fmean(english.values()))} on average over"
            f" {_count(english, 'trained target')}; no baselines were run, so how much of it"
            " a shortcut would reach is not known."
        )
    compared = {target: english[target] for target in rivals}
    clear = sum(rivals[target].is_beaten_by(score) for target, score in compared.items())
    return (
        f"In English, {run.recipe} scores {points(fmean(compared.values()))} on average over"
        f" {_count(compared, 'trained target')}, the best baseline of each"
        f" {points(fmean(found.value for found in rivals.values()))};"
        f" clearly above it (by {points(CLEAR)} points or more): {clear} of {len(compared)}."
    )


def _by_family(run: _Run) -> str:
    worst = run.worst_family()
    if worst is None:
        return (
            "No trained target has both a further language of English's family and one of"
            " another, so transfer by family is not known."
        )
    own = run.languages[SOURCE_LANGUAGE].family
    return (
        f"Transfer with {run.recipe}: {points(worst.source)} in English's own family"
        f" ({own}, without English) and {points(worst.value)} in the worst, {worst.name},"
        f" on average over {_count(worst.targets, 'trained target')}."
    )


def _overall(run: _Run) -> str:
    overall = run.averages.get((run.recipe, OVERALL, OVERALL))
    if overall is not None:
        return (
            f"The overall score of {run.recipe}, the mean of all {len(XTREME)} task scores, is"
            f" {points(overall)}."
        )
    tasks = run.targets(run.recipe)
    lacking = f"No overall score, because not all {len(XTREME)} targets have a score"
    if not tasks:
        return f"{lacking}."
    mean = fmean(run.averages[run.recipe, "task", target] for target in tasks)
    names = ", ".join(title(target) for target in tasks)
    return f"{lacking}; over {names}, {run.recipe} scores {points(mean)} on average."


def _gains(run: _Run) -> str:
    if BASELINE not in run.recipes:
        return f"The recipe {BASELINE} was not run, so no gains are known."
    if run.recipes == [BASELINE]:
        return f"Only the recipe {BASELINE} was run, so nothing is known of intermediate training."
    gains, shared = run.mean_gains()
    if not gains:
        return f"The recipes have no target and seed in common with {BASELINE}: no gains are known."
    chance = (
        "one seed, so it may be chance" if run.seeds == 1 else f"on average over {run.seeds} seeds"
    )
    over = f"on average over {_count(shared, 'target')}"
    best, least = max(gains, key=gains.__getitem__), min(gains, key=gains.__getitem__)
    if len(gains) == 1:
        return (
            f"The only intermediate training that was run, {best}, changes {BASELINE} by"
            f" {signed(gains[best])} points {over} ({chance})."
        )
    if gains[best] < 0:
        return (
            f"None of {len(gains)} recipes gains over {BASELINE}: {best} loses least,"
            f" {signed(gains[best])} points {over}, and {least} most, {signed(gains[least])}"
            f" ({chance})."
        )
    return (
        f"Of {len(gains)} recipes {best} gains most over {BASELINE}, {signed(gains[best])} points"
        f" {over}, and {least} least, {signed(gains[least])} ({chance})."
    )


def _side_effects(run: _Run) -> str:
    gains, _ = run.mean_gains()
    if not gains:
        return "What intermediate training does to retrieval and to the worst family is not known."
    best = max(gains, key=gains.__getitem__)
    retrieval = [
        run.gains[best, "task", target]
        for target, task in XTREME.items()
        if task.kind is Kind.RETRIEVAL and (best, "task", target) in run.gains
    ]
    worst = run.worst_family()
    family = [
        fmean(changes)
        for target in (worst.targets if worst else ())
        if worst and (changes := _changes(run, best, target, worst.name))
    ]
    known = (
        f"retrieval changes by {signed(fmean(retrieval))} points"
        if retrieval
        else "what happens to retrieval is not known",
        f"{worst.name}, the worst family, changes by {signed(fmean(family))} points"
        f" on average over {_count(family, 'trained target')}"
        if worst and family
        else "what happens to the worst family is not known",
    )
    seeds = " (one seed)" if run.seeds == 1 else ""
    return f"After {best}, {known[0]}, and {known[1]}{seeds}."


def _changes(run: _Run, recipe: str, target: str, family: str) -> list[float]:
    keys = [(recipe, target, code) for code in run.members(target, family)]
    return [run.score_gains[key] for key in keys if key in run.score_gains]


def _count(things: Mapping[str, object] | list, name: str) -> str:
    return f"{len(things)} {name}" + ("s" if len(things) != 1 else "")
