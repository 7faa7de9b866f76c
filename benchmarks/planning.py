"""Planning time: `snakemake -n` and `xstilts plan` on a large grid, and a trivial workflow.

    python benchmarks/planning.py [--jobs 30000] [--repeats 3]

Three things are planned in turn, each in a process of its own, and medians and ratios to the
trivial workflow are printed: the grid by `snakemake -n`, the grid by `xstilts plan`, and a
workflow of as many jobs, each of which has one input and runs `touch`, by `snakemake -n`. The
limit is Snakemake's own work for each job: it matches outputs with rules, looks whether files
exist and are up to date, and orders the jobs.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
# States are (encoder, recipe, seed); each has training, prediction and scores for all targets.
_JOBS_PER_STATE = 28
_ENCODERS, _SEEDS = 4, 10
_LANGUAGES = ("de", "fr", "es", "ru", "zh", "ar", "hi", "tr", "vi", "th", "sw", "ur", "bg", "el")

_TRIVIAL = """
rule all:
    input: expand("second/{{number}}", number=range({half}))

rule first:
    output: "first/{{number}}"
    shell: "touch {{output}}"

rule second:
    input: "first/{{number}}"
    output: "second/{{number}}"
    shell: "touch {{output}}"
"""


def write_grid(folder: Path, jobs: int) -> Path:
    """An experiment on data of the hub, of which planning needs no file, with about `jobs` jobs."""
    recipes = round(jobs / _JOBS_PER_STATE / _ENCODERS / _SEEDS)
    tasks = ("mnli", "squad_v1", "hellaswag", "csqa", "qqp", "cosmosqa")
    names = [*tasks, *(f"mnli@{code}" for code in _LANGUAGES), *(f"{task}+mlm" for task in tasks)]
    revision = {"hub": "FacebookAI/xlm-roberta-large", "revision": "0" * 40}
    values = {
        "experiment": "large",
        "data_source": "hub",
        "encoders": {
            f"encoder{number}": {**revision, "retrieval": {"layer": 14}}
            for number in range(_ENCODERS)
        },
        "recipes": ["none", *names[: recipes - 1]],
        "seeds": list(range(1, _SEEDS + 1)),
        "text": {"root": "text"},
    }
    (folder / "text").mkdir()
    (folder / "text/en.txt").write_text("A document.\n")
    path = folder / "grid.yaml"
    path.write_text(yaml.safe_dump(values, sort_keys=False))
    return path


def jobs_of(output: str) -> int:
    """The total of the table of jobs that a dry run prints."""
    totals = [line.split()[1] for line in output.splitlines() if line.startswith("total ")]
    return int(totals[0])


def timed(command: list[str], folder: Path) -> tuple[float, str]:
    """Wall seconds and output of a command."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
    start = time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    seconds = time.perf_counter() - start
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{(done.stdout + done.stderr)[-2000:]}")
    return seconds, done.stdout + done.stderr


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=30_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        grid = write_grid(folder, options.jobs)
        dry = [str(BIN / "snakemake"), "--dry-run", "--quiet", "rules", "--cores", "1"]
        profile = ["--workflow-profile", str(ROOT / "profiles/default")]
        of_grid = [*dry, "--snakefile", str(ROOT / "Snakefile"), *profile]
        of_grid += ["--directory", str(folder), "--configfile", str(grid)]
        found = jobs_of(timed(of_grid, folder)[1])
        trivial = folder / "trivial.smk"
        trivial.write_text(_TRIVIAL.format(half=found // 2))
        commands = {
            "trivial workflow, snakemake -n": [*dry, "--snakefile", str(trivial)],
            "grid, snakemake -n": of_grid,
            "grid, xstilts plan": [str(BIN / "xstilts"), "plan", "--configfile", str(grid)],
        }
        seconds: dict[str, list[float]] = {name: [] for name in commands}
        for _ in range(options.repeats):
            for name, command in commands.items():
                seconds[name].append(timed(command, folder)[0])
        print(f"{found:,} jobs, medians of {options.repeats}")
        peer = statistics.median(seconds["trivial workflow, snakemake -n"])
        for name, values in seconds.items():
            median = statistics.median(values)
            print(f"{name:<34}{median:8.1f} s  {median / peer:6.2f} times the trivial workflow")


if __name__ == "__main__":
    main()
