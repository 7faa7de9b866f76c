"""Bring an encoder into a local folder (`xstilts.training.encoder`)."""

from xstilts.execution.jobs import job

with job(snakemake, online=True):
    from pathlib import Path

    from xstilts.config.encoders import EncoderSource
    from xstilts.training.encoder import fetch_encoder

    fetch_encoder(
        EncoderSource(
            **{k: v for k, v in snakemake.params.encoder.items() if k != "package_version"}
        ),
        Path(snakemake.output[0]),
    )
