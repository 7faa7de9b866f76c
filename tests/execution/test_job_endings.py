"""How a job ends: what stands in its log, on the console, and in its exit status."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from xstilts.execution import devices
from xstilts.execution.devices import amd_gpus, local_gpus, torch_platform

PROGRAM = """
from types import SimpleNamespace
from xstilts.errors import InterruptedBySignal, XstiltsError
from xstilts.execution.jobs import job

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


def test_wsl_shows_one_file_for_all_devices(tmp_path):
    library = tmp_path / "libcuda.so.1"
    (tmp_path / "dxg").touch()
    assert local_gpus(tmp_path, library) == 0
    library.touch()
    assert local_gpus(tmp_path, library) == 1
    (tmp_path / "dxg").unlink()
    assert local_gpus(tmp_path, library) == 0


def test_of_amd_those_that_compute_are_counted(tmp_path):
    for number, compute in enumerate((0, 304, 304)):
        (tmp_path / str(number)).mkdir()
        text = f"cpu_cores_count {16 if not compute else 0}\nsimd_count {compute}\n"
        (tmp_path / str(number) / "properties").write_text(text)
    (tmp_path / "3").mkdir()
    (tmp_path / "3/properties").write_text("")
    assert amd_gpus(tmp_path) == 2
    assert amd_gpus(tmp_path / "absent") == 0


VERSION = """
from typing import Optional

__version__ = '2.9'
cuda: Optional[str] = {}
hip: Optional[str] = {}
"""


@pytest.mark.parametrize(
    ("cuda", "hip", "platform"),
    [("None", "None", None), ("'12.8'", "None", "cuda"), ("None", "'6.4'", "hip")],
)
def test_devices_count_that_pytorch_was_built_for(tmp_path, monkeypatch, cuda, hip, platform):
    path = tmp_path / "version.py"
    path.write_text(VERSION.format(cuda, hip))
    assert torch_platform(path) == platform
    monkeypatch.setattr(devices, "torch_platform", lambda: platform)
    monkeypatch.setattr(devices, "local_gpus", lambda: 2)
    monkeypatch.setattr(devices, "amd_gpus", lambda: 3)
    assert devices.computing_gpus() == {None: 0, "cuda": 2, "hip": 3}[platform]


def test_what_pytorch_was_built_for_is_what_it_says_itself():
    import torch

    said = "cuda" if torch.version.cuda else "hip" if torch.version.hip else None
    assert torch_platform() == said
