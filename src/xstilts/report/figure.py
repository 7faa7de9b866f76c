"""Quality against cost as a figure: one point for each recipe of each encoder."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.figure import Figure
from matplotlib.typing import RcKeyType

from xstilts.analysis.costs import pareto_front

# Colours of Okabe and Ito that are told apart with any colour vision and on light and dark
# ground; markers differ as well.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
_MARKERS = ("o", "s", "^", "D", "v", "P")
# Stands for the page's own text colour, which is another one on dark ground.
_INK = "#010203"
_NO_METADATA = dict.fromkeys(("Creator", "Date", "Format", "Type"))
# Costs that differ by more than this factor are drawn on a logarithmic axis.
_WIDE = 20.0
# Of names beside points: their size, and about how wide a letter and how high a line is.
_SIZE, _LETTER, _LINE = 9, 5.3, 10.0
# How far up and down a name may go, in lines, and how many of the places need no line to the point.
_PLACES, _BESIDE = 10, 4


@dataclass(frozen=True, kw_only=True)
class Point:
    """A recipe of an encoder: cost in the axis's unit, score in points."""

    encoder: str
    recipe: str
    cost: float
    score: float


def quality_against_cost(points: Sequence[Point], cost_label: str, score_label: str) -> str:
    """The figure as SVG to be put into a page; the points on the Pareto front are joined."""
    options: dict[RcKeyType, Any] = {
        # Text stays text: small, and found by a search on the page.
        "svg.fonttype": "none",
        # Names inside the file would be random otherwise.
        "svg.hashsalt": "cost",
        "font.family": "sans-serif",
        "font.size": 10,
        **dict.fromkeys(
            ("text.color", "axes.edgecolor", "axes.labelcolor", "xtick.color", "ytick.color"), _INK
        ),
    }
    with matplotlib.rc_context(options):
        figure = Figure(figsize=(8.5, 4.8), layout="constrained")
        figure.patch.set_alpha(0)
        axes = figure.add_subplot()
        axes.patch.set_alpha(0)
        _draw(axes, points)
        axes.set_xlabel(cost_label)
        axes.set_ylabel(score_label)
        # Where things lie is known once the axes have their place.
        figure.draw_without_rendering()
        _name(axes, points)
        target = io.StringIO()
        figure.savefig(target, format="svg", metadata=_NO_METADATA)
    svg = target.getvalue().replace(_INK, "currentColor")
    return svg[svg.index("<svg") :]


def _draw(axes: matplotlib.axes.Axes, points: Sequence[Point]) -> None:
    costs = [point.cost for point in points]
    if min(costs) > 0 and max(costs) / min(costs) > _WIDE:
        axes.set_xscale("log")
    else:
        axes.set_xlim(left=0, right=max(costs) * 1.15 or 1)
    front = [
        point
        for point, kept in zip(
            points, pareto_front([(point.cost, point.score) for point in points]), strict=True
        )
        if kept
    ]
    front.sort(key=lambda point: point.cost)
    # A cost that is not there yet buys nothing more than the best that is cheaper.
    end = axes.get_xlim()[1] if axes.get_xscale() == "linear" else max(costs) * 1.5
    axes.step(
        [*(point.cost for point in front), end],
        [*(point.score for point in front), front[-1].score],
        where="post",
        color=_INK,
        linestyle="--",
        linewidth=1,
        label="Pareto front",
        zorder=1,
    )
    for number, encoder in enumerate(dict.fromkeys(point.encoder for point in points)):
        own = [point for point in points if point.encoder == encoder]
        for kept, label in ((True, encoder), (False, None)):
            some = [point for point in own if (point in front) == kept]
            axes.plot(
                [point.cost for point in some],
                [point.score for point in some],
                fillstyle="full" if kept else "none",
                label=label,
                color=_COLOURS[number % len(_COLOURS)],
                marker=_MARKERS[number % len(_MARKERS)],
                linestyle="none",
                markersize=8,
            )
    axes.margins(y=0.15)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(visible=True, linewidth=0.3, color=_INK, alpha=0.3)
    axes.figure.legend(frameon=False, loc="outside upper right", ncols=6)


def _name(axes: matplotlib.axes.Axes, points: Sequence[Point]) -> None:
    """Write the recipe beside each point, at the first place where nothing else is."""
    scale = 72 / axes.figure.dpi
    places = [
        tuple(axes.transData.transform((point.cost, point.score)) * scale) for point in points
    ]
    taken = [(x - 5, y - 5, x + 5, y + 5) for x, y in places]
    for point, (x, y) in zip(points, places, strict=True):
        width = _LETTER * len(point.recipe)
        offsets = [
            (side * 8 - (width if side < 0 else 0), height)
            for distance in range(_PLACES)
            for height in (distance * _LINE + 3, -distance * _LINE - 3 - _LINE)
            for side in (1, -1)
        ]
        boxes = [(x + dx, y + dy, x + dx + width, y + dy + _LINE) for dx, dy in offsets]
        free = (
            place
            for place, box in enumerate(boxes)
            if not any(_meet(box, other) for other in taken)
        )
        chosen = next(free, 0)
        taken.append(boxes[chosen])
        away = chosen >= _BESIDE
        axes.annotate(
            point.recipe,
            (point.cost, point.score),
            xytext=offsets[chosen],
            textcoords="offset points",
            fontsize=_SIZE,
            arrowprops={"arrowstyle": "-", "linewidth": 0.4, "color": _INK} if away else None,
        )


def _meet(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """Whether two boxes (left, bottom, right, top) overlap."""
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
