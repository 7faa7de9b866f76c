"""One run of an experiment at a time in a folder."""

from __future__ import annotations

import atexit
import logging
import time
from pathlib import Path

from xstilts.errors import XstiltsError
from xstilts.execution import locks
from xstilts.execution.disk_errors import disk_trouble
from xstilts.execution.locks import Lock

log = logging.getLogger(__name__)

# Snakemake's folder for what is no result.
_NOTES = Path(".snakemake")


def hold_experiment(name: str, folder: str | Path = ".") -> None:
    """Keep every other run of the experiment out of the folder for as long as this process lives.

    Snakemake refuses a second run too, but a run that ends deletes the locks of all that go on in
    the folder, those of other experiments included.

    Raises:
        XstiltsError: another process runs it, and it says which; or trouble with the disk.
    """
    lock = Lock(Path(folder) / _NOTES / f"{name}.running")
    # Where the kernel cannot say, a holder that shows no life for as long has ended.
    end = time.monotonic() + 1.2 * locks.LEASE_SECONDS
    waiting = False

    def go_on(lives_for_certain: bool) -> bool:
        nonlocal waiting
        if lives_for_certain or time.monotonic() > end:
            return False
        if not waiting:
            waiting = True
            log.warning("%s: waiting to see whether %s has ended", lock.path, lock.holder)
        return True

    try:
        is_held = lock.acquire(go_on)
    except OSError as error:
        raise (disk_trouble(error, lock.path) or error) from None
    if not is_held:
        raise XstiltsError(
            f"this experiment is being run here already, by {lock.holder}",
            where=Path(folder).absolute(),
            hint="wait for it or end it, or work in another folder: snakemake --directory",
        )
    # Bound to it: it lives as long as the process.
    atexit.register(lock.release)
