"""A claim's testable part and the verdict on it, and the run whose recipes it is about."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from xstilts.analysis.claims.selection import Development
from xstilts.analysis.inference.adjust import NOT_ENOUGH, verdict
from xstilts.analysis.inference.draws import Draws, mean_of
from xstilts.analysis.inference.estimates import Estimate, estimate
from xstilts.analysis.inputs.evidence import Evidence
from xstilts.config.recipes import MULTI, NONE
from xstilts.config.tasks import TARGETS, XTREME
from xstilts.config.tasks.types import SOURCE_LANGUAGE

SUPPORTED = "supported"
NOT_SUPPORTED = "not supported"
NOT_TESTABLE = "not testable"

NO_ITEMS = "item-level predictions, without which an interval is over seeds at most"

# The part that claims that there is no gain.
NO_GAIN = "4b"

# Below this number of seeds the draws say little about what another seed would change.
_ENOUGH_SEEDS = 5

# The study's nine intermediate tasks.
STUDY_TASKS = (
    *("anli", "mnli", "qqp", "squad_v2", "squad_v1"),
    *("hellaswag", "ccg", "cosmosqa", "csqa"),
)


@dataclass(frozen=True, kw_only=True)
class SupportingNumber:
    """A number that stands beside the one a verdict rests on."""

    name: str
    value: float
    low: float | None
    high: float | None
    p: float | None

    @classmethod
    def of(cls, name: str, quantity: Draws | Estimate) -> SupportingNumber:
        """An estimate with a name."""
        found = estimate(quantity) if isinstance(quantity, Draws) else quantity
        return cls(name=name, value=found.value, low=found.low, high=found.high, p=found.p)


@dataclass(frozen=True, kw_only=True)
class FamilyChange:
    """What a recipe does to one family of languages.

    The numbers are those of `tables.GROUPS`. `single` marks a family of which the run has one
    language: what is said of it is said of that language. `outcome` is the verdict there.
    """

    family: str
    languages: tuple[str, ...]
    targets: int
    single: bool
    value: float
    low: float | None
    high: float | None
    p: float | None
    outcome: str


@dataclass(frozen=True, kw_only=True)
class ClaimPart:
    """One testable part of a claim, for one encoder.

    Attributes:
        number: of the claim in the study, with a letter or numeral for its part.
        recipe: whose part it is where a claim is about each recipe, else empty.
        statement: what is claimed.
        quantity: what is computed, in a sentence.
        value, low, high: the quantity in points and its 95 % interval; None where there is none.
        error: its standard error; seeds_share: what seeds give of its square; seeds: the fewest.
        p: of the quantity being 0, two-sided.
        p_adjusted: the same, holding for all `tests` statements of `adjusted_in` together.
        verdict: from `p_adjusted`, see `xstilts.analysis.claims.claims`.
        detectable: the smallest true quantity, in points, that would be called in four of five
            runs.
        missing: what the run lacks for the whole claim; empty if nothing.
        reference: the study's own figure, marked as the study's.
        basis: what the quantity rests on.
        measures: further numbers.
        families: changes by family.
    """

    number: str
    recipe: str = ""
    statement: str
    quantity: str
    value: float | None = None
    low: float | None = None
    high: float | None = None
    error: float | None = None
    seeds_share: float | None = None
    seeds: int | None = None
    p: float | None = None
    p_adjusted: float | None = None
    tests: int | None = None
    adjusted_in: str = ""
    detectable: float | None = None
    verdict: str = NOT_TESTABLE
    missing: str = ""
    reference: str = ""
    basis: str = ""
    measures: tuple[SupportingNumber, ...] = ()
    families: tuple[FamilyChange, ...] = ()

    @property
    def estimate(self) -> Estimate:
        """The quantity as an estimate."""
        return Estimate(
            value=self.value or 0.0,
            low=self.low,
            high=self.high,
            p=self.p,
            error=self.error,
            share=self.seeds_share or 0.0,
            degrees=max(1, (self.seeds or 1) - 1),
        )

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> ClaimPart:
        """A part from plain data, as `dataclasses.asdict` and JSON have left it."""
        more = {
            "measures": tuple(SupportingNumber(**each) for each in stored["measures"]),
            "families": tuple(
                FamilyChange(**{**each, "languages": tuple(each["languages"])})
                for each in stored["families"]
            ),
        }
        return cls(**{**stored, **more})


@dataclass(frozen=True, kw_only=True)
class RecipeFacts:
    """The facts of one recipe, and its place among the study's conditions."""

    name: str
    tasks: tuple[str, ...]
    languages: tuple[str, ...]
    mlm: bool

    @property
    def english(self) -> bool:
        """Trained on English task data and nothing else."""
        return bool(self.tasks) and set(self.languages) == {SOURCE_LANGUAGE} and not self.mlm


