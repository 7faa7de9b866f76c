"""The table of tasks: the only place that says what a task is and where its data lie.

A new task is one entry in `targets`, `beyond` or `intermediate` and, if its file format is new,
one reader function (`xstilts.data.readers.folder.READERS`, `xstilts.data.readers.hub_columns`).
"""

from __future__ import annotations

from collections.abc import Iterable

from xstilts.config.rows import Rows
from xstilts.config.tasks import beyond, intermediate, targets
from xstilts.config.tasks.intermediate import TEXT
from xstilts.config.tasks.kinds import KINDS, Kind
from xstilts.config.tasks.sources import NER_TAGS, NLI_LABELS, SPLITS, UPOS_TAGS
from xstilts.config.tasks.types import (
    PERTURBED,
    SOURCE_LANGUAGE,
    FolderSource,
    HubSource,
    Task,
)

__all__ = [
    "GROUPS",
    "INTERMEDIATE",
    "KINDS",
    "NER_TAGS",
    "NLI_LABELS",
    "PERTURBED",
    "SOURCE_LANGUAGE",
    "SPLITS",
    "TARGETS",
    "TASKS",
    "TEXT",
    "UPOS_TAGS",
    "XTREME",
    "FolderSource",
    "HubSource",
    "Kind",
    "Task",
    "averaged",
]

TASKS: Rows[Task] = {
    task.key: task
    for task in (
        *targets.TARGETS,
        *beyond.TARGETS,
        *intermediate.INTERMEDIATE,
        *intermediate.TEXTS,
    )
}
TARGETS: Rows[Task] = {key: task for key, task in TASKS.items() if task.group}
INTERMEDIATE: Rows[Task] = {key: task for key, task in TASKS.items() if task.intermediate}

# XTREME's nine in the order of its columns, over which its averages are formed, and its groups
# (GROUP2TASK in evaluate.py).
XTREME: Rows[Task] = {key: task for key, task in TARGETS.items() if task.xtreme}

GROUPS: dict[str, tuple[str, ...]] = {
    name: tuple(task.key for task in XTREME.values() if task.group == name)
    for name in dict.fromkeys(task.group for task in XTREME.values() if task.group)
}


def averaged(targets: Iterable[str]) -> tuple[str, ...]:
    """Those of the targets over which means are formed, in the order of the table.

    They are XTREME's, for targets beyond it stand beside its means; where there are none of
    XTREME's, all of them.
    """
    held = set(targets)
    return tuple(key for key in XTREME if key in held) or tuple(
        key for key in TARGETS if key in held
    )
