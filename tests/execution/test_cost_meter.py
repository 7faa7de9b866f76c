"""What a job's cost is measured with: counters where there are some, estimates elsewhere."""

from __future__ import annotations

import json
import logging
import os
import signal
import subprocess
import sys
import time

import pytest

from xstilts.execution.cost import energy, meter
from xstilts.execution.cost.energy import EnergyMeter, Used, sources, total_joules
from xstilts.execution.devices import cpu_model
from xstilts.graph.paths import LogPlace, Paths, log_place

TICKS = os.sysconf("SC_CLK_TCK")


class Machine:
    """A tree of power zones and a count of processor time that a test can move on."""

    def __init__(self, root, zones=("package-0", "dram")):
        self.powercap, self.stat = root / "powercap", root / "stat"
        self.joules = dict.fromkeys(zones, 100.0)
        self.busy(0)
        for number, name in enumerate(zones):
            zone = self.powercap / f"intel-rapl:{number}"
            zone.mkdir(parents=True)
            (zone / "name").write_text(f"{name}\n")
            (zone / "max_energy_range_uj").write_text("262143328850\n")
            self.set(name, 100.0)

    def set(self, name, joules):
        number = list(self.joules).index(name)
        zone = self.powercap / f"intel-rapl:{number}"
        (zone / "energy_uj").write_text(f"{joules * 1e6:.0f}\n")

    def busy(self, seconds):
        self.stat.write_text(f"cpu  {seconds * TICKS:.0f} 0 0 999 7 0 0 55 0 0\ncpu0 1 2 3\n")

    def meter(self, cpu_seconds=0.0, nvml=None):
        return EnergyMeter(cpu_seconds, powercap=self.powercap, stat=self.stat, library=nvml)


class Nvml:
    """The part of `pynvml` that is used, on a machine with two devices."""

    class NVMLError(Exception):
        pass

    def __init__(self, counter=True, power=True):
        self.counter, self.power = counter, power
        self.millijoules = {"GPU-aaaa": 5_000, "GPU-bbbb": 7_000}
        self.milliwatts = dict.fromkeys(self.millijoules, 300_000)

    def nvmlInit(self):  # noqa: N802
        pass

    def nvmlDeviceGetCount(self):  # noqa: N802
        return len(self.millijoules)

    def nvmlDeviceGetHandleByIndex(self, number):  # noqa: N802
        return list(self.millijoules)[number]

    def nvmlDeviceGetUUID(self, handle):  # noqa: N802
        return handle

    def nvmlDeviceGetTotalEnergyConsumption(self, handle):  # noqa: N802
        if not self.counter:
            raise self.NVMLError("Not Supported")
        return self.millijoules[handle]

    def nvmlDeviceGetPowerUsage(self, handle):  # noqa: N802
        if not self.power:
            raise self.NVMLError("Not Supported")
        return self.milliwatts[handle]


def test_the_processor_is_measured_by_share_of_time(tmp_path):
    machine = Machine(tmp_path)
    measured = machine.meter(cpu_seconds=2.0)
    machine.set("package-0", 160.0)
    machine.set("dram", 108.0)
    # This job used 3 of the 12 seconds that all processors were busy.
    machine.busy(12)
    found = measured.joules(Used(cpu_seconds=5.0, wall_seconds=6.0, peak_memory_bytes=10**9))
    assert found["cpu"] == {"joules": pytest.approx(15), "source": energy.MEASURED_CPU}
    assert found["memory"] == {"joules": pytest.approx(2), "source": energy.MEASURED_CPU}
    assert found["gpu"] is None
    assert total_joules(found) == pytest.approx(17)


def test_a_counter_that_wraps_around_goes_on(tmp_path):
    machine = Machine(tmp_path, zones=("package-0",))
    measured = machine.meter()
    machine.set("package-0", 262143.0)
    measured.sample(1.0)
    machine.set("package-0", 1.0)
    found = measured.joules(Used(1.0, 1.0, 0))
    assert found["cpu"]["joules"] == pytest.approx(262043 + 1.32885, abs=1e-3)


@pytest.mark.parametrize("readable", [False, True], ids=["no zones", "unreadable"])
def test_what_cannot_be_measured_is_estimated_and_says_so(tmp_path, readable):
    machine = Machine(tmp_path, zones=("package-0",) if readable else ())
    if readable:
        (machine.powercap / "intel-rapl:0/energy_uj").unlink()
    found = machine.meter().joules(Used(10.0, 20.0, 2 * 10**9))
    # 12 W for 10 s of a core; 0.3725 W/GB for 2 GB over 20 s.
    assert found["cpu"] == {"joules": 120.0, "source": "estimated (12 W a core)"}
    assert found["memory"]["joules"] == pytest.approx(14.9)
    assert found["memory"]["source"] == "estimated (0.3725 W a GB)"
    assert sources(found) == ("cpu estimated (12 W a core); memory estimated (0.3725 W a GB)")


