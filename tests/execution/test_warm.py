"""Jobs that are copies of a process that has imported what they need."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from xstilts.execution.warm import OFF, VARIABLE

# Stands for a run: its jobs are offered a warm start for as long as it is told to live.
RUN = """
import os, sys
from xstilts.execution.warm import VARIABLE, offer
offer()
print(os.environ.get(VARIABLE, ""), flush=True)
sys.stdin.read()
"""
JOB = """
import sys
from xstilts.execution.warm import end_as, run_warm
was_warm = "torch" in sys.modules
if not was_warm:
    status = run_warm(THREADS, starts=STARTS)
    if status is not None:
        end_as(status)
"""


class Run:
    """A run in a folder, and its jobs."""

    def __init__(self, folder: Path, **environ: str) -> None:
        self.folder = folder
        self._process = subprocess.Popen(
            [sys.executable, "-c", RUN], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            env={**os.environ, **environ},
        )  # fmt: skip
        self.offered = self._process.stdout.readline().strip()

    def job(
        self, body: str, *arguments: str, threads: int = 1, starts: bool = True, **options
    ) -> subprocess.Popen:
        script = self.folder / f"{time.monotonic_ns()}.py"
        head = JOB.replace("THREADS", str(threads)).replace("STARTS", str(starts))
        script.write_text(head + body)
        environ = {
            **os.environ, VARIABLE: self.offered, "OMP_NUM_THREADS": str(threads),
            **options.pop("environ", {}),
        }  # fmt: skip
        return subprocess.Popen(
            [sys.executable, str(script), *arguments], env=environ, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, process_group=0,
            **options,
        )  # fmt: skip

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()

    def end(self) -> None:
        self._process.stdin.close()
        assert self._process.wait() == 0


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    made = Run(tmp_path_factory.mktemp("run"))
    yield made
    made.end()


@pytest.fixture
def new_run(tmp_path):
    """One that a test ends itself."""
    made = Run(tmp_path)
    yield made
    made.kill()


def ends(job: subprocess.Popen) -> tuple[int, str, str]:
    output, errors = job.communicate(timeout=300)
    return job.returncode, output, errors


def gone(pid: int) -> bool:
    for _ in range(600):
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
                return True
        except OSError:
            return True
        time.sleep(0.1)
    return False


def template(run: Run) -> int:
    (pid,) = [
        int(folder.name)
        for folder in Path("/proc").iterdir()
        if folder.name.isdecimal() and is_template(folder, run)
    ]
    return pid


def is_template(folder: Path, run: Run) -> bool:
    try:
        command = (folder / "cmdline").read_bytes().split(b"\0")
        environ = (folder / "environ").read_bytes().split(b"\0")
        parent = (folder / "stat").read_text().rpartition(")")[2].split()[1]
    except OSError:
        return False
    return (
        b"xstilts.execution.warm" in command
        and f"{VARIABLE}={run.offered}".encode() in environ
        and b"xstilts.execution.warm" not in Path("/proc", parent, "cmdline").read_bytes()
    )


TELL = """
import json, os
print(json.dumps({
    "warm": was_warm, "argv": sys.argv[1:], "folder": os.getcwd(), "given": os.environ.get("GIVEN"),
    "offered": os.environ.get("XSTILTS_WARM"), "read": sys.stdin.read(), "umask": os.umask(0),
    "group": os.getpgrp(), "name": __name__,
    "descriptors": sorted(map(int, os.listdir("/proc/self/fd")))[:-1],
    "threads": int(os.environ.get("OMP_NUM_THREADS", 0)),
}))
print("to the other stream", file=sys.stderr)
"""


def told(job: subprocess.Popen, given: str = "") -> dict:
    output, _ = job.communicate(given, timeout=300)
    assert job.returncode == 0
    return json.loads(output)


def test_a_copy_is_as_the_job_would_have_been(run, tmp_path):
    job = run.job(TELL, "--one", "två", cwd=tmp_path, umask=0o027, environ={"GIVEN": "värde"})
    output, errors = job.communicate("from stdin", timeout=300)
    shown = json.loads(output)
    assert shown.pop("descriptors")[:3] == [0, 1, 2]
    assert shown == {
        "warm": True, "argv": ["--one", "två"], "folder": str(tmp_path), "given": "värde",
        "offered": None, "read": "from stdin", "umask": 0o027, "group": job.pid,
        "name": "__main__", "threads": 1,
    }  # fmt: skip
    assert errors == "to the other stream\n"


def test_a_copy_holds_nothing_of_other_jobs(run):
    waiting = [run.job("sys.stdin.read()") for _ in range(3)]
    held = [told(run.job(TELL))["descriptors"] for _ in range(2)]
    for job in waiting:
        assert ends(job)[0] == 0
    assert held[0] == held[1] == told(run.job(TELL))["descriptors"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("", 0),
        ("sys.exit(3)", 3),
        ("sys.exit('said')", 1),
        ("raise ValueError('said')", 1),
        ("import os; os.kill(os.getpid(), 9)", -9),
        ("import os; os.kill(os.getpid(), 15)", -15),
        ("import os; os.abort()", -6),
    ],
)
def test_it_ends_as_its_copy_ends(run, body, status):
    ended, output, errors = ends(run.job(body))
    assert (ended, output) == (status, "")
    assert ("said" in errors) == ("said" in body)


def test_what_a_job_leaves_to_its_end_is_done(run, tmp_path):
    body = "import atexit, pathlib; atexit.register(pathlib.Path(sys.argv[1]).touch)"
    assert ends(run.job(body, str(tmp_path / "left")))[0] == 0
    assert (tmp_path / "left").exists()


CATCH = """
import os, signal
def note(number, frame):
    print(number, flush=True)
    sys.exit(7)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT):
    signal.signal(number, note)
