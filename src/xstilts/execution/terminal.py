"""What a run shows in a terminal: one live display in place of lines for each job.

A logger plugin of Snakemake. Warnings, errors and what jobs print stand above the display. Where
nobody watches (a file, a pipe), and where more is asked for (a dry run, `--verbose`,
`--printshellcmds`) or less (`--quiet rules`), it leaves all to Snakemake's own logger.
"""

from __future__ import annotations

import logging
import os
import select
import sys
import threading
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from snakemake_interface_logger_plugins.base import LogHandlerBase
from snakemake_interface_logger_plugins.common import LogEvent

from xstilts.execution.progress import Running, RunProgress, clock, job_in_words, time_left

# Every process of Snakemake imports this module, and most show nothing.
if TYPE_CHECKING:
    from rich.console import Console, RenderableType

# Jobs that are shown, at most, and lines of a small terminal that are left to what is above.
_MOST_JOBS, _LINES_ABOVE = 12, 6
_BAR = 20
_COLUMNS, _LINES = 80, 24
_SECONDS_BETWEEN, _SECONDS_WAITED = 0.5, 0.1
_STDOUT, _STDERR = 1, 2
# As Snakemake's own logger has them.
_STYLES = {logging.INFO: "green", logging.WARNING: "yellow", logging.ERROR: "red"}

_shown: LogHandler | None = None


def plan_jobs(seconds_by_rule: Callable[[], Mapping[str, float]]) -> None:
    """Tell the display of this run, if it has one, about how long a job of each rule takes."""
    if _shown is not None:
        _shown.progress.planned.update(seconds_by_rule())


class LogHandler(LogHandlerBase):
    """Shows a run in a terminal; anywhere else it does nothing."""

    writes_to_file = False
    has_filter = False
    has_formatter = False
    needs_rulegraph = False

    def __post_init__(self) -> None:
        global _shown
        self.progress = RunProgress()
        self._console: Console | None = None
        self._display: Display | None = None
        self._later: list[logging.LogRecord] = []
        if _is_watched(self.common_settings):
            self._console = _console(self.common_settings)
            _shown = self

    @property
    def writes_to_stream(self) -> bool:
        """Whether this stands in place of Snakemake's own logger."""
        return self._console is not None

    def emit(self, record: logging.LogRecord) -> None:
        """Count what a record says, or print it."""
        if self._console is None:
            return
        try:
            self._show(record, self._console)
        except Exception:
            self.handleError(record)

    def _show(self, record: logging.LogRecord, console: Console) -> None:
        said, event, now = vars(record), getattr(record, "event", None), time.monotonic()
        match event:
            case LogEvent.RUN_INFO:
                self._print(record)
                stats = said["stats"]
                self.progress.expect({rule: stats[rule] for rule in stats if rule != "total"})
                self._display = self._display or Display(self.progress, console)
            case LogEvent.JOB_STARTED | LogEvent.PROGRESS:
                self._later.clear()
            case LogEvent.JOB_INFO:
                running = Running(said["rule_name"], job_in_words(record), now)
                self.progress.begin(said["jobid"], running)
                self._later.clear()
            case LogEvent.JOB_FINISHED:
                self.progress.end(said["job_id"], now)
                self._later.clear()
            case LogEvent.JOB_ERROR:
                self.progress.fail(said["jobid"], now)
                self._later.clear()
                self._print(record)
            case LogEvent.ERROR:
                self._print_later()
                self._print(record)
            case _ if self._display is None or record.levelno >= logging.WARNING:
                self._print(record)
            case _:
                # Between jobs that is what the scheduler does, and after the last one how it ended.
                self._later.append(record)

    def _print(self, record: logging.LogRecord) -> None:
        text = self.format(record)
        # Records of an event alone have no message.
        if self._console is not None and text not in ("", "None"):
            _print(self._console, text, _STYLES.get(record.levelno, ""))

    def _print_later(self) -> None:
        for record in self._later:
            self._print(record)
        self._later.clear()

    def close(self) -> None:
        """Leave the last state of the display, and print how the run ended."""
        global _shown
        if self._display is not None:
            self._display.close()
            self._display = None
        self._print_later()
        if _shown is self:
            _shown = None
        super().close()


