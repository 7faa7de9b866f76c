"""Jobs that start warm: copies of a process that has imported what they need.

To import PyTorch and Transformers takes longer than many a job of a small grid computes. So the
jobs of one run on one machine ask a process that has done so, the template, for a copy of it by
`fork`. The copy is as the job would have been: it has the job's environment, folder, standard
streams, threads and process group, and runs the same script. The job's first process waits for it
and ends as it ended; a signal to it reaches the copy too, and if it is killed, so is the copy.

A run has one template for each number of threads, since thread pools are sized when libraries are
loaded. The first job that would import PyTorch starts it, and it ends with the run. Jobs reach it
through a socket in a private folder, and only where they are surrounded as the run itself is: the
jobs of a batch system and those in containers start by themselves. So do jobs with a GPU, whose
driver does not survive a fork, and all jobs where `XSTILTS_WARM` is `off`.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import importlib
import json
import logging
import os
import runpy
import selectors
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn

from xstilts.execution.snakemake_internals import IMPORTED_BY_SCRIPTS

log = logging.getLogger(__name__)

VARIABLE = "XSTILTS_WARM"
OFF = "off"

# Speed alone depends on this list. What starts threads when it is imported, as polars does, is left
# out: a lock that another thread holds at the moment of a fork would stay held in the copy.
_IMPORTED = (
    *IMPORTED_BY_SCRIPTS,
    "xstilts.prediction.embed",
    "xstilts.prediction.predict",
    "xstilts.training.new_encoder",
    "xstilts.prediction.retrieval",
    "xstilts.features.build",
    "xstilts.training.run",
)
# What a terminal sends to a process group reaches the copy by itself.
_PASSED_ON = (signal.SIGTERM, signal.SIGHUP)
_WAITED_OUT = (signal.SIGINT, signal.SIGQUIT)
# What terminals and batch systems send to all of a group.
_GROUPS = (*_PASSED_ON, *_WAITED_OUT, signal.SIGTSTP)
_BACKLOG = 64
_SIZE = struct.Struct("!q")
_STATUS = struct.Struct("!i")
_STARTED = b"+"
_STREAMS = (0, 1, 2)
_NAMESPACES = ("mnt", "net", "pid")
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_PR_SET_PDEATHSIG = 1


def offer() -> None:
    """Let the jobs that this process starts begin warm: called once, by the run itself."""
    if os.environ.get(VARIABLE) == OFF or sys.platform != "linux":
        return
    folder = Path(tempfile.mkdtemp(prefix="xstilts-"))
    (folder / "run").write_text(json.dumps([os.getpid(), _surroundings()]))
    # Another run's, if a job of it started this one, is not meant for these jobs.
    os.environ[VARIABLE] = str(folder)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)


def run_warm(threads: int, *, starts: bool) -> int | None:
    """Run the script of this process in a copy of the template, and wait for it.

    Args:
        threads: of the job.
        starts: whether this job starts a template where there is none.

    Returns:
        The wait status of the copy, for `end_as`. None where the job has to run in this process:
        nothing of it has been run.
    """
    connection = _connect(threads, starts=starts)
    if connection is None:
        return None
    with closing(connection):
        if not _ask(connection):
            log.warning("the process that jobs are copied from has ended: this job starts cold")
            return None
        _pass_signals_on(connection)
        ended = _receive(connection, _STATUS.size)
    # A template that is killed takes its copies with it.
    return int(signal.SIGKILL) if ended is None else _STATUS.unpack(ended)[0]


def end_as(status: int) -> NoReturn:
    """End this process as another ended: with its exit status, or by its signal."""
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        with suppress(OSError):  # SIGKILL has no handler
            signal.signal(-code, signal.SIG_DFL)
        os.kill(os.getpid(), -code)
    sys.exit(code)


def _surroundings() -> list[str]:
    """What is the same for this process and for one that it may be a copy of."""
    return [
        sys.executable,
        _BOOT.read_text(),
        Path("/proc/self/cgroup").read_text(),
        *(str(Path("/proc/self/ns", kind).readlink()) for kind in _NAMESPACES),
    ]


def _connect(threads: int, *, starts: bool) -> socket.socket | None:
    folder = os.environ.get(VARIABLE)
    if folder in {None, "", OFF}:
        return None
    try:
        run, surroundings = json.loads(Path(folder, "run").read_text())
        if surroundings != _surroundings():
            return None
        address = str(Path(folder, str(threads)))
        if starts:
            _start(address, run)
        connection = socket.socket(socket.AF_UNIX)
        connection.connect(address)
    except OSError:
        return None  # another machine, no template yet, or one that has ended
    return connection


def _start(address: str, run: int) -> None:
    """Start a template that listens at `address`, unless there is one."""
    with socket.socket(socket.AF_UNIX) as listener:
        try:
            listener.bind(address)
        except OSError:
            return
        listener.listen(_BACKLOG)
        number = listener.fileno()
        subprocess.Popen(
            [sys.executable, "-P", "-m", __name__, str(number), str(run)],
            pass_fds=[number],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            process_group=_group_of(run),
        )


def _group_of(run: int) -> int:
    """The process group for a template: the run's, or where it cannot be joined one of its own.

    If it were always its own, the end of a copy would leave the group of a run in the background
    without a parent outside of it, and the kernel hangs such a group up if any of it is stopped.
    """
    return os.getpgid(run) if os.getsid(run) == os.getsid(0) else 0


def _ask(connection: socket.socket) -> bool:
    """Ask for a copy that runs this process's script; whether there is one now."""
    umask = os.umask(0)
    os.umask(umask)
    environ = {name: text for name, text in os.environ.items() if name != VARIABLE}
    job = {
        "argv": sys.argv,
        "folder": str(Path.cwd()),
        "umask": umask,
        "environ": environ,
        "group": os.getpgrp(),
    }
    asked = json.dumps(job).encode()
    try:
        socket.send_fds(connection, [_SIZE.pack(len(asked))], _STREAMS)
        connection.sendall(asked)
    except OSError:
        return False
    return _receive(connection, len(_STARTED)) == _STARTED


