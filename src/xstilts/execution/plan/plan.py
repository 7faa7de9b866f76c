"""The plan of a grid: as text for a terminal, or as plain data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from xstilts.execution.plan.design import Design
from xstilts.execution.plan.disk import disk_of
from xstilts.execution.plan.document import plan_document
from xstilts.execution.plan.estimate import Estimate, Options
from xstilts.execution.plan.text import plan_lines
from xstilts.execution.plan.weights import shape_of_source
from xstilts.graph.cells import Grid


class Plan:
    """What an experiment will take, what is left of it, and what could be seen with it.

    Raises:
        XstiltsError: an encoder's folder is not there or holds none, or nothing is known of the
            device that `options` name.
    """

    def __init__(self, grid: Grid, options: Options) -> None:
        self._grid = grid
        encoders = grid.experiment.encoders.items()
        self._shapes = {name: shape_of_source(source) for name, source in encoders}
        self._estimate = Estimate(grid, self._shapes, options)
        self._disk = disk_of(grid, self._shapes, self._estimate.devices)
        self._design = Design(grid)

    def lines(self) -> Iterator[str]:
        """For a person."""
        yield from plan_lines(self._grid, self._shapes, self._disk, self._estimate, self._design)

    def document(self) -> dict[str, Any]:
        """For another program."""
        return plan_document(self._grid, self._shapes, self._disk, self._estimate, self._design)
