"""Token states of the encoder: of the longest input, in padded batches, in bfloat16."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from xstilts.config.encoders import RetrievalSettings
from xstilts.config.tasks import Kind
from xstilts.features.batches import Features
from xstilts.features.build import tokenise
from xstilts.features.kinds.base import collate
from xstilts.features.layout import layout_of, subwords
from xstilts.features.tokenizer import max_positions
from xstilts.prediction.embed import embed
from xstilts.prediction.encoder_check.items import TASK_OF, items_of
from xstilts.prediction.encoder_check.sentences import SENTENCES

# Of encoders that take longer inputs (rotary positions) so many tokens are tried.
LONGEST_TRIED = 1024
# What two vectors differ by in rounding alone, relative to their length.
_SAME_VECTOR = 1e-6
_TINY = float(np.finfo(np.float32).tiny)


@dataclass(frozen=True, kw_only=True)
class Lengths:
    """Tokens of the longest input: that the positions allow (None: any), and that was encoded."""

    limit: int | None
    tried: int
    finite: bool


class States:
    """Last token states of the sentences, as the heads get them."""

    def __init__(self, model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> None:
        self._model, self._tokenizer = model, tokenizer
        self._layout = layout_of(tokenizer, pair=False)
        self._texts = list(subwords(tokenizer, [sentence.text for sentence in SENTENCES]))

    @torch.inference_mode()
    def _of(self, inputs: dict[str, Tensor]) -> Tensor:
        return self._model(**inputs).last_hidden_state.float()

    def _inputs(self, texts: Sequence[np.ndarray]) -> dict[str, Tensor]:
        """Padded inputs of texts that are given as subwords."""
        columns = {"input_ids": [self._layout.join(ids) for ids in texts]}
        if self._layout.types is not None:
            columns["token_type_ids"] = [
                cast("np.ndarray", self._layout.type_ids(len(ids))) for ids in texts
            ]
        rows = np.arange(len(texts))
        return collate(Features(pa.table(columns)), rows, int(self._tokenizer.pad_token_id))

    def longest(self) -> Lengths:
        """Whether the longest input can be encoded."""
        limit = max_positions(self._model.config)
        tried = min(limit or LONGEST_TRIED, LONGEST_TRIED)
        ids = np.resize(np.concatenate(self._texts), tried - self._layout.specials)
        states = self._of(self._inputs([ids]))
        return Lengths(limit=limit, tried=tried, finite=bool(states.isfinite().all()))

    def change_by_padding(self) -> float:
        """The largest relative change of a token's state where its sentence is padded."""
        inputs = self._inputs(self._texts)
        return max(
            relative_difference(self._of(self._inputs([ids]))[0], states[real])
            for ids, states, real in zip(
                self._texts, self._of(inputs), inputs["attention_mask"].bool(), strict=True
            )
        )

    def change_by_bfloat16(self) -> float:
        """The largest relative change of a token's state in mixed precision; infinite if broken."""
        inputs = self._inputs(self._texts)
        real = inputs["attention_mask"].bool()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            rough = self._of(inputs)
        return relative_difference(self._of(inputs)[real], rough[real])


def relative_difference(exact: Tensor, other: Tensor) -> float:
    """The largest length of a token's difference over that of its state; infinite if not finite.

    Both (…, hidden).
    """
    if not other.isfinite().all():
        return float("inf")
    lengths = exact.norm(dim=-1).clamp_min(_TINY)
    return float(((exact - other).norm(dim=-1) / lengths).max())


def vectors_of(encoder: Path, settings: RetrievalSettings, output: Path) -> dict[str, Any]:
    """Of the sentence vectors: their size, mean cosine of two languages, and if all are the same.

    Raises:
        XstiltsError: the workflow refuses to embed with the encoder.
    """
    task = TASK_OF[Kind.RETRIEVAL]
    lengths = {"max_length": settings.max_length, "prefix": settings.prefix}
    table, _ = tokenise(task, items_of(Kind.RETRIEVAL), encoder, lengths)
    embed(encoder, [Features(table)], settings, "cpu", output)
    vectors = np.load(output)
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), _TINY)
    cosines = (unit @ unit.T)[np.triu_indices(len(unit), 1)]
    same = bool(np.allclose(vectors, vectors[0], rtol=_SAME_VECTOR, atol=0.0))
    return {"size": vectors.shape[1], "cosine": float(cosines.mean()), "same": same}
