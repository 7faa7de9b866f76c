"""What became of the jobs that failed in a run: why, what it costs, and how to run them again.

Which jobs were run and which failed is taken from the events that Snakemake logs, whoever executed
them; a job itself says why, in the record that it leaves (`xstilts.execution.cost.meter`), and a
cluster says why it ended a job in the event of its failure. Nothing is read from what is printed.
"""

from __future__ import annotations

import json
import logging
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from snakemake_interface_logger_plugins.common import LogEvent

from xstilts.config.tasks import TARGETS
from xstilts.execution.cost.records import read_attempts
from xstilts.execution.files import write_json, write_text
from xstilts.execution.log import redact
from xstilts.execution.progress import job_in_words
from xstilts.execution.run_command import command_for, command_with, without_entry
from xstilts.execution.snakemake_internals import without_where_to_look
from xstilts.graph.cells import Cell
from xstilts.graph.finished import ONLY_FINISHED
from xstilts.graph.jobs import Job
from xstilts.graph.paths import Paths, log_place

# Jobs of one cause that are shown on the console, and cells of one job; the file has all jobs.
_SHOWN_JOBS = 3
_SHOWN_CELLS = 4
# Clocks of two machines may differ, in seconds.
_CLOCKS = 2.0
_WIDTH = 400
_SAYS_WHY = re.compile(r"^(?:Fatal Python error: |[\w.]*(?:Error|Exception|Interrupt): )")
# In an object storage a file is named by its address, and by what is done with it.
_IN_STORAGE = re.compile(r"^\w+://\S*?(results/\S+)")


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


@dataclass(kw_only=True)
class RunJob:
    """One job as the events of a run show it.

    Attributes:
        attempts: how often it was begun.
        has_failed: its last attempt has.
        in_storage: what it makes is kept in an object storage.
        in_group: it failed with others, of whom some may have made their files.
        message: what its executor said of its failure.
    """

    words: str
    rule: str
    wildcards: Mapping[str, str]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    log: str | None
    in_storage: bool
    attempts: int = 1
    has_failed: bool = False
    in_group: bool = False
    message: str | None = None

    @property
    def is_made(self) -> bool:
        """Whether all that it should make is there."""
        return all(map(_exists, self.outputs))


class RunEvents(logging.Handler):
    """The jobs of a run, by number, from the events that Snakemake logs.

    A cluster's executor knows why a job was ended: `OUT_OF_MEMORY`, `TIMEOUT`.
    """

    def __init__(self) -> None:
        super().__init__()
        self.began = time.time()
        self.jobs: dict[int, RunJob] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Take note of a job that begins or fails."""
        try:
            self._take(record)
        except Exception:
            # A run does not end because its jobs are listed.
            self.handleError(record)

    def _take(self, record: Any) -> None:
        match getattr(record, "event", None):
            case LogEvent.JOB_INFO:
                before = self.jobs.get(record.jobid)
                self.jobs[record.jobid] = RunJob(
                    words=job_in_words(record),
                    rule=record.rule_name,
                    wildcards=dict(record.wildcards),
                    inputs=tuple(map(_path, record.input)),
                    outputs=tuple(map(_path, record.output)),
                    log=_path(record.log[0]) if record.log else None,
                    in_storage=any(map(_IN_STORAGE.match, record.output)),
                    attempts=before.attempts + 1 if before else 1,
                )
            case LogEvent.GROUP_ERROR:
                for member in record.job_error_info:
                    self.jobs[member["jobid"]].in_group = True
            case LogEvent.JOB_ERROR:
                job = self.jobs[record.jobid]
                job.has_failed, job.message = True, getattr(record, "rule_msg", None)

    def failed(self) -> Iterator[RunJob]:
        """The jobs that failed for good: what has begun again by now has not."""
        needed = {path for job in self.jobs.values() for path in job.inputs}
        for job in self.jobs.values():
            if job.has_failed:
                if not (job.in_group and job.is_made):
                    yield job
            # Of a job that ended well, and whose files are not seen here, there is no such event.
            # What is temporary is gone when all that needs it has begun.
            elif (
                needed.isdisjoint(job.outputs)
                and not (job.is_made or job.in_storage)
                and (_last_attempt(job.log, self.began) or {}).get("finished")
            ):
                yield job

    def outputs(self) -> set[str]:
        """What the jobs that were begun make."""
        return {path for job in self.jobs.values() for path in job.outputs}


def _path(named: str) -> str:
    found = _IN_STORAGE.match(named)
    return found[1] if found else named


def in_words(cell: Cell) -> str:
    """A cell for the reader of a list of failures."""
    title = TARGETS[cell.target].title
    return f"{cell.encoder} after {cell.recipe} on {title}, seed {cell.seed}"


def failed_jobs(
    events: RunEvents,
    jobs: Callable[[], Sequence[Job]],
    cells: Mapping[str, str],
    arguments: Sequence[str],
) -> list[Failure]:
    """The jobs of a run of Snakemake that failed for good, those that lose most cells first.

    Args:
        events: what has been logged during the run.
        jobs: gives those of the experiment.
        cells: file of scores to the cell, in words.
        arguments: what the user's command had behind `snakemake`.
    """
    failed = list(events.failed())
    readers: dict[str, list[Job]] = {}
    for job in jobs() if failed else ():
        for path in job.inputs:
            readers.setdefault(path, []).append(job)
    places = {path: place for place, path in enumerate(cells)}
    found = []
    for each in failed:
        missing = _made_of(each, readers)
        failure = Failure(
            words=each.words,
            rule=each.rule,
            wildcards=each.wildcards,
            cause=_cause(each.log, events.began, each.message),
            log=each.log,
            attempts=each.attempts,
            outputs=each.outputs,
            lost=tuple(
                cells[path] for path in sorted(missing & places.keys(), key=places.__getitem__)
            ),
            # What is temporary is kept only if it is asked for by name, and is named first.
            again=command_for(each.outputs[:1], arguments),
        )
        found.append(failure)
    return sorted(found, key=lambda failure: (-len(failure.lost), failure.words))


def _made_of(failed: RunJob, readers: Mapping[str, Sequence[Job]]) -> set[str]:
    """What a job should have made, and all that is made of that, directly or not.

    Args:
        readers: file to the jobs that read it.
    """
    found = set(failed.outputs)
    left = list(found)
    while left:
        made = {path for job in readers.get(left.pop(), ()) for path in job.outputs}
        left += made - found
        found |= made
    return found


def _exists(path: str) -> bool:
    return Path(path).exists()


def _cause(log: str | None, began: float, message: str | None) -> str:
    """Why a job failed, in one line: its own word, its log's, or what can be told without."""
    last = _last_attempt(log, began)
    if last and "error" in last:
        return _one_line(last["error"])
    in_log = _last_error(Path(log), began) if log and Path(log).exists() else None
    ended = f" {_one_line(without_where_to_look(message))}" if message else ""
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


def _last_attempt(log: str | None, began: float) -> Mapping[str, Any] | None:
    """What the last attempt of a job recorded, if it was one of this run."""
    place = log_place(log) if log else None
    if place is None or not Path(place.record).exists():
        return None
    attempts = read_attempts(Path(place.record))
    last = attempts[-1] if attempts else None
    if last and datetime.fromisoformat(last["started"]).timestamp() < began - _CLOCKS:
        return None
    return last


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

    def update(self, made: Set[str], new: Sequence[Failure]) -> str | None:
        """Enter a run's failures; forget those that its jobs, or earlier ones, have mended.

        Args:
            made: what the jobs of the run made, or should have.

        Returns:
            What to print on the new ones; None where there are none.
        """
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
