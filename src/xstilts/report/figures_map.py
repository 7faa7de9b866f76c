"""Where in the world recipes gain: every language at its place, in the colour of its gain."""

from __future__ import annotations

from functools import partial

import numpy as np
import polars as pl

from xstilts.analysis.tables import GAIN, LANGUAGE, POINTS
from xstilts.config.recipes import NONE
from xstilts.report import plots, world
from xstilts.report.figure import INK, MUTED, Figure, PlotView
from xstilts.report.heat import reach_of
from xstilts.report.labels import with_room
from xstilts.report.plots import SIGNIFICANT, UNSEEN, Names, significant
from xstilts.report.wording import label, listed

_COLUMNS = (
    "encoder recipe target language label family macroarea latitude longitude value low high"
    " p_adjusted tests verdict basis items seeds detectable statement"
)
_HOVER = (
    "<b>{label}</b>, {family}, {macroarea}<br>{recipe}: {value:+.1f}, 95 % interval {low:+.1f} to"
    " {high:+.1f}<br>{statement} (adjusted p {p_adjusted:.2g} as one of {tests}, over {basis})"
    "<br>items: {items}, seeds: {seeds}"
)
# In pixels: the map, and a point.
_WIDTH, _HEIGHT, _POINT = 1150, 620, 10
# Languages of one place stand beside each other, in degrees.
_APART = 1.5


def world_map(groups: pl.DataFrame, names: Names) -> Figure | None:
    """Gains of every language whose place is known."""
    places = pl.DataFrame(
        [
            (
                code,
                names.language(code),
                held["family"],
                held["macroarea"],
                held["latitude"],
                held["longitude"],
            )
            for code, held in names.languages.items()
            if held["latitude"] is not None
        ],
        schema={
            **dict.fromkeys(("language", "label", "family", "macroarea"), pl.String),
            **dict.fromkeys(("latitude", "longitude"), pl.Float64),
        },
        orient="row",
    )
    gains = groups.filter(
        pl.col("value").is_not_null(), grouping=LANGUAGE, quantity=GAIN, scale=POINTS
    )
    frame = gains.join(places, left_on="group", right_on="language", how="inner", coalesce=False)
    if frame.is_empty():
        return None
    nowhere = sorted(map(names.language, {*gains["group"]} - {*frame["group"]}))
    unplaced = f" Without a place there, and not shown: {listed(nowhere)}." if nowhere else ""
    return plots.figure(
        plots.with_statement(frame),
        names,
        partial(_view, names=names),
        ("encoder", "target", "recipe"),
        anchor="gains-on-a-map",
        caption=(
            f"Gain over {NONE} in points, each language at its place in Glottolog, those of one"
            f" place side by side.{unplaced} Blue gains, orange loses; a dark edge marks a verdict"
            f" ({SIGNIFICANT}), p adjusted over the languages of one encoder, recipe and target"
            f" (Holm). {UNSEEN} is not in the encoder's pretraining data. Codes are shown where"
            " there is room; hold the pointer over a point for its name and interval. The colours"
            " reach as far as the greatest number in view. Equal Earth projection; coast: Natural"
            " Earth."
        ),
        alt="Map of the world with one point for each language in the colour of its gain.",
        columns=_COLUMNS,
        hover=_HOVER,
        least_width=900,
        ground=world.ground(),
    )


def _view(frame: pl.DataFrame, names: Names) -> PlotView:
    # What gains or loses most lies on top.
    frame = frame.sort(pl.col("value").abs(), "language", maintain_order=True)
    beside = frame.select(pl.int_range(pl.len()).over("latitude", "longitude")).to_series()
    x, y = world.project(
        (frame["longitude"] + _APART * beside).to_numpy(), frame["latitude"].to_numpy()
    )
    sure = [significant(verdict) for verdict in frame["verdict"]]
    held = reach_of(frame)
    marker = {
        "size": _POINT,
        "color": plots.column(frame, "value"),
        "cmin": held["zmin"],
        "cmid": 0,
        "cmax": held["zmax"],
        "colorscale": held["colorscale"],
        "colorbar": {
            **held["colorbar"],
            "title": {"text": "points", "side": "bottom", "font": {"size": 12}},
        },
        "line": {
            "color": [INK if each else MUTED for each in sure],
            "width": [1.5 if each else 0.5 for each in sure],
        },
    }
    at = {"x": x.round(3), "y": y.round(3)}
    points = plots.scatter(
        **{axis: values.tolist() for axis, values in at.items()},
        mode="markers",
        marker=marker,
        showlegend=False,
        customdata=plots.rows(frame, _COLUMNS),
    )
    codes = frame["language"].to_list()
    shown = with_room(np.stack([x, y], axis=1) * (_WIDTH / 2 / world.EAST), codes)
    # A trace of its own: of one with empty texts plotly loses some when the view changes.
    texts = plots.scatter(
        **{axis: values[shown].tolist() for axis, values in at.items()},
        mode="text",
        # Beside a point, not on it.
        text=[f"\N{EN SPACE}{label(codes[place])}" for place in shown],
        textposition="middle right",
        textfont={"size": 10},
        showlegend=False,
        hoverinfo="skip",
    )
    return plots.view([points, texts], _HEIGHT, **world.axes())
