"""Several encoders of one experiment: who is ahead of whom, at which size and cost."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import polars as pl

from xstilts.analysis.costs import recipe_costs
from xstilts.analysis.findings import Findings
from xstilts.analysis.tables import EVERY
from xstilts.report.amounts import FLOPS, common_unit, duration_cell
from xstilts.report.table import NAME, NUMBER, Column, Table, TableCell, TableRow
from xstilts.report.wording import target_name
from xstilts.rounding import fixed

_NO_COST = "no record of its cost"


def encoder_tables(
    findings: Findings,
    cells: pl.DataFrame,
    parameters: Mapping[str, int | None],
    unseen: Mapping[str, Collection[str]],
    languages: Collection[str],
) -> Iterator[Table]:
    """A table a recipe, with the encoders in the order of their means; none of one encoder alone.

    Args:
        findings: their table `encoders` is shown.
        cells: columns of `schemas.CELL_COSTS`.
        parameters: of each encoder without heads, None where not known.
        unseen: encoder to the languages that it was not pretrained on, where that is known.
        languages: those that have scores; of no other it is said.
    """
    missed = {
        encoder: [code for code in codes if code in languages] for encoder, codes in unseen.items()
    }
    costs = {
        (row["encoder"], row["recipe"]): row for row in recipe_costs(cells).iter_rows(named=True)
    }
    held = findings["encoders"].sort("place", maintain_order=True)
    for (recipe,), rows in held.partition_by("recipe", as_dict=True, maintain_order=True).items():
        yield _table(str(recipe), rows, costs, parameters, missed)


def _table(
    recipe: str,
    rows: pl.DataFrame,
    costs: Mapping[tuple[str, str], Mapping],
    parameters: Mapping[str, int | None],
    unseen: Mapping[str, Collection[str]],
) -> Table:
    found = {(row["target"], row["encoder"]): row for row in rows.iter_rows(named=True)}
    targets = sorted(dict.fromkeys(target for target, _ in found), key=lambda key: key != EVERY)
    ordered = [encoder for target, encoder in found if target == targets[0]]
    paid = {encoder: costs.get((encoder, recipe), {}) for encoder in ordered}
    flops = common_unit(FLOPS, (each.get("flops") for each in paid.values()))
    return Table(
        caption=f"Encoders after {recipe}",
        columns=(
            Column(label="Encoder"),
            *(Column(label=target_name(target), kind=NUMBER) for target in targets),
            Column(label="Parameters (M)", kind=NUMBER),
            Column(label="Wall time", kind=NUMBER, group="One seed"),
            Column(label=flops.name, kind=NUMBER, group="One seed"),
            Column(label="Not in pretraining", kind=NAME),
        ),
        rows=tuple(
            TableRow(
                label=encoder,
                cells=(
                    *(_mean(found.get((target, encoder))) for target in targets),
                    TableCell.of(
                        parameters.get(encoder), lambda n: f"{n / 1e6:,.1f}", "size not known"
                    ),
                    duration_cell(paid[encoder].get("wall_seconds"), _NO_COST),
                    flops.cell(paid[encoder].get("flops"), "not counted"),
                    _languages(unseen.get(encoder)),
                ),
            )
            for encoder in ordered
        ),
    )


def _mean(row: Mapping | None) -> TableCell:
    if row is None:
        return TableCell(why="not compared")
    interval = () if row["low"] is None else (f"{fixed(row['low'])}–{fixed(row['high'])}",)
    return TableCell(
        text=f"{fixed(row['value'])} {row['letters']}", value=row["value"], small=interval
    )


def _languages(codes: Collection[str] | None) -> TableCell:
    return (
        TableCell(why="not known") if codes is None else TableCell(text=" ".join(codes) or "none")
    )
