"""profiles/slurm on a real Slurm of one node: cancelled, out of time, node or controller lost."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import combinations
from pathlib import Path

import polars as pl
import pytest
import yaml
from slurm_cluster import Cluster, Job, missing
from snakemake_executor_plugin_slurm.partitions import read_partition_file
from tiny_grid import EXPERIMENT, LANGUAGES, make_folder
from workflow_runs import ROOT, command, snakemake

PROFILE = ROOT / "profiles/slurm"
STOPPED = re.compile(r"stopped after step (\d+), saved")
_PATIENCE = 240.0

needs_slurm = pytest.mark.skipif(bool(missing()), reason=f"no Slurm to run on: {missing()}")


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A Slurm of its own for each test, up in half a second: tests may run side by side."""
    # Not pytest's temporary folder, whose path is too long for a socket.
    with tempfile.TemporaryDirectory(prefix="slurm-") as folder:
        running = Cluster(Path(folder))
        try:
            running.start()
            yield running
        finally:
            running.stop()


@contextmanager
def submitted(cluster: Cluster, folder: Path, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """Snakemake with the profile of the repository, looking at its jobs more often than there."""
    words = command(folder, *arguments, "--slurm-init-seconds-before-status-checks", "1")
    local = ["--workflow-profile", str(ROOT / "profiles/default"), "--cores", "2"]
    at = words.index(local[0])
    assert words[at : at + 4] == local
    words[at : at + 4] = ["--workflow-profile", str(PROFILE)]
    # It keeps no accounts.
    path = f"{PROFILE / 'without-accounting'}{os.pathsep}{cluster.environment['PATH']}"
    process = subprocess.Popen(
        words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**cluster.environment, "PATH": path, "XDG_CACHE_HOME": str(folder / "cache")},
    )  # fmt: skip
    try:
        yield process
    finally:
        process.kill()


def read_to_its_end(process: subprocess.Popen[str]) -> str:
    output, _ = process.communicate(timeout=_PATIENCE)
    assert process.returncode == 0, output[-6000:]
    return output


def run_here(tmp_path: Path, **changes) -> tuple[Path, pl.DataFrame]:
    """An experiment run on this machine, and its scores; only its data and features are left."""
    folder = make_folder(tmp_path, recipes=["none"], baselines=[], device="cpu", **changes)
    snakemake(folder, "scores")
    results = folder / "results/tiny"
    scores = pl.read_parquet(results / "scores.parquet")
    assert not scores.is_empty()
    kept = {"data", "encoders", "features"}
    for path in results.iterdir():
        if path.name not in kept:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
    return folder, scores


def scores_of(folder: Path) -> pl.DataFrame:
    return pl.read_parquet(folder / "results/tiny/scores.parquet")


def wait_for(true: Callable[[], object], process: subprocess.Popen[str], what: str) -> None:
    end = time.monotonic() + _PATIENCE
    while not true():
        if process.poll() is not None:
            pytest.fail(f"{what} did not come before the end:\n{process.stdout.read()[-6000:]}")
        assert time.monotonic() < end, f"{what} did not come"
        time.sleep(0.01)


@needs_slurm
@pytest.mark.workflow
def test_a_grid_runs_by_the_profile_each_job_on_one_gpu_and_scores_as_on_one_machine(
    tmp_path, cluster
):
    targets = {"xnli": {"languages": LANGUAGES}, "tatoeba": {"languages": ["de"]}}
    folder, scores = run_here(tmp_path, targets=targets)
    # The devices are of no use for computing: jobs ask for one, and compute without.
    computing = ("train_target", "predict", "embed")
    resources = [f"{rule}:gpu=1" for rule in computing]
    with submitted(cluster, folder, "scores", "--set-resources", *resources) as process:
        read_to_its_end(process)
    assert scores_of(folder).equals(scores)

    jobs = {job.id: job for job in cluster.jobs()}
    assert {job.state for job in jobs.values()} == {"COMPLETED"}
    on_gpu = {id_ for id_, job in jobs.items() if job.comment.startswith(rules(computing))}
    assert len(on_gpu) == 3
    assert len(jobs) - len(on_gpu) == 4
    assert all((job.partition == "gpu") == (id_ in on_gpu) for id_, job in jobs.items())
    # Step 0 is the script, beside the shell that starts it.
    steps = [step for step in cluster.devices() if step.step == "0"]
    assert {step.job for step in steps} == jobs.keys()
    assert all(len(step.visible) == (step.job in on_gpu) for step in steps)
    busy = sorted((step for step in steps if step.visible), key=lambda step: step.start)
    assert any(one.end > other.start for one, other in combinations(busy, 2))
    for one, other in combinations(busy, 2):
        assert one.end <= other.start or one.visible != other.visible
    assert not list((folder / ".snakemake/slurm_logs").rglob("*.log"))


def rules(names: tuple[str, ...]) -> tuple[str, ...]:
    """How comments of jobs of these rules begin."""
    return tuple(f"rule_{name}_wildcards_" for name in names)


