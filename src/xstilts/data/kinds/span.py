"""Items of question answering: XQuAD, MLQA, TyDiQA, SQuAD."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from xstilts.config.rows import Row
from xstilts.config.tasks import Task
from xstilts.data.graphemes import whole_graphemes
from xstilts.data.kinds.base import BETWEEN, GOLD_REMOVED, Item, ItemKind
from xstilts.data.perturb.passage import Edit, apply_edits, moved, protect
from xstilts.errors import XstiltsError

# A job reads items without what perturbs them.
if TYPE_CHECKING:
    from xstilts.data.perturb.noise import ItemNoise

# Characters that are shown of a passage on either side of the answer; then the rest of a grapheme.
_AROUND = 80


class Questions(ItemKind, Row):
    """A question, its passage, and the texts of answers with where they start in it."""

    columns = (
        ("context", pa.string()),
        ("question", pa.string()),
        ("answers", pa.list_(pa.struct([("text", pa.string()), ("start", pa.int32())]))),
        ("group", pa.string()),
        ("cluster", pa.string()),
    )
    # exact_match and f1 of one question are in [0, 1].
    predicted = (
        ("prediction", pa.string()),
        ("gold", pa.list_(pa.string())),
        ("exact_match", pa.float64()),
        ("f1", pa.float64()),
    )
    texts = ("context", "question")
    shared = "context"
    held_out_by = "context"

    def gold(self, item: Item) -> list[str]:
        return [answer["text"] for answer in item["answers"] or []]

    def right(self, item: Item) -> str:
        return next(iter(self.gold(item)), "")

    def in_common(self, item: Item) -> Hashable:
        return bool(item["answers"])

    def distinct(self, golds: Sequence[Any]) -> set[Any]:
        return {tuple(answers) for answers in golds}

    def refuse(self, task: Task, gold: Any, where: str | Path, number: int) -> None:
        answered = gold and any(answer and answer.strip() for answer in gold)
        if not (answered or (task.unanswerable and not gold)):
            raise XstiltsError(f"question {number} has no answer", where=where, hint=GOLD_REMOVED)

    def perturb(self, item: Item, noise: ItemNoise) -> Item:
        # No edit touches an answer, and none is made around one whose place is not known.
        context, answers = item["context"], item["answers"] or []
        edits: list[Edit] = []
        if _stand(answers, context):
            protected = protect(context, (answer["text"] for answer in answers)) if answers else b""
            edits = noise.edits("context", context, protected)
        if edits:
            context = apply_edits(context, edits)
            answers = [{**answer, "start": moved(answer["start"], edits)} for answer in answers]
            assert _stand(answers, context), f"an answer of {item['id']} was lost"
        return {
            "context": context,
            "question": noise.text("question", item["question"]),
            "answers": answers,
        }

    def on_one_line(self, item: Item) -> str:
        # Of the passage what is around the first answer whose place is known.
        start, end = 0, 0
        for answer in item["answers"] or ():
            if answer["start"] >= 0:
                start, end = answer["start"], answer["start"] + len(answer["text"])
                break
        passage = item["context"]
        around = np.array([[max(0, start - _AROUND), min(end + _AROUND, len(passage))]])
        ((first, last),) = whole_graphemes(passage, around)
        before, after = "…" if first else "", "…" if last < len(passage) else ""
        return f"{item['question']}{BETWEEN}{before}{passage[first:last]}{after}"

    def answer_on_one_line(self, answer: Any, item: Item) -> str:
        return answer if isinstance(answer, str) else BETWEEN.join(dict.fromkeys(answer))


def _stand(answers: Sequence[Item], context: str) -> bool:
    return all(
        answer["text"]
        and answer["start"] >= 0
        and context.startswith(answer["text"], answer["start"])
        for answer in answers
    )
