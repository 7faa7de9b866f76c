"""How a job ends: what stands in its log, on the console, and in its exit status."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from xstilts.hardware import local_gpus

PROGRAM = """
from types import SimpleNamespace
from xstilts.errors import InterruptedBySignal, XstiltsError
from xstilts.jobs import job

with job(SimpleNamespace(threads=1, log=["logs/x/job.log"], rule="train")):
    print("to the log")
    {body}
"""


@pytest.mark.parametrize(
    ("body", "status", "console", "logged"),
    [
        ("pass", 0, "", "to the log"),
        ("raise XstiltsError('bad row', where='a.tsv', row=2)", 1, "a.tsv, row 2: bad row", "bad"),
        ("raise InterruptedBySignal('saved')", 128 + signal.SIGTERM, "saved", "saved"),
        ("{}['key']", 1, "KeyError: 'key'", "Traceback"),
        (
            "import os, sys; assert os.environ['HF_HUB_OFFLINE'] == '1'; os.system('echo child')",
            0,
            "",
            "child",
        ),
    ],
)
def test_ends_of_a_job(tmp_path, body, status, console, logged):
    result = subprocess.run(
        [sys.executable, "-c", PROGRAM.replace("{body}", body)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
    )
    log = (tmp_path / "logs/x/job.log").read_text()
    assert result.returncode == status
    assert console in result.stderr
    assert (result.stderr == "") == (status == 0)
    assert "Traceback" not in result.stderr
    assert logged in log
    assert "to the log" in log
    assert result.stdout == ""


def test_gpus_are_counted_without_torch(tmp_path):
    for name in ("nvidia0", "nvidia1", "nvidiactl", "nvidia-uvm", "null"):
        (tmp_path / name).touch()
    assert local_gpus(tmp_path) == 2
    assert local_gpus(tmp_path / "absent") == 0
