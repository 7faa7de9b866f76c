"""What real runs of snakemake show in a terminal, and that they show no less anywhere else."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from snakemake.settings.enums import Quietness
from snakemake.settings.types import OutputSettings
from tiny_grid import SMALL, make_folder
from workflow_runs import ROOT, command

from xstilts.execution.terminal import LogHandler

pytestmark = pytest.mark.workflow

# Says on both streams what it does; the third number fails once and the fourth always.
SNAKEFILE = """
from xstilts.execution.terminal import plan_jobs

rule all:
    input: expand("{number}.txt", number=range(4))

rule write:
    output: "{number}.txt"
    log: "{number}.log"
    retries: 1
    message: "write number {wildcards.number}"
    shell:
        "echo said by {wildcards.number}; echo warned by {wildcards.number} >&2;"
        " echo reason of {wildcards.number} > {log}; sleep 0.7;"
        " [ {wildcards.number} != 2 -o -e tried ] || {{ touch tried; exit 1; }};"
        " [ {wildcards.number} != 3 ]; touch {output}"

onstart:
    plan_jobs(lambda: {"write": 200.0})

onerror:
    print("summary of failures", file=sys.stderr)
"""
CONTROL = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")
TIMES = re.compile(
    r"\[\w{3} \w{3} .*?\]|\d\d:\d\d:\d\d|\d:\d\d:\d\d\.\d+|[\d-]+T\d{6}\.\d+|Workflow ID.*"
)
SNAKEMAKE = [str(Path(sys.executable).with_name("snakemake")), "--cores", "2", "--keep-going"]
DISPLAY = re.compile(r"\d+ of \d+ jobs done")


def in_terminal(folder: Path, arguments: list[str], **variables: str) -> tuple[int, str]:
    """The exit status of a command and what it writes to a terminal of 24 lines, 80 columns."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(folder)
        os.execvpe(arguments[0], arguments, {**os.environ, "TERM": "xterm", **variables})
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
    written = b""
    while True:
        try:
            written += (found := os.read(terminal, 1 << 16))
        # What Linux says when the last process has closed the terminal.
        except OSError:
            break
        if not found:
            break
    os.close(terminal)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return status, written.decode().replace("\r", "")


def in_pipe(folder: Path, arguments: list[str]) -> tuple[int, str]:
    done = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stderr


def plain(text: str) -> str:
    return CONTROL.sub("", text)


def log_lines(folder: Path) -> list[str]:
    """The lines of a run's own log without times, in any order of its jobs."""
    (log,) = (folder / ".snakemake/log").glob("*.log")
    kept = (TIMES.sub("", line) for line in log.read_text().splitlines())
    # How many jobs are found ready at a time is chance, and so are their numbers and order.
    left_out = ("Command:", "Execute ", "Select jobs", "Config", "[")
    lines = [re.sub(r"\d+ of 5 steps.*|[Jj]ob(id)?:? \d+", "", line) for line in kept]
    return sorted(line for line in lines if line and not line.strip().startswith(left_out))


@pytest.fixture
def folder(tmp_path) -> Path:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "Snakefile").write_text(SNAKEFILE)
    return folder


def test_a_terminal_shows_one_display_and_above_it_what_is_said(folder):
    status, written = in_terminal(folder, [*SNAKEMAKE, "--logger", "xstilts", "--show-failed-logs"])
    assert status == 1
    text = plain(written)
    # What runs, what is done of how many, and the time that is left by the plan.
    assert re.search(r"^  write number \d +0:00$", text, re.MULTILINE)
    assert re.search(r"0 of 5 jobs done, about [67] min left", text)
    assert re.search(r"3 of 5 jobs done, 1 failed$", text.rstrip().splitlines()[-1])
    # What jobs print on either stream, failures with their logs, and what the workflow says.
    for number in range(4):
        assert f"said by {number}\n" in text
        assert f"warned by {number}\n" in text
    assert text.count("Error in rule write:") == 3
    assert text.count("reason of 3\n") == 2
    assert text.count("summary of failures\n") == 1
    assert "Complete log(s): " in text
    # None of the lines for each job.
    assert not re.search("Finished jobid|Execute 1 jobs|steps", text)
    # The cursor is as it was.
    assert written.rstrip("\n").endswith("\x1b[?25h")


def test_the_log_of_the_run_is_the_same_as_without_a_terminal(folder, tmp_path):
    in_terminal(folder, [*SNAKEMAKE, "--logger", "xstilts"])
    other = tmp_path / "other"
    other.mkdir()
    (other / "Snakefile").write_text(SNAKEFILE)
    status, output = in_pipe(other, [*SNAKEMAKE, "--logger", "xstilts"])
    assert status == 1
    assert not DISPLAY.search(output)
    assert "3 of 5 steps (60%) done" in output
    assert output.count("write number") == 6
    text = [line.replace(str(folder), str(other)) for line in log_lines(folder)]
    assert text == log_lines(other)


@pytest.mark.parametrize(
    "asked",
    [
        *({name: True} for name in ("dryrun", "verbose", "debug_dag", "printshellcmds")),
        *({"quiet": {level}} for level in (Quietness.ALL, Quietness.RULES, Quietness.PROGRESS)),
        {"terminal": "dumb"},
        {"is_terminal": False},
    ],
    ids=str,
)
def test_who_asks_for_more_or_less_gets_lines(asked, monkeypatch):
    def shows(*, terminal: str = "xterm", is_terminal: bool = True, **changes) -> bool:
        monkeypatch.setattr(os, "isatty", lambda descriptor: is_terminal)
        monkeypatch.setenv("TERM", terminal)
        handler = LogHandler(OutputSettings(**changes), None)
        handler.close()
        return handler.writes_to_stream

    assert shows(quiet={Quietness.HOST, Quietness.REASON})
    assert not shows(**asked)


def test_nobody_has_to_ask_for_it(tmp_path):
    make_folder(tmp_path, **SMALL)
    wanted = "results/tiny/data/xnli/eval.parquet"
    cache = str(tmp_path / "cache")
    status, written = in_terminal(tmp_path, command(tmp_path, wanted), XDG_CACHE_HOME=cache)
    assert status == 0
    # A job may end before the display is drawn again, so only how the run ended is sure to be seen.
    assert "1 of 1 jobs done\n" in plain(written)
    # Without its profile Snakemake has its own logger.
    profile = str(ROOT / "profiles/default")
    bare = ["none" if each == profile else each for each in command(tmp_path, wanted)]
    assert bare.count("none") == 1
    status, written = in_terminal(tmp_path, [*bare, "--force"], XDG_CACHE_HOME=cache)
    assert status == 0
    assert not DISPLAY.search(plain(written))


def test_a_job_outlives_the_console_that_it_prints_to(tmp_path):
    script = (
        "import sys; from pathlib import Path; from xstilts.execution.log import JobLog\n"
        "sys.stdin.read(); output = JobLog(Path(sys.argv[1])); output.warn('waits'); print('done')"
    )
    log = tmp_path / "job.log"
    job = subprocess.Popen(
        [sys.executable, "-c", script, str(log)], stdin=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert job.stderr is not None
    job.stderr.close()
    job.communicate(timeout=60)
    assert job.returncode == 0
    assert log.read_text().endswith("done\n")
