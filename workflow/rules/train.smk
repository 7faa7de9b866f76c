# Training: the intermediate phase, then each target's train set. Resume states lie outside
# the declared outputs, because Snakemake deletes the outputs of a failed job.


rule train_intermediate:
    input:
        encoder=paths.encoder,
        train_data=data("train", "recipe"),
        train_features=features("train", "recipe"),
        dev_data=data("dev", "recipe"),
        dev_features=features("dev", "recipe"),
    output:
        model=directory(paths.intermediate),
        curve=paths.curve.replace("{phase}/{train_set}", "intermediate"),
    log:
        paths.log("train_intermediate", "encoder", "recipe", "seed"),
    benchmark:
        paths.benchmark("train_intermediate", "encoder", "recipe", "seed")
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 16000 * attempt,
        runtime=lambda wildcards, attempt: 1440 * attempt,
        gpu=gpu,
        # How a job is executed is no parameter: changing it re-runs nothing.
        device=experiment.device,
        save_every_seconds=lambda wildcards: grid.save_every_seconds(
            wildcards.recipe, intermediate=True
        ),
    params:
        run=lambda wildcards: grid.training_slice(wildcards, wildcards.recipe, intermediate=True),
        resume=lambda wildcards: grid.resume_folder("intermediate", wildcards),
        code=code("train"),
    message:
        "intermediate training: {wildcards.encoder} on {wildcards.recipe}, seed {wildcards.seed}"
    script:
        "../scripts/train.py"


rule train_target:
    input:
        encoder=lambda wildcards: grid.state(wildcards.encoder, wildcards.recipe, wildcards.seed),
        train_data=data("train", "train_set"),
        train_features=features("train", "train_set"),
        dev_data=data("dev", "train_set"),
        dev_features=features("dev", "train_set"),
    output:
        model=(
            directory(paths.checkpoint)
            if experiment.keep_target_checkpoints
            else temp(directory(paths.checkpoint))
        ),
        curve=paths.curve.replace("{phase}", "target"),
    log:
        paths.log("train_target", "encoder", "recipe", "train_set", "seed"),
    benchmark:
        paths.benchmark("train_target", "encoder", "recipe", "train_set", "seed")
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 16000 * attempt,
        runtime=lambda wildcards, attempt: 1440 * attempt,
        gpu=gpu,
        device=experiment.device,
        save_every_seconds=lambda wildcards: grid.save_every_seconds(
            wildcards.train_set, intermediate=False
        ),
    params:
        run=lambda wildcards: grid.training_slice(
            wildcards, wildcards.train_set, intermediate=False
        ),
        resume=lambda wildcards: grid.resume_folder("target", wildcards),
        code=code("train"),
    message:
        "target training: {wildcards.encoder} after {wildcards.recipe} on {wildcards.train_set},"
        " seed {wildcards.seed}"
    script:
        "../scripts/train.py"
