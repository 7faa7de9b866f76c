"""The HTML report of an experiment and its headline (`xstilts.report.page`)."""

from xstilts.jobs import job

with job(snakemake):
    from pathlib import Path

    import polars as pl

    from xstilts.analysis.collapse import without_collapsed
    from xstilts.files import write_text
    from xstilts.headline import headline
    from xstilts.languages import language_table
    from xstilts.report.notes import notes
    from xstilts.report.page import write_page

    experiment = snakemake.params.experiment
    scores = pl.read_parquet(snakemake.input.scores)
    baselines = next((pl.read_parquet(path) for path in snakemake.input.baselines), None)
    runs = pl.read_parquet(snakemake.input.runs)
    sound, _ = without_collapsed(scores, runs)
    sentences = headline(sound, baselines, language_table(experiment["data_source"]))
    write_text(snakemake.output.headline, "".join(f"{sentence}\n" for sentence in sentences))
    write_page(
        scores,
        Path(snakemake.output.page),
        title=experiment["experiment"],
        experiment=experiment,
        table=snakemake.params.table,
        baselines=baselines,
        headline=sentences,
        runs=runs,
        links=[tuple(link) for link in snakemake.params.links],
        notes=notes(
            experiment,
            snakemake.params.left_out,
            mined=snakemake.input.mined,
            data=snakemake.input.data,
            recipes=snakemake.params.recipes,
        ),
    )
