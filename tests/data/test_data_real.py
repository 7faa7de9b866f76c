"""The slice of real data reads with the counts that its README states."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from xstilts.config.languages import LANGUAGES
from xstilts.config.tasks import TASKS
from xstilts.data.build import PassagesOf, Unit, build_part
from xstilts.data.rows import gold_pairs
from xstilts.errors import XstiltsError
from xstilts.graph.locate import find_files

pytestmark = pytest.mark.real_data


def read(root: Path, key: str, split: str, languages: str):
    """The table of one split in `languages`, and the counts of repairs of all units."""
    task = TASKS[key]
    chosen = []
    for language in languages.split():
        source, files = find_files(task, split, language, root)
        chosen.append(Unit(split, language, tuple(map(str, files)), source.reader))
    part = "train" if split == "train" else "eval"
    table, meta = build_part(task, part, chosen, source="folder", limits={})
    counts = sum((Counter(unit["counts"]) for unit in meta["units"]), Counter())
    return table, counts


@pytest.mark.parametrize(
    ("key", "split", "languages", "count"),
    [
        ("xnli", "train", "en", 2000),
        ("xnli", "dev", " ".join(TASKS["xnli"].languages), 198),
        ("xnli", "test", " ".join(TASKS["xnli"].languages), 198),
        ("pawsx", "train", "en", 1600),
        ("pawsx", "dev", " ".join(TASKS["pawsx"].languages), 200),
        ("pawsx", "test", " ".join(TASKS["pawsx"].languages), 200),
        ("panx", "train", "en", 2000),
        # The README says 541; the file has 542 blocks between blank lines.
        ("panx", "train", "sw", 542),
        ("panx", "dev", "de zh az ro uk", 160),
        ("panx", "test", "jv my yo qu", 100),
        ("udpos", "train", "en", 2000),
        ("udpos", "dev", "de zh uk", 80),
        ("udpos", "test", "kk th tl yo wo", 150),
        ("udpos", "test", "ar hi", 153),
        ("xquad", "test", " ".join(TASKS["xquad"].languages), 152),
        ("mlqa", "dev", "ar en es hi vi zh", 40),
        ("mlqa", "test", "de en es hi vi zh", 150),
        ("tydiqa", "test", "en ko sw", 150),
        ("squad_v1", "train", "en", 850),
        ("squad_v1", "dev", "en", 150),
        ("anli", "train", "en", 3000),
        ("anli", "dev", "en", 600),
        ("mnli", "train", "en", 1000),
        ("mnli", "dev", "en", 200),
        ("hellaswag", "train", "en", 450),
        ("hellaswag", "dev", "en", 100),
        ("cosmosqa", "train", "en", 560),
        ("cosmosqa", "dev", "en", 140),
        ("csqa", "train", "en", 1000),
        ("csqa", "dev", "en", 200),
        ("xcopa", "train", "en", 400),
        ("xcopa", "dev", " ".join(TASKS["xcopa"].languages), 100),
    ],
)
def test_counts(xtreme_mini, key, split, languages, count):
    table, repairs = read(xtreme_mini, key, split, languages)
    read_counts = Counter(table["language"].to_pylist())
    assert read_counts == dict.fromkeys(languages.split(), count)
    placeholders = (
        sum(
            "NS" in line.split("\t")
            for language in languages.split()
            for line in (xtreme_mini / key / f"{split}-{language}.tsv")
            .read_text("utf-8")
            .splitlines()
        )
        if key == "pawsx"
        else 0
    )
    assert repairs == ({"placeholder_text": placeholders} if placeholders else {})


def test_every_language_that_lies_there_reads(xtreme_mini):
    for key in ("udpos", "panx"):
        for split in ("dev", "test"):
            stems = [path.stem for path in (xtreme_mini / key).glob(f"{split}-*.tsv")]
            languages = " ".join(stem.removeprefix(f"{split}-") for stem in stems)
            table, repairs = read(xtreme_mini, key, split, languages)
            assert len(set(table["language"].to_pylist())) == len(stems) > 33
            assert not repairs


@pytest.mark.parametrize(("language", "total"), [("en", 900), ("sw", 600)])
def test_tydiqa_training_ids_are_replaced(xtreme_mini, language, total):
    source, files = find_files(TASKS["tydiqa"], "train", language, xtreme_mini)
    unit = Unit("train", language, tuple(map(str, files)), source.reader)
    parts = [
        build_part(TASKS["tydiqa"], part, [unit], source="folder", limits={})[0]
        for part in ("train", "dev")
    ]
    ids = [name for table in parts for name in table["id"].to_pylist()]
    assert len(ids) == len(set(ids)) == total
    assert 0.05 < parts[1].num_rows / total < 0.2


def test_bucc(xtreme_mini):
    for split, (foreign, english, gold) in {
        "dev": (1500, 4000, 172),
        "test": (750, 2000, 85),
    }.items():
        rows = read(xtreme_mini, "bucc2018", split, "zh")[0].to_pylist()
        assert Counter(row["side"] for row in rows) == {"foreign": foreign, "en": english}
        assert len(gold_pairs(rows)) == gold


def test_tatoeba_sorted_and_aligned_are_the_same_pairs(xtreme_mini):
    task = TASKS["tatoeba"]
    for language in task.languages:
        source, files = find_files(task, "test", language, xtreme_mini)
        assert source.reader == "tatoeba_sorted"
        aligned = task.folder["test"][2]
        iso = LANGUAGES[language].iso639_3
        laser = [str(xtreme_mini / name.replace("{iso}", iso)) for name in aligned.files]
        pairs = []
        for reader, names in ((source.reader, map(str, files)), (aligned.reader, laser)):
            unit = Unit("test", language, tuple(names), reader)
            table, _ = build_part(task, "eval", [unit], source="folder", limits={})
            rows = table.to_pylist()
            texts = {(row["side"], row["id"]): row["text"] for row in rows}
            pairs.append(
                Counter((texts["foreign", f], texts["en", e]) for f, e in gold_pairs(rows))
            )
        assert pairs[0] == pairs[1]
        assert 205 <= pairs[0].total() <= 1000


@pytest.mark.parametrize(
    ("name", "key", "reader", "message"),
    [
        ("xnli.test-de.labels-removed.tsv", "xnli", "pairs_tsv", "row 1: .*label is missing"),
        ("panx.test-de.labels-removed.tsv", "panx", "tags_tsv", "row 1: .*has no tag"),
        (
            "tydiqa.goldp.fi.dev.answers-removed.json",
            "tydiqa",
            "squad_json",
            "answers were removed",
        ),
    ],
)
def test_broken_files_are_refused(xtreme_mini, name, key, reader, message):
    unit = Unit("test", "de", (str(xtreme_mini / "broken" / name),), reader)
    with pytest.raises(XstiltsError, match=message) as refusal:
        build_part(TASKS[key], "eval", [unit], source="folder", limits={})
    assert name in str(refusal.value)
    assert "gold" in str(refusal.value) or "labels" in str(refusal.value)


def test_questions_without_an_answer_stay(xtreme_mini):
    for split, count in (("train", 850), ("dev", 315)):
        table, counts = read(xtreme_mini, "squad_v2", split, "en")
        unanswered = [not answers for answers in table["answers"].to_pylist()]
        assert len(unanswered) == count
        assert counts == {"unanswerable": sum(unanswered)}
        assert 0.3 < sum(unanswered) / count < 0.7


def test_multiple_choice_reads_as_it_is_meant(xtreme_mini):
    rows = {
        key: read(xtreme_mini, key, split, language)[0].to_pylist()
        for key, split, language in (
            ("hellaswag", "dev", "en"),
            ("cosmosqa", "dev", "en"),
            ("csqa", "dev", "en"),
            ("xcopa", "dev", "sw"),
        )
    }
    first = rows["hellaswag"][0]
    assert first["prompt"] == "A man is sitting on a roof. he"
    assert first["choices"][first["label"]] == "starts pulling up roofing on a roof."
    first = rows["cosmosqa"][0]
    assert first["prompt"].endswith("? Why is this person asking about divorce ?")
    assert first["choices"][first["label"]] == "He wants to get married to a different person ."
    first = rows["csqa"][0]
    assert first["choices"][first["label"]] == "bank"
    first = rows["xcopa"][0]
    assert first["prompt"] == "Mwanaume alifungua bomba la maji. What was the effect?"
    assert first["choices"][first["label"]] == "Maji yalitiririka kutoka kwenye bomba."
    assert first["group"] == "dev:0"


def test_passages_of_xquad_are_taken_out_of_squad_and_nothing_else_is(xtreme_mini, tmp_path):
    """The slice's SQuAD was made without them: with them added again it is the same."""
    slices = {
        "squad_v1": "squad/dev-v1.1.json",
        "squad_v2": "intermediate/squad_v2/dev-v2.0.json",
    }
    xquad = xtreme_mini / "xquad/xquad.en.json"
    tested = PassagesOf(TASKS["xquad"], Unit("test", "en", (str(xquad),), "squad_json"))
    for key, name in slices.items():
        value = json.loads((xtreme_mini / name).read_text("utf-8"))
        path = tmp_path / "dev.json"
        tables = []
        for articles, out in (
            ([], (0, 0)),
            (json.loads(xquad.read_text("utf-8"))["data"], (28, 152)),
        ):
            for article in articles:
                for paragraph in article["paragraphs"]:
                    paragraph["context"] += " \n"
            path.write_text(json.dumps({"data": [*articles, *value["data"]]}))
            unit = Unit("dev", "en", (str(path),), "squad_json")
            table, meta = build_part(
                TASKS[key], "dev", [unit], source="folder", limits={}, tested=tested
            )
            removed = meta["units"][0]["tested_passages"]
            assert (removed["passages"], removed["items"], removed["known"]) == (*out, 28)
            tables.append(table)
        assert tables[0].equals(tables[1])
