# Prediction in all languages of a target, in one job; retrieval for targets without training.

TRAINED = [name for name in experiment.targets if grid.is_trained(name)]
RETRIEVED = [name for name in experiment.targets if not grid.is_trained(name)]


rule predict:
    input:
        unpack(inputs.predict),
    output:
        paths.predictions,
    log:
        paths.log("predict", "encoder", "recipe", "target", "seed"),
    wildcard_constraints:
        target=one_of(TRAINED),
    retries: RETRIES
    conda:
        ENVIRONMENT
    resources:
        **needs("predict"),
        batch_tokens=experiment.prediction.batch_tokens,
    params:
        task=lambda wildcards: job_params.task(wildcards.target),
        decoding=lambda wildcards: job_params.decoding(wildcards.target),
        code=code("predict", about(the_target, "eval")),
    message:
        "predict {wildcards.target}: {wildcards.encoder} after {wildcards.recipe},"
        " seed {wildcards.seed}"
    script:
        "../scripts/predict.py"


rule embed:
    input:
        unpack(inputs.embed),
    output:
        temp(paths.embeddings),
    log:
        paths.log("embed", "encoder", "recipe", "target", "seed"),
    wildcard_constraints:
        target=one_of(RETRIEVED),
    retries: RETRIES
    conda:
        ENVIRONMENT
    resources:
        **needs("embed"),
        batch_tokens=lambda wildcards: experiment.encoders[wildcards.encoder].retrieval.batch_tokens,
    params:
        embedding=lambda wildcards: job_params.embedding(wildcards.encoder),
        code=code("embed", about(the_target, "eval")),
    message:
        "embed {wildcards.target}: {wildcards.encoder} after {wildcards.recipe},"
        " seed {wildcards.seed}"
    script:
        "../scripts/embed.py"


rule retrieve:
    input:
        unpack(inputs.retrieve),
    output:
        paths.predictions,
    log:
        paths.log("retrieve", "encoder", "recipe", "target", "seed"),
    wildcard_constraints:
        target=one_of(RETRIEVED),
    conda:
        ENVIRONMENT
    threads: 8
    resources:
        **needs("retrieve"),
    params:
        task=lambda wildcards: job_params.task(wildcards.target),
        mining=experiment.mining.model_dump(),
        code=code("retrieve", about(the_target, "eval")),
    message:
        "retrieve {wildcards.target}: {wildcards.encoder} after {wildcards.recipe},"
        " seed {wildcards.seed}"
    script:
        "../scripts/retrieve.py"
