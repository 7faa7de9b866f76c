"""Results that were made where Snakemake has no notes of them, and what it needs to know of those.

Snakemake compares a job with its own notes, in `.snakemake`. Of results that were copied without
them it knows nothing, and takes them as they are, whatever the experiment says today. Each result
says itself what made it (`xstilts.execution.provenance`), so that is noted for Snakemake before it
compares: what was made otherwise is made again, with the reason, and the rest is left.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

from xstilts.execution.provenance import digest, recorded_beside
from xstilts.execution.snakemake_internals import Notes


def adopt(root: str | Path, notes: Notes) -> list[str]:
    """Note for Snakemake what made those results of which it has no note.

    A result of which an input file has another content by now than what it was made of is noted as
    made of other files.

    Args:
        root: the folder of an experiment's results, relative to the working directory.

    Returns:
        Paths of the results that were noted, sorted.
    """
    content = cache(lambda path: digest(path) if Path(path).exists() else None)
    found = []
    for path in sorted(notes.unknown(list(_results(Path(root))))):
        made: dict[str, Any] = {}
        # A table that cannot be read says so where it is used.
        with suppress(OSError, ValueError):
            made = recorded_beside(path)
        if {"rule", "params", "inputs"} <= made.keys():
            # What is gone was needed then and is compared when it is there again.
            same = {
                name: sha256
                for name, sha256 in made["inputs"].items()
                if content(name) in (sha256, None)
            }
            notes.add(
                path,
                rule=made["rule"],
                params=made["params"].values(),
                inputs=[*same, *(name for name in made.get("repeated", ()) if name in same)],
                sha256={name: sha256 for name, sha256 in same.items() if Path(name).is_file()},
            )
            found.append(path)
    return found


def _results(root: Path) -> Iterator[str]:
    """Outputs of jobs below a folder: tables, and what has its provenance beside it.

    Of the latter also those that are gone, since they stay noted as long as nothing needs them.
    """
    beside = root / "provenance"
    # What trains meanwhile has tables too, that are nobody's result.
    others = (beside, root / "resume")
    for path in root.rglob("*.parquet"):
        if not any(folder in path.parents for folder in others):
            yield str(path)
    for path in beside.rglob("*.json"):
        yield str(root / path.relative_to(beside).with_suffix(""))
