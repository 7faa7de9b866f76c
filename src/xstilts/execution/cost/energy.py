"""The energy of a process in joules, by component, each with how it was found.

Measured where the machine lets a user read its counters: NVIDIA's through NVML, the processor's
through Linux powercap (RAPL). Estimated from processor time and memory elsewhere (Lannelongue
et al. 2021, Green Algorithms, doi 10.1002/advs.202100707). An energy that can be neither measured
nor estimated is None, never 0.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from xstilts.execution.devices import nvml

log = logging.getLogger(__name__)

# Green Algorithms: 12 W a core where the processor is not known (row "Any" of its table
# TDP_cpu.csv), and 0.3725 W a GB of memory (its article). It takes the memory that was asked
# for; here it is the most that was used.
WATTS_PER_CORE = 12.0
WATTS_PER_GB = 0.3725
ESTIMATED_CPU = f"estimated ({WATTS_PER_CORE:g} W a core)"
ESTIMATED_MEMORY = f"estimated ({WATTS_PER_GB:g} W a GB)"
# The counters are the whole machine's: a job gets its share by processor time.
MEASURED_CPU = "measured (RAPL, by share of CPU time)"
MEASURED_GPU = "measured (NVML)"
SAMPLED_GPU = "measured (NVML, power sampled)"

_POWERCAP = Path("/sys/class/powercap")
_STAT = Path("/proc/stat")


@dataclass(frozen=True)
class Used:
    """What a process has used since it started: CPU and wall time in seconds, memory in bytes.

    `gpu` is the UUID of the GPU that it computes on, None where it uses none.
    """

    cpu_seconds: float
    wall_seconds: float
    peak_memory_bytes: int
    gpu: str | None = None


class EnergyMeter:
    """Energy from now on. `sample` must be called at least once a minute, or counters wrap.

    Args:
        cpu_seconds: what the process has used so far.
        powercap: the kernel's folder of power zones.
        stat: the kernel's counts of processor time.
        library: the module `pynvml`; imported by itself where there is an NVIDIA device.
    """

    def __init__(
        self,
        cpu_seconds: float,
        *,
        powercap: Path = _POWERCAP,
        stat: Path = _STAT,
        library: ModuleType | Any | None = None,
    ) -> None:
        self._package, self._dram = _Rapl(powercap, "package"), _Rapl(powercap, "dram")
        self._stat, self._busy = stat, _busy_seconds(stat)
        self._cpu_seconds = cpu_seconds
        self._gpus: dict[str, _Gpu] = {}
        self._why = "not among the devices that NVML shows"
        try:
            library, handles = nvml(library)
            self._gpus = {uuid: _Gpu(library, handle) for uuid, handle in handles.items()}
        except Exception as error:
            # A driver can be broken in any way; the job itself may not need it.
            self._why = f"NVML: {error}"
            log.warning("the energy of GPUs is not measured: %s", error)

    @property
    def samples_power(self) -> bool:
        """Whether a GPU has no energy counter, so that its power must be read every second."""
        return any(gpu.watts is not None for gpu in self._gpus.values())

    def sample(self, wall_seconds: float) -> None:
        """Read the counters that wrap around, and the power of GPUs that have none."""
        self._package.sample()
        self._dram.sample()
        for gpu in self._gpus.values():
            gpu.sample(wall_seconds)

    def joules(self, used: Used) -> dict[str, dict[str, Any] | None]:
        """Joules and their source of `cpu`, `memory` and `gpu` (None where none was used)."""
        share = self._share(used.cpu_seconds)
        self._package.sample()
        self._dram.sample()
        return {
            "cpu": _measured(self._package.joules, share)
            or {"joules": WATTS_PER_CORE * used.cpu_seconds, "source": ESTIMATED_CPU},
            "memory": _measured(self._dram.joules, share)
            or {
                "joules": WATTS_PER_GB * used.peak_memory_bytes / 1e9 * used.wall_seconds,
                "source": ESTIMATED_MEMORY,
            },
            "gpu": None if used.gpu is None else self._of_gpu(used.gpu),
        }

    def _of_gpu(self, uuid: str) -> dict[str, Any]:
        for name, gpu in self._gpus.items():
            if uuid in name:
                return gpu.joules()
        # A part of a device (MIG) has a UUID of its own, and no counter.
        return {"joules": None, "source": f"not measured ({self._why})"}

    def _share(self, cpu_seconds: float) -> float:
        """This process's share of the processor time since the start; all if that is unknown."""
        busy = _busy_seconds(self._stat)
        if busy is None or self._busy is None or busy <= self._busy:
            return 1.0
        return min(1.0, (cpu_seconds - self._cpu_seconds) / (busy - self._busy))


