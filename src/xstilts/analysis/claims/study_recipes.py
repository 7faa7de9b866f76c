"""One encoder's evidence, and the recipes in the roles that the claims give them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

from xstilts.analysis.claims.parts import (
    NO_ITEMS,
    Comparison,
    Facts,
    Measure,
    Part,
    basis,
    missing,
    missing_recipes,
)
from xstilts.analysis.claims.selection import Development
from xstilts.analysis.inference.adjust import NOT_ENOUGH
from xstilts.analysis.inference.draws import Draws, mean_of
from xstilts.analysis.inference.estimates import Estimate
from xstilts.analysis.inputs.evidence import Evidence
from xstilts.config.recipes import MULTI, NONE
from xstilts.config.tasks import XTREME

# The study's nine intermediate tasks.
STUDY_TASKS = (
    *("anli", "mnli", "qqp", "squad_v2", "squad_v1"),
    *("hellaswag", "ccg", "cosmosqa", "csqa"),
)


@dataclass(frozen=True, kw_only=True)
class Run:
    """One encoder's evidence, and the recipes in their roles.

    Attributes:
        recipes: by name, in the experiment's order.
        development: target to what its recipe is chosen by, on English development data.
    """

    evidence: Evidence
    recipes: Mapping[str, Facts]
    development: Mapping[str, Development]

    @cached_property
    def singles(self) -> dict[str, str]:
        """Intermediate task of the study to the recipe that is English data of it alone."""
        found: dict[str, str] = {}
        for name, recipe in self.recipes.items():
            if recipe.english and len(recipe.tasks) == 1 and self.gains(name):
                task = recipe.tasks[0]
                if task in STUDY_TASKS and (name == task or task not in found):
                    found[task] = name
        return found

    @cached_property
    def multi(self) -> str | None:
        """The recipe that is English data of several tasks; the one with most of several."""
        found = [
            name
            for name, recipe in self.recipes.items()
            if recipe.english and len(recipe.tasks) > 1 and self.gains(name)
        ]
        most = {name: (name == MULTI, len(self.recipes[name].tasks)) for name in found}
        return max(found, key=most.__getitem__, default=None)

    @cached_property
    def english(self) -> tuple[str, ...]:
        """The study's English conditions: single tasks and the multi-task recipe."""
        return (*self.singles.values(), *([self.multi] if self.multi else []))

    def gains(self, recipe: str, other: str = NONE) -> dict[str, Draws]:
        """Target of XTREME's nine to the gain of a recipe over another."""
        return {
            target: gain
            for target in XTREME
            if (gain := self.evidence.gain(target, recipe, other)) is not None
        }

    def mean_gain(self, recipe: str) -> Measure:
        """The recipe's mean gain over the baseline, over all targets that have one."""
        gains = list(self.gains(recipe).values())
        return Measure.of(f"Mean gain of {recipe} over {NONE}", mean_of(gains))

    @property
    def not_run(self) -> str:
        """The study's English recipes that are not there, for the reader."""
        absent = [task for task in STUDY_TASKS if task not in self.singles]
        return missing_recipes([*absent, *([] if self.multi else [MULTI])])

    def beside_baseline(self, recipes: Iterable[str]) -> list[Comparison]:
        """What the gains of these recipes rest on."""
        return [(target, recipe, NONE) for recipe in recipes for target in self.gains(recipe)]

    def with_estimate(
        self,
        part: Part,
        estimate: Estimate,
        comparisons: Iterable[Comparison],
        *lacking: str,
        measures: Iterable[Measure] = (),
    ) -> Part:
        """The part with its estimate and what it rests on; the verdict follows with all parts."""
        comparisons = list(comparisons)
        seeds = min(len(self.evidence.common_seeds(*each)) for each in comparisons)
        return replace(
            part,
            value=estimate.value,
            low=estimate.low,
            high=estimate.high,
            p=estimate.p,
            error=estimate.error,
            seeds_share=None if estimate.error is None else estimate.share,
            seeds=seeds,
            verdict=NOT_ENOUGH,
            missing=missing(*lacking, "" if self.evidence.has_items else NO_ITEMS),
            basis=basis(self.evidence, comparisons),
            measures=tuple(measures),
        )
