import pyarrow as pa
import pytest
from small_items import pair_items, tag_items

from xstilts.config.tasks import TASKS, XTREME, Kind
from xstilts.data.schemas import DATA, PREDICTIONS, SCORES
from xstilts.errors import XstiltsError
from xstilts.execution.parquet import write_table
from xstilts.scoring.item_counts import bucc_table, prediction_table, tatoeba_table
from xstilts.scoring.scores import (
    LANGUAGE_SCORE,
    cell_scores,
    collect,
    language_score,
    score_predictions,
    xtreme_groups,
    xtreme_value,
)

CSQA, SQUAD_V2 = TASKS["csqa"], TASKS["squad_v2"]
CCG = TASKS["ccg"].with_labels(("(S\\NP)/NP", "N"))


def choice_items(labels, split="test"):
    return pa.Table.from_pylist(
        [
            {
                "id": str(number),
                "language": "en",
                "split": split,
                "prompt": "p",
                "choices": ["a", "b", "c"],
                "label": label,
                "group": str(number),
                "cluster": str(number // 2),
            }
            for number, label in enumerate(labels)
        ],
        schema=DATA[Kind.CHOICE],
    )


def span_items(golds, language="en", split="test"):
    return pa.Table.from_pylist(
        [
            {
                "id": str(number),
                "language": language,
                "split": split,
                "context": "c",
                "question": "q",
                "answers": [{"text": text, "start": 0} for text in texts],
                "group": str(number),
                "cluster": str(number // 2),
            }
            for number, texts in enumerate(golds)
        ],
        schema=DATA[Kind.SPAN],
    )


def values(table, **where):
    return {
        row["metric"]: row["value"]
        for row in table.to_pylist()
        if all(row[name] == value for name, value in where.items())
    }


def test_accuracy_by_language_split_and_condition():
    task = TASKS["pawsx"]
    dev, test = pair_items("0101", split="dev"), pair_items("011", language="de")
    table = pa.concat_tables(
        [
            prediction_table(task, dev, list("0111")),
            prediction_table(task, test, list("010")),
            prediction_table(task, test, list("100"), condition="typos"),
        ]
    )
    assert table.schema.equals(PREDICTIONS[Kind.PAIR])
    scores = score_predictions(table, task)
    assert values(scores, split="dev") == {"accuracy": 75, LANGUAGE_SCORE: 75}
    assert values(scores, condition="typos")["accuracy"] == 0
    clean = values(scores, split="test", language="de", condition="clean")
    assert clean["accuracy"] == pytest.approx(200 / 3)
    assert {(row["split"], row["n"]) for row in scores.to_pylist()} == {("dev", 4), ("test", 3)}


def test_entity_scores_hold_the_strict_reading_and_pos_scores_do_not():
    gold = [["B-PER", "I-PER", "O"], ["B-LOC", "O"]]
    guess = [["I-PER", "I-PER", "O"], ["B-LOC", "B-LOC"]]
    task = TASKS["panx"]
    assert values(score_predictions(prediction_table(task, tag_items(gold), guess), task)) == {
        "precision": pytest.approx(200 / 3),
        "recall": 100,
        "f1": pytest.approx(80),
        "token_accuracy": 60,
        "strict_f1": pytest.approx(50),
        LANGUAGE_SCORE: pytest.approx(80),
    }
    task = TASKS["udpos"]
    table = prediction_table(task, tag_items([["NOUN", "CCONJ"]]), [["NOUN", "SCONJ"]])
    assert table["strict_gold"].null_count == 1
    scores = values(score_predictions(table, task))
    assert scores["f1"] == 100
    assert scores["token_accuracy"] == 50
    assert "strict_f1" not in scores


def test_each_language_and_split_is_a_corpus_of_its_own():
    # As in seqeval, a lone X is never closed; the next corpus must not be read as going on.
    task = TASKS["udpos"]
    items = pa.concat_tables([tag_items([["NOUN", "X"]]), tag_items([["X", "NOUN"]], "de")])
    table = prediction_table(task, items, [["NOUN", "X"], ["X", "NOUN"]])
    assert table["chunks_gold"].to_pylist() == [1, 2]


def test_answers_are_normalised_by_the_benchmarks_own_rules():
    golds, guesses = [["el río"], ["a b", "c"]], ["río", "C!"]
    items = span_items(golds, language="es")
    mlqa, xquad = (
        values(score_predictions(prediction_table(task, items, guesses), task))
        for task in (TASKS["mlqa"], TASKS["xquad"])
    )
    assert mlqa == {"exact_match": 100, "f1": 100, LANGUAGE_SCORE: 100}
    f1 = (200 / 3 + 100) / 2
    assert xquad["exact_match"] == 50
    assert xquad["f1"] == pytest.approx(f1)
    assert xquad[LANGUAGE_SCORE] == pytest.approx((50 + f1) / 2)


def test_choices_are_scored_by_accuracy():
    table = prediction_table(CSQA, choice_items([0, 2, 1, 0]), [0, 2, 0, 0])
    assert table.schema.equals(PREDICTIONS[Kind.CHOICE])
    assert table["correct"].to_pylist() == [1, 1, 0, 1]
    assert values(score_predictions(table, CSQA)) == {"accuracy": 75, LANGUAGE_SCORE: 75}


def test_an_open_tag_set_is_scored_by_token_accuracy_alone():
    gold = [["N", "(S\\NP)/NP", "N/N"], ["N"]]
    guess = [["N", "N", "N"], ["N"]]
    table = prediction_table(CCG, tag_items(gold, split="dev"), guess)
    assert table.schema.equals(PREDICTIONS[Kind.TAGGING])
    assert table["tokens_correct"].to_pylist() == [1, 1]
    # A tag that training did not have is wrong, not left out.
    assert table["tokens"].to_pylist() == [3, 1]
    chunks = [name for name in table.column_names if name.startswith(("chunks_", "strict_"))]
    assert all(table[name].null_count == 2 for name in chunks)
    assert values(score_predictions(table, CCG)) == {"token_accuracy": 50, LANGUAGE_SCORE: 50}
    with pytest.raises(XstiltsError, match="'chunks_correct' is missing"):
        score_predictions(table, TASKS["panx"])


def test_unanswerable_questions_are_scored_as_in_squad_v2():
    items = span_items([["Rouen", "in Rouen"], [], ["the"], [], ["10th century"]], split="dev")
    table = prediction_table(SQUAD_V2, items, ["Rouen", "", "", "Rouen", ""])
    assert table["gold"].to_pylist()[1] == []
    assert table["exact_match"].to_pylist() == [1, 1, 1, 0, 0]
    assert table["f1"].to_pylist() == [1, 1, 1, 0, 0]
    assert values(score_predictions(table, SQUAD_V2))[LANGUAGE_SCORE] == 60


def test_retrieval_is_scored_in_both_directions():
    task = TASKS["tatoeba"]
    ids = ["0", "1", "2", "3"]
    place = {"language": "sw", "split": "test", "scores": [0.5, 0.25, 1, 1], "clusters": ids}
    table = pa.concat_tables(
        tatoeba_table(
            direction=direction, query_ids=ids, predicted_ids=guess, gold_ids=ids, **place
        )
        for direction, guess in (("from_en", ["0", "1", "2", "0"]), ("to_en", ["0"] * 4))
    )
    scores = score_predictions(table, task)
    assert values(scores) == {"accuracy": 75, "accuracy_to_en": 25, LANGUAGE_SCORE: 75}
    assert {row["n"] for row in scores.to_pylist()} == {4}


def test_mined_pairs_are_sets():
    task = TASKS["bucc2018"]
    table = bucc_table(
        language="zh",
        split="test",
        mined=[("f1", "e1", 1.5), ("f2", "e9", 1.2), ("f1", "e1", 1.1)],
        gold=[("f1", "e1"), ("f2", "e2"), ("f3", "e3")],
    )
    rows = [
        (row["id"], row["predicted"], row["is_gold"], row["correct"], row["score"])
        for row in table.to_pylist()
    ]
    assert rows == [
        ("f1\te1", 1, 1, 1, 1.5),
        ("f2\te9", 1, 0, 0, 1.2),
        ("f2\te2", 0, 1, 0, None),
        ("f3\te3", 0, 1, 0, None),
    ]
    assert values(score_predictions(table, task)) == {
        "precision": 50,
        "recall": pytest.approx(100 / 3),
        "f1": pytest.approx(40),
        LANGUAGE_SCORE: pytest.approx(40),
    }


def test_predictions_name_the_cluster_of_each_item():
    answers = prediction_table(TASKS["xquad"], span_items([["a"], ["b"], ["c"]]), ["a"] * 3)
    assert answers["cluster"].to_pylist() == ["0", "0", "1"]
    choices = prediction_table(CSQA, choice_items([0, 2, 1]), [0] * 3, condition="typos")
    assert choices["cluster"].to_pylist() == ["0", "0", "1"]
    # Nothing is known of what tagged sentences share.
    sentences = prediction_table(TASKS["panx"], tag_items([["O"], ["B-PER"]]), [["O"], ["O"]])
    assert sentences["cluster"].to_pylist() == sentences["group"].to_pylist()
    queries = tatoeba_table(
        language="sw",
        split="test",
        direction="to_en",
        query_ids=["0", "1"],
        predicted_ids=["0", "1"],
        gold_ids=["0", "1"],
        scores=[1, 1],
        clusters=["d", "e"],
    )
    assert queries["cluster"].to_pylist() == ["d", "e"]
    mined = [("f1", "e1", 1.5), ("f2", "e9", 1.2)]
    pairs = bucc_table(language="zh", split="test", mined=mined, gold=[("f2", "e2")])
    assert pairs["cluster"].to_pylist() == ["f1", "f2", "f2"]


def test_averages_of_xtreme():
    # evaluate.py: QA takes the mean of the two averages, groups and total plain means.
    qa = {"exact_match": {"en": 80, "de": 60}, "f1": {"en": 90, "de": 70}}
    assert xtreme_value(TASKS["xquad"], qa) == 75
    tagging = {"f1": {"en": 90, "de": 60}, "precision": {"en": 0, "de": 0}}
    assert xtreme_value(TASKS["panx"], tagging) == 75
    assert language_score(TASKS["mlqa"], {"exact_match": 60, "f1": 80}) == 70
    task_values = {key: 10.0 * number for number, key in enumerate(XTREME, start=1)}
    assert xtreme_groups(task_values) == {
        "all_task": 50,
        "classification": 15,
        "tagging": 35,
        "qa": 60,
        "retrieval": 85,
    }
    del task_values["tydiqa"]
    assert xtreme_groups(task_values) == {"classification": 15, "tagging": 35, "retrieval": 85}


def test_cells_are_collected_in_one_order_and_once(tmp_path):
    task = TASKS["pawsx"]
    table = prediction_table(task, pair_items("01"), list("00"))
    paths = []
    for recipe in ("mnli", "base"):
        path = tmp_path / f"{recipe}.parquet"
        write_table(path, cell_scores(table, task, "tiny", recipe, 1), {})
        paths.append(path)
    collected = collect(paths)
    assert collected.schema.equals(SCORES)
    assert collected["recipe"].to_pylist() == ["base", "base", "mnli", "mnli"]
    assert collected.equals(collect(reversed(paths)))
    with pytest.raises(XstiltsError, match=r"is also in .*base\.parquet"):
        collect([*paths, paths[1]])


@pytest.mark.parametrize(
    ("task", "items", "predictions", "message"),
    [
        ("pawsx", pair_items("0" * 20), ["0"] * 20, "all 20 items have the gold '0'"),
        ("pawsx", pair_items(["0", None]), ["0"] * 2, "row 2: no gold"),
        ("pawsx", pair_items(["0", "2"]), ["0"] * 2, "row 2: '2' is not a label"),
        ("pawsx", pair_items("01"), ["0"], "1 predictions for 2 items"),
        ("pawsx", pa.concat_tables([pair_items("0")] * 2), ["0"] * 2, "the id '0' repeats"),
        ("panx", tag_items([["O"]] * 20), [["O"]] * 20, "all 20 items have the gold 'O'"),
        ("panx", tag_items([["O", "O"]]), [["O"]], "2 tokens, 2 gold tags, 1 predicted"),
        ("panx", tag_items([["O"]]), [[""]], "empty tag"),
        ("xquad", span_items([["a"], [""]]), ["a", "a"], "question 2 has no answer"),
        ("xquad", span_items([["a"]]), [None], "no prediction"),
        ("xquad", pair_items("0"), ["0"], "expected the columns"),
        ("tatoeba", pair_items("0"), ["0"], "tatoeba_table"),
        ("xquad", span_items([["a"], []]), ["a", ""], "question 2 has no answer"),
        ("squad_v2", span_items([[]] * 20), [""] * 20, "no gold at all"),
        ("csqa", choice_items([1] * 20), [1] * 20, "all 20 items have the gold"),
        ("csqa", choice_items([0, None]), [1, 1], "row 2: no gold"),
        ("csqa", choice_items([0, 1]), [0, None], "row 2: no prediction"),
        ("ccg", tag_items([["N"]] * 20), [["N"]] * 20, "all 20 items have the gold 'N'"),
    ],
)
def test_false_scores_are_refused(task, items, predictions, message):
    with pytest.raises(XstiltsError, match=message):
        prediction_table(TASKS[task], items, predictions)


def test_few_items_may_share_their_gold_and_so_may_training_data():
    prediction_table(TASKS["pawsx"], pair_items("0" * 19), ["0"] * 19)
    prediction_table(TASKS["pawsx"], pair_items("0" * 20, split="train"), ["0"] * 20)


def test_tables_that_do_not_add_up_are_refused():
    task = TASKS["pawsx"]
    table = prediction_table(task, pair_items("01"), list("00"))
    with pytest.raises(XstiltsError, match="repeats"):
        score_predictions(pa.concat_tables([table, table]), task)
    with pytest.raises(XstiltsError, match="no predictions"):
        score_predictions(table.slice(0, 0), task)
    with pytest.raises(XstiltsError, match="expected the columns"):
        score_predictions(table.drop_columns("gold"), task)
    column = table.schema.get_field_index("correct")
    blank = table.set_column(column, table.schema.field(column), pa.array([1, None], pa.int32()))
    with pytest.raises(XstiltsError, match="the count 'correct' is missing"):
        score_predictions(blank, task)


def test_retrieval_lists_must_fit():
    place = {"language": "sw", "split": "test", "scores": [1.0], "clusters": ["d"]}
    with pytest.raises(XstiltsError, match="direction"):
        tatoeba_table(
            direction="both", query_ids=["0"], predicted_ids=["0"], gold_ids=["0"], **place
        )
    with pytest.raises(XstiltsError, match="'predictions': 0"):
        tatoeba_table(direction="to_en", query_ids=["0"], predicted_ids=[], gold_ids=["0"], **place)
    with pytest.raises(XstiltsError, match="'clusters': 0"):
        tatoeba_table(
            direction="to_en",
            query_ids=["0"],
            predicted_ids=["0"],
            gold_ids=["0"],
            **{**place, "clusters": []},
        )
