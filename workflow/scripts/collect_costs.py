"""One table of what every job cost, and one of what every cell did (`xstilts.cost.table`)."""

from xstilts.jobs import job, record

with job(snakemake):
    from xstilts.cost.table import collect_costs
    from xstilts.paths import Paths
    from xstilts.schemas import RUNS, read_table, write_table

    collected = collect_costs(
        Paths(snakemake.params.experiment),
        read_table(snakemake.input.runs, RUNS),
        snakemake.params.cells,
        snakemake.params.mask_ratios,
    )
    about = {**record(snakemake), "hardware": list(collected.hardware)}
    write_table(snakemake.output.costs, collected.costs, about)
    write_table(snakemake.output.cells, collected.cells, about)
