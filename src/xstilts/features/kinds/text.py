"""Sentences for retrieval: every distinct one is a feature, with no label and no head."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np
import pyarrow as pa

from xstilts.features.kinds.base import FEATURES, TYPE_IDS, language_column
from xstilts.features.layout import layout_of, subwords

log = logging.getLogger(__name__)


def text_features(
    data: pa.Table,
    tokenizer: Any,
    max_length: int,
    prefix: str = "",
    adapters: np.ndarray | None = None,
) -> pa.Table:
    """Tokenise every distinct sentence once.

    Sentences with the same tokens and adapter share one feature, in whatever language or corpus
    they stand, so the English side of many languages is embedded once and equal inputs get
    equal vectors to the last bit.

    Args:
        prefix: stands before each sentence.
        adapters: the number of the adapter that each row's language has, if the encoder has any.

    Returns:
        Columns `item` (a feature's own number), `input_ids`, `token_type_ids` where the
        encoder has them, `rows`: the data rows that hold this sentence, and `lang_ids` where
        there are adapters.
    """
    layout = layout_of(tokenizer, pair=False)
    capacity = max_length - layout.specials
    # Millions of sentences: bytes take a fraction of the memory of lists of integers.
    rows_of: dict[bytes, list[int]] = {}
    cut = 0
    texts = [prefix + text for text in data["text"].to_pylist()]
    for row, ids in enumerate(subwords(tokenizer, texts)):
        cut += len(ids) > capacity
        key = ids[:capacity]
        if adapters is not None:
            key = np.concatenate([adapters[row : row + 1], key], dtype=np.int32)
        rows_of.setdefault(key.tobytes(), []).append(row)
    if cut:
        log.info("%d of %d sentences were cut to %d tokens", cut, data.num_rows, max_length)
    keys = [np.frombuffer(key, dtype=np.int32) for key in rows_of]
    sentences = keys if adapters is None else [key[1:] for key in keys]
    columns: dict[str, Any] = {
        "item": np.arange(len(sentences), dtype=np.int32),
        "input_ids": [layout.join(ids) for ids in sentences],
        "rows": [np.asarray(rows, dtype=np.int32) for rows in rows_of.values()],
    }
    if layout.types is not None:
        columns["token_type_ids"] = [layout.type_ids(len(ids)) for ids in sentences]
    fields = [*FEATURES, *([TYPE_IDS] if layout.types is not None else [])]
    table = pa.table(columns, schema=pa.schema([*fields, ("rows", pa.list_(pa.int32()))]))
    if adapters is None:
        return table
    return table.append_column(*language_column(np.asarray([key[0] for key in keys])))
