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

log = logging.getLogger(__name__)

Precision = Literal["auto", "float32", "bfloat16"]
_Made = TypeVar("_Made")


class NotFiniteError(XstiltsError):
    """A loss, an output or a vector is infinite or not a number."""


def precision(device: torch.device, wanted: Precision = "auto") -> torch.dtype:
    """What is `wanted`, or the fastest that the device has in hardware.

    That is bfloat16 on GPUs from compute capability 8.0 on; earlier ones (V100, T4) emulate it,
    slower than float32. On a CPU it is float32.
    """
    if wanted != "auto":
        return torch.bfloat16 if wanted == "bfloat16" else torch.float32
    if device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.bfloat16
    return torch.float32


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
        What was made, and for its provenance what was not finite, as `float32_retry`; nothing if
        all was.

    Raises:
        NotFiniteError: in float32 too.
    """
    try:
        return compute(dtype), {}
    except NotFiniteError as error:
        if dtype == torch.float32:
            raise
        message = str(error)
    log.warning("%s: once more in float32 instead of %s", message, name_of(dtype))
    return compute(torch.float32), {"float32_retry": message}
