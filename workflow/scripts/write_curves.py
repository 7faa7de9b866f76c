"""The HTML page of all training runs (`xstilts.report.curves`)."""

from xstilts.execution.jobs import job

with job(snakemake):
    from pathlib import Path

    from xstilts.analysis.training_curves import read_curves
    from xstilts.report.curves import write_curves
    from xstilts.report.incomplete import Incomplete

    write_curves(
        Path(snakemake.output[0]),
        read_curves(zip(snakemake.params.places, snakemake.input, strict=True)),
        title=snakemake.params.title,
        recipes=snakemake.params.recipes,
        links=[tuple(link) for link in snakemake.params.links],
        unfinished=Incomplete.of(snakemake.params.get("unfinished")).messages,
    )
