"""Planning time: `snakemake -n` and `xstilts plan` on a large grid, and a trivial workflow.

    python benchmarks/planning.py [--jobs 10000] [--repeats 3]

Four things are planned in turn, each in a process of its own: a workflow of as many jobs, each of
which has one input and runs `touch`, by `snakemake -n`; the graph of the grid with nothing of ours
in it (the same files, logs and scripts by rules whose parameters and resources are constants and
whose inputs are looked up); the grid itself; and the grid by `xstilts plan`. The table says how
many times as fast they are as the trivial workflow: less than 1 where they take longer. The aim is
1.5 times its CPU seconds, 0.67 times as fast.

The limit is Snakemake's own work for each job: it matches outputs with rules, looks whether files
exist and are up to date, opens scripts, and orders the jobs. A last run is looked at every two
milliseconds of CPU time, and the share of it is printed in which Snakemake was at work rather than
something that it called of this project.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import yaml
from measure import Row, Times, compared, machine, table

from xstilts.config.parse import parse_experiment
from xstilts.graph.cells import Grid
from xstilts.graph.jobs import Job, Jobs, output_patterns

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
# States are (encoder, recipe, seed); each has training, prediction and scores for all targets.
_JOBS_PER_STATE = 28
_ENCODERS, _SEEDS = 4, 10
_LANGUAGES = ("de", "fr", "es", "ru", "zh", "ar", "hi", "tr", "vi", "th", "sw", "ur", "bg", "el")
# Languages whose test data of UDPOS hold others too, which an experiment has to accept.
_FOREIGN = ("de", "el", "fr", "ru", "zh")

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

_BARE = """
import json
from pathlib import Path

known = json.loads(Path("bare.json").read_text())

rule all:
    input: known["last"]
"""
_BARE_RULE = """
rule {rule}:
    input: lambda wildcards: known["inputs"]["{rule} " + " ".join(wildcards)]
    output: {outputs}
    log: "{log}"
    wildcard_constraints: {constraints}
    resources: mem_mb=1500, runtime=30, gpu=0, device="cpu"
    params: task="task", decoding=None, code="code"
    message: "{rule}: {message}"
    script: "{script}"
"""
_SAMPLED, _MOMENTS, _SECONDS_BETWEEN = "--sampled", "moments: ", 0.002


def write_grid(folder: Path, jobs: int) -> Path:
    """An experiment on data of the hub, of which planning needs no file, with about `jobs` jobs."""
    recipes = round(jobs / _JOBS_PER_STATE / _ENCODERS / _SEEDS)
    tasks = ("mnli", "squad_v1", "hellaswag", "csqa", "qqp", "cosmosqa")
    names = [*tasks, *(f"mnli@{code}" for code in _LANGUAGES), *(f"{task}+mlm" for task in tasks)]
    revision = {"hub": "FacebookAI/xlm-roberta-large", "revision": "0" * 40}
    values = {
        "experiment": "large",
        "data_source": "hub",
        "device": "cpu",
        "accept_foreign": [f"udpos@{code}" for code in _FOREIGN],
        "encoders": {
            f"encoder{number}": {**revision, "retrieval": {"layer": 14}}
            for number in range(_ENCODERS)
        },
        "recipes": ["none", *names[: recipes - 1]],
        "seeds": list(range(1, _SEEDS + 1)),
        "text": {"root": str(folder / "text")},
    }
    (folder / "text").mkdir()
    (folder / "text/en.txt").write_text("A document.\n")
    path = folder / "grid.yaml"
    path.write_text(yaml.safe_dump(values, sort_keys=False))
    return path


def write_bare(folder: Path, grid: Grid) -> Path:
    """A workflow with the jobs of a grid, but those that collect and report, and no code of ours.

    Wildcards are taken as the grid's rules take them: of the values that occur.
    """
    by_rule: dict[str, list[Job]] = {}
    for job in Jobs(grid).jobs:
        by_rule.setdefault(job.rule, []).append(job)
    jobs = [job for found in by_rule.values() for job in found]
    read = {path for job in jobs for path in job.inputs}
    known = {
        "inputs": {f"{job.rule} {' '.join(job.wildcards.values())}": job.inputs for job in jobs},
        "last": sorted({path for job in jobs for path in job.outputs} - read),
    }
    (folder / "bare.json").write_text(json.dumps(known))
    text = _BARE
    for rule, of_rule in by_rule.items():
        names = list(of_rule[0].wildcards)
        values = {name: sorted({job.wildcards[name] for job in of_rule}) for name in names}
        text += _BARE_RULE.format(
            rule=rule,
            outputs=", ".join(map(_output, output_patterns(grid)[rule])),
            log=grid.paths.log(rule, *names),
            constraints=", ".join(
                f"{name}={'|'.join(map(re.escape, values[name]))!r}" for name in names
            ),
            message=", ".join(f"{{wildcards.{name}}}" for name in names),
            script=ROOT / "workflow/scripts/train.py",
        )
    path = folder / "bare.smk"
    path.write_text(text)
    return path


def _output(pattern: str) -> str:
    return f'"{pattern}"' if "." in Path(pattern).name else f'directory("{pattern}")'


def jobs_of(output: str) -> Counter[str]:
    """Jobs by rule, of the table that a dry run prints first."""
    table = output.split("Job stats:")[1].split("\n\n")[0]
    return Counter({rule: int(n) for rule, n in re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE)})


@dataclass(frozen=True)
class Spent:
    """What a command took, in seconds, and what it printed."""

    wall: float
    cpu: float
    output: str


def spent(command: list[str], folder: Path) -> Spent:
    """Run a command."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache")}
    before, start = os.times(), time.perf_counter()
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    wall, after = time.perf_counter() - start, os.times()
    if done.returncode:
        sys.exit(f"{' '.join(command)}\n{(done.stdout + done.stderr)[-2000:]}")
    cpu = after.children_user + after.children_system
    cpu -= before.children_user + before.children_system
    return Spent(wall, cpu, done.stdout + done.stderr)


