"""The HTML report of an experiment and its headline (`xstilts.report.page`)."""

from xstilts.execution.jobs import job

with job(snakemake):
    from pathlib import Path

    import polars as pl

    from xstilts.analysis.collapsed_cells import without_collapsed
    from xstilts.analysis.findings import Findings
    from xstilts.config.encoders import EncoderSource
    from xstilts.config.languages import language_table
    from xstilts.execution.cost.shape import parameters_of
    from xstilts.execution.files import write_text
    from xstilts.execution.provenance import read_provenance
    from xstilts.report.encoder_tables import encoder_tables
    from xstilts.report.glossary import write_glossary
    from xstilts.report.headline import headline
    from xstilts.report.incomplete import Incomplete
    from xstilts.report.notes import diversity_notes, mining_notes, notes
    from xstilts.report.origins import origins
    from xstilts.report.page import write_page

    experiment = snakemake.params.experiment
    scores = pl.read_parquet(snakemake.input.scores)
    baselines = next((pl.read_parquet(path) for path in snakemake.input.baselines), None)
    runs = pl.read_parquet(snakemake.input.runs)
    incomplete = Incomplete.of(snakemake.params.get("unfinished"))
    sound, _ = without_collapsed(incomplete.comparable(scores), runs)
    languages = language_table(experiment["data_source"], experiment["own_languages"])
    findings = Findings.read(snakemake.input.findings)
    sentences = [] if sound.is_empty() else headline(sound, baselines, languages, findings)
    lines = [*incomplete.messages, *sentences]
    write_text(snakemake.output.headline, "".join(f"{line}\n" for line in lines))
    links = [tuple(link) for link in snakemake.params.links]
    page = Path(snakemake.output.page)
    write_glossary(Path(snakemake.output.glossary), [("Scores", page.name), *links])
    write_page(
        scores,
        page,
        title=experiment["experiment"],
        experiment=experiment,
        table=snakemake.params.table,
        baselines=baselines,
        headline=sentences,
        findings=findings,
        thresholds=list(mining_notes(snakemake.input.mined)),
        runs=runs,
        links=links,
        incomplete=incomplete,
        origins=origins(read_provenance(snakemake.input.scores)),
        unseen=snakemake.params.unseen,
        encoders=list(
            encoder_tables(
                findings,
                pl.read_parquet(snakemake.input.cells),
                parameters_of(
                    {
                        name: EncoderSource.model_validate(each)
                        for name, each in experiment["encoders"].items()
                    }
                ),
                snakemake.params.unseen,
                set(scores["language"]),
            )
        ),
        notes=[
            *diversity_notes(findings["diversity"]),
            *notes(
                experiment,
                snakemake.params.left_out,
                data=snakemake.input.data,
                recipes=snakemake.params.recipes,
            ),
        ],
    )
