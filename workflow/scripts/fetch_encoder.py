"""Bring an encoder into a local folder (`xstilts.encoder`)."""

from xstilts.jobs import job

with job(snakemake, online=True):
    from pathlib import Path

    from xstilts.encoder import fetch_encoder
    from xstilts.encoder_settings import EncoderSource

    fetch_encoder(
        EncoderSource(
            **{k: v for k, v in snakemake.params.encoder.items() if k != "package_version"}
        ),
        Path(snakemake.output[0]),
    )
