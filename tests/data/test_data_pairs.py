"""Pairs from several files, and from files that are known to have broken rows."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xstilts.config.tasks import NLI_LABELS, TASKS
from xstilts.data.readers.folder import READERS
from xstilts.data.rows import Batch, Place
from xstilts.errors import XstiltsError

TEXT = st.text(st.characters(exclude_characters="\0\t\n\r", exclude_categories=["Cs"]))
PAIRS = st.lists(st.tuples(TEXT, TEXT, st.sampled_from(NLI_LABELS)), min_size=1)
QQP_HEADER = "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate\n"


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("pairs")


def read(folder: Path, reader: str, task: str, *contents: str, language: str = "de") -> Batch:
    paths = []
    for number, content in enumerate(contents):
        path = folder / f"file{number}"
        path.write_bytes(content.encode())
        paths.append(path)
    return READERS[reader](Place(TASKS[task], "train", language), paths)


def found(batch: Batch) -> list[tuple[str, str, str]]:
    return [(row["text_a"], row["text_b"], row["label"]) for row in batch.rows]


def lines(names: tuple[str, str, str], pairs) -> str:
    return "".join(
        json.dumps(dict(zip(names, pair, strict=True)), ensure_ascii=False) + "\n" for pair in pairs
    )


class TestJoined:
    @given(st.lists(PAIRS, min_size=1, max_size=4), st.data())
    def test_files_follow_one_another_and_are_numbered_through(self, folder, several, data):
        namings = [
            ("premise", "hypothesis", "label"),
            ("sentence1", "sentence2", "gold_label"),
            ("context", "hypothesis", "label"),
        ]
        contents = [lines(data.draw(st.sampled_from(namings)), pairs) for pairs in several]
        batch = read(folder, "pairs_jsonl", "anli", *contents)
        assert found(batch) == [pair for pairs in several for pair in pairs]
        assert [row["id"] for row in batch.rows] == [
            f"train-de:{n}" for n in range(len(batch.rows))
        ]

    def test_as_the_sets_are_distributed(self, folder):
        mnli = lines(("sentence1", "sentence2", "gold_label"), [("a", "b", "neutral")])
        snli = lines(
            ("sentence1", "sentence2", "gold_label"),
            [("c", "d", "-"), ("e", "f", "entailment")],
        )
        anli = lines(("context", "hypothesis", "label"), [("g", "h", "e"), ("i", "j", "n")])
        batch = read(folder, "pairs_jsonl", "anli", mnli, snli, anli, anli)
        assert [row["label"] for row in batch.rows] == [
            "neutral",
            *["entailment"] * 2,
            "neutral",
            "entailment",
            "neutral",
        ]
        assert batch.counts == {"unlabelled_dropped": 1}
        assert [row["id"][-1] for row in batch.rows] == list("023456")

    def test_an_error_names_the_file_and_its_row(self, folder):
        good = lines(("premise", "hypothesis", "label"), [("a", "b", "neutral")])
        bad = lines(("premise", "hypothesis", "label"), [("a", "b", "neutral"), ("a", "b", "f")])
        with pytest.raises(XstiltsError, match="file1, row 2: unknown label 'f'"):
            read(folder, "pairs_jsonl", "anli", good, bad)
        with pytest.raises(XstiltsError, match=r"file1, row 1: lacks the texts .*context and hyp"):
            read(folder, "pairs_jsonl", "anli", good, "{}\n")


class TestTranslations:
    @given(PAIRS)
    def test_xnli_mt(self, folder, pairs):
        content = "premise\thypo\tlabel\n" + "".join(
            f"{a}\t{b}\t{label.replace('contradiction', 'contradictory')}\n"
            for a, b, label in pairs
        )
        assert found(read(folder, "xnli_mt_tsv", "mnli", content)) == pairs

    @given(PAIRS)
    def test_xtremes(self, folder, pairs):
        content = "".join(
            f"one\ttwo\t{a}\t{b}\t{label.replace('contradiction', 'contradictory')}\n"
            for a, b, label in pairs
        )
        batch = read(folder, "translated_tsv", "xnli", content)
        assert found(batch) == pairs
        assert not batch.counts

    def test_a_few_broken_rows_are_left_out_and_counted(self, folder):
        content = "a\tb\tc\td\t1\n" * 150 + "a\tb\tc\td\n" + "a\tb\tc\td\te\tf\n"
        with pytest.raises(
            XstiltsError,
            match=r"file0, row 151: 2 of 152 rows are broken.*expected 5 columns, .* one of 0, 1",
        ):
            read(folder, "translated_tsv", "pawsx", content)
        batch = read(folder, "translated_tsv", "pawsx", content + "a\tb\tc\td\t0\n" * 48)
        assert len(batch.rows) == 198
        assert batch.counts == {"broken_rows_dropped": 2}

    @pytest.mark.parametrize(
        ("content", "message"),
        [
            ("a\tb\tneutral\n", "row 1: the header is .*first line is premise⇥hypo⇥label"),
            ("premise\thypo\tlabel\na\tb\n", "row 2: 2 columns.*label is missing"),
            ("premise\thypo\tlabel\na\tb\tno\n", "row 2: unknown label 'no'"),
        ],
    )
    def test_xnli_mt_refused(self, folder, content, message):
        with pytest.raises(XstiltsError, match=message):
            read(folder, "xnli_mt_tsv", "mnli", content)


class TestQqp:
    @given(st.lists(st.tuples(TEXT, TEXT, st.sampled_from("01")), min_size=1))
    def test_glues_own_file(self, folder, pairs):
        content = QQP_HEADER + "".join(
            f"{n}\t1\t2\t{a}\t{b}\t{label}\n" for n, (a, b, label) in enumerate(pairs)
        )
        batch = read(folder, "qqp_tsv", "qqp", content, language="en")
        names = TASKS["qqp"].labels
        assert found(batch) == [(a, b, names[int(label)]) for a, b, label in pairs]

    def test_broken_rows(self, folder):
        good = "0\t1\t2\ta\tb\t1\n"
        batch = read(folder, "qqp_tsv", "qqp", QQP_HEADER + good * 100 + "0\t1\t2\ta\n")
        assert batch.counts == {"broken_rows_dropped": 1}
        with pytest.raises(XstiltsError, match="row 3: 1 of 2 rows are broken"):
            read(folder, "qqp_tsv", "qqp", QQP_HEADER + good + "0\t1\t2\ta\n")
        with pytest.raises(XstiltsError, match="row 1: the header is"):
            read(folder, "qqp_tsv", "qqp", good)
