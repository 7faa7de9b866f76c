"""The hub's data sets, through `datasets.load_dataset` on local folders in the hub's layout."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from pathlib import Path
from typing import Any

import datasets
import pyarrow.parquet as pq
import pytest
from datasets import ClassLabel, Dataset, Features, List, Value
from local_hub import Hub

from xstilts.config.languages import LANGUAGES
from xstilts.config.tasks import INTERMEDIATE, NER_TAGS, TARGETS, TASKS, UPOS_TAGS, Task
from xstilts.config.tasks.hub_rows import expected_rows
from xstilts.data.build import PassagesOf, Unit, build_part
from xstilts.data.readers.hub import READERS
from xstilts.data.rows import gold_pairs
from xstilts.errors import XstiltsError

# By script only, as nothing that can be read, or without the documents of its sentences.
NOT_ON_HUB = {
    "ccg": set(),
    "masakhapos": set(),
    "masakhaner2": set(),
    "pitfalls": set(),
    "ntrex": set(),
    "ud": {"test"},
}
# Data sets without published numbers of rows.
UNCOUNTED = {"commul/universal_dependencies", "mteb/tatoeba-bitext-mining"}
NLI = ClassLabel(names=["entailment", "neutral", "contradiction"])
ANSWERS = {"text": List(Value("string")), "answer_start": List(Value("int32"))}


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """Nothing is read from or left in the user's cache, and nothing is asked of the network."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)


@pytest.fixture
def hub(tmp_path) -> Hub:
    return Hub(tmp_path / "hub")


PAIR = {"premise": Value("string"), "hypothesis": Value("string"), "label": NLI}


def nli(name: str, *labels: int) -> list[dict]:
    return [
        {"premise": f"{name} {n}", "hypothesis": "h", "label": label}
        for n, label in enumerate(labels)
    ]


def test_mnli_labels_map_by_name_and_unlabelled_are_dropped(hub):
    # Names in another order than the task's: a mapping by number would be wrong.
    names = ClassLabel(names=["contradiction", "entailment", "neutral"])
    features = {
        "premise": Value("string"),
        "hypothesis": Value("string"),
        "label": names,
        "idx": Value("int32"),
    }
    rows = [
        {"premise": f"p{n}", "hypothesis": "h", "label": label, "idx": n}
        for n, label in enumerate([0, 1, -1, 2])
    ]
    hub.add("nyu-mll/glue", "mnli", "train", features, rows)
    hub.add("nyu-mll/glue", "mnli", "validation_matched", features, rows)
    for key, part, split in (
        ("mnli", "train", "train"),
        ("mnli", "dev", "dev"),
        ("xnli", "train", "train"),
    ):
        out, meta = hub.build(key, part, split, "en")
        assert [row["label"] for row in out] == ["contradiction", "entailment", "neutral"]
        assert [row["text_a"] for row in out] == ["p0", "p1", "p3"]
        assert meta["units"][0]["counts"] == {"unlabelled_dropped": 1}
    with pytest.raises(XstiltsError, match="qqp has no train data in 'de' on the hub"):
        hub.build("qqp", "train", "train", "de")


def test_qqp_has_glues_own_columns(hub):
    features = {
        "question1": Value("string"),
        "question2": Value("string"),
        "label": ClassLabel(names=["not_duplicate", "duplicate"]),
        "idx": Value("int32"),
    }
    rows = [
        {"question1": f"a{n}?", "question2": f"b{n}?", "label": label, "idx": n}
        for n, label in enumerate([1, 0, -1])
    ]
    for split in ("train", "validation"):
        hub.add("nyu-mll/glue", "qqp", split, features, rows)
    for part in ("train", "dev"):
        out, meta = hub.build("qqp", part, part, "en")
        assert [(row["text_a"], row["text_b"], row["label"]) for row in out] == [
            ("a0?", "b0?", "duplicate"),
            ("a1?", "b1?", "not_duplicate"),
        ]
        assert meta["units"][0]["counts"] == {"unlabelled_dropped": 1}


def test_xnli_is_read_where_its_quotation_marks_are_whole(hub):
    for language in ("de", "en"):
        rows = nli(f'"{language}" said', 1, 2, 0)
        hub.add("facebook/xnli", language, "validation", PAIR, rows)
    out, meta = hub.build("xnli", "eval", "dev", "de", "en")
    assert [row["text_a"] for row in out] == [
        f'"{language}" said {n}' for language in ("de", "en") for n in range(3)
    ]
    assert [row["group"] for row in out] == ["dev:0", "dev:1", "dev:2"] * 2
    assert [row["label"] for row in out[:3]] == ["neutral", "contradiction", "entailment"]
    (source,) = meta["units"][0]["sources"]
    assert (source["hub_split"], source["config"]) == ("validation", "de")
    assert not any("facebook/xnli" not in source.repo for source in TASKS["xnli"].hub["test"])


