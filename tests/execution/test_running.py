"""One run of an experiment at a time in a folder, however the last one ended."""

from __future__ import annotations

import errno
import os
import subprocess
import sys

import pytest

from xstilts.errors import XstiltsError
from xstilts.execution import locks
from xstilts.execution.locks import hold_experiment

HOLDER = """
import sys
from xstilts.execution.locks import hold_experiment

hold_experiment("x", sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""

WITHOUT = """
def without(*_):
    raise OSError(errno.ENOSYS, "no flock here")

fcntl.flock = without
"""


def test_a_second_run_is_refused_until_the_first_has_ended(tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(XstiltsError, match=f"^{tmp_path}: .* by process {holder.pid} on "):
        hold_experiment("x", tmp_path)
    hold_experiment("another", tmp_path)
    holder.kill()
    holder.communicate()
    hold_experiment("x", tmp_path)


@pytest.mark.parametrize("number", [errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK])
def test_a_second_run_is_refused_on_a_disk_without_locks_too(tmp_path, monkeypatch, caplog, number):
    def without(*_arguments):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr("fcntl.flock", without)
    # Whether it lives shows in the end.
    monkeypatch.setattr(locks, "LEASE_SECONDS", 5)
    patch = (
        f"import errno, fcntl, xstilts.execution.locks as locks\nlocks.LEASE_SECONDS = 5\n{WITHOUT}"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", patch + HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(XstiltsError, match=f"^{tmp_path}: .* by process {holder.pid} on "):
        hold_experiment("x", tmp_path)
    assert "waiting to see whether process" in caplog.text
    holder.kill()
    holder.communicate()
    hold_experiment("x", tmp_path)


def test_a_folder_that_cannot_be_written_is_named(tmp_path, monkeypatch):
    def read_only(*_arguments):
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr("fcntl.flock", read_only)
    with pytest.raises(XstiltsError, match=r"x\.running: Read-only file system"):
        hold_experiment("x", tmp_path)
