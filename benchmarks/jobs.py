"""Where the time of a finished run went, by rule, from the benchmark file of every job.

    python benchmarks/jobs.py results/demo

Seconds are those that Snakemake measured around each job's script; the start of the interpreter
before it is not in them. Memory is the greatest resident size of one job.
"""

from __future__ import annotations

import sys
from pathlib import Path

import polars as pl


def by_rule(results: Path) -> pl.DataFrame:
    """Jobs, wall seconds, their mean, CPU seconds, share of all and memory (MB) of each rule."""
    folder = results / "benchmarks"
    rows = [
        {
            "rule": path.relative_to(folder).parts[0],
            **pl.read_csv(path, separator="\t", null_values=["-", "NA"]).to_dicts()[-1],
        }
        for path in sorted(folder.rglob("*.tsv"))
    ]
    if not rows:
        sys.exit(f"no benchmark files under {folder}")
    jobs = pl.DataFrame(rows, infer_schema_length=None).cast(
        dict.fromkeys(("s", "cpu_time", "max_rss"), pl.Float64)
    )
    return (
        jobs.group_by("rule")
        .agg(
            pl.len().alias("jobs"),
            pl.col("s").sum().round(1).alias("seconds"),
            pl.col("s").mean().round(2).alias("mean"),
            pl.col("cpu_time").sum().round(1).alias("cpu"),
            pl.col("max_rss").max().alias("memory"),
        )
        .with_columns((100 * pl.col("seconds") / pl.col("seconds").sum()).round(1).alias("share"))
        .sort("seconds", descending=True)
    )


def main() -> None:
    """Print the table."""
    table = by_rule(Path(sys.argv[1] if len(sys.argv) > 1 else "results/demo"))
    with pl.Config(tbl_rows=-1, tbl_hide_dataframe_shape=True, tbl_hide_column_data_types=True):
        print(table)
    print(f"{table['seconds'].sum():.0f} s in {table['jobs'].sum()} jobs")


if __name__ == "__main__":
    main()
