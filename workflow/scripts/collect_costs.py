"""What every job cost, and what every cell did: a table each (`xstilts.execution.cost.table`)."""

from xstilts.execution.jobs import job, record

with job(snakemake):
    from xstilts.execution.cost.table import collect_costs
    from xstilts.execution.parquet import write_table
    from xstilts.graph.paths import Paths

    collected = collect_costs(Paths(snakemake.params.experiment), snakemake.params.cells)
    cells = collected.cells
    if chosen := snakemake.params.get("finished"):
        # All cells share a cost, but of an unfinished one only a part is known.
        names = ("encoder", "recipe", "target", "seed")
        finished = {tuple(cell[name] for name in names) for cell in chosen}
        columns = zip(*(map(str, cells[name].to_pylist()) for name in names), strict=True)
        cells = cells.filter([place in finished for place in columns])
    about = {**record(snakemake), "hardware": list(collected.hardware)}
    write_table(snakemake.output.costs, collected.costs, about)
    write_table(snakemake.output.cells, cells, about)
