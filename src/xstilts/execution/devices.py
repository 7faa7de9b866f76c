"""A GPU for each job that asks for one, and never one GPU for two jobs of this machine.

A job holds a device by binding a socket named after it in Linux's abstract namespace. The kernel
lets one process bind a name and frees it when that process ends, however it ends; all users of the
machine share the names, and there is no file that somebody could remove, replace or leave behind.
Such a name is no port: nothing listens. Containers with a network of their own have their own
names, and see no more devices than they were given.
"""

from __future__ import annotations

import errno
import logging
import os
import platform
import re
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

from xstilts.errors import XstiltsError

log = logging.getLogger(__name__)

_CPU_INFO = Path("/proc/cpuinfo")
# Windows' driver within WSL2 shows one file for all devices, and brings CUDA where it can be used.
_WSL_CUDA = Path("/usr/lib/wsl/lib/libcuda.so.1")
# What the kernel's driver of AMD knows of processors and devices that compute.
_AMD_NODES = Path("/sys/class/kfd/kfd/topology/nodes")

VISIBLE = "CUDA_VISIBLE_DEVICES"
# The same for AMD's devices; where it is set, it goes before.
_VISIBLE_AMD = "HIP_VISIBLE_DEVICES"
# A number that no device has, from which on nothing counts.
_NONE = "-1"
# What is held where the driver tells no devices apart: all of them are one.
_ALL = "all devices"
# What a batch system sets in its jobs: a single device that such a job sees was given to it.
_BATCH_SYSTEMS = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "KUBERNETES_SERVICE_HOST")
_LOOK_EVERY = 2.0
# Held until the process ends, because it holds the device's memory for as long.
_held: list[socket.socket] = []


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
    platform = torch_platform()
    if platform is None:
        return 0
    return local_gpus() if platform == "cuda" else amd_gpus()


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


def cpu_has_bfloat16(info: Path = _CPU_INFO) -> bool:
    """Whether the processor multiplies in bfloat16 (`amx_bf16` or `avx512_bf16` of x86-64).

    There it is two to three times as fast as float32 (`benchmarks/training.py`); others emulate
    it.
    """
    if not info.is_file():
        return False
    with info.open() as lines:
        flags = next((line for line in lines if line.startswith("flags")), "")
    return not {"amx_bf16", "avx512_bf16"}.isdisjoint(flags.split())


@dataclass(frozen=True)
class Device:
    """One GPU: its UUID, and those of its parts where it is divided (MIG)."""

    uuid: str
    parts: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """UUIDs under which CUDA can use it, or a part of it, alone."""
        return self.parts or (self.uuid,)


def device_for(
    setting: str,
    *,
    offered: int | None = None,
    elsewhere: bool = False,
    environ: Mapping[str, str] = os.environ,
) -> str:
    """What an experiment's `device` stands for in this run: `cuda` (also AMD's devices) or `cpu`.

    This alone decides it: jobs are told, ask for a device or none, and see none they were not
    given.

    Args:
        setting: `auto`, `cuda` or `cpu`.
        offered: how many devices the run may use (`--resources gpu=N`), None if nobody said.
        elsewhere: jobs run on other machines, of whose devices this one knows nothing.

    Raises:
        XstiltsError: a GPU is asked for, and the run may use none.
    """
    if setting == "cuda" and offered == 0:
        raise XstiltsError(
            "the experiment asks for a GPU, and --resources gpu=0 gives it none",
            where="device: cuda",
            hint="give it one with --resources gpu=1, or set device: cpu",
        )
    if setting != "auto":
        return setting
    if offered == 0 or (not elsewhere and (_hides_all(environ) or not computing_gpus())):
        return "cpu"
    return "cuda"


def _hides_all(environ: Mapping[str, str]) -> bool:
    given = environ.get(_VISIBLE_AMD, environ.get(VISIBLE))
    return given is not None and _ends(given.split(",")[0].strip())


def _ends(entry: str) -> bool:
    """Whether nothing counts from this entry on."""
    return not entry or entry.startswith("-") or entry == "NoDevFiles"


