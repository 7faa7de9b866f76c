"""A disk that is full, read-only or gone: one message, no half-written file, nothing lost."""

from __future__ import annotations

import errno
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors import SafetensorError
from small_disks import fill, make_read_only, small_disk
from tiny_encoders import write_tiny_bert

from xstilts.errors import XstiltsError
from xstilts.execution import files
from xstilts.execution.disk_errors import DiskError, check_working_directory, disk_trouble
from xstilts.execution.files import atomic_path, reserve, write_json, write_text
from xstilts.execution.parquet import write_stream, write_table
from xstilts.features.tokenizer import load_tokenizer
from xstilts.training.checkpoint import Progress, ResumeState
from xstilts.training.encoder import load_encoder, save_encoder

# More than the disk holds, and nothing that compresses.
TOO_MUCH = np.random.default_rng(0).integers(0, 256, 3_000_000, dtype=np.uint8)
LITTLE = TOO_MUCH[:1000]


@pytest.fixture
def disk(tmp_path):
    with small_disk(tmp_path / "disk", megabytes=2) as mounted:
        yield mounted


def table(path, values):
    write_table(path, pa.table({"values": values}), {"a": 1})


def stream(path, values):
    schema = pa.schema([("values", pa.binary())])
    write_stream(path, schema, ([{"values": part.tobytes()}] for part in np.split(values, 4)), {})


def text(path, values):
    write_text(path, values.tobytes().hex())


def json_file(path, values):
    write_json(path, values.tolist())


def state(path, values):
    model = torch.nn.Linear(1, len(values) // 4, bias=False)
    optimizer = torch.optim.AdamW(model.parameters())
    ResumeState(path.parent, "x").save(model, optimizer, Progress())


def array(path, values):
    with atomic_path(path) as part:
        mapped = np.lib.format.open_memmap(part, mode="w+", dtype=np.uint8, shape=values.shape)
        reserve(part)
        mapped[:] = values
        mapped.flush()


def plain_array(path, values):
    with atomic_path(path) as part, part.open("wb") as handle:
        np.save(handle, values)


def folder_of_tables(path, values):
    with atomic_path(path) as part:
        part.mkdir()
        for name in "ab":
            pl.DataFrame({"values": values}).write_parquet(part / f"{name}.parquet")


WRITERS = {
    table: "table.parquet",
    stream: "stream.parquet",
    text: "page.html",
    json_file: "curve.json",
    state: "state.safetensors",
    array: "embeddings.npy",
    plain_array: "plain.npy",
    folder_of_tables: "findings",
}


def contents(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__)
def test_a_full_disk_is_told_by_file_and_leaves_what_was_there(disk, write):
    path = disk / "results" / WRITERS[write]
    write(path, LITTLE)
    before = contents(disk)
    assert len(before) > 1
    with pytest.raises(XstiltsError) as caught:
        write(path, TOO_MUCH)
    shown = str(caught.value)
    assert shown.startswith(f"{path}")
    assert "No space left on device: of 2.1 MB on its disk" in shown
    assert "free some, then run the same command again" in shown
    assert contents(disk) == before


@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__)
def test_a_full_disk_leaves_nothing_where_nothing_was(disk, write):
    (disk / "results").mkdir()
    with pytest.raises(DiskError, match=WRITERS[write]):
        write(disk / "results" / WRITERS[write], TOO_MUCH)
    assert contents(disk) == {"results": None}


def test_a_checkpoint_that_does_not_fit_is_no_checkpoint(disk, tmp_path):
    encoder = tmp_path / "encoder"
    write_tiny_bert(encoder, ["some words", "and others"])
    model, tokenizer = load_encoder(encoder), load_tokenizer(encoder)

    def save(*, too_much: bool) -> None:
        with atomic_path(disk / "model") as part:
            save_encoder(model, tokenizer, part, {})
            if too_much:
                (part / "heads.safetensors").write_bytes(TOO_MUCH)

    # Not a byte, then enough for its first files, then for all but the last.
    size = sum(path.stat().st_size for path in encoder.iterdir())
    for leave in (0, 4096, size // 2, size):
        ballast = fill(disk, leave=leave)
        with pytest.raises(DiskError, match=f"^{disk}/model.*: No space left on device") as caught:
            save(too_much=True)
        assert ".tmp" not in str(caught.value)
        assert set(contents(disk)) == {"ballast"}
        ballast.unlink()
    save(too_much=False)
    assert load_encoder(disk / "model") is not None


@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__)
def test_a_read_only_disk_is_told_by_file(disk, write):
    path = disk / WRITERS[write]
    write(path, LITTLE)
    before = contents(disk)
    make_read_only(disk)
    with pytest.raises(DiskError, match=r"Read-only file system.*snakemake --directory") as caught:
        write(path, LITTLE)
    assert str(path) in str(caught.value)
    assert contents(disk) == before


