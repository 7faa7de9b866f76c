"""The table of tasks: the only place that says what a task is and where its data lie.

A new task is one entry in `targets` or `intermediate` and, if its file format is new, one reader
function (`xstilts.data.readers.folder.READERS`, `xstilts.data.readers.hub.READERS`).
"""

from __future__ import annotations

from xstilts.config.rows import Rows
from xstilts.config.tasks import intermediate, targets
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
]

TASKS: Rows[Task] = {
    task.key: task for task in (*targets.TARGETS, *intermediate.INTERMEDIATE, *intermediate.TEXTS)
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
