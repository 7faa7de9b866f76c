"""One process at a time, on disks with locks and without, and across machines."""

from __future__ import annotations

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from xstilts.execution import locks
from xstilts.execution.locks import Lock

# Seconds: others must be seen to live on a machine that is busy.
LEASE = 5.0

# Holds a lock, and says of each line that it reads whether it has lost it. Of another machine, for
# as much as the file that names the holder tells.
HOLDER = """
import fcntl, sys
from pathlib import Path
from xstilts.execution import locks

path, number, machine = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
locks.LEASE_SECONDS = float(sys.argv[4])

def without(*_):
    raise OSError(number, "no flock here")

if number:
    fcntl.flock = without
lock = locks.Lock(path)
assert lock.acquire(lambda _: False)
marker = Path(f"{path}.holder")
if machine:
    said = marker.read_text()
    host = next(line for line in said.splitlines() if line.startswith("host="))
    marker.write_text(said.replace(host, f"host={machine}"))
print("held", flush=True)
for _ in sys.stdin:
    print("lost" if lock.is_lost else "held", flush=True)
"""


@contextmanager
def holding(path: Path, number: int = 0, machine: str = "") -> Iterator[subprocess.Popen[str]]:
    """A process that holds the lock on `path`; on its disk flock fails with `number`."""
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path), str(number), machine, str(LEASE)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout.readline() == "held\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def without_flock(monkeypatch, number: int) -> None:
    def fails(*_arguments):
        raise OSError(number, os.strerror(number))

    if number:
        monkeypatch.setattr("fcntl.flock", fails)


def at_once(_lives_for_certain: bool) -> bool:
    return False


def within(seconds: float):
    """Go on waiting for so long."""
    end = time.monotonic() + seconds
    return lambda _lives_for_certain: time.monotonic() < end


@pytest.fixture(autouse=True)
def short_leases(monkeypatch):
    monkeypatch.setattr(locks, "LEASE_SECONDS", LEASE)


@pytest.mark.parametrize("number", [0, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK])
def test_a_holder_keeps_others_out_until_it_is_killed_on_every_disk(tmp_path, monkeypatch, number):
    without_flock(monkeypatch, number)
    lock = Lock(tmp_path / "folder/lock")
    with holding(lock.path, number) as process:
        assert not lock.acquire(at_once)
        assert lock.holder.startswith(f"process {process.pid} on ")
        process.kill()
        process.wait()
        began = time.monotonic()
        assert lock.acquire(within(30), look_every=0.1)
        assert time.monotonic() - began < LEASE, "known to be dead, it was waited for"
    assert not lock.is_lost
    lock.release()
    assert Lock(lock.path).acquire(at_once)


def test_trouble_that_is_no_lack_of_locks_is_told(tmp_path, monkeypatch):
    without_flock(monkeypatch, errno.EIO)
    with pytest.raises(OSError, match="Input/output"):
        Lock(tmp_path / "lock").acquire(at_once)


@pytest.mark.parametrize("number", [0, errno.ENOSYS])
def test_of_another_machine_a_holder_counts_as_long_as_it_shows_life(tmp_path, monkeypatch, number):
    # Its kernel's lock, if it has one, is not seen on this machine.
    without_flock(monkeypatch, number)
    lock = Lock(tmp_path / "lock")
    with holding(lock.path, errno.ENOSYS, "elsewhere") as process:
        assert not lock.acquire(within(1.6 * LEASE), look_every=0.1)
        assert lock.holder == f"process {process.pid} on elsewhere"
        process.kill()
        process.wait()
        assert not lock.acquire(at_once)
        assert lock.acquire(within(30), look_every=0.1)


def test_who_stood_still_and_was_taken_for_dead_knows_it(tmp_path, monkeypatch):
    without_flock(monkeypatch, errno.ENOSYS)
    lock = Lock(tmp_path / "lock")
    with holding(lock.path, errno.ENOSYS, "elsewhere") as process:
        process.send_signal(signal.SIGSTOP)
        assert lock.acquire(within(30), look_every=0.1)
        process.send_signal(signal.SIGCONT)
        process.stdin.write("and now?\n")
        process.stdin.flush()
        assert process.stdout.readline() == "lost\n"
        assert not lock.is_lost


def test_the_kernel_keeps_a_lock_for_who_stands_still(tmp_path):
    lock = Lock(tmp_path / "lock")
    with holding(lock.path, machine="elsewhere") as process:
        process.send_signal(signal.SIGSTOP)
        assert not lock.acquire(within(1.6 * LEASE), look_every=0.1)
