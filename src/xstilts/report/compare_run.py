"""`xstilts compare`: from what a user names to lines, plain data and a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xstilts.analysis.compare import compare
from xstilts.analysis.ranking import rank
from xstilts.analysis.sides import find_side, find_sides
from xstilts.execution.files import write_json
from xstilts.report.compare import (
    comparison_document,
    comparison_lines,
    ranking_document,
    ranking_lines,
)


def run_comparison(
    texts: Sequence[str],
    *,
    every: bool,
    recipe: str | None,
    restriction: Mapping[str, Any],
    data: Path | None,
    page: Path | None,
) -> list[str]:
    """Compare what a user names, write what is asked for, and return the lines to print.

    Args:
        texts: one or two sides, as `sides.find_side` takes them.
        every: order all sides that the texts leave open; else there are two texts, one side each.
        recipe: of sides that name none.
        restriction: split, targets and languages, as in `comparable.common`.
        data, page: where to write JSON and HTML.

    Raises:
        XstiltsError: a side is not there, or sides are not comparable.
    """
    if every:
        sides = [side for text in texts for side in find_sides(text, recipe)]
        ranking = rank(sides, **restriction)
        document, lines = ranking_document(ranking), ranking_lines(ranking)
    else:
        one, other = (find_side(text, recipe) for text in texts)
        comparison = compare(one, other, **restriction)
        document, lines = comparison_document(comparison), comparison_lines(comparison)
    if data is not None:
        write_json(data, document)
    if page is not None:
        # Plotly and the library of tables take a while to import.
        from xstilts.report.compare_page import write_comparison, write_ranking

        if every:
            write_ranking(page, ranking)
        else:
            write_comparison(page, comparison)
    return lines
