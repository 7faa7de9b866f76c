"""The tags of a task with open labels are those of its training data, always in one order."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from xstilts.config.tasks import TASKS, Kind
from xstilts.data.schemas import DATA
from xstilts.errors import XstiltsError
from xstilts.execution.parquet import write_table
from xstilts.features.kinds.tagging import labels_of, with_open_labels

CCG = TASKS["ccg"]


def tagged(sentences: list[list[str]]) -> pa.Table:
    rows = [
        {"id": str(i), "tokens": ["w"] * len(tags), "tags": tags}
        for i, tags in enumerate(sentences)
    ]
    return pa.Table.from_pylist(rows, schema=DATA[Kind.TAGGING])


@given(
    st.lists(st.lists(st.sampled_from(["N/N", "(S\\NP)/NP", "N", "."]) | st.text(min_size=1))),
    st.integers(0, 5),
)
def test_labels_are_every_tag_once_in_order(sentences, cut):
    whole = tagged(sentences)
    parts = pa.concat_tables([whole.slice(0, cut), whole.slice(cut)])
    expected = tuple(sorted({tag for tags in sentences for tag in tags}))
    assert labels_of(whole) == labels_of(parts) == expected


def test_a_task_gets_the_tags_of_its_training_data(tmp_path):
    path = tmp_path / "ccg.parquet"
    write_table(path, tagged([["N/N", "N"], [], ["N", "(S\\NP)/NP"]]), {})
    task = with_open_labels(CCG, path)
    assert task.labels == ("(S\\NP)/NP", "N", "N/N")
    assert task.open_labels
    # Read again, as each job does.
    assert with_open_labels(task, path) == task


def test_other_tasks_keep_their_labels_and_read_nothing():
    assert with_open_labels(TASKS["udpos"], Path("absent.parquet")) is TASKS["udpos"]


def test_training_data_without_tags_are_refused(tmp_path):
    path = tmp_path / "ccg.parquet"
    write_table(path, tagged([[], []]), {})
    with pytest.raises(XstiltsError, match=r"ccg\.parquet: the training data of ccg have no tags"):
        with_open_labels(CCG, path)