def test_two_russian_items_of_xnli_are_not_paired(hub):
    labels = [n % 3 for n in range(5010)]
    for language in ("en", "ru"):
        hub.add("facebook/xnli", language, "test", PAIR, nli(language, *labels))
    out, meta = hub.build("xnli", "eval", "test", "en", "ru")
    groups = [{row["group"] for row in out if row["language"] == code} for code in ("en", "ru")]
    assert groups[0] - groups[1] == {"test:2805", "test:2806"}
    assert [unit["counts"] for unit in meta["units"]] == [{}, {"known_mispaired": 2}]


def test_items_of_pawsx_with_other_gold_or_without_text_are_not_paired(hub):
    features = PAWSX
    labels = {"en": [1, 1, 0, 0, 1, 0], "de": [1, 0, 0, 0, 1, 0]}
    for language, found in labels.items():
        rows = [
            {"id": n, "sentence1": f"{language} {n}", "sentence2": "b", "label": label}
            for n, label in enumerate(found)
        ]
        if language == "de":
            rows[3]["sentence2"] = "NS"
        hub.add("google-research-datasets/paws-x", language, "validation", features, rows)
    out, meta = hub.build("pawsx", "eval", "dev", "de", "en")
    groups = {row["language"]: set() for row in out}
    for row in out:
        groups[row["language"]].add(row["group"])
    assert groups["de"] & groups["en"] == {"dev:0", "dev:2", "dev:4", "dev:5"}
    assert meta["units"][0]["counts"] == {"gold_differs": 1, "placeholder_text": 1}


PAWSX = {
    "id": Value("int32"),
    "sentence1": Value("string"),
    "sentence2": Value("string"),
    "label": ClassLabel(names=["0", "1"]),
}


def test_pawsx_items_are_paired_by_id(hub):
    features = PAWSX
    for language, ids in (("de", [3, 1, 2]), ("en", [1, 2, 3]), ("fr", [1, 3, 7])):
        rows = [
            {"id": n, "sentence1": f"{language} {n}", "sentence2": "b", "label": n % 2} for n in ids
        ]
        hub.add("google-research-datasets/paws-x", language, "test", features, rows)
    out, _ = hub.build("pawsx", "eval", "test", "de", "en")
    groups = {(row["language"], row["text_a"]): row["group"] for row in out}
    assert groups["de", "de 3"] == groups["en", "en 3"] == "test:3"
    assert [row["label"] for row in out] == ["1", "1", "0", "1", "0", "1"]
    with pytest.raises(
        XstiltsError,
        match=r"config fr.*: fr lacks 1 of the ids in en \(2\); en lacks 1 of the ids in fr \(7\)",
    ):
        hub.build("pawsx", "eval", "test", "fr", "de", "en")


def test_tags_as_classes_and_as_strings(hub):
    tagged = {"tokens": ["a", "b"], "pos_tags": ["NOUN", "VERB"]}
    classes = {
        "tokens": List(Value("string")),
        "pos_tags": List(ClassLabel(names=list(UPOS_TAGS))),
    }
    strings = classes | {"pos_tags": List(Value("string"))}
    hub.add("google/xtreme", "udpos.German", "test", classes, [tagged])
    hub.add("google/xtreme", "udpos.Turkish", "test", strings, [tagged])
    out, meta = hub.build("udpos", "eval", "test", "de", "tr")
    assert [row["tags"] for row in out] == [["NOUN", "VERB"]] * 2
    assert "syntactic words" in meta["units"][0]["variant"]


def test_panx(hub):
    features = {
        "tokens": List(Value("string")),
        "ner_tags": List(ClassLabel(names=list(NER_TAGS))),
        "langs": List(Value("string")),
    }
    rows = [
        {"tokens": ["a", "b"], "ner_tags": ["B-PER", "O"], "langs": ["de", "de"]},
        {"tokens": [], "ner_tags": [], "langs": []},
    ]
    hub.add("google/xtreme", "PAN-X.de", "validation", features, rows)
    out, meta = hub.build("panx", "eval", "dev", "de")
    assert [(row["tokens"], row["tags"]) for row in out] == [(["a", "b"], ["B-PER", "O"])]
    assert meta["units"][0]["counts"] == {"empty_sentences_dropped": 1}


def questions(*rows: tuple[str, str, str, int]) -> list[dict]:
    return [
        {
            "id": name,
            "context": context,
            "question": "q",
            "answers": {"text": [answer], "answer_start": [start]},
        }
        for name, context, answer, start in rows
    ]


