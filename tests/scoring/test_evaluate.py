import json
import random
import re
import warnings

import pyarrow as pa
import pytest
from seqeval.metrics import f1_score, precision_score, recall_score

from xstilts.cli import main
from xstilts.config.tasks import TASKS, XTREME, Kind
from xstilts.data.schemas import DATA
from xstilts.errors import XstiltsError
from xstilts.scoring.item_counts import bucc_table, prediction_table, tatoeba_table
from xstilts.scoring.scores import score_predictions
from xstilts.scoring.xtreme_evaluate import evaluate_folder, evaluate_language
from xstilts.scoring.xtreme_layout import write_labels, write_predictions

WORDS = ("rio", "Mar", "mar.", "北", "京", "ال", "x y", "the")
GROUPS = {
    "classification": ["pawsx", "xnli"],
    "tagging": ["udpos", "panx"],
    "qa": ["xquad", "mlqa", "tydiqa"],
    "retrieval": ["bucc2018", "tatoeba"],
}


def some_words(rng):
    return " ".join(rng.choices(WORDS, k=rng.randint(1, 4)))


def random_items(task, rng, count=6):
    rows = []
    for language in task.languages:
        if task.kind is Kind.RETRIEVAL:
            foreign = [f"{number}" for number in range(count)]
            rng.shuffle(foreign)
            rows += [
                {"id": name, "side": "foreign", "text": "x", "language": language}
                for name in sorted(foreign)
            ]
            rows += [
                {"id": f"{n}", "side": "en", "text": "X", "gold": [name], "language": language}
                for n, name in enumerate(foreign)
            ]
            continue
        for number in range(count):
            row = {"id": f"{language}-{number}", "language": language, "group": f"{number}"}
            if task.kind is Kind.PAIR:
                row |= {"text_a": "a", "text_b": "b", "label": rng.choice(task.labels)}
            elif task.kind is Kind.TAGGING:
                tags = rng.choices(task.labels, k=rng.randint(1, 6))
                row |= {"tokens": ["w"] * len(tags), "tags": tags}
            else:
                texts = [some_words(rng) for _ in range(rng.randint(1, 3))]
                answers = [{"text": text, "start": 0} for text in texts]
                row |= {"context": f"{number // 2}", "question": "?", "answers": answers}
            rows.append(row)
    return pa.Table.from_pylist([{"split": "test", **row} for row in rows], DATA[task.kind])


def random_predictions(task, items, rng):
    if task.kind is Kind.PAIR:
        return prediction_table(task, items, rng.choices(task.labels, k=len(items)))
    if task.kind is Kind.TAGGING:
        guesses = [
            [tag if rng.random() < 0.6 else rng.choice(task.labels) for tag in tags]
            for tags in items["tags"].to_pylist()
        ]
        return prediction_table(task, items, guesses)
    if task.kind is Kind.SPAN:
        guesses = [
            rng.choice(answers)["text"] if rng.random() < 0.5 else some_words(rng)
            for answers in items["answers"].to_pylist()
        ]
        return prediction_table(task, items, guesses)
    tables = []
    for language in task.languages:
        english = [
            row for row in items.to_pylist() if row["language"] == language and row["side"] == "en"
        ]
        ids, gold = [row["id"] for row in english], [row["gold"][0] for row in english]
        place = {"language": language, "split": "test"}
        if task.mined:
            mined = [(rng.choice(gold), name, 1.0) for name in ids if rng.random() < 0.7]
            true_pairs = zip(gold, ids, strict=True)
            tables.append(bucc_table(mined=mined, gold=true_pairs, **place))
            continue
        for direction, queries, targets in (("from_en", ids, gold), ("to_en", gold, ids)):
            tables.append(
                tatoeba_table(
                    direction=direction,
                    query_ids=queries,
                    predicted_ids=rng.choices(targets, k=len(targets)),
                    gold_ids=targets,
                    scores=[0.5] * len(targets),
                    clusters=queries,
                    **place,
                )
            )
    return pa.concat_tables(tables)


