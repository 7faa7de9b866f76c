"""What is robust and fair, as tables (`xstilts.analysis.investigate`)."""

from xstilts.execution.jobs import job

with job(snakemake):
    from dataclasses import replace
    from pathlib import Path

    import polars as pl

    from xstilts.analysis.inputs.known_languages import KnownLanguages, overlap_of
    from xstilts.analysis.investigate import investigate
    from xstilts.config.encoders.catalogue import Corpus
    from xstilts.config.language_facts import facts_for
    from xstilts.config.languages import language_table
    from xstilts.report.incomplete import Incomplete

    source, own = snakemake.params.data_source, snakemake.params.own_languages
    incomplete = Incomplete.of(snakemake.params.get("unfinished"))
    findings = investigate(
        incomplete.comparable(pl.read_parquet(snakemake.input.scores)),
        KnownLanguages(
            languages=language_table(source, own),
            facts=facts_for(source, own),
            unseen={name: set(codes) for name, codes in snakemake.params.unseen.items()},
            corpora={
                name: Corpus.model_validate(each) for name, each in snakemake.params.corpora.items()
            },
            overlaps={Path(path).stem: overlap_of(path) for path in snakemake.input.overlaps},
        ),
        recipes=snakemake.params.recipes,
        runs=pl.read_parquet(snakemake.input.runs),
        predictions=snakemake.input.predictions,
        data={Path(path).parent.name: path for path in snakemake.input.data},
        baselines=next((pl.read_parquet(path) for path in snakemake.input.baselines), None),
    )
    replace(findings, notes=(*incomplete.messages, *findings.notes)).write(snakemake.output[0])
