"""Sentence pairs: one label per pair, read off one state for both texts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor, nn
from torch.nn import functional

from xstilts.config.encoders import Pooling
from xstilts.config.settings import Tokenisation
from xstilts.features.batches import Features
from xstilts.features.encoder_config import Usage, hidden_size
from xstilts.features.kinds.base import TaskKind, entropy
from xstilts.features.layout import layout_of, subwords
from xstilts.features.pooling import pooled

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class PairHead(nn.Module):
    """Dense, tanh, linear over one state, as RoBERTa's classification head over the first."""

    def __init__(
        self, hidden_size: int, labels: int, dropout: float, pooling: Pooling = "first"
    ) -> None:
        super().__init__()
        self.pooling: Pooling = pooling
        self.dropout = nn.Dropout(dropout)
        self.dense = nn.Linear(hidden_size, hidden_size)
        self.output = nn.Linear(hidden_size, labels)

    @classmethod
    def over(cls, encoder: PreTrainedModel, labels: int, dropout: float) -> PairHead:
        """A new head over this encoder's states, pooled as its configuration says."""
        config = encoder.config
        return cls(hidden_size(config), labels, dropout, Usage.of(config).pooling)

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """(batch, tokens, hidden) to (batch, labels); `mask` (batch, tokens) is 0 on padding."""
        whole = self.dropout(pooled(states, mask, self.pooling))
        return self.output(self.dropout(torch.tanh(self.dense(whole))))


def fit_pair(first: np.ndarray, second: np.ndarray, capacity: int) -> tuple[np.ndarray, np.ndarray]:
    """Cut the longer text, token by token from its end, until both fit into `capacity`."""
    a, b = len(first), len(second)
    excess = a + b - capacity
    if excess > 0:
        # First level the longer one down to the shorter one, then take from both in turn.
        level = min(excess, abs(a - b))
        a, b = (a - level, b) if a > b else (a, b - level)
        rest = excess - level
        a, b = a - rest // 2, b - (rest - rest // 2)
    return first[:a], second[:b]


class Pair(TaskKind):
    """XNLI, PAWS-X, MNLI."""

    columns: ClassVar = [("label", pa.int32())]
    pools: ClassVar = True

    def featurise(self, data: pa.Table, tokenizer: Any, lengths: Tokenisation) -> pa.Table:
        layout = layout_of(tokenizer, pair=True)
        capacity = lengths.max_length - layout.specials
        pairs = [
            fit_pair(a, b, capacity)
            for a, b in zip(
                subwords(tokenizer, data["text_a"].to_pylist()),
                subwords(tokenizer, data["text_b"].to_pylist()),
                strict=True,
            )
        ]
        index = {label: i for i, label in enumerate(self.task.labels)}
        columns: dict[str, Any] = {
            "item": np.arange(len(pairs), dtype=np.int32),
            "input_ids": [layout.join(a, b) for a, b in pairs],
            "label": [index[label] for label in data["label"].to_pylist()],
        }
        if layout.types is not None:
            columns["token_type_ids"] = [layout.type_ids(len(a), len(b)) for a, b in pairs]
        return pa.table(columns, schema=self.schema(type_ids=layout.types is not None))

    def head(self, encoder: PreTrainedModel, dropout: float) -> nn.Module:
        return PairHead.over(encoder, len(self.task.labels), dropout)

    def targets(self, features: Features, rows: np.ndarray, width: int) -> Tensor:
        return torch.from_numpy(features.column("label")[rows].astype(np.int64))

    def loss(self, outputs: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
        return functional.cross_entropy(outputs.float(), targets, reduction="sum")

    def chance_loss(self, features: Features) -> float:
        return entropy(features.column("label"))

    def decode(
        self,
        outputs: Sequence[np.ndarray],
        features: Features,
        data: pa.Table,
        max_answer_length: int,
    ) -> list[str]:
        return [self.task.labels[int(np.argmax(scores))] for scores in outputs]