@pytest.mark.parametrize("number", [errno.ESTALE, errno.EIO, errno.ENOTCONN])
@pytest.mark.parametrize("step", ["fsync", "replace", "write"])
def test_a_network_disk_that_is_lost_in_the_middle(tmp_path, monkeypatch, number, step):
    path = tmp_path / "table.parquet"
    table(path, LITTLE)
    before = contents(tmp_path)

    def lost(*_arguments, **_options):
        raise OSError(number, os.strerror(number))

    target = (pq, "write_table") if step == "write" else (files.os, step)
    monkeypatch.setattr(*target, lost)
    with pytest.raises(DiskError) as caught:
        table(path, TOO_MUCH)
    monkeypatch.undo()
    assert str(caught.value).startswith(f"{path}: {os.strerror(number)} (wait until it is back")
    assert contents(tmp_path) == before


def test_a_folder_that_cannot_be_put_in_place_leaves_the_earlier_one(tmp_path, monkeypatch):
    folder_of_tables(tmp_path / "findings", LITTLE)
    before = contents(tmp_path)
    replace = os.replace

    def fails_for_the_new(source, target):
        if Path(target) == tmp_path / "findings" and "previous" not in str(source):
            raise OSError(errno.EIO, "Input/output error", str(source))
        replace(source, target)

    monkeypatch.setattr(files.os, "replace", fails_for_the_new)
    with pytest.raises(DiskError, match=f"^{tmp_path}/findings: Input/output error"):
        folder_of_tables(tmp_path / "findings", TOO_MUCH)
    monkeypatch.undo()
    assert contents(tmp_path) == before


def test_every_file_of_a_folder_reaches_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    synced = []
    fsync = os.fsync

    def note(descriptor):
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        assert not (tmp_path / "findings").exists()
        fsync(descriptor)

    monkeypatch.setattr(files.os, "fsync", note)
    folder_of_tables(tmp_path / "findings", LITTLE)
    assert sorted(synced) == ["a.parquet", "b.parquet"]


FULL = "No space left on device"


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OSError(errno.ENOSPC, FULL, "a/b.txt"), "a/b.txt: No space left on device: of"),
        (OSError(errno.EDQUOT, "Disk quota exceeded", "a"), "a: Disk quota exceeded (free some or"),
        (SafetensorError(f"Error while serializing: I/O error: {FULL} (os error 28)"), FULL),
        (pl.exceptions.ComputeError(f"parquet: underlying IO error: {FULL} (os error 28)"), FULL),
        (OSError("[Errno 116] Error writing. Detail: [errno 116] Stale file handle"), "Stale"),
        (OSError("4000000 requested and 2097024 written"), FULL),
        (sqlite3.OperationalError("database or disk is full"), FULL),
        (sqlite3.OperationalError("attempt to write a readonly database"), "Read-only"),
        (PermissionError(errno.EACCES, "Permission denied", "a.tsv"), "a.tsv: Permission denied"),
        (OSError(errno.EIO, "", "x/.model.abcdefgh.tmp/model/f"), "x/model/f: Input/output"),
        (OSError(errno.EIO, "", "x/.a.b.abcdefgh.tmp"), "x/a.b: Input/output"),
        (PermissionError(errno.EPERM, "Operation not permitted"), None),
        (OSError(errno.ENOTCONN, "Transport endpoint is not connected"), None),
        (FileNotFoundError(errno.ENOENT, "No such file", "a"), None),
        (ValueError("the space left is wrong"), None),
        (RuntimeError("CUDA error 28"), None),
    ],
)
def test_what_is_trouble_with_a_disk_and_what_is_not(error, told):
    found = disk_trouble(error)
    assert (told is None) == (found is None)
    assert told is None or told in str(found)


def test_the_cause_counts_whatever_it_was_wrapped_in():
    wrapped = XstiltsError("cannot be loaded", hint="check the network")
    wrapped.__cause__ = OSError(errno.ENOSPC, FULL, "cache/file")
    assert str(disk_trouble(wrapped)).startswith("cache/file: No space left")
    wrapped.__cause__, wrapped.__context__ = None, wrapped.__cause__
    assert str(disk_trouble(wrapped)).startswith("cache/file: No space left")


