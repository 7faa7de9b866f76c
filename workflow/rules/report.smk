# Reports: the scores' page, the claims of the study, training runs, and what everything cost.


def other_pages(*own):
    """Names and addresses of the pages of an experiment but these."""
    pages = {
        paths.report: "Scores",
        paths.fairness_page: "Robustness and fairness",
        paths.claims_page: "Claims",
        paths.curves_page: "Training",
        paths.cost_page: "Cost",
    }
    return [[name, Path(page).name] for page, name in pages.items() if page not in own]


rule write_report:
    input:
        scores=paths.scores,
        runs=paths.runs,
        baselines=[paths.baselines] if experiment.baselines else [],
        findings=paths.findings,
        cells=paths.cell_costs,
        mined=[
            paths.predictions.format(**cell.wildcards) for cell in scope.cells if cell.task.mined
        ],
        data=scope.files(
            paths.data.format(task=task, part=part)
            for task in grid.tasks
            for part in grid.parts(task)
        ),
    output:
        page=report(paths.report, caption="../report/scores.rst", category="Pages"),
        headline=paths.headline,
        glossary=report(paths.glossary, caption="../report/glossary.rst", category="Pages"),
    log:
        paths.log("write_report"),
    conda:
        ENVIRONMENT
    resources:
        **needs("write_report"),
    params:
        **scope.unfinished,
        experiment=job_params.everything(),
        left_out=left_out,
        recipes=job_params.recipes(),
        links=other_pages(paths.report),
        table=job_params.table(),
        unseen=job_params.unseen(),
        code=code("write_report"),
    message:
        f"write the report {paths.report}"
    script:
        "../scripts/write_report.py"


rule write_claims:
    input:
        scores=paths.scores,
        runs=paths.runs,
        findings=paths.findings,
    output:
        page=report(paths.claims_page, caption="../report/claims.rst", category="Pages"),
        claims=paths.claims,
        selection=paths.selection,
    log:
        paths.log("write_claims"),
    conda:
        ENVIRONMENT
    resources:
        **needs("write_claims"),
    params:
        **scope.unfinished,
        experiment=job_params.everything(),
        recipes=job_params.recipes(),
        left_out=left_out,
        code=code("write_claims"),
    message:
        f"check the claims of the study: {paths.claims_page}"
    script:
        "../scripts/write_claims.py"


rule analyse:
    input:
        scores=paths.scores,
        runs=paths.runs,
        baselines=[paths.baselines] if experiment.baselines else [],
        overlaps=[paths.overlap.format(encoder=each) for each in with_tokenizer()],
        predictions=[paths.predictions.format(**cell.wildcards) for cell in scope.compared],
        data=scope.files(
            paths.data.format(task=target, part="eval")
            for target in experiment.targets
            if TARGETS[target].parallel
        ),
    output:
        directory(paths.findings),
    log:
        paths.log("analyse"),
    conda:
        ENVIRONMENT
    threads: 2
    resources:
        **needs("analyse"),
    params:
        **scope.unfinished,
        data_source=experiment.data_source,
        recipes=job_params.recipes(),
        unseen=job_params.unseen(),
        corpora=job_params.corpora(),
        facts=job_params.facts(),
        own_languages=job_params.own_languages(),
        code=code("analyse"),
    message:
        f"robustness and fairness over language families: {paths.findings}"
    script:
        "../scripts/analyse.py"


rule write_fairness:
    input:
        paths.findings,
    output:
        page=report(paths.fairness_page, caption="../report/fairness.rst", category="Pages"),
        summary=paths.summary,
    log:
        paths.log("write_fairness"),
    conda:
        ENVIRONMENT
    resources:
        **needs("write_fairness"),
    params:
        **scope.unfinished,
        experiment=job_params.everything(),
        recipes=list(grid.recipes),
        left_out=left_out,
        links=other_pages(paths.fairness_page),
        code=code("write_fairness"),
    message:
        f"write what is robust and fair: {paths.fairness_page}"
    script:
        "../scripts/write_fairness.py"


rule write_curves:
    input:
        [curve for _, curve in scope.curves],
    output:
        report(paths.curves_page, caption="../report/curves.rst", category="Pages"),
    log:
        paths.log("write_curves"),
    conda:
        ENVIRONMENT
    resources:
        **needs("write_curves"),
    params:
        **scope.unfinished,
        title=experiment.experiment,
        places=[place for place, _ in scope.curves],
        recipes=list(grid.recipes),
        links=other_pages(paths.curves_page),
        code=code("write_curves"),
    message:
        f"write how the training runs went: {paths.curves_page}"
    script:
        "../scripts/write_curves.py"


rule collect_costs:
    input:
        # Not read: when they are there, every job has recorded what it cost.
        runs=paths.runs,
        scores=paths.scores,
    output:
        costs=paths.costs,
        cells=paths.cell_costs,
    log:
        paths.log("collect_costs"),
    conda:
        ENVIRONMENT
    resources:
        **needs("collect_costs"),
    params:
        **scope.unfinished,
        **({} if scope.whole else {"finished": [cell.wildcards for cell in scope.cells]}),
        experiment=experiment.experiment,
        cells=[cell.wildcards for cell in (*grid.cells, *grid.baseline_cells)],
        code=code("collect_costs"),
    message:
        f"collect what the jobs of {paths.root} cost"
    script:
        "../scripts/collect_costs.py"


rule write_cost:
    input:
        costs=paths.costs,
        cells=paths.cell_costs,
        scores=paths.scores,
        runs=paths.runs,
    output:
        report(paths.cost_page, caption="../report/cost.rst", category="Pages"),
    log:
        paths.log("write_cost"),
    conda:
        ENVIRONMENT
    resources:
        **needs("write_cost"),
    params:
        **scope.unfinished,
        experiment=job_params.everything(),
        table=job_params.table(),
        code=code("write_cost"),
    message:
        f"write what it cost: {paths.cost_page}"
    script:
        "../scripts/write_cost.py"