SQUAD = {
    "id": Value("string"),
    "context": Value("string"),
    "question": Value("string"),
    "answers": ANSWERS,
}


def test_offsets_of_stripped_contexts_are_repaired(hub):
    rows = questions(("q1", "the cat", "cat", 6), ("q2", "the cat", "the", 0))
    hub.add("google/xtreme", "XQuAD.de", "validation", SQUAD, rows)
    hub.add("google/xtreme", "MLQA.de.de", "validation", SQUAD, rows)
    hub.add("rajpurkar/squad", "plain_text", "train", SQUAD, rows)
    for key, part, split, language in (
        ("xquad", "eval", "test", "de"),
        ("mlqa", "eval", "dev", "de"),
        ("squad_v1", "train", "train", "en"),
    ):
        out, meta = hub.build(key, part, split, language)
        assert [row["answers"][0]["start"] for row in out] == [4, 0]
        assert meta["units"][0]["counts"] == {"offsets_repaired": 1}


def test_tydiqa_languages_are_told_by_the_id(hub):
    rows = questions(
        *(
            (f"{language}-{n}", f"passage {n} cat", "cat", 10)
            for n in range(6)
            for language in ("english", "swahili")
        )
    )
    hub.add("google/xtreme", "tydiqa", "train", SQUAD, rows)
    hub.add("google/xtreme", "tydiqa", "validation", SQUAD, rows)
    out, _ = hub.build("tydiqa", "eval", "test", "sw")
    assert [row["id"] for row in out] == [f"swahili-{n}" for n in range(6)]
    train, _ = hub.build("tydiqa", "train", "train", "en")
    dev, _ = hub.build("tydiqa", "dev", "train", "en")
    assert len(train) == 5
    assert len(dev) == 1
    with pytest.raises(XstiltsError, match="no question in 'ko'"):
        hub.build("tydiqa", "eval", "test", "ko")


def test_tatoeba_rows_are_aligned_and_lose_their_line_ends(hub):
    names = ["source_sentence", "target_sentence", "source_lang", "target_lang"]
    rows = [
        dict(zip(names, [f"fremd {n}\n", f"english {n}\n", "swh", "eng"], strict=True))
        for n in range(3)
    ]
    hub.add(
        "google/xtreme", "tatoeba.swh", "validation", dict.fromkeys(names, Value("string")), rows
    )
    out, _ = hub.build("tatoeba", "eval", "test", "sw")
    assert [row["text"] for row in out[:3]] == ["fremd 0", "fremd 1", "fremd 2"]
    assert gold_pairs(out) == [("0", "0"), ("1", "1"), ("2", "2")]


BUCC = {
    "sentence1": List(Value("string")),
    "sentence2": List(Value("string")),
    "gold": List(List(Value("int32"))),
}


def test_bucc_is_parted_into_dev_and_test(hub):
    row = {
        "sentence1": [f"fremd {n}" for n in range(1, 41)],
        "sentence2": [f"english {n}" for n in range(1, 61)],
        "gold": [[n, 2 * n] for n in range(1, 21)],
    }
    hub.add("mteb/BUCC", "de-en", "test", BUCC, [row])
    halves = {split: hub.build("bucc2018", "eval", split, "de") for split in ("dev", "test")}
    texts = {split: {row["text"] for row in rows} for split, (rows, _) in halves.items()}
    assert not texts["dev"] & texts["test"]
    assert texts["dev"] | texts["test"] == {*row["sentence1"], *row["sentence2"]}
    for rows, meta in halves.values():
        assert "no dev split" in meta["units"][0]["variant"]
        assert Counter(row["side"] for row in rows) == {"foreign": 20, "en": 30}
        pairs = gold_pairs(rows)
        assert len(pairs) == 10
        by_id = {(row["side"], row["id"]): row["text"] for row in rows}
        for foreign, english in pairs:
            number = int(by_id["foreign", foreign].removeprefix("fremd "))
            assert by_id["en", english] == f"english {2 * number}"


@pytest.mark.parametrize("gold", [[[0, 1]], [[1, 3]], [[1]]])
def test_bucc_gold_outside_the_corpora_is_refused(hub, gold):
    row = {"sentence1": ["a", "b"], "sentence2": ["c", "d"], "gold": gold}
    hub.add("mteb/BUCC", "de-en", "test", BUCC, [row])
    with pytest.raises(XstiltsError, match="not a pair of 1-based rows"):
        hub.build("bucc2018", "eval", "test", "de")


