"""Readers of XTREME's files: what they give, what they mend, what they refuse."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xstilts.config.tasks import TASKS
from xstilts.data.readers.folder import READERS
from xstilts.data.rows import Batch, Place
from xstilts.errors import XstiltsError

# Any text but what the formats use themselves: tab and the ends of lines.
TEXT = st.text(st.characters(exclude_characters="\0\t\n\r", exclude_categories=["Cs"]))
FILLED = TEXT.filter(bool)
BOM = b"\xef\xbb\xbf"


def read(
    reader: str, files: list[str | bytes], task: str, split: str = "test", language: str = "de"
) -> Batch:
    """Write `files` and read them with `reader`."""
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for number, content in enumerate(files):
            path = Path(folder) / f"file{number}.txt"
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            paths.append(path)
        return READERS[reader](Place(TASKS[task], split, language), paths)


def squad(*questions: dict, context: str = "the cat sat on the mat") -> str:
    return json.dumps({"data": [{"paragraphs": [{"context": context, "qas": list(questions)}]}]})


def qa(name: str, *answers: tuple[str, int]) -> dict:
    return {
        "id": name,
        "question": "who?",
        "answers": [{"text": text, "answer_start": start} for text, start in answers],
    }


def squad_read(text: str, split: str = "test", task: str = "xquad") -> Batch:
    return read("squad_json", [text], task, split)


class TestRoundTrip:
    @given(st.lists(st.tuples(TEXT, TEXT, st.sampled_from(TASKS["xnli"].labels)), min_size=1))
    def test_pairs_tsv(self, pairs):
        content = "".join(f"{a}\t{b}\t{label}\n" for a, b, label in pairs)
        rows = read("pairs_tsv", [content], "xnli", "train").rows
        assert [(row["text_a"], row["text_b"], row["label"]) for row in rows] == pairs
        assert [row["id"] for row in rows] == [f"train-de:{n}" for n in range(len(pairs))]
        assert [row["group"] for row in rows] == [f"train:{n}" for n in range(len(pairs))]

    @given(st.lists(st.tuples(TEXT, TEXT, st.sampled_from(TASKS["mnli"].labels)), min_size=1))
    def test_pairs_jsonl(self, pairs):
        content = "".join(
            json.dumps({"premise": a, "hypothesis": b, "label": label}, ensure_ascii=False) + "\n"
            for a, b, label in pairs
        )
        rows = read("pairs_jsonl", [content], "mnli", "train").rows
        assert [(row["text_a"], row["text_b"], row["label"]) for row in rows] == pairs
        assert rows[0]["group"] == "de:train-de:0"

    @given(
        st.lists(
            st.lists(
                st.tuples(TEXT.filter(lambda t: ":" not in t), st.sampled_from(["O", "B-PER"])),
                min_size=1,
            ),
            min_size=1,
        )
    )
    def test_tags_tsv(self, sentences):
        content = "\n".join(
            "".join(f"{token}\t{tag}\n" for token, tag in sentence) for sentence in sentences
        )
        rows = read("tags_tsv", [content], "panx", "train").rows
        assert [list(zip(r["tokens"], r["tags"], strict=True)) for r in rows] == sentences

    @given(TEXT, FILLED.filter(str.strip), TEXT)
    def test_squad_json(self, before, answer, after):
        text = squad(qa("q", (answer, len(before))), context=before + answer + after)
        (row,) = squad_read(text).rows
        assert row["context"] == before + answer + after
        assert row["answers"] == [{"text": answer, "start": len(before)}]

    @given(st.lists(st.tuples(TEXT, TEXT), min_size=1))
    def test_bucc(self, pairs):
        foreign = "".join(f"de-{n}\t{a}\n" for n, (a, _) in enumerate(pairs))
        english = "".join(f"en-{n}\t{b}\n" for n, (_, b) in enumerate(pairs))
        rows = read("bucc", [foreign, english, "de-0\ten-0\n"], "bucc2018").rows
        assert [row["text"] for row in rows] == [a for a, _ in pairs] + [b for _, b in pairs]
        assert [row["gold"] for row in rows if row["gold"]] == [["de-0"]]

    @given(st.data())
    def test_tatoeba_sorted(self, data):
        foreign = data.draw(st.lists(FILLED.filter(str.strip), min_size=1, max_size=15))
        order = data.draw(st.permutations(range(len(foreign))))
        english = "".join(f"translates {row}\n" for row in order)
        labels = "".join(f"{row}\n" for row in order)
        files = ["\n".join(foreign) + "\n", english, labels]
        rows = read("tatoeba_sorted", files, "tatoeba").rows
        texts = {row["id"]: row["text"] for row in rows if row["side"] == "foreign"}
        assert list(texts.values()) == foreign
        for row in rows:
            if row["side"] == "en":
                assert row["gold"] == [row["text"].removeprefix("translates ")]


class TestPairs:
    def test_windows_files_are_tolerated(self):
        content = BOM + b"a\tb\tneutral\r\nc\td\tcontradictory\r\n"
        rows = read("pairs_tsv", [content], "xnli").rows
        assert [row["text_a"] for row in rows] == ["a", "c"]
        assert [row["label"] for row in rows] == ["neutral", "contradiction"]

    def test_line_separators_inside_texts_do_not_split(self):
        rows = read("pairs_tsv", ["a\u2028b\x85\tc\x0bd\tneutral\n"], "xnli").rows
        assert rows[0]["text_a"] == "a\u2028b\x85"

    def test_quotes_are_text(self):
        rows = read("pairs_tsv", ['"a\tb "" c\t1\n'], "pawsx").rows
        assert (rows[0]["text_a"], rows[0]["text_b"]) == ('"a', 'b "" c')

    def test_unlabelled_are_dropped_and_keep_the_row_numbers(self):
        batch = read("pairs_tsv", ["a\tb\t-\nc\td\tneutral\n"], "xnli", "train")
        assert batch.counts == {"unlabelled_dropped": 1}
        assert batch.rows[0]["id"] == "train-de:1"

    def test_other_field_names(self):
        line = '{"sentence1": "a", "sentence2": "b", "gold_label": "neutral"}\n'
        assert read("pairs_jsonl", [line], "mnli", "train").rows[0]["text_b"] == "b"
        line = '{"question1": "a", "question2": "b", "label": "duplicate"}\n'
        assert read("pairs_jsonl", [line], "qqp", "train").rows[0]["text_b"] == "b"

    @pytest.mark.parametrize(
        ("reader", "content", "message"),
        [
            ("pairs_tsv", "a\tb\tneutral\na\tb\n", "row 2: 2 columns.*label is missing"),
            ("pairs_tsv", "a\tb\tc\tneutral\n", "row 1: 4 columns, expected 3"),
            ("pairs_tsv", "a\tb\tneutrall\n", "row 1: unknown label.*did you mean 'neutral'"),
            ("pairs_tsv", "a\tb\t\n", "row 1: the label is missing"),
            ("pairs_tsv", "a\tb\t0\n", "row 1: unknown label '0'"),
            ("pairs_tsv", "", "file is empty"),
            ("pairs_tsv", b"a\tb\tneutral\na\xe9\tb\tneutral\n", "row 2: not UTF-8.*byte 13"),
            ("pairs_jsonl", '{"premise": "a"}\n', "row 1: lacks the texts"),
            (
                "pairs_jsonl",
                '\n{"premise": "a", "hypothesis": "b", "label": 2}\n',
                "row 2: unknown label '2'",
            ),
            ("pairs_jsonl", "[1]\n", "row 1: lacks the texts"),
            ("pairs_jsonl", '{"premise": "a", "hyp\n', "row 1: broken JSON"),
            ("pairs_jsonl", '{"premise": "\\ud800", "hypothesis": "b"}\n', "row 1: .*surrogate"),
        ],
    )
    def test_refused(self, reader, content, message):
        with pytest.raises(XstiltsError, match=message):
            read(reader, [content], "xnli")


class TestTags:
    def test_language_prefixes_are_cut_if_all_tokens_have_them(self):
        batch = read("tags_tsv", ["de:Haus\tO\nde::\tO\n\nde:x\tB-PER\n"], "panx")
        assert [row["tokens"] for row in batch.rows] == [["Haus", ":"], ["x"]]
        assert batch.counts == {"language_prefixes_cut": 3}
        batch = read("tags_tsv", ["de:Haus\tO\nHaus\tO\n"], "panx")
        assert batch.rows[0]["tokens"] == ["de:Haus", "Haus"]

    def test_the_tag_follows_the_last_tab(self):
        assert read("tags_tsv", ["a\tb\tO\n"], "panx").rows[0]["tokens"] == ["a\tb"]

    def test_blank_lines_repeat_and_the_last_may_lack(self):
        batch = read("tags_tsv", ["\na b\tO\n\n\nc\tB-PER"], "panx")
        assert [row["tokens"] for row in batch.rows] == [["a b"], ["c"]]

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("a\tO\nb\n", "row 2: the token 'b' has no tag"),
            ("a\tB-MISC\n", "row 1: unknown label 'B-MISC'"),
            ("a\t\n", "row 1: the label is missing"),
            ("a\t-\n", "row 1: '-' is no tag"),
        ],
    )
    def test_refused(self, content, message):
        with pytest.raises(XstiltsError, match=message):
            read("tags_tsv", [content], "panx")


class TestSquad:
    def test_offsets_are_repaired_to_the_nearest_occurrence(self):
        batch = squad_read(squad(qa("q", ("the", 12)), context="the cat sat on the mat"))
        assert batch.rows[0]["answers"] == [{"text": "the", "start": 15}]
        assert batch.counts == {"offsets_repaired": 1}

    def test_an_answer_cut_by_stripping_the_context(self):
        batch = squad_read(squad(qa("q", ("the mat ", 15))))
        assert batch.rows[0]["answers"] == [{"text": "the mat", "start": 15}]

    def test_a_far_occurrence_is_not_taken(self):
        context = f"cat {'x' * 500}"
        batch = squad_read(squad(qa("q", ("cat", 600)), context=context))
        assert batch.rows[0]["answers"][0]["start"] == -1
        assert batch.counts == {"answers_elsewhere": 1, "answers_not_in_context": 1}

    @pytest.mark.parametrize("split", ["train", "test"])
    def test_offsets_of_another_text_are_refused(self, split):
        context = f"cat {'x' * 500} dog"
        right = [qa(f"r{number}", ("cat", 0)) for number in range(97)]
        wrong = [qa(f"w{number}", ("dog", 100)) for number in range(3)]
        task = "xquad" if split == "test" else "squad_v1"
        with pytest.raises(XstiltsError, match=r"3 of 100 answers stand elsewhere.*like bytes"):
            squad_read(squad(*right, *wrong, context=context), split, task)
        batch = squad_read(squad(*right, *wrong[1:], context=context), split, task)
        assert batch.counts["answers_elsewhere"] == 2

    def test_offsets_in_bytes_are_read_as_such(self):
        """With a first answer before any letter of several bytes, where both are the same."""
        context = "a Ünïcödé über alles, and again über alles " + "é" * 40 + " ende"
        places = [context.index(text) for text in ("a", "über", "alles", "again", "ende")]
        places.append(context.rindex("über"))
        texts = ["a", "über", "alles", "again", "ende", "über"]
        asked = [
            qa(f"q{number}", (text, len(context[:place].encode())))
            for number, (text, place) in enumerate(zip(texts, places, strict=True))
        ]
        batch = squad_read(squad(*asked, context=context))
        assert [row["answers"][0]["start"] for row in batch.rows] == places
        assert batch.counts == {"offsets_in_bytes": 6}

    def test_offsets_in_characters_stay(self):
        context = "é cat and é cat"
        batch = squad_read(squad(qa("q", ("cat", 2)), qa("r", ("cat", 12)), context=context))
        assert [row["answers"][0]["start"] for row in batch.rows] == [2, 12]
        assert batch.counts == {}

    def test_an_answer_that_is_not_there(self):
        text = squad(qa("q", ("dog", 4)), qa("r", ("cat", 4)))
        train = squad_read(text, "train", "squad_v1")
        assert [row["id"] for row in train.rows] == ["r"]
        assert train.counts == {"answers_dropped": 1, "questions_dropped": 1}
        test = squad_read(text)
        assert test.rows[0]["answers"] == [{"text": "dog", "start": -1}]
        assert test.counts == {"answers_not_in_context": 1}

    def test_a_negative_offset_says_nothing(self):
        text = squad(qa("q", ("the", -1)), qa("r", ("cat", -1)))
        batch = squad_read(text, "train", "squad_v1")
        assert [row["answers"] for row in batch.rows] == [[{"text": "cat", "start": 4}]]
        assert batch.counts["questions_dropped"] == 1

    @pytest.mark.parametrize("split", ["train", "dev"])
    def test_a_question_may_have_no_answer_where_the_task_says_so(self, split):
        text = squad(qa("q", ("cat", 4)), qa("r"))
        batch = squad_read(text, split, "squad_v2")
        assert [len(row["answers"]) for row in batch.rows] == [1, 0]
        assert batch.counts == {"unanswerable": 1}

    def test_an_answer_without_text_is_not_none(self):
        text = squad(qa("q", ("cat", 4)), qa("r", (" ", 3)), qa("s", ("", 0), ("cat", 4)))
        batch = squad_read(text, "train", "squad_v2")
        assert [row["id"] for row in batch.rows] == ["q", "s"]
        assert batch.counts == {"answers_without_text": 2, "questions_dropped": 1}
        with pytest.raises(XstiltsError, match="question r: the question has no answer"):
            squad_read(text, "dev", "squad_v2")

    def test_an_answer_that_is_not_there_does_not_make_a_question_unanswerable(self):
        text = squad(qa("q", ("cat", 4)), qa("r", ("dog", 4)))
        batch = squad_read(text, "train", "squad_v2")
        assert [row["id"] for row in batch.rows] == ["q"]
        assert batch.counts == {"answers_dropped": 1, "questions_dropped": 1}

    def test_some_questions_must_have_an_answer(self):
        with pytest.raises(XstiltsError, match=r"no question has an answer.*removed"):
            squad_read(squad(qa("q"), qa("r")), "dev", "squad_v2")

    @pytest.mark.parametrize(
        ("question", "said"),
        [
            (qa("q") | {"is_impossible": False}, "is_impossible is false, but it has 0 answers"),
            (qa("q", ("cat", 4)) | {"is_impossible": True}, "is true, but it has 1 answers"),
        ],
    )
    def test_a_question_that_contradicts_itself_is_refused(self, question, said):
        with pytest.raises(XstiltsError, match=f"paragraph 1, question q: .*{said}"):
            squad_read(squad(question), "dev", "squad_v2")
        assert squad_read(squad(question, qa("r", ("cat", 4))), "train", "squad_v1").rows

    @pytest.mark.parametrize("ids", [("0", "0"), ("", "1")])
    def test_ids_that_cannot_name_a_question_are_replaced(self, ids):
        batch = squad_read(squad(*(qa(name, ("cat", 4)) for name in ids)), "train", "tydiqa")
        assert [row["id"] for row in batch.rows] == ["file0:0", "file0:1"]
        assert [row["group"] for row in batch.rows] == ["de:file0:0", "de:file0:1"]
        assert batch.counts["ids_repeated"] == 2 - len(set(ids))

    def test_the_group_of_a_parallel_question_is_its_id(self):
        assert squad_read(squad(qa("q", ("cat", 4)))).rows[0]["group"] == "q"

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            (squad(qa("q", ("", 0)), qa("r")), "no question has an answer.*removed"),
            (squad(qa("q", ("cat", 4)), qa("r")), "question r: the question has no answer"),
            ('{"data": [', "row 1: broken JSON"),
            ("[]", "not SQuAD JSON"),
            ('{"data": []}', "no question"),
            (squad(qa("q", (None, 0))), "article 1, paragraph 1: .*must be strings"),
            ('{"data": [{"paragraphs": [{"qas": [{}]}]}]}', "article 1, paragraph 1: .*context"),
            (squad({"id": "q", "answers": []}), "article 1, paragraph 1: .*question"),
        ],
    )
    def test_refused(self, content, message):
        with pytest.raises(XstiltsError, match=message):
            squad_read(content)


class TestRetrieval:
    @pytest.mark.parametrize(
        ("files", "message"),
        [
            (["a\tx\n", "b\ty\n", "a\tc\n"], "row 1: the id 'c' is not in file1"),
            (["a\tx\n", "b\ty\n", "b\ta\n"], "row 1: the id 'b' is not in file0"),
            (["a\tx\n", "b\ty\n", ""], "file2.txt: the file is empty"),
            (["a\tx\n", "b\ty\n", "a\n"], "file2.txt, row 1: 1 column, expected 2"),
            (["a\tx\na\tz\n", "b\ty\n", "a\tb\n"], "file0.txt: the id 'a' occurs twice"),
        ],
    )
    def test_bucc_refused(self, files, message):
        with pytest.raises(XstiltsError, match=message):
            read("bucc", files, "bucc2018")

    @pytest.mark.parametrize(
        ("labels", "message"),
        [
            ("0\n2\n", "row 2: '2' is no row of file0"),
            ("0\n-1\n", "row 2: '-1' is no row"),
            ("0\n\n", "row 2: '' is no row"),
            ("0\n" + 5000 * "9" + "\n", "row 2: '9+' is no row"),
            ("0\n0\n", "row 2: 0 stands in row 1 already: not a permutation"),
            ("0\n", "1 labels for the 2 lines"),
        ],
    )
    def test_tatoeba_labels_refused(self, labels, message):
        with pytest.raises(XstiltsError, match=message):
            read("tatoeba_sorted", ["a\nb\n", "x\ny\n", labels], "tatoeba")

    def test_constant_labels_are_a_placeholder(self):
        sides = ["a\n" * 20, "x\n" * 20]
        with pytest.raises(XstiltsError, match="every label is '0': a placeholder"):
            read("tatoeba_sorted", [*sides, "0\n" * 20], "tatoeba")

    def test_aligned(self):
        rows = read("tatoeba_aligned", ["a\nb\n", "x\ny\n"], "tatoeba").rows
        assert [(row["side"], row["id"], row["gold"]) for row in rows] == [
            ("foreign", "0", []),
            ("foreign", "1", []),
            ("en", "0", ["0"]),
            ("en", "1", ["1"]),
        ]

    def test_aligned_refuses_unequal_lengths_and_a_sorted_side(self):
        with pytest.raises(XstiltsError, match=r"1 lines, but file0\.txt has 2"):
            read("tatoeba_aligned", ["a\nb\n", "x\n"], "tatoeba")
        rows = "".join(f"{row:02}\n" for row in range(20))
        with pytest.raises(XstiltsError, match="sorted"):
            read("tatoeba_aligned", [rows, rows], "tatoeba")
