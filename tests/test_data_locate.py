"""Where files are looked for, and what is said when they are missing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from xstilts.data.locate import explain_missing, find_files
from xstilts.tasks import TASKS


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


def test_a_file_without_a_language_in_its_name_is_english(tmp_path):
    touch(tmp_path, "squad/train-v1.1.json")
    assert find_files(TASKS["squad_v1"], "train", "en", tmp_path)
    assert find_files(TASKS["squad_v1"], "train", "de", tmp_path) is None
    assert "other languages only" in explain_missing(TASKS["squad_v1"], "train", "de", tmp_path)


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
        "import sys, xstilts.data.locate; "
        "assert not {'pyarrow', 'datasets', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
