import json

import pyarrow as pa
import pytest

from xstilts.config.tasks import TASKS, Kind
from xstilts.data.schemas import DATA
from xstilts.errors import XstiltsError
from xstilts.scoring.item_counts import bucc_table, prediction_table, tatoeba_table
from xstilts.scoring.xtreme_layout import language_file, write_labels, write_predictions


def items(kind, *rows):
    defaults = {"language": "de", "split": "test"}
    return pa.Table.from_pylist([{**defaults, **row} for row in rows], schema=DATA[kind])


def test_pairs_are_one_label_a_line_of_the_clean_test_split(tmp_path):
    task = TASKS["xnli"]
    table = items(
        Kind.PAIR,
        {"id": "0", "label": "neutral"},
        {"id": "1", "label": "entailment"},
        {"id": "0", "label": "neutral", "split": "dev"},
        {"id": "0", "label": "neutral", "language": "ar"},
    )
    guesses = ["contradiction", "neutral", "entailment", "entailment"]
    rows = pa.concat_tables(
        [
            prediction_table(task, table, guesses),
            prediction_table(task, table, ["neutral"] * 4, condition="typos"),
        ]
    )
    written = write_predictions(rows, task, tmp_path / "predictions")
    assert [path.name for path in written] == ["test-ar.tsv", "test-de.tsv"]
    assert written[1].read_text() == "contradiction\nneutral\n"
    write_labels(table, task, tmp_path / "labels")
    assert (tmp_path / "labels/xnli/test-de.tsv").read_text() == "neutral\nentailment\n"


def test_tags_are_one_a_line_with_a_blank_line_after_each_sentence(tmp_path):
    task = TASKS["panx"]
    table = items(
        Kind.TAGGING,
        {"id": "0", "tokens": ["a", "b"], "tags": ["B-PER", "O"]},
        {"id": "1", "tokens": ["c"], "tags": ["O"]},
    )
    write_labels(table, task, tmp_path / "labels")
    assert (tmp_path / "labels/panx/test-de.tsv").read_text() == "B-PER\nO\n\nO\n\n"
    rows = prediction_table(task, table, [["O", "O"], ["B-LOC"]])
    (path,) = write_predictions(rows, task, tmp_path / "predictions")
    assert path.read_text() == "O\nO\n\nB-LOC\n\n"


def test_answers_are_json(tmp_path):
    task = TASKS["xquad"]
    shared = {"context": "ab cd", "question": "?"}
    table = items(
        Kind.SPAN,
        {"id": "q1", **shared, "answers": [{"text": "ab", "start": 0}]},
        {"id": "q2", **shared, "answers": [{"text": "cd", "start": 3}]},
    )
    (path,) = write_labels(table, task, tmp_path)
    assert path == language_file(tmp_path, task, "de")
    (paragraph,) = json.loads(path.read_text())["data"][0]["paragraphs"]
    assert paragraph["context"] == "ab cd"
    assert paragraph["qas"][1] == {
        "id": "q2",
        "question": "?",
        "answers": [{"text": "cd", "answer_start": 3}],
    }
    (path,) = write_predictions(prediction_table(task, table, ["ü", ""]), task, tmp_path)
    assert json.loads(path.read_text()) == {"q1": "ü", "q2": ""}


def test_repeated_questions_would_overwrite_each_other(tmp_path):
    question = {"id": "q", "context": "c", "question": "?", "answers": [{"text": "c", "start": 0}]}
    with pytest.raises(XstiltsError, match="the question id 'q' repeats"):
        write_labels(items(Kind.SPAN, question, question), TASKS["xquad"], tmp_path)
    assert not list(tmp_path.rglob("*.json"))


def test_tatoeba_holds_the_foreign_row_of_each_english_query(tmp_path):
    task = TASKS["tatoeba"]
    table = items(
        Kind.RETRIEVAL,
        {"id": "4", "side": "foreign", "text": "x"},
        {"id": "7", "side": "foreign", "text": "y"},
        {"id": "2", "side": "en", "text": "Y", "gold": ["7"]},
        {"id": "3", "side": "en", "text": "X", "gold": ["4"]},
    )
    write_labels(table, task, tmp_path / "labels")
    assert (tmp_path / "labels/tatoeba/test-de.tsv").read_text() == "7\n4\n"
    place = {"language": "de", "split": "test", "scores": [1, 1], "clusters": ["4", "7"]}
    rows = pa.concat_tables(
        [
            tatoeba_table(
                direction="to_en",
                query_ids=["4", "7"],
                predicted_ids=["3", "3"],
                gold_ids=["3", "2"],
                **place,
            ),
            tatoeba_table(
                direction="from_en",
                query_ids=["2", "3"],
                predicted_ids=["7", "7"],
                gold_ids=["7", "4"],
                **place,
            ),
        ]
    )
    (path,) = write_predictions(rows, task, tmp_path / "predictions")
    assert path.read_text() == "7\n7\n"


def test_tatoeba_needs_one_translation_a_query(tmp_path):
    table = items(Kind.RETRIEVAL, {"id": "0", "side": "en", "text": "X", "gold": ["1", "2"]})
    with pytest.raises(XstiltsError, match="has 2 translations"):
        write_labels(table, TASKS["tatoeba"], tmp_path)


def test_bucc_holds_the_mined_pairs_only(tmp_path):
    task = TASKS["bucc2018"]
    table = items(
        Kind.RETRIEVAL,
        {"id": "de-1", "side": "foreign", "text": "x"},
        {"id": "en-1", "side": "en", "text": "X", "gold": ["de-1"]},
        {"id": "en-2", "side": "en", "text": "Z", "gold": []},
    )
    write_labels(table, task, tmp_path / "labels")
    assert (tmp_path / "labels/bucc2018/test-de.tsv").read_text() == "de-1\ten-1\n"
    rows = bucc_table(
        language="de", split="test", mined=[("de-1", "en-2", 1.1)], gold=[("de-1", "en-1")]
    )
    (path,) = write_predictions(rows, task, tmp_path / "predictions")
    assert path.read_text() == "de-1\ten-2\n"
    nothing = bucc_table(language="de", split="test", mined=[], gold=[("de-1", "en-1")])
    (path,) = write_predictions(nothing, task, tmp_path / "predictions")
    assert path.read_text() == ""


def test_a_target_beyond_xtreme_has_no_place_in_the_layout(tmp_path):
    task = TASKS["xcopa"]
    row = {"id": "0", "prompt": "p", "choices": ["a", "b"], "label": 1}
    table = items(Kind.CHOICE, row)
    assert write_labels(table, task, tmp_path) == []
    assert write_predictions(prediction_table(task, table, [0]), task, tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_tables_without_test_items_are_refused(tmp_path):
    table = items(Kind.PAIR, {"id": "0", "label": "neutral", "split": "dev"})
    with pytest.raises(XstiltsError, match="nothing of the test split"):
        write_labels(table, TASKS["xnli"], tmp_path)
    with pytest.raises(XstiltsError, match="expected the columns"):
        write_labels(table.drop_columns("label"), TASKS["xnli"], tmp_path)