def test_constant_gold_and_other_columns_are_refused(hub):
    hub.add("facebook/xnli", "de", "test", PAIR, nli("a", *[1] * 20))
    with pytest.raises(XstiltsError, match="placeholder"):
        hub.build("xnli", "eval", "test", "de")
    hub.add("google/xtreme", "XQuAD.de", "validation", {"text": Value("string")}, [{"text": "a"}])
    with pytest.raises(XstiltsError, match=r"lacks the columns id, context.*has text"):
        hub.build("xquad", "eval", "test", "de")
    with pytest.raises(XstiltsError, match=r"XQuAD\.hi.*cannot be loaded"):
        hub.build("xquad", "eval", "test", "hi")


class TestRevision:
    def unpinned(self) -> Task:
        task = TASKS["squad_v1"]
        (source,) = task.hub["dev"]
        return dataclasses.replace(task, hub={"dev": (dataclasses.replace(source, revision=""),)})

    def test_a_repository_without_a_pinned_commit_is_refused(self):
        with pytest.raises(XstiltsError, match=r"rajpurkar/squad: no commit.*hub_revisions"):
            build_part(self.unpinned(), "dev", [Unit("dev", "en")], source="hub", limits={})

    @pytest.mark.parametrize("revision", ["main", "7b6d24c"])
    def test_a_revision_that_can_move_is_refused(self, revision):
        with pytest.raises(XstiltsError, match=f"'{revision}' is not a commit"):
            build_part(
                TASKS["squad_v1"],
                "dev",
                [Unit("dev", "en")],
                source="hub",
                limits={},
                revisions={"rajpurkar/squad": revision},
            )

    def test_the_experiments_revision_wins(self, monkeypatch):
        revision = "0123456789" * 4
        seen = []

        def load(*args, **kwargs):
            seen.append((args, kwargs))
            raise ConnectionError("no network")

        monkeypatch.setattr("xstilts.data.readers.hub.load_dataset", load)
        with pytest.raises(XstiltsError, match=f"{revision}.*no network"):
            build_part(
                TASKS["squad_v1"],
                "dev",
                [Unit("dev", "en")],
                source="hub",
                limits={},
                revisions={"rajpurkar/squad": revision},
            )
        assert seen == [
            (("rajpurkar/squad", "plain_text"), {"split": "validation", "revision": revision})
        ]

    def test_every_source_of_the_table_is_pinned_and_has_a_reader(self):
        for task in (*TARGETS.values(), *INTERMEDIATE.values()):
            assert set(task.hub) == NOT_ON_HUB.get(task.key, set(task.folder))
            for sources in (*task.hub.values(), *task.hub_translated.values()):
                for source in sources:
                    assert re.fullmatch("[0-9a-f]{40}", source.revision)
                    assert source.reader in READERS


def test_a_split_that_the_hub_lacks(hub):
    with pytest.raises(XstiltsError, match="no dev split on the hub"):
        hub.build("tatoeba", "eval", "dev", "de")


