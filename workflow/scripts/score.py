"""Score one cell in every language (`xstilts.scoring.scores`)."""

from xstilts.execution.jobs import job, record

with job(snakemake):
    from xstilts.config.tasks import TASKS
    from xstilts.execution.parquet import read_table, write_table
    from xstilts.scoring.metrics import prediction_schema
    from xstilts.scoring.scores import cell_scores

    cell = snakemake.wildcards
    task = TASKS[cell.target]
    table = cell_scores(
        read_table(snakemake.input[0], prediction_schema(task)),
        task,
        encoder=cell.encoder,
        recipe=cell.recipe,
        seed=int(cell.seed),
    )
    write_table(snakemake.output[0], table, record(snakemake))
