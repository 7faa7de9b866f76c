"""Small panels: from numbers that are known, and from simulated items with planted effects."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from xstilts.analysis.inference.bootstrap import Sample, resample
from xstilts.analysis.inputs.evidence import Evidence
from xstilts.analysis.inputs.items import Items
from xstilts.analysis.inputs.panel import Panel
from xstilts.config.languages import LANGUAGES

# target to (recipe, seed) to language to score in points
Scores = Mapping[str, Mapping[tuple[str, int], Mapping[str, float]]]


def panel_of(samples: Mapping[str, Sample], recipes: Sequence[str], **more: object) -> Panel:
    """A panel of real languages."""
    evidence = Evidence("enc", samples)
    return Panel(evidence=evidence, recipes=tuple(recipes), languages=LANGUAGES, **more)


def known_panel(
    scores: Scores,
    *,
    draws: int = 0,
    noise: float = 1.0,
    sampled: bool = True,
    count: int = 100,
    **more: object,
) -> Panel:
    """Observed scores, and draws around them with noise of this size for every cell."""
    rng = np.random.default_rng(7)
    samples, recipes = {}, {}
    for target, held in scores.items():
        cells = tuple(sorted(held))
        recipes |= dict.fromkeys(recipe for recipe, _ in held)
        languages = tuple(next(iter(held.values())))
        observed = np.array([[[held[cell][code] for code in languages] for cell in cells]])
        drawn = np.repeat(observed, draws, axis=0)
        if sampled:
            drawn = drawn + rng.normal(0, noise, drawn.shape)
        samples[target] = Sample(
            cells=cells,
            languages=languages,
            scores=np.concatenate([observed, drawn]).astype(np.float32),
            counts=dict.fromkeys(languages, count),
            sampled=sampled,
        )
    return panel_of(samples, tuple(recipes), **more)


def simulated_panel(
    rng: np.random.Generator,
    gains: Mapping[str, float],
    *,
    name: str,
    units: int,
    draws: int,
    seeds: int = 1,
    seed_noise: float = 0.0,
    targets: Sequence[str] = ("panx",),
    level: float = 0.5,
) -> Panel:
    """Items that are right or wrong, in languages that a recipe helps by so many points.

    Items differ in ease, the same for all recipes and seeds. Each run has a seed effect, in
    points, which all its languages share.
    """
    samples = {}
    cells = tuple((recipe, seed) for recipe in ("mnli", "none") for seed in range(1, seeds + 1))
    helped = np.array([recipe == "mnli" for recipe, _ in cells])
    for target in targets:
        of_run = rng.normal(0, seed_noise, len(cells)) if seeds > 1 else np.zeros(len(cells))
        items = {}
        for code, gain in gains.items():
            ease = rng.uniform(-0.3, 0.3, (units, 1))
            chances = level + ease + (helped * gain + of_run) / 100
            items[code] = Items(
                numerator=(rng.random((units, len(cells))) < chances).astype(np.float32),
                denominator=np.ones((units, 1), np.float32),
                count=units,
            )
        samples[target] = Sample(
            cells=cells,
            languages=tuple(gains),
            scores=resample(items, name=f"{name} {target}", parallel=False, draws=draws),
            counts=dict.fromkeys(gains, units),
        )
    return panel_of(samples, ("none", "mnli"))


def only(rows: Sequence[Mapping], **wanted: object) -> Mapping:
    """The one row with these values."""
    (found,) = [
        row for row in rows if all(row.get(name) == value for name, value in wanted.items())
    ]
    return found
