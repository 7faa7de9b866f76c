"""The HTML page of what an experiment cost (`xstilts.report.cost`)."""

from xstilts.execution.jobs import job

with job(snakemake):
    from pathlib import Path

    import polars as pl

    from xstilts.analysis.collapsed_cells import without_collapsed
    from xstilts.execution.parquet import read_meta
    from xstilts.report.cost import write_cost
    from xstilts.report.incomplete import Incomplete

    experiment = snakemake.params.experiment
    scores, collapsed = without_collapsed(
        pl.read_parquet(snakemake.input.scores), pl.read_parquet(snakemake.input.runs)
    )
    write_cost(
        Path(snakemake.output[0]),
        title=experiment["experiment"],
        costs=pl.read_parquet(snakemake.input.costs),
        cells=pl.read_parquet(snakemake.input.cells),
        scores=scores,
        notes=collapsed,
        experiment=experiment,
        hardware=read_meta(snakemake.input.costs)["hardware"],
        table=snakemake.params.table,
        gram_per_kwh=experiment["emissions"]["gram_per_kwh"],
        pue=experiment["emissions"]["pue"],
        incomplete=Incomplete.of(snakemake.params.get("unfinished")),
    )
