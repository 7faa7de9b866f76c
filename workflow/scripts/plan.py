"""Print what the experiment will take, and what is left of it (`xstilts.plan`)."""

from xstilts.config.experiment import parse_experiment
from xstilts.graph.cells import Grid
from xstilts.plan.estimate import Options
from xstilts.plan.plan import Plan

grid = Grid(parse_experiment(snakemake.params.experiment))
print("\n".join(Plan(grid, Options()).lines()))
