"""Each job has a GPU of its own, on machines that are made up, with processes that are real."""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace
from uuid import uuid4

import pytest

from xstilts.errors import XstiltsError
from xstilts.execution import devices
from xstilts.execution.cost import meter
from xstilts.execution.cost.energy import EnergyMeter, Used
from xstilts.execution.devices import (
    VISIBLE,
    Device,
    device_for,
    machine_devices,
    take_device,
    usable_devices,
)

# Takes a device, says which, and keeps it until it is told to end.
HOLDER = """
import os, sys
from xstilts.execution.devices import Device, take_device

taken = take_device(1, devices=[Device(uuid) for uuid in sys.argv[1:]])
{then}
print(taken, os.environ["CUDA_VISIBLE_DEVICES"], flush=True)
sys.stdin.read()
"""
# Leaves a mark while it holds the device, and fails if another's is there.
USER = """
import os, sys, time
from xstilts.execution.devices import Device, take_device

folder, *uuids = sys.argv[1:]
taken = take_device(1, devices=[Device(uuid) for uuid in uuids], look_every=0.01)
mark = os.path.join(folder, taken)
os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
time.sleep(0.1)
os.unlink(mark)
print(taken)
"""


def uuids(number: int) -> list[str]:
    """Names that no other test, and no other run of this one, holds."""
    return [f"GPU-{uuid4()}" for _ in range(number)]


def start(program: str, *arguments: str) -> subprocess.Popen:
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={key: value for key, value in os.environ.items() if key != VISIBLE},
    )


def hold(*names: str, then: str = "") -> tuple[subprocess.Popen, str]:
    process = start(HOLDER.format(then=then), *names)
    taken, shown, *_ = process.stdout.readline().split()
    assert taken == shown
    return process, taken


def take(names: list[str], **environ: str) -> str | None:
    """Take a device that must be free now."""
    return take_device(1, devices=map(Device, names), environ=environ, say=pytest.fail)


def test_never_two_processes_on_one_device(tmp_path):
    names = uuids(3)
    processes = [start(USER, str(tmp_path), *names) for _ in range(8)]
    taken = [process.communicate()[0].strip() for process in processes]
    assert [process.returncode for process in processes] == [0] * 8
    assert set(taken) <= set(names)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_holder_frees_its_device(number):
    names = uuids(2)
    first, taken = hold(*names)
    second, other = hold(*names)
    assert {taken, other} == set(names)
    first.send_signal(number)
    first.communicate()
    assert take(names) == taken
    second.communicate()


FORK = """
reader, writer = os.pipe()
if os.fork() == 0:
    os.write(writer, b"x")
    os.close(1)
    os.read(0, 1)
    os._exit(0)
os.read(reader, 1)
"""
EXEC = "import subprocess; subprocess.Popen(['cat'], stdout=subprocess.DEVNULL)"


@pytest.mark.parametrize("then", [FORK, EXEC], ids=["fork", "exec"])
def test_a_child_that_outlives_its_holder_holds_nothing(then):
    process, taken = hold(*uuids(1), then=then)
    process.kill()
    process.wait()
    # The child waits for this end of the pipe to be closed.
    assert take([taken]) == taken
    process.communicate()


def test_a_job_that_has_to_wait_says_so_once_and_goes_on():
    (name,) = uuids(1)
    holder, _ = hold(name)
    said = []

    def say(message: str) -> None:
        said.append(message)
        holder.kill()

    environ: dict[str, str] = {}
    taken = take_device(1, devices=[Device(name)], environ=environ, say=say, look_every=0.01)
    assert (taken, environ[VISIBLE]) == (name, name)
    assert said == ["waiting: other jobs use the only GPU"]
    holder.communicate()


def test_a_job_that_asks_for_none_takes_none():
    names = uuids(1)
    environ = {VISIBLE: "0"}
    assert take_device(0, devices=map(Device, names), environ=environ) is None
    # And sees none, whatever the library calls them.
    assert environ == {VISIBLE: "-1", "HIP_VISIBLE_DEVICES": "-1"}
    assert usable_devices(map(Device, names), environ) == []
    assert take(names) == names[0]


@pytest.mark.parametrize("given", [{}, {VISIBLE: "1"}])
def test_devices_that_the_driver_does_not_tell_apart_are_one(monkeypatch, given):
    monkeypatch.setattr(devices, "computing_gpus", lambda: 2)
    monkeypatch.setattr(devices, "_ALL", f"all {uuid4()}")
    environ = dict(given)
    assert take_device(1, devices=[], environ=environ, say=pytest.fail) is None
    assert environ == given

    def say(message):
        raise InterruptedError(message)

    with pytest.raises(InterruptedError, match="other jobs use the only GPU"):
        take_device(1, devices=[], environ=environ, say=say)
    # Those of a batch system, and those that are hidden, are nobody's to hold.
    for more in ({"SLURM_JOB_ID": "7"}, {VISIBLE: ""}):
        assert take_device(1, devices=[], environ={**given, **more}, say=pytest.fail) is None


