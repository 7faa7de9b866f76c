"""What can be known about this machine without importing torch."""

from __future__ import annotations

import os
import platform
from pathlib import Path

_CPU_INFO = Path("/proc/cpuinfo")


def local_gpus(devices: Path = Path("/dev")) -> int:
    """Number of NVIDIA devices that the driver shows."""
    return sum(path.name[6:].isdigit() for path in devices.glob("nvidia*"))


def cores() -> int:
    """Number of processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_model(info: Path = _CPU_INFO) -> str:
    """The processor's name; its architecture where the system does not tell."""
    if info.is_file():
        with info.open() as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
