"""Tables of plain data, and how their rows are told apart from code.

A job's digest of code (`xstilts.execution.code_digest`) holds of a table the rows that the job is
about, and of a row the fields that its code can read: a new task, or a corrected title, re-runs
what shows it and trains nothing again. A table is counted so where it says that it is one:

    TASKS: Rows[Task] = {...}

with `Task` a frozen dataclass that is a `Row`. All others count as the code that they are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from typing import Any, TypeVar

R = TypeVar("R")
# A mapping of keys to rows.
Rows = dict[str, R]
# Plain values, that say themselves what they are.
_PLAIN = (str, int, float, bool, type(None), bytes)


class Row:
    """What a row of a table is, besides a frozen dataclass, or a class that has no fields at all.

    It is plain data, and methods that read it. A field or method that some code does not name does
    not count for it. So nothing may read the fields without their names: rows of dataclasses have
    no `__dict__`, that of others is empty, and code that takes all (`asdict`) counts as naming all.
    """

    __slots__ = ()


def in_text(table: Mapping[str, Any], keys: Collection[str] | None, names: Collection[str]) -> str:
    """The rows of a table in their order as text: those of these keys (None: all), a line each.

    Args:
        names: of the fields that count.

    Raises:
        TypeError: a field that counts holds what is not plain data.
    """
    return "\n".join(
        f"{key}: {_text(row, names)}" for key, row in table.items() if keys is None or key in keys
    )


def _text(value: Any, names: Collection[str]) -> str:
    if is_dataclass(value) and not isinstance(value, type):
        # What is not told apart by its fields counts as a whole.
        all_ = Row not in type(value).__bases__
        held = (each.name for each in fields(value) if all_ or each.name in names)
        return (
            "{" + ", ".join(f"{name}={_text(getattr(value, name), names)}" for name in held) + "}"
        )
    if isinstance(value, Enum):
        return repr(value.value)
    if isinstance(value, _PLAIN):
        return repr(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_text(each, names) for each in value) + "]"
    if isinstance(value, Mapping):
        pairs = (f"{key!r}: {_text(each, names)}" for key, each in value.items())
        return "{" + ", ".join(pairs) + "}"
    raise TypeError(f"{type(value).__name__} in a row is no plain data: {value!r}")
