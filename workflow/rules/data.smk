# Data and encoders: from their sources to normalised Parquet, local weights, and features.


if experiment.data_source == "invitro":

    rule generate:
        output:
            paths.data,
        log:
            paths.log("generate", "task", "part"),
        wildcard_constraints:
            part=READ,
        conda:
            ENVIRONMENT
        resources:
            **needs("generate"),
        params:
            task=lambda wildcards: job_params.task(wildcards.task),
            data=lambda wildcards: job_params.data(wildcards.task, wildcards.part),
            code=code("generate", about(the_task)),
        message:
            "generate {wildcards.task} {wildcards.part}"
        script:
            "../scripts/generate.py"

    ruleorder: generate > ingest


rule perturb:
    input:
        unpack(inputs.perturb),
    output:
        paths.data.format(task="{target}", part=PERTURBED),
    log:
        paths.log("perturb", "target"),
    wildcard_constraints:
        target=one_of(grid.perturbed),
    conda:
        ENVIRONMENT
    resources:
        **needs("perturb"),
    params:
        task=lambda wildcards: job_params.task(wildcards.target),
        perturbation=lambda wildcards: job_params.perturbation(wildcards.target),
        code=code("perturb", about(the_target, "eval")),
    message:
        "perturb the inputs of {wildcards.target}"
    script:
        "../scripts/perturb.py"


rule ingest:
    input:
        given(lambda wildcards: grid.input_files(wildcards.task, wildcards.part)),
    output:
        paths.data,
    log:
        paths.log("ingest", "task", "part"),
    wildcard_constraints:
        part=READ,
    conda:
        ENVIRONMENT
    resources:
        **needs("ingest"),
    params:
        task=lambda wildcards: job_params.task(wildcards.task),
        data=lambda wildcards: job_params.data(wildcards.task, wildcards.part),
        code=code("ingest", lambda wildcards: (wildcards.task, wildcards.part), job_params.reading),
    message:
        "read {wildcards.task} {wildcards.part}"
    script:
        "../scripts/ingest.py"


rule fetch_encoder:
    input:
        given(lambda wildcards: grid.encoder_files(wildcards.encoder)),
    output:
        directory(paths.encoder),
    log:
        paths.log("fetch_encoder", "encoder"),
    wildcard_constraints:
        encoder=one_of(grid.fetched),
    conda:
        ENVIRONMENT
    resources:
        **needs("fetch_encoder"),
    params:
        encoder=lambda wildcards: job_params.encoder(wildcards.encoder),
        code=code("fetch_encoder"),
    message:
        "load the encoder {wildcards.encoder}"
    script:
        "../scripts/fetch_encoder.py"


rule tokenise:
    input:
        unpack(inputs.tokenise),
    output:
        paths.features,
    log:
        paths.log("tokenise", "encoder", "task", "part"),
    conda:
        ENVIRONMENT
    resources:
        **needs("tokenise"),
    params:
        task=lambda wildcards: job_params.task(wildcards.task),
        lengths=lambda wildcards: job_params.length(wildcards.encoder, wildcards.task),
        code=code("tokenise", about(the_task)),
    message:
        "tokenise {wildcards.task} {wildcards.part} for {wildcards.encoder}"
    script:
        "../scripts/tokenise.py"
