"""How gains are drawn as cells, in all heat maps."""

from __future__ import annotations

from typing import Any

import polars as pl

from xstilts.report.figure import INK
from xstilts.report.plots import SIGNIFICANT, significant
from xstilts.rounding import signed

# Orange for what is lost, white, blue for what is gained: all pale enough for dark numbers.
SCALE = (
    (0.0, "#d97f1e"),
    (0.25, "#fbd9b0"),
    (0.5, "#ffffff"),
    (0.75, "#c3dcf1"),
    (1.0, "#4f96d6"),
)
# At least so many points from white to full colour, so that noise around 0 stays pale.
_LEAST_REACH = 1.0
_WHOLE_TICKS = 3.0

# Of a trace.
HEAT = {
    "type": "heatmap",
    "texttemplate": "%{text}",
    "textfont": {"size": 13, "color": INK},
    "hoverongaps": False,
    "xgap": 2,
    "ygap": 2,
}


def reach_of(frame: pl.DataFrame) -> dict[str, Any]:
    """How far the colours reach, and the bar that says it."""
    reach = max(_LEAST_REACH, *(abs(value) for value in frame["value"]))
    return {
        "zmin": -reach,
        "zmid": 0,
        "zmax": reach,
        "colorscale": SCALE,
        "colorbar": {
            "orientation": "h",
            "y": 0,
            "yanchor": "top",
            "x": 0,
            "xanchor": "left",
            "len": 0.4,
            "thickness": 10,
            "outlinewidth": 0,
            "tickformat": "+.0f" if reach > _WHOLE_TICKS else "+.1f",
        },
    }


def cell_text(row: dict[str, Any]) -> str:
    """The number in a cell, marked where there is a verdict on it."""
    if not row:
        return ""
    return signed(row["value"]) + (f" {SIGNIFICANT}" if significant(row["verdict"]) else "")
