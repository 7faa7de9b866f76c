"""One encoder's evidence beside what is known of tasks and languages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
import polars as pl

from xstilts.analysis.inference.bootstrap import Sample
from xstilts.analysis.inference.draws import Draws
from xstilts.analysis.inputs.evidence import Evidence
from xstilts.config.languages import Language
from xstilts.config.recipes import NONE
from xstilts.config.tasks import SOURCE_LANGUAGE, TARGETS, averaged
from xstilts.scoring.metrics import METRICS
from xstilts.scoring.scores import LANGUAGE_SCORE


@dataclass(frozen=True, kw_only=True)
class Panel:
    """What statistics over languages are computed from, for one encoder.

    Attributes:
        evidence: scores with their draws.
        recipes: in the experiment's order, the baseline first; those that have a score.
        languages: of the data source, by code; others are left out of everything.
        unseen: languages that the encoder was not pretrained on, as far as is known.
        majority: (target, language) to the score of always answering the majority label, where a
            tagging task's chance level is taken from it.
        baseline: the recipe that gains are over.
    """

    evidence: Evidence
    recipes: tuple[str, ...]
    languages: Mapping[str, Language]
    unseen: Set[str] = frozenset()
    majority: Mapping[tuple[str, str], float] = field(default_factory=dict)
    baseline: str = NONE

    @cached_property
    def targets(self) -> tuple[str, ...]:
        """The targets that have a score in some other language, in the order of the table."""
        return tuple(key for key in TARGETS if self.codes(key))

    @cached_property
    def averaged(self) -> tuple[str, ...]:
        """Those of the targets over which means are formed (`config.tasks.averaged`)."""
        return averaged(self.targets)

    @cached_property
    def common(self) -> tuple[str, ...]:
        """Those of the averaged targets that every recipe has: what recipes are ranked over."""
        return tuple(
            key
            for key in self.averaged
            if all(self.evidence.seeds(recipe, key) for recipe in self.recipes)
        )

    def codes(self, target: str) -> tuple[str, ...]:
        """The languages of a target's scores that are known, English left out."""
        return tuple(code for code in self._covered(target) if code != SOURCE_LANGUAGE)

    def _covered(self, target: str) -> tuple[str, ...]:
        sample = self.evidence.samples.get(target)
        return tuple(code for code in sample.languages if code in self.languages) if sample else ()

    def covered(self, target: str) -> tuple[str, ...]:
        """The languages of a target's scores that are known: `codes`, then English."""
        english = (SOURCE_LANGUAGE,) if SOURCE_LANGUAGE in self._covered(target) else ()
        return (*self.codes(target), *english)

    def scores(self, target: str, recipe: str, beside: str | None = None) -> Draws | None:
        """(1 + draws, languages in the order of `codes`): scores in points, English left out."""
        return self.scores_in(self.codes(target), target, recipe, beside)

    def scores_in(
        self, codes: Sequence[str], target: str, recipe: str, beside: str | None = None
    ) -> Draws | None:
        """(1 + draws, languages): scores in points; None where the recipe has no (common) seed."""
        found = self.evidence.scores(target, recipe, beside)
        if found is None:
            return None
        if beside in {None, recipe} and recipe == NONE and TARGETS[target].train_set is None:
            # Without training nothing depends on the seed: one run stands for all there are. Beside
            # a recipe it stands for those of that recipe, of which one may be left.
            every = max(len(self.evidence.seeds(name, target)) for name in self.recipes)
            found = replace(
                found, seeds=max(found.seeds, every), most_seeds=max(found.most_seeds, every)
            )
        order = self.evidence.samples[target].languages
        places = [order.index(code) for code in codes]
        return found.map(lambda scores: scores[:, places])

    def english(self, target: str, recipe: str, beside: str | None = None) -> Draws | None:
        """(1 + draws,): English scores in points; None for retrieval, or where there are none."""
        found = self.evidence.scores(target, recipe, beside)
        if found is None or SOURCE_LANGUAGE not in self._covered(target):
            return None
        place = self.evidence.samples[target].languages.index(SOURCE_LANGUAGE)
        return found.map(lambda scores: scores[:, place])

    def gain(self, target: str, recipe: str) -> Draws | None:
        """(1 + draws, languages): points over the baseline, None without a seed in common."""
        after = self.scores(target, recipe, self.baseline)
        before = self.scores(target, self.baseline, recipe)
        return None if after is None or before is None else after.minus(before)

    def chance(self, target: str, codes: tuple[str, ...]) -> np.ndarray:
        """(languages,): the score in points that guessing has."""
        return np.array([self._chance(target, code) for code in codes])

    def corrected(self, target: str, points: Draws) -> Draws:
        """100 u, chance-corrected, of scores whose last axis is `codes(target)`."""
        chance = self.chance(target, self.codes(target))
        return points.map(lambda scores: 100 * (scores - chance) / (100 - chance))

    def families(self, target: str) -> tuple[str, ...]:
        """The family of each of `codes(target)`."""
        return tuple(self.languages[code].family for code in self.codes(target))

    @cached_property
    def members(self) -> dict[str, tuple[str, ...]]:
        """Family to its languages over all targets, English left out."""
        codes = dict.fromkeys(code for target in self.targets for code in self.codes(target))
        families = dict.fromkeys(self.languages[code].family for code in codes)
        return {
            family: tuple(code for code in codes if self.languages[code].family == family)
            for family in families
        }

    @cached_property
    def single(self) -> frozenset[str]:
        """Families of which the run has one language: what is said is said of that language."""
        return frozenset(family for family, codes in self.members.items() if len(codes) == 1)

    def items(self, target: str, code: str) -> int:
        """The number of items of a language, 0 where it is not known."""
        return self.evidence.samples[target].counts.get(code, 0)

    def with_samples(self, samples: Mapping[str, Sample]) -> Panel:
        """The same with other scores, by target."""
        evidence = Evidence(self.evidence.encoder, samples, self.evidence.left_out)
        return replace(self, evidence=evidence)

    @cached_property
    def fewer(self) -> Panel:
        """The same with fewer draws (`Evidence.fewer`)."""
        return replace(self, evidence=self.evidence.fewer)

    @cached_property
    def everything(self) -> Panel:
        """What was observed of all seeds, collapsed ones among them; without draws."""
        return replace(self, evidence=self.evidence.everything)

    def _chance(self, target: str, code: str) -> float:
        task = TARGETS[target]
        if task.facts.majority_is_chance:
            return self.majority.get((target, code), 0.0)
        return METRICS[task.metric].chance(task, self.items(target, code))


def majority_levels(
    baselines: pl.DataFrame | None, split: str = "test"
) -> dict[tuple[str, str], float]:
    """(target, language) to the majority label's score, of tagging tasks.

    Entities and answers have no majority label that scores; every tag of POS has.

    Args:
        baselines: columns of `schemas.BASELINES`.
    """
    if baselines is None:
        return {}
    rows = baselines.filter(baseline="majority", metric=LANGUAGE_SCORE, split=split)
    return {
        (row["target"], row["language"]): row["value"]
        for row in rows.iter_rows(named=True)
        if TARGETS[row["target"]].facts.majority_is_chance
    }
