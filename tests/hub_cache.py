"""Folders as revisions of a hub repository, in the layout of the hub's own cache."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from xstilts.execution.files import sha256_file


def hub_cache(cache: Path, repo: str, revisions: dict[str, Path]) -> None:
    """Write the repository into `cache`; the last revision is its main branch."""
    home = cache / f"models--{repo.replace('/', '--')}"
    for revision, folder in revisions.items():
        snapshot = home / "snapshots" / revision
        snapshot.mkdir(parents=True)
        for path in folder.iterdir():
            blob = home / "blobs" / sha256_file(path)
            blob.parent.mkdir(exist_ok=True)
            shutil.copy(path, blob)
            (snapshot / path.name).symlink_to(os.path.relpath(blob, snapshot))
    (home / "refs").mkdir()
    (home / "refs" / "main").write_text(list(revisions)[-1])