def sampled(arguments: list[str]) -> None:
    """Run Snakemake in this process; print whose code was at work, and what was asked of ours.

    A moment is whose frame is the innermost, of those of Snakemake and of this project: what either
    calls of Python's library and of packages is its own.
    """
    import snakemake
    from snakemake.cli import main

    theirs, ours = str(Path(snakemake.__file__).parent), (f"{ROOT}/src", f"{ROOT}/workflow")
    moments: Counter[str] = Counter()

    def look(_: int, frame: FrameType | None) -> None:
        while frame is not None:
            file = frame.f_code.co_filename
            if file.startswith(theirs):
                moments["Snakemake"] += 1
                return
            if file.startswith(ours):
                moments[f"{Path(file).relative_to(ROOT)} {frame.f_code.co_name}"] += 1
                return
            frame = frame.f_back

    signal.signal(signal.SIGPROF, look)
    signal.setitimer(signal.ITIMER_PROF, _SECONDS_BETWEEN, _SECONDS_BETWEEN)
    try:
        main(arguments)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        print(f"{_MOMENTS}{json.dumps(moments)}")


def rows(jobs: int, repeats: int) -> Iterator[Row]:
    """Both dry runs, with and without our code, and the plan, beside the trivial workflow."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        grid = write_grid(folder, jobs)
        bare = write_bare(folder, Grid(parse_experiment(yaml.safe_load(grid.read_text()))))
        dry = ["--dry-run", "--quiet", "rules", "--cores", "1"]
        of_grid = [*dry, "--snakefile", str(ROOT / "Snakefile"), "--directory", str(folder)]
        of_grid += ["--workflow-profile", str(ROOT / "profiles/default"), "--configfile", str(grid)]
        triggers = ["--rerun-triggers", "mtime", "params", "input"]
        snakemake = str(BIN / "snakemake")
        found = jobs_of(spent([snakemake, *of_grid], folder).output)
        trivial = folder / "trivial.smk"
        trivial.write_text(_TRIVIAL.format(half=found["total"] // 2))
        peer, without = "a trivial workflow of as many jobs", "snakemake -n, without our code"
        commands = {
            peer: [snakemake, *dry, "--snakefile", str(trivial)],
            without: [snakemake, *dry, *triggers, "--snakefile", str(bare)],
            "snakemake -n": [snakemake, *of_grid],
            "xstilts plan": [str(BIN / "xstilts"), "plan", "--configfile", str(grid)],
        }
        times = {what: Times() for what in commands}
        for _ in range(repeats):
            for what, command in commands.items():
                one = spent(command, folder)
                times[what].cpu.append(one.cpu)
                times[what].wall.append(one.wall)
                if what == without:
                    of_bare = jobs_of(one.output)
        if any(found[rule] != number for rule, number in of_bare.items() if rule != "total"):
            sys.exit(f"not the same jobs: {found} and without our code {of_bare}")
        own, places = shares(spent([sys.executable, __file__, _SAMPLED, *of_grid], folder).output)
        print("Most of ours: " + "; ".join(places))
        for what, each in times.items():
            if what != peer:
                limit = f"Snakemake's own: {own:.1%}" if what == "snakemake -n" else ""
                aim = 1 / 1.5 if what == "snakemake -n" else None
                what = f"{what}, {found['total']:,} jobs"
                yield compared(what, each, times[peer], peer, aim, limit)


def shares(output: str) -> tuple[float, list[str]]:
    """The share of Snakemake's own code of what was at work, and where most of ours was."""
    moments = Counter(json.loads(output.split(_MOMENTS)[1].splitlines()[0]))
    total = moments.total()
    own = moments.pop("Snakemake") / total
    return own, [f"{number / total:.1%} {place}" for place, number in moments.most_common(5)]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    print(machine())
    print(table(rows(options.jobs, options.repeats)))


if __name__ == "__main__":
    if sys.argv[1:2] == [_SAMPLED]:
        sampled(sys.argv[2:])
    else:
        main()