@given(st.text(), st.sampled_from([ValueError, RuntimeError, KeyError, XstiltsError]))
def test_no_other_error_is_taken_for_one(message, kind):
    known = ("error ", "errno ", "space", "quota", "disk", "database", "system", "handle", "output")
    if not any(word in message.lower() for word in known):
        assert disk_trouble(kind(message)) is None


def test_a_working_directory_is_checked_before_anything_is_begun(disk, tmp_path):
    check_working_directory(tmp_path)
    check_working_directory(disk, least_free=1_000_000)
    with pytest.raises(XstiltsError, match=r"2.1 MB are free .*\(free at least 20.0 MB"):
        check_working_directory(disk)
    ballast = fill(disk)
    with pytest.raises(DiskError, match=f"^{disk}: No space left on device"):
        check_working_directory(disk)
    ballast.unlink()
    make_read_only(disk)
    with pytest.raises(DiskError, match=f"^{disk}: Read-only file system"):
        check_working_directory(disk)


JOB = """
from types import SimpleNamespace
from xstilts.execution.jobs import job

path = "results/x/logs/train/all.log"
with job(SimpleNamespace(threads=1, log=[path], rule="train", wildcards={}, output=[])):
    print("begun")
    {body}
"""
WRITE = (
    "from xstilts.execution.files import write_text; "
    "write_text('results/x/page.html', 'a' * 9_000_000)"
)


def run_job(folder: Path, body: str) -> subprocess.CompletedProcess:
    program = JOB.replace("{body}", body)
    return subprocess.run(
        [sys.executable, "-c", program], cwd=folder, capture_output=True, text=True
    )


def test_the_message_reaches_the_console_though_the_log_is_on_the_full_disk(disk):
    fill(disk)
    result = run_job(disk, WRITE)
    assert result.returncode == 1
    assert "error in train: results/x/page.html: No space left on device" in result.stderr
    assert "all.log cannot be written: No space left on device" in result.stderr
    assert "Traceback" not in result.stderr
    assert not list(disk.rglob("page.html"))


def test_a_job_that_had_room_for_its_output_is_not_ended_for_its_log(disk, tmp_path):
    fill(disk)
    result = run_job(disk, f"open({str(tmp_path / 'out')!r}, 'w').write('x')")
    assert result.returncode == 0
    assert (tmp_path / "out").read_text() == "x"


def test_a_log_that_cannot_be_made_is_told(disk):
    make_read_only(disk)
    result = run_job(disk, WRITE)
    assert result.returncode == 1
    assert "error in train: results: Read-only file system (have it mounted" in result.stderr
    assert "Traceback" not in result.stderr


def test_after_a_full_disk_the_record_of_the_cost_can_be_read(disk):
    ballast = fill(disk)
    run_job(disk, WRITE)
    ballast.unlink()
    assert run_job(disk, "pass").returncode == 0
    record = (disk / "results/x/benchmarks/train/all.jsonl").read_text().splitlines()
    assert json.loads(record[-1])["finished"] is True


def test_space_is_reserved_where_the_system_has_no_call_for_it(tmp_path, monkeypatch):
    monkeypatch.delattr("os.posix_fallocate")
    path = tmp_path / "sparse"
    with path.open("wb") as handle:
        handle.truncate(3 * 2**20 + 5)
    assert path.stat().st_blocks == 0
    reserve(path)
    assert path.read_bytes() == bytes(3 * 2**20 + 5)
    assert path.stat().st_blocks * 512 >= 3 * 2**20


def test_a_map_on_a_full_disk_kills_no_job_that_has_reserved_its_space(disk):
    body = """
    import numpy as np
    from xstilts.execution.files import atomic_path, reserve
    with atomic_path("results/x/e.npy") as part:
        rows = np.lib.format.open_memmap(part, mode="w+", dtype="float32", shape=(1000, 1000))
        {reserve}
        rows[:] = 1
"""
    killed = run_job(disk, body.format(reserve="pass"))
    assert killed.returncode < 0
    assert "Bus error" in (disk / "results/x/logs/train/all.log").read_text()
    shown = run_job(disk, body.format(reserve="reserve(part)"))
    assert shown.returncode == 1
    assert "results/x/e.npy: No space left on device" in shown.stderr
