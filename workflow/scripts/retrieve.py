"""Search or mine translations among embedded sentences (`xstilts.prediction.retrieval`)."""

from xstilts.execution.jobs import job, record

with job(snakemake):
    import faiss
    import numpy as np

    from xstilts.config.settings import Mining
    from xstilts.config.tasks import TASKS
    from xstilts.data.schemas import DATA
    from xstilts.execution.parquet import read_table, write_table
    from xstilts.features.batches import Features
    from xstilts.features.perturbed import Perturbed
    from xstilts.prediction.retrieval import retrieve

    faiss.omp_set_num_threads(snakemake.threads)
    task = TASKS[snakemake.wildcards.target]
    table, decided = retrieve(
        task,
        read_table(snakemake.input.data, DATA[task.kind]),
        Features.read(snakemake.input.features),
        np.load(snakemake.input.embeddings, mmap_mode="r"),
        Mining.model_validate(snakemake.params.mining),
        Perturbed.read(snakemake.input.perturbed, snakemake.input.perturbed_features, task.kind),
    )
    write_table(snakemake.output[0], table, {**record(snakemake), **decided})