@pytest.fixture(scope="module")
def nine_tasks(tmp_path_factory):
    root = tmp_path_factory.mktemp("submission")
    rng = random.Random(5)
    scores = {}
    for key, task in XTREME.items():
        items = random_items(task, rng)
        predictions = random_predictions(task, items, rng)
        write_labels(items, task, root / "labels")
        write_predictions(predictions, task, root / "predictions")
        scores[key] = score_predictions(predictions, task).to_pylist()
    return root, scores


@pytest.fixture
def folders(tmp_path):
    """A writer of one label and one prediction file, and the two folders they go to."""

    def write(name, labels=None, predictions=None):
        for side, text in (("labels", labels), ("predictions", predictions)):
            path = tmp_path / side / name
            path.parent.mkdir(parents=True, exist_ok=True)
            if text is not None:
                path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return tmp_path / "predictions", tmp_path / "labels"

    return write


def present(folders_of_run):
    return evaluate_folder(*folders_of_run, languages="present")


def squad_json(*golds):
    questions = [
        {"id": f"q{number}", "question": "?", "answers": [{"text": gold, "answer_start": 0}]}
        for number, gold in enumerate(golds)
    ]
    return json.dumps({"data": [{"paragraphs": [{"context": "c", "qas": questions}]}]})


def test_files_and_item_counts_give_the_same_scores(nine_tasks):
    root, scores = nine_tasks
    report = evaluate_folder(root / "predictions", root / "labels")
    for key, rows in scores.items():
        from_counts = {(row["metric"], row["language"]): row["value"] for row in rows}
        compared = 0
        for metric, by_language in report[key].items():
            if metric.startswith("avg_"):
                continue
            assert list(by_language) == list(TASKS[key].languages)
            for language, value in by_language.items():
                assert value == pytest.approx(from_counts[metric, language], abs=1e-9)
                compared += 1
        assert compared >= len(TASKS[key].languages)


def test_averages_are_xtremes(nine_tasks):
    # Independent of the package: macro over languages, QA the mean of two averages, groups
    # and total plain means of tasks (google-research/xtreme evaluate.py).
    root, _ = nine_tasks
    report = evaluate_folder(root / "predictions", root / "labels")
    assert set(report) == {*XTREME, *GROUPS, "all_task"}
    main = {}
    for key in XTREME:
        averages = {
            metric: sum(values.values()) / len(values)
            for metric, values in report[key].items()
            if not metric.startswith("avg_")
        }
        for metric, value in averages.items():
            assert report[key][f"avg_{metric}"] == pytest.approx(value, abs=1e-9)
        if key in GROUPS["qa"]:
            assert set(averages) == {"exact_match", "f1"}
            main[key] = (averages["exact_match"] + averages["f1"]) / 2
        elif "f1" in averages:
            assert set(averages) == {"f1", "precision", "recall"}
            main[key] = averages["f1"]
        else:
            assert set(averages) == {"accuracy"}
            main[key] = averages["accuracy"]
        assert report[key]["avg_metric"] == pytest.approx(main[key], abs=1e-9)
    for group, keys in GROUPS.items():
        assert report[group] == pytest.approx(sum(main[key] for key in keys) / len(keys), abs=1e-9)
    assert report["all_task"] == pytest.approx(sum(main.values()) / 9, abs=1e-9)


def test_tag_files_score_as_seqeval_reads_the_whole_file(nine_tasks):
    root, _ = nine_tasks
    for key in ("udpos", "panx"):
        for language in TASKS[key].languages:
            gold, guess = (
                [
                    sentence.split("\n")
                    for sentence in (root / side / key / f"test-{language}.tsv")
                    .read_text()
                    .strip()
                    .split("\n\n")
                ]
                for side in ("labels", "predictions")
            )
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                expected = {
                    "f1": 100 * f1_score(gold, guess),
                    "precision": 100 * precision_score(gold, guess),
                    "recall": 100 * recall_score(gold, guess),
                }
            found = evaluate_language(TASKS[key], language, root / "predictions", root / "labels")
            assert found == pytest.approx(expected, abs=1e-9)