def judged(part: ClaimPart, p_adjusted: float, tests: int) -> ClaimPart:
    """The part with its verdict; with one seed it is on this run."""
    claims_none = part.number == NO_GAIN
    words = (SUPPORTED, NOT_SUPPORTED) if claims_none else (NOT_SUPPORTED, SUPPORTED)
    return replace(
        part,
        p_adjusted=p_adjusted,
        tests=tests,
        verdict=verdict(part.value or 0.0, p_adjusted, words, one_seed=part.seeds == 1),
    )


# target, recipe, and the recipe that it is set against
Comparison = tuple[str, str, str]


def basis(evidence: Evidence, comparisons: Iterable[Comparison]) -> str:
    """What a quantity rests on, from the comparisons that it is made of."""
    comparisons = list(dict.fromkeys(comparisons))
    others = list(dict.fromkeys(other for *_, other in comparisons))
    recipes = {recipe for _, recipe, _ in comparisons}
    samples = {target: evidence.samples[target] for target, *_ in comparisons}
    languages = {code for sample in samples.values() for code in sample.languages}
    items = sum(sum(sample.counts.values()) for sample in samples.values())
    seeds = [len(evidence.common_seeds(*comparison)) for comparison in comparisons]
    fewest, most = min(seeds), max(seeds)
    number = f"{fewest}" if fewest == most else f"{fewest} to {most}"
    if most == 1:
        caution = ": the interval covers items only"
    elif fewest < _ENOUGH_SEEDS:
        caution = ": too few to show all that another seed would change"
    else:
        caution = ""
    return (
        f"{_count(len(recipes), 'recipe')} beside {' and '.join(others)},"
        f" {_count(len(samples), 'target')}, {_count(len(languages), 'language')},"
        f" {_count(items, 'item')}; {number} {'seed' if most == 1 else 'seeds'}{caution}"
    )


def missing_targets(used: Iterable[str]) -> str:
    """XTREME's targets that are not among these, for the reader; empty if all are."""
    used = set(used)
    lacking = [TARGETS[key].title for key in XTREME if key not in used]
    return f"targets: {', '.join(lacking)}" if lacking else ""


def missing_recipes(names: Sequence[str]) -> str:
    """Recipes that are not there, for the reader; empty if none is missing."""
    return f"recipes: {', '.join(names)}" if names else ""


def missing(*reasons: str) -> str:
    """Reasons as one text."""
    return "; ".join(reason for reason in reasons if reason)


def _count(number: int, name: str) -> str:
    return f"{number:,} {name}" + ("s" if number != 1 else "")


def facts(recipes: Mapping[str, Mapping[str, Any]]) -> dict[str, RecipeFacts]:
    """Plain data on recipes (`tasks`, `languages`, `mlm`) by name, in the order given."""
    return {
        name: RecipeFacts(
            name=name,
            tasks=tuple(entry["tasks"]),
            languages=tuple(entry["languages"]),
            mlm=bool(entry["mlm"]),
        )
        for name, entry in recipes.items()
    }


@dataclass(frozen=True, kw_only=True)
class EncoderEvidence:
    """One encoder's evidence, and the recipes in their roles.

    Attributes:
        recipes: by name, in the experiment's order.
        development: target to what its recipe is chosen by, on English development data.
    """

    evidence: Evidence
    recipes: Mapping[str, RecipeFacts]
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

    def mean_gain(self, recipe: str) -> SupportingNumber:
        """The recipe's mean gain over the baseline, over all targets that have one."""
        gains = list(self.gains(recipe).values())
        return SupportingNumber.of(f"Mean gain of {recipe} over {NONE}", mean_of(gains))

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
        part: ClaimPart,
        estimate: Estimate,
        comparisons: Iterable[Comparison],
        *lacking: str,
        measures: Iterable[SupportingNumber] = (),
    ) -> ClaimPart:
        """The part with its estimate and what it rests on; the verdict follows with all parts."""
        comparisons = list(comparisons)
        seeds = min(len(self.evidence.common_seeds(*each)) for each in comparisons)
        return replace(
            part,
            **estimate.columns,
            seeds=seeds,
            verdict=NOT_ENOUGH,
            missing=missing(*lacking, "" if self.evidence.has_items else NO_ITEMS),
            basis=basis(self.evidence, comparisons),
            measures=tuple(measures),
        )
