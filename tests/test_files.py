"""Files are whole or absent, and an earlier one survives a failed write."""

from __future__ import annotations

import os

import pyarrow as pa
import pytest
from test_mishaps import LITTLE, WRITERS
from tiny_encoders import write_tiny_bert

from xstilts.encoder import fetch_encoder
from xstilts.encoder_settings import EncoderSource
from xstilts.errors import XstiltsError, did_you_mean
from xstilts.files import atomic_path, write_text
from xstilts.schemas import read_meta, read_table, write_table


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


def test_what_a_killed_process_left_is_removed(tmp_path):
    (tmp_path / ".out.txt.abcdefgh.tmp").mkdir()
    (tmp_path / ".out.txt.v2.abcdefgh.tmp").mkdir()
    write_text(tmp_path / "out.txt", "text")
    assert sorted(p.name for p in tmp_path.iterdir()) == [".out.txt.v2.abcdefgh.tmp", "out.txt"]


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
    error = XstiltsError("two columns wanted", where="a.tsv", row=3, mend="add a tab")
    assert str(error) == "a.tsv, row 3: two columns wanted (add a tab)"
    assert did_you_mean("xnly", ["xnli", "panx"]) == "did you mean 'xnli'?"
    assert "panx, xnli" in did_you_mean("zzz", ["xnli", "panx"])
