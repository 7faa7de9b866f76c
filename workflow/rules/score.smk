# From item-level predictions to scores.


rule score:
    input:
        unpack(inputs.score),
    output:
        paths.cell_scores,
    log:
        paths.log("score", "encoder", "recipe", "target", "seed"),
    conda:
        ENVIRONMENT
    resources:
        **needs("score"),
    params:
        task=lambda wildcards: job_params.task(wildcards.target),
        code=code("score", about(the_target, "eval")),
    message:
        "score {wildcards.target}: {wildcards.encoder} after {wildcards.recipe},"
        " seed {wildcards.seed}"
    script:
        "../scripts/score.py"
