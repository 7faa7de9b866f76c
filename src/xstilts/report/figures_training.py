"""Loss and development score of training runs by step, in small multiples."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from textwrap import wrap
from typing import Any

import polars as pl

from xstilts.analysis.training_curves import DEV, LOSS, MIXTURE, TrainingCurves
from xstilts.report import plots
from xstilts.report.figure import INK, MUTED, Figure, PlotView, Selector
from xstilts.report.panels import Panels, heading, suffix
from xstilts.report.plots import COLOURS, SYMBOLS, Mark, Names
from xstilts.report.wording import label, listed, title
from xstilts.training.curve import BFLOAT16, FIRST, KEPT

# What a line has in common, and what each of its points has.
_SHARED = "encoder recipe phase train_set seed attempt source quantity"
_OWN = "first_step step value"
_HOVER = (
    "<b>{recipe}</b>, seed {seed}, {attempt}<br>{quantity} {value:.3f}"
    "<br>steps {first_step} to {step} {source}"
)
ATTEMPTS = {KEPT: "kept", FIRST: "first attempt", BFLOAT16: "attempt in bfloat16"}
_PHASES = {"pretraining": "Pretraining", "intermediate": "Intermediate training"}
_PLACE = ["encoder", "recipe", "phase", "train_set", "seed", "attempt"]
_BESIDE = 3
# In pixels, from the top of a panel: its name, a line for each trouble, two plots, what is below.
_NAME, _LINE, _LOSS, _BETWEEN, _DEV, _BELOW = 34, 15, 130, 12, 90, 46
_HEIGHTS = {LOSS: _LOSS, DEV: _DEV}
_TITLES = {LOSS: "loss", DEV: "score"}
# Lines of troubles in a panel, and letters of a line; all of them are in the table.
_TOLD, _LETTERS = 4, 44
_LEAST_WIDTH = 860
_ALARM, _GROUND = "#b42318", "#fdeceb"
_STAR, _CROSS = "star", "✗"
_COLLAPSED, _GIVEN_UP = "collapsed", "given up and made once more"
_DASHES = {"": "solid", _COLLAPSED: "dot", _GIVEN_UP: "dash"}


def training(phase: str, train_set: str) -> str:
    """What a run is part of, in words."""
    return _PHASES.get(phase) or title(train_set)


def training_curves(curves: TrainingCurves, names: Names) -> Figure | None:
    """All runs: a panel for each recipe, with a line for each seed."""
    frame = _with_troubles(curves).filter(source=MIXTURE)
    if frame.is_empty():
        return None
    frame = frame.with_columns(training=pl.concat_str("phase", "train_set", separator=" "))
    order = list(_PHASES)
    kinds = sorted(
        frame.select("phase", "train_set", "training").unique(maintain_order=True).iter_rows(),
        key=lambda kind: order.index(kind[0]) if kind[0] in order else len(order),
    )
    chosen = Selector(
        column="training",
        label="Training",
        values=tuple(key for *_, key in kinds),
        names=tuple(training(phase, train_set) for phase, train_set, _ in kinds),
    )
    recipes = {recipe: names.recipe(recipe) or _PHASES["pretraining"] for recipe in names.recipes}
    return _figure(
        frame,
        names,
        ("encoder", chosen),
        ("recipe", recipes),
        anchor="training-curves",
        caption=(
            "One panel for each recipe, one colour for each seed. Above, the training loss in nats"
            " a decision, as means over equally many steps; below, the score on English development"
            " data in points, of several tasks their mean."
        ),
    )


def mixture_curves(curves: TrainingCurves, names: Names) -> Figure | None:
    """Runs on several sources: a panel for each source."""
    frame = _with_troubles(curves).filter(pl.col("source") != MIXTURE)
    if frame.is_empty():
        return None
    sources = {source: source for source in frame["source"].unique(maintain_order=True)}
    return _figure(
        frame,
        names,
        ("encoder", "recipe"),
        ("source", sources),
        anchor="mixture-curves",
        caption=(
            "One panel for each source of a mixture: the loss of its own steps, and the development"
            " score of its task, where it has one. The star is the checkpoint that is kept, which"
            " the mean over all tasks decides."
        ),
    )


def _with_troubles(curves: TrainingCurves) -> pl.DataFrame:
    troubles = curves.attempts.select(*_PLACE, "trouble")
    return curves.points.join(troubles, on=_PLACE, how="left", maintain_order="left")


def _figure(
    frame: pl.DataFrame,
    names: Names,
    choices: Sequence[str | Selector],
    panels: tuple[str, Mapping[str, str]],
    **fields: Any,
) -> Figure:
    return plots.figure(
        frame,
        names,
        partial(_view, by=panels[0], labels=panels[1]),
        choices,
        alt=(
            "Small line plots in pairs: the training loss and below it the development score by"
            " step, with a star at the checkpoint that is kept."
        ),
        columns=f"{_SHARED} {_OWN}",
        shared=len(_SHARED.split()),
        least_width=_LEAST_WIDTH,
        hover=_HOVER,
        **fields,
    )


def _view(frame: pl.DataFrame, by: str, labels: Mapping[str, str]) -> PlotView:
    parts = frame.partition_by(by, as_dict=True)
    held = [(text, parts[key,]) for key, text in labels.items() if (key,) in parts]
    told = [_troubles(part) for _, part in held]
    above = _NAME + _LINE * max(map(len, told))
    tops = {LOSS: above, DEV: above + _LOSS + _BETWEEN}
    panels = Panels(len(held), min(_BESIDE, len(held)), tops[DEV] + _DEV + _BELOW)
    # Runs on the same data have a scale in common.
    alike = frame["phase"][0] == "target"
    marks = {
        seed: Mark(COLOURS[place % len(COLOURS)], SYMBOLS[place % len(SYMBOLS)], 5)
        for place, seed in enumerate(sorted(frame["seed"].unique()))
    }
    layout: dict[str, Any] = {}
    annotations, shapes = [], []
    traces: list[dict[str, Any]] = []
    for number, ((text, part), troubles) in enumerate(zip(held, told, strict=True)):
        axes = {LOSS: suffix(2 * number), DEV: suffix(2 * number + 1)}
        drawn = [quantity for quantity in axes if quantity in part["quantity"]]
        alarmed = any(line.startswith(_CROSS) for line in troubles)
        for quantity in drawn:
            own, top = axes[quantity], tops[quantity]
            lowest = quantity == drawn[-1]
            layout[f"xaxis{own}"] = {
                "anchor": f"y{own}",
                "domain": panels.across(number),
                **_matching("x" if alike else f"x{axes[LOSS]}", f"x{own}"),
                "rangemode": "tozero",
                "zeroline": False,
                "showticklabels": lowest,
                "title": {"text": "step"} if lowest and panels.is_lowest(number) else {},
            }
            layout[f"yaxis{own}"] = {
                "anchor": f"x{own}",
                "domain": panels.upright(number, top, top + _HEIGHTS[quantity]),
                **(_matching(f"y{suffix(list(axes).index(quantity))}", f"y{own}") if alike else {}),
                "zeroline": False,
                "title": {"text": _TITLES[quantity]} if panels.is_first(number) else {},
            }
            if alarmed:
                shapes.append(_alarm(own))
        style = f"color: {_ALARM if alarmed else MUTED}; font-size: 11px"
        small = (f'<span style="{style}">{label(line)}</span>' for line in troubles)
        said = "<br>".join([f"<b>{label(text)}</b>", *small])
        annotations.append(heading(said, axes[LOSS], align="left"))
        traces += _traces(part, marks, axes)
    _once_in_the_legend(traces)
    return plots.view(
        [*traces, *_legend(frame)],
        80 + panels.whole_height,
        annotations=annotations,
        shapes=shapes,
        **layout,
    )


def _matching(other: str, own: str) -> dict[str, str]:
    """The range of another axis, unless it is this one."""
    return {} if other == own else {"matches": other}


def _alarm(axes: str) -> dict[str, Any]:
    """A ground behind a plot that has a run which learnt nothing."""
    ends = {"x0": 0, "x1": 1, "y0": 0, "y1": 1, "line": {"width": 0}}
    where = {"xref": f"x{axes} domain", "yref": f"y{axes} domain", "layer": "below"}
    return {"type": "rect", "fillcolor": _GROUND, **where, **ends}


def seeds_in_trouble(runs: pl.DataFrame) -> Iterator[tuple[dict[str, Any], str]]:
    """Attempts that collapsed or were given up, the former first: those of all seeds together.

    Yields:
        A row, its seed aside, and the seeds that it holds for, in words.
    """
    found = runs.filter(pl.col("trouble") != "").sort(
        pl.col("attempt") != KEPT, "seed", maintain_order=True
    )
    same = found.group_by(pl.exclude("seed"), maintain_order=True).agg("seed")
    for row in same.iter_rows(named=True):
        seeds = row.pop("seed")
        yield row, f"seed{'s' if len(seeds) > 1 else ''} {listed(map(str, seeds))}"


def _troubles(part: pl.DataFrame) -> list[str]:
    """What went wrong in the runs of a panel, in lines that fit into it."""
    lines: list[str] = []
    for row, seeds in seeds_in_trouble(part.select("seed", "attempt", "trouble").unique()):
        if row["attempt"] == KEPT:
            said = f"{_CROSS} {seeds}: {row['trouble']}"
        else:
            said = f"{seeds}, {ATTEMPTS[row['attempt']]}: given up"
        lines += wrap(said, _LETTERS)
    if len(lines) > _TOLD:
        lines[_TOLD - 1 :] = ["… more in the table"]
    return lines


def _traces(
    part: pl.DataFrame, marks: Mapping[int, Mark], axes: Mapping[str, str]
) -> Iterator[dict[str, Any]]:
    """The lines of a panel, the attempts that were given up behind the others."""
    part = part.with_columns(pl.col("attempt").replace_strict(ATTEMPTS))
    order = part.with_columns(behind=pl.col("attempt") != ATTEMPTS[KEPT]).sort(
        ~pl.col("behind"), "seed", maintain_order=True
    )
    for line in order.partition_by("seed", "attempt", "quantity", maintain_order=True):
        first = line.row(0, named=True)
        mark, own = marks[first["seed"]], axes[first["quantity"]]
        shape = _DASHES[_GIVEN_UP if first["behind"] else _COLLAPSED if first["trouble"] else ""]
        trace = plots.scatter(
            name=f"seed {first['seed']}",
            legendgroup=str(first["seed"]),
            meta=[first[column] for column in _SHARED.split()],
            customdata=plots.rows(line, _OWN),
            x=line["step"].to_list(),
            y=plots.column(line, "value"),
            mode="lines",
            line={"color": mark.colour, "width": 1 if first["behind"] else 1.5, "dash": shape},
            opacity=0.5 if first["behind"] else 1,
            xaxis=f"x{own}",
            yaxis=f"y{own}",
        )
        if first["quantity"] == DEV:
            stars = {
                "symbol": [_STAR if chosen else mark.symbol for chosen in line["chosen"]],
                "size": [13 if chosen else mark.size for chosen in line["chosen"]],
            }
            trace |= {"mode": "lines+markers", "marker": {"color": mark.colour, **stars}}
        yield trace


def _once_in_the_legend(traces: list[dict[str, Any]]) -> None:
    shown: set[str] = set()
    for trace in traces:
        trace["showlegend"] = "marker" not in trace and trace["name"] not in shown
        if trace["showlegend"]:
            shown.add(trace["name"])


def _legend(frame: pl.DataFrame) -> Iterator[dict[str, Any]]:
    """What the star and the kinds of line mean, of those that are drawn."""
    if frame["chosen"].any():
        yield plots.legend_entry("checkpoint that is kept", Mark(INK, _STAR, 13))
    in_trouble = frame.filter(pl.col("trouble") != "")["attempt"].unique()
    kinds = {_COLLAPSED: KEPT in in_trouble, _GIVEN_UP: any(in_trouble != KEPT)}
    for kind, is_drawn in kinds.items():
        if is_drawn:
            line = {"color": INK, "width": 1.5, "dash": _DASHES[kind]}
            nothing = {"x": [None], "y": [None], "hoverinfo": "skip"}
            yield plots.scatter(name=kind, mode="lines", line=line, **nothing)
