"""Whether recipes rank alike between seeds: the table `tables.STABILITY`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np
from scipy import stats

from xstilts.analysis.fairness.formulas import finite, quotient
from xstilts.analysis.inference.adjust import NOT_ENOUGH, Statement, holm, judge
from xstilts.analysis.inference.draws import mean_of, stack
from xstilts.analysis.inference.estimates import estimates
from xstilts.analysis.inputs.panel import Panel
from xstilts.analysis.tables import EVERY, Row, or_null
from xstilts.config.recipes import NONE
from xstilts.config.tasks import TARGETS

BELOW_BEST = "below_best"
CLEARLY_BELOW, MAY_BE_BEST = "below the best", "may be the best"

# Recipe to seed to score.
_BySeed = dict[str, dict[int, float]]


def stability_rows(panel: Panel) -> list[dict]:
    """The rows of `tables.STABILITY`.

    Ranked is what several seeds have in common: of recipes with several, the seeds that all of
    these have. Targets are averaged if all recipes have them.
    """
    rows = []
    for target in (*panel.targets, EVERY):
        targets = panel.common if target == EVERY else (target,)
        if targets:
            head = {"encoder": panel.evidence.encoder, "target": target}
            rows += [{**head, **row} for row in _rows(panel, targets)]
    return rows


def _rows(panel: Panel, targets: Sequence[str]) -> Iterator[dict]:
    by_seed = _by_seed(panel, targets)
    ranked = {recipe: held for recipe, held in by_seed.items() if len(held) > 1}
    seeds = sorted(set.intersection(*map(set, ranked.values()))) if ranked else []
    if len(seeds) > 1 and len(ranked) > 1:
        scores = np.array([[held[seed] for held in ranked.values()] for seed in seeds])
        pairs = [kendall_tau_b(one, other) for one, other in combinations(scores, 2)]
        known = {"recipes": len(ranked), "seeds": len(seeds)}
        yield {"measure": "kendall_tau", "value": or_null(float(np.mean(pairs))), **known}
        yield {"measure": "kendall_w", "value": or_null(kendall_w(scores)), **known}
    yield from _best(panel, targets, list(by_seed))
    for recipe, held in by_seed.items():
        # Of an untrained target the baseline has one run, whatever seeds it stands for.
        runs = min(len(held), max(len(panel.evidence.seeds(recipe, key)) for key in targets))
        yield {
            "measure": "spread_over_seeds",
            "name": recipe,
            "value": float(np.std(list(held.values()), ddof=1)) if runs > 1 else None,
            "recipes": 1,
            "seeds": runs,
        }


def _best(panel: Panel, targets: Sequence[str], recipes: Sequence[str]) -> Iterator[dict]:
    """By how much each recipe's mean over languages is below the observed best.

    Each recipe could have been the best, so p is adjusted by Holm over all pairs; of pairs that are
    not compared p counts as 1.
    """
    means = []
    for recipe in recipes:
        scores = []
        for target in targets:
            held = panel.scores(target, recipe)
            assert held is not None, f"{recipe} has no scores of {target}"
            scores.append(held.map(lambda s: s.mean(-1)))
        means.append(mean_of(scores))
    if len(recipes) < 2:
        return
    levels = stack(means)
    best = int(levels.observed.argmax())
    others = [place for place in range(len(recipes)) if place != best]
    found = list(estimates(levels.map(lambda series: series[:, [best]] - series[:, others])))
    if any(each.p is None for each in found):
        return
    rows: list[Row] = [
        {
            "measure": BELOW_BEST,
            "name": recipes[place],
            **each.columns,
            "basis": levels.basis,
            "recipes": len(recipes),
            "seeds": levels.seeds,
        }
        for place, each in zip(others, found, strict=True)
    ]
    words = (MAY_BE_BEST, CLEARLY_BELOW)
    pairs = len(recipes) * (len(recipes) - 1) // 2
    judge(
        (
            Statement(row=row, estimate=each, words=words, seeds=levels.seeds)
            for row, each in zip(rows, found, strict=True)
        ),
        holm,
        more=pairs - len(rows),
    )
    for row in rows:
        if row["verdict"] == NOT_ENOUGH:
            row["verdict"] = MAY_BE_BEST
    yield from rows


def _by_seed(panel: Panel, targets: Sequence[str]) -> _BySeed:
    """The mean over targets of the means over languages, of the seeds that all targets have."""
    each = [_in_target(panel, target) for target in targets]
    return {
        recipe: {
            seed: float(np.mean([scores[recipe][seed] for scores in each]))
            for seed in sorted(set.intersection(*(set(scores[recipe]) for scores in each)))
        }
        for recipe in panel.recipes
        if all(scores.get(recipe) for scores in each)
    }


def _in_target(panel: Panel, target: str) -> _BySeed:
    sample = panel.evidence.samples[target]
    places = [sample.languages.index(code) for code in panel.codes(target)]
    means = sample.scores[0][:, places].mean(axis=1, dtype=float).tolist()
    cells = dict(zip(sample.cells, means, strict=True))
    found = {
        recipe: {seed: cells[recipe, seed] for seed in panel.evidence.seeds(recipe, target)}
        for recipe in panel.recipes
    }
    if TARGETS[target].train_set is None and found.get(NONE):
        # Nothing is trained, so nothing depends on the seed: one run stands for all.
        every = sorted({seed for held in found.values() for seed in held})
        found[NONE] = dict.fromkeys(every, next(iter(found[NONE].values())))
    return found


def kendall_tau_b(x: np.ndarray, y: np.ndarray) -> float:
    """Kendall's tau-b (scipy's), -1 to 1: 1 where both rank alike, 0 where they do not at all.

    nan where x or y is tied throughout, as with fewer than two recipes. Between seeds, or between
    the English development set and a target: the former is often a poor guide to the latter (Keung
    et al. 2020).

    Args:
        x, y: (recipes,): scores or ranks.

    Raises:
        ValueError: if x and y do not have as many recipes.
    """
    x, y = finite(x), finite(y)
    if x.shape != y.shape or x.ndim != 1:
        raise ValueError(f"recipes {x.shape} and {y.shape} are no pairs")
    return float(stats.kendalltau(x, y).statistic) if len(x) > 1 else np.nan


def kendall_w(scores: np.ndarray) -> float:
    """Kendall's W, 0 to 1: 1 where all raters rank the items alike.

    12 S / (m² (n³ - n) - m T): S the squared deviations of rank sums from their mean, and T the
    sum of t³ - t over each rater's groups of t tied items, which share their mean rank. nan where
    all raters tie all items, for fewer than two items, and for one rater. W is above 0 by chance,
    on average 1 / m.

    Args:
        scores: (raters, items): scores or ranks, e.g. of seeds and recipes.

    Raises:
        ValueError: if scores have other axes.
    """
    scores = finite(scores)
    if scores.ndim != 2:
        raise ValueError(f"scores have to be (raters, items), not {scores.shape}")
    raters, items = scores.shape
    ranks = stats.rankdata(scores, axis=1)
    sums = ranks.sum(axis=0) - raters * (items + 1) / 2
    # tiecorrect is 1 - (sum of t³ - t) / (n³ - n).
    untied = sum(stats.tiecorrect(row) for row in ranks)
    most = raters * (items**3 - items) * untied
    return float(quotient(12 * (sums**2).sum(), most * (raters > 1)))
