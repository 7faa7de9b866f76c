"""Print what the experiment will take, and what is left of it (`xstilts.execution.plan`)."""

from xstilts.config.parse import parse_experiment
from xstilts.execution.plan.estimate import Options
from xstilts.execution.plan.plan import Plan
from xstilts.graph.cells import Grid

grid = Grid(parse_experiment(snakemake.params.experiment))
print("\n".join(Plan(grid, Options()).lines()))
