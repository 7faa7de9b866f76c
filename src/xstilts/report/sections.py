"""What pages of figures and tables are made of (`templates/sections.html.j2`)."""

from __future__ import annotations

from dataclasses import dataclass

from xstilts.report.figure import Figure
from xstilts.report.table import Table
from xstilts.report.tree import Tree


@dataclass(frozen=True, kw_only=True)
class SectionPart:
    """A figure, a tree or a table, or why there is none."""

    figure: Figure | None = None
    tree: Tree | None = None
    table: Table | None = None
    missing: str = ""


@dataclass(frozen=True, kw_only=True)
class Section:
    """A section: how to read it, what warns the reader, and its figures, trees and tables."""

    anchor: str
    heading: str
    reading: str
    parts: tuple[SectionPart, ...]
    warnings: tuple[str, ...] = ()