def _receive(connection: socket.socket, size: int) -> bytes | None:
    """As many bytes; None if the other side has gone."""
    data = b""
    while len(data) < size:
        try:
            part = connection.recv(size - len(data))
        except OSError:
            return None
        if not part:
            return None
        data += part
    return data


def _pass_signals_on(connection: socket.socket) -> None:
    def pass_on(number: int, _frame: FrameType | None) -> None:
        with suppress(OSError):
            connection.send(bytes([number]))

    for number in _PASSED_ON:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, pass_on)
    for number in _WAITED_OUT:
        signal.signal(number, signal.SIG_IGN)


@dataclass
class _Copy:
    """A copy that runs a job: its process id, its first process, and what tells of its end."""

    pid: int
    connection: socket.socket
    ended: int


class _Template:
    """Makes copies of this process until the run has ended, and the last of them.

    Nothing of it may start a thread: a copy has the thread alone that forked it.
    """

    def __init__(self, listener: socket.socket, run: int) -> None:
        self._listener = listener
        self._run = os.pidfd_open(run)
        self._selector = selectors.DefaultSelector()
        self._selector.register(listener, selectors.EVENT_READ, self._take)
        self._selector.register(self._run, selectors.EVENT_READ, self._finish)
        self._copies: list[_Copy] = []
        self._is_over = False
        # What is sent to the group is not meant for the template, which ends with the run.
        self._handlers = {number: signal.signal(number, signal.SIG_IGN) for number in _GROUPS}

    def serve(self) -> dict[str, Any] | None:
        """In a copy the job that it is to run; in the template None, when all is over."""
        while not self._is_over or self._copies:
            for key, _ in self._selector.select():
                job = key.data()
                if job is not None:
                    return job
        return None

    def _finish(self) -> None:
        self._is_over = True
        self._selector.unregister(self._run)
        self._selector.unregister(self._listener)
        # The run has removed it, unless it was killed.
        shutil.rmtree(Path(self._listener.getsockname()).parent, ignore_errors=True)
        self._listener.close()

    def _take(self) -> dict[str, Any] | None:
        connection, _ = self._listener.accept()
        size, streams, _, _ = socket.recv_fds(connection, _SIZE.size, len(_STREAMS))
        asked = _receive(connection, *_SIZE.unpack(size)) if len(streams) == len(_STREAMS) else None
        if asked is None:
            connection.close()
            return None
        template = os.getpid()
        pid = os.fork()
        if pid == 0:
            job = json.loads(asked)
            self._leave(connection, streams, template, job["group"])
            return job
        for stream in streams:
            os.close(stream)
        copy = _Copy(pid, connection, os.pidfd_open(pid))
        self._copies.append(copy)
        self._selector.register(copy.connection, selectors.EVENT_READ, lambda: self._hear(copy))
        self._selector.register(copy.ended, selectors.EVENT_READ, lambda: self._end(copy))
        with suppress(OSError):
            connection.sendall(_STARTED)
        return None

    def _hear(self, copy: _Copy) -> None:
        """Pass a signal on; the end of the job's first process is that of the copy."""
        number = _receive(copy.connection, 1)
        if number is None:
            self._selector.unregister(copy.connection)
        # Not yet waited for, so the number is still that of the copy.
        os.kill(copy.pid, signal.SIGKILL if number is None else number[0])

    def _end(self, copy: _Copy) -> None:
        _, status = os.waitpid(copy.pid, 0)
        for place in (copy.ended, copy.connection):
            with suppress(KeyError):
                self._selector.unregister(place)
        with suppress(OSError):
            copy.connection.sendall(_STATUS.pack(status))
        copy.connection.close()
        os.close(copy.ended)
        self._copies.remove(copy)

    def _leave(
        self, connection: socket.socket, streams: list[int], template: int, group: int
    ) -> None:
        """Be a process of its own, with the standard streams of the job."""
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != template:
            os._exit(1)
        with suppress(PermissionError):  # a job in a session of its own has one process to signal
            os.setpgid(0, group)
        for standard, stream in zip(_STREAMS, streams, strict=True):
            os.dup2(stream, standard)
            os.close(stream)
        self._selector.close()
        self._listener.close()
        connection.close()
        os.close(self._run)
        for copy in self._copies:
            copy.connection.close()
            os.close(copy.ended)


