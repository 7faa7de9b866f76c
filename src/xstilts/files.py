"""Files that are either whole or absent: written under a temporary name, then renamed."""

from __future__ import annotations

import glob
import hashlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from xstilts.mishaps import disk_trouble


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it onto `path` when the block succeeds.

    The block may create a file or a folder there, which gets the modes that the umask gives. On an
    error nothing is left behind and an earlier `path` stays as it was.

    Raises:
        XstiltsError: the disk is full, read-only or gone; it names the file and the mend.
    """
    path = Path(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # A killed process leaves its temporary folder, with a model perhaps; nobody else writes
        # here.
        for abandoned in path.parent.glob(f".{glob.escape(path.name)}.????????.tmp"):
            shutil.rmtree(abandoned, ignore_errors=True)
        holder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent))
    except OSError as error:
        raise (disk_trouble(error, path) or error) from None
    part = holder / path.name
    try:
        yield part
        _settle(part, holder / "new")
        _rename(part, path, holder / "previous")
    except Exception as error:
        trouble = disk_trouble(error, path)
        if trouble is None:
            raise
        raise trouble from error
    finally:
        shutil.rmtree(holder, ignore_errors=True)


def _settle(part: Path, new: Path) -> None:
    """Bring every file of `part` to the disk, with the mode of a `new` one."""
    new.touch()
    mode = stat.S_IMODE(new.stat().st_mode)
    for file in (part, *part.rglob("*")):
        if not file.is_file():
            continue
        with file.open("rb") as handle:
            # safetensors makes files that nobody else can read, whatever the umask. Some network
            # disks have no modes.
            if stat.S_IMODE(os.fstat(handle.fileno()).st_mode) != mode:
                with suppress(PermissionError):
                    os.fchmod(handle.fileno(), mode)
            # Without this a crash of the machine after the rename can leave an empty file. And a
            # network disk may say only now that it is full: not all writers ask when they close.
            os.fsync(handle.fileno())


def _rename(part: Path, path: Path, previous: Path) -> None:
    """Put `part` in the place of `path`, or leave that as it was."""
    replaced = part.is_dir() and path.exists()
    if replaced:
        os.replace(path, previous)
    try:
        os.replace(part, path)
    except OSError:
        if replaced:
            os.replace(previous, path)
        raise


def reserve(path: str | Path) -> None:
    """Have the disk set aside every byte of a sparse file, before it is written through a map.

    What is written through a memory map to a full disk kills the process (SIGBUS) and says nothing.

    Raises:
        OSError: there is not as much space.
    """
    with Path(path).open("rb+") as handle:
        os.posix_fallocate(handle.fileno(), 0, os.fstat(handle.fileno()).st_size)


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
