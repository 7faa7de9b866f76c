"""The draws of all cells of one encoder, and comparisons of its recipes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
import polars as pl

from xstilts.analysis.inference.bootstrap import DRAWS, Sample, sample_of, seed_weights
from xstilts.analysis.inference.draws import FEWER_DRAWS, SEED_DRAWS, Draws
from xstilts.analysis.inputs.items import (
    CLEAN,
    cell_files,
    languages_of,
    of_target,
    shared_languages,
)
from xstilts.config.recipes import NONE
from xstilts.config.tasks import TARGETS
from xstilts.scoring.averages import check_scores, main_metrics


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
        self._gains: dict[tuple[str, str, str], Draws] = {}
        self._weights: dict[int, np.ndarray] = {}

    @cached_property
    def draws(self) -> int:
        """How many draws there are; 0 where scores are known but not the items."""
        return min((len(sample.scores) - 1 for sample in self.samples.values()), default=0)

    @property
    def has_items(self) -> bool:
        """Whether items are resampled in every target."""
        return bool(self.draws) and all(sample.sampled for sample in self.samples.values())

    def seeds(self, recipe: str, target: str) -> tuple[int, ...]:
        """The seeds of a recipe on a target that are used, in order."""
        cells = self._places.get(target, {})
        return tuple(sorted(seed for name, seed in cells if name == recipe))

    def common_seeds(self, target: str, recipe: str, other: str = NONE) -> tuple[int, ...]:
        """The seeds over which a recipe is compared with another on a target, in order."""
        ours, theirs = self.seeds(recipe, target), self.seeds(other, target)
        # Without training nothing depends on the seed, so one cell stands for all.
        if self._is_one_for_all_seeds(recipe, target):
            ours = ours and theirs
        elif self._is_one_for_all_seeds(other, target):
            theirs = theirs and ours
        return tuple(seed for seed in ours if seed in theirs)

    def scores(self, target: str, recipe: str, beside: str | None = None) -> Draws | None:
        """(1 + draws, languages of the target's sample): a recipe's main scores in points.

        Args:
            beside: a recipe with which the seeds have to be shared, so that the two can be
                compared draw by draw.

        Returns:
            None where the recipe has no seed on the target, or none in common.
        """
        seeds = self.common_seeds(target, recipe, beside or recipe)
        if not seeds:
            return None
        places = self._places_of(target, recipe, seeds)
        return self._drawn(target, places, self.seed_weights(len(places)), seeds=len(seeds))

    def _drawn(
        self, target: str, places: Sequence[int], weights: np.ndarray | None, *, seeds: int
    ) -> Draws:
        """The mean of these cells of a target, which stand for so many seeds.

        Args:
            weights: (1 + draws, places), of each cell in each draw; None if seeds are not drawn.
        """
        held = self.samples[target]
        scores = held.scores[:, places]
        items = scores.mean(axis=1)
        seed_draws = min(len(items), 1 + SEED_DRAWS)
        return Draws(
            both=items
            if weights is None or len(places) == 1
            else np.einsum("bs,bsl->bl", weights, scores),
            items=items,
            seeds_alone=np.repeat(items[:1], seed_draws, axis=0)
            if weights is None
            else weights[:seed_draws] @ scores[0],
            exact=None if held.observed is None else held.observed[places].mean(axis=0)[None],
            seeds=seeds,
            most_seeds=seeds,
            sampled=held.sampled,
        )

    @cached_property
    def everything(self) -> Evidence:
        """What was observed of all seeds, those that are left out among them; without draws."""
        return Evidence(self.encoder, self._with_draws(0))

    @cached_property
    def fewer(self) -> Evidence:
        """The first `FEWER_DRAWS` draws alone, for quantities that are costly to compute."""
        return Evidence(self.encoder, self._with_draws(FEWER_DRAWS), self.left_out)

    def _with_draws(self, draws: int) -> dict[str, Sample]:
        """The samples with the first draws alone."""
        return {
            target: replace(sample, scores=sample.scores[: 1 + draws])
            for target, sample in self.samples.items()
        }

    def collapsed_seeds(self, recipe: str, target: str) -> tuple[int, ...]:
        """The seeds of a recipe on a target that are left out because they collapsed."""
        gone = [seed for name, key, seed in self.left_out if (name, key) == (recipe, target)]
        return tuple(sorted(gone))

    def gain(self, target: str, recipe: str, other: str = NONE) -> Draws | None:
        """(1 + draws,): by how many points a recipe's task score is above the other's.

        A task score is XTREME's: the mean over all languages of the target, English among them.
        None where the two have no seed in common.
        """
        key = (target, recipe, other)
        if key not in self._gains:
            after = self.scores(target, recipe, other)
            before = self.scores(target, other, recipe)
            if after is None or before is None:
                return None
            self._gains[key] = after.minus(before).map(
                lambda scores: scores.mean(axis=-1, dtype=float)
            )
        return self._gains[key]

    def mean_over_seeds(self, values: Mapping[int, float]) -> Draws:
        """(1 + draws,): the mean of one value a seed, which no item changes."""
        ordered = np.array([values[seed] for seed in sorted(values)])
        weights = self.seed_weights(len(ordered))
        return Draws(
            both=weights @ ordered,
            items=np.full(len(weights), ordered.mean()),
            seeds_alone=weights[: 1 + SEED_DRAWS] @ ordered,
            seeds=len(ordered),
            most_seeds=len(ordered),
        )

    def seed_weights(self, count: int) -> np.ndarray:
        """(1 + draws, seeds): the weight of each of `count` seeds in each draw."""
        if count not in self._weights:
            self._weights[count] = seed_weights(count, self.draws)
        return self._weights[count]

    def _places_of(self, target: str, recipe: str, seeds: Sequence[int]) -> list[int]:
        """The cells that stand for a recipe's seeds in the sample of a target."""
        if self._is_one_for_all_seeds(recipe, target):
            seeds = self.seeds(recipe, target)[:1]
        return [self._places[target][recipe, seed] for seed in seeds]

    def _is_one_for_all_seeds(self, recipe: str, target: str) -> bool:
        return recipe == NONE and TARGETS[target].train_set is None


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
        paths: prediction files (`metrics.prediction_schema`) of any cells, in any order.
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
        XstiltsError: the table is not a table of scores (see `averages.summarise`).
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
        cells = rows.pivot("language", index=["encoder", "recipe", "seed"], values="value")
        common = [code for code in cells.columns[3:] if not cells[code].null_count()]
        languages = shared_languages(target, [set(common)])
        if not languages:
            continue
        for (encoder,), ours in cells.partition_by(
            "encoder", include_key=False, as_dict=True
        ).items():
            known = dict(rows.filter(encoder=encoder).select("language", "n").iter_rows())
            values = ours.select(languages).to_numpy().astype(np.float32)
            samples.setdefault(encoder, {})[target] = Sample(
                cells=tuple(ours.select("recipe", "seed").iter_rows()),
                languages=languages,
                scores=np.repeat(values[None], 1 + draws, axis=0),
                counts={language: known[language] or 0 for language in languages},
                sampled=False,
            )
    return [
        Evidence(encoder, held, _of_encoder(left_out, encoder)) for encoder, held in samples.items()
    ]


def _of_encoder(cells: Set[tuple[str, str, str, int]], encoder: str) -> set[tuple[str, str, int]]:
    return {(recipe, target, seed) for name, recipe, target, seed in cells if name == encoder}
