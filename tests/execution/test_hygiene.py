"""A run is a good guest on a machine that others use: real `snakemake`, on the tiny grid."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest
import yaml
from process_trees import ports, tree
from small_disks import fill, make_read_only, small_disk
from test_secrets import HIDDEN, hub
from tiny_grid import SMALL, make_folder
from workflow_runs import command, has_saved_state, snakemake

pytestmark = pytest.mark.workflow

CREDENTIALS = {
    "HF_TOKEN": "hf_s3cr3tabcdefghijklmnop",
    "AWS_SECRET_ACCESS_KEY": "s3cr3t/of+aws/0123456789",
    "SNAKEMAKE_STORAGE_S3_SECRET_KEY": "s3cr3t-of-the-storage",
}


def start(folder: Path, *arguments: str, umask: int = -1, **environ: str) -> subprocess.Popen:
    return subprocess.Popen(
        command(folder, *arguments), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "XDG_CACHE_HOME": str(folder / "cache"), **environ},
        umask=umask, start_new_session=True,
    )  # fmt: skip


def until(found, process: subprocess.Popen) -> None:
    while not found():
        assert process.poll() is None, process.communicate()[0][-4000:]
        time.sleep(0.05)


def kill(process: subprocess.Popen) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def modes(folder: Path) -> dict[Path, int]:
    return {path: path.stat().st_mode & 0o777 for path in folder.rglob("*")}


def assert_modes_follow(umask: int, results: Path) -> None:
    found = modes(results)
    for kind in ("safetensors", "parquet", "json", "jsonl", "log"):
        assert any(path.suffix == f".{kind}" for path in found), kind
    for path, mode in found.items():
        assert mode == (0o777 if path.is_dir() else 0o666) & ~umask, path


def texts(folder: Path) -> str:
    return "".join(
        path.read_bytes().decode("latin-1") for path in folder.rglob("*") if path.is_file()
    )


@dataclass
class Run:
    folder: Path
    output: str
    ports: set[str]


@pytest.fixture(scope="module")
def watched(tmp_path_factory) -> Run:
    """A whole run with credentials in its environment, whose open ports are looked at."""
    folder = make_folder(tmp_path_factory.mktemp("grid"), **SMALL)
    output, found = folder.parent / "output", set()
    with output.open("w") as stream:
        process = subprocess.Popen(
            command(folder), stdout=stream, stderr=subprocess.STDOUT, umask=0o002,
            start_new_session=True,
            env={**os.environ, "XDG_CACHE_HOME": str(folder / "cache"), **CREDENTIALS},
        )  # fmt: skip
        while process.poll() is None:
            found |= ports(process.pid)
            time.sleep(0.1)
    assert process.returncode == 0, output.read_text()[-4000:]
    return Run(folder, output.read_text(), found)


def test_who_waits_on_a_port_is_found():
    program = "import socket; s = socket.create_server(('127.0.0.1', 0)); print(1, flush=True); "
    child = subprocess.Popen(
        ["/bin/sh", "-c", f'{sys.executable} -c "{program}input()"; true'],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    child.stdout.readline()
    assert len(tree(child.pid)) == 2
    (found,) = ports(child.pid)
    assert found.startswith("tcp 0100007F:")
    child.communicate(b"\n")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        before = ports(os.getpid())
        udp.bind(("127.0.0.1", 0))
        assert len(ports(os.getpid()) - before) == 1


def test_nothing_waits_on_a_port_during_a_run(watched):
    assert watched.ports == set()


def test_all_that_a_run_leaves_has_the_modes_that_the_umask_gives(watched):
    assert_modes_follow(0o002, watched.folder / "results")


def test_a_run_writes_none_of_its_credentials_anywhere(watched):
    assert "s3cr3t" not in watched.output
    assert "s3cr3t" not in texts(watched.folder)


def test_a_run_that_fails_for_its_credentials_does_not_tell_them(tmp_path):
    encoder = {"hub": "a/b", "revision": "0" * 40, "retrieval": {"layer": 1}}
    folder = make_folder(tmp_path, **SMALL, encoders={"tiny": encoder})
    with hub() as address:
        process = start(
            folder, "--until", "fetch_encoder", **CREDENTIALS,
            HF_ENDPOINT=address, HF_HOME=str(folder / "home"),
        )  # fmt: skip
        output = process.communicate()[0]
    assert process.returncode == 1
    assert f"error in fetch_encoder: a/b at {'0' * 40}: cannot load the encoder" in output
    assert f"http://{HIDDEN}@127.0.0.1" in output
    assert "s3cr3t" not in output + texts(folder)


def test_two_runs_of_an_experiment_in_one_folder_refuse_each_other(tmp_path):
    folder = make_folder(tmp_path, **SMALL)
    first = start(folder)
    until((folder / "results/tiny/logs").is_dir, first)
    second = snakemake(folder, check=False)
    assert "Directory cannot be locked" in second
    assert "--unlock" in second
    # Another experiment may be run there. When it ends, Snakemake deletes all locks.
    other = yaml.safe_load((folder / "exp.yaml").read_text()) | {"experiment": "other"}
    (folder / "other.yaml").write_text(yaml.safe_dump(other))
    arguments = command(folder, "--until", "ingest")
    arguments[-1] = str(folder / "other.yaml")
    subprocess.run(arguments, check=True, capture_output=True)
    assert (folder / "results/other/data/xnli/train.parquet").is_file()
    assert not (folder / ".snakemake/locks").exists()
    third = snakemake(folder, check=False)
    assert (
        f"{folder}: this experiment is being run here already, by process {first.pid} on" in third
    )
    assert "Traceback" not in third
    # One may look at what is left to be done, though.
    assert "This was a dry-run" in snakemake(folder, "--dry-run")
    kill(first)
    # Nothing of ours has to be removed by hand; what Snakemake says is to be done is done.
    snakemake(folder, "--unlock")
    snakemake(folder, "--until", "ingest")


def test_a_disk_that_fills_up_in_the_middle_costs_nothing_but_time(tmp_path, watched):
    with small_disk(tmp_path / "disk", megabytes=64) as disk:
        folder = make_folder(disk / "grid", **SMALL)
        process = start(folder, "scores", umask=0o077)
        state = folder / "results/tiny/resume"
        until(lambda: has_saved_state(state), process)
        os.killpg(process.pid, signal.SIGSTOP)
        ballast = fill(disk)
        os.killpg(process.pid, signal.SIGCONT)
        output = process.communicate()[0]
        assert process.returncode == 1
        assert "No space left on device: of 67.1 MB on its disk" in output
        assert "free some, then run the same command again" in output
        assert not list(folder.rglob("*.tmp"))
        whole = [
            path for path in folder.rglob("results/**/*.parquet") if pl.read_parquet_schema(path)
        ]
        assert whole
        assert f"{disk}" in snakemake(folder, "scores", check=False)
        ballast.unlink()
        after = start(folder, "scores", umask=0o077)
        output = after.communicate()[0]
        assert after.returncode == 0, output[-4000:]
        assert any(
            "resuming after step" in path.read_text()
            for path in folder.rglob("logs/train_*/**/*.log")
        )
        assert_modes_follow(0o077, folder / "results")
        tables = [
            pl.read_parquet(place / "results/tiny/scores.parquet")
            for place in (folder, watched.folder)
        ]
        assert tables[0].equals(tables[1])
        # And one that cannot be written at all is told before anything is begun.
        make_read_only(disk)
        refused = start(folder, XDG_CACHE_HOME=str(tmp_path)).communicate()[0]
        assert f"{folder}: Read-only file system (have it mounted for writing" in refused
        assert "Traceback" not in refused
