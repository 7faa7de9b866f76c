"""Files that are either whole or absent: written under a temporary name, then renamed."""

from __future__ import annotations

import errno
import glob
import hashlib
import json
import logging
import os
import shutil
import stat
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

from xstilts.execution.disk_errors import disk_trouble
from xstilts.execution.locks import is_left_behind, mark_as_ours

log = logging.getLogger(__name__)

# In a temporary folder: whose it is.
_OWNER = "owner"
_BLOCK = 2**20
# A process of another machine cannot be asked. No job lasts as long, in seconds.
_LONGEST_JOB = 7 * 24 * 3600.0


@contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; rename it onto `path` when the block succeeds.

    The block may create a file or a folder there, which gets the modes that the umask gives. On an
    error nothing is left behind and an earlier `path` stays as it was. Other processes may write
    the same path at the same time: each has a temporary path of its own, `path` is always one
    whole result, and who finds that another has put down the same leaves it there.

    Raises:
        XstiltsError: the disk is full, read-only or gone; it names the file and the mend.
    """
    path = Path(path)
    with ExitStack() as stack:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _remove_left_behind(path)
            before = _identity(path)
            holder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", suffix=".tmp", dir=path.parent))
            stack.callback(shutil.rmtree, holder, ignore_errors=True)
            stack.callback(mark_as_ours(holder / _OWNER).release)
        except OSError as error:
            raise (disk_trouble(error, path) or error) from None
        part = holder / path.name
        try:
            yield part
            _sync(part, holder / "new")
            if _identity(path) != before and _are_same(part, path):
                log.info("%s: another process has written the same meanwhile", path)
            else:
                _rename(part, path, holder)
        except Exception as error:
            trouble = disk_trouble(error, path)
            if trouble is None:
                raise
            raise trouble from error


def _remove_left_behind(path: Path) -> None:
    """Remove temporary folders that a killed process left, with a model perhaps."""
    for folder in path.parent.glob(f".{glob.escape(path.name)}.????????.tmp"):
        with suppress(FileNotFoundError):
            age = time.time() - folder.stat().st_mtime
            if age > _LONGEST_JOB or is_left_behind(folder / _OWNER):
                shutil.rmtree(folder, ignore_errors=True)


def _identity(path: Path) -> tuple[int, ...] | None:
    """What is not the same once another process has written `path`."""
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns


def _are_same(one: Path, other: Path) -> bool:
    """Whether two files, or two folders, hold the same."""
    try:
        return _digests(one) == _digests(other)
    except FileNotFoundError:
        # A third process is replacing it.
        return False


def _digests(path: Path) -> dict[Path, str]:
    files = (file for file in (path, *path.rglob("*")) if file.is_file())
    return {file.relative_to(path): sha256_file(file) for file in files}


def _sync(part: Path, new: Path) -> None:
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


def _rename(part: Path, path: Path, holder: Path) -> None:
    """Put `part` in the place of `path`, or leave that as it was.

    A folder cannot replace another in one step; in between, another process may put its own there.
    """
    for number in count():
        previous = holder / f"previous{number}"
        replaced = part.is_dir()
        if replaced:
            try:
                os.replace(path, previous)
            except FileNotFoundError:
                replaced = False
        try:
            os.replace(part, path)
            return
        except OSError as error:
            if part.is_dir() and error.errno in (errno.ENOTEMPTY, errno.EEXIST):
                continue
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
        size = os.fstat(handle.fileno()).st_size
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(handle.fileno(), 0, size)
            return
        # macOS has none; what a sparse file holds is zeros.
        for start in range(0, size, _BLOCK):
            handle.write(bytes(min(_BLOCK, size - start)))


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
