"""Numbers and lists within a sentence."""

from __future__ import annotations

from collections.abc import Iterable


def counted(number: int, name: str) -> str:
    """A number of something, in the plural where it is not 1."""
    return f"{number} {name}{'' if number == 1 or name == 'more' else 's'}"


def listed(parts: Iterable[str], word: str = "and", *, most: int | None = None) -> str:
    """Parts as one enumeration; the last ones are counted where there are more than `most`."""
    parts = list(parts)
    if most is not None and len(parts) > most:
        parts = [*parts[: most - 1], f"{len(parts) - most + 1} more"]
    *most, last = parts
    return f"{', '.join(most)} {word} {last}" if most else last
