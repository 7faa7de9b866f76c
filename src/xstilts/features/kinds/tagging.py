"""Tagging: one label a word, read off the state of its first subword.

Sentences longer than the limit are split into overlapping windows; each word is decided in the
window where it has more context, and no word is ever lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import torch
from torch import Tensor, nn
from torch.nn import functional

from xstilts.config.settings import Tokenisation
from xstilts.config.tasks import Task
from xstilts.errors import XstiltsError
from xstilts.features.batches import Features, pad
from xstilts.features.encoder_config import hidden_size
from xstilts.features.kinds.base import IGNORED, TaskKind, entropy
from xstilts.features.layout import layout_of
from xstilts.features.words import words_to_subwords

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_NO_WORD = -1


class TokenHead(nn.Module):
    """Dropout and one linear layer over every token."""

    def __init__(self, hidden_size: int, outputs: int, dropout: float) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.output = nn.Linear(hidden_size, outputs)

    def forward(self, states: Tensor) -> Tensor:
        """(batch, tokens, hidden) to (batch, tokens, outputs)."""
        return self.output(self.dropout(states))


def windows(sizes: Sequence[int], capacity: int) -> list[tuple[int, int, int, int]]:
    """Cover words of these subword counts by windows of at most `capacity` subwords.

    Returns:
        (first word, past last word, first owned, past last owned) of each window. Neighbours
        overlap by about a quarter; the owned ranges partition the words.
    """
    spans: list[tuple[int, int]] = []
    start = 0
    while True:
        end, used = start, 0
        while end < len(sizes) and (end == start or used + sizes[end] <= capacity):
            used += sizes[end]
            end += 1
        spans.append((start, end))
        if end == len(sizes):
            break
        start, overlap = end, 0
        while start - 1 > spans[-1][0] and overlap + sizes[start - 1] <= capacity // 4:
            start -= 1
            overlap += sizes[start]
    result = []
    owned_from = 0
    for i, (first, past) in enumerate(spans):
        owned_to = past if i + 1 == len(spans) else (spans[i + 1][0] + past + 1) // 2
        result.append((first, past, owned_from, owned_to))
        owned_from = owned_to
    return result


def _padded(values: list[int], around: tuple[int, int], fill: int) -> np.ndarray:
    return np.pad(np.asarray(values, dtype=np.int32), around, constant_values=fill)


class Tagging(TaskKind):
    """UD part of speech, WikiANN named entities, CCG supertags."""

    columns: ClassVar = [("words", pa.list_(pa.int32())), ("labels", pa.list_(pa.int32()))]

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        if not task.labels:
            raise XstiltsError(
                "its tags are those of its training data, which were not read",
                where=task.key,
                hint="take the task from xstilts.features.kinds.tagging.with_open_labels",
            )

    def featurise(self, data: pa.Table, tokenizer: Any, lengths: Tokenisation) -> pa.Table:
        layout = layout_of(tokenizer, pair=False)
        capacity = lengths.max_length - layout.specials
        index = {label: i for i, label in enumerate(self.task.labels)}
        columns: dict[str, list[Any]] = {"item": [], "input_ids": [], "words": [], "labels": []}
        if layout.types is not None:
            columns["token_type_ids"] = []
        sentences = words_to_subwords(tokenizer, data["tokens"].to_pylist())
        tags = data["tags"].to_pylist()
        if self.task.open_labels:
            # A tag that training does not have can only be counted as wrong.
            index = {tag: IGNORED for sentence in tags for tag in sentence} | index
        around = len(layout.prefix), len(layout.suffix)
        for item, words in enumerate(sentences):
            pieces = [word[:capacity] for word in words]
            for first, past, owned_from, owned_to in windows([len(p) for p in pieces], capacity):
                ids = np.array([t for piece in pieces[first:past] for t in piece], np.int32)
                owners = [
                    word if position == 0 and owned_from <= word < owned_to else _NO_WORD
                    for word in range(first, past)
                    for position in range(len(pieces[word]))
                ]
                labels = [
                    IGNORED if word == _NO_WORD else index[tags[item][word]] for word in owners
                ]
                columns["item"].append(item)
                columns["input_ids"].append(layout.join(ids))
                columns["words"].append(_padded(owners, around, _NO_WORD))
                columns["labels"].append(_padded(labels, around, IGNORED))
                if layout.types is not None:
                    columns["token_type_ids"].append(layout.type_ids(len(ids)))
        return pa.table(columns, schema=self.schema(type_ids=layout.types is not None))

    def head(self, encoder: PreTrainedModel, dropout: float) -> nn.Module:
        return TokenHead(hidden_size(encoder.config), len(self.task.labels), dropout)

    def targets(self, features: Features, rows: np.ndarray, width: int) -> Tensor:
        labels = [features.ragged("labels").row(i) for i in rows]
        return torch.from_numpy(pad(labels, IGNORED, width))

    def decisions(self, features: Features, rows: np.ndarray) -> int:
        labels = features.ragged("labels")
        return int(sum((labels.row(i) != IGNORED).sum() for i in rows))

    def loss(self, outputs: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
        return functional.cross_entropy(
            outputs.float().flatten(0, 1),
            targets.flatten(),
            ignore_index=IGNORED,
            reduction="sum",
        )

    def chance_loss(self, features: Features) -> float:
        labels = features.ragged("labels").flat(range(len(features)))[0]
        return entropy(labels[labels != IGNORED])

    def is_constant(self, predictions: Sequence[list[str]]) -> bool:
        """Whether all words have the same tag."""
        return len({tag for tags in predictions for tag in tags}) == 1

    def decode(
        self,
        outputs: Sequence[np.ndarray],
        features: Features,
        data: pa.Table,
        max_answer_length: int,
    ) -> list[list[str]]:
        sizes = [len(tokens) for tokens in data["tokens"].to_pylist()]
        decided: list[list[str | None]] = [[None] * size for size in sizes]
        words = features.ragged("words")
        for row, scores in enumerate(outputs):
            owners = words.row(row)
            for position in np.flatnonzero(owners != _NO_WORD):
                label = self.task.labels[int(np.argmax(scores[position]))]
                decided[features.items[row]][owners[position]] = label
        if any(tag is None for tags in decided for tag in tags):
            raise XstiltsError(
                f"{self.task.key}: a word was left without a tag",
                hint="the features do not belong to these data; delete both files and run again",
            )
        return [[str(tag) for tag in tags] for tags in decided]


def with_open_labels(task: Task, train_data: str | Path) -> Task:
    """`task` with the labels that its training data have, unchanged if its labels are fixed.

    Raises:
        XstiltsError: the training data have no tags.
    """
    if not task.open_labels:
        return task
    labels = labels_of(pq.read_table(train_data, columns=["tags"]))
    if not labels:
        raise XstiltsError(f"the training data of {task.key} have no tags", where=train_data)
    return task.with_labels(labels)


def labels_of(data: pa.Table) -> tuple[str, ...]:
    """All tags that occur in tagging data, sorted by code point."""
    tags = pc.unique(pc.list_flatten(data["tags"])).to_pylist()
    return tuple(sorted(tag for tag in tags if tag))
