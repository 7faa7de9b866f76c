"""The precision that an encoder computes in, and float32 where bfloat16 does not suffice.

Weights and heads are in float32 everywhere. Some encoders have states that are not finite in
bfloat16; what was computed of them is computed once more in float32 before it fails.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Literal, TypeVar

import torch

from xstilts.errors import XstiltsError
from xstilts.execution.devices import cpu_has_bfloat16

log = logging.getLogger(__name__)

Precision = Literal["auto", "float32", "bf16"]
_Made = TypeVar("_Made")


class NotFiniteError(XstiltsError):
    """A loss, an output or a vector is infinite or not a number."""


def precision(device: torch.device, wanted: Precision = "auto") -> torch.dtype:
    """What is `wanted`, or the fastest that the device has in hardware.

    That is bfloat16 on GPUs from compute capability 8.0 on; earlier ones (V100, T4) emulate it,
    slower than float32. On CPUs it is bfloat16 where `cpu_has_bfloat16`.
    """
    if wanted != "auto":
        return torch.bfloat16 if wanted == "bf16" else torch.float32
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    else:
        fast = cpu_has_bfloat16()
    return torch.bfloat16 if fast else torch.float32


def mixed_precision(device: torch.device, dtype: torch.dtype) -> AbstractContextManager[Any]:
    """Autocast to `dtype`, nothing for float32."""
    return nullcontext() if dtype == torch.float32 else torch.autocast(device.type, dtype=dtype)


def name_of(dtype: torch.dtype) -> str:
    """Such as `bfloat16`."""
    return str(dtype).removeprefix("torch.")


def else_in_float32(
    compute: Callable[[torch.dtype], _Made], dtype: torch.dtype
) -> tuple[_Made, dict[str, str]]:
    """What `compute` makes in a precision, or in float32 if it is not finite in that one.

    Returns:
        What was made, and for its provenance the `precision` that it was made in, and what was not
        finite, as `float32_retry`, if anything was.

    Raises:
        NotFiniteError: in float32 too.
    """
    try:
        return compute(dtype), {"precision": name_of(dtype)}
    except NotFiniteError as error:
        if dtype == torch.float32:
            raise
        message = str(error)
    log.warning("%s: once more in float32 instead of %s", message, name_of(dtype))
    return compute(torch.float32), {"precision": name_of(torch.float32), "float32_retry": message}
