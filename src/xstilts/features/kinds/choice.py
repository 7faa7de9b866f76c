"""Multiple choice: each choice is read with the prompt, and the highest score wins.

An item is one feature however many choices it has, so that no batch takes it apart: its
`input_ids` are the inputs of its choices one after the other, `choice_lengths` says where to
cut. Scores are compared among the choices of an item (Radford et al. 2018, section 3.3), which
may differ in number within a batch.

Micro-batches are cut by the tokens of whole items: padding between long and short choices of the
same item comes on top.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar, cast

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor, nn
from torch.nn import functional

from xstilts.config.settings import Tokenisation
from xstilts.errors import XstiltsError
from xstilts.features.batches import Features
from xstilts.features.kinds.base import TaskKind
from xstilts.features.kinds.pair import PairHead
from xstilts.features.layout import layout_of, subwords

if TYPE_CHECKING:
    from transformers import PreTrainedModel


def fit_choice(
    prompt: np.ndarray, choice: np.ndarray, capacity: int
) -> tuple[np.ndarray, np.ndarray]:
    """Cut the prompt from its beginning, then the choice from its end, to fit into `capacity`.

    What is asked, or goes on in the choice, stands at the end of a prompt: the question after a
    passage (CosmosQA, XCOPA), the last sentence of a story (HellaSwag).
    """
    choice = choice[:capacity]
    return prompt[max(0, len(prompt) + len(choice) - capacity) :], choice


class MultipleChoice(TaskKind):
    """HellaSwag, CosmosQA, CommonsenseQA, XCOPA."""

    columns: ClassVar = [("choice_lengths", pa.list_(pa.int32())), ("label", pa.int32())]
    pools: ClassVar = True

    def featurise(self, data: pa.Table, tokenizer: Any, lengths: Tokenisation) -> pa.Table:
        """As `TaskKind.featurise`.

        Raises:
            XstiltsError: an item has no choices, or its label is none of them.
        """
        layout = layout_of(tokenizer, pair=True)
        capacity = lengths.max_length - layout.specials
        choices, labels = data["choices"].to_pylist(), data["label"].to_pylist()
        for row, (texts, label) in enumerate(zip(choices, labels, strict=True), start=1):
            if label is None or not 0 <= label < len(texts):
                raise XstiltsError(
                    f"the label {label} is none of the {len(texts)} choices",
                    where=self.task.key,
                    row=row,
                )
        counts = [len(texts) for texts in choices]
        prompts = list(subwords(tokenizer, data["prompt"].to_pylist()))
        pairs = [
            fit_choice(prompts[item], choice, capacity)
            for item, choice in zip(
                np.repeat(np.arange(len(counts)), counts),
                subwords(tokenizer, [text for texts in choices for text in texts]),
                strict=True,
            )
        ]
        inputs = [layout.join(*pair) for pair in pairs]
        ends = np.cumsum([0, *counts])
        columns: dict[str, Any] = {
            "item": np.arange(len(counts), dtype=np.int32),
            "input_ids": _of_items(inputs, ends),
            "choice_lengths": [[len(ids) for ids in inputs[a:b]] for a, b in pairwise(ends)],
            "label": labels,
        }
        if layout.types is not None:
            types = [
                cast("np.ndarray", layout.type_ids(len(prompt), len(choice)))
                for prompt, choice in pairs
            ]
            columns["token_type_ids"] = _of_items(types, ends)
        return pa.table(columns, schema=self.schema(type_ids=layout.types is not None))

    def head(self, encoder: PreTrainedModel, dropout: float) -> nn.Module:
        return PairHead.over(encoder, 1, dropout)

    def input_lengths(self, features: Features, rows: np.ndarray) -> np.ndarray:
        return features.ragged("choice_lengths").flat(rows)[0]

    def arrange(self, outputs: Tensor, features: Features, rows: np.ndarray) -> Tensor:
        """(sum of choices, 1) to (items, most choices), -inf where an item has no more."""
        _, counts = features.ragged("choice_lengths").flat(rows)
        there = torch.from_numpy(np.arange(counts.max()) < counts[:, None]).to(outputs.device)
        absent = outputs.new_full(there.shape, float("-inf"))
        return absent.masked_scatter(there, outputs.flatten())

    def targets(self, features: Features, rows: np.ndarray, width: int) -> Tensor:
        return torch.from_numpy(features.column("label")[rows].astype(np.int64))

    def loss(self, outputs: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
        return functional.cross_entropy(outputs.float(), targets, reduction="sum")

    def chance_loss(self, features: Features) -> float:
        """As if each choice of an item were as likely as any other."""
        counts = features.ragged("choice_lengths").lengths
        return float(np.log(counts).mean()) if len(counts) else 0.0

    def decode(
        self,
        outputs: Sequence[np.ndarray],
        features: Features,
        data: pa.Table,
        max_answer_length: int,
    ) -> list[int]:
        """The place of each item's best choice, the first of equals."""
        return [int(np.argmax(scores)) for scores in outputs]


def _of_items(values: list[np.ndarray], ends: np.ndarray) -> list[np.ndarray]:
    return [np.concatenate(values[a:b]) for a, b in pairwise(ends)]
