"""Which of many labels have room beside their points."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

# In pixels: a point, a letter, and the height of a line, of labels of size 10 or 11.
_POINT, _LETTER, _LINE = 10, 6.5, 11

Box = tuple[float, float, float, float]


def with_room(points: np.ndarray, texts: Sequence[str]) -> list[int]:
    """Places of the labels that lie on no point and no other label, those of the last points first.

    Args:
        points: (points, 2), in pixels.
        texts: of each the label to its right.
    """
    taken: list[Box] = [(*(point - _POINT / 2), *(point + _POINT / 2)) for point in points]
    shown = []
    for place in reversed(range(len(texts))):
        left, middle = points[place] + (_POINT / 2 + 1, 0)
        box = (left, middle - _LINE / 2, left + _LETTER * len(texts[place]), middle + _LINE / 2)
        if not any(_overlap(box, other) for other in taken):
            shown.append(place)
            taken.append(box)
    return shown


def _overlap(one: Box, other: Box) -> bool:
    """Whether two boxes, (left, bottom, right, top), have a part in common."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
