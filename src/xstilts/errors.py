"""The one error that users are meant to read, and the request to stop."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from pathlib import Path


class XstiltsError(Exception):
    """Bad input: says where, what is wrong, and what would mend it.

    Entry points print it as a single message without a traceback.
    """

    def __init__(
        self,
        problem: str,
        *,
        where: str | Path | None = None,
        row: int | None = None,
        hint: str | None = None,
    ) -> None:
        place = "" if where is None else str(where)
        if row is not None:
            place += f", row {row}"
        message = f"{place}: {problem}" if place else problem
        if hint:
            message += f" ({hint})"
        super().__init__(message)


class InterruptedBySignal(Exception):  # noqa: N818 - a request to stop is not an error
    """A job was asked to stop and has saved its state; a retry goes on from there."""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A suggestion such as «did you mean 'xnli'?», or the list of what is known."""
    names = [str(name) for name in known]
    by_lower = {name.lower(): name for name in names}
    close = difflib.get_close_matches(word.lower(), by_lower, n=1, cutoff=0.6)
    if close:
        return f"did you mean {by_lower[close[0]]!r}?"
    return f"known: {', '.join(sorted(names))}" if names else "nothing is known here"
