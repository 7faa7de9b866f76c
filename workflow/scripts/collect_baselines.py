"""One table of all baselines of the experiment (`xstilts.baselines`)."""

from xstilts.jobs import job, record

with job(snakemake):
    from xstilts.baselines import collect_baselines
    from xstilts.data.schemas import write_table

    table = collect_baselines(
        snakemake.input.shortcuts, snakemake.input.cells, snakemake.params.names
    )
    write_table(snakemake.output[0], table, record(snakemake))
