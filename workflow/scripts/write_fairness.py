"""The HTML page of robustness and fairness, and its summary (`xstilts.report.fairness`)."""

from xstilts.execution.jobs import job

with job(snakemake):
    from pathlib import Path

    from xstilts.analysis.findings import Findings
    from xstilts.execution.files import write_text
    from xstilts.report.fairness import write_fairness
    from xstilts.report.incomplete import Incomplete
    from xstilts.report.notes import left_out_notes
    from xstilts.report.sentences import summary_of

    experiment = snakemake.params.experiment
    findings = Findings.read(snakemake.input[0])
    summary = summary_of(findings)
    unfinished = Incomplete.of(snakemake.params.get("unfinished")).messages
    write_text(snakemake.output.summary, summary.text(unfinished))
    write_fairness(
        Path(snakemake.output.page),
        findings,
        title=experiment["experiment"],
        summary=summary,
        notes=list(left_out_notes(snakemake.params.left_out)),
        experiment=experiment,
        recipes=snakemake.params.recipes,
        links=[tuple(link) for link in snakemake.params.links],
        unfinished=unfinished,
    )