class TestIntermediate:
    def test_anli_joins_three_sets_and_numbers_through(self, hub):
        hub.add("nyu-mll/glue", "mnli", "train", PAIR, nli("mnli", 0, 1))
        hub.add("stanfordnlp/snli", "plain_text", "train", PAIR, nli("snli", -1, 2))
        for number in (1, 2, 3):
            hub.add("facebook/anli", "plain_text", f"train_r{number}", PAIR, nli(f"r{number}", 2))
        out, meta = hub.build("anli", "train", "train", "en")
        assert [row["text_a"] for row in out] == [
            "mnli 0",
            "mnli 1",
            "snli 1",
            *(f"r{number} 0" for number in (1, 2, 3)),
        ]
        assert [row["id"] for row in out] == [f"train-en:{n}" for n in (0, 1, 3, 4, 5, 6)]
        assert meta["units"][0]["counts"] == {"unlabelled_dropped": 1}
        assert [source["hub_split"] for source in meta["units"][0]["sources"]] == [
            "train",
            "train",
            "train_r1",
            "train_r2",
            "train_r3",
        ]

    def test_squad_v2_keeps_questions_without_answers(self, hub):
        rows = questions(("q1", "the cat", "cat", 4), ("q2", "the cat", "cat", 4))
        rows[1]["answers"] = {"text": [], "answer_start": []}
        for split in ("train", "validation"):
            hub.add("rajpurkar/squad_v2", "squad_v2", split, SQUAD, rows)
        for part in ("train", "dev"):
            out, meta = hub.build("squad_v2", part, part, "en")
            assert [len(row["answers"]) for row in out] == [1, 0]
            assert meta["units"][0]["counts"] == {"unanswerable": 1}

    def test_hellaswag_labels_are_strings_and_empty_in_test(self, hub):
        features = {
            "ind": Value("int32"),
            "ctx": Value("string"),
            "endings": List(Value("string")),
            "label": Value("string"),
        }
        row = {"ind": 4, "ctx": "a man", "endings": ["w", "x", "y", "z"], "label": "3"}
        hub.add("Rowan/hellaswag", "default", "train", features, [row])
        hub.add("Rowan/hellaswag", "default", "validation", features, [row | {"label": ""}])
        (out,), _ = hub.build("hellaswag", "train", "train", "en")
        assert (out["prompt"], out["choices"], out["label"]) == ("a man", row["endings"], 3)
        with pytest.raises(XstiltsError, match=r"validation, row 1: the label is missing"):
            hub.build("hellaswag", "dev", "dev", "en")

    def test_cosmosqa(self, hub):
        names = ["id", "context", "question", "answer0", "answer1", "answer2", "answer3"]
        features = dict.fromkeys(names, Value("string")) | {"label": Value("int32")}
        row = dict(zip(names, ["i", "It rained .", "Why ?", "a", "b", "c", "d"], strict=True))
        hub.add("allenai/cosmos_qa", "default", "train", features, [row | {"label": 2}])
        (out,), _ = hub.build("cosmosqa", "train", "train", "en")
        assert out["prompt"] == "It rained . Why ?"
        assert (out["choices"], out["label"]) == (["a", "b", "c", "d"], 2)

    def test_cosmosqa_as_the_hub_converts_it(self, hub):
        """Its pinned commit has no card that names the configs, only folders."""
        self.test_cosmosqa(hub)
        folder = hub.root / "allenai/cosmos_qa"
        (folder / "README.md").unlink()
        (folder / "default/train").mkdir()
        (folder / "default/train-00000-of-00001.parquet").rename(
            folder / "default/train/0000.parquet"
        )
        (out,), _ = hub.build("cosmosqa", "train", "train", "en")
        assert out["label"] == 2

    def test_csqa_has_letters(self, hub):
        features = {
            "id": Value("string"),
            "question": Value("string"),
            "choices": {"label": List(Value("string")), "text": List(Value("string"))},
            "answerKey": Value("string"),
        }
        row = {
            "id": "i",
            "question": "where?",
            "choices": {"label": ["A", "B"], "text": ["bank", "mall"]},
            "answerKey": "B",
        }
        hub.add("tau/commonsense_qa", "default", "validation", features, [row])
        (out,), _ = hub.build("csqa", "dev", "dev", "en")
        assert (out["prompt"], out["choices"], out["label"]) == ("where?", ["bank", "mall"], 1)


class TestOtherLanguages:
    def test_mnli_is_glues_in_english_and_xnlis_translation_elsewhere(self, hub):
        hub.add("nyu-mll/glue", "mnli", "train", PAIR, nli("glue", 0))
        hub.add("facebook/xnli", "de", "train", PAIR, nli("xnli", 1))
        for key in ("mnli", "xnli"):
            out, _ = hub.build(key, "train", "train", "en", "de")
            assert [(row["language"], row["text_a"]) for row in out] == [
                ("en", "glue 0"),
                ("de", "xnli 0"),
            ]
        with pytest.raises(XstiltsError, match="mnli has no train data in 'fi' on the hub"):
            hub.build("mnli", "train", "train", "fi")

    @pytest.mark.parametrize(
        ("key", "language", "there"),
        [
            ("mnli", "sw", True),
            ("pawsx", "ko", True),
            ("panx", "sw", True),
            ("udpos", "yo", False),
            ("udpos", "tr", True),
            ("panx", "qu", False),
            ("tydiqa", "sw", True),
            ("tydiqa", "de", False),
            ("squad_v1", "sw", False),
            ("anli", "de", False),
            ("csqa", "en", True),
            ("ccg", "en", False),
        ],
    )
    def test_what_the_hub_has_to_train_on(self, key, language, there):
        assert bool(TASKS[key].hub_sources("train", language)) == there


COPA = {
    "premise": Value("string"),
    "choice1": Value("string"),
    "choice2": Value("string"),
    "question": Value("string"),
    "idx": Value("int32"),
}


def copa(language: str, *labels: int) -> list[dict]:
    return [
        {
            "premise": f"{language} {n}.",
            "choice1": "a",
            "choice2": "b",
            "question": ["cause", "effect"][n % 2],
            "idx": n,
            "label": label,
        }
        for n, label in enumerate(labels)
    ]