def test_the_gpu_that_the_job_uses_is_measured(tmp_path):
    nvml = Nvml()
    measured = Machine(tmp_path, zones=()).meter(nvml=nvml)
    assert not measured.samples_power
    nvml.millijoules["GPU-aaaa"] += 1_000_000
    nvml.millijoules["GPU-bbbb"] += 2_500
    used = Used(0.0, 1.0, 0, gpu="bbbb")
    assert measured.joules(used)["gpu"] == {"joules": 2.5, "source": "measured (NVML)"}


def test_power_is_added_up_where_there_is_no_counter(tmp_path):
    nvml = Nvml(counter=False)
    measured = Machine(tmp_path, zones=()).meter(nvml=nvml)
    assert measured.samples_power
    measured.sample(10.0)
    measured.sample(12.0)
    nvml.milliwatts["GPU-aaaa"] = 100_000
    measured.sample(14.0)
    found = measured.joules(Used(0.0, 14.0, 0, gpu="aaaa"))["gpu"]
    # 300 W for two seconds, then two seconds on the way down to 100 W.
    assert found == {"joules": pytest.approx(1000), "source": energy.SAMPLED_GPU}


@pytest.mark.parametrize(
    ("nvml", "gpu"),
    [(Nvml(counter=False, power=False), "aaaa"), (Nvml(), "MIG-cccc")],
    ids=["neither counter nor power", "part of a device"],
)
def test_an_unknown_energy_is_none_and_never_nothing(tmp_path, nvml, gpu):
    found = Machine(tmp_path, zones=()).meter(nvml=nvml).joules(Used(1.0, 1.0, 0, gpu=gpu))
    assert found["gpu"]["joules"] is None
    assert "not measured" in found["gpu"]["source"]
    assert total_joules(found) is None


def test_a_broken_driver_is_no_harm(tmp_path, monkeypatch, caplog):
    nvml = Nvml()
    monkeypatch.setattr(nvml, "nvmlInit", lambda: 1 / 0)
    with caplog.at_level(logging.WARNING):
        found = Machine(tmp_path, zones=()).meter(nvml=nvml).joules(Used(1.0, 1.0, 0, gpu="aaaa"))
    assert found["gpu"]["joules"] is None
    assert "not measured" in caplog.text


def test_the_place_of_a_log_tells_that_of_the_record():
    paths, wildcards = Paths("tiny"), {"encoder": "bert-v1.1", "recipe": "mnli@sw"}
    log = paths.log("train_target", *wildcards).format(**wildcards)
    record = paths.record("train_target", **wildcards)
    assert log_place(log) == LogPlace("tiny", "train_target", record)
    assert log_place("logs/x/job.log") is None
    assert log_place("job.log") is None


@pytest.mark.parametrize("below", ["", ".snakemake/storage/s3/bucket/", "/data/results/mine/"])
@pytest.mark.parametrize("paths", [Paths("tiny"), Paths("tiny").of_finished()])
def test_a_log_is_known_wherever_results_lie(below, paths):
    found = log_place(below + paths.log("write_report"))
    record = below + paths.record("write_report")
    assert found == LogPlace("tiny", "write_report", record)


