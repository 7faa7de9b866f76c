"""Whether recipes rank alike between seeds: the table `findings.STABILITY`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations

import numpy as np

from xstilts.analysis.agreement import best_stays_best, kendall_tau_b, kendall_w
from xstilts.analysis.findings import EVERY
from xstilts.analysis.inference.draws import basis_of, combine, mean_of
from xstilts.analysis.panel import Panel
from xstilts.recipes import NONE
from xstilts.tasks import TARGETS

# Recipe to seed to score.
_BySeed = dict[str, dict[int, float]]


def stability_rows(panel: Panel) -> list[dict]:
    """The rows of `findings.STABILITY`.

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
        yield {"measure": "kendall_tau", "value": _or_none(np.mean(pairs)), **known}
        yield {"measure": "kendall_w", "value": _or_none(kendall_w(scores)), **known}
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
    """The recipe with the greatest mean over languages, and in how many draws it still is."""
    means = [
        mean_of(
            [panel.scores(target, recipe).map(lambda each: each.mean(-1)) for target in targets]
        )
        for recipe in recipes
    ]
    scores = combine(means, lambda series: np.stack(series, axis=-1))
    best, share = best_stays_best(scores.both)
    if len(recipes) > 1 and np.isfinite(share) and basis_of(scores):
        yield {
            "measure": "best_stays_best",
            "name": recipes[best],
            "value": share,
            "recipes": len(recipes),
            "seeds": scores.seeds,
        }


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


def _or_none(value: float | np.ndarray) -> float | None:
    return float(value) if np.isfinite(value) else None