class TestXcopa:
    def test_english_is_copa(self, hub):
        classes = COPA | {"label": ClassLabel(names=["choice1", "choice2"])}
        for split in ("train", "validation"):
            hub.add("aps/super_glue", "copa", split, classes, copa("en", 0, 1))
        hub.add("aps/super_glue", "copa", "test", classes, copa("en", -1, -1))
        numbers = COPA | {"label": Value("int32"), "changed": Value("bool")}
        rows = [row | {"changed": False} for row in copa("sw", 0, 1)]
        hub.add("cambridgeltl/xcopa", "sw", "validation", numbers, rows)
        out, _ = hub.build("xcopa", "eval", "dev", "en", "sw")
        assert [(row["prompt"], row["label"]) for row in out] == [
            ("en 0. What was the cause?", 0),
            ("en 1. What was the effect?", 1),
            ("sw 0. What was the cause?", 0),
            ("sw 1. What was the effect?", 1),
        ]
        assert [row["group"] for row in out] == ["dev:0", "dev:1"] * 2
        assert len(hub.build("xcopa", "train", "train", "en")[0]) == 2
        with pytest.raises(XstiltsError, match="copa, split test, row 1: the label is missing"):
            hub.build("xcopa", "eval", "test", "en")

    def test_placeholder_labels_are_refused(self, hub):
        numbers = COPA | {"label": Value("int32")}
        hub.add("cambridgeltl/xcopa", "sw", "test", numbers, copa("sw", *[0] * 20))
        with pytest.raises(XstiltsError, match="all 20 items have the gold 0: a placeholder"):
            hub.build("xcopa", "eval", "test", "sw")


class TestWhatIsWrongIsNamed:
    def test_a_label_that_is_the_number_of_no_class(self, hub):
        hub.add("facebook/xnli", "de", "validation", PAIR | NUMBER, nli("a", 0, 1, 3))
        named(hub.root / "facebook/xnli/de/validation-00000-of-00001.parquet", PAIR)
        with pytest.raises(
            XstiltsError,
            match=r"config de, split validation, row 3: the label 3 is the number of no class: 3"
            r" are named, from 0 on \(entailment, neutral, contradiction\)",
        ):
            hub.build("xnli", "eval", "dev", "de")

    def test_a_tag_that_is_the_number_of_no_class(self, hub):
        features = {"tokens": List(Value("string")), "ner_tags": List(Value("int64"))}
        rows = [{"tokens": ["a"], "ner_tags": [0]}, {"tokens": ["a", "b"], "ner_tags": [0, 7]}]
        hub.add("google/xtreme", "PAN-X.de", "test", features, rows)
        classes = features | {"ner_tags": List(ClassLabel(names=list(NER_TAGS)))}
        named(hub.root / "google/xtreme/PAN-X.de/test-00000-of-00001.parquet", classes)
        with pytest.raises(XstiltsError, match=r"row 2: the label 7 is the number of no class"):
            hub.build("panx", "eval", "test", "de")

    @pytest.mark.parametrize("column", ["premise", "hypothesis"])
    def test_a_text_of_a_pair_that_is_null(self, hub, column):
        rows = nli("a", 0, 1, 2)
        rows[1][column] = None
        hub.add("facebook/xnli", "de", "test", PAIR, rows)
        with pytest.raises(XstiltsError, match=rf"split test, row 2: {column} is null"):
            hub.build("xnli", "eval", "test", "de")

    @pytest.mark.parametrize(
        ("tokens", "tags", "null"),
        [(["a", None], ["X", "X"], r"tokens\[1\]"), (None, ["X"], "tokens"), (["a"], None, "pos_")],
    )
    def test_a_token_or_a_sentence_that_is_null(self, hub, tokens, tags, null):
        features = {"tokens": List(Value("string")), "pos_tags": List(Value("string"))}
        rows = [{"tokens": ["a"], "pos_tags": ["X"]}, {"tokens": tokens, "pos_tags": tags}]
        hub.add("google/xtreme", "udpos.Turkish", "test", features, rows)
        with pytest.raises(XstiltsError, match=f"Turkish, split test, row 2: {null}.* is null"):
            hub.build("udpos", "eval", "test", "tr")

    @pytest.mark.parametrize(
        ("change", "null"),
        [
            ({"context": None}, "context"),
            ({"question": None}, "question"),
            ({"answers": {"text": [None], "answer_start": [0]}}, r"answers\.text\[0\]"),
            ({"answers": {"text": ["a"], "answer_start": [None]}}, r"answers\.answer_start\[0\]"),
        ],
    )
    def test_a_text_of_a_question_that_is_null(self, hub, change, null):
        rows = questions(("q1", "the cat", "cat", 4), ("q2", "the cat", "the", 0))
        hub.add("google/xtreme", "XQuAD.de", "validation", SQUAD, [rows[0], rows[1] | change])
        with pytest.raises(XstiltsError, match=f"row 2: {null} is null"):
            hub.build("xquad", "eval", "test", "de")

    def test_answers_without_their_offsets(self, hub):
        rows = questions(("q1", "the cat", "cat", 4))
        rows[0]["answers"] = {"text": ["cat", "the"], "answer_start": [4]}
        hub.add("google/xtreme", "XQuAD.de", "validation", SQUAD, rows)
        with pytest.raises(XstiltsError, match=r"question q1: the answers are not SQuAD's"):
            hub.build("xquad", "eval", "test", "de")

    def test_a_sentence_of_retrieval_that_is_null(self, hub):
        names = ["source_sentence", "target_sentence"]
        rows = [dict(zip(names, pair, strict=True)) for pair in (("a", "b"), ("c", None))]
        features = dict.fromkeys(names, Value("string"))
        hub.add("google/xtreme", "tatoeba.swh", "validation", features, rows)
        with pytest.raises(XstiltsError, match="row 2: target_sentence is null"):
            hub.build("tatoeba", "eval", "test", "sw")
        row = {"sentence1": ["a", None], "sentence2": ["c", "d"], "gold": [[1, 1]]}
        hub.add("mteb/BUCC", "de-en", "test", BUCC, [row])
        with pytest.raises(XstiltsError, match=r"sentence1\[1\] is null"):
            hub.build("bucc2018", "eval", "test", "de")


