"""What became of the jobs that failed in a run: why, what it costs, and how to run them again.

Snakemake says which jobs have failed for good, whoever executed them (`workflow.scheduler.failed`);
a job itself says why, in the record that it leaves (`xstilts.execution.cost.meter`), and a cluster
says why it ended a job in the message that comes with the failure. Nothing is read from what is
printed.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import json
import logging
import re
import shlex
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from snakemake.cli import get_argument_parser

from xstilts.config.tasks import TARGETS
from xstilts.execution.cost.records import read_attempts
from xstilts.execution.files import write_json, write_text
from xstilts.execution.log import redact
from xstilts.graph.cells import Cell
from xstilts.graph.finished import ONLY_FINISHED
from xstilts.graph.paths import Paths, log_place

# Options that say what is run, as targets do, rather than how.
_ABOUT_WHAT = {"batch", "force", "forceall", "forcerun", "omit_from", "until"}
_CONFIG = ("--config", "-C")
_ANY = "a-target-of-any-name"

# Jobs of one cause that are shown on the console, and cells of one job; the file has all jobs.
_SHOWN_JOBS = 3
_SHOWN_CELLS = 4
# Clocks of two machines may differ, in seconds.
_CLOCKS = 2.0
_WIDTH = 400
_SAYS_WHY = re.compile(r"^(?:Fatal Python error: |[\w.]*(?:Error|Exception|Interrupt): )")


def command_for(targets: Sequence[str], arguments: Sequence[str]) -> str:
    """The command with which only these files are made, with the options of another command.

    Targets come first, since options such as `--config` would take them for theirs.

    Args:
        arguments: of the other command, without the program.
    """
    return shlex.join(["snakemake", *targets, *_options(arguments)])


def without_entry(key: str, arguments: Sequence[str]) -> list[str]:
    """Arguments without an entry of `--config`."""
    kept = [argument for argument in arguments if not argument.startswith(f"{key}=")]
    # An option that has lost its only entry goes too.
    following = [*kept[1:], "-"]
    return [
        argument
        for argument, after in zip(kept, following, strict=True)
        if not (argument in _CONFIG and after.startswith("-"))
    ]


def command_with(entry: str, arguments: Sequence[str]) -> str:
    """The command of a run without targets, with one more entry of `--config`."""
    options = _options(arguments)
    place = next((number for number, option in enumerate(options) if option in _CONFIG), None)
    if place is None:
        options += ["--config", entry]
    else:
        # The option may be given once, and what comes later holds.
        end = place + 1
        while end < len(options) and not options[end].startswith("-"):
            end += 1
        options.insert(end, entry)
    return shlex.join(["snakemake", *options])


def _options(arguments: Sequence[str]) -> list[str]:
    """The arguments that say how a run is made: neither targets nor options about what is run."""
    parser = get_argument_parser()
    rest = [
        argument
        for place, argument in enumerate(arguments)
        if argument != "--" and not _is_target(parser, arguments, place)
    ]
    names = parser._option_string_actions
    kept: list[str] = []
    keeps = True
    for argument in rest:
        if argument.startswith("-"):
            action = names.get(argument.partition("=")[0]) or names.get(argument[:2])
            keeps = action is None or action.dest not in _ABOUT_WHAT
        if keeps:
            kept.append(argument)
    return kept


def _is_target(parser: argparse.ArgumentParser, arguments: Sequence[str], place: int) -> bool:
    """Whether something else in the place of this argument would be taken for a target."""
    changed = [*arguments[:place], _ANY, *arguments[place + 1 :]]
    # An option that takes no such value says so in one way or another.
    with contextlib.redirect_stderr(io.StringIO()), contextlib.suppress(SystemExit, Exception):
        return not arguments[place].startswith("-") and _ANY in parser.parse_args(changed).targets
    return False


@dataclass(frozen=True, kw_only=True)
class Failure:
    """One job that failed for good.

    Attributes:
        words: what it was to do.
        rule, wildcards: which job it is.
        cause: its last error in one line.
        log: its log file, None where it has none.
        attempts: how often it was tried in the run.
        outputs: what it should have made, what is to be asked for first.
        lost: the cells, in words, that cannot be scored without it.
        again: the command that runs it again.
    """

    words: str
    rule: str
    wildcards: Mapping[str, str]
    cause: str
    log: str | None
    attempts: int
    outputs: tuple[str, ...]
    lost: tuple[str, ...]
    again: str

    @property
    def kind(self) -> tuple[str, str]:
        """Equal for failures of one cause, in whichever cell: the cause without names, numbers."""
        text = self.cause
        for name, value in self.wildcards.items():
            if value.isdigit():
                continue
            text = re.sub(rf"(?<![\w+@-]){re.escape(value)}(?![\w+@-])", name, text)
        return self.rule, re.sub(r"\d+(?:\.\d+)?", "0", text)


class Errors(logging.Handler):
    """What Snakemake and executors say of each job that fails, by the number of the job.

    A cluster's executor knows why it was ended: `OUT_OF_MEMORY`, `TIMEOUT`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.began = time.time()
        self.messages: dict[int, str] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the message of an executor on a failed job."""
        if str(getattr(record, "event", None)) == "job_error" and getattr(record, "rule_msg", None):
            self.messages[record.jobid] = record.rule_msg  # type: ignore[attr-defined]


def in_words(cell: Cell) -> str:
    """A cell for the reader of a list of failures."""
    title = TARGETS[cell.target].title
    return f"{cell.encoder} after {cell.recipe} on {title}, seed {cell.seed}"


def failed_jobs(
    workflow: Any, errors: Errors, cells: Mapping[str, str], arguments: Sequence[str]
) -> list[Failure]:
    """The jobs of a run of Snakemake that failed for good, those that lose most cells first.

    Args:
        workflow: as it is in a Snakefile.
        errors: what has been said during the run.
        cells: file of scores to the cell, in words.
        arguments: what the user's command had behind `snakemake`.
    """
    dag = workflow.dag
    order = {words: place for place, words in enumerate(cells.values())}
    found = []
    for job in _single(workflow.scheduler.failed):
        lost = [cells[path] for each in _after(dag, job) for path in each.output if path in cells]
        log = str(job.log[0]) if job.log else None
        # What is temporary is kept only if it is asked for by name.
        outputs = sorted(job.output, key=lambda path: path not in job.temp_output)
        found.append(
            Failure(
                words=" ".join((job.message or job.rule.name).split()),
                rule=job.rule.name,
                wildcards=dict(job.wildcards_dict),
                cause=_cause(log, errors.began, errors.messages.get(job.jobid)),
                log=log,
                attempts=job.attempt,
                outputs=tuple(map(str, outputs)),
                lost=tuple(sorted(lost, key=order.__getitem__)),
                again=command_for(outputs[:1], arguments),
            )
        )
    return sorted(found, key=lambda failure: (-len(failure.lost), failure.words))


def _single(failed: Iterable[Any]) -> Iterator[Any]:
    """Jobs; of a group, whose members fail together, those whose outputs are not there."""
    for job in failed:
        members = job.jobs if job.is_group() else [job]
        yield from (
            each for each in members if len(members) == 1 or not all(map(_exists, each.output))
        )


def _exists(path: Any) -> bool:
    return Path(path).exists()


def _after(dag: Any, job: Any) -> Iterator[Any]:
    """The job and all that need it, directly or not, each once."""
    seen, waiting = {job}, [job]
    while waiting:
        now = waiting.pop()
        yield now
        new = set(dag.depending[now]) - seen
        seen |= new
        waiting.extend(new)


def _cause(log: str | None, began: float, message: str | None) -> str:
    """Why a job failed, in one line: its own word, its log's, or what can be told without."""
    place = log and log_place(log)
    last = None
    if place and Path(place.record).exists():
        attempts = read_attempts(Path(place.record))
        last = attempts[-1] if attempts else None
        if last and datetime.fromisoformat(last["started"]).timestamp() < began - _CLOCKS:
            last = None
    if last and "error" in last:
        return _one_line(last["error"])
    in_log = _last_error(Path(log), began) if log and Path(log).exists() else None
    # A cluster says what it knows, and then where to look, which is told better below.
    ended = f" {_one_line(message.split('For further error details')[0])}" if message else ""
    if in_log and (last is None or in_log.startswith("Fatal")):
        return in_log + ended
    if last and last["finished"]:
        return (
            "it ended well, but what it should have made was not seen (on a network disk raise"
            f" --latency-wait){ended}"
        )
    if last:
        return (
            f"killed without a word after {last['wall_seconds']:.0f} s and with at most"
            f" {last['peak_memory_bytes'] / 1e9:.1f} GB of memory: out of memory, or a time limit?"
            f"{ended}"
        )
    return (
        "it left no word: it ended before it could open its log or record; what Snakemake printed"
        f" when it failed says more{ended and ':'}{ended}"
    )


