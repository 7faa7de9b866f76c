"""Sentences of two sides whose translations are sought: Tatoeba, BUCC 2018."""

from __future__ import annotations

import pyarrow as pa

from xstilts.config.rows import Row
from xstilts.data.kinds.base import ItemKind


class Bitext(ItemKind, Row):
    """A sentence of one side.

    side: "foreign" or "en". gold: on English rows the ids of the foreign translations. cluster:
    the document, where the source names one, else the row's own.
    """

    columns = (
        ("side", pa.string()),
        ("text", pa.string()),
        ("gold", pa.list_(pa.string())),
        ("cluster", pa.string()),
    )
    # One row a query (Tatoeba, both directions) or a mined or gold pair (BUCC, where an item
    # is a pair of ids and counts as predicted, as gold, or as both).
    predicted = (
        ("direction", pa.string()),
        ("prediction", pa.string()),
        ("gold", pa.string()),
        ("score", pa.float64()),
        ("correct", pa.int32()),
        ("predicted", pa.int32()),
        ("is_gold", pa.int32()),
    )
    texts = ("text",)
