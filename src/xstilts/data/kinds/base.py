"""What the items of a kind of task are made of, and what is done with one of them."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pyarrow as pa

from xstilts.config.rows import Row
from xstilts.config.tasks import Task
from xstilts.errors import XstiltsError, did_you_mean

# A job reads items without what perturbs them.
if TYPE_CHECKING:
    from xstilts.data.perturb.noise import ItemNoise

Item = dict[str, Any]
Columns = Sequence[tuple[str, pa.DataType]]

GOLD_REMOVED = "XTREME's processed test files hold no gold; use files that keep it"
# Between the texts of an item that is shown on one line.
BETWEEN = " ⏐ "


class ItemKind(Row):
    """The items of one kind.

    Attributes:
        columns: of the items, behind their id, language and split.
        predicted: of the predictions, behind what names the item: decoded, gold and counts.
        texts: the columns of text: all that a reader sees, and what is perturbed; none where
            nothing is.
        shared: the text that several items can have in common (premise, prompt, passage), by which
            they are clustered; None where none is known.
        held_out_by: what is held out whole for model selection, so that no text is on both sides.
        gold_column: where one gold value stands; None where the gold of whole files is checked as
            they are read.
    """

    __slots__ = ()
    columns: ClassVar[Columns]
    predicted: ClassVar[Columns] = ()
    texts: ClassVar[tuple[str, ...]] = ()
    shared: ClassVar[str | None] = None
    held_out_by: ClassVar[str | None] = None
    gold_column: ClassVar[str | None] = None

    def text_of(self, item: Item) -> list[str]:
        """All texts of an item."""
        found: list[str] = []
        for column in self.texts:
            found += [item[column]] if isinstance(item[column], str) else item[column]
        return found

    def gold(self, item: Item) -> Any:
        """The gold of an item: a label, the place of a choice, tags, or the texts of answers."""
        assert self.gold_column is not None
        return item[self.gold_column]

    def right(self, item: Item) -> Any:
        """A prediction that is right."""
        return self.gold(item)

    def in_common(self, item: Item) -> Hashable:
        """What translations of an item must agree on, None if nothing is known."""
        return None

    def distinct(self, golds: Sequence[Any]) -> set[Any]:
        """The values that golds (as `gold` gives them) have."""
        return set(golds)

    def refuse(self, task: Task, gold: Any, where: str | Path, number: int) -> None:
        """Refuse gold that is missing or unknown, of item `number` (from 1).

        Raises:
            XstiltsError: there is none, or it is no label of the task.
        """
        refuse_label(task, gold, where, number)

    def perturb(self, item: Item, noise: ItemNoise) -> Item:
        """The columns that change, as they are afterwards."""
        return {column: noise.text(column, item[column]) for column in self.texts}

    def on_one_line(self, item: Item) -> str:
        """An item on one line."""
        return BETWEEN.join(self.text_of(item))

    def answer_on_one_line(self, answer: Any, item: Item) -> str:
        """Its prediction or gold on one line."""
        return answer


def refuse_label(task: Task, label: str | None, where: str | Path, row: int | None) -> None:
    """Refuse a label that is missing or none of the task's.

    Raises:
        XstiltsError: so it is.
    """
    if not label or not label.strip():
        raise XstiltsError("no gold", where=where, row=row, hint=GOLD_REMOVED)
    if task.labels and label not in task.labels:
        shown = label if len(label) <= 40 else f"{label[:40]}…"
        raise XstiltsError(
            f"{shown!r} is not a label of {task.key}",
            where=where,
            row=row,
            hint=did_you_mean(label, task.labels),
        )
