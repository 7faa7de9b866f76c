"""An encoder's architecture and tokenizer with random weights (`xstilts.training.new_encoder`)."""

from xstilts.execution.jobs import job

with job(snakemake):
    from pathlib import Path

    from xstilts.training.new_encoder import reinitialise

    reinitialise(
        Path(snakemake.input[0]),
        seed=snakemake.params.new["seed"],
        output=Path(snakemake.output[0]),
    )
