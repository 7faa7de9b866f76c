"""What a job costs, measured while it runs: a record of JSON lines for each job.

A line is written when an attempt starts and again from time to time, each with all that the
attempt has cost so far; its last line counts, and says why a job failed if that is known. So a job
that is killed without warning, for its memory or its time, leaves its cost but for the last 5
seconds or 5 % of it.
"""

from __future__ import annotations

import json
import logging
import os
import resource
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from xstilts.execution.cost.energy import EnergyMeter, Used
from xstilts.execution.devices import cores, cpu_model

log = logging.getLogger(__name__)

# Seconds between two readings of counters, which wrap around within minutes; of the power of
# GPUs that have no counter; and between two lines, which get rarer as the job goes on.
_READ_EVERY = 5.0
_SAMPLE_EVERY = 1.0
_WRITE_EVERY = 5.0
_WRITE_SHARE = 0.05


class Meter:
    """Measures this process from its start until `stop`, and appends to `record`.

    Nothing that goes wrong here ends the job: it is logged, and the cost is not known.

    Args:
        record: the file of JSON lines; None measures nothing.
        job: what the lines say about the job, e.g. its rule and wildcards.
        energy: makes the meter of energy from the CPU seconds used so far.
    """

    def __init__(
        self,
        record: Path | None,
        job: Mapping[str, Any],
        energy: Callable[[float], EnergyMeter] = EnergyMeter,
    ) -> None:
        self._finished, self._lock = threading.Event(), threading.Lock()
        self._amounts: dict[str, int] = {}
        self._thread: threading.Thread | None = None
        self._precision: str | None = None
        if record is None:
            return
        with _harmless("the cost of this job is not recorded"):
            age = _process_age()
            self._record, self._zero = record, time.monotonic() - age
            self._head = {"attempt": os.urandom(8).hex(), **job}
            self._started = datetime.fromtimestamp(time.time() - age, UTC)
            self._energy = energy(_cpu_seconds())
            self._energy.sample(age)
            self._hardware = {"cpu": cpu_model(), "cores": cores(), "gpu": None}
            record.parent.mkdir(parents=True, exist_ok=True)
            self._write(finished=False)
            self._thread = threading.Thread(target=self._watch, name="meter", daemon=True)
            self._thread.start()

    def note(self, **amounts: int) -> None:
        """What the job has made or done so far, by name: further lines have it."""
        # Not changed in place: the thread that watches may be writing it.
        self._amounts = {**self._amounts, **amounts}

    def computed_in(self, precision: str) -> None:
        """Encoders were computed in this precision: further lines say so of the hardware."""
        self._precision = precision

    def stop(self, *, finished: bool, error: str | None = None) -> None:
        """Write the last line of this attempt.

        Args:
            error: why it has not finished, without credentials.
        """
        self._finished.set()
        if self._thread is not None:
            with _harmless("the cost of this job is not recorded"):
                self._thread.join(timeout=_READ_EVERY)
                self._write(finished=finished, error=error)

    def _watch(self) -> None:
        every = _SAMPLE_EVERY if self._energy.samples_power else _READ_EVERY
        written = self._wall_seconds()
        with _harmless("the cost of this job is no longer recorded as it goes"):
            while not self._finished.wait(every):
                wall = self._wall_seconds()
                with self._lock:
                    self._energy.sample(wall)
                if wall - written >= max(_WRITE_EVERY, _WRITE_SHARE * wall):
                    self._write(finished=False)
                    written = wall

    def _wall_seconds(self) -> float:
        return time.monotonic() - self._zero

    def _write(self, *, finished: bool, error: str | None = None) -> None:
        with self._lock:
            line = self._line(finished=finished)
            _append(self._record, line if error is None else {**line, "error": error})

    def _line(self, *, finished: bool) -> dict[str, Any]:
        wall, cpu, memory = self._wall_seconds(), _cpu_seconds(), _peak_memory_bytes()
        gpu = _gpu_in_use()
        self._energy.sample(wall)
        if gpu is not None:
            self._hardware["gpu"] = gpu["name"]
        return {
            **self._head,
            "finished": finished,
            "started": self._started.isoformat(timespec="seconds"),
            "wall_seconds": round(wall, 3),
            "cpu_seconds": round(cpu, 3),
            "peak_memory_bytes": memory,
            "peak_gpu_memory_bytes": gpu["peak_bytes"] if gpu else None,
            "energy": self._energy.joules(Used(cpu, wall, memory, gpu["uuid"] if gpu else None)),
            "hardware": {**self._hardware, "precision": self._precision},
            "amounts": self._amounts,
        }


@contextmanager
def _harmless(message: str) -> Iterator[None]:
    """Log what goes wrong, and no more."""
    try:
        yield
    except Exception:
        log.warning("%s", message, exc_info=True)


def _append(path: Path, line: Mapping[str, Any]) -> None:
    """Add one line in one write, on a line of its own even if the last one was cut off."""
    text = json.dumps(line, ensure_ascii=False) + "\n"
    with path.open("ab+", buffering=0) as handle:
        size = handle.seek(0, os.SEEK_END)
        if size:
            handle.seek(size - 1)
            if handle.read(1) != b"\n":
                text = "\n" + text
        handle.write(text.encode())


def _cpu_seconds() -> float:
    """Seconds of processor time of this process and of its children that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _peak_memory_bytes() -> int:
    """The most resident memory of this process, or of one of its children, so far."""
    unit = 1 if sys.platform == "darwin" else 1024
    children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * unit
    return max(_own_peak_bytes(unit), children)


def _own_peak_bytes(unit: int) -> int:
    # `ru_maxrss` would start from what the parent had when it made this process.
    try:
        with Path("/proc/self/status").open() as lines:
            for line in lines:
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
    except OSError:
        pass  # another system than Linux
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def _process_age() -> float:
    """Seconds since this process started, before Python could look at a clock; 0 if unknown."""
    try:
        fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        started = int(fields[19]) / os.sysconf("SC_CLK_TCK")
        age = time.clock_gettime(time.CLOCK_BOOTTIME) - started
    except (OSError, AttributeError):
        return 0.0
    # In some containers the two clocks differ.
    return age if 0 <= age < 3600 else 0.0


def _gpu_in_use() -> dict[str, Any] | None:
    """Name, UUID and peak memory of the GPU, if this process has computed on one."""
    cuda = getattr(sys.modules.get("torch"), "cuda", None)
    initialised = getattr(cuda, "is_initialized", None)
    # The module can be half imported when the watching thread looks.
    if cuda is None or initialised is None or not initialised():
        return None
    properties = cuda.get_device_properties(cuda.current_device())
    return {
        "name": properties.name,
        "uuid": str(getattr(properties, "uuid", "")) or "unknown",
        "peak_bytes": cuda.max_memory_allocated(),
    }
