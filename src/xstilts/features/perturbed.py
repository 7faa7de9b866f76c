"""Perturbed items and their features, as prediction and retrieval read them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pyarrow as pa

from xstilts.config.tasks import Kind
from xstilts.data.schemas import read_items
from xstilts.errors import XstiltsError
from xstilts.features.batches import Features


@dataclass(frozen=True)
class Perturbed:
    """Items in `schemas.DATA`, the condition of each, and features of them all."""

    data: pa.Table
    conditions: Sequence[str]
    features: Features

    @classmethod
    def read(cls, data: Sequence[str], features: Sequence[str], kind: Kind) -> Perturbed | None:
        """From one file of each, as a rule lists its inputs; None where it lists none.

        Raises:
            XstiltsError: the data have other columns, or name no condition.
        """
        if not data:
            return None
        items, conditions = read_items(data[0], kind)
        if conditions is None:
            raise XstiltsError("no column condition", where=data[0])
        return cls(items, conditions.to_pylist(), Features.read(Path(features[0])))

    @cached_property
    def rows(self) -> dict[str, list[int]]:
        """Condition to its rows, in order."""
        found: dict[str, list[int]] = {}
        for row, condition in enumerate(self.conditions):
            found.setdefault(condition, []).append(row)
        return found
