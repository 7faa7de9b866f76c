"""Predict one target in all its languages (`xstilts.prediction.predict`)."""

from xstilts.execution.jobs import job, record

with job(snakemake) as note:
    from pathlib import Path

    from xstilts.config.tasks import TASKS
    from xstilts.data.schemas import DATA
    from xstilts.execution.cost.tally import Tally
    from xstilts.execution.parquet import read_table, write_table
    from xstilts.features.batches import Features
    from xstilts.features.perturbed import Perturbed
    from xstilts.prediction.predict import predict
    from xstilts.training.model import use_threads

    use_threads(snakemake.threads)
    task = TASKS[snakemake.wildcards.target]
    table, decided = predict(
        task,
        Path(snakemake.input.checkpoint),
        read_table(snakemake.input.data, DATA[task.kind]),
        Features.read(snakemake.input.features),
        perturbed=Perturbed.read(
            snakemake.input.perturbed, snakemake.input.perturbed_features, task.kind
        ),
        max_answer_length=snakemake.params.decoding["max_answer_length"],
        batch_tokens=snakemake.resources.batch_tokens,
        device_name=snakemake.resources.device,
        wanted=snakemake.params.decoding.get("precision", "auto"),
        tally=Tally(note),
    )
    note.hardware(precision=decided["precision"])
    write_table(snakemake.output[0], table, {**record(snakemake), **decided})
