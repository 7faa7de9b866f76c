"""Items of tagging: UD-POS, PAN-X, CCG."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from xstilts.config.rows import Row
from xstilts.config.tasks import Task
from xstilts.data.kinds.base import Item, ItemKind, refuse_label
from xstilts.data.perturb.passage import Edit, apply_edits

# A job reads items without what perturbs them.
if TYPE_CHECKING:
    from xstilts.data.perturb.noise import ItemNoise

_STRINGS = pa.list_(pa.string())


class Sentences(ItemKind, Row):
    """The tokens of a sentence, and a tag each."""

    columns = (("tokens", _STRINGS), ("tags", _STRINGS), ("group", pa.string()))
    # Chunks are counted once as seqeval's lenient default does, once in strict IOB2; null where
    # the metric is token accuracy, or the tags are not IOB2.
    predicted = (
        ("prediction", _STRINGS),
        ("gold", _STRINGS),
        ("chunks_correct", pa.int32()),
        ("chunks_predicted", pa.int32()),
        ("chunks_gold", pa.int32()),
        ("strict_correct", pa.int32()),
        ("strict_predicted", pa.int32()),
        ("strict_gold", pa.int32()),
        ("tokens_correct", pa.int32()),
        ("tokens", pa.int32()),
    )
    texts = ("tokens",)
    gold_column = "tags"

    def gold(self, item: Item) -> list[str]:
        return item["tags"] or []

    def distinct(self, golds: Sequence[Any]) -> set[Any]:
        return {tag for tags in golds for tag in tags}

    def refuse(self, task: Task, gold: Any, where: str | Path, number: int) -> None:
        for tag in gold:
            refuse_label(task, tag, f"{where}, sentence {number}", None)

    def perturb(self, item: Item, noise: ItemNoise) -> Item:
        # As words between line feeds, which no edit and no letter reaches across.
        edits = iter(noise.edits("tokens", "\n".join(item["tokens"])))
        edit = next(edits, None)
        tokens = []
        start = 0
        for token in item["tokens"]:
            own = []
            while edit and edit.start < start + len(token):
                own.append(Edit(edit.start - start, edit.end - start, edit.text))
                edit = next(edits, None)
            changed = apply_edits(token, own)
            tokens.append(changed if changed.strip() else token)
            start += len(token) + 1
        return {"tokens": tokens}
