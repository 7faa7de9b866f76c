"""Files of an encoder as it is published: in a local folder, or in a repository on the hub."""

from __future__ import annotations

from pathlib import Path

from huggingface_hub import hf_hub_download


def place_of(name: str | Path, revision: str | None) -> str:
    """A folder, or a repository on the hub and its commit, for errors."""
    return f"{name} at {revision}" if revision else str(name)


def file_of(name: str | Path, revision: str | None, file: str) -> Path:
    """A file of a local folder, or of a hub repository, downloaded if need be.

    Without a network those that were downloaded before are there.

    Raises:
        OSError: it is not there, or cannot be downloaded.
    """
    if not isinstance(name, Path):
        return Path(hf_hub_download(name, file, revision=revision))
    (name / file).stat()
    return name / file


def published_file(name: str | Path, revision: str | None, file: str) -> Path | None:
    """As `file_of`, None if it is not there."""
    try:
        return file_of(name, revision, file)
    except OSError:
        return None


def is_published(name: str | Path, revision: str | None, file: str) -> bool:
    """Whether there is such a file, which is not downloaded for that: it may have gigabytes."""
    try:
        if isinstance(name, Path):
            (name / file).stat()
        else:
            hf_hub_download(name, file, revision=revision, dry_run=True)
    except OSError:
        return False
    return True