def _measured(joules: float | None, share: float) -> dict[str, Any] | None:
    return None if joules is None else {"joules": joules * share, "source": MEASURED_CPU}


def _busy_seconds(stat: Path) -> float | None:
    """Seconds that all processors together were busy since the machine started."""
    try:
        fields = stat.read_text().split("\n", 1)[0].split()
    except OSError:
        return None
    # user, nice, system, idle, iowait, irq, softirq; time stolen by other machines is not ours.
    user, nice, system, _, _, irq, softirq = (int(field) for field in fields[1:8])
    return (user + nice + system + irq + softirq) / os.sysconf("SC_CLK_TCK")


class _Rapl:
    """Counters of all power zones of one name, in microjoules; they wrap around within minutes.

    Attributes:
        joules: since the start, None where no counter can be read.
    """

    def __init__(self, powercap: Path, name: str) -> None:
        self._last: dict[Path, int] = {}
        try:
            for zone in sorted(powercap.glob("intel-rapl:*")):
                if (zone / "name").read_text().startswith(name):
                    self._last[zone] = _number(zone / "energy_uj")
        except OSError as error:
            # Kernels since 2020 let the administrator alone read them (CVE-2020-8694).
            log.debug("no energy counter of the processor: %s", error)
            self._last = {}
        self.joules = 0.0 if self._last else None

    def sample(self) -> None:
        """Add up what was used since the last call."""
        if self.joules is None:
            return
        try:
            for zone, before in self._last.items():
                now = _number(zone / "energy_uj")
                wrapped = _number(zone / "max_energy_range_uj") if now < before else 0
                self.joules += (now - before + wrapped) / 1e6
                self._last[zone] = now
        except OSError as error:
            log.warning("an energy counter of the processor is gone: %s", error)
            self.joules = None


def _number(path: Path) -> int:
    return int(path.read_text())


class _Gpu:
    """One GPU: its counter in millijoules, or its power added up over time."""

    def __init__(self, library: Any, handle: Any) -> None:
        self._library, self._handle = library, handle
        self._start = self._read(library.nvmlDeviceGetTotalEnergyConsumption)
        self.watts = None if self._start is not None else self._watts()
        self._sum = 0.0
        self._at: float | None = None

    def _read(self, function: Any) -> int | None:
        try:
            return function(self._handle)
        except self._library.NVMLError as error:
            log.debug("%s: %s", getattr(function, "__name__", function), error)
            return None

    def _watts(self) -> float | None:
        milliwatts = self._read(self._library.nvmlDeviceGetPowerUsage)
        return None if milliwatts is None else milliwatts / 1000

    def sample(self, wall_seconds: float) -> None:
        if self.watts is None or (now := self._watts()) is None:
            return
        if self._at is not None:
            self._sum += (self.watts + now) / 2 * (wall_seconds - self._at)
        self.watts, self._at = now, wall_seconds

    def joules(self) -> dict[str, Any]:
        if self._start is not None:
            now = self._read(self._library.nvmlDeviceGetTotalEnergyConsumption)
            if now is not None:
                return {"joules": (now - self._start) / 1000, "source": MEASURED_GPU}
        if self.watts is not None:
            return {"joules": self._sum, "source": SAMPLED_GPU}
        return {"joules": None, "source": "not measured (NVML: no counter and no power)"}


def total_joules(components: Mapping[str, Mapping[str, Any] | None]) -> float | None:
    """The sum over components, None where one that was used is not known."""
    used = [component for component in components.values() if component is not None]
    if any(component["joules"] is None for component in used):
        return None
    return sum(component["joules"] for component in used)


def sources(components: Mapping[str, Mapping[str, Any] | None]) -> str:
    """How each component was found, e.g. `cpu estimated (…); gpu measured (NVML)`."""
    return "; ".join(
        f"{name} {component['source']}" for name, component in components.items() if component
    )