print(os.getpid(), flush=True)
while True:
    signal.pause()
"""


@pytest.mark.parametrize(
    ("number", "send"),
    [
        (signal.SIGTERM, os.kill), (signal.SIGHUP, os.kill),
        # As a terminal does.
        (signal.SIGINT, os.killpg), (signal.SIGQUIT, os.killpg),
    ],
)  # fmt: skip
def test_signals_reach_the_copy_once(run, number, send):
    job = run.job(CATCH)
    assert int(job.stdout.readline()) != job.pid
    send(job.pid, number)
    assert ends(job)[:2] == (7, f"{int(number)}\n")


def test_a_whole_run_can_be_killed_at_once(run):
    job = run.job(CATCH)
    copy = int(job.stdout.readline())
    os.killpg(job.pid, signal.SIGKILL)
    assert ends(job)[0] == -9
    assert gone(copy)


def test_a_job_that_is_killed_takes_its_copy_along(run):
    job = run.job(CATCH)
    copy = int(job.stdout.readline())
    job.kill()
    assert gone(copy)


def test_a_paused_job_pauses_its_copy(run):
    job = run.job(CATCH)
    copy = int(job.stdout.readline())
    for number, states in ((signal.SIGSTOP, "T"), (signal.SIGCONT, "SR")):
        os.killpg(job.pid, number)
        for _ in range(600):
            state = Path(f"/proc/{copy}/stat").read_text().rpartition(")")[2].split()[0]
            if state in states:
                break
            time.sleep(0.1)
        assert state in states
    job.terminate()
    assert ends(job)[0] == 7


IN_THE_BACKGROUND = """
import os, signal, subprocess, sys, time
from xstilts.execution.warm import offer
stopped = subprocess.Popen(["sleep", "1000"])
stopped.send_signal(signal.SIGSTOP)
os.waitid(os.P_PID, stopped.pid, os.WSTOPPED | os.WNOWAIT)
offer()
for _ in range(2):
    subprocess.run([sys.executable, sys.argv[1]], check=True)
time.sleep(1)
stopped.kill()
print("ended well")
"""


def test_a_copy_that_ends_beside_a_stopped_process_hangs_nobody_up(tmp_path):
    """Without a shell of its session that waits for it, as under nohup or cron."""
    script = tmp_path / "job.py"
    script.write_text(JOB.replace("THREADS", "1").replace("STARTS", "True") + "print(was_warm)")
    run = subprocess.run(
        [sys.executable, "-c", IN_THE_BACKGROUND, str(script)],
        start_new_session=True, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert (run.returncode, run.stdout) == (0, "True\nTrue\nended well\n"), run.stderr


def test_a_template_outlives_what_is_sent_to_its_group(new_run):
    assert ends(new_run.job("print(was_warm)"))[1] == "True\n"
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGTSTP):
        os.kill(template(new_run), number)
    assert ends(new_run.job("print(was_warm)"))[1] == "True\n"


def test_copies_draw_other_random_numbers_and_names(run):
    body = "import random, tempfile; print(random.random(), tempfile.mktemp())"
    first, second = (ends(run.job(body))[1].split() for _ in range(2))
    assert first[0] != second[0]
    assert first[1] != second[1]


def test_pools_have_the_threads_of_the_job(run):
    body = "import torch; print(torch.get_num_threads())"
    for threads in (1, 2):
        assert ends(run.job(body, threads=threads))[1] == f"{threads}\n"


def test_a_job_that_imports_little_starts_no_template(new_run):
    assert not told(new_run.job(TELL, starts=False))["warm"]
    assert told(new_run.job(TELL))["warm"]
    assert told(new_run.job(TELL, starts=False))["warm"]
    assert not told(new_run.job(TELL, starts=False, threads=2))["warm"]


def test_jobs_that_are_elsewhere_start_cold(run, tmp_path):
    assert not told(run.job(TELL, environ={VARIABLE: OFF}))["warm"]
    assert not told(run.job(TELL, environ={VARIABLE: ""}))["warm"]
    assert not told(run.job(TELL, environ={VARIABLE: "/nowhere"}))["warm"]
    # As in a job of a batch system, which is held to limits of its own.
    pid, surroundings = json.loads(Path(run.offered, "run").read_text())
    (tmp_path / "run").write_text(json.dumps([pid, ["0::/job/1", *surroundings[1:]]]))
    assert not told(run.job(TELL, environ={VARIABLE: str(tmp_path)}))["warm"]


def test_a_run_can_be_told_to_offer_nothing(tmp_path):
    cold = Run(tmp_path, **{VARIABLE: OFF})
    assert cold.offered == OFF
    cold.end()


def test_the_folder_is_private(run):
    assert Path(run.offered).stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("how", ["end", "kill"])
def test_a_template_ends_with_the_run_and_the_last_job(new_run, how):
    waiting = new_run.job("sys.stdin.read(); print(was_warm)")
    copied_from = template_of(new_run, waiting)
    getattr(new_run, how)()
    time.sleep(0.5)
    assert ends(waiting)[:2] == (0, "True\n")
    assert gone(copied_from)
    assert not Path(new_run.offered).exists()


def template_of(run: Run, waiting: subprocess.Popen) -> int:
    assert told(run.job(TELL))["warm"]
    assert waiting.poll() is None
    return template(run)


def test_jobs_die_with_a_template_that_is_killed_and_others_start_cold(new_run):
    job = new_run.job(CATCH)
    copy = int(job.stdout.readline())
    os.kill(template(new_run), signal.SIGKILL)
    assert ends(job)[0] == -9
    assert gone(copy)
    assert not told(new_run.job(TELL))["warm"]