def _is_watched(settings: Any) -> bool:
    """Whether somebody watches who has asked for neither more nor less."""
    quiet = {level.name for level in settings.quiet or ()}
    return (
        os.isatty(_STDERR)
        and os.environ.get("TERM", "dumb") != "dumb"
        and not (settings.dryrun or settings.verbose or settings.debug_dag)
        and not settings.printshellcmds
        and quiet.isdisjoint({"ALL", "RULES", "PROGRESS"})
    )


def _console(settings: Any) -> Console:
    from rich.console import Console

    # The terminal itself, wherever the descriptor leads later.
    terminal = os.fdopen(os.dup(_STDERR), "w", encoding="utf-8")
    return Console(
        file=terminal, no_color=settings.nocolor, highlight=False, markup=False, emoji=False
    )


def _print(console: Console, text: str, style: str = "") -> None:
    from rich.text import Text

    console.print(Text.from_ansi(text, style=style), soft_wrap=True)


class Display:
    """The display at the foot of a terminal, and above it whatever is printed meanwhile.

    Jobs print too, to the descriptors that they have from this process. These lead through a pipe
    as long as there is a display, since it cannot be drawn over lines that it does not know.
    """

    def __init__(self, progress: RunProgress, console: Console) -> None:
        from rich.live import Live

        self._progress, self._console = progress, console
        self._kept = {end: os.dup(end) for end in (_STDOUT, _STDERR) if os.isatty(end)}
        self._read, write = os.pipe()
        self._lead(dict.fromkeys(self._kept, write))
        os.close(write)
        self._is_over = threading.Event()
        self._reader = threading.Thread(target=self._pass_on, daemon=True)
        self._reader.start()
        self._live = Live(
            console=console,
            get_renderable=self._drawn,
            refresh_per_second=1 / _SECONDS_BETWEEN,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._live.start()

    def close(self) -> None:
        """Draw it for the last time; what is printed goes to the terminal again."""
        self._lead(self._kept)
        for kept in self._kept.values():
            os.close(kept)
        self._is_over.set()
        self._reader.join()
        os.close(self._read)
        self._live.stop()

    @staticmethod
    def _lead(ends: Mapping[int, int]) -> None:
        """Let descriptors lead to where others lead."""
        sys.stdout.flush()
        sys.stderr.flush()
        for end, other in ends.items():
            os.dup2(other, end)

    def _pass_on(self) -> None:
        """Print above the display what comes through the pipe, line by line."""
        begun = b""
        while True:
            if select.select([self._read], [], [], _SECONDS_WAITED)[0]:
                if not (found := os.read(self._read, 1 << 16)):
                    break
                *lines, begun = (begun + found).split(b"\n")
                if lines:
                    _print(self._console, b"\n".join(lines).decode(errors="replace"))
            # A job may hold its end of the pipe for longer than the run lasts.
            elif self._is_over.is_set():
                break
        if begun:
            _print(self._console, begun.decode(errors="replace"))

    def _drawn(self) -> RenderableType:
        from rich.console import Group
        from rich.progress_bar import ProgressBar
        from rich.table import Table

        progress, now, is_over = self._progress, time.monotonic(), self._is_over.is_set()
        columns, lines = os.get_terminal_size(self._console.file.fileno())
        # A terminal may not know its size.
        self._console.size = (columns or _COLUMNS, lines or _LINES)
        room = max(1, min(_MOST_JOBS, self._console.height - _LINES_ABOVE))
        running = [] if is_over else list(progress.running.values())
        jobs = Table.grid(padding=(0, 1), expand=True)
        jobs.add_column(no_wrap=True, overflow="ellipsis", ratio=1)
        jobs.add_column(justify="right")
        for job in running[:room]:
            jobs.add_row(f"  {job.words}", clock(now - job.since))
        if len(running) > room:
            jobs.add_row(f"  and {len(running) - room:,} more", "")
        parts = [f"{progress.done:,} of {progress.total:,} jobs done"]
        if progress.failed:
            parts.append(f"{len(progress.failed):,} failed")
        if not is_over:
            parts.append(time_left(progress.seconds_left(now)))
        state = Table.grid(padding=(0, 1))
        state.add_column(width=_BAR)
        state.add_column(no_wrap=True, overflow="ellipsis")
        bar = ProgressBar(total=max(progress.total, 1), completed=progress.done)
        state.add_row(bar, ", ".join(parts))
        return Group(jobs, state)
