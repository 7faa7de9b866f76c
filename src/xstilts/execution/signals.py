"""SIGTERM and Ctrl-C as a wish that is granted between two steps."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Stop:
    """Whether the process was asked to end."""

    asked = False


@contextmanager
def stop_on_signal() -> Iterator[Stop]:
    """Note SIGTERM and Ctrl-C instead of dying: the state is saved between two steps."""
    stop = Stop()

    def note(_signal: int, _frame: Any) -> None:
        stop.asked = True

    previous = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
