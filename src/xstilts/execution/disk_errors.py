"""Disk errors in one message: which file, what happened, what helps.

A full disk reaches Python in as many ways as there are writers: as an `OSError` with a number, as
one without (numpy), as an `Exception` that quotes the number (Rust), as a sentence (SQLite).
"""

from __future__ import annotations

import errno
import os
import re
import tempfile
from collections.abc import Iterator
from pathlib import Path

from xstilts.errors import XstiltsError

# Below this Snakemake itself may stumble over its own notes, before any job can say why.
_LEAST_FREE_BYTES = 20_000_000

_AGAIN = "then run the same command again, it goes on where it was"
_FULL = f"free some, {_AGAIN}"
_LOST = f"wait until it is back or have it looked after, {_AGAIN}"
_HINTS = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: f"free some or ask for more, {_AGAIN}",
    errno.EROFS: "have it mounted for writing, or work in another folder: snakemake --directory",
    errno.ESTALE: _LOST,
    errno.EIO: _LOST,
}
# These say nothing of a disk unless they come with a file.
_HINTS_OF_FILES = {
    errno.EACCES: "change its permissions, or work in another folder: snakemake --directory",
    errno.EPERM: "change its permissions, or work in another folder: snakemake --directory",
    errno.ENOTCONN: _LOST,
    errno.ENODEV: _LOST,
    errno.EHOSTDOWN: _LOST,
}
_NUMBER = re.compile(r"\b(?:os error |errno )(\d+)", re.IGNORECASE)
_SENTENCES = {
    "database or disk is full": errno.ENOSPC,
    "attempt to write a readonly database": errno.EROFS,
    "disk I/O error": errno.EIO,
    **{os.strerror(number): number for number in _HINTS},
}
_TEMPORARY = re.compile(r"\.([^/]+)\.\w{8}\.tmp(?:/\1)?(?=/|$)")
_SHORT_WRITE = re.compile(r"\d+ requested and \d+ written")


class DiskError(XstiltsError):
    """A disk is full, read-only or gone."""


def disk_trouble(error: BaseException, path: str | Path | None = None) -> DiskError | None:
    """The error to show in place of `error` if a disk caused it; None otherwise.

    Args:
        path: the file or folder that was being written, if that is known.
    """
    for link in _chain(error):
        if isinstance(link, DiskError):
            return link
        number = _number(link) or 0
        where = _place(getattr(link, "filename", None), path)
        hint = _HINTS.get(number)
        if hint is None and link is error and where is not None:
            hint = _HINTS_OF_FILES.get(number)
        if hint is not None:
            return DiskError(_problem(number, where), where=where, hint=hint)
    return None


def check_working_directory(path: str | Path, least_free: int = _LEAST_FREE_BYTES) -> None:
    """Refuse a working directory in which not even Snakemake's own notes could be written.

    Args:
        least_free: bytes that must be free on its disk.

    Raises:
        XstiltsError: it cannot be written, or its disk is full.
    """
    path = Path(path).absolute()
    try:
        # A read-only disk shows in no permission, so a file has to be made.
        with tempfile.TemporaryFile(dir=path) as probe:
            probe.write(b"x")
            probe.flush()
        disk = os.statvfs(path)
    except OSError as error:
        error.filename = None  # the name of the probe
        raise (disk_trouble(error, path) or error) from None
    free = disk.f_bavail * disk.f_frsize
    if free < least_free:
        raise XstiltsError(
            f"{_size(free)} are free on its disk, too little to begin",
            where=path,
            hint=f"free at least {_size(least_free)}; `xstilts plan` says how much a run needs",
        )


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The error and what it was raised from, the first cause last."""
    seen: set[int] = set()
    link: BaseException | None = error
    while link is not None and id(link) not in seen:
        seen.add(id(link))
        yield link
        link = link.__cause__ or link.__context__


def _number(error: BaseException) -> int | None:
    """The system's number of an error, from wherever a library put it."""
    if isinstance(error, OSError) and error.errno is not None:
        return error.errno
    text = str(error)
    quoted = _NUMBER.search(text)
    if quoted:
        return int(quoted[1])
    if isinstance(error, OSError) and _SHORT_WRITE.search(text):
        # numpy does not say why; hardly anything else cuts a write short.
        return errno.ENOSPC
    return next((number for sentence, number in _SENTENCES.items() if sentence in text), None)


def _place(named: object, path: str | Path | None) -> str | None:
    """The file to name: what the error names, by its final name, or what was being written."""
    if isinstance(named, bytes):
        named = os.fsdecode(named)
    if not isinstance(named, str | os.PathLike):
        named = path
    # As `xstilts.execution.files.atomic_path` calls what is not whole yet.
    return None if named is None else _TEMPORARY.sub(r"\1", str(named))


def _problem(number: int, where: str | None) -> str:
    said = os.strerror(number)
    if number == errno.ENOSPC and where is not None:
        return f"{said}: {_left(Path(where))}"
    return said


def _left(path: Path) -> str:
    """What is left on the disk of `path`, or of the nearest folder above it that there is."""
    for folder in (path, *path.absolute().parents):
        try:
            disk = os.statvfs(folder)
        except OSError:
            continue
        if disk.f_files and not disk.f_favail:
            return "its disk can hold no more files, whatever their size"
        total, free = disk.f_blocks * disk.f_frsize, disk.f_bavail * disk.f_frsize
        return f"of {_size(total)} on its disk {_size(free)} are free"
    return "its disk is full"


def _size(number: float) -> str:
    for unit, size in (("GB", 1e9), ("MB", 1e6), ("KB", 1e3)):
        if number >= size:
            return f"{number / size:.1f} {unit}"
    return f"{number:.0f} bytes"
