"""What a grid that is not finished lacks, as the reports show it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl


@dataclass(frozen=True)
class Incomplete:
    """What is missing of the cells that an experiment has; nothing unless said otherwise.

    Attributes:
        messages: sentences for the top of every page; empty where nothing is missing.
        cells: (encoder, recipe, target) that lack some seed, or all.
        compared: encoder to the recipes and targets on which recipes are compared, None where that
            is all.
    """

    messages: tuple[str, ...] = ()
    cells: frozenset[tuple[str, str, str]] = frozenset()
    compared: Mapping[str, tuple[list[str], list[str]]] | None = None

    @classmethod
    def of(cls, unfinished: Mapping[str, Any] | None) -> Incomplete:
        """From the parameter `unfinished` of a job (`finished.Scope`), None if it has none."""
        if unfinished is None:
            return cls()
        return cls(
            messages=tuple(unfinished["messages"]),
            cells=frozenset(map(tuple, unfinished["incomplete"])),
            compared={name: tuple(block) for name, block in unfinished["compared"].items()},
        )

    def comparable(self, scores: pl.DataFrame) -> pl.DataFrame:
        """The rows on which recipes are compared, of a table with encoder, recipe and target."""
        if self.compared is None:
            return scores
        blocks = [
            (pl.col("encoder") == encoder)
            & pl.col("recipe").is_in(recipes)
            & pl.col("target").is_in(targets)
            for encoder, (recipes, targets) in self.compared.items()
        ]
        return scores.filter(pl.any_horizontal(blocks))
