"""Results that were made where Snakemake has no notes of them, and what it is told of those.

Snakemake compares a job with its own notes, in `.snakemake`. Of results that were copied without
them it knows nothing, and takes them as they are, whatever the experiment says today. Each result
says itself what made it (`xstilts.execution.provenance`), so that is noted for Snakemake before it
compares: what was made otherwise is made again, with the reason, and the rest is left.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from snakemake.persistence import RECORD_FORMAT_VERSION, MetadataRecord, PersistenceBase
from snakemake.persistence.db import DbPersistence
from snakemake.persistence.file import FilePersistence
from snakemake.settings.enums import PersistenceBackend


def notes_of(workflow: Any) -> PersistenceBase:
    """Snakemake's notes on the working directory, before it opens them itself."""
    settings = workflow.workflow_settings
    if settings.persistence_backend == PersistenceBackend.DB:
        url = settings.persistence_backend_db_url
        return DbPersistence(**({"db_url": url} if url else {}))
    return FilePersistence()


def adopt(root: str | Path, notes: PersistenceBase) -> list[str]:
    """Note for Snakemake what made those results of which it has no note.

    A result of which an input file has another content by now than what it was made of is noted as
    made of other files.

    Args:
        root: the folder of an experiment's results, relative to the working directory.

    Returns:
        Paths of the results that were noted, sorted.
    """
    unknown = _unknown(list(_results(Path(root))), notes)
    if not unknown:
        return []
    # Arrow takes its time, and most runs have no need of it.
    from xstilts.execution.provenance import recorded_beside

    digests: dict[str, str | None] = {}
    found = []
    # What a job is writing, or was when it was ended, is no result.
    for path in sorted(set(unknown) - notes._filter_incomplete_keys(unknown)):
        made: dict[str, Any] = {}
        # A table that cannot be read says so where it is used.
        with suppress(OSError, ValueError):
            made = recorded_beside(path)
        if {"rule", "params", "inputs"} <= made.keys():
            notes._write_record(path, _note(made, digests))
            found.append(path)
    return found


def _unknown(paths: list[str], notes: PersistenceBase) -> list[str]:
    if not isinstance(notes, FilePersistence):
        return [path for path in paths if notes._read_record(path) is None]
    # There are tens of thousands, so none is opened.
    folder = notes._metadata_path
    held = {f"{place}/{name}" for place, _, names in os.walk(folder) for name in names}
    return [path for path in paths if notes._record_path(folder, path) not in held]


def _results(root: Path) -> Iterator[str]:
    """Outputs of jobs below a folder: tables, and what has its provenance beside it.

    Of the latter also those that are gone, since they stay noted as long as nothing needs them.
    """
    beside = root / "provenance"
    for path in root.rglob("*.parquet"):
        if beside not in path.parents:
            yield str(path)
    for path in beside.rglob("*.json"):
        yield str(root / path.relative_to(beside).with_suffix(""))


def _note(made: dict[str, Any], digests: dict[str, str | None]) -> MetadataRecord:
    """What Snakemake would have noted of a job, from what its result says of it."""
    from xstilts.execution.provenance import digest

    for path in made["inputs"]:
        if path not in digests:
            digests[path] = digest(path) if Path(path).exists() else None
    # What is gone was needed then and is compared when it is there again.
    same = {path: told for path, told in made["inputs"].items() if digests[path] in (told, None)}
    repeated = [path for path in made.get("repeated", ()) if path in same]
    return MetadataRecord(
        rule=made["rule"],
        input=sorted([*same, *repeated]),
        params=sorted(map(repr, made["params"].values())),
        incomplete=False,
        record_format_version=RECORD_FORMAT_VERSION,
        input_checksums={
            path: f"sha256:{told}" for path, told in same.items() if Path(path).is_file()
        },
    )
