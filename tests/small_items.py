"""Data of a few items."""

from __future__ import annotations

import pyarrow as pa

from xstilts.config.tasks import Kind
from xstilts.data.schemas import DATA


def pair_items(labels, language="en", split="test"):
    return pa.Table.from_pylist(
        [
            {
                "id": str(number),
                "language": language,
                "split": split,
                "text_a": "a",
                "text_b": "b",
                "label": label,
                "group": str(number),
                "cluster": str(number // 2),
            }
            for number, label in enumerate(labels)
        ],
        schema=DATA[Kind.PAIR],
    )


def tag_items(sentences, language="en", split="test"):
    return pa.Table.from_pylist(
        [
            {
                "id": str(number),
                "language": language,
                "split": split,
                "tokens": ["w"] * len(tags),
                "tags": tags,
                "group": str(number),
            }
            for number, tags in enumerate(sentences)
        ],
        schema=DATA[Kind.TAGGING],
    )
