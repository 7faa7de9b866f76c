"""A new encoder: a learned vocabulary and random weights (`xstilts.training.new_encoder`)."""

from xstilts.execution.jobs import job, record

with job(snakemake):
    from pathlib import Path

    from xstilts.config.encoders import Architecture, TokenizerSettings
    from xstilts.config.tasks import Kind
    from xstilts.data.schemas import DATA
    from xstilts.execution.parquet import read_table
    from xstilts.training.new_encoder import new_encoder

    new = snakemake.params.new
    new_encoder(
        read_table(snakemake.input[0], DATA[Kind.MLM])["text"].to_pylist(),
        seed=new["seed"],
        architecture=Architecture.model_validate(new["architecture"]),
        tokenizer=TokenizerSettings.model_validate(new["tokenizer"]),
        provenance=record(snakemake),
        pooling=new.get("pooling", "first"),
        output=Path(snakemake.output[0]),
    )
