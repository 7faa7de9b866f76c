"""Plain text, for masked language modelling."""

from __future__ import annotations

import pyarrow as pa

from xstilts.config.rows import Row
from xstilts.data.kinds.base import ItemKind


class Documents(ItemKind, Row):
    """A document."""

    columns = (("text", pa.string()),)
    held_out_by = "text"
