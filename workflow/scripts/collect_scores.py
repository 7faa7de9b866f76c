"""One table of all scores of the experiment (`xstilts.scoring.scores`)."""

from xstilts.execution.jobs import job, record

with job(snakemake):
    from xstilts.execution.parquet import write_table
    from xstilts.scoring.scores import collect

    write_table(snakemake.output[0], collect(snakemake.input), record(snakemake))
