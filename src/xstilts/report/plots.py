"""What figures share: names, marks, choices, axes, and how rows are kept."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

import polars as pl

from xstilts.analysis.findings import Findings
from xstilts.analysis.inference.adjust import NOT_ENOUGH, plain
from xstilts.analysis.stability import MAY_BE_BEST
from xstilts.analysis.tables import (
    ALL,
    ALL_FAMILIES,
    ALL_LANGUAGES,
    EVERY,
    FAMILY,
    LANGUAGE,
    WITH_ENGLISH,
)
from xstilts.config.recipes import NONE
from xstilts.config.tasks.types import SOURCE_LANGUAGE
from xstilts.report.figure import INK, Figure, PlotView, Selector
from xstilts.report.wording import readable, target_name
from xstilts.rounding import DECIMALS, fixed

# Colours of Okabe and Ito; black is the baseline's alone. The shapes repeat after seven, so that
# the first 42 recipes differ.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9")
SYMBOLS = ("circle", "square", "triangle-up", "diamond", "cross", "pentagon", "triangle-down")
UNSEEN, SIGNIFICANT = "†", "✱"

# Of choices that are not called as their columns are.
_CHOICES = {"quantity": "Shown", "grouping": "Shown"}
_GROUPINGS = {ALL: "means", FAMILY: "families", LANGUAGE: "languages"}
# Values that come first, in this order; recipes are the experiment's.
_ORDERS: dict[str, Sequence[str]] = {"target": (EVERY,), "grouping": tuple(_GROUPINGS)}


@dataclass(frozen=True)
class Mark:
    """How a recipe is drawn in every figure."""

    colour: str
    symbol: str
    size: int = 9

    def marker(self) -> dict[str, Any]:
        """As plotly takes it."""
        edge = {"color": self.colour, "width": 2 if self.symbol.endswith("-open") else 0}
        return {"color": self.colour, "symbol": self.symbol, "size": self.size, "line": edge}


BASELINE_MARK = Mark(INK, "diamond-open", 11)


@dataclass(frozen=True)
class Names:
    """What is called how, and in which order it comes."""

    recipes: tuple[str, ...]
    languages: Mapping[str, Mapping[str, Any]]
    marks: Mapping[str, Mark] = field(init=False)

    def __post_init__(self) -> None:
        others = [recipe for recipe in self.recipes if recipe != NONE]
        marks = {
            recipe: Mark(COLOURS[place % len(COLOURS)], SYMBOLS[place % len(SYMBOLS)])
            for place, recipe in enumerate(others)
        }
        object.__setattr__(self, "marks", {NONE: BASELINE_MARK, **marks})

    @classmethod
    def of(cls, findings: Findings, recipes: Sequence[str] = ()) -> Names:
        """The recipes in the order given, then others as they come, the baseline first of all."""
        held = [
            recipe
            for frame in findings.tables.values()
            if "recipe" in frame.columns
            for recipe in frame["recipe"].unique(maintain_order=True)
        ]
        return cls(
            recipes=tuple(dict.fromkeys([*([NONE] if NONE in held else []), *recipes, *held])),
            languages={row["language"]: row for row in findings["languages"].to_dicts()},
        )

    def recipe(self, recipe: str) -> str:
        """A recipe, said to be the baseline where it is."""
        return f"{recipe} (baseline)" if recipe == NONE else recipe

    def language(self, code: str) -> str:
        """A language with its code, marked where the encoder has not seen it."""
        held = self.languages.get(code)
        name = f"{held['name']} ({code})" if held else code
        return f"{name} {UNSEEN}" if held and held["unseen"] else name

    def family_of(self, code: str) -> str:
        """The family of a language."""
        return self.languages.get(code, {}).get("family") or "Family not known"

    def branch_of(self, code: str) -> str:
        """The branch of a language."""
        return self.languages.get(code, {}).get("branch") or "Branch not known"

    def group(self, row: Mapping[str, Any]) -> str:
        """A group of a table; one of a single language is told by its code."""
        name = row["group"]
        if name == WITH_ENGLISH:
            return "All languages, English among them"
        if name in (ALL, ALL_LANGUAGES, ALL_FAMILIES):
            return name.capitalize()
        if row.get("single"):
            codes = row.get("languages") or self._members(name)
            name = f"{name} ({codes[0]})" if len(codes) == 1 else name
        return f"{name} {UNSEEN}" if row.get("unseen") else name

    def _members(self, family: str) -> list[str]:
        return [
            code
            for code, held in self.languages.items()
            if held["family"] == family and code != SOURCE_LANGUAGE
        ]

    def by_recipe(self, frame: pl.DataFrame) -> Iterator[tuple[str, pl.DataFrame]]:
        """The rows of each recipe, in order."""
        held = frame.partition_by("recipe", as_dict=True)
        for recipe in self.recipes:
            if (recipe,) in held:
                yield recipe, held[recipe,]

    def choice(self, frame: pl.DataFrame, column: str) -> Selector:
        """The values of a column as a choice: known ones in their order, others as they come."""
        held = frame[column].unique(maintain_order=True).to_list()
        known = _ORDERS.get(column, self.recipes if column == "recipe" else ())
        values = tuple(dict.fromkeys([*(value for value in known if value in held), *held]))
        name = {
            "recipe": self.recipe,
            "target": target_name,
            "grouping": _GROUPINGS.__getitem__,
        }.get(column, readable)
        return Selector(
            column=column,
            label=_CHOICES.get(column, column.capitalize()),
            values=values,
            names=tuple(name(value) for value in values),
        )


def figure(
    frame: pl.DataFrame,
    names: Names,
    draw: Callable[[pl.DataFrame], PlotView | None],
    choices: Sequence[str | Selector],
    *,
    columns: str,
    **fields: Any,
) -> Figure:
    """A figure with a view, drawn by `draw`, of each choice.

    Args:
        choices: columns, or made ones.
        columns: of the rows that traces carry, divided by spaces.
        fields: the others of `Figure`.
    """
    made = tuple(
        names.choice(frame, choice) if isinstance(choice, str) else choice for choice in choices
    )
    return Figure(
        choices=made, columns=tuple(columns.split()), views=views(frame, made, draw), **fields
    )


def views(
    frame: pl.DataFrame,
    choices: Sequence[Selector],
    draw: Callable[[pl.DataFrame], PlotView | None],
) -> dict[str, PlotView]:
    """The views of all combinations that the table has rows for."""
    made = {}
    # Parted once: there are thousands of combinations where families are folded.
    parts = frame.partition_by([choice.column for choice in choices], as_dict=True)
    for places in product(*(range(len(choice.values)) for choice in choices)):
        chosen = tuple(choice.values[place] for choice, place in zip(choices, places, strict=True))
        if chosen in parts and (view := draw(parts[chosen])) is not None:
            made["-".join(map(str, places))] = view
    return made


def significant(verdict: str | None) -> bool:
    """Whether a verdict says that something differs."""
    return plain(verdict) not in ("", NOT_ENOUGH, MAY_BE_BEST)


def with_statement(frame: pl.DataFrame) -> pl.DataFrame:
    """With a column `statement`: the verdict, and where there is none what would have been seen."""
    size = pl.col("detectable").map_elements(fixed, return_dtype=pl.String)
    seen = pl.format("{}; a true change of {} points would be seen", "verdict", size)
    unclear = pl.col("verdict").eq(NOT_ENOUGH) & pl.col("detectable").is_not_null()
    return frame.with_columns(statement=pl.when(unclear).then(seen).otherwise("verdict"))


def rows(frame: pl.DataFrame, columns: str) -> list[list[Any]]:
    """Rows as they are kept in a trace: numbers with `DECIMALS`, lists as text."""
    return [[_plain(value) for value in row] for row in frame.select(columns.split()).iter_rows()]


def _plain(value: Any) -> Any:
    if isinstance(value, float):
        return round(value, DECIMALS)
    return " ".join(value) if isinstance(value, list) else value


def points(
    frame: pl.DataFrame,
    columns: str,
    mark: Mark,
    *,
    x: str | Sequence[Any],
    y: str | Iterable[Any],
    bars: str = "",
    faint: float = 0.55,
    **fields: Any,
) -> dict[str, Any]:
    """A trace of points that carry their rows.

    Args:
        x, y: a column, or values.
        bars: the axes along which there are intervals, "x", "y" or "xy"; those of columns.
        faint: opacity of the intervals.
        fields: of the trace, which replace those made here.
    """
    trace = scatter(mode="markers", marker=mark.marker(), customdata=rows(frame, columns))
    for axis, place in (("x", x), ("y", y)):
        trace[axis] = column(frame, place) if isinstance(place, str) else list(place)
        if isinstance(place, str) and axis in bars:
            trace[f"error_{axis}"] = _interval(frame, place, mark, faint)
    return {**trace, **fields}


def _interval(frame: pl.DataFrame, value: str, mark: Mark, faint: float) -> dict[str, Any]:
    """The interval of each row as error bars; none where there is no interval."""
    own = f"{value}_low" in frame.columns
    low, high = (f"{value}_{end}" if own else end for end in ("low", "high"))
    red, green, blue = (int(mark.colour[place : place + 2], 16) for place in (1, 3, 5))
    return {
        "array": (frame[high] - frame[value]).round(DECIMALS).to_list(),
        "arrayminus": (frame[value] - frame[low]).round(DECIMALS).to_list(),
        "color": f"rgba({red},{green},{blue},{faint})",
    }


def column(frame: pl.DataFrame, name: str) -> list[float | None]:
    """A column of numbers, rounded."""
    return frame[name].round(DECIMALS).to_list()


def scatter(**fields: Any) -> dict[str, Any]:
    """A trace of plotly's kind `scatter`: lines or points."""
    return {"type": "scatter", **fields}


