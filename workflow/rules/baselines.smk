# What the scores are compared with, besides each other: shortcuts, and encoders without training.


rule shortcuts:
    input:
        data=data("eval", "target"),
        train=lambda wildcards: grid.training_data(wildcards.target),
    output:
        paths.shortcuts,
    log:
        paths.log("shortcuts", "target"),
    benchmark:
        paths.benchmark("shortcuts", "target")
    threads: 1
    resources:
        mem_mb=16000,
        runtime=60,
        gpu=0,
    params:
        task=lambda wildcards: slices.task(wildcards.target),
        names=list(grid.shortcuts),
        code=code("shortcuts"),
    message:
        "shortcuts for {wildcards.target}"
    script:
        "../scripts/shortcuts.py"


rule collect_baselines:
    input:
        shortcuts=[
            paths.shortcuts.format(target=target)
            for target in experiment.targets
            if grid.shortcuts
        ],
        cells=[paths.cell_scores.format(**cell.wildcards) for cell in grid.baseline_cells],
    output:
        paths.baselines,
    log:
        paths.log("collect_baselines"),
    benchmark:
        paths.benchmark("collect_baselines")
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
        gpu=0,
    params:
        names=list(experiment.baselines),
        code=code("collect_baselines"),
    message:
        "collect the baselines of {paths.root}"
    script:
        "../scripts/collect_baselines.py"
