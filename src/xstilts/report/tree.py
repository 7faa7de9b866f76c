"""Who gains, as a tree: families, their branches, their languages. It unfolds without a script."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from xstilts.analysis.inference.draws import LANGUAGES
from xstilts.analysis.tables import ALL, ALL_LANGUAGES, BRANCH, FAMILY, GAIN, LANGUAGE, POINTS
from xstilts.config.recipes import NONE
from xstilts.report import plots
from xstilts.report.figures_folded import said
from xstilts.report.folds import grouped
from xstilts.report.plots import SIGNIFICANT, UNSEEN, Names, significant
from xstilts.report.wording import counted, target_name
from xstilts.rounding import rounded, signed

_COLUMNS = (
    "encoder recipe target grouping group label family languages value low high p_adjusted tests"
    " verdict basis items seeds"
)
# Of rows in the data that are of no language here.
_NEW = "new language"


@dataclass(frozen=True)
class Gain:
    """What stands in a cell; `sign` is "up", "down" or "flat", empty where there is no gain."""

    text: str = "–"
    sign: str = ""
    interval: str = ""


@dataclass(frozen=True)
class Node:
    """A group or language, its gain after each recipe, and what is inside it.

    `new` is a language that is not here, whose gain is foretold.
    """

    label: str
    gains: tuple[Gain, ...]
    inside: tuple[Node, ...] = ()
    new: bool = False


@dataclass(frozen=True)
class TreePart:
    """The tree of one encoder and target."""

    title: str
    nodes: tuple[Node, ...]


@dataclass(frozen=True, kw_only=True)
class Tree:
    """The trees of all encoders and targets, with a gain for each of `recipes` at every node."""

    anchor: str
    caption: str
    recipes: tuple[str, ...]
    parts: tuple[TreePart, ...]
    rows: list[list[Any]] = field(repr=False)

    def data(self) -> dict[str, Any]:
        """What the page's script saves as CSV."""
        return {"columns": _COLUMNS.split(), "rows": self.rows}


def gain_tree(groups: pl.DataFrame, new: pl.DataFrame, names: Names) -> Tree | None:
    """Gains in points of families, branches and languages, of each encoder and target.

    Args:
        groups: columns of `tables.GROUPS`.
        new: columns of `tables.KINSHIP_NEW`: what a language that is not here would gain.
    """
    frame = groups.filter(
        pl.col("value").is_not_null(),
        pl.col("grouping").ne(ALL) | pl.col("group").eq(ALL_LANGUAGES),
        quantity=GAIN,
        scale=POINTS,
    )
    if frame.is_empty():
        return None
    frame = pl.concat(
        [said(frame.with_columns(least=None, greatest=None), names), _new(new)], how="diagonal"
    )
    recipes = tuple(recipe for recipe, _ in names.by_recipe(frame))
    encoders = frame["encoder"].n_unique()
    parts = []
    for (encoder, target), held in frame.group_by("encoder", "target", maintain_order=True):
        title = (
            target_name(str(target)) if encoders == 1 else f"{encoder}, {target_name(str(target))}"
        )
        codes = held.filter(grouping=LANGUAGE)["group"].n_unique()
        nodes = tuple(_Maker(held, recipes, names).nodes())
        parts.append(TreePart(f"{title} ({counted(codes, 'language')})", nodes))
    return Tree(
        anchor="gains-as-a-tree",
        caption=(
            f"Gain over {NONE} in points with its 95 % interval, by family, branch and language;"
            f" {SIGNIFICANT} marks a verdict. p is adjusted over the families, branches or"
            f" languages of one encoder, recipe and target (Holm). {UNSEEN} is not in the encoder's"
            " pretraining data. In italics: what a language that was not measured would gain, and"
            " where it would be in 95 % of cases, by the model in which kin are alike (of ten"
            " languages or more)."
        ),
        recipes=recipes,
        parts=tuple(parts),
        rows=plots.rows(frame, _COLUMNS),
    )


def _new(new: pl.DataFrame) -> pl.DataFrame:
    """What a new language would gain, as rows of the tree."""
    family = pl.col("family")
    called = pl.when(family.eq("")).then(pl.lit("a new family")).otherwise(family)
    return new.filter(outcome=GAIN).select(
        *("encoder", "recipe", "target", "value", "low", "high"),
        group=family,
        family=pl.when(family.ne("")).then(family),
        label=pl.format("A new language of {}", called),
        grouping=pl.lit(_NEW),
        basis=pl.lit(LANGUAGES),
    )


class _Maker:
    """Makes the nodes of one encoder and target."""

    def __init__(self, frame: pl.DataFrame, recipes: Sequence[str], names: Names) -> None:
        self.recipes, self.names = recipes, names
        self.held: dict[tuple[str, str], dict[str, Mapping[str, Any]]] = {}
        for row in frame.to_dicts():
            self.held.setdefault((row["grouping"], row["group"]), {})[row["recipe"]] = row

    def nodes(self) -> Iterator[Node]:
        """All languages, then each family."""
        if (ALL, ALL_LANGUAGES) in self.held:
            yield self.node(ALL, ALL_LANGUAGES)
        yield from self.new("")
        codes = [group for grouping, group in self.held if grouping == LANGUAGE]
        codes.sort(key=self.names.language)
        for family, own in grouped(codes, self.names.family_of).items():
            branches = grouped(own, self.names.branch_of)
            inside = (
                [self.several(BRANCH, branch, held) for branch, held in branches.items()]
                if len(branches) > 1
                else None
            )
            yield self.several(FAMILY, family, own, inside)

    def several(
        self, grouping: str, group: str, codes: Sequence[str], inside: Sequence[Node] | None = None
    ) -> Node:
        """A group with its languages, or what stands for them; of one language that alone."""
        new = list(self.new(group)) if grouping == FAMILY else []
        if len(codes) == 1:
            return self.node(LANGUAGE, codes[0], new)
        if inside is None:
            inside = [self.node(LANGUAGE, code) for code in codes]
        return self.node(grouping, group, [*inside, *new])

    def new(self, family: str) -> Iterator[Node]:
        """A language of the family, empty for a new one, if anything is known of it."""
        if (_NEW, family) in self.held:
            yield self.node(_NEW, family)

    def node(self, grouping: str, group: str, inside: Sequence[Node] = ()) -> Node:
        """A node with its gains."""
        rows = self.held.get((grouping, group), {})
        name = next((row["label"] for row in rows.values()), group)
        size = max((len(row["languages"] or ()) for row in rows.values()), default=0)
        return Node(
            label=f"{name} ({size})" if inside and grouping != LANGUAGE else name,
            gains=tuple(_gain(rows.get(recipe)) for recipe in self.recipes),
            inside=tuple(inside),
            new=grouping == _NEW,
        )


def _gain(row: Mapping[str, Any] | None) -> Gain:
    if row is None:
        return Gain()
    shown = rounded(row["value"])
    mark = f" {SIGNIFICANT}" if significant(row["verdict"]) else ""
    return Gain(
        text=f"{signed(row['value'])}{mark}",
        sign="flat" if shown == 0 else "up" if shown > 0 else "down",
        interval="" if row["low"] is None else f"{signed(row['low'])} to {signed(row['high'])}",
    )
