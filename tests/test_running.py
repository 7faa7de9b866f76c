"""One run of an experiment at a time in a folder, however the last one ended."""

from __future__ import annotations

import errno
import logging
import subprocess
import sys

import pytest

from xstilts import running
from xstilts.errors import XstiltsError
from xstilts.running import hold_experiment

HOLDER = """
import sys
from xstilts.running import hold_experiment

hold_experiment("x", sys.argv[1])
print("held", flush=True)
sys.stdin.read()
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


def test_a_disk_without_locks_stops_nobody(tmp_path, monkeypatch, caplog):
    def without(*_arguments):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(running.fcntl, "flock", without)
    with caplog.at_level(logging.WARNING):
        hold_experiment("x", tmp_path)
    assert "this disk has no locks" in caplog.text
