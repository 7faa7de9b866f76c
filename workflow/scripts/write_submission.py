"""Predictions in the layout of an XTREME submission, and what `xstilts evaluate` says of it."""

from xstilts.execution.jobs import job

with job(snakemake):
    from pathlib import Path

    from xstilts.config.tasks import TASKS
    from xstilts.execution.files import atomic_path, write_json
    from xstilts.execution.parquet import read_table
    from xstilts.scoring.metrics import prediction_schema
    from xstilts.scoring.xtreme_evaluate import evaluate_folder
    from xstilts.scoring.xtreme_layout import write_predictions

    with atomic_path(snakemake.output.folder) as folder:
        folder.mkdir()
        for target, path in zip(snakemake.params.targets, snakemake.input.predictions, strict=True):
            task = TASKS[target]
            write_predictions(read_table(path, prediction_schema(task)), task, folder)
    scores = evaluate_folder(
        Path(snakemake.output.folder), Path(snakemake.input.labels), languages="present"
    )
    write_json(snakemake.output.scores, scores)
