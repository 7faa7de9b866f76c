"""Train an encoder and its heads on a mixture of data sets (`xstilts.training.run`)."""

from xstilts.execution.jobs import job, record

with job(snakemake) as note:
    from pathlib import Path

    from xstilts.config.settings import Mixing, TrainingSettings
    from xstilts.config.tasks import TASKS
    from xstilts.execution.cost.tally import Tally
    from xstilts.execution.parquet import read_meta
    from xstilts.features.kinds.tagging import with_open_labels
    from xstilts.training.model import use_threads
    from xstilts.training.run import train
    from xstilts.training.training_run import TaskData, TrainingRun

    use_threads(snakemake.threads)
    settings = snakemake.params.run
    label_files = {read_meta(path)["task"]: path for path in snakemake.input.labels}

    def parts(slices, data, features):
        found = []
        for (key, task), data_file, feature_file in zip(
            slices.items(), data, features, strict=True
        ):
            entry = TASKS[task["key"]]
            if entry.open_labels:
                entry = with_open_labels(entry, label_files[entry.key])
            found.append(
                TaskData(key=key, task=entry, data=Path(data_file), features=Path(feature_file))
            )
        return tuple(found)

    files = snakemake.input
    precision = train(
        TrainingRun(
            name=settings["name"],
            phase=settings["phase"],
            encoder=Path(files.encoder),
            sources=parts(settings["sources"], files.train_data, files.train_features),
            dev=parts(settings["dev"], files.dev_data, files.dev_features),
            settings=TrainingSettings.model_validate(settings["settings"]),
            seed=settings["seed"],
            code=snakemake.params.code,
            mixing=Mixing.model_validate(settings.get("mixing", {})),
            mask_ratio=settings.get("mask_ratio", TrainingRun.mask_ratio),
            device=snakemake.resources.device,
            precision=settings.get("precision", TrainingRun.precision),
            save_every_seconds=snakemake.resources.save_every_seconds,
        ),
        output=Path(snakemake.output.model),
        curve=Path(snakemake.output.curve),
        resume_folder=Path(snakemake.params.resume),
        tally=Tally(note),
        made=lambda: record(snakemake),
    )
    note.hardware(precision=precision)