def take_device(
    wanted: int,
    *,
    devices: Iterable[Device] | None = None,
    environ: MutableMapping[str, str] = os.environ,
    say: Callable[[str], Any] = log.warning,
    look_every: float = _LOOK_EVERY,
) -> str | None:
    """Wait for a free device and make it the only one that CUDA shows to this process.

    To be called before anything uses CUDA. A subset that `CUDA_VISIBLE_DEVICES` names, by the
    numbers of nvidia-smi or by UUID, is kept to. The single device of a batch system's job is
    left as it is. Where the driver tells no devices apart (ROCm), one job at a time computes. A job
    that was given none sees none.

    Args:
        wanted: how many devices the job was given; it never uses more than one.
        devices: those of the machine; asked of NVML unless given.
        say: told once if the job has to wait.
        look_every: seconds between two looks for a free device.

    Returns:
        The UUID of the device, None where none was chosen.

    Raises:
        XstiltsError: `CUDA_VISIBLE_DEVICES` names a device that there is not.
    """
    if wanted < 1:
        environ[VISIBLE] = environ[_VISIBLE_AMD] = _NONE
        return None
    known = list(machine_devices() if devices is None else devices)
    usable = usable_devices(known, environ)
    if not known and computing_gpus() and not _hides_all(environ):
        usable = [_ALL]
    if not usable or (len(usable) == 1 and any(environ.get(name) for name in _BATCH_SYSTEMS)):
        return None
    waited = False
    while True:
        for uuid in usable:
            holder = _bind(uuid)
            if holder is not None:
                _held.append(holder)
                if uuid == _ALL:
                    return None
                environ[VISIBLE] = uuid
                log.info("on the device %s", uuid)
                return uuid
        if not waited:
            say(f"waiting: other jobs use {_all_of(usable)}")
            waited = True
        time.sleep(look_every)


def usable_devices(devices: Iterable[Device], environ: Mapping[str, str]) -> list[str]:
    """UUIDs of the devices, or their parts, that `CUDA_VISIBLE_DEVICES` allows, in its order.

    As in CUDA, nothing counts from the first negative number on.

    Raises:
        XstiltsError: it names a device that there is not.
    """
    devices = list(devices)
    given = environ.get(VISIBLE)
    if given is None or not devices:
        return [name for device in devices for name in device.names]
    usable: dict[str, None] = {}
    for entry in filter(None, (part.strip() for part in given.split(","))):
        if _ends(entry):
            break
        usable |= dict.fromkeys(_named(entry, devices))
    return list(usable)


def machine_devices(library: ModuleType | Any | None = None) -> list[Device]:
    """The NVIDIA devices of this machine in the order of nvidia-smi; none if NVML fails.

    Args:
        library: the module `pynvml`; imported by itself where there is an NVIDIA device.
    """
    try:
        library, handles = nvml(library)
        return [Device(uuid, tuple(_parts(library, each))) for uuid, each in handles.items()]
    except Exception as error:
        # A driver can be broken in any way; what PyTorch makes of it is said by PyTorch.
        log.warning("one job at a time uses a GPU, for NVML lists none: %s", error)
        return []


def nvml(library: ModuleType | Any | None = None) -> tuple[Any, dict[str, Any]]:
    """NVML, and of each NVIDIA device of this machine the UUID and NVML's handle.

    Args:
        library: the module `pynvml`; imported by itself where there is an NVIDIA device.

    Raises:
        Exception: whatever a driver that is broken makes of it.
    """
    if library is None:
        if not local_gpus():
            return None, {}
        import pynvml

        library = pynvml
    library.nvmlInit()
    numbers = range(library.nvmlDeviceGetCount())
    handles = [library.nvmlDeviceGetHandleByIndex(number) for number in numbers]
    return library, {_uuid(library, handle): handle for handle in handles}


def _parts(library: Any, handle: Any) -> Iterator[str]:
    try:
        divided, _ = library.nvmlDeviceGetMigMode(handle)
    except library.NVMLError:
        return  # a device that cannot be divided
    if not divided:
        return
    for number in range(library.nvmlDeviceGetMaxMigDeviceCount(handle)):
        try:
            part = library.nvmlDeviceGetMigDeviceHandleByIndex(handle, number)
        except library.NVMLError:
            continue  # fewer parts were made than could be
        yield _uuid(library, part)


def _uuid(library: Any, handle: Any) -> str:
    uuid = library.nvmlDeviceGetUUID(handle)
    return uuid.decode() if isinstance(uuid, bytes) else uuid


def _named(entry: str, devices: list[Device]) -> tuple[str, ...]:
    if entry.isdigit():
        if int(entry) < len(devices):
            return devices[int(entry)].names
    else:
        # CUDA takes the beginning of a UUID for the whole.
        for device in devices:
            if device.uuid.startswith(entry):
                return device.names
            found = tuple(part for part in device.parts if part.startswith(entry))
            if found:
                return found
    known = ", ".join(f"{number}: {device.uuid}" for number, device in enumerate(devices))
    raise XstiltsError(
        f"names the device {entry!r}, and there are {known}",
        where=VISIBLE,
        hint="nvidia-smi -L lists them",
    )


def _all_of(usable: list[str]) -> str:
    return "the only GPU" if len(usable) == 1 else f"all {len(usable)} GPUs"


def _bind(uuid: str) -> socket.socket | None:
    """A socket that holds the device, None if another process does."""
    holder = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    try:
        holder.bind(f"\0xstilts {uuid}")
    except OSError as error:
        holder.close()
        if error.errno != errno.EADDRINUSE:
            raise
        return None
    return holder


def _let_go() -> None:
    # Else a child that outlives this process would hold the device.
    for holder in _held:
        holder.close()
    _held.clear()


os.register_at_fork(after_in_child=_let_go)
