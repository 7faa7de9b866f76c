"""The draws of all cells of one encoder, and comparisons of its recipes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from xstilts.analysis.inference.bootstrap import DRAWS, Sample, sample_of, seed_weights
from xstilts.analysis.inference.draws import RUN_DRAWS, Draws
from xstilts.analysis.items import CLEAN, cell_files, languages_of, of_target, shared_languages
from xstilts.recipes import NONE
from xstilts.summary import check_scores, main_metrics
from xstilts.tasks import TARGETS


@dataclass(frozen=True, kw_only=True)
class Pair:
    """Two recipes on one target over the seeds that both have.

    `after` and `before` are (1 + draws, languages), means over the seeds of a draw, in points.
    """

    after: np.ndarray
    before: np.ndarray
    languages: tuple[str, ...]

    @property
    def gain(self) -> np.ndarray:
        """(1 + draws,): the difference of the two task scores, means over languages."""
        return (self.after - self.before).mean(axis=1, dtype=np.float64)


class Evidence:
    """The samples of one encoder, and comparisons of its recipes.

    Args:
        encoder: its name.
        samples: target to its cells.
        left_out: (recipe, target, seed) that are not used, because they collapsed.
    """

    def __init__(
        self,
        encoder: str,
        samples: Mapping[str, Sample],
        left_out: Set[tuple[str, str, int]] = frozenset(),
    ) -> None:
        self.encoder = encoder
        self.samples = samples
        self.left_out = left_out
        self._places = {
            target: {
                cell: place
                for place, cell in enumerate(sample.cells)
                if (cell[0], target, cell[1]) not in left_out
            }
            for target, sample in samples.items()
        }
        self._pairs: dict[tuple[str, str, str], np.ndarray] = {}
        self._weights: dict[int, np.ndarray] = {}

    @cached_property
    def draws(self) -> int:
        """How many draws there are; 0 where scores are known but not the items."""
        return min((len(sample.scores) - 1 for sample in self.samples.values()), default=0)

    def seeds(self, recipe: str, target: str) -> tuple[int, ...]:
        """The seeds of a recipe on a target that are used, in order."""
        cells = self._places.get(target, {})
        return tuple(sorted(seed for name, seed in cells if name == recipe))

    def common_seeds(self, target: str, recipe: str, other: str = NONE) -> tuple[int, ...]:
        """The seeds over which a recipe is compared with another on a target, in order."""
        ours, theirs = self.seeds(recipe, target), self.seeds(other, target)
        if _is_one_for_all_seeds(other, target):
            # Without training nothing depends on the seed, so one cell stands for all.
            theirs = theirs and ours
        return tuple(seed for seed in ours if seed in theirs)

    def pair(self, target: str, recipe: str, other: str = NONE) -> Pair | None:
        """A recipe beside another on a target, None where they have no seed in common."""
        seeds = self.common_seeds(target, recipe, other)
        if not seeds:
            return None
        return Pair(
            after=self._over_seeds(target, recipe, seeds),
            before=self._over_seeds(target, other, seeds),
            languages=self.samples[target].languages,
        )

    def scores(self, target: str, recipe: str, beside: str | None = None) -> Draws | None:
        """(1 + draws, languages of the target's sample): a recipe's main scores in points.

        Args:
            beside: a recipe with which the seeds have to be shared, so that the two can be
                compared draw by draw.

        Returns:
            None where the recipe has no seed on the target, or none in common.
        """
        if beside is None or beside == recipe:
            seeds = self.seeds(recipe, target)
        else:
            seeds = self.common_seeds(target, recipe, beside)
            if _is_one_for_all_seeds(recipe, target):
                seeds = self.common_seeds(target, beside, recipe)
        if not seeds:
            return None
        both = self._over_seeds(target, recipe, seeds)
        places = self._seed_places(target, recipe, seeds)
        return Draws(
            both=both,
            items=self.samples[target].scores[:, places].mean(axis=1),
            runs=self.seed_weights(len(places))[: 1 + RUN_DRAWS]
            @ self.samples[target].scores[0, places],
            seeds=len(seeds),
            most_seeds=len(seeds),
            sampled=self.samples[target].sampled,
        )

    def gain(self, target: str, recipe: str, other: str = NONE) -> np.ndarray | None:
        """(1 + draws,): by how many points a recipe's task score is above the other's."""
        key = (target, recipe, other)
        if key not in self._pairs:
            pair = self.pair(target, recipe, other)
            if pair is None:
                return None
            self._pairs[key] = pair.gain
        return self._pairs[key]

    def mean_over_seeds(self, values: Mapping[int, float]) -> np.ndarray:
        """(1 + draws,): the mean of one value a seed over the seeds of each draw."""
        ordered = np.array([values[seed] for seed in sorted(values)])
        return self.seed_weights(len(ordered)) @ ordered

    def seed_weights(self, count: int) -> np.ndarray:
        """(1 + draws, seeds): the weight of each of `count` seeds in each draw."""
        if count not in self._weights:
            self._weights[count] = seed_weights(count, self.draws)
        return self._weights[count]

    def _over_seeds(self, target: str, recipe: str, seeds: tuple[int, ...]) -> np.ndarray:
        places = self._seed_places(target, recipe, seeds)
        weights = self.seed_weights(len(places))
        return np.einsum("bs,bsl->bl", weights, self.samples[target].scores[:, places])

    def _seed_places(self, target: str, recipe: str, seeds: tuple[int, ...]) -> list[int]:
        cells = self._places[target]
        if _is_one_for_all_seeds(recipe, target):
            seeds = self.seeds(recipe, target)[:1]
        return [cells[recipe, seed] for seed in seeds]


def evidence(
    paths: Iterable[str | Path],
    *,
    recipes: Iterable[str],
    split: str = "test",
    draws: int = DRAWS,
    left_out: Set[tuple[str, str, str, int]] = frozenset(),
) -> Iterator[Evidence]:
    """One encoder after the other, since the draws of one may take hundreds of MB.

    Args:
        paths: prediction files (`schemas.PREDICTIONS`) of any cells, in any order.
        recipes: those that are read.
        split: of which the clean items are read.
        draws: B.
        left_out: (encoder, recipe, target, seed) that are not used.

    Raises:
        XstiltsError: a file holds no predictions of a cell, or two hold the same cell.
    """
    held = {file: languages_of(file, split) for file in cell_files(paths, set(recipes))}
    files = [file for file, found in held.items() if found]
    languages = {
        target: shared_languages(target, [held[file] for file in cells])
        for target, cells in of_target(files).items()
    }
    for encoder in dict.fromkeys(file.encoder for file in files):
        ours = of_target(file for file in files if file.encoder == encoder)
        samples = {
            target: sample_of(cells, languages[target], split=split, draws=draws)
            for target, cells in ours.items()
            if languages[target]
        }
        yield Evidence(encoder, samples, _of_encoder(left_out, encoder))


def evidence_of_scores(
    scores: pl.DataFrame,
    *,
    recipes: Iterable[str],
    split: str = "test",
    draws: int = 0,
    left_out: Set[tuple[str, str, str, int]] = frozenset(),
) -> list[Evidence]:
    """What is known where the items are not: the observed scores.

    Args:
        scores: columns of `schemas.SCORES`.
        draws: in how many draws seeds are resampled; items cannot be.
        recipes, split, left_out: as in `evidence`.

    Raises:
        XstiltsError: the table is not a table of scores (see `summary.summarise`).
    """
    wanted = check_scores(scores).filter(
        pl.col("recipe").is_in(list(recipes)), split=split, condition=CLEAN
    )
    samples: dict[str, dict[str, Sample]] = {}
    for target in TARGETS:
        rows = (
            wanted.filter(pl.col("metric").is_in(main_metrics(target)), target=target)
            .group_by("encoder", "recipe", "seed", "language")
            .agg(pl.col("value").mean(), pl.col("n").max())
            .sort("encoder", "recipe", "seed")
        )
        cells = rows.partition_by("encoder", "recipe", "seed", as_dict=True)
        languages = shared_languages(
            target, [set(held["language"]) for held in cells.values()] or [set()]
        )
        for encoder in rows["encoder"].unique(maintain_order=True) if languages else ():
            ours = {key[1:]: held for key, held in cells.items() if key[0] == encoder}
            values = [dict(held.select("language", "value").iter_rows()) for held in ours.values()]
            known = dict(rows.filter(encoder=encoder).select("language", "n").iter_rows())
            samples.setdefault(encoder, {})[target] = Sample(
                cells=tuple(ours),
                languages=languages,
                scores=np.repeat(
                    np.array(
                        [[[score[language] for language in languages] for score in values]],
                        dtype=np.float32,
                    ),
                    1 + draws,
                    axis=0,
                ),
                counts={language: known[language] or 0 for language in languages},
                sampled=False,
            )
    return [
        Evidence(encoder, held, _of_encoder(left_out, encoder)) for encoder, held in samples.items()
    ]


def _of_encoder(cells: Set[tuple[str, str, str, int]], encoder: str) -> set[tuple[str, str, int]]:
    return {(recipe, target, seed) for name, recipe, target, seed in cells if name == encoder}


def _is_one_for_all_seeds(recipe: str, target: str) -> bool:
    return recipe == NONE and TARGETS[target].train_set is None