def test_groups_need_all_of_their_tasks(folders):
    folders("pawsx/test-de.tsv", "0\n1\n", "0\n0\n")
    report = present(folders("mlqa/test-zh.json", squad_json("北京", "x"), '{"q0": "北"}'))
    assert report == {
        "pawsx": {"accuracy": {"de": 50}, "avg_accuracy": 50, "avg_metric": 50},
        "mlqa": {
            "exact_match": {"zh": 0},
            "f1": {"zh": pytest.approx(100 / 3)},
            "avg_exact_match": 0,
            "avg_f1": pytest.approx(100 / 3),
            "avg_metric": pytest.approx(50 / 3),
        },
        "languages": {"pawsx": ["de"], "mlqa": ["zh"]},
    }


def test_all_languages_are_wanted_unless_told_otherwise(folders):
    run = folders("pawsx/test-de.tsv", "0\n1\n", "0\n1\n")
    with pytest.raises(XstiltsError, match=r"predictions.pawsx.test-en\.tsv: no such file"):
        evaluate_folder(*run)
    run = folders("pawsx/test-fr.tsv", "0\n1\n")
    with pytest.raises(XstiltsError, match=r"predictions.pawsx.test-fr\.tsv: no such file"):
        present(run)


@pytest.mark.parametrize(
    "text",
    [
        b"B-PER\nO\n\nB-LOC",
        b"B-PER\nO\n\nB-LOC\n\n\n",
        b"\xef\xbb\xbfB-PER\r\nO\r\n\r\nB-LOC\r\n",
    ],
)
def test_sentences_end_at_blank_lines(folders, text):
    run = folders("panx/test-de.tsv", "B-PER\nO\n\nB-LOC\n", text)
    assert present(run)["panx"]["avg_metric"] == 100


def test_lines_end_at_line_feeds_only(folders):
    answer = json.dumps({"q0": "a\u2028b", "q1": "c"}, ensure_ascii=False)
    run = folders("xquad/test-en.json", squad_json("a b", "c"), answer)
    assert present(run)["xquad"]["avg_metric"] == 100
    # A form feed inside a line breaks it for str.splitlines.
    run = folders("bucc2018/test-de.tsv", "de\f1\ten-1\n", "de\f1\ten-1\n")
    assert present(run)["bucc2018"]["avg_metric"] == 100


def test_counts_may_differ_in_bitext_mining(folders):
    run = folders("bucc2018/test-de.tsv", "d1\te1\nd2\te2\n", "d1\te1\nd1\te1\nd3\te1\nd4\te4\n")
    scores = present(run)["bucc2018"]
    assert scores["precision"]["de"] == pytest.approx(100 / 3)
    assert scores["recall"]["de"] == 50
    assert present(folders("bucc2018/test-de.tsv", "d1\te1\n", ""))["bucc2018"]["avg_f1"] == 0


def test_label_files_may_be_bare_lists_of_articles(folders):
    labels = json.dumps(json.loads(squad_json("a b"))["data"])
    run = folders("xquad/test-en.json", labels, '{"q0": "b"}')
    assert present(run)["xquad"]["avg_f1"] == pytest.approx(100 * 2 / 2)


def heard(run):
    """The scores of the only task, and what was said."""
    said = []
    report = evaluate_folder(*run, languages="present", say=said.append)
    return next(report[key] for key in XTREME if key in report), said


NLI = "entailment\nneutral\ncontradiction\n"
# Name, labels, predictions that are all right, and what is said of them.
CONVERTED = {
    "older label": ("xnli/test-de.tsv", NLI, NLI.replace("ion", "ory"), "'contradictory' as 'con"),
    "capitals": ("xnli/test-de.tsv", NLI, NLI.title(), "'Neutral' as 'neutral'"),
    "tokens, tab": ("panx/test-de.tsv", "O\n\nB-PER\n", "x\tO\n\nO\tB-PER\n", "last column"),
    "tokens, space": ("udpos/test-de.tsv", "NOUN\nX\n", "a b NOUN\nDET X\n", "last column"),
    "gold with tokens": ("panx/test-de.tsv", "x\tO\n\ny\tB-LOC\n", "O\n\nB-LOC\n", "labels.*last"),
    "pairs": ("bucc2018/test-de.tsv", "de-1\ten-2\n", "en-2\tde-1\n", "columns are swapped"),
    "bare pairs": ("bucc2018/test-de.tsv", "a\tx\nb\ty\n", "x\ta\ny\tb\n", "swapped"),
}


