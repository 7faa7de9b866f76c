"""The part of a grid that is finished, and what reports on that part have to say.

What counts as finished is decided in `xstilts.graph.up_to_date`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import astuple, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from xstilts.config.tasks import TARGETS
from xstilts.errors import XstiltsError
from xstilts.execution.files import write_json
from xstilts.graph.cells import Cell, Grid, Run
from xstilts.graph.missing import Block, comparable, messages
from xstilts.graph.paths import Paths

# The key by which a run is asked for reports on what is finished (snakemake --config).
ONLY_FINISHED = "only_finished"


def pop_only_finished(values: dict[str, Any]) -> bool:
    """Take the request for reports on what is finished out of the values of an experiment.

    Raises:
        XstiltsError: it is neither true nor false.
    """
    asked = values.pop(ONLY_FINISHED, False)
    try:
        # Snakemake's command line knows no `true` but Python's.
        return TypeAdapter(bool).validate_python(asked)
    except ValidationError:
        raise XstiltsError(f"{asked!r} is neither true nor false", where=ONLY_FINISHED) from None


@dataclass(frozen=True)
class Scope:
    """The part of a grid that reports are made from: all of it, or what is finished.

    Attributes:
        grid: all of it.
        cells: of `grid.cells`, in their order.
        baseline_cells: of `grid.baseline_cells`.
        whole: nothing is left out because it is not finished.
    """

    grid: Grid
    cells: tuple[Cell, ...]
    baseline_cells: tuple[Cell, ...]
    whole: bool

    @classmethod
    def of_all(cls, grid: Grid) -> Scope:
        """The whole grid."""
        return cls(grid, grid.cells, grid.baseline_cells, whole=True)

    @classmethod
    def of_finished(cls, grid: Grid, code: Callable[[str, Iterable[str]], str]) -> Scope:
        """Those cells of a grid that are finished.

        Args:
            code: digest of what a script of the workflow runs on these sources.

        Raises:
            XstiltsError: there is none.
        """
        # Arrow takes its time, and other runs have no need of it.
        from xstilts.graph.up_to_date import UpToDate

        up_to_date = UpToDate(grid, code)
        found = cls.of_cells(
            grid,
            filter(up_to_date.is_finished, grid.cells),
            filter(up_to_date.is_finished, grid.baseline_cells),
        )
        if not found.cells:
            raise XstiltsError(
                f"none of {len(grid.cells):,} cells is finished, so there is nothing to report",
                where=ONLY_FINISHED,
                hint="run without it first",
            )
        return found

    @classmethod
    def read(cls, grid: Grid) -> Scope:
        """As it was saved."""
        saved = json.loads(Path(grid.paths.finished).read_text(encoding="utf-8"))
        return cls.of_cells(
            grid,
            (Cell(*cell) for cell in saved["cells"]),
            (Cell(*cell) for cell in saved["baseline_cells"]),
        )

    def save(self) -> None:
        """Write which cells these are, for the jobs of a run on other machines."""
        saved = {"cells": self.cells, "baseline_cells": self.baseline_cells}
        found = {name: [astuple(cell) for cell in cells] for name, cells in saved.items()}
        write_json(self.grid.paths.finished, found)

    @classmethod
    def of_cells(
        cls, grid: Grid, cells: Iterable[Cell], baseline_cells: Iterable[Cell] = ()
    ) -> Scope:
        """These cells of a grid."""
        cells, baseline_cells = tuple(cells), tuple(baseline_cells)
        files = map(Path, _shortcut_files(grid))
        whole = (cells, baseline_cells) == (grid.cells, grid.baseline_cells)
        return cls(grid, cells, baseline_cells, whole and all(path.exists() for path in files))

    @property
    def paths(self) -> Paths:
        """Those of the grid, but what is made of cells that are not all has its own place."""
        return self.grid.paths if self.whole else self.grid.paths.of_finished()

    def files(self, paths: Iterable[str]) -> list[str]:
        """Those of these files that there are; all of them where the scope is the whole grid."""
        return [path for path in paths if self.whole or Path(path).exists()]

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """Those of `grid.runs` that the cells rest on."""
        return self._used(self.grid.runs)

    @cached_property
    def curves(self) -> tuple[Run, ...]:
        """Those of `grid.curves` that the cells rest on."""
        return self._used(self.grid.curves)

    def _used(self, runs: tuple[Run, ...]) -> tuple[Run, ...]:
        if self.whole:
            return runs
        cells = (*self.cells, *self.baseline_cells)
        encoders = {cell.encoder for cell in cells}
        used = {
            (cell.encoder, cell.recipe, cell.seed, train_set)
            for cell in cells
            for train_set in ("", cell.task.train_set)
        }
        keys = ("encoder", "recipe", "seed", "train_set")
        return tuple(
            (place, curve)
            for place, curve in runs
            # All recipes rest on the pretraining of their encoder, which has none.
            if tuple(place[key] for key in keys) in used
            or (not place["recipe"] and place["encoder"] in encoders)
        )

    @property
    def shortcuts(self) -> list[str]:
        """The files of scores of shortcuts, one a target."""
        return self.files(_shortcut_files(self.grid))

    @property
    def compared(self) -> tuple[Cell, ...]:
        """The cells that recipes are compared on: `missing.comparable`."""
        if self.whole:
            return self.cells
        blocks = self._blocks
        return tuple(cell for cell in self.cells if blocks[cell.encoder].holds(cell))

    def states(self) -> Iterator[dict[str, str]]:
        """The (encoder, recipe, seed) that have a cell for every target, as wildcards."""
        grid, there = self.grid, set(self.cells)
        for encoder in grid.experiment.encoders:
            for recipe in grid.recipes:
                for seed in map(str, grid.experiment.seeds):
                    state = {"encoder": encoder, "recipe": recipe, "seed": seed}
                    if there.issuperset(grid.cells_of(**state)):
                        yield state

    @property
    def unfinished(self) -> dict[str, Any]:
        """What jobs show of what is missing, as parameters: none if nothing is."""
        if self.whole:
            return {}
        blocks = self._blocks
        there = set(self.cells)
        incomplete = {
            (cell.encoder, cell.recipe, cell.target): None
            for cell in self.grid.cells
            if cell not in there
        }
        return {
            "unfinished": {
                "messages": list(
                    messages(
                        self.grid, self.cells, self.baseline_cells, self._without_shortcuts, blocks
                    )
                ),
                "incomplete": [list(cell_key) for cell_key in incomplete],
                "compared": {
                    name: [list(block.recipes), list(block.targets)]
                    for name, block in blocks.items()
                },
            }
        }

    @cached_property
    def _blocks(self) -> dict[str, Block]:
        targets = self.grid.experiment.targets
        lacking = {key for key in self._without_shortcuts if TARGETS[key].facts.majority_is_chance}
        return comparable(self.grid, self.cells, set(targets) - lacking)

    @property
    def _without_shortcuts(self) -> list[str]:
        """The targets that lack the scores of shortcuts."""
        found, paths = set(self.shortcuts), self.grid.paths
        return [
            target
            for target in self.grid.experiment.targets
            if self.grid.shortcuts and paths.shortcuts.format(target=target) not in found
        ]


def _shortcut_files(grid: Grid) -> list[str]:
    if not grid.shortcuts:
        return []
    return [grid.paths.shortcuts.format(target=target) for target in grid.experiment.targets]
