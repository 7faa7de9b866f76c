"""Files are whole or absent, and an earlier one survives a failed write."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pytest
from test_disk_errors import LITTLE, WRITERS
from tiny_encoders import write_tiny_bert

from xstilts.config.encoders import EncoderSource
from xstilts.errors import XstiltsError, did_you_mean
from xstilts.execution.files import atomic_path, write_text
from xstilts.execution.parquet import read_meta, read_table, write_table
from xstilts.training.encoder import fetch_encoder


def test_a_failed_write_leaves_the_earlier_file_and_nothing_else(tmp_path):
    path = tmp_path / "out.txt"
    write_text(path, "first")

    def write_half() -> None:
        with atomic_path(path) as part:
            part.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        write_half()
    assert path.read_text() == "first"
    assert [entry.name for entry in tmp_path.iterdir()] == ["out.txt"]


# Writes a file or folder, with a word in it, as often as told by a line each.
WRITER = """
import sys
from pathlib import Path
from xstilts.execution.files import atomic_path

path, kind, word = Path(sys.argv[1]), sys.argv[2], sys.argv[3]
for _ in sys.stdin:
    with atomic_path(path) as part:
        if kind == "folder":
            part.mkdir()
            (part / "a").write_text(word)
            (part / "b").write_text(word)
        else:
            part.write_text(word)
        print("written", flush=True)
        if word != "quick":
            sys.stdin.readline()
