"""Single sentences: one label a sentence, read off one state for it, as for pairs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa

from xstilts.config.settings import Tokenisation
from xstilts.features.kinds.pair import Pair
from xstilts.features.layout import layout_of, subwords


class Sentence(Pair):
    """SIB-200."""

    def featurise(self, data: pa.Table, tokenizer: Any, lengths: Tokenisation) -> pa.Table:
        """As `TaskKind.featurise`; what does not fit is cut off the end."""
        layout = layout_of(tokenizer, pair=False)
        capacity = lengths.max_length - layout.specials
        texts = [ids[:capacity] for ids in subwords(tokenizer, data["text"].to_pylist())]
        index = {label: i for i, label in enumerate(self.task.labels)}
        columns: dict[str, Any] = {
            "item": np.arange(len(texts), dtype=np.int32),
            "input_ids": [layout.join(ids) for ids in texts],
            "label": [index[label] for label in data["label"].to_pylist()],
        }
        if layout.types is not None:
            columns["token_type_ids"] = [layout.type_ids(len(ids)) for ids in texts]
        return pa.table(columns, schema=self.schema(type_ids=layout.types is not None))
