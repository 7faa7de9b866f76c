"""Whether verdicts are true at their level: false alarms, coverage and power on simulated tables.

    python benchmarks/calibration.py [--tables 1000] [--settings "seeds 2"] [--seed 1]
        [--processes 2] [--draws 200] [--json FILE] [--markdown FILE]

Settings: 1, 2, 3 and 5 seeds, runs that differ by a standard deviation of 0.5 and 3 points, items
of a cluster that correlate 0, 0.1 and 0.2 while a language's changes correlate 0, 0.5 and 0.8 over
targets. Of one seed a statement is on the run, whatever other runs would give, so that runs differ
by nothing there. `score_tables` says what a table is, `verdicts` what is judged of it.

A false alarm is a table in which some statement of a family is made of no effect, or of one with
the other sign; coverage is of 95 % intervals; power is that of finding a planted effect, twice the
smallest that can be detected. Each is a mean over tables, and "+-" its Monte Carlo error. Marked
are false alarms above 5 %, coverage below 94 % and power below 95 %, by more than two errors. Of
statements that are true exactly at their level one in 44 is marked by chance; whether it was chance
another --seed tells.

Tables serve all settings that share the correlation of items: simulated once, they are looked at
with fewer seeds and with other deviations. Fewer draws than the 10,000 of a report make standard
errors uncertain by 1 / sqrt(2 draws), 5 % for 200, and false alarms of one seed a little more.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path

# Processes share the cores, so each computes on one; read when numpy is imported.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np
from claim_verdicts import claims
from fairness_verdicts import fairness
from gain_verdicts import gains
from item_verdicts import pitfalls, robustness
from recipe_verdicts import harm, order
from score_tables import SEEDS, Tables, World
from verdicts import COVERED, FALSE, FOUND, SEEN, Setting

SEED_COUNTS = (1, 2, 3, SEEDS)
SPREADS = (0.5, 3.0)
# Intraclass correlation of items, and the correlation of a language's changes over targets.
CORRELATIONS = ((0.0, 0.0), (0.1, 0.5), (0.2, 0.8))
LIMITS = {FALSE: 0.05, COVERED: 0.94, FOUND: 0.95}
# Tables that are simulated together, and permutations of families over languages.
BATCH = 40
PERMUTATIONS = 500


@dataclass(frozen=True, order=True)
class Name:
    """One setting."""

    seeds: int
    spread: float
    icc: float
    correlation: float

    def __str__(self) -> str:
        return (
            f"seeds {self.seeds}, SD {self.spread:g}, ICC {self.icc:g},"
            f" correlation {self.correlation:g}"
        )


SETTINGS = tuple(
    Name(seeds, spread, *pair)
    for pair in CORRELATIONS
    for seeds in SEED_COUNTS
    for spread in (SPREADS if seeds > 1 else (0.0,))
)

# (setting, statement, kind) to the rates of tables
Rates = dict[tuple[Name, str, str], list[np.ndarray]]


@dataclass(frozen=True)
class Result:
    """Of one statement in one setting."""

    setting: Name
    statement: str
    kind: str
    rate: float
    error: float
    tables: int

    @property
    def marked(self) -> bool:
        """Whether it is worse than its limit by more than two errors."""
        if self.kind not in LIMITS:
            return False
        worse = self.rate - LIMITS[self.kind]
        return (worse if self.kind == FALSE else -worse) > 2 * self.error

    def __str__(self) -> str:
        shown = f"{100 * self.rate:.1f} +- {100 * self.error:.1f}"
        return f"{shown} *" if self.marked else shown


def batch(settings: Sequence[Name], number: int, count: int, draws: int, seed: int) -> Rates:
    """What is found in some tables, in settings that share the correlation of items."""
    icc, correlation = settings[0].icc, settings[0].correlation
    random = np.random.Generator(np.random.SFC64([seed, number, round(100 * icc)]))
    tables = Tables.simulate(World(icc=icc, correlation=correlation, draws=draws), count, random)
    found: Rates = {}
    for name in settings:
        setting = Setting(tables=tables, seeds=name.seeds, spread=name.spread, number=number)
        for check in _checks(setting):
            found.setdefault((name, check.statement, check.kind), []).append(check.rates)
    return found


def _checks(setting: Setting) -> Iterator:
    yield from gains(setting)
    yield from fairness(setting)
    yield from harm(setting, PERMUTATIONS)
    yield from order(setting)
    yield from claims(setting)
    yield from robustness(setting)
    yield from pitfalls(setting)


def calibrate(
    settings: Sequence[Name], *, tables: int, draws: int, seed: int, processes: int
) -> list[Result]:
    """Every statement in every setting, with a line of progress a setting."""
    shared: dict[tuple[float, float], list[Name]] = {}
    for name in settings:
        shared.setdefault((name.icc, name.correlation), []).append(name)
    numbers = range(-(-tables // BATCH))
    rates: Rates = {}
    done = dict.fromkeys(shared, 0)
    start = time.perf_counter()
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        jobs = {
            pool.submit(batch, held, number, min(BATCH, tables - number * BATCH), draws, seed): pair
            for pair, held in shared.items()
            for number in numbers
        }
        for job in as_completed(jobs):
            pair = jobs[job]
            for key, held in job.result().items():
                rates.setdefault(key, []).extend(held)
            done[pair] += 1
            if done[pair] == len(numbers):
                for name in shared[pair]:
                    print(f"{time.perf_counter() - start:6.0f} s  {name}", file=sys.stderr)
    return [result(*key, np.concatenate(held)) for key, held in sorted(rates.items())]


def result(setting: Name, statement: str, kind: str, rates: np.ndarray) -> Result:
    """The mean over tables with its Monte Carlo error; what could not be checked is left out."""
    known = rates[np.isfinite(rates)].astype(float)
    count = len(known)
    return Result(
        setting=setting,
        statement=statement,
        kind=kind,
        rate=float(known.mean()) if count else float("nan"),
        error=float(known.std(ddof=1)) / count**0.5 if count > 1 else float("nan"),
        tables=count,
    )


def header(arguments: argparse.Namespace, seconds: float) -> list[str]:
    """When, with what and on what machine."""
    packages = ", ".join(f"{name} {version(name)}" for name in ("xstilts", "numpy", "scipy"))
    return [
        f"{datetime.now(UTC):%Y-%m-%d}, {packages}, Python {platform.python_version()}",
        f"{_processor()}, {os.cpu_count()} cores, {arguments.processes} processes, {seconds:.0f} s",
        f"{arguments.tables:,} tables a setting, {arguments.draws} draws, seed {arguments.seed}",
    ]


def _processor() -> str:
    known = Path("/proc/cpuinfo")
    lines = known.read_text().splitlines() if known.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return (names or [platform.processor() or platform.machine()])[0]


def worst(results: Sequence[Result], kind: str) -> Iterator[tuple[str, dict[int, Result]]]:
    """Each statement, and by number of seeds the result that is worst of the settings."""
    held: dict[str, dict[int, list[Result]]] = {}
    for each in results:
        if each.kind == kind and each.tables > 1:
            of_seeds = held.setdefault(each.statement, {})
            of_seeds.setdefault(each.setting.seeds, []).append(each)

    def badness(each: Result) -> tuple[bool, float]:
        return each.marked, each.rate if kind == FALSE else -each.rate

    for statement, by_seeds in sorted(held.items()):
        yield statement, {seeds: max(found, key=badness) for seeds, found in by_seeds.items()}


def summary(results: Sequence[Result]) -> list[str]:
    """How much is marked, and what."""
    known = [each for each in results if each.tables > 1]
    marked = [each for each in known if each.marked]
    lines = []
    for kind, limit in LIMITS.items():
        number = sum(each.kind == kind for each in known)
        bad = sum(each.kind == kind for each in marked)
        lines.append(f"{kind}: {bad} of {number:,} marked (limit {100 * limit:g} %)")
    return lines + [f"* {each.kind}, {each.statement}; {each.setting}: {each}" for each in marked]


def text(results: Sequence[Result]) -> str:
    """Tables of the worst setting for each number of seeds, in percent."""
    lines = []
    for kind in (*LIMITS, SEEN):
        columns = "".join(f"{f'{n} seeds' if n > 1 else '1 seed':>16}" for n in SEED_COUNTS)
        lines += ["", f"{kind + ', %':<58}{columns}"]
        for statement, found in worst(results, kind):
            cells = (str(found[n]) if n in found else "-" for n in SEED_COUNTS)
            lines.append(f"{statement:<58}" + "".join(f"{cell:>16}" for cell in cells))
    return "\n".join(lines)


def markdown(results: Sequence[Result], lines: Sequence[str]) -> str:
    """The same for `docs/`."""
    parts = ["# Calibration of verdicts", "", "Made by `python benchmarks/calibration.py`."]
    parts += ["", *(f"- {line}" for line in lines), "", _EXPLAINED]
    heads = " | ".join(f"{n} seeds" if n > 1 else "1 seed" for n in SEED_COUNTS)
    for kind in (*LIMITS, SEEN):
        bound = "at most" if kind == FALSE else "at least"
        limit = f", {bound} {100 * LIMITS[kind]:g}" if kind in LIMITS else ""
        parts += ["", f"## {kind.capitalize()}, in percent{limit}", ""]
        parts += [f"| Statement | {heads} |", "| --- |" + " ---: |" * len(SEED_COUNTS)]
        for statement, found in worst(results, kind):
            cells = [str(found[n]).replace("+-", "±") if n in found else "" for n in SEED_COUNTS]
            cells = [f"**{cell.removesuffix(' *')}**" if "*" in cell else cell for cell in cells]
            parts.append(f"| {statement} | {' | '.join(cells)} |")
    parts += ["", "## Marked", "", *(f"- {line}" for line in summary(results))]
    return "\n".join(parts) + "\n"


_EXPLAINED = """\
Each cell is the worst of the settings with that number of seeds (runs that differ by 0.5 and 3
points, items of a cluster that correlate 0, 0.1 and 0.2, changes of a language that correlate 0,
0.5 and 0.8 over targets), with its Monte Carlo error. Bold is what is worse than its limit by more
than two errors; of statements that are true exactly at their level one in 44 is, by chance. The
script says what is simulated and judged."""


def main(arguments: Mapping[str, object] | None = None) -> None:
    """Read the command line, calibrate, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", type=int, default=1_000, help="in each setting")
    parser.add_argument("--settings", default="", help="only those whose name contains this")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--draws", type=int, default=200, help="of the bootstrap")
    parser.add_argument("--json", type=Path, help="every result")
    parser.add_argument("--markdown", type=Path, help="the tables, for docs/")
    options = parser.parse_args()
    chosen = [name for name in SETTINGS if options.settings in str(name)]
    if not chosen:
        parser.error(f"no setting contains {options.settings!r}; there are, e.g., {SETTINGS[0]}")
    start = time.perf_counter()
    results = calibrate(
        chosen,
        tables=options.tables,
        draws=options.draws,
        seed=options.seed,
        processes=options.processes,
    )
    lines = header(options, time.perf_counter() - start)
    print("\n".join([*lines, text(results), "", *summary(results)]))
    if options.json:
        rows = [vars(each) | {"setting": vars(each.setting)} for each in results]
        options.json.write_text(json.dumps({"header": lines, "results": rows}, indent=1))
    if options.markdown:
        options.markdown.write_text(markdown(results, lines))


if __name__ == "__main__":
    main()
