"""Where files are looked for, and what is said when they are missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from xstilts.config.recipes import TRAINABLE
from xstilts.config.tasks import TASKS
from xstilts.graph.locate import explain_missing, find_files


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x\n")


@pytest.mark.parametrize(
    ("task", "split", "language", "names"),
    [
        ("xnli", "dev", "sw", ["xnli/dev-sw.tsv"]),
        ("mlqa", "test", "de", ["mlqa/MLQA_V1/test/test-context-de-question-de.json"]),
        ("tydiqa", "test", "ko", ["tydiqa/tydiqa-goldp-v1.1-dev/tydiqa.goldp.ko.dev.json"]),
        (
            "tatoeba",
            "test",
            "sw",
            ["tatoeba-laser/tatoeba.swh-eng.swh", "tatoeba-laser/tatoeba.swh-eng.eng"],
        ),
    ],
)
def test_finds_the_files_of_the_layout(tmp_path, task, split, language, names):
    assert find_files(TASKS[task], split, language, tmp_path) is None
    touch(tmp_path, *names)
    source, files = find_files(TASKS[task], split, language, tmp_path)
    assert source in TASKS[task].folder[split]
    assert files == tuple(tmp_path / name for name in names)


def test_the_first_alternative_wins(tmp_path):
    touch(tmp_path, "intermediate/mnli/train.jsonl", "xnli/train-en.tsv")
    assert find_files(TASKS["mnli"], "train", "en", tmp_path)[0].reader == "pairs_jsonl"


@pytest.mark.parametrize(
    ("task", "names"),
    [
        (
            "anli",
            [
                "intermediate/mnli/train-sw.jsonl",
                "intermediate/snli/train-sw.jsonl",
                "intermediate/anli/train-sw.jsonl",
            ],
        ),
        ("mnli", ["intermediate/mnli/train-sw.jsonl"]),
        ("mnli", ["xnli/train-sw.tsv"]),
        ("mnli", ["XNLI-MT-1.0/multinli/multinli.train.sw.tsv"]),
        ("mnli", ["xtreme_translations/XNLI/translate-train/en-sw-translated.tsv"]),
        ("qqp", ["intermediate/qqp/train-sw.jsonl"]),
        ("qqp", ["intermediate/qqp/train-sw.tsv"]),
        ("squad_v2", ["intermediate/squad_v2/train-sw-v2.0.json"]),
        ("squad_v1", ["squad/train-sw-v1.1.json"]),
        (
            "squad_v1",
            ["xtreme_translations/SQuAD/translate-train/squad.translate.train.en-sw.json"],
        ),
        ("hellaswag", ["intermediate/hellaswag/hellaswag_train-sw.jsonl"]),
        ("ccg", ["intermediate/ccg/train-sw.tsv"]),
        ("ccg", ["intermediate/ccg/train-sw.auto"]),
        ("cosmosqa", ["intermediate/cosmosqa/train-sw.csv"]),
        ("csqa", ["intermediate/commonsense_qa/train-sw_rand_split.jsonl"]),
        ("xnli", ["xnli/train-sw.tsv"]),
        ("xnli", ["xtreme_translations/XNLI/translate-train/en-sw-translated.tsv"]),
        ("pawsx", ["pawsx/train-sw.tsv"]),
        ("pawsx", ["xtreme_translations/PAWSX/translate-train/en-sw-translated.tsv"]),
        ("udpos", ["udpos/train-sw.tsv"]),
        ("panx", ["panx/train-sw.tsv"]),
        ("tydiqa", ["tydiqa/tydiqa-goldp-v1.1-train/tydiqa.goldp.sw.train.json"]),
        (
            "tydiqa",
            ["xtreme_translations/TyDiQA-GoldP/translate-train/tydiqa.translate.train.en-sw.json"],
        ),
        ("xcopa", ["xcopa/train-sw.jsonl"]),
    ],
)
def test_training_data_in_another_language(tmp_path, task, names):
    assert find_files(TASKS[task], "train", "sw", tmp_path) is None
    touch(tmp_path, *names)
    assert find_files(TASKS[task], "train", "de", tmp_path) is None
    assert find_files(TASKS[task], "train", "en", tmp_path) is None
    _, files = find_files(TASKS[task], "train", "sw", tmp_path)
    assert files == tuple(tmp_path / name for name in names)


def test_of_several_folders_the_first_that_has_a_file_is_read(tmp_path):
    first, second = tmp_path / "a", tmp_path / "b"
    touch(second, "intermediate/mnli/train.jsonl", "xnli/train-sw.tsv")
    touch(first, "xnli/train-sw.tsv")
    assert find_files(TASKS["mnli"], "train", "en", first, second)[1][0].is_relative_to(second)
    assert find_files(TASKS["xnli"], "train", "sw", first, second)[1][0].is_relative_to(first)
    assert find_files(TASKS["xnli"], "train", "sw", second, first)[1][0].is_relative_to(second)
    assert find_files(TASKS["xnli"], "test", "sw", first, second) is None
    message = explain_missing(TASKS["xnli"], "test", "sw", first, second)
    assert all(str(each / "xnli/test-sw.tsv") in message for each in (first, second))


def test_every_trained_task_has_a_name_for_data_in_another_language():
    for key in TRAINABLE:
        assert "no train data in 'sw'" in explain_missing(TASKS[key], "train", "sw", Path("x"))
        assert "missing" in explain_missing(TASKS[key], "train", "sw", Path("x"))


def test_what_is_joined_is_in_one_language(tmp_path):
    touch(tmp_path, *(f"intermediate/{name}/train-sw.jsonl" for name in ("mnli", "snli")))
    touch(tmp_path, *(f"intermediate/anli/R{number}/train.jsonl" for number in (1, 2, 3)))
    assert find_files(TASKS["anli"], "train", "sw", tmp_path) is None
    touch(tmp_path, *(f"intermediate/{name}/train.jsonl" for name in ("mnli", "snli")))
    _, files = find_files(TASKS["anli"], "train", "en", tmp_path)
    assert [path.parent.name for path in files] == ["mnli", "snli", "R1", "R2", "R3"]


def test_english_was_not_translated(tmp_path):
    touch(tmp_path, "xtreme_translations/SQuAD/translate-train/squad.translate.train.en-en.json")
    assert find_files(TASKS["squad_v1"], "train", "en", tmp_path) is None
    assert "xtreme_translations" not in explain_missing(TASKS["squad_v1"], "train", "en", tmp_path)


def test_sorted_tatoeba_without_labels_is_explained(tmp_path):
    touch(tmp_path, "tatoeba/de-en.de", "tatoeba/de-en.en")
    assert find_files(TASKS["tatoeba"], "test", "de", tmp_path) is None
    message = explain_missing(TASKS["tatoeba"], "test", "de", tmp_path)
    assert str(tmp_path / "tatoeba/labels/test-de.tsv") in message
    assert "sorts the English side" in message


def test_missing_files_are_listed(tmp_path):
    message = explain_missing(TASKS["tatoeba"], "test", "de", tmp_path)
    assert "de-en.de" in message
    assert "tatoeba.deu-eng.eng" in message
    assert "no train split" in explain_missing(TASKS["tatoeba"], "train", "de", tmp_path)


def test_imports_nothing_heavy():
    program = (
        "import sys, xstilts.graph.locate; "
        "assert not {'pyarrow', 'datasets', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
