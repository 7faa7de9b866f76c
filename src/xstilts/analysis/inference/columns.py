"""Weighted sums of many columns of draws, from their covariance."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np

from xstilts.analysis.inference.draws import Draws, side_by_side
from xstilts.analysis.inference.estimates import Estimates, Noise, covariance, of_noise


class Columns:
    """Scores or gains of the languages of several targets, and sums of them.

    Means over languages, families and targets are sums of columns, so the standard error of each
    follows from one covariance matrix: exactly as from the sum in every draw, in a small part of
    the time.

    Args:
        parts: of each target, (1 + draws, columns).
    """

    def __init__(self, parts: Mapping[str, Draws]) -> None:
        self._parts = parts
        ends = np.cumsum([part.observed.shape[-1] for part in parts.values()]).tolist()
        self._places = {
            target: slice(start, end)
            for target, start, end in zip(parts, [0, *ends[:-1]], ends, strict=True)
        }
        self._width = ends[-1] if ends else 0

    def estimates(
        self,
        sums: Sequence[Mapping[str, np.ndarray]],
        scale: float = 1.0,
        offsets: Sequence[float] | float = 0.0,
    ) -> Estimates:
        """One estimate a sum.

        Args:
            sums: each is target to (columns,) weights; all of the same targets.
            scale: a factor of all weights.
            offsets: what is added to each sum.
        """
        weights = np.zeros((self._width, len(sums)))
        for number, held in enumerate(sums):
            for target, column in held.items():
                weights[self._places[target], number] = scale * column
        used = [self._parts[target] for target in sums[0]]
        # Seeds of the targets that are summed, not of all there are.
        about = Draws(
            both=used[0].both[:2],
            items=used[0].items[:2],
            seeds_alone=used[0].seeds_alone[:2],
            seeds=min(part.seeds for part in used),
            most_seeds=max(part.most_seeds for part in used),
            sampled=all(part.sampled for part in used),
        )
        value = self._joined.observed @ weights + np.asarray(offsets)
        if not about.basis:
            return of_noise(value, None, about)
        both, items, seeds = (
            np.maximum(np.einsum("cn,cn->n", weights, matrix @ weights), 0)
            for matrix in self._covariances
        )
        return of_noise(value, Noise.of(both, items, seeds, several=about.most_seeds > 1), about)

    @cached_property
    def _joined(self) -> Draws:
        return side_by_side(list(self._parts.values()))

    @cached_property
    def _covariances(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Of all columns, with items and seeds resampled, with items alone, with seeds alone."""
        joined = self._joined
        both = covariance(joined.both)
        items = both if joined.items is joined.both else covariance(joined.items)
        return both, items, covariance(joined.seeds_alone)
