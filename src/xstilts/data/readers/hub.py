"""Data sets on the Hugging Face hub that need no script, of Parquet, JSON lines or tables.

Everything is read through `datasets.load_dataset` at one pinned commit. A repository may
also be a local folder in the hub's layout, which needs no revision.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from datasets import Dataset, load_dataset

from xstilts.config.languages import LANGUAGES
from xstilts.config.tasks import HubSource, Task
from xstilts.config.tasks.hub_rows import expected_rows
from xstilts.data.readers.hub_columns import READERS, table_of
from xstilts.data.rows import Batch, Place
from xstilts.errors import XstiltsError

log = logging.getLogger(__name__)

_COMMIT = re.compile(r"[0-9a-f]{40}")


def read(
    task: Task, split: str, language: str, revisions: Mapping[str, str]
) -> tuple[Batch, Place, dict[str, Any]]:
    """One split in one language, its place for errors, and where it comes from.

    Raises:
        XstiltsError: the task has no such split there, or not in this language, no revision is
            pinned, the data cannot be loaded, or they are not as expected.
    """
    if split not in task.hub and split not in task.hub_translated:
        raise XstiltsError(f"{task.key} has no {split} split on the hub")
    sources = task.hub_sources(split, language)
    if not sources:
        raise XstiltsError(f"{task.key} has no {split} data in {language!r} on the hub")
    batch = Batch()
    wheres, origins = [], []
    first = 0
    for source in sources:
        where, origin, dataset = _open(source, task, split, language, revisions)
        found = READERS[source.reader](Place(task, split, language, where, first), dataset)
        first += dataset.num_rows
        batch.extend(found)
        wheres.append(where)
        origins.append(origin)
    place = Place(task, split, language, " and ".join(wheres))
    variant = {"variant": task.hub_variant} if task.hub_variant else {}
    foreign = task.foreign(split, language)
    held = {"foreign": {"other": foreign.other, "percent": foreign.share(split)}} if foreign else {}
    return batch, place, {"sources": origins, **variant, **held}


def passages(
    task: Task, split: str, language: str, revisions: Mapping[str, str]
) -> tuple[list[str], dict[str, Any]]:
    """The passages of a split of questions in one language, each once, and where they come from.

    Raises:
        XstiltsError: the data cannot be loaded, or have no passages.
    """
    found: dict[str, None] = {}
    origins = []
    for source in task.hub_sources(split, language):
        where, origin, dataset = _open(source, task, split, language, revisions)
        table = table_of(dataset, Place(task, split, language, where), texts=("context",))
        found |= dict.fromkeys(table["context"].to_pylist())
        origins.append(origin)
    return list(found), {"sources": origins}


def _open(
    source: HubSource, task: Task, split: str, language: str, revisions: Mapping[str, str]
) -> tuple[str, dict[str, Any], Dataset]:
    """A source's name in errors, what it is in metadata, and its rows."""
    config = _config(source, language)
    revision = _revision(source, revisions)
    where = f"{source.repo} at {revision or 'local folder'}, config {config}, split {source.split}"
    origin: dict[str, Any] = {
        "reader": source.reader,
        "repo": source.repo,
        "revision": revision,
        "config": config,
        "hub_split": source.split,
    }
    copy = ""
    if source.fragile and revision:
        copy = _instead(task, split)
        origin["fragile"] = copy
        log.warning("%s: the hub can remove this commit; to be safe keep %s", where, copy)
    dataset = _load(source.repo, config, source.split, revision, where, copy)
    expected = expected_rows(source.repo, config, source.split)
    if revision == source.revision and expected not in (None, dataset.num_rows):
        # A warning, since it may be the table that is wrong: `datasets` has compared what it read
        # with the card that lies beside it.
        origin |= {"rows": dataset.num_rows, "rows_expected": expected}
        log.warning("%s: %d rows, expected %d", where, dataset.num_rows, expected)
    return where, origin, dataset


def _instead(task: Task, split: str) -> str:
    """The files in a folder that are read in place of a fragile source."""
    return f"data_root/{task.folder[split][0].files[0].replace('{-lang}', '')}"


def _config(source: HubSource, language: str) -> str:
    known = LANGUAGES.get(language)
    if known is None:
        raise XstiltsError(f"unknown language {language!r}", where=source.repo)
    return source.config.format(lang=language, iso=known.iso639_3, name=known.name)


def _revision(source: HubSource, revisions: Mapping[str, str]) -> str:
    revision = revisions.get(source.repo, source.revision)
    if Path(source.repo).is_dir():
        return ""
    if not _COMMIT.fullmatch(revision):
        raise XstiltsError(
            "no commit is pinned" if not revision else f"{revision!r} is not a commit",
            where=source.repo,
            hint="name the full 40-digit commit under hub_revisions in the experiment file",
        )
    return revision


def _load(repo: str, config: str, split: str, revision: str, where: str, copy: str = "") -> Dataset:
    try:
        return load_dataset(repo, config, split=split, revision=revision or None)
    except Exception as error:
        # `datasets` raises many unrelated types here, from a bad config to a lost network.
        if os.environ.get("HF_HUB_OFFLINE", "") not in ("", "0"):
            hint = "HF_HUB_OFFLINE is set: fetch the data first"
        else:
            hint = "check the network, the revision and the names of config and split"
        if copy:
            hint += (
                "; the hub may have removed this commit of its branch refs/convert/parquet: name"
                f" the branch's newest commit under hub_revisions, or give {copy} and the files of"
                " the other splits, which are then read instead"
            )
        raise XstiltsError(
            f"cannot be loaded: {type(error).__name__}: {error}", where=where, hint=hint
        ) from error