@needs_slurm
@pytest.mark.workflow
def test_cancelled_out_of_time_or_on_a_lost_node_training_goes_on_and_ends_the_same(
    tmp_path, cluster
):
    default = {**EXPERIMENT["training"]["default"], "epochs": 60, "patience": 60}
    folder, scores = run_here(
        tmp_path,
        targets={"xnli": {"languages": ["en", "de"]}},
        seeds=[1, 2, 3],
        training={"default": default},
        keep_target_checkpoints=True,
    )
    arguments = ("scores", "--until", "train_target")
    with submitted(cluster, folder, *arguments) as process:
        stopped_after = disturb(cluster, process, folder)
        read_to_its_end(process)

    jobs = cluster.jobs()
    for seed, restarts in (("1", 0), ("2", 0), ("3", 1)):
        tries = [job for job in jobs if is_training(job, seed)]
        # Put into the queue again by Slurm it is the same job, by Snakemake another one.
        assert len(tries) == (1 if restarts else 2)
        assert tries[-1].state == "COMPLETED"
        assert cluster.restarts(tries[0].id) == restarts
        if seed == "1":
            assert tries[1].minutes > tries[0].minutes
        resumed_after = re.findall(r"resuming after step (\d+)\n", log(folder, seed))
        assert resumed_after == [stopped_after.get(seed, resumed_after[0])]
    snakemake(folder, "scores")
    assert scores_of(folder).equals(scores)


@needs_slurm
@pytest.mark.workflow
def test_started_again_beside_its_jobs_and_with_the_controller_away_it_ends_well(tmp_path, cluster):
    folder = make_folder(tmp_path, recipes=["none"], baselines=[], device="cpu")
    wanted = "results/tiny/data/xnli/dev.parquet"

    def submissions() -> list[Job]:
        return [job for job in cluster.jobs() if job.comment.startswith(rules(("ingest",)))]

    cluster.open(False)
    with submitted(cluster, folder, wanted) as process:
        wait_for(submissions, process, "a job")
    # Killed, it has cancelled nothing.
    process.communicate()
    snakemake(folder, "--unlock")
    with submitted(cluster, folder, wanted) as process:
        wait_for(lambda: len(submissions()) == 2, process, "the same job again")
        cluster.stop_controller()
        # As long as one look at the jobs and more attempts than the plugin makes unless told.
        time.sleep(90)
        cluster.start_controller()
        cluster.open(True)
        read_to_its_end(process)
    end = time.monotonic() + _PATIENCE
    while {job.state for job in submissions()} != {"COMPLETED"}:
        assert time.monotonic() < end, submissions()
        time.sleep(0.1)
    assert not pl.read_parquet(folder / wanted).is_empty()
    assert not list(folder.rglob("*.tmp"))


def disturb(cluster: Cluster, process: subprocess.Popen[str], folder: Path) -> dict[str, str]:
    """Cancel seed 1, leave seed 2 no time, and lose the node under seed 3.

    Returns the step after which seeds 1 and 2 said that they stopped, for the third cannot.
    """
    first: dict[str, Job] = {}

    def all_stand_still() -> bool:
        for seed in {"1", "2", "3"} - first.keys():
            if saved(folder, seed).exists():
                first[seed] = stand_still(cluster, seed)
                assert saved(folder, seed).exists(), "it ended before it could be stopped"
        return len(first) == 3

    wait_for(all_stand_still, process, "training")
    # What Snakemake submits anew has to wait until the node has been lost.
    cluster.open(False)
    cluster.ask("scancel", first["1"].id)
    # As many minutes as there are between SIGTERM and the end of the time.
    cluster.ask("scontrol", "update", f"JobId={first['2'].id}", "TimeLimit=5")
    steps = {}
    for seed, state in (("1", "CANCELLED"), ("2", "FAILED")):
        wait_for(lambda at=seed: STOPPED.search(log(folder, at)), process, "a saved state")
        steps[seed] = STOPPED.search(log(folder, seed))[1]
        wait_for(lambda at=seed, end=state: state_of(cluster, first[at]) == end, process, state)
    assert state_of(cluster, first["3"]) == "RUNNING"
    cluster.crash_node()
    cluster.start_node()
    wait_for(lambda: state_of(cluster, first["3"]) == "PENDING", process, "the lost job's return")
    cluster.open(True)
    return steps


def stand_still(cluster: Cluster, seed: str) -> Job:
    """Stop the training of a seed, but not for signals that Slurm sends it."""
    job = next(each for each in cluster.jobs() if is_training(each, seed))
    os.kill(next(filter(is_script, cluster.processes(job.id))), signal.SIGSTOP)
    return job


def saved(folder: Path, seed: str) -> Path:
    return folder / f"results/tiny/resume/target/tiny/none/xnli/{seed}/state.safetensors"


def is_training(job: Job, seed: str) -> bool:
    return job.comment == f"rule_train_target_wildcards_tiny_none_xnli_{seed}"


def is_script(pid: int) -> bool:
    return Path(f"/proc/{pid}/cmdline").read_bytes().endswith(b".train.py\0")


def state_of(cluster: Cluster, job: Job) -> str:
    return next(each.state for each in cluster.jobs() if each.id == job.id)


def log(folder: Path, seed: str) -> str:
    return (folder / f"results/tiny/logs/train_target/tiny/none/xnli/{seed}.log").read_text()


def test_the_profile_runs_the_same_jobs_again_as_the_default_one():
    slurm, default = (
        yaml.safe_load((ROOT / f"profiles/{name}/config.yaml").read_text())
        for name in ("slurm", "default")
    )
    for key in ("rerun-triggers", "max-checksum-file-size", "rerun-incomplete", "keep-going"):
        assert slurm[key] == default[key]


def test_the_partition_file_is_one_that_the_plugin_reads():
    partitions = {
        each.name: each.limits for each in read_partition_file(PROFILE / "partitions.yaml")
    }
    assert partitions["cpu"].max_gpu == 0
    assert partitions["gpu"].max_gpu > 0
    # The third attempt of a job of a day.
    assert all(limits.max_runtime >= 3 * 24 * 60 for limits in partitions.values())
