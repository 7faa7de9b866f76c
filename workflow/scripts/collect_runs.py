"""One table of all training runs (`xstilts.training.runs_table`)."""

from xstilts.execution.jobs import job, record

with job(snakemake):
    from xstilts.execution.parquet import write_table
    from xstilts.training.runs_table import collect_runs

    runs = zip(snakemake.params.places, snakemake.input, strict=True)
    write_table(snakemake.output[0], collect_runs(runs), record(snakemake))
