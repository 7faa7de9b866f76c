# What the scores are compared with, besides each other: shortcuts, and encoders without training.


rule shortcuts:
    input:
        unpack(inputs.shortcuts),
    output:
        paths.shortcuts,
    log:
        paths.log("shortcuts", "target"),
    conda:
        ENVIRONMENT
    resources:
        **needs("shortcuts"),
    params:
        task=lambda wildcards: job_params.task(wildcards.target),
        names=list(grid.shortcuts),
        code=code("shortcuts", about(the_target, "eval")),
    message:
        "shortcuts for {wildcards.target}"
    script:
        "../scripts/shortcuts.py"
