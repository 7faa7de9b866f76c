"""Scores that shortcuts reach on one target (`xstilts.prediction.shortcuts.scores`)."""

from xstilts.execution.jobs import job, record

with job(snakemake):
    from xstilts.config.tasks import TASKS
    from xstilts.data.schemas import DATA
    from xstilts.execution.parquet import read_table, write_table
    from xstilts.prediction.shortcuts.scores import shortcut_scores

    task = TASKS[snakemake.wildcards.target]
    schema = DATA[task.kind]
    table = shortcut_scores(
        task,
        next((read_table(path, schema) for path in snakemake.input.train), None),
        read_table(snakemake.input.data, schema),
        snakemake.params.names,
    )
    write_table(snakemake.output[0], table, record(snakemake))
