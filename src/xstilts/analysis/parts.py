"""What a claim's testable part consists of, and the verdict on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from xstilts.analysis.evidence import Evidence
from xstilts.analysis.inference.estimates import Estimate
from xstilts.task_types import SOURCE_LANGUAGE
from xstilts.tasks import TARGETS, XTREME

SUPPORTED = "supported"
NOT_SUPPORTED = "not supported"
NOT_ENOUGH = "not enough data to tell"
NOT_TESTABLE = "not testable"

NO_ITEMS = "item-level predictions, without which there is no interval"

# Below this number of seeds the draws say little about what another seed would change.
_ENOUGH_SEEDS = 5


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A number that stands beside the one a verdict rests on."""

    name: str
    value: float
    low: float | None
    high: float | None
    p: float | None

    @classmethod
    def of(cls, name: str, estimate: Estimate) -> Measure:
        """An estimate with a name."""
        return cls(
            name=name, value=estimate.value, low=estimate.low, high=estimate.high, p=estimate.p
        )


@dataclass(frozen=True, kw_only=True)
class FamilyChange:
    """What a recipe does to one family of languages.

    `single` marks a family of which the run has one language: what is said of it is said of that
    language. `outcome` is "gains", "loses" or "not clear", with p values that hold for all
    families of the recipe together.
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
class Part:
    """One testable part of a claim, for one encoder.

    Attributes:
        number: of the claim in the study, with a letter or numeral for its part.
        recipe: whose part it is where a claim is about each recipe, else empty.
        statement: what is claimed.
        quantity: what is computed, in a sentence.
        value, low, high: the quantity in points and its 95 % interval; None where there is none.
        p: of the quantity being 0, two-sided.
        p_holm: the same, holding for all parts of this encoder together.
        verdict: see `xstilts.analysis.claims`.
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
    p: float | None = None
    p_holm: float | None = None
    verdict: str = NOT_TESTABLE
    missing: str = ""
    reference: str = ""
    basis: str = ""
    measures: tuple[Measure, ...] = ()
    families: tuple[FamilyChange, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Facts:
    """The facts of one recipe, and its place among the study's conditions."""

    name: str
    tasks: tuple[str, ...]
    languages: tuple[str, ...]
    mlm: bool

    @property
    def english(self) -> bool:
        """Trained on English task data and nothing else."""
        return bool(self.tasks) and set(self.languages) == {SOURCE_LANGUAGE} and not self.mlm


def verdict(estimate: Estimate, *, claims_none: bool = False) -> str:
    """The verdict on a quantity that is claimed to be above 0, or, `claims_none`, not to be."""
    if estimate.low is None or estimate.high is None:
        return NOT_ENOUGH
    if claims_none:
        above, below = estimate.low > 0, estimate.high <= 0
        return SUPPORTED if below else NOT_SUPPORTED if above else NOT_ENOUGH
    if estimate.low > 0:
        return SUPPORTED
    return NOT_SUPPORTED if estimate.high < 0 else NOT_ENOUGH


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


def facts(recipes: Mapping[str, Mapping[str, object]]) -> dict[str, Facts]:
    """Plain data on recipes (`tasks`, `languages`, `mlm`) by name, in the order given."""
    return {
        name: Facts(
            name=name,
            tasks=tuple(entry["tasks"]),
            languages=tuple(entry["languages"]),
            mlm=bool(entry["mlm"]),
        )
        for name, entry in recipes.items()
    }
