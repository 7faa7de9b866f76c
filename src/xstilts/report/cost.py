"""One self-contained page on what an experiment cost, and what was got for it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl
from plotly.offline import get_plotlyjs

from xstilts.config.experiment import BASELINE
from xstilts.errors import XstiltsError
from xstilts.execution.files import write_text
from xstilts.report.amounts import digits
from xstilts.report.cost_tables import CostView
from xstilts.report.incomplete import Incomplete
from xstilts.report.quality import Quality
from xstilts.report.render import templates


def write_cost(
    output: Path,
    *,
    title: str,
    costs: pl.DataFrame,
    cells: pl.DataFrame,
    scores: pl.DataFrame,
    experiment: Mapping[str, Any],
    hardware: Sequence[str] = (),
    table: Mapping[str, Mapping[str, Any]] | None = None,
    notes: Sequence[str] = (),
    gram_per_kwh: float | None = None,
    pue: float = 1.0,
    incomplete: Incomplete = Incomplete(),  # noqa: B008 - it is immutable
) -> None:
    """Write the cost page atomically; it needs no network and no other file.

    Args:
        output: the HTML file.
        title: heading of the page.
        costs: columns of `schemas.COSTS`.
        cells: columns of `schemas.CELL_COSTS`.
        scores: columns of `schemas.SCORES`; only the condition "clean" is used.
        experiment: the validated experiment as plain data; its order of recipes is kept.
        hardware: the machines that were used, in words (`cost.table.Collected.hardware`).
        table: as for `report.page.write_page`.
        notes: further caveats on the scores, plain text.
        gram_per_kwh: g CO2e of a kWh where it was used; emissions are left out without it.
        pue: power usage effectiveness: energy of the building by that of the machine, 1 or more.
        incomplete: what the grid still lacks; only what can be compared has a score and a cost.

    Raises:
        XstiltsError: no cost was recorded, or the table of scores is none.
    """
    if costs.is_empty():
        raise XstiltsError("no job has left a record of its cost", where=output)
    quality = Quality.of(incomplete.comparable(scores), table)
    view = CostView(costs, incomplete.comparable(cells), quality, experiment, gram_per_kwh, pue)
    figures = list(view.figures())
    html = (
        templates()
        .get_template("cost.html.j2")
        .render(
            title=title,
            unfinished=incomplete.messages,
            facts=view.facts(hardware),
            caveats=[*view.caveats(incomplete.comparable(scores)), *notes],
            figures=figures,
            plotly=get_plotlyjs() if figures else "",
            recipes=[view.recipes(encoder) for encoder in view.encoders],
            phases=[view.phases(encoder) for encoder in view.encoders],
            stages=view.stages(),
            cells=[view.cells(encoder) for encoder in view.encoders],
            sources=view.sources,
            baseline=BASELINE,
            gram_per_kwh=gram_per_kwh and digits(gram_per_kwh),
            pue=digits(pue),
        )
    )
    write_text(output, html)
