"""One process at a time, on every disk and wherever the others run.

A batch system may run one job twice: its reply to a submission is lost, or a run is started anew
while jobs of the last one go on. Network disks may have no locks, or locks of each machine alone.
"""

from __future__ import annotations

import atexit
import errno
import logging
import time
from collections.abc import Callable
from pathlib import Path

from filelock import FileLock, SoftFileLease, SoftFileLock, Timeout

from xstilts.errors import XstiltsError
from xstilts.execution.disk_errors import disk_trouble

log = logging.getLogger(__name__)

# A holder shows every third of this that it lives; who sees nothing for as long takes its place.
LEASE_SECONDS = 60.0

# Network disks without locks.
_NO_LOCKS = {errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS}
_LOOK_EVERY = 1.0
# Snakemake's folder for what is no result.
_NOTES = Path(".snakemake")


class Lock:
    """A lock on a path that ends with its holder, however and on whatever machine that ends.

    It is two. The kernel's (`flock`) holds also while its process stands still, but a network disk
    may not have it, or not across machines. The other is a file beside `path` that names its
    holder, who touches it: a dead process of this machine is known as such, and one of another
    machine is taken for dead when the file was left alone for `LEASE_SECONDS`.

    Args:
        path: a file that is made if need be, with its folder; it stays.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        # One that takes the other kind of its own accord would wait for the crashed for ever.
        self._kernel = FileLock(self.path, thread_local=False, fallback_to_soft=False)
        self._lease = SoftFileLease(
            f"{self.path}.holder", lease_duration=LEASE_SECONDS, thread_local=False
        )

    def acquire(self, go_on: Callable[[bool], bool], look_every: float = _LOOK_EVERY) -> bool:
        """Take the lock, waiting for it as long as wanted.

        Args:
            go_on: asked before each further look, every `look_every` seconds, and told whether
                the holder lives for certain; it may be one of a machine that has crashed.

        Returns:
            Whether it is held now.

        Raises:
            OSError: trouble with the disk.
        """
        while not self._kernel_lock() or not self._take_lease():
            if not go_on(self._is_contended):
                return False
            time.sleep(look_every)
        return True

    def release(self) -> None:
        """Let others have it."""
        self._lease.release(force=True)
        self._kernel.release(force=True)

    @property
    def holder(self) -> str:
        """Who holds it, to be read by a person."""
        owner = self._lease.owner
        if owner is None:
            return "another process"
        # Behind it stands in which container, as a number.
        return f"process {owner.pid} on {owner.hostname.partition('?')[0]}"

    @property
    def is_lost(self) -> bool:
        """Whether another process has taken this one, which showed no life, for dead."""
        owner = self._lease.owner
        return owner is not None and owner.token != self._lease.token

    def _kernel_lock(self) -> bool:
        """Take the kernel's lock; True also where there is none."""
        self._is_contended = False
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._kernel.acquire(blocking=False)
        except Timeout:
            self._is_contended = True
            return False
        except FileNotFoundError:
            # Its holder is just removing the folder.
            return False
        except OSError as error:
            if error.errno not in _NO_LOCKS:
                raise
        return True

    def _take_lease(self) -> bool:
        try:
            self._lease.acquire(blocking=False)
        except (Timeout, FileNotFoundError):
            # Whoever waits for it lets others see that it holds nothing.
            self._kernel.release(force=True)
            return False
        return True


def mark_as_ours(marker: Path) -> SoftFileLock:
    """Write into a file that this process lives, and needs what lies beside it.

    Returns:
        What removes the file when it is released.

    Raises:
        OSError: the file cannot be made.
    """
    lock = SoftFileLock(marker)
    lock.acquire(blocking=False)
    return lock


def is_left_behind(marker: Path) -> bool:
    """Whether the process that marked a file as its own is known to have ended.

    Known is it only of those of this machine. Without a mark nothing is.
    """
    try:
        if not marker.exists():
            return False
        # On some disks the first look removes the mark, and only the second takes its place.
        SoftFileLock(marker).acquire(timeout=0.1).lock.release()
    except OSError:
        return False
    return True


def hold_experiment(name: str, folder: str | Path = ".") -> None:
    """Keep every other run of the experiment out of the folder for as long as this process lives.

    Snakemake refuses a second run too, but a run that ends deletes the locks of all that go on in
    the folder, those of other experiments included.

    Raises:
        XstiltsError: another process runs it, and it says which; or trouble with the disk.
    """
    lock = Lock(Path(folder) / _NOTES / f"{name}.running")
    # Where the kernel cannot say, a holder that shows no life for as long has ended.
    end = time.monotonic() + 1.2 * LEASE_SECONDS
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
