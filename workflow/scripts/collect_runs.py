"""One table of all training runs (`xstilts.runs`)."""

from xstilts.jobs import job, record

with job(snakemake):
    from xstilts.data.schemas import write_table
    from xstilts.runs import collect_runs

    runs = zip(snakemake.params.places, snakemake.input, strict=True)
    write_table(snakemake.output[0], collect_runs(runs), record(snakemake))
