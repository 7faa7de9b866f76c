"""Span extraction: the answer's first and last token in a passage.

Long passages slide: windows start every `doc_stride` tokens (Devlin et al. 2019; XTREME uses
384 and 128). A window without the whole answer trains towards its first token, so that what a
model gives there says that it sees no answer. Where some questions have none (SQuAD 2.0,
Rajpurkar et al. 2018), the sum of its two scores there, in the window where it is lowest, is
compared with the best span (Devlin et al. 2019, section 4.3, and their `run_squad.py`).

A token stands for the whole of the graphemes that it begins and ends in: what a normaliser removes
(marks) or composes (jamo, voicing marks) has no token of its own, and an answer would end before
it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor, nn
from torch.nn import functional

from xstilts.config.settings import Tokenisation
from xstilts.data.graphemes import whole_graphemes
from xstilts.errors import XstiltsError
from xstilts.features.batches import Features
from xstilts.features.encoder_config import hidden_size
from xstilts.features.kinds.base import TaskKind, entropy
from xstilts.features.kinds.tagging import TokenHead
from xstilts.features.layout import layout_of, subwords

if TYPE_CHECKING:
    from transformers import PreTrainedModel

_OUTSIDE = -1
# By how much "no answer" has to beat the best span: the script's default. It may be tuned on
# development data; nothing is tuned here.
NULL_THRESHOLD = 0.0
_CHUNK = 256


def window_starts(tokens: int, capacity: int, stride: int) -> list[int]:
    """Where windows of `capacity` tokens start so that together they cover all tokens."""
    step = min(stride, capacity)
    starts = [0]
    while starts[-1] + capacity < tokens:
        starts.append(starts[-1] + step)
    return starts


class SpanExtraction(TaskKind):
    """XQuAD, MLQA, TyDiQA-GoldP, SQuAD 1.1 and 2.0."""

    columns: ClassVar = [
        ("char_start", pa.list_(pa.int32())),
        ("char_end", pa.list_(pa.int32())),
        ("start", pa.int32()),
        ("end", pa.int32()),
    ]

    def featurise(self, data: pa.Table, tokenizer: Any, lengths: Tokenisation) -> pa.Table:
        layout = layout_of(tokenizer, pair=True)
        columns: dict[str, list[Any]] = {
            name: [] for name in ("item", "input_ids", *(name for name, _ in self.columns))
        }
        if layout.types is not None:
            columns["token_type_ids"] = []
        # Passages repeat (one per question) and their offsets are large: a chunk at a time.
        for at in range(0, data.num_rows, _CHUNK):
            part = data.slice(at, _CHUNK)
            for offset, row in enumerate(self._encode(part, tokenizer)):
                self._add_windows(columns, at + offset, row, layout, lengths)
        return pa.table(columns, schema=self.schema(type_ids=layout.types is not None))

    def _encode(self, data: pa.Table, tokenizer: Any) -> list[tuple]:
        contexts = list(dict.fromkeys(data["context"].to_pylist()))
        encoded = tokenizer(
            contexts,
            add_special_tokens=False,
            return_attention_mask=False,
            return_offsets_mapping=True,
            verbose=False,
        )
        known = {
            context: (
                np.asarray(encoded["input_ids"][i], dtype=np.int32),
                whole_graphemes(
                    context,
                    np.asarray(encoded["offset_mapping"][i], dtype=np.int32).reshape(-1, 2),
                ),
            )
            for i, context in enumerate(contexts)
        }
        questions = subwords(tokenizer, data["question"].to_pylist())
        return [
            (question, *known[context], answers)
            for question, context, answers in zip(
                questions, data["context"].to_pylist(), data["answers"].to_pylist(), strict=True
            )
        ]

    def _add_windows(
        self, columns: dict[str, list[Any]], item: int, row: tuple, layout: Any, lengths: Any
    ) -> None:
        question, ids, offsets, answers = row
        question = question[: lengths.max_query_length]
        before = len(layout.prefix) + len(question) + len(layout.middle)
        after = len(layout.suffix)
        capacity = lengths.max_length - before - after
        if capacity < 1:
            raise XstiltsError(
                f"{self.task.key}: max_length {lengths.max_length} leaves no room for a passage"
                f" beside a question of {len(question)} tokens",
                hint="raise tokenisation max_length or lower max_query_length",
            )
        answer = _answer_tokens(answers, offsets)
        for start in window_starts(len(ids), capacity, lengths.doc_stride):
            window = slice(start, start + capacity)
            piece = ids[window]
            columns["item"].append(item)
            columns["input_ids"].append(layout.join(question, piece))
            for name, side in (("char_start", 0), ("char_end", 1)):
                chars = np.pad(offsets[window, side], (before, after), constant_values=_OUTSIDE)
                columns[name].append(chars)
            first, last = 0, 0
            if answer and start <= answer[0] and answer[1] < start + len(piece):
                first, last = (before + token - start for token in answer)
            columns["start"].append(first)
            columns["end"].append(last)
            if layout.types is not None:
                columns["token_type_ids"].append(layout.type_ids(len(question), len(piece)))

    def head(self, encoder: PreTrainedModel, dropout: float) -> nn.Module:
        return TokenHead(hidden_size(encoder.config), 2, dropout)

    def targets(self, features: Features, rows: np.ndarray, width: int) -> Tensor:
        pairs = np.stack([features.column("start")[rows], features.column("end")[rows]], axis=1)
        return torch.from_numpy(pairs.astype(np.int64))

    def loss(self, outputs: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
        # Padding must not compete for the answer, or the loss would depend on the batch.
        scores = outputs.float().masked_fill(mask[:, :, None] == 0, float("-inf"))
        both = [
            functional.cross_entropy(scores[:, :, side], targets[:, side], reduction="sum")
            for side in (0, 1)
        ]
        return (both[0] + both[1]) / 2

    def chance_loss(self, features: Features) -> float:
        """As if it were known how many windows hold no answer, and nothing of where answers are."""
        if not len(features):
            return 0.0
        held = features.column("start") > 0
        starts = features.ragged("char_start")
        of_passage = (starts.values != _OUTSIDE).astype(np.int64)
        inside = np.add.reduceat(of_passage, starts.offsets[:-1])
        return entropy(held) + float(np.where(held, np.log(np.maximum(inside, 1)), 0.0).mean())

    def decode(
        self,
        outputs: Sequence[np.ndarray],
        features: Features,
        data: pa.Table,
        max_answer_length: int,
    ) -> list[str]:
        """The text of the best span, or none where the task allows that and it scores higher."""
        best: list[tuple[float, int, int]] = [(-np.inf, 0, 0)] * data.num_rows
        starts, ends = features.ragged("char_start"), features.ragged("char_end")
        for row, scores in enumerate(outputs):
            inside = np.flatnonzero(starts.row(row) != _OUTSIDE)
            if not len(inside):
                continue
            score, first, last = best_span(scores[inside], max_answer_length)
            item = features.items[row]
            if score > best[item][0]:
                begin, end = starts.row(row)[inside[first]], ends.row(row)[inside[last]]
                best[item] = (score, int(begin), int(end))
        if self.task.unanswerable:
            for item, score in enumerate(self._null_scores(outputs, features, data.num_rows)):
                if score > best[item][0] + NULL_THRESHOLD:
                    best[item] = (score, 0, 0)
        contexts = data["context"].to_pylist()
        # Some tokenizers count the space before a word as part of its first token.
        return [
            context[begin:end].strip()
            for context, (_, begin, end) in zip(contexts, best, strict=True)
        ]

    def _null_scores(
        self, outputs: Sequence[np.ndarray], features: Features, items: int
    ) -> np.ndarray:
        lowest = np.full(items, np.inf)
        np.minimum.at(lowest, features.items, [scores[0].sum() for scores in outputs])
        return lowest


def best_span(scores: np.ndarray, longest: int) -> tuple[float, int, int]:
    """The span of at most `longest` tokens with the highest start plus end score.

    Args:
        scores: (tokens, 2) start and end logits.

    Returns:
        (score, first token, last token); ties go to the earliest start, then earliest end.
    """
    tokens = len(scores)
    width = min(longest, tokens)
    ends = np.concatenate([scores[:, 1], np.full(width - 1, -np.inf, scores.dtype)])
    sums = scores[:, 0, None] + np.lib.stride_tricks.sliding_window_view(ends, width)
    first, length = np.unravel_index(np.argmax(sums), sums.shape)
    return float(sums[first, length]), int(first), int(first + length)


def _answer_tokens(answers: list[dict[str, Any]], offsets: np.ndarray) -> tuple[int, int] | None:
    """First and last token of the first answer, None if it has no known place."""
    if not answers or answers[0]["start"] < 0:
        return None
    begin = answers[0]["start"]
    end = begin + len(answers[0]["text"])
    touched = np.flatnonzero((offsets[:, 0] < end) & (offsets[:, 1] > begin))
    return (int(touched[0]), int(touched[-1])) if len(touched) else None
