"""Files are whole or absent, and an earlier one survives a failed write."""

from __future__ import annotations

import pyarrow as pa
import pytest

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
