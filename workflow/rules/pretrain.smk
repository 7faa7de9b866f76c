# Encoders made here: new ones pretrained on the experiment's text, and those with random weights.


def text(wildcards):
    """The only source of pretraining."""
    return ["text"]


rule new_encoder:
    input:
        unpack(inputs.new_encoder),
    output:
        directory(paths.initial),
    log:
        paths.log("new_encoder", "encoder"),
    wildcard_constraints:
        encoder=one_of(experiment.pretrained),
    conda:
        ENVIRONMENT
    resources:
        **needs("new_encoder"),
    params:
        new=lambda wildcards: job_params.new_encoder(wildcards.encoder),
        code=code("new_encoder"),
    message:
        "learn a vocabulary and draw the first weights of {wildcards.encoder}"
    script:
        "../scripts/new_encoder.py"


rule reinitialise:
    input:
        unpack(inputs.reinitialise),
    output:
        directory(paths.untrained),
    log:
        paths.log("reinitialise", "encoder"),
    conda:
        ENVIRONMENT
    resources:
        **needs("reinitialise"),
    params:
        new=lambda wildcards: job_params.reinitialised(wildcards.encoder),
        code=code("reinitialise"),
    message:
        "random weights for the architecture of {wildcards.encoder}"
    script:
        "../scripts/reinitialise.py"


rule pretrain:
    input:
        unpack(inputs.pretrain),
    output:
        model=directory(paths.encoder),
        curve=paths.pretraining,
    log:
        paths.log("pretrain", "encoder"),
    wildcard_constraints:
        encoder=one_of(experiment.pretrained),
    retries: RETRIES
    conda:
        ENVIRONMENT
    resources:
        **needs("pretrain"),
        save_every_seconds=lambda wildcards: (
            experiment.encoders[wildcards.encoder].pretrain.training.save_every_seconds
        ),
    params:
        run=lambda wildcards: job_params.pretraining(wildcards.encoder),
        resume=lambda wildcards: grid.resume_folder("pretraining", wildcards),
        code=code("train", about(text, *LEARNT)),
    message:
        "pretrain the encoder {wildcards.encoder}"
    script:
        "../scripts/train.py"
