"""Read, check and limit one part of one task's data (`xstilts.data.build`)."""

from xstilts.execution.jobs import job, record

with job(snakemake, online=True):
    from xstilts.config.tasks import TASKS
    from xstilts.data.build import PassagesOf, build_part
    from xstilts.execution.parquet import write_table
    from xstilts.graph.locate import Unit

    settings = snakemake.params.data
    tested = settings["tested_passages"]
    table, meta = build_part(
        TASKS[snakemake.params.task["key"]],
        snakemake.wildcards.part,
        [Unit(**unit) for unit in settings["units"]],
        source=settings["source"],
        limits=settings["limits"],
        revisions=settings["revisions"],
        dev_share=settings["dev_from_train"],
        tested=tested
        and PassagesOf(TASKS[tested["task"]], Unit(**tested["unit"]), tested["revisions"]),
    )
    write_table(snakemake.output[0], table, {**meta, **record(snakemake)})