def lines(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_a_record_says_what_was_used(tmp_path):
    record = tmp_path / "new/folder/job.jsonl"
    started = time.monotonic()
    measured = meter.Meter(record, {"rule": "score", "wildcards": {"seed": "1"}})
    sum(i * i for i in range(300_000))
    measured.stop(finished=True)
    first, last = lines(record)
    assert first["attempt"] == last["attempt"]
    assert (first["finished"], last["finished"]) == (False, True)
    assert last["rule"] == "score"
    assert last["wildcards"] == {"seed": "1"}
    # Everything since this process started, which was before the tests were collected.
    assert last["wall_seconds"] > time.monotonic() - started
    assert 0 < last["cpu_seconds"] <= 2 * os.cpu_count() * last["wall_seconds"]
    assert 10**7 < last["peak_memory_bytes"] < 10**12
    assert last["peak_gpu_memory_bytes"] is None
    assert last["energy"]["cpu"]["joules"] > first["energy"]["cpu"]["joules"]
    assert last["hardware"]["cores"] >= 1
    assert last["hardware"]["gpu"] is None


def test_a_long_job_is_written_down_as_it_goes(tmp_path, monkeypatch):
    monkeypatch.setattr(meter, "_READ_EVERY", 0.01)
    monkeypatch.setattr(meter, "_WRITE_EVERY", 0.02)
    monkeypatch.setattr(meter, "_WRITE_SHARE", 0.0)
    record = tmp_path / "job.jsonl"
    measured = meter.Meter(record, {})
    time.sleep(0.3)
    measured.stop(finished=True)
    written = lines(record)
    assert len(written) > 3
    assert {line["attempt"] for line in written} == {written[0]["attempt"]}
    wall = [line["wall_seconds"] for line in written]
    assert wall == sorted(wall)


def test_a_line_that_was_cut_off_does_not_spoil_the_next(tmp_path):
    record = tmp_path / "job.jsonl"
    record.write_text('{"attempt": "cut o')
    meter.Meter(record, {}).stop(finished=True)
    assert [json.loads(text)["finished"] for text in record.read_text().splitlines()[1:]] == [
        False,
        True,
    ]


def test_what_goes_wrong_in_the_meter_is_logged_and_no_more(tmp_path, caplog):
    def broken(_cpu_seconds):
        raise RuntimeError("no such counter")

    measured = meter.Meter(tmp_path / "job.jsonl", {}, energy=broken)
    measured.stop(finished=True)
    assert "not recorded" in caplog.text
    assert "no such counter" in caplog.text
    occupied = tmp_path / "file"
    occupied.touch()
    meter.Meter(occupied / "job.jsonl", {}).stop(finished=True)


class Cuda:
    """What of `torch.cuda` is looked at."""

    is_initialized = staticmethod(lambda: True)
    current_device = staticmethod(lambda: 0)
    max_memory_allocated = staticmethod(lambda: 12_345)

    @staticmethod
    def get_device_properties(_device):
        return type("Properties", (), {"name": "NVIDIA X", "uuid": "aaaa"})


def test_a_gpu_is_recorded_once_it_is_used(tmp_path, monkeypatch):
    nvml = Nvml()
    record = tmp_path / "job.jsonl"
    measured = meter.Meter(
        record, {}, energy=lambda used: Machine(tmp_path, zones=()).meter(used, nvml=nvml)
    )
    monkeypatch.setitem(sys.modules, "torch", type("torch", (), {"cuda": Cuda}))
    nvml.millijoules["GPU-aaaa"] += 4_000
    measured.stop(finished=True)
    first, last = lines(record)
    assert first["energy"]["gpu"] is None
    assert last["peak_gpu_memory_bytes"] == 12_345
    assert last["energy"]["gpu"] == {"joules": 4.0, "source": "measured (NVML)"}
    assert last["hardware"]["gpu"] == "NVIDIA X"


LOG = "results/x/logs/predict/a/seed1.log"
RECORD = "results/x/benchmarks/predict/a/seed1.jsonl"
JOB = """
import sys, time
from types import SimpleNamespace
from xstilts.execution.jobs import job

JOB = SimpleNamespace(
    threads=1, log=["{log}"], rule="predict", wildcards={{"seed": "1"}}, output=[]
)
with job(JOB):
    {body}
"""


def start(folder, body):
    program = JOB.format(log=LOG, body=body)
    return subprocess.Popen(
        [sys.executable, "-c", program], cwd=folder, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.parametrize(
    ("body", "finished"),
    [("pass", True), ("raise KeyError('x')", False), ("sys.exit(3)", False)],
)
def test_every_end_of_a_job_is_recorded(tmp_path, body, finished):
    start(tmp_path, body).communicate()
    written = lines(tmp_path / RECORD)
    assert [line["finished"] for line in written] == [False, finished]
    assert written[-1]["rule"] == "predict"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_killed_job_leaves_its_attempt_and_a_sound_record(tmp_path, number):
    from xstilts.execution.cost.records import last_run, read_attempts

    record = tmp_path / RECORD
    process = start(tmp_path, "time.sleep(60)")
    deadline = time.monotonic() + 20
    while not record.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(number)
    process.communicate()
    assert process.returncode == -number
    start(tmp_path, "pass").communicate()
    attempts = read_attempts(record)
    assert [attempt["finished"] for attempt in attempts] == [False, True]
    assert len(last_run(attempts)) == 2


def test_the_processor_has_a_name(tmp_path):
    info = tmp_path / "cpuinfo"
    info.write_text("processor\t: 0\nmodel name\t: Some CPU @ 3 GHz\nmodel name\t: Other\n")
    assert cpu_model(info) == "Some CPU @ 3 GHz"
    info.write_text("processor\t: 0\n")
    assert cpu_model(info) == cpu_model(tmp_path / "absent") != ""
