"""What a job that trains takes before it does anything: started cold, and as a copy of a template.

    python benchmarks/starting.py [--jobs 10] [--rounds 3]

A job is a process that imports what every job does first, and then either all that training
imports, or asks for a copy of a process that has imported it (`execution.warm`), which then imports
the same. CPU seconds are those of the job, of its copy and of the template meanwhile; the
template's own start, once a run, is not in them, and is printed.

The limit is the start of an interpreter with what asks for the copy, some 0.1 CPU seconds, and the
pages of memory that the copy writes to.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from measure import Row, Times, compared, machine, table

from xstilts.execution.warm import OFF, VARIABLE, offer

_JOB = """
import xstilts.execution.jobs
from xstilts.execution.warm import end_as, run_warm
status = run_warm(1, starts=True)
if status is not None:
    end_as(status)
import xstilts.training.run
"""


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _template() -> float:
    """CPU seconds of the template and of its copies that have ended."""
    ticks = 0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            command = (folder / "cmdline").read_bytes().split(b"\0")
            if b"xstilts.execution.warm" in command and str(os.getpid()).encode() in command:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
                ticks += sum(int(each) for each in fields[11:15])
        except OSError:
            continue  # it has just ended
    return ticks / os.sysconf("SC_CLK_TCK")


def _started(script: Path, jobs: int, variable: str) -> tuple[float, float]:
    """CPU and wall seconds of a job, as the mean over `jobs` one after the other."""
    environ = {**os.environ, VARIABLE: variable, "OMP_NUM_THREADS": "1"}
    cpu, wall = _children() + _template(), time.perf_counter()
    for _ in range(jobs):
        subprocess.run([sys.executable, script], env=environ, check=True)
    return (_children() + _template() - cpu) / jobs, (time.perf_counter() - wall) / jobs


def rows(jobs: int, rounds: int) -> Iterator[Row]:
    """Warm beside cold, in turn."""
    offer()
    warm, cold = Times(), Times()
    with tempfile.TemporaryDirectory() as name:
        script = Path(name) / "job.py"
        script.write_text(_JOB)
        first, _ = _started(script, 1, os.environ[VARIABLE])
        print(f"the first job of a run, with the template that it starts: {first:.1f} CPU s")
        for _ in range(rounds):
            for times, start in (
                (warm, partial(_started, script, jobs, os.environ[VARIABLE])),
                (cold, partial(_started, script, max(1, jobs // 5), OFF)),
            ):
                cpu, wall = start()
                times.cpu.append(cpu)
                times.wall.append(wall)
    yield compared("start a job that trains", warm, cold, "cold", None,
                   "aim: at most 0.3 CPU s")  # fmt: skip


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--jobs", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    print(machine())
    print(table(rows(options.jobs, options.rounds)))


if __name__ == "__main__":
    main()
