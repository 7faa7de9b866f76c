"""What can be known about this machine without importing torch."""

from __future__ import annotations

import os
import platform
import re
from importlib.util import find_spec
from pathlib import Path

_CPU_INFO = Path("/proc/cpuinfo")
# Windows' driver within WSL2 shows one file for all devices, and brings CUDA where it can be used.
_WSL_CUDA = Path("/usr/lib/wsl/lib/libcuda.so.1")
# What the kernel's driver of AMD knows of processors and devices that compute.
_AMD_NODES = Path("/sys/class/kfd/kfd/topology/nodes")


def local_gpus(devices: Path = Path("/dev"), wsl_cuda: Path = _WSL_CUDA) -> int:
    """Number of NVIDIA devices that the driver shows; 1 in WSL2, which does not show how many."""
    shown = sum(path.name[6:].isdigit() for path in devices.glob("nvidia*"))
    return shown or int((devices / "dxg").exists() and wsl_cuda.exists())


def amd_gpus(nodes: Path = _AMD_NODES) -> int:
    """Number of AMD devices that the driver shows (ROCm)."""
    found = 0
    for path in nodes.glob("*/properties"):
        try:
            fields = dict(line.split() for line in path.read_text().splitlines())
        except (OSError, ValueError):
            continue  # a device that this process may not use
        # Of a processor it is 0.
        found += int(fields.get("simd_count", 0)) > 0
    return found


def torch_platform(version: Path | None = None) -> str | None:
    """What the installed PyTorch was built for: `cuda`, `hip` (ROCm) or None, without importing it.

    Args:
        version: the file that says so; that of the installed PyTorch unless given.
    """
    if version is None:
        found = find_spec("torch")
        if found is None or found.origin is None:
            return None
        version = Path(found.origin).parent / "version.py"
    try:
        text = version.read_text(encoding="utf-8")
    except OSError:
        return None
    built = re.findall(r"^(cuda|hip)\b[^=\n]*=\s*['\"]", text, flags=re.MULTILINE)
    return built[0] if built else None


def computing_gpus() -> int:
    """Number of devices of this machine on which the installed PyTorch can compute."""
    return {"cuda": local_gpus, "hip": amd_gpus, None: lambda: 0}[torch_platform()]()


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
