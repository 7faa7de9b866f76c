"""A Slurm of one node, private to the process that starts it.

Nothing of the system's own Slurm or munge is read or changed: configuration, state, sockets and
ports are the cluster's own. Whoever is to use it runs with `Cluster.environment`.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

_PROGRAMS = ("munged", "slurmctld", "slurmd", "srun", "sbatch", "squeue", "scontrol", "scancel")
_SYSTEM_FOLDERS = ("/usr/sbin", "/sbin", "/usr/local/sbin")
_PATIENCE = 60.0
# After a node's return it refuses for a moment what it may have run before, in seconds. Slurm
# itself waits two minutes before it starts such a job again.
_REVOKED = 5
_JOB = "%i|%T|%P|%l|%k"

# Device files that every Linux has play GPUs: Slurm hands them out and sets CUDA_VISIBLE_DEVICES
# as it does for real ones.
_GPUS = ("/dev/null", "/dev/zero")

# What each task sees of the GPUs, at its start and at its end: time, job, step, devices.
_NOTE_DEVICES = """\
#!/bin/sh
echo "$(date +%s.%N) {moment} $SLURM_JOB_ID $SLURM_STEP_ID $CUDA_VISIBLE_DEVICES" >>{folder}/devices
"""

# The node pretends to have what the rules ask for (`config_overrides`), so that jobs wait for a
# GPU and never for the memory of a small machine. Nothing needs a cgroup, a database or a system
# user. A job that a crashed node has forgotten is put into the queue again once the node is back.
_SLURM_CONF = """\
ClusterName=xstilts
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={controller_port}
SlurmdPort={node_port}
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
CredType=cred/munge
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
SlurmctldLogFile={folder}/slurmctld.log
SlurmdLogFile={folder}/slurmd.log
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SwitchType=switch/none
MpiDefault=none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU_Memory
SlurmdParameters=config_overrides
GresTypes=gpu
ReturnToService=2
KillWait=30
MinJobAge=3600
BatchStartTimeout=1
TaskProlog={folder}/task-prolog
TaskEpilog={folder}/task-epilog
NodeName={host} NodeAddr=127.0.0.1 CPUs=16 RealMemory=1000000 Gres=gpu:{gpus} State=UNKNOWN
PartitionName=cpu Nodes={host} Default=YES MaxTime=4-00:00:00 State=UP
PartitionName=gpu Nodes={host} MaxTime=4-00:00:00 State=UP
"""


def missing() -> str:
    """Why there can be no cluster here, empty if there can."""
    if os.geteuid() != 0:
        return "a private Slurm is started as root only"
    absent = [name for name in _PROGRAMS if _program(name) is None]
    if absent:
        return f"slurm-wlm and munge are not installed ({', '.join(absent)} not found)"
    return ""


class Job(NamedTuple):
    """A job as the controller knows it: its rule and wildcards are in the comment."""

    id: str
    state: str
    partition: str
    limit: str
    comment: str

    @property
    def minutes(self) -> float:
        """Its time limit, which Slurm writes as [days-][hours:]minutes:seconds."""
        days, _, rest = self.limit.rpartition("-")
        hours, minutes, seconds = (["0", *rest.split(":")])[-3:]
        return (int(days or 0) * 24 + int(hours)) * 60 + int(minutes) + int(seconds) / 60


class Devices(NamedTuple):
    """What one step of a job saw of the GPUs, and when (seconds since the epoch)."""

    job: str
    step: str
    visible: tuple[str, ...]
    start: float
    end: float


@dataclass
class Cluster:
    """A running single-node Slurm with two GPUs (of no use) and two partitions, cpu and gpu.

    Args:
        folder: an empty folder with a short path, for a socket's path may have 107 bytes.
    """

    folder: Path
    _running: dict[str, subprocess.Popen] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """Environment of whoever submits to this cluster; its jobs inherit it."""
        outside = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("SLURM_", "SBATCH_", "SRUN_"))
        }
        return {
            **outside,
            "SLURM_CONF": str(self.folder / "slurm.conf"),
            "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}",
        }

    def start(self) -> None:
        """Write the configuration and start munged, slurmctld and slurmd.

        Raises:
            RuntimeError: one of them does not come up; the message holds the end of its log.
        """
        self._configure()
        kinds = ("socket", "key-file", "pid-file", "log-file", "seed-file")
        files = [f"--{kind}={self.folder}/munge.{kind.removesuffix('-file')}" for kind in kinds]
        self._start("munged", "--foreground", "--force", *files)
        self._wait_until((self.folder / "munge.socket").exists, "munged")
        self.start_controller()
        self.start_node()

    def start_controller(self) -> None:
        """Start slurmctld, with the jobs that it knew before, and wait until it answers."""
        self._start("slurmctld", "-D", "-i")
        self._wait_until(lambda: self.ask("scontrol", "ping").returncode == 0, "slurmctld")

    def stop_controller(self) -> None:
        """End slurmctld; jobs go on."""
        process = self._running.pop("slurmctld")
        process.terminate()
        process.wait(_PATIENCE)

    def start_node(self) -> None:
        """Start slurmd and wait until its node takes jobs."""
        self._start("slurmd", "-D")
        self._wait_until(self._node_is_up, "slurmd")

    def crash_node(self) -> None:
        """Kill slurmd and everything that runs under it, as a machine's end does."""
        self._running.pop("slurmd").kill()
        self._kill_jobs()

    def stop(self) -> None:
        """End the jobs and then the daemons."""
        if "slurmctld" in self._running:
            self.ask("scancel", "--user=root")
        self._kill_jobs()
        for process in reversed(self._running.values()):
            process.terminate()
            try:
                process.wait(_PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
        self._running.clear()

    def ask(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run one of Slurm's commands on this cluster."""
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=_PATIENCE
        )

    def jobs(self) -> list[Job]:
        """Every job since the start, by its number; what it is for stands in its comment."""
        lines = self.ask("squeue", "--states=all", "--noheader", "--sort=i", f"--format={_JOB}")
        return [Job(*line.split("|")) for line in lines.stdout.splitlines()]

    def restarts(self, job: str) -> int:
        """How often a job was put into the queue again."""
        shown = self.ask("scontrol", "show", "job", job).stdout
        return int(shown.partition("Restarts=")[2].split()[0])

    def open(self, jobs_start: bool) -> None:
        """Whether jobs start, or wait; then also those that wait for a time after a restart."""
        for partition in ("cpu", "gpu"):
            state = "UP" if jobs_start else "DOWN"
            self.ask("scontrol", "update", f"PartitionName={partition}", f"State={state}")
        for job in self.jobs():
            if jobs_start and job.state == "PENDING":
                start = f"StartTime=now+{_REVOKED:d}"
                self.ask("scontrol", "update", f"JobId={job.id}", start)

    def devices(self) -> list[Devices]:
        """What each job step saw of the GPUs."""
        ends: dict[tuple[str, str], float] = {}
        found = []
        for line in reversed((self.folder / "devices").read_text().splitlines()):
            time_, moment, job, step, *devices = line.split(" ")
            if moment == "end":
                ends[job, step] = float(time_)
            else:
                visible = tuple(filter(None, devices[0].split(",")))
                found.append(Devices(job, step, visible, float(time_), ends[job, step]))
        return found

    def processes(self, job: str) -> Iterator[int]:
        """Processes of a job's steps."""
        return self._processes(lambda _, environment: f"\0SLURM_JOB_ID={job}\0" in environment)

    def _processes(self, wanted: Callable[[str, str], bool]) -> Iterator[int]:
        """Processes of this cluster, by command line and environment."""
        for process in Path("/proc").iterdir():
            if process.name.isdigit():
                with contextlib.suppress(OSError):
                    command, environment = (
                        (process / name).read_text(errors="replace")
                        for name in ("cmdline", "environ")
                    )
                    if f"{self.folder}/" in environment and wanted(command, environment):
                        yield int(process.name)

    def _kill_jobs(self) -> None:
        # None may see another's end and report it: those that hold the jobs stand still first.
        for sent in (signal.SIGSTOP, signal.SIGKILL):
            for wanted in (
                lambda command, _: command.startswith("slurmstepd"),
                lambda _, environment: "\0SLURMD_NODENAME=" in environment,
            ):
                for pid in self._processes(wanted):
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, sent)

    def _configure(self) -> None:
        for name in ("state", "spool", "bin"):
            (self.folder / name).mkdir(parents=True)
        host = socket.gethostname().partition(".")[0]
        controller_port, node_port = _free_ports(2)
        conf = self.folder / "slurm.conf"
        conf.write_text(
            _SLURM_CONF.format(
                host=host,
                folder=self.folder,
                controller_port=controller_port,
                node_port=node_port,
                gpus=len(_GPUS),
            )
        )
        devices = "".join(f"NodeName={host} Name=gpu File={path}\n" for path in _GPUS)
        (self.folder / "gres.conf").write_text(devices)
        for moment, name in (("start", "task-prolog"), ("end", "task-epilog")):
            note = _NOTE_DEVICES.format(moment=moment, folder=self.folder)
            _write_program(self.folder / name, note)
        key = self.folder / "munge.key"
        key.write_bytes(secrets.token_bytes(128))
        key.chmod(0o400)
        # Within a job the executor starts srun without any variable of Slurm's but a few.
        srun = f'#!/bin/sh\nSLURM_CONF="{conf}" exec {_program("srun")} "$@"\n'
        _write_program(self.folder / "bin/srun", srun)

    def _start(self, name: str, *arguments: str) -> None:
        output = (self.folder / f"{name}.out").open("ab")
        # In a session of its own, so that Ctrl-C in a test run does not end it before its jobs.
        self._running[name] = subprocess.Popen(
            [str(_program(name)), *arguments],
            env=self.environment,
            stdout=output,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
        output.close()

    def _wait_until(self, true: Callable[[], bool], name: str) -> None:
        end = time.monotonic() + _PATIENCE
        while not true():
            if self._running[name].poll() is not None or time.monotonic() > end:
                logs = [self.folder / f"{name}.out", self.folder / f"{name}.log"]
                said = "\n".join(path.read_text()[-2000:] for path in logs if path.is_file())
                raise RuntimeError(f"{name} does not come up:\n{said}")
            time.sleep(0.1)

    def _node_is_up(self) -> bool:
        state = self.ask("sinfo", "--noheader", "--format=%T").stdout.split()
        return bool(state) and all(each in ("idle", "mixed", "allocated") for each in state)


def _program(name: str) -> str | None:
    folders = os.pathsep.join((os.environ.get("PATH", ""), *_SYSTEM_FOLDERS))
    return shutil.which(name, path=folders)


def _write_program(path: Path, text: str) -> None:
    path.write_text(text)
    path.chmod(0o755)


def _free_ports(number: int) -> list[int]:
    """Ports that nobody listens on now."""
    with contextlib.ExitStack() as open_sockets:
        found = [open_sockets.enter_context(socket.socket()) for _ in range(number)]
        for each in found:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in found]
