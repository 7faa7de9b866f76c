"""One table of all baselines of the experiment (`xstilts.prediction.shortcuts.scores`)."""

from xstilts.execution.jobs import job, record

with job(snakemake):
    from xstilts.execution.parquet import write_table
    from xstilts.prediction.shortcuts.scores import collect_baselines

    table = collect_baselines(
        snakemake.input.shortcuts, snakemake.input.cells, snakemake.params.names
    )
    write_table(snakemake.output[0], table, record(snakemake))
