"""Paired bootstrap over items and seeds.

In each draw the clusters of items of a language are resampled with replacement, the same ones for
every recipe and seed, on parallel tasks the same ones for every language (Koehn 2004; Dror et al.
2017; of clusters Miller 2024). Then seeds are resampled with replacement, the same ones for every
recipe and target. Of n seeds n - 1 are drawn, with which the variance over draws is that of a mean
of n (Rao and Wu 1988): n would understate it, of three seeds by a third. Still, an interval over
few seeds cannot reach beyond the seeds that were run, and where they differ more than items do it
is too narrow.

Which sentences without a translation are paired depends on the cell, so they are no part of what is
drawn from: each is drawn by itself, as often as Poisson's distribution says, which is how often one
of many is drawn with replacement. So the draws of two cells are the same whatever others there are.

All random choices derive from what they are for, so they do not depend on the order of files, on
the encoder, or on which other targets there are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy import stats

from xstilts.analysis.inputs.items import CellFile, Items, read_items
from xstilts.config.seeds import derive_seed
from xstilts.config.tasks import TARGETS

DRAWS = 10_000

# Counts are drawn in pieces that stay in the cache, and multiplied in pieces of some 16 MB.
_DRAWN_AT_ONCE = 65_536
_MULTIPLIED_AT_ONCE = 4_000_000
# How often one of many is drawn, by equally probable numbers: Poisson's distribution of mean 1.
_TIMES = np.searchsorted(
    stats.poisson.cdf(np.arange(16), 1), (np.arange(2**16) + 0.5) / 2**16
).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """The main score of each cell of one encoder and target, observed and in each draw.

    Attributes:
        cells: (recipe, seed), sorted.
        languages: those that all cells of the target have, whatever the encoder.
        scores: float32, (1 + draws, cells, languages), in points; row 0 is what was observed.
        counts: language to the number of its items.
        clusters: language to the number of clusters of its items, where they are known.
        design_effects: language to the variance of its scores with clusters over that with
            independent items, where items are known.
        sampled: whether the draws are of items; else every draw holds what was observed.
        observed: (cells, languages), what was observed in double precision; None where only
            row 0 of `scores` is known.
    """

    cells: tuple[tuple[str, int], ...]
    languages: tuple[str, ...]
    scores: np.ndarray
    counts: Mapping[str, int]
    clusters: Mapping[str, int] = field(default_factory=dict)
    design_effects: Mapping[str, float] = field(default_factory=dict)
    sampled: bool = True
    observed: np.ndarray | None = None


def sample_of(
    files: Sequence[CellFile],
    languages: tuple[str, ...],
    *,
    split: str,
    draws: int,
    left_out: Collection[tuple[str, str]] = (),
) -> Sample:
    """The draws of the cells of one encoder and target, without (language, group) left out."""
    task = TARGETS[files[0].target]
    items = read_items(files, languages, split, left_out)
    return Sample(
        cells=tuple((file.recipe, file.seed) for file in files),
        languages=languages,
        scores=resample(items, name=task.key, parallel=task.parallel, draws=draws),
        counts={language: held.count for language, held in items.items()},
        clusters={language: held.clusters for language, held in items.items()},
        design_effects={language: held.design_effect for language, held in items.items()},
        observed=observed_scores(items),
    )


def observed_scores(items: Mapping[str, Items]) -> np.ndarray:
    """(cells, languages): 100 times the ratio of the sums, 0 where a denominator is 0."""
    columns = []
    for held in items.values():
        above, below = (
            part.sum(axis=0, dtype=float) for part in (held.numerator, held.denominator)
        )
        below = np.broadcast_to(below, above.shape)
        columns.append(np.divide(above, below, out=np.zeros_like(above), where=below > 0))
    return 100 * np.stack(columns, axis=1)


def resample(items: Mapping[str, Items], *, name: str, parallel: bool, draws: int) -> np.ndarray:
    """(1 + draws, cells, languages), float32: 100 times the ratio of the resampled sums.

    0 where a denominator is 0, as in `xstilts.scoring.metrics.counts`.

    Args:
        items: of each language; the same clusters in all of them if `parallel`.
        name: of what is resampled; random choices derive from it.
    """
    cells = max(held.numerator.shape[1] for held in items.values())
    scores = np.empty((1 + draws, cells, len(items)), dtype=np.float32)
    order = {language: place for place, language in enumerate(items)}
    sizes = {key: len(held.numerator) - len(held.loose) for key, held in items.items()}
    for size in sorted(set(sizes.values())):
        # Languages with equally many clusters share the counts that are drawn, each in an order of
        # its own: as good as counts of their own, and many times faster.
        group = {key: held for key, held in items.items() if sizes[key] == size}
        parts = [
            part[:size] for held in group.values() for part in (held.numerator, held.denominator)
        ]
        sums = _resampled_sums(np.hstack(parts), derive_seed("bootstrap", name, size), draws)
        start = 0
        for language, held in group.items():
            middle = start + cells
            end = middle + held.denominator.shape[1]
            if held.loose:
                loose = np.hstack([held.numerator[size:], held.denominator[size:]])
                sums[:, start:end] += _loose_sums(loose, held.loose, (name, language), draws)
            above, below = sums[:, start:middle], sums[:, middle:end]
            start = end
            ratio = np.divide(
                above,
                below,
                out=np.zeros_like(above),
                where=np.broadcast_to(below, above.shape) > 0,
            )
            if not parallel:
                random = _random("bootstrap", name, "order", language)
                ratio[1:] = ratio[1 + random.permutation(draws)]
            scores[:, :, order[language]] = 100 * ratio
    return scores


def _resampled_sums(values: np.ndarray, seed: int, draws: int) -> np.ndarray:
    """(1 + draws, columns): column sums of `values`, then those of rows drawn with replacement."""
    random = np.random.Generator(np.random.SFC64(seed))
    units = len(values)
    sums = np.zeros((1 + draws, values.shape[1]), dtype=np.float32)
    if not units:
        return sums
    sums[0] = values.sum(axis=0, dtype=np.float64)
    rows = max(1, min(draws, _MULTIPLIED_AT_ONCE // units))
    weights = np.empty((rows, units), dtype=np.float32)
    for start in range(0, draws, rows):
        part = weights[: min(rows, draws - start)]
        _draw_counts(random, part)
        sums[1 + start : 1 + start + len(part)] = part @ values
    return sums


def _loose_sums(
    values: np.ndarray, names: Sequence[str], place: tuple[str, str], draws: int
) -> np.ndarray:
    """(1 + draws, columns): as `_resampled_sums`, each row drawn by itself."""
    sums = np.empty((1 + draws, values.shape[1]), dtype=np.float32)
    sums[0] = values.sum(axis=0, dtype=np.float64)
    sums[1:] = 0
    rows = max(1, _MULTIPLIED_AT_ONCE // max(1, draws))
    for start in range(0, len(names), rows):
        part = names[start : start + rows]
        counts = np.empty((len(part), draws), dtype=np.float32)
        for row, each in zip(counts, part, strict=True):
            numbers = _random("bootstrap", *place, each).integers(0, len(_TIMES), draws, np.uint16)
            row[:] = _TIMES[numbers]
        sums[1:] += counts.T @ values[start : start + rows]
    return sums


def _draw_counts(random: np.random.Generator, counts: np.ndarray) -> None:
    """Fill each row with how often each of its units is drawn, in as many draws as units."""
    units = counts.shape[1]
    rows = max(1, _DRAWN_AT_ONCE // units)
    for start in range(0, len(counts), rows):
        part = counts[start : start + rows]
        drawn = random.integers(0, units, size=part.shape)
        drawn += (np.arange(len(part)) * units)[:, None]
        part[:] = np.bincount(drawn.ravel(), minlength=part.size).reshape(part.shape)


def seed_weights(count: int, draws: int) -> np.ndarray:
    """(1 + draws, seeds): the weight of each of `count` seeds, observed and in each draw."""
    weights = np.zeros((1 + draws, count))
    weights[0] = 1 / count
    picks = max(1, count - 1)
    every = np.arange(1, 1 + draws)
    for number in range(picks):
        # One stream a pick: seed sets of equal size get the same places, others similar ones.
        chosen = (_random("bootstrap", "seeds", number).random(draws) * count).astype(int)
        weights[every, chosen] += 1 / picks
    return weights


def _random(*parts: object) -> np.random.Generator:
    return np.random.Generator(np.random.SFC64(derive_seed(*parts)))
