"""Items of single sentences: SIB-200."""

from __future__ import annotations

from collections.abc import Hashable

import pyarrow as pa

from xstilts.config.rows import Row
from xstilts.data.kinds.base import Item, ItemKind


class LabelledSentences(ItemKind, Row):
    """One text and a label by name."""

    columns = (
        ("text", pa.string()),
        ("label", pa.string()),
        ("group", pa.string()),
        ("cluster", pa.string()),
    )
    predicted = (("prediction", pa.string()), ("gold", pa.string()), ("correct", pa.int32()))
    texts = ("text",)
    shared = "text"
    gold_column = "label"

    def in_common(self, item: Item) -> Hashable:
        return item["label"]
