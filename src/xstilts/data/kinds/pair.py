"""Items of sentence pairs: XNLI, PAWS-X, MNLI."""

from __future__ import annotations

from collections.abc import Hashable

import pyarrow as pa

from xstilts.config.rows import Row
from xstilts.data.kinds.base import Item, ItemKind


class Pairs(ItemKind, Row):
    """Two texts and a label by name."""

    columns = (
        ("text_a", pa.string()),
        ("text_b", pa.string()),
        ("label", pa.string()),
        ("group", pa.string()),
        ("cluster", pa.string()),
    )
    predicted = (("prediction", pa.string()), ("gold", pa.string()), ("correct", pa.int32()))
    texts = ("text_a", "text_b")
    shared = "text_a"
    gold_column = "label"

    def in_common(self, item: Item) -> Hashable:
        return item["label"]
