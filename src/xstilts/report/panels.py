"""Small multiples: many small plots of one size, line by line."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

# Between plots of a line, in shares of its width.
_GAP = 0.05


@dataclass(frozen=True)
class Panels:
    """So many panels, `beside` each other, each in a strip that is `height` pixels high."""

    count: int
    beside: int
    height: int

    @property
    def lines(self) -> int:
        """How many strips there are."""
        return math.ceil(self.count / self.beside)

    @property
    def whole_height(self) -> int:
        """Of all strips, in pixels."""
        return self.lines * self.height

    def is_first(self, number: int) -> bool:
        """Whether a panel stands at the left."""
        return number % self.beside == 0

    def is_lowest(self, number: int) -> bool:
        """Whether nothing stands below a panel."""
        return number + self.beside >= self.count

    def across(self, number: int) -> list[float]:
        """The part of the width that a panel has."""
        width = (1 - _GAP * (self.beside - 1)) / self.beside
        start = number % self.beside * (width + _GAP)
        return [round(start, 4), round(start + width, 4)]

    def upright(self, number: int, top: float, bottom: float) -> list[float]:
        """The part of the height of what lies so many pixels below the top of a panel's strip."""
        above = number // self.beside * self.height
        return [round(1 - (above + end) / self.whole_height, 4) for end in (bottom, top)]


def suffix(number: int) -> str:
    """What plotly adds to the names of the axes of the plots after the first: x, x2, x3."""
    return "" if number == 0 else str(number + 1)


def heading(text: str, axes: str, **style: Any) -> dict[str, Any]:
    """A text above the plot that has the axes with this suffix."""
    return {
        "text": text,
        "xref": f"x{axes} domain",
        "yref": f"y{axes} domain",
        "x": 0,
        "y": 1,
        "xanchor": "left",
        "yanchor": "bottom",
        "showarrow": False,
        **style,
    }