@pytest.mark.parametrize("case", CONVERTED)
def test_what_is_unmistakable_is_converted_and_said(case, folders, tmp_path, capsys):
    name, labels, predictions, message = CONVERTED[case]
    run = folders(name, labels, predictions)
    scores, said = heard(run)
    assert scores["avg_metric"] == 100
    assert len(said) == 1
    assert re.search(message, said[0])
    arguments = ["--predictions", run[0], "--labels", run[1], "--languages", "present"]
    assert main(["evaluate", *map(str, arguments)]) == 0
    assert re.search(message, capsys.readouterr().err)


@pytest.mark.parametrize(
    ("name", "text"), [("xnli/test-de.tsv", NLI), ("panx/test-de.tsv", "O\nB-PER\n")]
)
def test_nothing_is_said_of_files_as_xtreme_has_them(name, text, folders):
    assert heard(folders(name, text, text))[1] == []


def test_questions_without_answers_are_counted_and_said(folders):
    run = folders("xquad/test-en.json", squad_json("a b", "c", "d"), '{"q1": "c"}')
    scores, said = heard(run)
    assert scores["avg_metric"] == pytest.approx(100 / 3)
    assert re.search("2 of 3 questions have no answer and count as wrong", *said)


def test_languages_beyond_xtreme_are_scored_where_they_have_labels(folders):
    folders("xnli/test-de.tsv", NLI, NLI)
    folders("xnli/test-it.tsv", NLI, "neutral\n" * 3)
    run = folders("xnli/test-pt.tsv", None, NLI)
    said = []
    report = evaluate_folder(*run, languages="present", say=said.append)
    assert report["languages"] == {"xnli": ["de", "it"]}
    assert report["xnli"]["accuracy"] == {"de": 100, "it": pytest.approx(100 / 3)}
    assert re.search("left out pt, without a label file", *said)


def test_pairs_of_sentences_that_labels_do_not_have_are_no_error(folders):
    """Most sentences of a corpus have no translation in it."""
    gold = "de-1\ten-2\nde-3\ten-4\n"
    assert heard(folders("bucc2018/test-de.tsv", gold, "de-1\ten-2\nde-7\ten-9\n"))[1] == []
    assert heard(folders("bucc2018/test-de.tsv", "a\tx\n", "a\tx\nb\ty\n"))[1] == []


