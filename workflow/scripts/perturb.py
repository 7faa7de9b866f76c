"""Perturb the inputs of one target, under all conditions (`xstilts.data.perturb.table`)."""

from xstilts.execution.jobs import job, record

with job(snakemake):
    from xstilts.config.languages import language_table
    from xstilts.config.tasks import TASKS
    from xstilts.data.perturb.table import perturb_table
    from xstilts.data.schemas import DATA
    from xstilts.execution.parquet import read_table, write_table

    task = TASKS[snakemake.wildcards.target]
    settings = snakemake.params.perturbation
    table = perturb_table(
        task,
        read_table(snakemake.input[0], DATA[task.kind]),
        settings["conditions"],
        language_table("invitro" if settings["generated"] else "", settings.get("own_languages")),
        split=settings["split"],
        items=settings["items"],
    )
    write_table(snakemake.output[0], table, record(snakemake))
