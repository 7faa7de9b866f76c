"""One run of an experiment at a time in a folder."""

from __future__ import annotations

import errno
import fcntl
import logging
import os
import socket
from pathlib import Path
from typing import IO

from xstilts.errors import XstiltsError

log = logging.getLogger(__name__)

# Snakemake's folder for what is no result.
_NOTES = Path(".snakemake")
# Network disks without locks.
_NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS}

# Held until the process ends, however it ends.
_held: list[IO[str]] = []


def hold_experiment(name: str, folder: str | Path = ".") -> None:
    """Keep every other run of the experiment out of the folder for as long as this process lives.

    Snakemake refuses a second run too, but a run that ends deletes the locks of all that go on in
    the folder, those of other experiments included.

    Raises:
        XstiltsError: another process runs it; says which.
    """
    path = Path(folder) / _NOTES / f"{name}.running"
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = path.open("a+", encoding="utf-8")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        handle.seek(0)
        holder = handle.read().strip() or "another process"
        handle.close()
        if error.errno in _NO_LOCKS:
            log.warning("%s: this disk has no locks: two runs at a time are not noticed", path)
            return
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            raise
        raise XstiltsError(
            f"this experiment is being run here already, by {holder}",
            where=Path(folder).absolute(),
            mend="wait for it or end it, or work in another folder: snakemake --directory",
        ) from None
    handle.truncate(0)
    handle.write(f"process {os.getpid()} on {socket.gethostname()}\n")
    handle.flush()
    _held.append(handle)
