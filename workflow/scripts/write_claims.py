"""The page of the study's claims, from the findings (`xstilts.report.claims`)."""

from xstilts.execution.jobs import job

with job(snakemake):
    from pathlib import Path

    import polars as pl

    from xstilts.analysis.findings import Findings
    from xstilts.report.claims import write_claims
    from xstilts.report.incomplete import Incomplete
    from xstilts.report.notes import left_out_notes, supervision_notes

    experiment = snakemake.params.experiment
    write_claims(
        Path(snakemake.output.page),
        Path(snakemake.output.claims),
        Path(snakemake.output.selection),
        title=experiment["experiment"],
        scores=pl.read_parquet(snakemake.input.scores),
        runs=pl.read_parquet(snakemake.input.runs),
        findings=Findings.read(snakemake.input.findings),
        recipes=snakemake.params.recipes,
        experiment=experiment,
        incomplete=Incomplete.of(snakemake.params.get("unfinished")),
        caveats=[
            *supervision_notes(experiment, snakemake.params.recipes),
            *left_out_notes(snakemake.params.left_out),
        ],
    )
