"""Gold labels in the layout of an XTREME submission (`xstilts.scoring.xtreme_layout`)."""

from xstilts.execution.jobs import job

with job(snakemake):
    from xstilts.config.tasks import TASKS
    from xstilts.data.schemas import DATA
    from xstilts.execution.files import atomic_path
    from xstilts.execution.parquet import read_table
    from xstilts.scoring.xtreme_layout import write_labels

    with atomic_path(snakemake.output[0]) as folder:
        folder.mkdir()
        for target, path in zip(snakemake.params.targets, snakemake.input, strict=True):
            task = TASKS[target]
            write_labels(read_table(path, DATA[task.kind]), task, folder)
