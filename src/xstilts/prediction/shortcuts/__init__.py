"""Baselines that need no model: what a score would be by a shortcut alone.

Each learns from the English training data of a target, as an encoder does, but looks at less:

- `majority`: at nothing but how often each answer occurs.
- `type_only`: at one side of the item, without relating it to the other.
- `shared_names`: at which words are the same on both sides, or the same as in training: of single
  sentences at no other words.

A score that is not clearly above them does not show that a task was understood. They are the
same on every platform, and random choices derive from an item's id.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import pyarrow as pa

from xstilts.config.tasks import Kind, Task
from xstilts.data.schemas import DATA
from xstilts.errors import XstiltsError, did_you_mean
from xstilts.execution.parquet import expect_columns
from xstilts.prediction.shortcuts import choices, pairs, search, sentences, spans, tags
from xstilts.scoring.item_counts import prediction_table
from xstilts.scoring.metrics.tagging import is_iob2

_Learned = Callable[[list[dict[str, Any]], list[dict[str, Any]], Sequence[str]], list[Any]]
_Searched = Callable[[pa.Table], pa.Table]

_TRAINED: dict[Kind, dict[str, _Learned]] = {
    Kind.CHOICE: {"majority": choices.majority},
    Kind.SENTENCE: {"majority": sentences.majority, "shared_names": sentences.shared_names},
    **{
        kind: {
            "majority": module.majority,
            "type_only": module.type_only,
            "shared_names": module.shared_names,
        }
        for kind, module in ((Kind.PAIR, pairs), (Kind.TAGGING, tags), (Kind.SPAN, spans))
    },
}
_SEARCHED: dict[str, _Searched] = {
    "majority": partial(search.answer_queries, search=search.first_row),
    "type_only": partial(search.answer_queries, search=search.nearest_length),
    "shared_names": partial(search.answer_queries, search=search.shared_words),
}
_MINED: dict[str, _Searched] = {
    "majority": search.mine_nothing,
    "shared_names": search.mine_shared_words,
}


def shortcuts_of(task: Task) -> tuple[str, ...]:
    """The shortcuts that a target has.

    Parts of speech have no names to share; a single sentence has one side; nothing of it says
    whether it has a translation, so BUCC has none that sees one side only.
    """
    if task.facts.embedded:
        return tuple(_MINED if task.mined else _SEARCHED)
    names = tuple(_TRAINED[task.kind])
    if task.kind is Kind.TAGGING and not is_iob2(task.labels):
        return tuple(name for name in names if name != "shared_names")
    return names


def shortcut_predictions(
    name: str, task: Task, train: pa.Table | None, items: pa.Table
) -> pa.Table:
    """What a shortcut predicts for every item of a target.

    Args:
        train: English training data (`schemas.DATA`) of the target's train set; None for
            retrieval, which is not trained.
        items: data of the target in any languages and splits; for BUCC with development pairs.

    Returns:
        Predictions (`schemas.PREDICTIONS`).

    Raises:
        XstiltsError: the target has no such shortcut, the columns are others, or a trained
            target comes without training data.
    """
    where = f"shortcut {name} of {task.key}"
    if name not in shortcuts_of(task):
        raise XstiltsError(
            "there is no such shortcut", where=where, hint=did_you_mean(name, shortcuts_of(task))
        )
    expect_columns(items, DATA[task.kind], where)
    if task.facts.embedded:
        return (_MINED if task.mined else _SEARCHED)[name](items)
    if train is None or not train.num_rows:
        raise XstiltsError("no training data", where=where)
    expect_columns(train, DATA[task.kind], where)
    predict = _TRAINED[task.kind][name]
    return prediction_table(task, items, predict(train.to_pylist(), items.to_pylist(), task.labels))
