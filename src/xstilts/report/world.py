"""The map of the world beneath figures: projection, coast, net of degrees and names of areas.

Equal Earth keeps areas, so that no part of the world looks as if it had more languages than it has:
B. Šavrič, T. Patterson and B. Jenny, "The Equal Earth map projection", International Journal of
Geographical Information Science 33 (2019), equations 7 to 10.

`templates/coast.txt` has an outline a line, as longitude,latitude in degrees: Natural Earth's land
at 1:110 million (public domain, naturalearthdata.com; from the package world-atlas 2.0.2), cut at
180 degrees, without the Antarctic and what is smaller than 0.8 square degrees, thinned by Douglas
and Peucker's method to 0.4 degrees.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cache
from importlib import resources
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from xstilts.report.figure import LINE, MUTED

# The projection's coefficients A1 to A4.
_A1, _A2, _A3, _A4 = 1.340264, -0.081106, 0.000893, 0.003796
_SOUTH, _NORTH = -58, 84
_NET = 30
# Glottolog's macroareas, named where there is sea: longitude and latitude.
_AREAS = {
    "North America": (-140, 25),
    "South America": (-105, -25),
    "Africa": (-12, -22),
    "Eurasia": (75, 80),
    "Papunesia": (165, 17),
    "Australia": (98, -35),
}
_LAND, _SEA = "#eceff2", "#ffffff"


def project(longitude: ArrayLike, latitude: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Points of a globe with radius 1, from degrees; x reaches from -`EAST` to `EAST`."""
    theta = np.arcsin(np.sqrt(3) / 2 * np.sin(np.radians(latitude)))
    slope = 9 * _A4 * theta**8 + 7 * _A3 * theta**6 + 3 * _A2 * theta**2 + _A1
    x = 2 * np.sqrt(3) * np.radians(longitude) * np.cos(theta) / (3 * slope)
    y = _A4 * theta**9 + _A3 * theta**7 + _A2 * theta**3 + _A1 * theta
    return x, y


# Half the width of the map.
EAST = float(project(180, 0)[0])


@cache
def ground() -> dict[str, list[dict[str, Any]]]:
    """What lies beneath the points of a map, as a part of plotly's layout."""
    return {
        "shapes": [
            _shape("sea", [_edge()], closed=True, fillcolor=_SEA, line={"color": LINE, "width": 1}),
            _shape("net", _net(), closed=False, line={"color": LINE, "width": 0.5}),
            _shape(
                "land",
                _coast(),
                closed=True,
                fillcolor=_LAND,
                line={"color": "#b8c1ca", "width": 0.7},
            ),
        ],
        "annotations": [
            {
                "name": name,
                "text": name,
                "x": float(x),
                "y": float(y),
                "showarrow": False,
                "font": {"size": 12, "color": MUTED},
            }
            for name, (longitude, latitude) in _AREAS.items()
            for x, y in [project(longitude, latitude)]
        ],
    }


def axes() -> dict[str, Any]:
    """The axes of a map: one unit is as long across as upright."""
    south, north = (float(project(0, latitude)[1]) for latitude in (_SOUTH, _NORTH))
    return {
        "xaxis": {"range": [-1.01 * EAST, 1.01 * EAST], "visible": False},
        "yaxis": {
            "range": [south - 0.02, north + 0.02],
            "visible": False,
            "scaleanchor": "x",
        },
    }


def _shape(name: str, lines: Iterable[np.ndarray], *, closed: bool, **style: Any) -> dict[str, Any]:
    """Lines of (longitude, latitude), (points, 2), as one path."""
    parts = []
    for line in lines:
        points = zip(*project(*line.T), strict=True)
        parts.append("M" + "L".join(f"{x:.3f},{y:.3f}" for x, y in points) + "Z" * closed)
    return {"type": "path", "name": name, "layer": "below", "path": "".join(parts), **style}


def _coast() -> Iterator[np.ndarray]:
    file = resources.files(__package__).joinpath("templates", "coast.txt")
    for line in file.read_text("utf-8").splitlines():
        yield np.array([point.split(",") for point in line.split(" ")], dtype=float)


def _meridian(longitude: float) -> np.ndarray:
    latitude = np.linspace(_SOUTH, _NORTH, 30)
    return np.stack([np.full_like(latitude, longitude), latitude], axis=1)


def _edge() -> np.ndarray:
    return np.concatenate([_meridian(-180), _meridian(180)[::-1]])


def _net() -> Iterator[np.ndarray]:
    yield from map(_meridian, range(-180 + _NET, 180, _NET))
    for latitude in range(-_NET, _NORTH, _NET):
        yield np.array([[-180, latitude], [180, latitude]], dtype=float)
