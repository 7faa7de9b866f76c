"""The table of tasks: what it holds, and that every source in it can be read."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from xstilts.config.parse import parse_experiment
from xstilts.config.tasks import GROUPS, INTERMEDIATE, SPLITS, TARGETS, TASKS, TEXT, XTREME, Kind
from xstilts.config.tasks.types import FolderSource
from xstilts.data.build import build_part
from xstilts.data.invitro.generate import BITEXTS, MAKERS
from xstilts.data.readers.folder import READERS
from xstilts.errors import XstiltsError
from xstilts.graph.locate import Unit, find_files
from xstilts.graph.required_data import Inventory


def test_xtreme_has_nine_targets_in_four_groups_and_the_study_nine_tasks():
    assert " ".join(XTREME) == "xnli pawsx udpos panx xquad mlqa tydiqa bucc2018 tatoeba"
    beyond = [key for key in TARGETS if key not in XTREME]
    assert " ".join(beyond) == (
        "xcopa pitfalls sib200 americasnli afrixnli masakhapos masakhaner2 ud belebele tatoeba112"
        " ntrex"
    )
    assert {TARGETS[key].group for key in beyond}.isdisjoint(GROUPS)
    assert sorted(key for keys in GROUPS.values() for key in keys) == sorted(XTREME)
    assert " ".join(INTERMEDIATE) == "anli mnli qqp squad_v2 squad_v1 hellaswag ccg cosmosqa csqa"


@pytest.mark.parametrize("task", TASKS.values(), ids=list(TASKS))
def test_a_row_is_whole(task):
    assert task.title
    assert task.licence
    assert set(task.folder) | set(task.hub) | set(task.generated) <= set(SPLITS)
    for sources in task.folder.values():
        assert all(source.reader in READERS for source in sources)
    if task.intermediate:
        assert {"train", "dev"} <= set(task.folder)
    if task.train_set:
        assert "train" in TASKS[task.train_set].folder
    if task.generated:
        assert task.key in {*MAKERS, *BITEXTS, TEXT}
    if task.kind in (Kind.PAIR, Kind.SENTENCE, Kind.TAGGING):
        assert bool(task.labels) != task.open_labels


def test_the_docs_say_where_each_intermediate_task_is_read_from():
    docs = (Path(__file__).parents[2] / "docs/data.md").read_text(encoding="utf-8")
    assert [key for key in INTERMEDIATE if f"\n| `{key}` | " not in docs] == []


def test_a_tenth_intermediate_task_is_one_row(tmp_path):
    """Its format being known: nothing else names the tasks."""
    task = dataclasses.replace(
        INTERMEDIATE["csqa"],
        key="swag",
        folder={"train": (FolderSource(reader="hellaswag_jsonl", files=("swag{-lang}.jsonl",)),)},
    )
    line = '{"ctx": "a", "endings": ["b", "c"], "label": 1}\n'
    for name in ("swag.jsonl", "swag-sw.jsonl"):
        (tmp_path / name).write_text(line)
    for language in ("en", "sw"):
        source, files = find_files(task, "train", language, tmp_path)
        unit = Unit("train", language, tuple(map(str, files)), source.reader)
        table, _ = build_part(task, "train", [unit], source="folder", limits={})
        assert table["label"].to_pylist() == [1]


def test_xcopa_is_not_generated():
    experiment = parse_experiment(
        {
            "experiment": "x",
            "data_source": "invitro",
            "encoders": {"tiny": {"pretrain": {}}},
            "recipes": ["none"],
            "targets": ["xcopa"],
        }
    )
    with pytest.raises(XstiltsError, match=r"targets\.xcopa: xcopa has no test split"):
        Inventory(experiment, {"xcopa": ("train", "dev", "eval")})
