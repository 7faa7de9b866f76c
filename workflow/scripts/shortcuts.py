"""Scores that shortcuts reach on one target (`xstilts.baselines`)."""

from xstilts.jobs import job, record

with job(snakemake):
    from xstilts.baselines import shortcut_scores
    from xstilts.config.tasks import TASKS
    from xstilts.data.schemas import DATA, read_table, write_table

    task = TASKS[snakemake.wildcards.target]
    schema = DATA[task.kind]
    table = shortcut_scores(
        task,
        next((read_table(path, schema) for path in snakemake.input.train), None),
        read_table(snakemake.input.data, schema),
        snakemake.params.names,
    )
    write_table(snakemake.output[0], table, record(snakemake))
