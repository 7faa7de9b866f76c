"""How many jobs each stage of the workflow has."""

from __future__ import annotations

from xstilts.config import BASELINE
from xstilts.grid import Cell, Grid
from xstilts.recipes import UNTRAINED
from xstilts.tasks import PERTURBED, TEXT


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


def jobs_by_rule(grid: Grid) -> dict[str, int]:
    """Jobs of every rule that takes time, in the order of the workflow; rules without any left out.

    What collects and reports comes on top: some ten jobs of seconds.
    """
    experiment = grid.experiment
    cells: list[Cell] = [*grid.cells, *grid.baseline_cells]
    retrieved = sum(not grid.is_trained(cell.target) for cell in cells)
    generated = sum(len(grid.parts(source)) for source in grid.tasks)
    read = 0
    if experiment.data_source != "invitro":
        read, generated = generated, 0
    untrained = len(experiment.encoders) if UNTRAINED in experiment.baselines else 0
    jobs = {
        "generate": generated,
        "ingest": read,
        "perturb": len(grid.perturbed),
        "fetch_encoder": len(grid.fetched),
        "new_encoder": len(experiment.pretrained),
        "tokenise": sum(len(feature_parts(grid, encoder)) for encoder in experiment.encoders),
        "pretrain": len(experiment.pretrained),
        "reinitialise": untrained,
        "train_intermediate": intermediate_runs(grid),
        "train_target": trained_targets(grid),
        "predict": len(cells) - retrieved,
        "embed": retrieved,
        "retrieve": retrieved,
        "score": len(cells),
        "shortcuts": len(experiment.targets) if grid.shortcuts else 0,
    }
    return {rule: number for rule, number in jobs.items() if number}
