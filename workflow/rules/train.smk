# Training: the intermediate phase, then each target's train set. Resume states lie outside
# the declared outputs, because Snakemake deletes the outputs of a failed job.


def mixed(wildcards):
    """Sources of a recipe's mixture."""
    return grid.sources(wildcards.recipe)


def target(wildcards):
    """The only source of target training."""
    return [wildcards.train_set]


rule train_intermediate:
    input:
        unpack(inputs.train_intermediate),
    output:
        model=directory(paths.intermediate),
        curve=paths.intermediate_curve,
    log:
        paths.log("train_intermediate", "encoder", "recipe", "seed"),
    retries: RETRIES
    conda:
        ENVIRONMENT
    resources:
        **needs("train_intermediate"),
        save_every_seconds=lambda wildcards: experiment.intermediate_training_for(
            grid.recipes[wildcards.recipe]
        ).save_every_seconds,
    params:
        run=lambda wildcards: job_params.intermediate(wildcards),
        resume=lambda wildcards: grid.resume_folder("intermediate", wildcards),
        code=code("train", about(mixed, *LEARNT)),
    message:
        "intermediate training: {wildcards.encoder} on {wildcards.recipe}, seed {wildcards.seed}"
    script:
        "../scripts/train.py"


rule train_target:
    input:
        unpack(inputs.train_target),
    output:
        model=(
            directory(paths.checkpoint)
            if experiment.keep_target_checkpoints
            else temp(directory(paths.checkpoint))
        ),
        curve=paths.target_curve,
    log:
        paths.log("train_target", "encoder", "recipe", "train_set", "seed"),
    retries: RETRIES
    conda:
        ENVIRONMENT
    resources:
        **needs("train_target"),
        save_every_seconds=lambda wildcards: (
            experiment.training_for(wildcards.train_set).save_every_seconds
        ),
    params:
        run=lambda wildcards: job_params.target(wildcards),
        resume=lambda wildcards: grid.resume_folder("target", wildcards),
        code=code("train", about(target, *LEARNT)),
    message:
        "target training: {wildcards.encoder} after {wildcards.recipe} on {wildcards.train_set},"
        " seed {wildcards.seed}"
    script:
        "../scripts/train.py"