print("done", flush=True)
"""


@contextmanager
def writer(path: Path, kind: str, word: str) -> Iterator[subprocess.Popen[str]]:
    """Another process that writes `path` and, unless it is quick, waits before it puts it there."""
    process = subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), kind, word],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        process.stdin.write("go\n")
        process.stdin.flush()
        assert process.stdout.readline() == "written\n"
        yield process
    finally:
        process.kill()
        process.communicate()


def put(path: Path, kind: str, word: str) -> None:
    with atomic_path(path) as part:
        if kind == "folder":
            part.mkdir()
            (part / "a").write_text(word)
            (part / "b").write_text(word)
        else:
            part.write_text(word)


def words(path: Path) -> set[str]:
    """What stands in a file, or in the two files of a folder."""
    files = [path / "a", path / "b"] if path.is_dir() else [path]
    return {file.read_text() for file in files}


def test_what_a_killed_process_left_is_removed(tmp_path):
    (tmp_path / ".out.txt.v2.abcdefgh.tmp").mkdir()
    with writer(tmp_path / "out.txt", "file", "slow") as process:
        process.kill()
        process.wait()
    assert len(list(tmp_path.iterdir())) == 2
    write_text(tmp_path / "out.txt", "text")
    assert sorted(p.name for p in tmp_path.iterdir()) == [".out.txt.v2.abcdefgh.tmp", "out.txt"]


def test_of_another_machine_only_what_is_old_is_removed(tmp_path):
    a_week_ago = time.time() - 8 * 24 * 3600
    for name, owner in (("new", "elsewhere"), ("old", "elsewhere"), ("bare", None)):
        folder = tmp_path / f".out.txt.{name:_<8}.tmp"
        folder.mkdir()
        if owner:
            (folder / "owner").write_text(f"1\n{owner}\n")
        if name == "old":
            os.utime(folder, (a_week_ago, a_week_ago))
    write_text(tmp_path / "out.txt", "text")
    left = sorted(p.name for p in tmp_path.iterdir())
    assert left == [".out.txt.bare____.tmp", ".out.txt.new_____.tmp", "out.txt"]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_of_two_that_write_the_same_the_later_leaves_what_stands(tmp_path, kind):
    path = tmp_path / "out"
    with writer(path, kind, "same") as process:
        # With its temporary folder in place, which is not taken for that of a dead process.
        put(path, kind, "same")
        before = path.stat()
        output, _ = process.communicate("\n")
        assert (process.returncode, output) == (0, "done\n")
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert words(path) == {"same"}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_of_two_that_write_different_things_the_later_stands(tmp_path, kind):
    path = tmp_path / "out"
    with writer(path, kind, "later") as process:
        put(path, kind, "earlier")
        assert words(path) == {"earlier"}
        process.communicate("\n")
        assert process.returncode == 0
    assert words(path) == {"later"}
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_many_writers_at_once_always_leave_one_whole_result(tmp_path, kind):
    path = tmp_path / "out"
    with writer(path, kind, "quick") as process:
        process.stdin.write("go\n" * 100)
        process.stdin.close()
        process.stdin = None
        while process.poll() is None:
            put(path, kind, "here")
        assert process.returncode == 0
    assert len(words(path)) == 1
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("moment", ["while it is moved away", "just before ours is put there"])
def test_a_folder_that_another_process_puts_there_in_between_is_replaced(
    tmp_path, monkeypatch, moment
):
    path, theirs = tmp_path / "out", tmp_path / "theirs"
    put(path, "folder", "old")
    put(theirs, "folder", "theirs")
    replace, calls = os.replace, []

    def interrupted(source, target):
        calls.append((source, target))
        if moment == "while it is moved away" and len(calls) == 1:
            # Another process has moved it away and has not put its own there yet.
            shutil.rmtree(path)
        if moment == "just before ours is put there" and len(calls) == 2:
            replace(theirs, path)
        replace(source, target)

    monkeypatch.setattr(os, "replace", interrupted)
    put(path, "folder", "ours")
    assert words(path) == {"ours"}
    assert path in list(tmp_path.iterdir())
    assert not list(tmp_path.glob(".*"))


def test_a_folder_is_replaced_as_a_whole(tmp_path):
    path = tmp_path / "model"
    for name in ("old", "new"):
        with atomic_path(path) as part:
            part.mkdir()
            (part / name).write_text(name)
    assert [entry.name for entry in path.iterdir()] == ["new"]
    assert [entry.name for entry in tmp_path.iterdir()] == ["model"]


@pytest.fixture(params=[0o002, 0o022, 0o077], ids=oct)
def umask(request):
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def modes(folder):
    """Permissions of everything below a folder, without setuid and the like."""
    return {path: path.stat().st_mode & 0o777 for path in folder.rglob("*")}


@pytest.mark.parametrize("write", WRITERS, ids=lambda write: write.__name__)
def test_what_is_written_has_the_modes_that_the_umask_gives(tmp_path, umask, write):
    write(tmp_path / "results" / WRITERS[write], LITTLE)
    found = modes(tmp_path)
    assert len(found) > 1
    for path, mode in found.items():
        assert mode == (0o777 if path.is_dir() else 0o666) & ~umask, path


def test_a_checkpoint_has_the_modes_that_the_umask_gives(tmp_path, umask):
    write_tiny_bert(tmp_path / "encoder", ["some words"])
    fetch_encoder(EncoderSource(folder=str(tmp_path / "encoder")), tmp_path / "results" / "fetched")
    found = modes(tmp_path / "results")
    assert {"config.json", "model.safetensors", "provenance.json"} <= {path.name for path in found}
    for path, mode in found.items():
        assert mode == (0o777 if path.is_dir() else 0o666) & ~umask, path


def test_tables_carry_their_metadata_and_refuse_other_columns(tmp_path):
    path = tmp_path / "table.parquet"
    table = pa.table({"a": [1, 2]})
    write_table(path, table, {"source": "here"})
    assert read_meta(path) == {"source": "here"}
    assert read_table(path, table.schema).equals(table, check_metadata=False)
    with pytest.raises(XstiltsError, match="expected the columns"):
        read_table(path, pa.schema([("a", pa.string())]))


def test_errors_name_place_row_and_mend():
    error = XstiltsError("two columns wanted", where="a.tsv", row=3, hint="add a tab")
    assert str(error) == "a.tsv, row 3: two columns wanted (add a tab)"
    assert did_you_mean("xnly", ["xnli", "panx"]) == "did you mean 'xnli'?"
    assert "panx, xnli" in did_you_mean("zzz", ["xnli", "panx"])
