# From item-level predictions to scores and XTREME's submission layout.


def submission_folders():
    """One folder in XTREME's layout, which holds test data, for each (encoder, recipe, seed)."""
    if "test" not in experiment.splits or not XTREME.keys() & experiment.targets.keys():
        return []
    return [
        paths.submission.format(encoder=encoder, recipe=recipe, seed=seed)
        for encoder in experiment.encoders
        for recipe in grid.recipes
        for seed in experiment.seeds
    ]


rule score:
    input:
        paths.predictions,
    output:
        paths.cell_scores,
    log:
        paths.log("score", "encoder", "recipe", "target", "seed"),
    benchmark:
        paths.benchmark("score", "encoder", "recipe", "target", "seed")
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
        gpu=0,
    params:
        task=lambda wildcards: slices.task(wildcards.target),
        code=code("score"),
    message:
        "score {wildcards.target}: {wildcards.encoder} after {wildcards.recipe},"
        " seed {wildcards.seed}"
    script:
        "../scripts/score.py"


rule collect_scores:
    input:
        [paths.cell_scores.format(**cell.wildcards) for cell in grid.cells],
    output:
        paths.scores,
    log:
        paths.log("collect_scores"),
    benchmark:
        paths.benchmark("collect_scores")
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
        gpu=0,
    params:
        code=code("collect_scores"),
    message:
        "collect the scores of {paths.root}"
    script:
        "../scripts/collect_scores.py"


rule write_labels:
    input:
        [paths.data.format(task=target, part="eval") for target in experiment.targets],
    output:
        directory(paths.labels),
    log:
        paths.log("write_labels"),
    benchmark:
        paths.benchmark("write_labels")
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
        gpu=0,
    params:
        targets=list(experiment.targets),
        table=slices.table(),
        code=code("write_labels"),
    message:
        "write the gold labels in XTREME's layout"
    script:
        "../scripts/write_labels.py"


rule write_submission:
    input:
        predictions=lambda wildcards: [
            paths.predictions.format(**cell.wildcards) for cell in grid.cells_of(**wildcards)
        ],
        labels=paths.labels,
    output:
        folder=directory(paths.submission),
        scores=paths.submission + ".json",
    log:
        paths.log("write_submission", "encoder", "recipe", "seed"),
    benchmark:
        paths.benchmark("write_submission", "encoder", "recipe", "seed")
    threads: 1
    resources:
        mem_mb=4000,
        runtime=30,
        gpu=0,
    params:
        targets=list(experiment.targets),
        table=slices.table(),
        code=code("write_submission"),
    message:
        "XTREME submission: {wildcards.encoder} after {wildcards.recipe}, seed {wildcards.seed}"
    script:
        "../scripts/write_submission.py"