def _last_error(log: Path, began: float) -> str | None:
    """The last line of a log that says why, if the log was written in this run."""
    if log.stat().st_mtime < began - _CLOCKS:
        return None
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((_one_line(line) for line in reversed(lines) if _SAYS_WHY.match(line)), None)


def _one_line(text: str) -> str:
    line = " ".join(redact(text).split())
    return line if len(line) <= _WIDTH else f"{line[:_WIDTH]} …"


@dataclass(frozen=True, kw_only=True)
class Book:
    """The failures of an experiment that have not been mended yet, kept in its folder.

    Args:
        paths: of the experiment.
        arguments: what the user's command had behind `snakemake`.
        total: how many cells the experiment has.
    """

    paths: Paths
    arguments: Sequence[str]
    total: int

    def update(self, workflow: Any, new: Sequence[Failure]) -> str | None:
        """Enter a run's failures; forget those that its jobs, or earlier ones, have mended.

        Returns:
            What to print on the new ones; None where there are none.
        """
        made = {str(path) for job in workflow.dag.jobs for path in job.output}
        earlier = [
            failure
            for failure in self._read()
            if made.isdisjoint(failure.outputs) and not all(map(_exists, failure.outputs))
        ]
        kept = [*new, *earlier]
        if kept:
            write_json(self.paths.failures_kept, [asdict(failure) for failure in kept])
            write_text(self.paths.failures, "\n".join(self._lines(kept, len(kept))) + "\n")
        else:
            for path in (self.paths.failures_kept, self.paths.failures):
                Path(path).unlink(missing_ok=True)
        if not new:
            return None
        lines = [*self._lines(new, _SHOWN_JOBS), "", f"All of this is in {self.paths.failures}."]
        return "\n".join(lines)

    def _read(self) -> list[Failure]:
        kept = Path(self.paths.failures_kept)
        if not kept.exists():
            return []
        rows = json.loads(kept.read_text(encoding="utf-8"))
        tuples = ("outputs", "lost")
        return [Failure(**{**row, **{name: tuple(row[name]) for name in tuples}}) for row in rows]

    def _lines(self, failures: Sequence[Failure], most: int) -> Iterator[str]:
        lost = {cell for failure in failures for cell in failure.lost}
        jobs = "1 job" if len(failures) == 1 else f"{len(failures):,} jobs"
        yield (
            f"{jobs} failed for good; without {'it' if len(failures) == 1 else 'them'}"
            f" {len(lost):,} of {self.total:,} cells cannot be scored."
        )
        causes: dict[tuple[str, str], list[Failure]] = {}
        for failure in failures:
            causes.setdefault(failure.kind, []).append(failure)
        for number, alike in enumerate(causes.values(), start=1):
            yield ""
            many = f"{len(alike)} jobs: " if len(alike) > 1 else ""
            yield f"{number}. {many}{alike[0].cause}"
            for failure in alike[:most]:
                yield from self._about(failure)
            if len(alike) > most:
                yield f"   and {len(alike) - most:,} more of {alike[0].rule}"
        yield ""
        arguments = without_entry(ONLY_FINISHED, self.arguments)
        yield "All that is missing, and nothing else:"
        yield f"   {command_for([], arguments)}"
        yield "A report on what is finished:"
        yield f"   {command_with(f'{ONLY_FINISHED}=true', arguments)}"

    def _about(self, failure: Failure) -> Iterator[str]:
        times = "once" if failure.attempts == 1 else f"{failure.attempts} times"
        yield f"   {failure.words} (tried {times})"
        if failure.log:
            yield f"      log:   {failure.log}"
        if failure.lost:
            shown = "; ".join(failure.lost[:_SHOWN_CELLS])
            more = len(failure.lost) - _SHOWN_CELLS
            rest = f"; and {more:,} more" if more > 0 else ""
            many = "1 cell" if len(failure.lost) == 1 else f"{len(failure.lost):,} cells"
            yield f"      loses: {many}: {shown}{rest}"
        yield f"      again: {failure.again}"