@pytest.mark.parametrize("here", [0, 1])
@pytest.mark.parametrize("elsewhere", [False, True])
@pytest.mark.parametrize("offered", [None, 0, 4])
def test_what_auto_means_hangs_on_what_is_there_and_what_is_given(
    monkeypatch, here, elsewhere, offered
):
    monkeypatch.setattr(devices, "computing_gpus", lambda: here)

    def decided(setting, **environ):
        return device_for(setting, offered=offered, elsewhere=elsewhere, environ=environ)

    on_gpu = offered != 0 and (elsewhere or here > 0)
    assert decided("auto") == ("cuda" if on_gpu else "cpu")
    assert decided("auto", **{VISIBLE: "1,0"}) == decided("auto")
    for variable in (VISIBLE, "HIP_VISIBLE_DEVICES"):
        for hidden in ("", "-1", "NoDevFiles"):
            on_gpu = offered != 0 and elsewhere
            assert decided("auto", **{variable: hidden}) == ("cuda" if on_gpu else "cpu")
    assert decided("cpu") == "cpu"
    if offered == 0:
        with pytest.raises(XstiltsError, match=r"device: cuda: .*gpu=0 gives it none"):
            decided("cuda")
    else:
        assert decided("cuda") == "cuda"


def test_a_machine_without_devices_is_left_as_it_is(monkeypatch):
    monkeypatch.setattr(devices, "local_gpus", lambda: 0)
    monkeypatch.setattr(devices, "computing_gpus", lambda: 0)
    environ = {VISIBLE: "3"}
    assert take_device(1, environ=environ) is None
    assert environ == {VISIBLE: "3"}


def test_the_subset_that_a_user_names_is_kept_to():
    names = uuids(3)
    assert take(names, **{VISIBLE: "2,1"}) == names[2]
    assert take(names, **{VISIBLE: "2,1"}) == names[1]
    assert take(names) == names[0]


DEVICES = [
    Device("GPU-aaaa-1"),
    Device("GPU-bbbb-2", ("MIG-xxxx-1", "MIG-yyyy-2")),
    Device("GPU-cccc-3"),
]


@pytest.mark.parametrize(
    ("given", "usable"),
    [
        (None, ["GPU-aaaa-1", "MIG-xxxx-1", "MIG-yyyy-2", "GPU-cccc-3"]),
        ("2, 0", ["GPU-cccc-3", "GPU-aaaa-1"]),
        ("0,0", ["GPU-aaaa-1"]),
        ("1", ["MIG-xxxx-1", "MIG-yyyy-2"]),
        ("MIG-yyyy", ["MIG-yyyy-2"]),
        ("GPU-cccc,0", ["GPU-cccc-3", "GPU-aaaa-1"]),
        ("0,-1,2", ["GPU-aaaa-1"]),
        ("-1", []),
        ("", []),
        ("NoDevFiles", []),
    ],
)
def test_cuda_visible_devices_is_read_as_cuda_reads_it(given, usable):
    assert usable_devices(DEVICES, {} if given is None else {VISIBLE: given}) == usable


@pytest.mark.parametrize("given", ["3", "0,GPU-dddd", "MIG-zzzz"])
def test_a_device_that_there_is_not_is_an_error_that_lists_those_there_are(given):
    with pytest.raises(XstiltsError, match=r"CUDA_VISIBLE_DEVICES: names .* 2: GPU-cccc-3"):
        usable_devices(DEVICES, {VISIBLE: given})


@pytest.mark.parametrize("system", ["SLURM_JOB_ID", "PBS_JOBID", "KUBERNETES_SERVICE_HOST"])
def test_the_device_that_a_batch_system_gave_is_left_alone(system):
    # Several jobs may be given parts of it, and its number need not be that of nvidia-smi.
    (name,) = uuids(1)
    environ = {system: "7", VISIBLE: "0"}
    assert take_device(1, devices=[Device(name)], environ=environ) is None
    assert environ[VISIBLE] == "0"
    assert take([name]) == name


def test_jobs_within_one_allocation_of_several_devices_share_none():
    names = uuids(4)
    allocated = {"SLURM_JOB_ID": "7", VISIBLE: "1,3"}
    assert [take(names, **allocated), take(names, **allocated)] == [names[1], names[3]]