NUMBER = {"label": Value("int64")}


def named(path: Path, features: dict) -> None:
    """Give the numbers of a Parquet file the names that a card gives them, whatever they are."""
    card = Features(features).arrow_schema.metadata
    pq.write_table(pq.read_table(path).replace_schema_metadata(card), path)


@pytest.fixture
def published(hub, monkeypatch) -> Hub:
    """The local folders stand for the pinned commits of the repositories themselves."""

    def load(repo: str, config: str, *, split: str, revision: str) -> Dataset:
        assert re.fullmatch("[0-9a-f]{40}", revision)
        return datasets.load_dataset(str(hub.root / repo), config, split=split)

    monkeypatch.setattr("xstilts.data.readers.hub.load_dataset", load)
    return hub


class TestRows:
    def build(self, key: str, split: str, language: str, **more: Any) -> dict:
        units = [Unit(split, language)]
        part = "eval" if TASKS[key].group else "dev"
        _, meta = build_part(TASKS[key], part, units, source="hub", limits={}, **more)
        return meta["units"][0]

    def test_another_number_than_published_is_told(self, published, caplog):
        rows = questions(*((f"q{n}", "the cat", "cat", 4) for n in range(3)))
        published.add("google/xtreme", "XQuAD.de", "validation", SQUAD, rows)
        (source,) = self.build("xquad", "test", "de")["sources"]
        assert (source["rows"], source["rows_expected"]) == (3, 1190)
        assert "config XQuAD.de, split validation: 3 rows, expected 1190" in caplog.text
        caplog.clear()
        (source,) = self.build("xquad", "test", "de", revisions={"google/xtreme": "1" * 40})[
            "sources"
        ]
        assert "rows_expected" not in source
        assert not caplog.text

    def test_the_number_that_is_published_is_not_spoken_of(self, published, caplog):
        rows = questions(*((f"q{n}", "the cat", "cat", 4) for n in range(1190)))
        published.add("google/xtreme", "XQuAD.de", "validation", SQUAD, rows)
        assert "rows_expected" not in self.build("xquad", "test", "de")["sources"][0]
        assert not caplog.text

    def test_every_split_that_can_be_asked_for_has_its_number(self):
        asked = {
            (source.repo, source.config.format(lang=code, iso=own.iso639_3, name=own.name), place)
            for task in (*TARGETS.values(), *INTERMEDIATE.values())
            for split in ("train", "dev", "test")
            for code, own in LANGUAGES.items()
            if not (split == "dev" and code in task.no_dev)
            for source in task.hub_sources(split, code)
            for place in [source.split]
            if source.repo not in UNCOUNTED
        }
        assert len(asked) > 380
        assert not [place for place in sorted(asked) if not expected_rows(*place)]
        # Items by XTREME (Hu et al. 2020, table 1) and by SQuAD's authors.
        for place, rows in {
            ("facebook/xnli", "sw", "test"): 5010,
            ("google/xtreme", "PAN-X.en", "train"): 20000,
            ("google/xtreme", "MLQA.en.en", "test"): 11590,
            ("google/xtreme", "udpos.English", "train"): 21253,
            ("rajpurkar/squad", "plain_text", "validation"): 10570,
        }.items():
            assert expected_rows(*place) == rows

    def test_a_commit_that_the_hub_can_remove_is_told(self, published, caplog):
        names = ["id", "context", "question", "answer0", "answer1", "answer2", "answer3"]
        row = dict.fromkeys(names, "a") | {"label": 2}
        features = dict.fromkeys(names, Value("string")) | {"label": Value("int32")}
        published.add("allenai/cosmos_qa", "default", "validation", features, [row, row])
        (source,) = self.build("cosmosqa", "dev", "en")["sources"]
        assert source["fragile"] == "data_root/intermediate/cosmosqa/valid.csv"
        assert "the hub can remove this commit" in caplog.text

    def test_and_what_to_do_when_it_is_gone(self, monkeypatch):
        def load(*_: Any, **__: Any) -> Dataset:
            raise ConnectionError("404")

        monkeypatch.setattr("xstilts.data.readers.hub.load_dataset", load)
        with pytest.raises(
            XstiltsError,
            match=r"404.*refs/convert/parquet.*hub_revisions.*data_root/intermediate/cosmosqa/valid",
        ):
            self.build("cosmosqa", "dev", "en")
        with pytest.raises(XstiltsError) as error:
            self.build("csqa", "dev", "en")
        assert "refs/convert" not in str(error.value)


