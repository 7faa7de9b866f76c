"""How much disk an experiment takes: what it keeps, and the most that it ever holds.

A running training job keeps its state and its best weights beside its outputs. The state is the
model and Adam's two moments, three times the weights; it is replaced atomically, so that two
states lie side by side for a moment, and so do the best weights and those before them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from xstilts.config.recipes import UNTRAINED
from xstilts.config.tasks import PERTURBED
from xstilts.execution.cost.shape import Shape
from xstilts.execution.plan.items import Amounts
from xstilts.execution.plan.jobs import (
    feature_parts,
    intermediate_runs,
    trained_recipes,
    trained_targets,
)
from xstilts.execution.plan.weights import checkpoint_bytes
from xstilts.graph.cells import Grid

_STATES, _BEST = 2 * 3, 2


@dataclass(frozen=True)
class Disk:
    """Bytes by what takes them; `unknown` says what could not be counted and why."""

    kept: Mapping[str, float]
    temporary: Mapping[str, float]
    unknown: list[str] = field(default_factory=list)

    @property
    def at_the_end(self) -> float:
        """Bytes of all results."""
        return sum(self.kept.values())

    @property
    def at_most(self) -> float:
        """Bytes at the worst moment."""
        return self.at_the_end + sum(self.temporary.values())


def disk_of(grid: Grid, shapes: Mapping[str, Shape | None], jobs: int) -> Disk:
    """The disk that an experiment needs if `jobs` jobs run at a time.

    Args:
        shapes: by encoder; None where it is not known.
    """
    experiment, amounts = grid.experiment, Amounts(grid)
    sizes = {
        encoder: size
        for encoder, shape in shapes.items()
        if shape is not None and (size := checkpoint_bytes(shape)) is not None
    }
    weights = sum(sizes.values())
    largest = max(sizes.values(), default=0)
    encoders = len(experiment.encoders)
    # Pretraining starts from an encoder of its own, and so does an untrained one.
    started = sum(sizes.get(name, 0) for name in experiment.pretrained)
    untrained = weights if UNTRAINED in experiment.baselines else 0
    targets = trained_targets(grid)
    kept: dict[str, float] = {
        "encoders": weights + started + untrained,
        "intermediate checkpoints": weights * len(trained_recipes(grid)) * len(experiment.seeds),
        "data": sum(
            amounts.data_bytes(source, part) for source in grid.tasks for part in grid.parts(source)
        )
        + sum(amounts.data_bytes(target, PERTURBED) for target in grid.perturbed),
        "features": sum(
            amounts.feature_bytes(*part)
            for encoder in experiment.encoders
            for part in feature_parts(grid, encoder)
        ),
        "predictions": sum(
            amounts.prediction_bytes(cell.target) for cell in (*grid.cells, *grid.baseline_cells)
        ),
    }
    if experiment.keep_target_checkpoints:
        kept["target checkpoints"] = weights * targets / encoders
    running = min(jobs, max(targets + intermediate_runs(grid), len(experiment.pretrained)))
    temporary = {
        f"states of {running} training jobs": float((_STATES + _BEST) * largest * running),
        "sentence vectors": _embeddings(grid, amounts, shapes, jobs),
    }
    if not experiment.keep_target_checkpoints:
        waiting = min(jobs, targets)
        temporary[f"{waiting} target checkpoints until they have predicted"] = float(
            largest * waiting
        )
    unknown = [
        f"the size of {encoder} (not in the Hugging Face cache): it is left out of every line"
        for encoder in experiment.encoders
        if encoder not in sizes
    ]
    unknown += [f"the data of {source}" for source in amounts.unknown()]
    return Disk(kept, {name: size for name, size in temporary.items() if size}, unknown)


def _embeddings(
    grid: Grid, amounts: Amounts, shapes: Mapping[str, Shape | None], jobs: int
) -> float:
    """Bytes of the sentence vectors of the largest cells that are retrieved at the same time."""
    found = sorted(
        (
            amounts.embedding_bytes(cell.target, shape.hidden)
            for cell in (*grid.cells, *grid.baseline_cells)
            if (shape := shapes[cell.encoder]) is not None
        ),
        reverse=True,
    )
    return sum(found[:jobs])
