"""The HTML report of an experiment (`xstilts.report.page`)."""

from xstilts.jobs import job

with job(snakemake):
    from pathlib import Path

    from xstilts.report.notes import notes
    from xstilts.report.page import write_page

    experiment = snakemake.params.experiment
    write_page(
        Path(snakemake.input.scores),
        Path(snakemake.output[0]),
        title=experiment["experiment"],
        experiment=experiment,
        notes=notes(
            experiment,
            snakemake.params.left_out,
            mined=snakemake.input.mined,
            data=snakemake.input.data,
        ),
    )
