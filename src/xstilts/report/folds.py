"""Families that are folded away where languages are many: one row each, which can be opened.

A figure then has a choice more: all families, each as its mean, or one that is open, with its
languages. A family that is itself too large for that has its branches in their place. What stands
for itself alone, such as an isolate, is never folded. Every language has a row in one of the views.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from xstilts.analysis.tables import ALL, BRANCH, FAMILY, LANGUAGE
from xstilts.report.figure import Selector
from xstilts.report.plots import Names
from xstilts.report.wording import counted

# More languages than this are folded.
MOST_UNFOLDED = 40
_COLUMN = "opened"


@dataclass(frozen=True)
class _Opened:
    """A view: what it is called, and its rows, (grouping, group), the one that is open first."""

    name: str
    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True)
class Folds:
    """Rows with the view in which they stand, in order of rows.

    Attributes:
        frame: the rows of each view, with columns `opened` (the view), `order`, `whole` (whether a
            row is the group that is open) and `family`.
        choice: the views.
        found: what can be looked for, and the view that shows it: languages in the order of their
            names, then families and branches.
    """

    frame: pl.DataFrame
    choice: Selector
    found: tuple[tuple[str, str], ...]


def folded(frame: pl.DataFrame, names: Names) -> Folds | None:
    """The rows of groups, languages and means, folded; None where languages are few enough.

    Args:
        frame: rows of `tables.GROUPS`. Those of all languages stand first in every view.
    """
    codes = frame.filter(grouping=LANGUAGE)["group"].unique(maintain_order=True).to_list()
    if len(codes) <= MOST_UNFOLDED:
        return None
    views = list(_views(sorted(codes, key=names.language), names))
    means = [
        (ALL, group) for group in frame.filter(grouping=ALL)["group"].unique(maintain_order=True)
    ]
    plan = pl.DataFrame(
        [
            (view.name, place, grouping, group, place == len(means) and number > 0)
            for number, view in enumerate(views)
            for place, (grouping, group) in enumerate((*means, *view.rows))
        ],
        schema=[_COLUMN, "order", "grouping", "group", "whole"],
        orient="row",
    )
    places = {
        code: str(number)
        for number, view in enumerate(views)
        for grouping, code in view.rows
        if grouping == LANGUAGE
    }
    opened = {
        group: str(number) for number, view in enumerate(views[1:], 1) for _, group in view.rows[:1]
    }
    return Folds(
        frame=frame.join(plan, on=["grouping", "group"], how="inner").sort("order"),
        choice=Selector(
            column=_COLUMN,
            label="Open",
            values=tuple(view.name for view in views),
            names=tuple(view.name for view in views),
        ),
        found=(
            *(
                (f"{names.language(code)}, {names.family_of(code)}", place)
                for code, place in sorted(places.items(), key=lambda held: names.language(held[0]))
            ),
            *opened.items(),
        ),
    )


def _views(codes: Sequence[str], names: Names) -> Iterator[_Opened]:
    families = grouped(codes, names.family_of)
    yield _Opened("no family", tuple(_rows(FAMILY, families)))
    for family, held in families.items():
        if len(held) == 1:
            continue
        head = f"{family} ({counted(len(held), 'language')})"
        if len(held) <= MOST_UNFOLDED:
            yield _Opened(head, ((FAMILY, family), *((LANGUAGE, code) for code in held)))
            continue
        branches = grouped(held, names.branch_of)
        yield _Opened(head, ((FAMILY, family), *_rows(BRANCH, branches)))
        for branch, inner in branches.items():
            if len(inner) > 1:
                rows = ((BRANCH, branch), *((LANGUAGE, code) for code in inner))
                yield _Opened(f"{family}: {branch} ({counted(len(inner), 'language')})", rows)


def _rows(grouping: str, groups: dict[str, list[str]]) -> Iterator[tuple[str, str]]:
    """A row each; of a single language its own."""
    for name, codes in groups.items():
        yield (grouping, name) if len(codes) > 1 else (LANGUAGE, codes[0])


def grouped(codes: Collection[str], group_of: Callable[[str], str]) -> dict[str, list[str]]:
    """Codes by group, the largest first."""
    held: dict[str, list[str]] = {}
    for code in codes:
        held.setdefault(group_of(code), []).append(code)
    return dict(sorted(held.items(), key=lambda pair: (-len(pair[1]), pair[0])))
