"""Tokenise one part of one task's data for one encoder (`xstilts.features.build`)."""

from xstilts.execution.jobs import job, record

with job(snakemake) as note:
    from pathlib import Path

    from xstilts.config.tasks import TASKS
    from xstilts.data.schemas import read_items
    from xstilts.execution.parquet import write_table
    from xstilts.features.build import tokenise
    from xstilts.features.kinds.tagging import with_open_labels

    task = TASKS[snakemake.params.task["key"]]
    for labels in snakemake.input.labels:
        task = with_open_labels(task, labels)
    table, meta = tokenise(
        task,
        read_items(snakemake.input.data, task.kind)[0],
        Path(snakemake.input.encoder),
        snakemake.params.lengths,
    )
    write_table(snakemake.output[0], table, {**meta, **record(snakemake)})
    note(features=table.num_rows, tokens=meta["tokens"])
