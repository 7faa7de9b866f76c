"""What a task kind supplies to the one training loop and the one prediction loop."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor, nn

from xstilts.config.settings import Tokenisation
from xstilts.config.tasks import Task
from xstilts.features.batches import Features

if TYPE_CHECKING:
    from transformers import PreTrainedModel

IGNORED = -100
FEATURES = [("item", pa.int32()), ("input_ids", pa.list_(pa.int32()))]
TYPE_IDS = ("token_type_ids", pa.list_(pa.int8()))
# The number of the adapter that an input passes, for encoders with one a language.
LANGUAGE_IDS = "lang_ids"


class TaskKind(ABC):
    """Features, head, loss and decoding of one kind of task.

    A feature is one model input (a pair, or a window of a longer text); `item` is the row of
    the data table that it belongs to. Outputs of the head are per feature, decoded predictions
    per item.
    """

    columns: ClassVar[list[tuple[str, pa.DataType]]]
    # Whether its inputs are masked anew in every step; the encoder's own head learns from them.
    is_masked: ClassVar[bool] = False
    # Whether its head reads one state for a whole input, and not one for each token.
    pools: ClassVar[bool] = False

    def __init__(self, task: Task) -> None:
        self.task = task

    @abstractmethod
    def featurise(self, data: pa.Table, tokenizer: Any, lengths: Tokenisation) -> pa.Table:
        """Tokenise normalised data.

        Returns:
            Columns `item`, `input_ids`, `token_type_ids` where the encoder has them, and `columns`.
        """

    @abstractmethod
    def head(self, encoder: PreTrainedModel, dropout: float) -> nn.Module:
        """A new head over the token states (batch, tokens, hidden) of `encoder`."""

    @abstractmethod
    def targets(self, features: Features, rows: np.ndarray, width: int) -> Tensor:
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

    def positions(self, features: Features, rows: np.ndarray, width: int) -> Tensor | None:
        """Which of (batch × `width`) tokens the head shall see, None for all of them.

        With positions the head's input is (positions, hidden).
        """
        return None

    def input_lengths(self, features: Features, rows: np.ndarray) -> np.ndarray:
        """Tokens of each model input that these features are made of, in their order.

        A feature is one input, except in multiple choice, where it is one input a choice.
        """
        return features.lengths[rows]

    def inputs(self, features: Features, rows: np.ndarray, pad_id: int) -> dict[str, Tensor]:
        """Padded model inputs (inputs, tokens) of these features."""
        return collate(features, rows, pad_id, self.input_lengths(features, rows))

    def arrange(self, outputs: Tensor, features: Features, rows: np.ndarray) -> Tensor:
        """What the head gives for `inputs` of these features as one row a feature."""
        return outputs

    def decisions(self, features: Features, rows: np.ndarray) -> int:
        """How many decisions the loss of these features sums over."""
        return len(rows)

    def chance_loss(self, features: Features) -> float | None:
        """Mean loss a decision, in nats, of a model that knows nothing of its inputs.

        At most it knows how often each label occurs in `features`. None for masked language
        modelling, where what is asked is drawn anew in every step.
        """
        return None

    def is_constant(self, predictions: Sequence[Any]) -> bool:
        """Whether decoded predictions are all the same one; a single one is, none are not."""
        return len(set(predictions)) == 1

    def schema(self, *, type_ids: bool) -> pa.Schema:
        """Schema of the feature table."""
        return pa.schema([*FEATURES, *([TYPE_IDS] if type_ids else []), *self.columns])


def language_column(numbers: np.ndarray) -> tuple[pa.Field, pa.Array]:
    """The column of a feature table with the number of each feature's adapter."""
    return pa.field(LANGUAGE_IDS, pa.int16()), pa.array(numbers, pa.int16())


def collate(
    features: Features, rows: np.ndarray, pad_id: int, lengths: np.ndarray | None = None
) -> dict[str, Tensor]:
    """Padded model inputs (inputs, tokens) of these rows, one a row or cut into `lengths`."""
    ids, own = features.ragged("input_ids").flat(rows)
    lengths = own if lengths is None else lengths
    real = np.arange(lengths.max(initial=0)) < lengths[:, None]
    inputs = {
        "input_ids": _filled(real, ids, pad_id),
        "attention_mask": torch.from_numpy(real.astype(np.int64)),
    }
    if "token_type_ids" in features.names:
        inputs["token_type_ids"] = _filled(real, features.ragged("token_type_ids").flat(rows)[0], 0)
    if LANGUAGE_IDS in features.names:
        # A row's inputs are cut out of its tokens one after the other.
        row_of = np.searchsorted(own.cumsum(), lengths.cumsum())
        numbers = features.column(LANGUAGE_IDS)[rows[row_of]]
        inputs[LANGUAGE_IDS] = torch.from_numpy(numbers.astype(np.int64))
    return inputs


def _filled(real: np.ndarray, values: np.ndarray, fill: int) -> Tensor:
    matrix = np.full(real.shape, fill, dtype=np.int64)
    matrix[real] = values
    return torch.from_numpy(matrix)


def entropy(labels: np.ndarray) -> float:
    """Entropy in nats of how often each of `labels` occurs, 0 of none."""
    _, counts = np.unique(labels, return_counts=True)
    shares = counts / max(1, counts.sum())
    return float((shares * np.log(1 / shares)).sum())