def legend_entry(name: str, mark: Mark, **fields: Any) -> dict[str, Any]:
    """A trace without points, for what it says in the legend."""
    nothing = {"x": [None], "y": [None], "mode": "markers", "hoverinfo": "skip"}
    return scatter(name=name, marker=mark.marker(), **nothing, **fields)


def lines_axis(labels: Mapping[float, str], ends: tuple[float, float]) -> dict[str, Any]:
    """An upright axis with a label at each line, from the bottom end to the top."""
    return {
        "range": list(ends),
        "tickmode": "array",
        "tickvals": list(labels),
        "ticktext": list(labels.values()),
        "showgrid": False,
        "zeroline": False,
    }


def ground(y0: float, y1: float, **style: Any) -> dict[str, Any]:
    """A line, or a band with a `fillcolor`, across the whole plot, behind what is drawn."""
    kind = "rect" if "fillcolor" in style else "line"
    ends = {"x0": 0, "x1": 1, "y0": y0, "y1": y1}
    return {"type": kind, "layer": "below", "xref": "paper", **ends, **style}


def view(traces: Iterable[dict[str, Any]], height: int, note: str = "", **layout: Any) -> PlotView:
    """What plotly draws, in the style of `Figure.template`."""
    return PlotView({"data": list(traces), "layout": {"height": height, **layout}}, note)
