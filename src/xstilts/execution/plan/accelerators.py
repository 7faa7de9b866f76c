"""What devices do in a second and draw in watts: the basis of an estimate before any measurement.

Peaks are dense (without structured sparsity), of the arithmetic that
`xstilts.training.precision` chooses: bfloat16 products with float32 sums on a GPU and on processors
that have them in hardware, float32 on others. Peaks, memory bandwidths
and board powers are those of NVIDIA's data sheets and architecture white papers. V100 and T4 have
no bfloat16 arithmetic: PyTorch emulates it, no faster than float32.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from xstilts.errors import XstiltsError, did_you_mean
from xstilts.execution.cost.energy import WATTS_PER_CORE, WATTS_PER_GB
from xstilts.execution.devices import cpu_has_bfloat16, device_for


@dataclass(frozen=True, kw_only=True)
class Accelerator:
    """One GPU, or one core of a processor.

    `peak` in operations a second, of which `utilisation` is reached where inputs fill the device;
    `bandwidth` of its memory in bytes a second; `watts` at full load. `layer_seconds` is what
    starting the operations of a layer takes for a forward and backward pass, however few tokens
    there are.
    """

    name: str
    peak: float
    utilisation: float
    bandwidth: float
    watts: float
    layer_seconds: float
    is_gpu: bool = True

    @property
    def throughput(self) -> float:
        """Operations a second that are reached."""
        return self.peak * self.utilisation


# Share of the peak that encoders reach with batches of thousands of tokens under autocast, which
# converts the float32 weights in every pass, without compilation; and what the hundred kernels of a
# layer, forward and back, take to be started one after the other at some 15 us each, by Python and
# the driver. Both are assumptions and no measurements: finished jobs replace them
# (`xstilts.execution.plan.calibration`).
_GPU_UTILISATION = 0.3
_GPU_LAYER_SECONDS = 1.5e-3


def _gpu(name: str, teraflops: float, gigabytes: float, watts: float) -> Accelerator:
    return Accelerator(
        name=name,
        peak=teraflops * 1e12,
        utilisation=_GPU_UTILISATION,
        bandwidth=gigabytes * 1e9,
        watts=watts,
        layer_seconds=_GPU_LAYER_SECONDS,
    )


GPUS: Mapping[str, Accelerator] = {
    device.name: device
    for device in (
        _gpu("h200", 989.4, 4800, 700),
        _gpu("h100", 989.4, 3350, 700),
        _gpu("h100-pcie", 756, 2000, 350),
        _gpu("a100", 312, 2039, 400),
        _gpu("a100-40gb", 312, 1555, 400),
        _gpu("a40", 149.7, 696, 300),
        _gpu("a10", 125, 600, 150),
        _gpu("l40s", 362, 864, 350),
        _gpu("l4", 121, 300, 72),
        _gpu("rtx6000ada", 364.2, 960, 300),
        _gpu("rtxa6000", 154.8, 768, 300),
        _gpu("rtx4090", 165.2, 1008, 450),
        _gpu("rtx3090", 71, 936, 350),
        _gpu("v100", 15.7, 900, 300),
        _gpu("t4", 8.1, 320, 70),
    )
}
# Of an experiment for a GPU, where none is here and no job has run on one yet.
DEFAULT_GPU = "a100"

# Float32 of one core with 512-bit vectors at 2.5 GHz: 2 units x 16 numbers x 2 operations. The rest
# was measured on the demo, on two cores of a virtual machine.
CPU = Accelerator(
    name="cpu",
    peak=160e9,
    utilisation=0.35,
    bandwidth=10e9,
    watts=WATTS_PER_CORE,
    layer_seconds=1.5e-3,
    is_gpu=False,
)

# The same where it multiplies in bfloat16 (`devices.cpu_has_bfloat16`): with AVX-512 an instruction
# makes two products where it makes one in float32, with AMX many more. What was measured of whole
# passes is 2.5 times float32 (`benchmarks/training.py`, with AVX-512).
CPU_BF16 = replace(CPU, name="cpu-bf16", peak=2.5 * CPU.peak)

# Of the process beside its GPU: one core, and its memory.
HOST_WATTS = WATTS_PER_CORE + 8 * WATTS_PER_GB


def find_device(name: str) -> Accelerator | None:
    """The device that a user, or a driver, calls so; None where nothing is known of it.

    Names of drivers such as `NVIDIA A100-SXM4-80GB` or `NVIDIA GeForce RTX 3090` are understood.
    """
    for processor in (CPU, CPU_BF16):
        if name.lower() == processor.name:
            return processor
    known = {device.name.replace("-", ""): device for device in GPUS.values()}
    # The memory of an A100 comes after the way in which it is built in.
    plain = re.sub(r"a100-\w+-40gb", "a100-40gb", name.lower())
    words = re.split("[ -]", plain)
    joined = (
        "".join(words[start : start + number])
        for number in (3, 2, 1)
        for start in range(len(words))
    )
    return next((known[each] for each in joined if each in known), None)


def gpu_here(driver: Path = Path("/proc/driver/nvidia/gpus")) -> str | None:
    """What the driver of this machine calls its first GPU, None without one."""
    for path in sorted(driver.glob("*/information")):
        for line in path.read_text(encoding="utf-8").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "Model":
                return value.strip()
    return None


def gpu_called(name: str) -> Accelerator:
    """The GPU with a driver's name; one of which nothing is known is taken for the default one."""
    return find_device(name) or replace(GPUS[DEFAULT_GPU], name=name)


def device_of(
    setting: str,
    name: str | None = None,
    used: Callable[[], str | None] = lambda: None,
    precision: str = "float32",
) -> Accelerator:
    """What an experiment with `device: setting` computes on, as far as can be told from here.

    That is what a user names; else, for `cuda`, and for `auto` where there is one, the GPU of this
    machine, the one that earlier jobs used, or `DEFAULT_GPU`; else a core, in bfloat16 where it has
    that and `precision` (auto, float32 or bf16) allows it.

    Args:
        name: of `--device`.
        used: asked for the GPU of earlier jobs if none is here.

    Raises:
        XstiltsError: nothing is known of the device that the user names.
    """
    if name is not None:
        if (found := find_device(name)) is None:
            known = [*GPUS, CPU.name, CPU_BF16.name]
            raise XstiltsError(
                f"nothing is known of the device {name!r} ({did_you_mean(name, known)})",
                where="--device",
            )
        return found
    if device_for(setting) == "cpu":
        return CPU_BF16 if precision != "float32" and cpu_has_bfloat16() else CPU
    return gpu_called(gpu_here() or used() or DEFAULT_GPU)
