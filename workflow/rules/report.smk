# Reports: the scores' page, the claims of the study, and what everything cost.


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
        links=[
            ["Robustness and fairness", Path(paths.fairness_page).name],
            ["Claims", Path(paths.claims_page).name],
            ["Cost", Path(paths.cost_page).name],
        ],
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
        links=[
            ["Scores", Path(paths.report).name],
            ["Claims", Path(paths.claims_page).name],
            ["Cost", Path(paths.cost_page).name],
        ],
        code=code("write_fairness"),
    message:
        f"write what is robust and fair: {paths.fairness_page}"
    script:
        "../scripts/write_fairness.py"


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
