"""The table of training runs."""

from __future__ import annotations

import pyarrow as pa
import pytest

from xstilts.data.schemas import CURVES, RUNS
from xstilts.errors import XstiltsError
from xstilts.execution.parquet import write_table
from xstilts.training.runs_table import collect_runs

PLACE = {"encoder": "a", "recipe": "mnli", "phase": "target", "train_set": "xnli", "seed": 2}
CURVE = {
    **{"collapsed": "", "restarted": False, "steps": 30, "best_step": 20, "seconds": 4.5},
    **{"tokens": 900, "token_pairs": 30_000, "best_dev_score": 71.5, "first_attempt": None},
    **{"precision": "float32", "float32_retry": "", "bfloat16_attempt": None},
}


def write(path, **changes):
    write_table(path, CURVES.empty_table(), {**CURVE, **changes})
    return path


def test_a_row_says_where_the_run_stands_and_what_became_of_it(tmp_path):
    table = collect_runs([(PLACE, write(tmp_path / "a.parquet"))])
    assert table.schema.equals(RUNS)
    (row,) = table.to_pylist()
    assert row == {
        **PLACE,
        **{name: CURVE[name] for name in RUNS.names if name in CURVE},
        "dev": 71.5,
    }


def test_a_first_attempt_is_paid_for_too(tmp_path):
    first = {"collapsed": "chance", "seconds": 5.5, "tokens": 100, "token_pairs": 7, "steps": 30}
    path = write(tmp_path / "a.parquet", restarted=True, first_attempt=first)
    (row,) = collect_runs([(PLACE, path)]).to_pylist()
    assert (row["seconds"], row["tokens"], row["token_pairs"]) == (10.0, 1000, 30_007)
    assert (row["collapsed"], row["steps"], row["restarted"]) == ("", 30, True)


def test_a_table_that_is_no_curve_is_refused_by_name(tmp_path):
    path = tmp_path / "other.parquet"
    write_table(path, pa.table({"step": [1]}), {})
    with pytest.raises(XstiltsError, match=r"other\.parquet.*lacks collapsed"):
        collect_runs([(PLACE, path)])
