"""What a task kind supplies to the one training loop and the one prediction loop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor, nn

from xstilts.batches import Features, pad
from xstilts.settings import Tokenisation
from xstilts.tasks import Task

if TYPE_CHECKING:
    from transformers import PreTrainedModel

IGNORED = -100
FEATURES = [("item", pa.int32()), ("input_ids", pa.list_(pa.int32()))]
TYPE_IDS = ("token_type_ids", pa.list_(pa.int8()))


class TaskKind(ABC):
    """Features, head, loss and decoding of one kind of task.

    A feature is one model input (a pair, or a window of a longer text); `item` is the row of
    the data table that it belongs to. Outputs of the head are per feature, decoded predictions
    per item.
    """

    columns: ClassVar[list[tuple[str, pa.DataType]]]

    def __init__(self, task: Task) -> None:
        self.task = task

    @abstractmethod
    def featurise(self, data: pa.Table, tokenizer: Any, lengths: Tokenisation) -> pa.Table:
        """Tokenise normalised data: columns `item`, `input_ids`, `token_type_ids` where the
        encoder has them, and `columns`."""

    @abstractmethod
    def head(self, encoder: PreTrainedModel, dropout: float) -> nn.Module:
        """A new head over the token states (batch, tokens, hidden) of `encoder`."""

    @abstractmethod
    def targets(self, features: Features, rows: Sequence[int], width: int) -> Tensor:
        """Gold targets of these features, padded to `width` tokens where they are per token."""

    @abstractmethod
    def loss(self, outputs: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
        """Cross-entropy summed over decisions; `mask` (batch, tokens) is 0 on padding."""

    @abstractmethod
    def decode(
        self,
        outputs: Sequence[np.ndarray],
        features: Features,
        data: pa.Table,
        max_answer_length: int,
    ) -> list[Any]:
        """Predictions in the order of `data`'s rows from the outputs of all features.

        `outputs[i]` belongs to feature i; per-token outputs have the feature's own length.
        """

    def draw(
        self,
        features: Features,
        rows: np.ndarray,
        tokenizer: Any,
        *,
        mask_ratio: float,
        seed: int,
    ) -> tuple[Features, np.ndarray]:
        """What one training step sees of these rows: features, and which of them.

        Only masked language modelling sees the same text differently in every step.
        """
        return features, rows

    def positions(self, features: Features, rows: Sequence[int], width: int) -> Tensor | None:
        """Which of (batch × `width`) tokens the head shall see, None for all of them.

        With positions the head's input is (positions, hidden).
        """
        return None

    def decisions(self, features: Features, rows: Sequence[int]) -> int:
        """How many decisions the loss of these features sums over."""
        return len(rows)

    def schema(self, *, type_ids: bool) -> pa.Schema:
        """Schema of the feature table."""
        return pa.schema([*FEATURES, *([TYPE_IDS] if type_ids else []), *self.columns])


def collate(features: Features, rows: Sequence[int], pad_id: int) -> dict[str, Tensor]:
    """Padded model inputs (features, tokens) of these rows."""
    ids = [features.ragged("input_ids").row(i) for i in rows]
    lengths = np.array([len(row) for row in ids])
    inputs = {"input_ids": torch.from_numpy(pad(ids, pad_id))}
    width = inputs["input_ids"].shape[1]
    inputs["attention_mask"] = torch.from_numpy(
        (np.arange(width) < lengths[:, None]).astype(np.int64)
    )
    if "token_type_ids" in features.names:
        types = [features.ragged("token_type_ids").row(i) for i in rows]
        inputs["token_type_ids"] = torch.from_numpy(pad(types, 0))
    return inputs
