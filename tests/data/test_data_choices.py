"""Readers of multiple choice, and of CCGbank: what they give and what they refuse."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xstilts.config.tasks import TASKS, Kind
from xstilts.data.gold import refuse_placeholder_gold
from xstilts.data.readers.folder import READERS
from xstilts.data.rows import Batch, Place
from xstilts.data.schemas import DATA
from xstilts.errors import XstiltsError

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
LINE = st.text(st.characters(exclude_characters="\0\t\n\r", exclude_categories=["Cs"]), min_size=1)
COSMOSQA = ["id", "context", "question", "answer0", "answer1", "answer2", "answer3", "label"]
COPA = {"premise": "It fell.", "question": "cause", "choice1": "a", "choice2": "b", "label": 1}
CSQA = {"question": "q?", "choices": {"label": ["A", "B"], "text": ["x", "y"]}, "answerKey": "B"}
HELLASWAG = {"ctx": "a man", "endings": ["w", "x", "y", "z"], "label": 3}


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("choices")


def read(
    folder: Path, reader: str, task: str, content: str, split: str = "train", language: str = "en"
) -> Batch:
    path = folder / "file"
    path.write_bytes(content.encode())
    return READERS[reader](Place(TASKS[task], split, language), [path])


def jsonl(*records) -> str:
    return "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)


def cosmosqa(*rows: list) -> str:
    stream = io.StringIO()
    csv.writer(stream).writerows([COSMOSQA, *rows])
    return stream.getvalue()


class TestRoundTrip:
    @given(st.lists(st.tuples(TEXT, st.lists(TEXT, min_size=2, max_size=6)), min_size=1), st.data())
    def test_hellaswag(self, folder, items, data):
        labels = [data.draw(st.integers(0, len(endings) - 1)) for _, endings in items]
        records = [
            {
                "ctx": ctx,
                "endings": endings,
                "label": data.draw(st.sampled_from([label, str(label)])),
            }
            for (ctx, endings), label in zip(items, labels, strict=True)
        ]
        rows = read(folder, "hellaswag_jsonl", "hellaswag", jsonl(*records)).rows
        assert [(row["prompt"], row["choices"]) for row in rows] == items
        assert [row["label"] for row in rows] == labels
        assert set(rows[0]) == set(DATA[Kind.CHOICE].names) - {"cluster"}

    @given(st.lists(st.tuples(TEXT, TEXT, st.lists(TEXT, min_size=4, max_size=4)), min_size=1))
    def test_cosmosqa(self, folder, items):
        content = cosmosqa(*(["i", a, b, *answers, 2] for a, b, answers in items))
        rows = read(folder, "cosmosqa_csv", "cosmosqa", content).rows
        assert [(row["prompt"], row["choices"]) for row in rows] == [
            (f"{a} {b}", answers) for a, b, answers in items
        ]
        assert {row["label"] for row in rows} == {2}

    @given(TEXT, st.lists(TEXT, min_size=2, max_size=5), st.data())
    def test_csqa_as_the_hub_and_as_the_authors_have_it(self, folder, question, texts, data):
        label = data.draw(st.integers(0, len(texts) - 1))
        letters = list("ABCDE"[: len(texts)])
        both = [{"label": a, "text": b} for a, b in zip(letters, texts, strict=True)]
        content = jsonl(
            {
                "question": question,
                "choices": {"label": letters, "text": texts},
                "answerKey": letters[label],
            },
            {"question": {"stem": question, "choices": both}, "answerKey": letters[label]},
        )
        first, second = read(folder, "csqa_jsonl", "csqa", content).rows
        assert (first["prompt"], first["choices"], first["label"]) == (question, texts, label)
        assert {**first, "id": "", "group": ""} == {**second, "id": "", "group": ""}

    @given(st.lists(st.lists(st.tuples(LINE, LINE), min_size=1), min_size=1))
    def test_open_tags(self, folder, sentences):
        pairs = [[(a, b.strip() or "N") for a, b in sentence] for sentence in sentences]
        content = "\n".join("".join(f"{a}\t{b}\n" for a, b in sentence) for sentence in pairs)
        rows = read(folder, "tags_tsv", "ccg", content, language="de").rows
        assert [row["tags"] for row in rows] == [[tag for _, tag in s] for s in pairs]

    WORD = st.text(st.characters(categories=["L", "N", "P"]), min_size=1).filter(
        lambda word: "(<L" not in word
    )

    @given(
        st.lists(
            st.lists(
                st.tuples(WORD, st.sampled_from(["N", "NP/N", "(S\\NP)/NP", ","])), min_size=1
            ),
            min_size=1,
        )
    )
    def test_ccgbank(self, folder, sentences):
        content = "".join(
            f"ID=wsj_0001.{number} PARSER=GOLD NUMPARSE=1\n(<T S[dcl] 0 2> "
            + " ".join(f"(<L {tag} NN NNP {word} {tag}_1>)" for word, tag in sentence)
            + " )\n"
            for number, sentence in enumerate(sentences, 1)
        )
        rows = read(folder, "ccg_auto", "ccg", content).rows
        assert [list(zip(r["tokens"], r["tags"], strict=True)) for r in rows] == sentences


class TestXcopa:
    def test_the_group_is_the_index_in_every_language(self, folder):
        records = [{**COPA, "idx": 7}, {**COPA, "idx": 3, "question": "effect"}]
        rows = read(folder, "copa_jsonl", "xcopa", jsonl(*records), "test", "sw").rows
        assert [row["prompt"] for row in rows] == [
            "It fell. What was the cause?",
            "It fell. What was the effect?",
        ]
        assert [row["group"] for row in rows] == ["test:7", "test:3"]
        assert [row["id"] for row in rows] == ["test-sw:0", "test-sw:1"]

    @pytest.mark.parametrize("keys", [[{}, {}], [{"idx": 1}, {"idx": 1}], [{"idx": 1}, {}]])
    def test_without_an_index_of_its_own_the_row_is_the_group(self, folder, keys):
        records = [COPA | key for key in keys]
        rows = read(folder, "copa_jsonl", "xcopa", jsonl(*records), "test", "sw").rows
        assert [row["group"] for row in rows] == ["test:0", "test:1"]


@pytest.mark.parametrize(
    ("reader", "task", "content", "message"),
    [
        (
            "hellaswag_jsonl",
            "hellaswag",
            jsonl(HELLASWAG, HELLASWAG | {"label": ""}),
            "row 2: the label is missing",
        ),
        (
            "hellaswag_jsonl",
            "hellaswag",
            jsonl({"ctx": "a", "endings": ["b", "c"]}),
            "row 1: the label is missing",
        ),
        (
            "hellaswag_jsonl",
            "hellaswag",
            jsonl(HELLASWAG | {"label": 4}),
            "'4' names none of the choices .*0, 1, 2, 3",
        ),
        ("hellaswag_jsonl", "hellaswag", jsonl(HELLASWAG | {"label": True}), "'True' names none"),
        (
            "hellaswag_jsonl",
            "hellaswag",
            jsonl(HELLASWAG | {"endings": ["w"]}),
            "row 1: .*1 choices.*needs ctx, endings",
        ),
        (
            "hellaswag_jsonl",
            "hellaswag",
            jsonl(HELLASWAG | {"endings": "wxyz"}),
            "'wxyz' is no list",
        ),
        (
            "hellaswag_jsonl",
            "hellaswag",
            jsonl(HELLASWAG | {"endings": ["w", None]}),
            "texts must be strings",
        ),
        (
            "hellaswag_jsonl",
            "hellaswag",
            jsonl(HELLASWAG, [1]),
            "row 2: not an item of multiple choice",
        ),
        ("hellaswag_jsonl", "hellaswag", '{"ctx": "a', "row 1: broken JSON"),
        ("hellaswag_jsonl", "hellaswag", "", "the file is empty"),
        (
            "csqa_jsonl",
            "csqa",
            jsonl(CSQA | {"answerKey": "C"}),
            "'C' names none of the choices .*A, B",
        ),
        ("csqa_jsonl", "csqa", jsonl(CSQA | {"answerKey": ""}), "row 1: the label is missing"),
        ("csqa_jsonl", "csqa", jsonl(CSQA | {"choices": []}), "row 1: not an item"),
        (
            "csqa_jsonl",
            "csqa",
            jsonl({"question": {"stem": "q"}}),
            "KeyError 'choices'.*needs question",
        ),
        ("copa_jsonl", "xcopa", jsonl(COPA | {"label": -1}), "row 1: the label is missing"),
        ("copa_jsonl", "xcopa", jsonl(COPA | {"label": 2}), "'2' names none of the choices"),
        (
            "copa_jsonl",
            "xcopa",
            jsonl(COPA | {"question": "reason"}),
            "KeyError 'reason'.*cause or effect",
        ),
        ("copa_jsonl", "xcopa", jsonl(COPA | {"premise": 3}), "row 1: not an item"),
        (
            "cosmosqa_csv",
            "cosmosqa",
            cosmosqa(["i", "c\nd", "q", *"abcd", 1], ["i", "c", "q", *"abcd"]),
            "row 4: 7 columns, the header has 8",
        ),
        (
            "cosmosqa_csv",
            "cosmosqa",
            cosmosqa(["i", "c", "q", *"abcd", ""]),
            "row 2: the label is missing",
        ),
        (
            "cosmosqa_csv",
            "cosmosqa",
            cosmosqa(["i", "c", "q", *"abcd", 4]),
            "row 2: the label '4' names none",
        ),
        ("cosmosqa_csv", "cosmosqa", "id,context\n1,2\n", "row 2: .*KeyError 'question'"),
        ("cosmosqa_csv", "cosmosqa", cosmosqa() + 'i,"cut short\n', "row 2: broken CSV"),
        ("tags_tsv", "ccg", "a\tNP/N\nb\n", "row 2: the token 'b' has no tag"),
        ("tags_tsv", "ccg", "a\tNP/N\nb\t \n", "row 2: the label is missing"),
        (
            "ccg_auto",
            "ccg",
            "ID=x\n(<T S 0 1> (<L NP It it PRP O I-NP NP>) )\n",
            "row 2: 0 of 1 leaves",
        ),
        ("ccg_auto", "ccg", "Vinken\tN\n", "row 1: 0 of 0 leaves .*each line is ID="),
        ("ccg_auto", "ccg", "ID=x\n", "holds no derivation"),
    ],
)
def test_refused(folder, reader, task, content, message):
    with pytest.raises(XstiltsError, match=message) as refusal:
        read(folder, reader, task, content)
    assert str(folder / "file") in str(refusal.value)


@pytest.mark.parametrize(
    ("key", "golds", "message"),
    [
        ("csqa", [0] * 20, "all 20 items have the gold 0: a placeholder"),
        ("csqa", [1, -1], "row 2: no gold"),
        ("csqa", [1, None], "row 2: no gold"),
        ("squad_v2", [[], []], "no gold at all"),
        ("squad_v2", [["a"], [" "]], "question 2 has no answer"),
        ("squad_v1", [["a"], []], "question 2 has no answer"),
    ],
)
def test_gold_that_would_give_false_scores_is_refused(key, golds, message):
    with pytest.raises(XstiltsError, match=message):
        refuse_placeholder_gold(TASKS[key], golds, "file")


def test_gold_of_choices_and_of_unanswerable_questions():
    refuse_placeholder_gold(TASKS["csqa"], [0, 1] * 20, "file")
    refuse_placeholder_gold(TASKS["csqa"], [0] * 19, "file")
    refuse_placeholder_gold(TASKS["squad_v2"], [[], ["a"]] * 20, "file")
    refuse_placeholder_gold(TASKS["ccg"], [["N", "NP/N"]], "file")


def test_ccgbank_as_it_is_written(folder):
    content = (
        "ID=wsj_0001.2 PARSER=GOLD NUMPARSE=1\n"
        "(<T S[dcl] 0 2> (<T S[dcl] 1 2> (<T NP 0 1> (<T N 1 2> (<L N/N NNP NNP Mr. N_142/N_142>)"
        " (<L N NNP NNP Vinken N>) ) ) (<T S[dcl]\\NP 0 2> (<L (S[dcl]\\NP)/NP VBZ VBZ is"
        " (S[dcl]\\NP_87)/NP_88>) (<L LRB -LRB- -LRB- -LRB- LRB>) ) ) (<L . . . . .>) )\n"
    )
    (row,) = read(folder, "ccg_auto", "ccg", content).rows
    assert row["tokens"] == ["Mr.", "Vinken", "is", "-LRB-", "."]
    assert row["tags"] == ["N/N", "N", "(S[dcl]\\NP)/NP", "LRB", "."]
