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

Settings whose names begin with a set of languages are of values that drift along the tree of
languages (`tree_verdicts`); peers that know no tree stand beside the model with the tree, and are
not marked.

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
from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from tree_verdicts import PEERS, TREE_SETTINGS, TreeName
from tree_verdicts import batch as tree_batch
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
Rates = dict[tuple[Name | TreeName, str, str], list[np.ndarray]]


@dataclass(frozen=True)
class Result:
    """Of one statement in one setting."""

    setting: Name | TreeName
    statement: str
    kind: str
    rate: float
    error: float
    tables: int

    @property
    def marked(self) -> bool:
        """Whether it is worse than its limit by more than two errors."""
        if self.kind not in LIMITS or self.statement in PEERS:
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
    settings: Sequence[Name],
    trees: Sequence[TreeName] = (),
    *,
    tables: int,
    draws: int,
    seed: int,
    processes: int,
) -> list[Result]:
    """Every statement in every setting, with a line of progress a setting."""
    shared: dict[tuple[float, float], list[Name]] = {}
    for name in settings:
        shared.setdefault((name.icc, name.correlation), []).append(name)
    groups: list[list[Name] | list[TreeName]] = [*shared.values(), *([name] for name in trees)]
    numbers = range(-(-tables // BATCH))
    rates: Rates = {}
    done = [0] * len(groups)
    start = time.perf_counter()
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        jobs = {}
        for place, held in enumerate(groups):
            for number in numbers:
                count = min(BATCH, tables - number * BATCH)
                first = held[0]
                job = (
                    pool.submit(tree_batch, first, number, count, seed)
                    if isinstance(first, TreeName)
                    else pool.submit(batch, held, number, count, draws, seed)
                )
                jobs[job] = place
        for job in as_completed(jobs):
            place = jobs[job]
            for key, found in job.result().items():
                rates.setdefault(key, []).extend(found)
            done[place] += 1
            if done[place] == len(numbers):
                for name in groups[place]:
                    print(f"{time.perf_counter() - start:6.0f} s  {name}", file=sys.stderr)
    # Settings of the two kinds have no order between them.
    order = sorted(rates, key=lambda key: (isinstance(key[0], TreeName), key))
    return [result(*key, np.concatenate(rates[key])) for key in order]


def result(setting: Name | TreeName, statement: str, kind: str, rates: np.ndarray) -> Result:
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
        if each.kind == kind and each.tables > 1 and isinstance(each.setting, Name):
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
    for kind, names, found in of_trees(results):
        lines += ["", f"{kind + ', %':<40}" + "".join(f"{name!s:>22}" for name in names)]
        for statement, cells in found.items():
            lines.append(f"{statement:<40}" + "".join(f"{cell!s:>22}" for cell in cells.values()))
    return "\n".join(lines)


def of_trees(
    results: Sequence[Result],
) -> Iterator[tuple[str, list[TreeName], dict[str, dict[TreeName, Result | str]]]]:
    """Of each kind the settings with trees, and of each statement what was found in them."""
    held = [each for each in results if isinstance(each.setting, TreeName) and each.tables > 1]
    names = [name for name in TREE_SETTINGS if any(each.setting == name for each in held)]
    for kind in dict.fromkeys(each.kind for each in held):
        found: dict[str, dict[TreeName, Result | str]] = {}
        for each in held:
            if each.kind == kind:
                cells = found.setdefault(each.statement, dict.fromkeys(names, ""))
                cells[each.setting] = each
        yield kind, names, found


def markdown(results: Sequence[Result], lines: Sequence[str]) -> str:
    """The same for `docs/`."""
    parts = ["# Calibration of verdicts", "", "Made by `python benchmarks/calibration.py`."]
    parts += ["", *(f"- {line}" for line in lines)]
    if any(isinstance(each.setting, Name) for each in results):
        parts += ["", _EXPLAINED]
    heads = [f"{n} seeds" if n > 1 else "1 seed" for n in SEED_COUNTS]
    for kind in (*LIMITS, SEEN):
        rows = {
            statement: [found.get(n, "") for n in SEED_COUNTS]
            for statement, found in worst(results, kind)
        }
        if rows:
            parts += _table(f"## {_titled(kind)}", heads, rows)
    trees = list(of_trees(results))
    if trees:
        parts += ["", "## Languages that are kin", "", _OF_TREES]
    for kind, names, held in trees:
        rows = {statement: list(cells.values()) for statement, cells in held.items()}
        parts += _table(f"### Along the tree: {_titled(kind).lower()}", map(str, names), rows)
    parts += ["", "## Marked", "", *(f"- {line}" for line in summary(results))]
    return "\n".join(parts) + "\n"


def _titled(kind: str) -> str:
    bound = "at most" if kind == FALSE else "at least"
    limit = f", {bound} {100 * LIMITS[kind]:g}" if kind in LIMITS else ""
    return f"{kind.capitalize()}, in percent{limit}"


def _table(
    title: str, heads: Iterable[str], rows: Mapping[str, Sequence[Result | str]]
) -> Iterator[str]:
    columns = list(heads)
    yield from ("", title, "", f"| Statement | {' | '.join(columns)} |")
    yield "| --- |" + " ---: |" * len(columns)
    for statement, found in rows.items():
        cells = [str(each).replace("+-", "±") for each in found]
        cells = [f"**{cell.removesuffix(' *')}**" if "*" in cell else cell for cell in cells]
        yield f"| {statement} | {' | '.join(cells)} |"


_EXPLAINED = """\
Each cell is the worst of the settings with that number of seeds (runs that differ by 0.5 and 3
points, items of a cluster that correlate 0, 0.1 and 0.2, changes of a language that correlate 0,
0.5 and 0.8 over targets), with its Monte Carlo error. Bold is what is worse than its limit by more
than two errors; of statements that are true exactly at their level one in 44 is, by chance. The
script says what is simulated and judged."""

_OF_TREES = """\
Values of XTREME's languages and of 200 of SIB-200's that drift along the tree of languages: lambda
is the share of their variance that does, the rest is each language's own. Nothing goes with the
distance from English, and families differ by nothing but their descent. What stands beside the
models with the tree knows no tree: a random intercept of families, analysis of variance, or
languages as if they were independent; it is never marked."""


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
    trees = [name for name in TREE_SETTINGS if options.settings in str(name)]
    if not chosen and not trees:
        parser.error(f"no setting contains {options.settings!r}; there are, e.g., {SETTINGS[0]}")
    start = time.perf_counter()
    results = calibrate(
        chosen,
        trees,
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
