"""Train an encoder and a head on one data set (`xstilts.train`)."""

from xstilts.jobs import job

with job(snakemake):
    from pathlib import Path

    from xstilts.model import use_threads
    from xstilts.settings import TrainingSettings
    from xstilts.tasks import TASKS
    from xstilts.train import TrainingRun, train

    use_threads(snakemake.threads)
    settings = snakemake.params.run
    train(
        TrainingRun(
            name=settings["name"],
            task=TASKS[settings["task"]["key"]],
            encoder=Path(snakemake.input.encoder),
            train_data=Path(snakemake.input.train_data),
            train_features=Path(snakemake.input.train_features),
            dev_data=Path(snakemake.input.dev_data),
            dev_features=Path(snakemake.input.dev_features),
            settings=TrainingSettings.model_validate(settings["settings"]),
            seed=settings["seed"],
            code=snakemake.params.code,
            mask_ratio=settings.get("mask_ratio", TrainingRun.mask_ratio),
            device=snakemake.resources.device,
            save_every_seconds=snakemake.resources.save_every_seconds,
        ),
        output=Path(snakemake.output.model),
        curve=Path(snakemake.output.curve),
        resume_folder=Path(snakemake.params.resume),
    )