class _Ending:
    """The end of a copy after the last of what is to be done at the end of a Python process.

    Python would then take apart what the template has imported, and so write to all of its memory,
    which the copy would first have to copy: twice the time of a small job's start. Registered
    before anything is imported that registers more, since the first to come is the last to go.
    """

    def __init__(self) -> None:
        self._code: int | None = None
        atexit.register(self._end)

    def after(self, script: str) -> None:
        """Run a script as the main program."""
        try:
            runpy.run_path(script, run_name="__main__")
        except SystemExit as asked:
            # What is neither a number nor nothing is printed, and means 1.
            code = 0 if asked.code is None else asked.code
            self._code = code if isinstance(code, int) else 1
            raise
        except KeyboardInterrupt:
            # Python ends by the signal itself.
            raise
        except BaseException:
            self._code = 1
            raise
        self._code = 0

    def _end(self) -> None:
        if self._code is not None:
            logging.shutdown()
            for stream in (sys.stdout, sys.stderr):
                stream.flush()
            os._exit(self._code & 0xFF)


def _main(listener: int, run: int) -> None:
    ending = _Ending()
    for name in _IMPORTED:
        importlib.import_module(name)
    # What is shared stays shared: a collection would write to it.
    gc.collect()
    gc.freeze()
    job = _Template(socket.socket(fileno=listener), run).serve()
    if job is None:
        return
    os.chdir(job["folder"])
    os.umask(job["umask"])
    os.environ.clear()
    os.environ.update(job["environ"])
    sys.argv = job["argv"]
    sys.path.insert(0, str(Path(sys.argv[0]).parent))
    ending.after(sys.argv[0])


if __name__ == "__main__":
    _main(*map(int, sys.argv[1:]))
