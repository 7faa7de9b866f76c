"""What a figure is: views to choose from, and the style of all of them.

A figure has one view for each combination of what a reader can choose. The rows behind a view are
the `customdata` of its traces and nowhere else: the hover texts and the CSV are made of them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

INK, MUTED, LINE, BAND = "#1b1f24", "#59636e", "#d1d9e0", "#f4f6f8"

_AXIS = {
    "automargin": True,
    "gridcolor": LINE,
    "zerolinecolor": MUTED,
    "zerolinewidth": 1.5,
    "linecolor": LINE,
    "ticks": "",
    "ticklabelstandoff": 4,
    "title": {"standoff": 8},
}
# Of all figures: the legend above, the buttons at the right edge.
_LAYOUT = {
    "autosize": True,
    "font": {
        "family": "system-ui, -apple-system, 'Segoe UI', sans-serif",
        "size": 13,
        "color": INK,
    },
    "paper_bgcolor": "white",
    "plot_bgcolor": "white",
    "margin": {"l": 20, "r": 44, "t": 20, "b": 20},
    "legend": {
        "orientation": "h",
        "x": 0,
        "y": 1,
        "yref": "container",
        "yanchor": "top",
        "itemsizing": "constant",
    },
    "modebar": {"orientation": "v", "bgcolor": "rgba(255,255,255,0.8)", "color": MUTED},
    "hoverlabel": {
        "bgcolor": "white",
        "bordercolor": MUTED,
        "font": {"color": INK},
        "align": "left",
    },
    "hovermode": "closest",
    "xaxis": _AXIS,
    "yaxis": _AXIS,
}
_PLACEHOLDER = re.compile(r"\{(\w+)(:[^}]*)?\}")


@dataclass(frozen=True, kw_only=True)
class Selector:
    """What a reader can choose: a column of the table, its values, and what they are called."""

    column: str
    label: str
    values: tuple[str, ...]
    names: tuple[str, ...]


@dataclass(frozen=True)
class PlotView:
    """What plotly draws (`data` and `layout`), and what is to be said of it."""

    drawing: Mapping[str, Any]
    note: str = ""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure; the key of a view holds the places of the chosen values, joined by hyphens.

    `columns` are those of the rows that its traces carry; `hover` names them in braces. Of the
    first `shared` of them a trace has one value for all its rows, in its `meta`. On a screen
    narrower than `least_width`, in pixels, it is scrolled. `found` are names that a reader can look
    for, each with the value of the last choice that shows it. `ground` is what lies beneath
    every view, as a part of plotly's layout: its shapes and annotations have names.
    """

    anchor: str
    caption: str
    alt: str
    columns: tuple[str, ...]
    hover: str
    choices: tuple[Selector, ...]
    views: Mapping[str, PlotView]
    shared: int = 0
    least_width: int = 0
    found: Sequence[tuple[str, str]] = ()
    ground: Mapping[str, Any] = field(default_factory=dict)

    def data(self) -> dict[str, Any]:
        """What the page's script draws from."""
        return {
            "columns": self.columns,
            "template": self.template(),
            "views": {key: {"note": view.note, **view.drawing} for key, view in self.views.items()},
        }

    def template(self) -> dict[str, Any]:
        """What holds for all views, as plotly takes it."""
        places = [f"meta[{place}]" for place in range(self.shared)]
        places += [f"customdata[{place}]" for place in range(len(self.columns) - self.shared)]
        held = dict(zip(self.columns, places, strict=True))
        text = _PLACEHOLDER.sub(lambda found: f"%{{{held[found[1]]}{found[2] or ''}}}", self.hover)
        trace = {"hovertemplate": f"{text}<extra></extra>"}
        bar = {"type": "data", "symmetric": False, "thickness": 1.5, "width": 0}
        return {
            "data": {
                "scatter": [{**trace, "error_x": bar, "error_y": bar}],
                "heatmap": [trace],
            },
            "layout": {**_LAYOUT, **self.ground},
        }