BAD_FILES = {
    "label": ("xnli/test-de.tsv", NLI, "neutral\nmaybe\nneutral\n", "row 2: 'maybe' is not"),
    "tag": ("panx/test-de.tsv", "O\n\nB-PER\n", "O\n\nB-MISC\n", "sentence 2: 'B-MISC'"),
    "some tokens": ("panx/test-de.tsv", "O\nO\n", "x\tO\nO\n", r"sentence 1: 'x\\tO' is not"),
    "tags first": ("panx/test-de.tsv", "O\nB-PER\n", "O\tx\nB-PER\ty\n", r"sentence 1: 'O\\tx'"),
    "id": ("mlqa/test-de.json", squad_json("a"), '{"q0": "a", "q7": "a"}', "1 of 2 answers.*'q7'"),
    "some turned": ("bucc2018/test-de.tsv", "de-1\ten-2\n", "de-1\ten-2\nen-3\tde-1\n", "row 2"),
    "language": ("bucc2018/test-de.tsv", "de-1\ten-2\n", "fr-1\ten-2\n", "row 1: 'fr-1'"),
    "bare, some": ("bucc2018/test-de.tsv", "a\tx\nb\ty\n", "a\tx\ny\tb\n", "row 2: 'y' and 'b'"),
    "place": ("tatoeba/test-de.tsv", "0\n1\n", "1\n2\n", "row 2: '2' is no place.*from 0 to 1"),
    "text": ("tatoeba/test-de.tsv", "0\n1\n", "0\nHaus\n", "row 2: 'Haus' is no place"),
    "names": ("tatoeba/test-de.tsv", "a\nb\n", "0\n1\n", "row 1: '0' is no sentence"),
    "count": ("pawsx/test-de.tsv", "0\n1\n", "0\n", r"predictions.*: 1 predictions for the 2"),
    "constant": ("pawsx/test-de.tsv", "0\n" * 20, "0\n" * 20, r"labels.*all 20 items"),
    "removed": ("xnli/test-de.tsv", "Ein Satz.\tNoch einer.\n", "neutral\n", "row 1: 'Ein Satz"),
    "blank": ("xnli/test-de.tsv", "neutral\n\nneutral\n", "neutral\n" * 3, "row 2: no gold"),
    "numbers": ("xnli/test-de.tsv", "neutral\n", "1\n", r"predictions.*'1' is not a label"),
    "empty": ("xnli/test-de.tsv", "neutral\n", "", r"predictions.*the file is empty"),
    "bytes": ("xnli/test-de.tsv", "neutral\n", b"neutral\n\xff\n", r"row 2: not UTF-8"),
    "tokens": ("panx/test-de.tsv", "O\n\nHaus\n", "O\n\nO\n", "sentence 2: 'Haus'"),
    "sentences": ("panx/test-de.tsv", "O\n\nB-PER\n", "O\nO\n", r"predictions.*1 sentences for"),
    "tags": ("panx/test-de.tsv", "O\n\nB-PER\n", "O\n\nO\nO\n", "sentence 2 has 2 tags"),
    "rows": ("tatoeba/test-de.tsv", "0\n" * 20, "0\n" * 20, "all 20 items have the gold '0'"),
    "json": ("mlqa/test-de.json", squad_json("a"), '{"q0":\n', r"predictions.*broken JSON"),
    "list": ("mlqa/test-de.json", squad_json("a"), "[]", "not a JSON object"),
    "number": ("mlqa/test-de.json", squad_json("a"), '{"q0": 1}', "the answer to 'q0' is no text"),
    "squad": ("mlqa/test-de.json", '{"data": [{}]}', "{}", r"labels.*not SQuAD JSON"),
    "answers": ("mlqa/test-de.json", squad_json("a", ""), "{}", "question 2 has no answer"),
    "nothing": ("mlqa/test-de.json", '{"data": []}', "{}", r"labels.*no gold at all"),
    "fields": ("bucc2018/test-de.tsv", "d\te\n", "d\te\t1.0\n", "row 1: 3 fields"),
    "no pairs": ("bucc2018/test-de.tsv", "", "d\te\n", r"labels.*the file is empty"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_files_are_one_clear_error_and_leave_no_output(case, folders, tmp_path, capsys):
    name, labels, predictions, message = BAD_FILES[case]
    run = folders(name, labels, predictions)
    with pytest.raises(XstiltsError, match=message):
        present(run)
    output = tmp_path / "out" / "scores.json"
    arguments = ["--predictions", run[0], "--labels", run[1], "--output", output]
    assert main(["evaluate", *map(str, arguments), "--languages", "present"]) == 1
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.startswith("error: ")
    assert printed.err.count("\n") == 1
    assert not output.parent.exists()


def test_missing_folders(tmp_path, capsys):
    assert main(["evaluate", "--predictions", str(tmp_path / "p"), "--labels", "."]) == 1
    assert "no such folder" in capsys.readouterr().err
    (tmp_path / "XNLI").mkdir()
    with pytest.raises(XstiltsError, match="no task has a folder both here"):
        evaluate_folder(tmp_path, tmp_path)


def test_command_writes_the_report(nine_tasks, tmp_path, capsys):
    root, _ = nine_tasks
    folders_of_run = ["--predictions", str(root / "predictions"), "--labels", str(root / "labels")]
    report = evaluate_folder(root / "predictions", root / "labels")
    assert main(["evaluate", *folders_of_run, "--output", str(tmp_path / "scores.json")]) == 0
    assert json.loads((tmp_path / "scores.json").read_text()) == report
    assert f"all_task\t{report['all_task']:.1f}" in capsys.readouterr().out
    assert main(["evaluate", *folders_of_run]) == 0
    assert json.loads(capsys.readouterr().out) == report


def test_command_that_cannot_write_says_so(nine_tasks, tmp_path, capsys):
    root, _ = nine_tasks
    (tmp_path / "file").write_text("")
    arguments = ["--predictions", str(root / "predictions"), "--labels", str(root / "labels")]
    assert main(["evaluate", *arguments, "--output", str(tmp_path / "file/scores.json")]) == 1
    assert capsys.readouterr().err.startswith("error: ")


def test_version(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out.startswith("xstilts ")
