"""The tables and figures of the cost page: what is shown, not how it looks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any

import polars as pl

from xstilts.analysis.costs import emissions_kg, pareto_front, recipe_costs
from xstilts.config.experiment import BASELINE
from xstilts.config.recipes import UNTRAINED
from xstilts.data.schemas import PHASES
from xstilts.report.amounts import (
    BYTES,
    FLOPS,
    JOULES,
    KILOGRAMS,
    AmountUnit,
    common_unit,
    digits,
    duration,
    duration_cell,
)
from xstilts.report.figure import Figure
from xstilts.report.figures_cost import Point, quality_against_cost
from xstilts.report.quality import Quality
from xstilts.report.table import NAME, NUMBER, Column, Table, TableCell, TableRow
from xstilts.report.wording import title
from xstilts.rounding import fixed, rounded, signed

_NO_ENERGY = "not measured, and not to be estimated"
_NO_FLOPS = "operations of this architecture, or of some jobs, were not counted"
_NOT_RUN = "no record of such a job"
_SHOWN_PHASES = tuple(dict.fromkeys(PHASES.values()))


class CostView:
    """The numbers of the page and the tables made of them."""

    def __init__(
        self,
        costs: pl.DataFrame,
        cells: pl.DataFrame,
        quality: Quality,
        experiment: Mapping[str, Any],
        gram_per_kwh: float | None,
        pue: float,
    ) -> None:
        self._costs, self._quality, self._experiment = costs, quality, experiment
        self._gram_per_kwh, self._pue = gram_per_kwh, pue
        self._cells = cells.filter(pl.col("recipe") != UNTRAINED)
        self._recipes = {
            (row["encoder"], row["recipe"]): row
            for row in recipe_costs(self._cells).iter_rows(named=True)
        }
        self.encoders = list(dict.fromkeys(encoder for encoder, _ in self._recipes))

    @property
    def sources(self) -> list[str]:
        """Every way in which an energy was found."""
        return list(
            dict.fromkeys(
                source
                for several in self._costs["energy_source"].unique(maintain_order=True)
                for source in several.split(" / ")
            )
        )

    @cached_property
    def energy(self) -> str:
        """What the column of energies is called, with how they were found."""
        measured = "measured" in " ".join(self.sources).replace("not measured", "")
        estimated = "estimated" in " ".join(self.sources)
        how = "partly measured" if measured and estimated else "measured" if measured else None
        return f"Energy, {how or 'estimated'}"

    def _ordered(self, encoder: str) -> list[str]:
        """The encoder's recipes: the baseline, then as in the experiment."""
        wanted = [BASELINE, *self._experiment.get("recipes", ())]
        found = [recipe for name, recipe in self._recipes if name == encoder]
        return sorted(found, key=lambda name: wanted.index(name) if name in wanted else len(wanted))

    def facts(self, hardware: Sequence[str]) -> list[tuple[str, str]]:
        """Totals over all jobs, as pairs of a name and a text."""
        joules = _total(self._costs, "energy_joules")
        facts = [
            ("Computing time, all jobs", duration(_sum(self._costs, "wall_seconds"))),
            ("CPU time, all jobs", duration(_sum(self._costs, "cpu_seconds"))),
            (self.energy, "not known" if joules is None else _amount(JOULES, joules)),
        ]
        if joules is not None and self._gram_per_kwh is not None:
            kilograms = emissions_kg(joules, self._gram_per_kwh, self._pue)
            facts.append(("CO2e", _amount(KILOGRAMS, kilograms)))
        if self._costs["flops"].count():
            facts.append(("Operations counted", _amount(FLOPS, _sum(self._costs, "flops"))))
        facts += [("Machine", "; ".join(hardware))] if hardware else []
        return facts

    def caveats(self, scores: pl.DataFrame) -> Iterator[str]:
        """What a reader must know."""
        if "estimated" in self.energy:
            yield (
                "Energy was estimated from processor time and memory, because the counters of"
                " this machine could not be read: good for comparing recipes with each other,"
                " a guess at the meter's reading."
            )
        if _total(self._costs, "energy_joules") is None:
            yield "The energy of some jobs is not known; where they count, a dash is shown."
        keys = ["encoder", "recipe", "target", "seed"]
        scored = scores.select(keys).unique()
        lost = scored.join(self._cells.select(keys).unique(), on=keys, how="anti").height
        if lost:
            yield f"{lost:,} of {scored.height:,} cells have a score, but no record of their cost."
        failed = int(self._costs["attempts"].sum()) - int(self._costs["jobs"].sum())
        if failed:
            yield f"Attempts that failed or were stopped are in the sums: {failed:,}."

    def figures(self) -> Iterator[Figure]:
        """Score against operations and against energy."""
        for name, what, units in (
            ("flops", "Floating point operations", FLOPS),
            ("energy_joules", self.energy, JOULES),
        ):
            found = [
                (key, row[name], self._quality.scores[key])
                for key, row in self._recipes.items()
                if row[name] is not None and key in self._quality.scores
            ]
            if not found:
                continue
            unit = common_unit(units, [cost for _, cost, _ in found])
            drawn = [
                Point(encoder=encoder, recipe=recipe, cost=cost / unit.size, score=score)
                for (encoder, recipe), cost, score in found
            ]
            label = f"{what} for one seed ({unit.name})"
            score_label = f"Score, {self._quality.split}"
            caption = f"Score ({self._quality.label}) against {what[0].lower() + what[1:]}"
            yield quality_against_cost(drawn, f"against-{name}", caption, label, score_label)

    def recipes(self, encoder: str) -> Table:
        """One row a recipe: its score, its cost, and the gain for what it cost more."""
        recipes = self._ordered(encoder)
        found = [self._recipes[encoder, recipe] for recipe in recipes]
        flops = common_unit(FLOPS, [row["flops"] for row in found])
        energy = common_unit(JOULES, [row["energy_joules"] for row in found])
        memory = common_unit(BYTES, [row["peak_memory_bytes"] for row in found])
        emitted = [self._emitted(row["energy_joules"]) for row in found]
        mass = common_unit(KILOGRAMS, emitted)
        gpu = any(row["peak_gpu_memory_bytes"] is not None for row in found)
        fronts = {
            name: self._on_front(cost)
            for name, cost in (("FLOP", "flops"), ("energy", "energy_joules"))
        }
        rows = []
        for recipe, row, kilograms in zip(recipes, found, emitted, strict=True):
            key = encoder, recipe
            score = self._quality.scores.get(key)
            on = [name for name, front in fronts.items() if key in front]
            cells = [
                TableCell.of(score, fixed, "no score"),
                TableCell(text=" and ".join(on) or "no"),
                duration_cell(row["wall_seconds"], _NOT_RUN),
                duration_cell(row["cpu_seconds"], _NOT_RUN),
                flops.cell(row["flops"], _NO_FLOPS),
                energy.cell(row["energy_joules"], _NO_ENERGY),
                *([] if self._gram_per_kwh is None else [mass.cell(kilograms, _NO_ENERGY)]),
                memory.cell(row["peak_memory_bytes"], _NOT_RUN),
                *([memory.cell(row["peak_gpu_memory_bytes"], "no GPU was used")] if gpu else []),
                *self._bargain(key, energy),
                TableCell(text=str(row["cells"]), value=row["cells"]),
            ]
            rows.append(TableRow(label=recipe, cells=tuple(cells)))
        one_seed, over = f"One seed ({self.energy.lower()})", f"Over {BASELINE}"
        labels = [
            ("Score", ""),
            ("Pareto front", ""),
            ("Wall time", one_seed),
            ("CPU time", one_seed),
            (flops.name, one_seed),
            (energy.name, one_seed),
            *([] if self._gram_per_kwh is None else [(f"{mass.name} CO2e", one_seed)]),
            (f"Memory ({memory.name})", one_seed),
            *([(f"GPU memory ({memory.name})", one_seed)] if gpu else []),
            (energy.name, over),
            ("Points", over),
            (f"Points per {energy.name}", over),
            ("Cells", ""),
        ]
        return Table(
            caption=f"{encoder}, {self._quality.split}: score and cost of each recipe",
            columns=(
                Column(label="Recipe"),
                *(
                    Column(
                        label=label,
                        group=group,
                        kind=NAME if label == "Pareto front" else NUMBER,
                    )
                    for label, group in labels
                ),
            ),
            rows=tuple(rows),
        )

    def _emitted(self, joules: float | None) -> float | None:
        if joules is None or self._gram_per_kwh is None:
            return None
        return emissions_kg(joules, self._gram_per_kwh, self._pue)

    def _on_front(self, name: str) -> set[tuple[str, str]]:
        """The recipes of any encoder that no other beats in both score and this cost."""
        keys = [
            key
            for key, row in self._recipes.items()
            if row[name] is not None and key in self._quality.scores
        ]
        front = pareto_front(
            [(self._recipes[key][name], self._quality.scores[key]) for key in keys]
        )
        return {key for key, kept in zip(keys, front, strict=True) if kept}

    def _bargain(self, key: tuple[str, str], unit: AmountUnit) -> Iterator[TableCell]:
        """What a recipe costs and gains over the baseline: energy, points, points a unit."""
        encoder, recipe = key
        base, own = self._recipes.get((encoder, BASELINE)), self._recipes[key]
        before, after = self._quality.scores.get((encoder, BASELINE)), self._quality.scores.get(key)
        if recipe == BASELINE or base is None or None in (before, after):
            yield from (TableCell(why="the baseline itself, or there is none to compare with"),) * 3
            return
        gain = after - before  # type: ignore[operator]
        sign = "flat" if rounded(gain) == 0 else "up" if gain > 0 else "down"
        gained = TableCell(text=signed(gain), value=gain, sign=sign)
        if base["energy_joules"] is None or own["energy_joules"] is None:
            yield from (TableCell(why=_NO_ENERGY), gained, TableCell(why=_NO_ENERGY))
            return
        more = own["energy_joules"] - base["energy_joules"]
        yield TableCell(text=unit.text(more), value=more)
        yield gained
        if more <= 0:
            yield TableCell(why="it took no more energy")
        else:
            rate = gain / (more / unit.size)
            yield TableCell(text=digits(rate), value=rate)

    def phases(self, encoder: str) -> Table:
        """One row a recipe: time and energy of each phase."""
        by_phase = {
            (row["recipe"], row["phase"]): row
            for row in recipe_costs(self._cells.filter(encoder=encoder), "phase").iter_rows(
                named=True
            )
        }
        energy = common_unit(JOULES, [row["energy_joules"] for row in by_phase.values()])
        rows = []
        for recipe in self._ordered(encoder):
            cells = []
            for phase in _SHOWN_PHASES:
                row = by_phase.get((recipe, phase), {})
                cells.append(duration_cell(row.get("wall_seconds"), _NOT_RUN))
                cells.append(energy.cell(row.get("energy_joules"), _NO_ENERGY if row else _NOT_RUN))
            rows.append(TableRow(label=recipe, cells=tuple(cells)))
        return Table(
            caption=f"{encoder}: wall time and energy of one seed by phase",
            columns=(
                Column(label="Recipe"),
                *(
                    Column(label=label, group=phase.capitalize(), kind=NUMBER)
                    for phase in _SHOWN_PHASES
                    for label in ("Time", energy.name)
                ),
            ),
            rows=tuple(rows),
        )

    def stages(self) -> Table:
        """One row a stage, over the whole experiment, and the sum of all."""
        stages = list(self._costs.group_by(["stage"], maintain_order=True))
        flops = common_unit(FLOPS, [_total(rows, "flops") for _, rows in stages])
        energy = common_unit(JOULES, [_total(rows, "energy_joules") for _, rows in stages])
        memory = common_unit(BYTES, self._costs["peak_memory_bytes"])

        def row(label: str, rows: pl.DataFrame) -> TableRow:
            attempts = int(rows["attempts"].sum())
            return TableRow(
                label=label,
                cells=(
                    TableCell(text=f"{attempts:,}", value=attempts),
                    duration_cell(_sum(rows, "wall_seconds"), _NOT_RUN),
                    duration_cell(_sum(rows, "cpu_seconds"), _NOT_RUN),
                    flops.cell(
                        _sum(rows, "flops") if rows["flops"].count() else None, "none are counted"
                    ),
                    energy.cell(_total(rows, "energy_joules"), _NO_ENERGY),
                    memory.cell(
                        max(rows["peak_memory_bytes"].drop_nulls(), default=None), _NOT_RUN
                    ),
                ),
            )

        labels = (
            "Attempts",
            "Wall time",
            "CPU time",
            flops.name,
            f"{self.energy} ({energy.name})",
            f"Most memory ({memory.name})",
        )
        return Table(
            caption="All jobs of the experiment by stage",
            columns=(
                Column(label="Stage"),
                *(Column(label=label, kind=NUMBER) for label in labels),
            ),
            rows=tuple(row(stage, rows) for (stage,), rows in stages),
            foot=(row("All", self._costs),),
        )

    def cells(self, encoder: str) -> Table:
        """One row a cell: what it alone costs, and its part of what it shares with others."""
        keys = ["recipe", "target", "seed"]
        cells = self._cells.filter(encoder=encoder)
        grouped = dict(cells.group_by(keys, maintain_order=True))
        order = self._ordered(encoder)
        energy = common_unit(JOULES, [_total(rows, "energy_joules") for rows in grouped.values()])
        flops = common_unit(FLOPS, [_total(rows, "flops") for rows in grouped.values()])
        table = []
        for (recipe, target, seed), rows in sorted(
            grouped.items(), key=lambda item: (order.index(item[0][0]), item[0][1:])
        ):
            own, shared = rows.filter(shared_by=1), rows.filter(pl.col("shared_by") > 1)
            table.append(
                TableRow(
                    label=recipe,
                    cells=(
                        TableCell(text=title(target)),
                        TableCell(text=str(seed), value=seed),
                        duration_cell(_sum(own, "wall_seconds"), _NOT_RUN),
                        energy.cell(_total(own, "energy_joules"), _NO_ENERGY),
                        duration_cell(_sum(shared, "wall_seconds"), _NOT_RUN),
                        energy.cell(_total(shared, "energy_joules"), _NO_ENERGY),
                        flops.cell(_total(rows, "flops"), _NO_FLOPS),
                    ),
                )
            )
        labels = (
            ("Target", "", False),
            ("Seed", "", True),
            ("Time", "Its own", True),
            (energy.name, "Its own", True),
            ("Time", "Share", True),
            (energy.name, "Share", True),
            (flops.name, "", True),
        )
        return Table(
            caption=f"{encoder}: cost of each cell",
            columns=(
                Column(label="Recipe"),
                *(
                    Column(label=label, group=group, kind=NUMBER if number else NAME)
                    for label, group, number in labels
                ),
            ),
            rows=tuple(table),
        )


def _sum(rows: pl.DataFrame, name: str) -> float:
    """The sum of what is known of a column."""
    return float(rows[name].sum())


def _total(rows: pl.DataFrame, name: str) -> float | None:
    """The sum of a column, None where a part of it is not known."""
    return None if rows[name].null_count() else _sum(rows, name)


def _amount(units: tuple[AmountUnit, ...], value: float) -> str:
    unit = common_unit(units, [value])
    return f"{unit.text(value)} {unit.name}"
