"""Generate one part of one task's data (`xstilts.data.invitro`)."""

from xstilts.execution.jobs import job, record

with job(snakemake):
    from pathlib import Path

    from xstilts.config.tasks import TASKS
    from xstilts.data.invitro.generate import World, write_part
    from xstilts.graph.locate import Unit

    settings = snakemake.params.data
    world = settings["world"]
    write_part(
        TASKS[snakemake.params.task["key"]],
        snakemake.wildcards.part,
        [Unit(**unit) for unit in settings["units"]],
        # Only the plain text is translated, so only its slice says how often.
        World(world["seed"], tuple(world["languages"]), world.get("translated_share", 0.0)),
        settings["sizes"],
        Path(snakemake.output[0]),
        record(snakemake),
    )
