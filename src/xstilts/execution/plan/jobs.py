"""What is tokenised and trained in an experiment, and how often."""

from __future__ import annotations

from xstilts.config.experiment import BASELINE
from xstilts.config.recipes import UNTRAINED
from xstilts.config.tasks import PERTURBED, TEXT
from xstilts.graph.cells import Grid


def trained_recipes(grid: Grid) -> list[str]:
    """Recipes that have intermediate training."""
    return [recipe for recipe in grid.recipes if recipe != BASELINE]


def feature_parts(grid: Grid, encoder: str) -> list[tuple[str, str]]:
    """Sources and parts that are tokenised for an encoder."""
    parts = [
        (source, part) for source in grid.tasks if source != TEXT for part in grid.parts(source)
    ]
    parts += [(target, PERTURBED) for target in grid.perturbed]
    if encoder in grid.experiment.pretrained:
        return [*((TEXT, part) for part in ("train", "dev")), *parts]
    if any(recipe.mlm for recipe in grid.recipes.values()):
        return [(TEXT, "train"), *parts]
    return parts


def trained_targets(grid: Grid) -> int:
    """Runs of target training, those of untrained encoders included."""
    experiment = grid.experiment
    states = len(grid.recipes) * len(experiment.seeds) + (UNTRAINED in experiment.baselines)
    return len(experiment.encoders) * states * len(grid.train_sets)


def intermediate_runs(grid: Grid) -> int:
    """Runs of intermediate training."""
    experiment = grid.experiment
    return len(experiment.encoders) * len(trained_recipes(grid)) * len(experiment.seeds)
