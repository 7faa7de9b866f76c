# The experiment, expanded once; wildcards may only take values that occur in it.
import re
from pathlib import Path

from snakemake.exceptions import WorkflowError

from xstilts.config import parse_experiment
from xstilts.errors import XstiltsError
from xstilts.grid import Grid
from xstilts.hardware import local_gpus
from xstilts.needs import PARTS
from xstilts.provenance import code_digest
from xstilts.tasks import PERTURBED, TARGETS, XTREME

try:
    grid = Grid(parse_experiment(dict(config), where=" + ".join(map(str, workflow.configfiles))))
except XstiltsError as error:
    raise WorkflowError(str(error)) from None

experiment = grid.experiment
paths = grid.paths
slices = grid.slices

for left_out in grid.left_out:
    logger.warning(f"left out: {left_out}")


def one_of(names):
    return "|".join(re.escape(str(name)) for name in names) or "(?!)"


# What is read from the data source, as opposed to what is made of it.
READ = one_of(PARTS)


wildcard_constraints:
    encoder=one_of(experiment.encoders),
    recipe=one_of([*grid.recipes, *(cell.recipe for cell in grid.baseline_cells[:1])]),
    target=one_of(experiment.targets),
    task=one_of(grid.tasks),
    train_set=one_of(grid.train_sets),
    seed=one_of(experiment.seeds),
    part=one_of([*PARTS, PERTURBED]),


# One device a training or prediction job; 0 where there is none, so that CPU jobs run abreast.
gpu = 1 if experiment.device == "cuda" or (experiment.device == "auto" and local_gpus()) else 0


def code(script):
    """Digest of the code that a script runs, so that a changed formula re-runs what it makes."""
    return code_digest(Path(workflow.basedir) / "workflow/scripts" / f"{script}.py")


def features(part, task="task"):
    """Input function: the feature file of the task that a wildcard names."""
    return lambda wildcards: paths.features.format(
        encoder=wildcards.encoder, task=wildcards[task], part=part
    )


def data(part, task="task"):
    """Input function: the data file of the task that a wildcard names."""
    return lambda wildcards: paths.data.format(task=wildcards[task], part=part)


def training_files(kind, part, sources):
    """Input function: one file (kind data or features) of each source that a job trains on."""
    pattern = {"data": paths.data, "features": paths.features}[kind]
    return lambda wildcards: [
        pattern.format(task=key, part=part, encoder=wildcards.encoder) for key in sources(wildcards)
    ]
