"""Files that are either whole or absent: written under a temporary name, then renamed."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it onto `path` when the block succeeds.

    The block may create a file or a folder there. On an error nothing is left behind and
    an earlier `path` stays as it was.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    # A killed process leaves its temporary folder, with a model perhaps; nobody else writes here.
    for abandoned in path.parent.glob(f".{glob.escape(path.name)}.????????.tmp"):
        shutil.rmtree(abandoned, ignore_errors=True)
    holder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent))
    part = holder / path.name
    try:
        yield part
        if part.is_file():
            _flush_to_disk(part)
        if part.is_dir() and path.exists():
            os.replace(path, holder / "previous")
        os.replace(part, path)
    finally:
        shutil.rmtree(holder, ignore_errors=True)


def _flush_to_disk(path: Path) -> None:
    # Without this a crash of the machine after the rename can leave an empty file.
    with path.open("rb") as handle:
        os.fsync(handle.fileno())


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with atomic_path(path) as part:
        part.write_text(text, encoding="utf-8")


def write_json(path: str | Path, value: Any) -> None:
    """Write JSON atomically, readable by a person."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def sha256_file(path: str | Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()
