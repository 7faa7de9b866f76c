"""Items of multiple choice: XCOPA, HellaSwag."""

from __future__ import annotations

from collections.abc import Hashable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from xstilts.config.rows import Row
from xstilts.config.tasks import Task
from xstilts.data.kinds.base import GOLD_REMOVED, Item, ItemKind
from xstilts.errors import XstiltsError

# A job reads items without what perturbs them.
if TYPE_CHECKING:
    from xstilts.data.perturb.noise import ItemNoise


class Choices(ItemKind, Row):
    """A prompt, its choices, and as label the 0-based place of the right one."""

    columns = (
        ("prompt", pa.string()),
        ("choices", pa.list_(pa.string())),
        ("label", pa.int32()),
        ("group", pa.string()),
        ("cluster", pa.string()),
    )
    predicted = (("prediction", pa.int32()), ("gold", pa.int32()), ("correct", pa.int32()))
    texts = ("prompt", "choices")
    shared = "prompt"
    gold_column = "label"

    def in_common(self, item: Item) -> Hashable:
        return item["label"]

    def refuse(self, task: Task, gold: Any, where: str | Path, number: int) -> None:
        if gold is None or gold < 0:
            raise XstiltsError("no gold", where=where, row=number, hint=GOLD_REMOVED)

    def perturb(self, item: Item, noise: ItemNoise) -> Item:
        choices = list(item["choices"])
        for number, choice in enumerate(choices):
            changed = noise.text(f"choices:{number}", choice)
            # Those before as they are now, those after as they were: so all stay distinct.
            others = choices[:number] + choices[number + 1 :]
            if changed.split() not in [other.split() for other in others]:
                choices[number] = changed
        return {"prompt": noise.text("prompt", item["prompt"]), "choices": choices}

    def answer_on_one_line(self, answer: Any, item: Item) -> str:
        return item["choices"][answer]
