"""Statements over languages that are kin: how often they are false, on the real tree.

`calibration.py --settings lambda` runs these settings. Values of XTREME's 40 languages, English
left out, and of 200 of SIB-200's are drawn along the tree: a share of their variance (Pagel's
lambda: 0, 0.5, 1) drifts along its branches, the rest is each language's own, and items and seeds
add noise of which the variance is known, a tenth of it. Nothing goes with the distance from
English, which itself follows the tree, and families differ by nothing but their descent. The
languages' mean is known.

- Families differ: by the model with the tree; beside it a random intercept of families, whose
  variance is tested by the ratio of likelihoods, and analysis of variance.
- Distance matters: by the model with the tree, by that with tree and places, and by Spearman's
  correlation with draws along the tree; beside them with a random intercept of families, and
  Spearman's correlation as if languages were independent.
- Kin are alike, where lambda is 0.
- Intervals of lambda, of the mean over languages of which these are a sample, and of a new language
  of a new family; beside them Student's over languages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import stats
from verdicts import COVERED, FALSE

from xstilts.analysis.association.observations import DISTANCE, Observations
from xstilts.analysis.relatedness.covariances import relatedness
from xstilts.analysis.relatedness.models import OverLanguages
from xstilts.analysis.relatedness.reml import fit
from xstilts.config.language_facts import FACTS
from xstilts.config.languages import LANGUAGES
from xstilts.config.languages.codes import codes_of
from xstilts.config.tasks import SOURCE_LANGUAGE, TARGETS

# What knows no tree: it stands beside, to show what it does.
PEERS = {
    *("families differ: family intercept", "families differ: analysis of variance"),
    *("distance: family intercept", "distance: Spearman, independent"),
    "mean: Student, independent",
}
SHARES = (0.0, 0.5, 1.0)
SETS = ("XTREME", "SIB-200")
NOISE = 0.1
LEVEL = 0.05
MOST = 200


@dataclass(frozen=True, order=True)
class TreeName:
    """One setting."""

    languages: str
    share: float

    def __str__(self) -> str:
        return f"{self.languages}, lambda {self.share:g}"


TREE_SETTINGS = tuple(TreeName(name, share) for name in SETS for share in SHARES)
# Statement and kind to whether the table has a false alarm, or an interval holds the truth.
Verdicts = dict[tuple[str, str], bool]
# The same of many tables, by setting: what `calibration.py` counts.
Rates = dict[tuple[TreeName, str, str], list[np.ndarray]]


@cache
def world(name: str) -> tuple[tuple[str, ...], np.ndarray, np.ndarray]:
    """Codes of which the distance is known, how related they are, and the distances."""
    every = TARGETS["panx"].languages if name == "XTREME" else list(codes_of("sib200"))
    known = {code: facts.syntactic_distance for code, facts in FACTS.items()}
    held = [c for c in every if known.get(c) is not None and c != SOURCE_LANGUAGE]
    codes = tuple(sorted(held[:MOST]))
    return codes, relatedness(LANGUAGES, codes), np.array([known[code] for code in codes])


def batch(name: TreeName, number: int, count: int, seed: int) -> Rates:
    """What is said of some tables of one setting."""
    place = TREE_SETTINGS.index(name)
    random = np.random.Generator(np.random.SFC64([seed, number, place]))
    found: dict[tuple[TreeName, str, str], list[bool]] = {}
    for _ in range(count):
        for (statement, kind), value in table(name, random).items():
            found.setdefault((name, statement, kind), []).append(value)
    return {key: [np.array(held, dtype=float)] for key, held in found.items()}


def table(name: TreeName, random: np.random.Generator) -> Verdicts:
    """What is said of one table."""
    codes, alike, distance = world(name.languages)
    size = len(codes)
    whole = name.share * alike + (1 - name.share) * np.eye(size)
    whole += 1e-9 * np.eye(size)
    drift = np.linalg.cholesky(whole) @ random.standard_normal(size)
    outcome = drift + NOISE**0.5 * random.standard_normal(size)
    observations = Observations(
        outcome="score",
        tasks=("panx",) * size,
        languages=codes,
        families=tuple(LANGUAGES[code].family for code in codes),
        values=outcome,
        predictors={DISTANCE: distance},
        noise=np.full(size, NOISE),
    )
    over = OverLanguages.of(observations, LANGUAGES, (DISTANCE,))
    if isinstance(over, str):
        raise RuntimeError(over)
    return dict(_verdicts(over, name.share, random))


def _verdicts(
    over: OverLanguages, share: float, random: np.random.Generator
) -> Iterator[tuple[tuple[str, str], bool]]:
    bare = over.bare
    differ = bare.families_differ(bare.by_tree)
    if differ is not None:
        yield ("families differ: tree", FALSE), differ[0] < LEVEL
    for title, p in _by_families(over):
        yield (title, FALSE), p < LEVEL
    [(_, told)] = over.effects(over.by_tree)
    yield ("distance: tree", FALSE), told.p < LEVEL
    [(_, told)] = over.effects(over.by_both)
    yield ("distance: tree and places", FALSE), told.p < LEVEL
    value, p = over.rank_correlation(DISTANCE, over.drawn_along(bare.by_tree))
    yield ("distance: Spearman along the tree", FALSE), p < LEVEL
    freedom = len(over.codes) - 2
    t = value * (freedom / (1 - value**2)) ** 0.5
    yield ("distance: Spearman, independent", FALSE), 2 * stats.t.sf(abs(t), freedom) < LEVEL
    if share == 0:
        yield ("kin are alike: tree", FALSE), bare.kin_are_alike() < LEVEL
    low, high = bare.by_tree.interval
    yield ("lambda", COVERED), low - 1e-6 <= share <= high + 1e-6
    mean, new = bare.mean(bare.by_tree), bare.new(bare.by_tree)
    yield ("mean: tree", COVERED), mean.low <= 0 <= mean.high
    y = over.values.outcome
    error = y.std(ddof=1) / len(y) ** 0.5
    half = stats.t.ppf(1 - LEVEL / 2, len(y) - 1) * error
    yield ("mean: Student, independent", COVERED), abs(y.mean()) <= half
    yield ("a new language: tree", COVERED), new.low <= random.standard_normal() <= new.high


def _by_families(over: OverLanguages) -> Iterator[tuple[str, float]]:
    """p by a random intercept of families, and by analysis of variance."""
    families = np.array(over.families)
    alike = (families[:, None] == families).astype(float)
    bare = over.bare.values
    ratio = fit(bare, [alike]).log_likelihood - fit(bare, []).log_likelihood
    yield "families differ: family intercept", float(stats.chi2.sf(2 * max(ratio, 0), 1)) / 2
    several = [family for family, number in Counter(over.families).items() if number > 1]
    groups: Sequence[np.ndarray] = [bare.outcome[families == family] for family in several]
    yield "families differ: analysis of variance", float(stats.f_oneway(*groups).pvalue)
    found = fit(over.values, [alike])
    value, error = found.coefficients[-1], found.covariance[-1, -1] ** 0.5
    freedom = over.degrees
    yield "distance: family intercept", float(2 * stats.t.sf(abs(value / error), freedom))
