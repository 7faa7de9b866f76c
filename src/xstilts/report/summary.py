"""The order of the sentences that tell what was found: what is certain and large comes first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from itertools import groupby
from typing import Any

from xstilts.analysis.inference.adjust import IN_RUN
from xstilts.rounding import fixed

# So many sentences come first.
FIRST = 10
# Scores are at most this far apart, in points.
_POSSIBLE = 100


class Certain(IntEnum):
    """How certain a sentence is; `LEVEL` is a number without a verdict."""

    FOR_ALL, SURE, SURE_IN_RUN, LEVEL, UNCLEAR = range(5)


@dataclass(frozen=True)
class Said:
    """Sentences that stand together, how certain they are, and how large a thing they tell.

    Attributes:
        size: the greatest value in them, by half of its interval; units would not compare.
    """

    lines: tuple[str, ...]
    certain: Certain
    size: float = 0.0


@dataclass(frozen=True, kw_only=True)
class ReportSummary:
    """Sentences: at most `FIRST` that are the most certain and tell of the most, then the rest.

    Attributes:
        first: in the order of the text.
        rest: headings, each with its sentences.
    """

    first: tuple[str, ...]
    rest: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @classmethod
    def of(cls, parts: Sequence[tuple[str, Said]]) -> ReportSummary:
        """From what stands under which heading, in the order of the text."""
        chosen, left = set(), FIRST
        ranked = sorted(enumerate(parts), key=lambda held: (held[1][1].certain, -held[1][1].size))
        for number, (_, said) in ranked:
            if len(said.lines) <= left:
                chosen.add(number)
                left -= len(said.lines)
        rest = [held for number, held in enumerate(parts) if number not in chosen]
        headings = list(dict.fromkeys(heading for heading, _ in parts))
        rest.sort(key=lambda held: headings.index(held[0]))
        return cls(
            first=tuple(line for number in sorted(chosen) for line in parts[number][1].lines),
            rest=tuple(
                (heading, tuple(line for _, said in held for line in said.lines))
                for heading, held in groupby(rest, key=lambda held: held[0])
            ),
        )

    @property
    def sentences(self) -> tuple[str, ...]:
        """All of them, each once."""
        return (*self.first, *(sentence for _, held in self.rest for sentence in held))

    def text(self, unfinished: Sequence[str] = ()) -> str:
        """As a file, after what the grid still lacks."""
        lines = [*unfinished, *self.first]
        for heading, held in self.rest:
            lines += ["", heading, *held]
        return "".join(f"{line}\n" for line in lines)


def unclear(line: str) -> Said:
    """A sentence on what the data do not tell."""
    return Said((line,), Certain.UNCLEAR)


def sure(line: str, rows: Sequence[Mapping[str, Any]], column: str) -> Said:
    """A sentence on rows of findings with a verdict each on a column, `value` or `change`."""
    return Said((line,), min(map(certainty, rows)), max(size(row, column) for row in rows))


def size(row: Mapping[str, Any], column: str) -> float:
    """How many times half of its interval a number is."""
    prefix = "" if column == "value" else f"{column}_"
    width = row[f"{prefix}high"] - row[f"{prefix}low"]
    return 2 * abs(row[column]) / width if width else float("inf")


def certainty(row: Mapping[str, Any]) -> Certain:
    """How certain a verdict is."""
    return Certain.SURE_IN_RUN if row["verdict"].endswith(IN_RUN) else Certain.SURE


def detectable(rows: Sequence[Mapping[str, Any]]) -> list[str] | None:
    """The least and the greatest effect that would be seen, in points, as far as they are possible.

    None where it is not known of any row; none where no effect that is possible would be seen.
    """
    known = [row["detectable"] for row in rows if row["detectable"] is not None]
    if not known:
        return None
    ends = (min(known), max(known))
    return list(dict.fromkeys(fixed(size) for size in ends if size <= _POSSIBLE))
