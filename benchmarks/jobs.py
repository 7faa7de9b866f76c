"""Where the time of a finished run went, by rule, from the record that each job leaves of its cost.

    python benchmarks/jobs.py results/demo

Seconds and CPU seconds are of the job's whole process, its start and its children among them, with
the attempts that failed; memory is the greatest resident size of one job. Snakemake's own benchmark
files are not read: they sample a process that lasts longer than 16 seconds every 30, and lose what
it did after the last sample.
"""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl

from xstilts.execution.cost.records import read_records


def by_rule(results: Path) -> pl.DataFrame:
    """Jobs, wall seconds, their mean, CPU seconds, share of all and memory (MB) of each rule."""
    folder = results / "benchmarks"
    rows = [
        {
            "rule": job.rule,
            "seconds": job.wall_seconds,
            "cpu": job.cpu_seconds,
            "memory": job.peak_memory_bytes / 1e6,
        }
        for job in read_records(folder)
    ]
    if not rows:
        sys.exit(f"no record of a finished job under {folder}")
    return (
        pl.DataFrame(rows)
        .group_by("rule")
        .agg(
            pl.len().alias("jobs"),
            pl.col("seconds").sum().round(1),
            pl.col("seconds").mean().round(2).alias("mean"),
            pl.col("cpu").sum().round(1),
            pl.col("memory").max().round(0),
        )
        .with_columns((100 * pl.col("cpu") / pl.col("cpu").sum()).round(1).alias("share"))
        .sort("cpu", descending=True)
    )


def main() -> None:
    """Print the table."""
    table = by_rule(Path(sys.argv[1] if len(sys.argv) > 1 else "results/demo"))
    with pl.Config(tbl_rows=-1, tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True):
        print(table)
    print(f"{table['cpu'].sum():.0f} CPU s in {table['jobs'].sum()} jobs")


if __name__ == "__main__":
    main()