class Nvml:
    """The part of `pynvml` that is used, on a machine whose second device is divided."""

    class NVMLError(Exception):
        pass

    def __init__(self):
        self.parts = {"GPU-b": ["MIG-1", "MIG-2"]}
        self.millijoules = {"GPU-a": 5_000, "GPU-b": 9_000}

    def nvmlInit(self):  # noqa: N802
        pass

    def nvmlDeviceGetCount(self):  # noqa: N802
        return 2

    def nvmlDeviceGetHandleByIndex(self, number):  # noqa: N802
        return ("GPU-a", "GPU-b")[number]

    def nvmlDeviceGetUUID(self, handle):  # noqa: N802
        return handle.encode()

    def nvmlDeviceGetMigMode(self, handle):  # noqa: N802
        if handle not in self.parts:
            raise self.NVMLError("Not Supported")
        return 1, 1

    def nvmlDeviceGetMaxMigDeviceCount(self, handle):  # noqa: N802
        return 7

    def nvmlDeviceGetMigDeviceHandleByIndex(self, handle, number):  # noqa: N802
        if number >= len(self.parts[handle]):
            raise self.NVMLError("Not Found")
        return self.parts[handle][number]

    def nvmlDeviceGetTotalEnergyConsumption(self, handle):  # noqa: N802
        return self.millijoules[handle]


def test_devices_and_their_parts_are_those_of_nvml():
    found = machine_devices(Nvml())
    assert found == [Device("GPU-a"), Device("GPU-b", ("MIG-1", "MIG-2"))]


def test_a_broken_driver_is_told_and_leaves_the_choice_to_cuda(caplog):
    class Broken(Nvml):
        def nvmlInit(self):  # noqa: N802
            raise self.NVMLError("Driver/library version mismatch")

    with caplog.at_level(logging.WARNING):
        assert machine_devices(Broken()) == []
    assert "one job at a time uses a GPU" in caplog.text
    assert "version mismatch" in caplog.text


def test_energy_is_that_of_the_device_taken_whatever_its_number_is_now(monkeypatch, tmp_path):
    monkeypatch.setenv(VISIBLE, "GPU-b")
    # CUDA counts from 0 what it shows; NVML goes by the machine.
    cuda = SimpleNamespace(
        is_initialized=lambda: True,
        current_device=lambda: 0,
        get_device_properties=lambda number: SimpleNamespace(name="NVIDIA X", uuid="b"),
        max_memory_allocated=lambda: 1,
    )
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    library = Nvml()
    energy = EnergyMeter(0.0, powercap=tmp_path, stat=tmp_path / "absent", library=library)
    library.millijoules["GPU-a"] += 70_000
    library.millijoules["GPU-b"] += 2_000
    used = Used(0.0, 0.0, 0, meter._gpu_in_use()["uuid"])
    assert energy.joules(used)["gpu"] == {"joules": 2.0, "source": "measured (NVML)"}


JOB = """
import sys
from types import SimpleNamespace
from xstilts.execution import devices
from xstilts.execution.jobs import job

log, gpus, *uuids = sys.argv[1:]
devices.machine_devices = lambda: [devices.Device(uuid) for uuid in uuids]
of_rule = dict(rule="train", wildcards={}, output=[], resources=SimpleNamespace(gpu=int(gpus)))
with job(SimpleNamespace(threads=1, log=[log], **of_rule)):
    import os
    assert "torch" not in sys.modules
    print("sees", os.environ.get("CUDA_VISIBLE_DEVICES"), flush=True)
    sys.stdin.read()
"""
LOG = "results/x/logs/train/{}.log"
RECORD = "results/x/benchmarks/train/{}.jsonl"


def start_job(folder, name, gpus, *uuids):
    return subprocess.Popen(
        [sys.executable, "-c", JOB, LOG.format(name), str(gpus), *uuids],
        cwd=folder, stdin=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        env={key: value for key, value in os.environ.items() if key != VISIBLE},
    )  # fmt: skip


def until(condition) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_job_waits_for_its_device_and_then_begins_to_measure(tmp_path):
    (name,) = uuids(1)
    logs = [tmp_path / LOG.format(number) for number in range(3)]
    first = start_job(tmp_path, 0, 1, name)
    until(lambda: logs[0].exists() and "sees" in logs[0].read_text())
    assert f"sees {name}" in logs[0].read_text()
    second = start_job(tmp_path, 1, 1, name)
    # On the console too, where somebody may wonder why nothing happens.
    assert second.stderr.readline() == (f"{LOG.format(1)}: waiting: other jobs use the only GPU\n")
    without = start_job(tmp_path, 2, 0, name)
    without.communicate()
    assert "sees -1" in logs[2].read_text()
    assert "sees" not in logs[1].read_text()
    assert not (tmp_path / RECORD.format(1)).exists()
    first.communicate()
    second.communicate()
    assert [process.returncode for process in (first, second, without)] == [0, 0, 0]
    assert f"sees {name}" in logs[1].read_text()
    assert (tmp_path / RECORD.format(1)).exists()


def test_a_wrong_subset_ends_a_job_with_one_message(tmp_path):
    process = subprocess.run(
        [sys.executable, "-c", JOB, LOG.format(0), "1", *uuids(1)],
        cwd=tmp_path, capture_output=True, text=True, env={**os.environ, VISIBLE: "5"},
    )  # fmt: skip
    assert process.returncode == 1
    assert "error in train: CUDA_VISIBLE_DEVICES: names the device '5'" in process.stderr
    assert "Traceback" not in process.stderr
