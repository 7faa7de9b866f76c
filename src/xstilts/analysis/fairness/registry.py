"""The measures of `tables.FAIRNESS`: by name, with what languages they need."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import product

import numpy as np

from xstilts.analysis.fairness import formulas as measures
from xstilts.analysis.tables import ALL_FAMILIES, ALL_LANGUAGES, GREATER, LESS

# Who counted speakers.
CLDR, ETHNOLOGUE = "CLDR", "Ethnologue"


@dataclass(frozen=True, kw_only=True)
class Covered:
    """The languages of one target.

    Attributes:
        families: of each language.
        several: families of which the target has several languages.
        speakers: by the name of a count, those of each language, nan where not known.
    """

    codes: tuple[str, ...]
    families: tuple[str, ...]
    several: frozenset[str]
    speakers: Mapping[str, np.ndarray]


# (..., languages) to (...); None where these languages do not allow the measure.
Formula = Callable[[np.ndarray, Covered], np.ndarray | None]
# Of what a minimum is taken: names, and (..., names).
Candidates = Callable[[np.ndarray, Covered], tuple[Sequence[str], np.ndarray]]


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A measure over languages.

    Attributes:
        level: whether it says how high scores are, rather than how even.
        candidates: of what it is the least, if it is a minimum.
        bounds: the values that it can have.
        group: of `tables.GROUPS`, where it stands as well; the same number stands here.
    """

    name: str
    title: str
    formula: Formula
    better: str = GREATER
    level: bool = False
    candidates: Candidates | None = None
    group: str = ""
    bounds: tuple[float, float] = (-np.inf, np.inf)


def _minimum(name: str, title: str, candidates: Candidates) -> Measure:
    def formula(u: np.ndarray, covered: Covered) -> np.ndarray | None:
        names, values = candidates(u, covered)
        return measures.worst(values) if len(names) > 1 else None

    return Measure(name=name, title=title, formula=formula, candidates=candidates)


def _languages(u: np.ndarray, covered: Covered) -> tuple[Sequence[str], np.ndarray]:
    return covered.codes, u


def _families(u: np.ndarray, covered: Covered) -> tuple[Sequence[str], np.ndarray]:
    return measures.family_means(u, covered.families)


def _large_families(u: np.ndarray, covered: Covered) -> tuple[Sequence[str], np.ndarray]:
    names, means = _families(u, covered)
    kept = [place for place, name in enumerate(names) if name in covered.several]
    return [names[place] for place in kept], means[..., kept]


def _of_several(compute: Callable[[np.ndarray], np.ndarray]) -> Formula:
    return lambda u, covered: compute(u) if len(covered.codes) > 1 else None


def _gap(u: np.ndarray, covered: Covered) -> np.ndarray | None:
    return measures.group_gap(u, covered.families) if len(set(covered.families)) > 1 else None


def _eta_squared(u: np.ndarray, covered: Covered) -> np.ndarray | None:
    # Where each family has one language it is 1 whatever the scores.
    if 1 < len(set(covered.families)) < len(covered.families):
        return measures.eta_squared(u, covered.families)
    return None


def _by_speakers(
    compute: Callable[[np.ndarray, np.ndarray], np.ndarray], count: str = CLDR
) -> Formula:
    """A formula of scores and speakers, over the languages whose speakers are known."""

    def formula(u: np.ndarray, covered: Covered) -> np.ndarray | None:
        speakers = covered.speakers[count]
        known = np.isfinite(speakers)
        return compute(u[..., known], speakers[known]) if known.sum() > 1 else None

    return formula


def _even(name: str, title: str, formula: Formula, most: float = np.inf) -> Measure:
    return Measure(name=name, title=title, formula=formula, better=LESS, bounds=(0.0, most))


def _level(name: str, title: str, formula: Formula, group: str = "") -> Measure:
    return Measure(name=name, title=title, formula=formula, level=True, group=group)


MEAN = _level(
    "mean_languages", "Mean over languages", lambda u, covered: u.mean(axis=-1), ALL_LANGUAGES
)
WORST_FAMILY = _minimum("worst_family", "Worst family of several languages", _large_families)
MEASURES = (
    MEAN,
    _level(
        "mean_families",
        "Mean over families",
        lambda u, covered: _families(u, covered)[1].mean(axis=-1),
        ALL_FAMILIES,
    ),
    _minimum("worst_language", "Worst language", _languages),
    Measure(
        name="lowest_tenth",
        title="Mean of the lowest tenth of languages",
        formula=_of_several(measures.lowest_tenth),
    ),
    WORST_FAMILY,
    _minimum("worst_any_family", "Worst family, those of one language among them", _families),
    _even("spread", "Standard deviation over languages", _of_several(measures.spread)),
    _even("variation", "Coefficient of variation", _of_several(measures.variation)),
    _even("gini", "Gini coefficient over languages", _of_several(measures.gini), 1.0),
    _even("gini_speakers", "Gini coefficient over speakers", _by_speakers(measures.gini), 1.0),
    _even("family_gap", "Best family minus worst", _gap),
    _even("eta_squared", "Share of variance between families", _eta_squared, 1.0),
    *(
        _level(
            f"utility_{count.lower()}_{tau:g}",
            f"Utility for demand by speakers ({count}) to the power of {tau:g}",
            _by_speakers(partial(measures.global_utility, tau=tau), count),
        )
        for count, tau in product((CLDR, ETHNOLOGUE), (1, 0.5, 0.01))
    ),
)
