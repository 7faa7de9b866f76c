# From finished cells to tables of all of them and folders in XTREME's submission layout. Of the
# grid that is all cells, or, with only_finished, those that are there.


def submission_folders():
    """One folder in XTREME's layout, which holds test data, for each (encoder, recipe, seed)."""
    if "test" not in experiment.splits or not XTREME.keys() & experiment.targets.keys():
        return []
    return [paths.submission.format(**state) for state in scope.states()]


rule collect_scores:
    input:
        [paths.cell_scores.format(**cell.wildcards) for cell in scope.cells],
    output:
        paths.scores,
    log:
        paths.log("collect_scores"),
    conda:
        ENVIRONMENT
    resources:
        **needs("collect_scores"),
    params:
        **scope.unfinished,
        code=code("collect_scores"),
    message:
        f"collect the scores of {paths.root}"
    script:
        "../scripts/collect_scores.py"


rule collect_runs:
    input:
        [curve for _, curve in scope.runs],
    output:
        paths.runs,
    log:
        paths.log("collect_runs"),
    conda:
        ENVIRONMENT
    resources:
        **needs("collect_runs"),
    params:
        **scope.unfinished,
        places=[place for place, _ in scope.runs],
        code=code("collect_runs"),
    message:
        f"collect what became of the training runs of {paths.root}"
    script:
        "../scripts/collect_runs.py"


def with_tokenizer():
    """The encoders that are compared and whose tokenizer is there."""
    encoders = dict.fromkeys(cell.encoder for cell in scope.compared)
    return [each for each in encoders if scope.files([grid.tokenizer_folder(each)])]


def in_scope(wildcards):
    """What the overlap of subwords is reckoned from, of the targets that are there."""
    found = inputs.measure_overlap(wildcards)
    return {"encoder": found.pop("encoder"), **{key: scope.files(found[key]) for key in found}}


rule measure_overlap:
    input:
        unpack(in_scope),
    output:
        paths.overlap,
    log:
        paths.log("measure_overlap", "encoder"),
    conda:
        ENVIRONMENT
    resources:
        **needs("measure_overlap"),
    params:
        **scope.unfinished,
        code=code("measure_overlap", about(all_targets, "eval")),
    message:
        "compare subwords of {wildcards.encoder} with those of English"
    script:
        "../scripts/measure_overlap.py"


rule collect_baselines:
    input:
        shortcuts=scope.shortcuts,
        cells=[paths.cell_scores.format(**cell.wildcards) for cell in scope.baseline_cells],
    output:
        paths.baselines,
    log:
        paths.log("collect_baselines"),
    conda:
        ENVIRONMENT
    resources:
        **needs("collect_baselines"),
    params:
        **scope.unfinished,
        names=list(experiment.baselines),
        code=code("collect_baselines"),
    message:
        f"collect the baselines of {paths.root}"
    script:
        "../scripts/collect_baselines.py"


rule write_labels:
    input:
        [paths.data.format(task=target, part="eval") for target in experiment.targets],
    output:
        directory(paths.labels),
    log:
        paths.log("write_labels"),
    conda:
        ENVIRONMENT
    resources:
        **needs("write_labels"),
    params:
        targets=list(experiment.targets),
        table=job_params.table(),
        code=code("write_labels", about(all_targets, "eval")),
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
    conda:
        ENVIRONMENT
    resources:
        **needs("write_submission"),
    params:
        targets=list(experiment.targets),
        table=job_params.table(),
        code=code("write_submission", about(all_targets, "eval")),
    message:
        "XTREME submission: {wildcards.encoder} after {wildcards.recipe}, seed {wildcards.seed}"
    script:
        "../scripts/write_submission.py"
