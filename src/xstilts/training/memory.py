"""What to do when a device, or this machine, has too little memory for a batch."""

from __future__ import annotations

import logging
import math
from collections import deque
from collections.abc import Callable, Iterable

import numpy as np
import torch

from xstilts.errors import XstiltsError

log = logging.getLogger(__name__)

_HINT = (
    "lower tokenisation max_length, take a smaller encoder or a device with more memory, and see"
    " that nothing else uses it"
)
_SIGNS = ("DefaultCPUAllocator", "CUBLAS_STATUS_ALLOC_FAILED", "CUDA error: out of memory")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a computation failed for want of memory."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    # On CPU, and from within CUDA's libraries, it is a plain RuntimeError.
    return isinstance(error, RuntimeError) and any(sign in str(error) for sign in _SIGNS)


def in_short(error: BaseException) -> str:
    """The first line of a message; PyTorch's go on with advice for programmers."""
    return str(error).partition("\n")[0]


def too_little_memory(wanted: str, message: str) -> XstiltsError:
    """What to tell when memory does not suffice for what is `wanted`, whatever is halved."""
    return XstiltsError(f"memory does not suffice for {wanted} ({message})", hint=_HINT)


def free_memory(device: torch.device) -> None:
    """Give back what PyTorch keeps of the device's memory for later."""
    if device.type == "cuda":
        torch.cuda.empty_cache()


def for_each_batch(
    compute: Callable[[np.ndarray], None],
    batches: Iterable[np.ndarray],
    lengths: np.ndarray,
    device: torch.device,
) -> None:
    """Call `compute` with every batch of rows; one that does not fit is cut in halves.

    Args:
        lengths: tokens of each row, by which later batches of that size are cut beforehand.

    Raises:
        XstiltsError: memory does not suffice for a single row.
    """
    waiting = deque(batches)
    too_big = math.inf
    while waiting:
        rows = waiting.popleft()
        size = len(rows) * int(lengths[rows].max())
        if len(rows) == 1 or size < too_big:
            try:
                compute(rows)
                continue
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                message = in_short(error)
            # Outside of the handler nothing holds the tensors of the failed pass any more.
            free_memory(device)
            if len(rows) == 1:
                raise too_little_memory(f"one input of {size} tokens", message)
            too_big = size
            log.warning("out of memory: batches of less than %d tokens from here on", too_big)
        half = len(rows) // 2
        waiting.extendleft([rows[half:], rows[:half]])