class TestForeign:
    def test_data_say_how_much_of_them_is_another_language(self, hub):
        features = {"tokens": List(Value("string")), "pos_tags": List(Value("string"))}
        rows = [{"tokens": ["a", "b"], "pos_tags": ["NOUN", "VERB"]}]
        for name in ("Greek", "German", "Turkish"):
            for split in ("validation", "test"):
                hub.add("google/xtreme", f"udpos.{name}", split, features, rows)
        shares = {
            (unit["language"], unit["split"]): unit.get("foreign")
            for split in ("dev", "test")
            for unit in hub.build("udpos", "eval", split, "de", "el", "tr")[1]["units"]
        }
        assert shares["el", "test"]["other"] == "Ancient Greek"
        assert shares["el", "test"]["percent"] == pytest.approx(83.8, abs=0.05)
        assert shares["el", "dev"]["percent"] == pytest.approx(84.3, abs=0.05)
        assert shares["de", "test"]["percent"] == pytest.approx(0.4, abs=0.05)
        assert not any(shares[place] for place in (("de", "dev"), ("tr", "dev"), ("tr", "test")))

    def test_shares_are_of_the_rows_that_there_are(self):
        places = {"train": "train", "dev": "validation", "test": "test"}
        for foreign in TASKS["udpos"].hub_foreign:
            name = LANGUAGES[foreign.language].name
            for split, (found, every) in foreign.items.items():
                assert every == expected_rows("google/xtreme", f"udpos.{name}", places[split])
                assert 0 < found < every


class TestPassagesOfXquad:
    def test_they_are_taken_out_of_squads_development_set(self, hub):
        tested = questions(("x1", "the cat sat", "cat", 4), ("x2", "a dog ran", "dog", 2))
        hub.add("google/xtreme", "XQuAD.en", "validation", SQUAD, tested)
        rows = questions(
            ("s1", " the cat  sat ", "cat", 5),
            ("s2", "other words", "words", 6),
            ("s3", " the cat  sat ", "sat", 10),
        )
        for repo, config in (("squad", "plain_text"), ("squad_v2", "squad_v2")):
            hub.add(f"rajpurkar/{repo}", config, "validation", SQUAD, rows)
        for key in ("squad_v1", "squad_v2"):
            tested = PassagesOf(hub.task("xquad"), Unit("test", "en"))
            table, meta = build_part(
                hub.task(key), "dev", [Unit("dev", "en")], source="hub", limits={}, tested=tested
            )
            assert table["id"].to_pylist() == ["s2"]
            removed = meta["units"][0]["tested_passages"]
            assert (removed["known"], removed["passages"], removed["items"]) == (2, 1, 2)
            assert removed["sources"][0]["config"] == "XQuAD.en"
            assert (meta["units"][0]["rows_read"], meta["units"][0]["rows"]) == (3, 1)

    def test_where_they_cannot_be_had_it_is_said_how_to_do_without(self, hub):
        rows = questions(("s", "a", "a", 0))
        hub.add("rajpurkar/squad", "plain_text", "validation", SQUAD, rows)
        hub.add("google/xtreme", "XQuAD.de", "validation", SQUAD, rows)
        tested = PassagesOf(hub.task("xquad"), Unit("test", "en"))
        unit = [Unit("dev", "en")]
        with pytest.raises(XstiltsError, match=r"XQuAD\.en.*cannot be loaded.*keep_xquad_passages"):
            build_part(hub.task("squad_v1"), "dev", unit, source="hub", limits={}, tested=tested)
        table, _ = build_part(hub.task("squad_v1"), "dev", unit, source="hub", limits={})
        assert table.num_rows == 1
