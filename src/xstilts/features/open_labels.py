"""Tasks whose label set is that of their training data, such as CCG supertags."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from xstilts.config.tasks.types import Task
from xstilts.errors import XstiltsError


def with_open_labels(task: Task, train_data: str | Path) -> Task:
    """`task` with the labels that its training data have, unchanged if its labels are fixed.

    Raises:
        XstiltsError: the training data have no tags.
    """
    if not task.open_labels:
        return task
    labels = labels_of(pq.read_table(train_data, columns=["tags"]))
    if not labels:
        raise XstiltsError(f"the training data of {task.key} have no tags", where=train_data)
    return task.with_labels(labels)


def labels_of(data: pa.Table) -> tuple[str, ...]:
    """All tags that occur in tagging data, sorted by code point."""
    tags = pc.unique(pc.list_flatten(data["tags"])).to_pylist()
    return tuple(sorted(tag for tag in tags if tag))
