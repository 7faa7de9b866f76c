"""Embed every distinct sentence of a retrieval target (`xstilts.prediction.embed`)."""

from xstilts.execution.jobs import job

with job(snakemake) as note:
    from pathlib import Path

    from xstilts.config.encoders import RetrievalSettings
    from xstilts.execution.cost.tally import Tally
    from xstilts.features.batches import Features
    from xstilts.prediction.embed import embed
    from xstilts.training.model import use_threads

    use_threads(snakemake.threads)
    settings = dict(snakemake.params.embedding)
    wanted = settings.pop("precision", "auto")
    made = embed(
        Path(snakemake.input.encoder),
        [
            Features.read(path)
            for path in (snakemake.input.features, *snakemake.input.perturbed_features)
        ],
        RetrievalSettings(**settings, batch_tokens=snakemake.resources.batch_tokens),
        snakemake.resources.device,
        Path(snakemake.output[0]),
        Tally(note),
        wanted=wanted,
    )
    note.hardware(precision=made["precision"])
    note.facts.update(made)
