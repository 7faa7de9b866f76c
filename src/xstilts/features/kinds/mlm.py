"""Masked language modelling: the pieces of a text that were masked, from those around them.

Masks are drawn anew in every step (Liu et al. 2019), from a seed of the step's own, so that a
run that was interrupted sees the masks that it would have seen. Only masked positions go
through the vocabulary layer: with XLM-R's 250,002 pieces it would take most of the memory.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa
import torch
from torch import Tensor, nn
from torch.nn import functional

from xstilts.config.settings import Tokenisation
from xstilts.errors import XstiltsError
from xstilts.features.batches import Features, Ragged
from xstilts.features.encoder_config import hidden_size
from xstilts.features.kinds.base import LANGUAGE_IDS, TaskKind
from xstilts.features.layout import layout_of, subwords

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# Of the predicted tokens so many are masked, so many replaced, the rest left as they are
# (Devlin et al. 2019).
_MASKED, _REPLACED = 0.8, 0.1
# RoBERTa's.
_NORM_EPS = 1e-5


class MaskedLanguageHead(nn.Module):
    """RoBERTa's head: dense, GELU, layer norm, and the input embeddings as output layer.

    Embeddings that are smaller than the encoder's states (RemBERT's, ALBERT's) are what the dense
    layer leads to.
    """

    in_mixed_precision = True

    def __init__(
        self, embeddings: nn.Module, hidden_size: int, norm_eps: float = _NORM_EPS
    ) -> None:
        super().__init__()
        pieces, size = embeddings.get_parameter("weight").shape
        self.dense = nn.Linear(hidden_size, size)
        self.norm = nn.LayerNorm(size, eps=norm_eps)
        self.bias = nn.Parameter(torch.zeros(pieces))
        # In a list the module is not registered: the weights are the encoder's, to be trained
        # and saved once.
        self._tied = [embeddings]

    def forward(self, states: Tensor) -> Tensor:
        """(…, hidden) to (…, vocabulary)."""
        states = self.norm(functional.gelu(self.dense(states)))
        return functional.linear(states, self._tied[0].get_parameter("weight"), self.bias)


@dataclass(frozen=True)
class _Vocabulary:
    mask: int
    special: np.ndarray  # by id
    ordinary: np.ndarray  # all other ids


@lru_cache(maxsize=1)
def _vocabulary(tokenizer: Any) -> _Vocabulary:
    if tokenizer.mask_token_id is None:
        raise XstiltsError("the tokenizer has no mask token", where=tokenizer.name_or_path)
    special = np.zeros(len(tokenizer), dtype=bool)
    special[tokenizer.all_special_ids] = True
    return _Vocabulary(tokenizer.mask_token_id, special, np.flatnonzero(~special))


class MaskedLanguage(TaskKind):
    """Plain text, one document an item; a long document is several features, none is cut off."""

    columns: ClassVar = []
    is_masked = True

    def featurise(self, data: pa.Table, tokenizer: Any, lengths: Tokenisation) -> pa.Table:
        layout = layout_of(tokenizer, pair=False)
        capacity = lengths.max_length - layout.specials
        columns: dict[str, list[Any]] = {"item": [], "input_ids": []}
        if layout.types is not None:
            columns["token_type_ids"] = []
        for item, ids in enumerate(subwords(tokenizer, data["text"].to_pylist())):
            for start in range(0, len(ids), capacity):
                piece = ids[start : start + capacity]
                columns["item"].append(item)
                columns["input_ids"].append(layout.join(piece))
                if layout.types is not None:
                    columns["token_type_ids"].append(layout.type_ids(len(piece)))
        return pa.table(columns, schema=self.schema(type_ids=layout.types is not None))

    def draw(
        self,
        features: Features,
        rows: np.ndarray,
        tokenizer: Any,
        *,
        mask_ratio: float,
        seed: int,
    ) -> tuple[Features, np.ndarray]:
        """These rows with some tokens masked: columns `masked` (positions) and `gold` (ids).

        Of each feature's tokens, special ones aside, a share of `mask_ratio` is predicted,
        rounded up or down at random, and at least one.
        """
        vocabulary = _vocabulary(tokenizer)
        random = np.random.default_rng(seed)
        ids, lengths = features.ragged("input_ids").flat(rows)
        offsets = np.concatenate([[0], np.cumsum(lengths)])
        owners = np.repeat(np.arange(len(rows)), lengths)
        candidates = np.flatnonzero(~vocabulary.special[ids])
        of = owners[candidates]
        counts = np.bincount(of, minlength=len(rows))
        quotas = np.maximum(np.floor(mask_ratio * counts + random.random(len(rows))), 1)
        # In random order within each feature the first ones are taken.
        order = np.argsort(of + random.random(len(of)))
        ranks = np.arange(len(of)) - np.repeat(np.cumsum(counts) - counts, counts)
        chosen = np.sort(candidates[order[ranks < quotas[of]]])
        gold = ids[chosen]
        fates = random.random(len(chosen))
        ids[chosen[fates < _MASKED]] = vocabulary.mask
        replaced = chosen[(fates >= _MASKED) & (fates < _MASKED + _REPLACED)]
        ids[replaced] = random.choice(vocabulary.ordinary, len(replaced))
        per_feature = np.bincount(owners[chosen], minlength=len(rows))
        ends = np.concatenate([[0], np.cumsum(per_feature)])
        lists = {
            "input_ids": Ragged(ids, offsets),
            "masked": Ragged(chosen - offsets[owners[chosen]], ends),
            "gold": Ragged(gold, ends),
        }
        if "token_type_ids" in features.names:
            types, _ = features.ragged("token_type_ids").flat(rows)
            lists["token_type_ids"] = Ragged(types, offsets)
        plain = {
            name: features.column(name)[rows]
            for name in ("item", LANGUAGE_IDS)
            if name in features.names
        }
        return Features(pa.table(plain), lists), np.arange(len(rows))

    def head(self, encoder: PreTrainedModel, dropout: float) -> nn.Module:
        # BERT's norms add 1e-12.
        eps = getattr(encoder.config, "layer_norm_eps", None) or _NORM_EPS
        embeddings = encoder.get_input_embeddings()
        return MaskedLanguageHead(embeddings, hidden_size(encoder.config), eps)

    def positions(self, features: Features, rows: np.ndarray, width: int) -> Tensor:
        masked, counts = features.ragged("masked").flat(rows)
        return torch.from_numpy(np.repeat(np.arange(len(rows)) * width, counts) + masked)

    def targets(self, features: Features, rows: np.ndarray, width: int) -> Tensor:
        return torch.from_numpy(features.ragged("gold").flat(rows)[0].astype(np.int64))

    def decisions(self, features: Features, rows: np.ndarray) -> int:
        return len(features.ragged("gold").flat(rows)[0])

    def loss(self, outputs: Tensor, targets: Tensor, mask: Tensor) -> Tensor:
        return functional.cross_entropy(outputs.float(), targets, reduction="sum")

    def decode(
        self,
        outputs: Sequence[np.ndarray],
        features: Features,
        data: pa.Table,
        max_answer_length: int,
    ) -> list[Any]:
        raise XstiltsError(f"{self.task.key} is trained on and never predicted")
