"""The readers of targets beyond XTREME: what each makes of its format's traps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import datasets
import pytest
from datasets import ClassLabel, List, Value
from local_hub import Hub

from xstilts.config.tasks import TASKS
from xstilts.data.build import build_part
from xstilts.errors import XstiltsError
from xstilts.graph.locate import Unit, explain_missing, find_files


def build(
    root: Path | tuple[Path, ...], key: str, split: str, *languages: str
) -> tuple[list[dict], dict[str, Any]]:
    task = TASKS[key]
    units = []
    for language in languages:
        roots = root if isinstance(root, tuple) else (root,)
        source, files = find_files(task, split, language, *roots)
        units.append(Unit(split, language, tuple(map(str, files)), source.reader))
    part = "train" if split == "train" else "eval"
    table, meta = build_part(task, part, units, source="folder", limits={})
    return table.to_pylist(), meta


def put(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def conllu(*words: tuple[str, str, str, str]) -> str:
    """A sentence of (id, form, tag, head)."""
    lines = [f"{n}\t{form}\t_\t{tag}\t_\t_\t{head}\t_\t_\t_\n" for n, form, tag, head in words]
    return "".join(lines) + "\n"


DEL = (
    ("1", "vi", "VERB", "0"),
    ("2-3", "al", "_", "_"),
    ("2", "a", "ADP", "4"),
    ("3", "el", "DET", "4"),
    ("4", "gato", "NOUN", "1"),
    ("4.1", "vi", "VERB", "_"),
)


class TestTreebanks:
    def read(self, folder: Path, language: str, *sentences: str) -> tuple[list[dict], dict]:
        name = TASKS["ud"].codes[language].replace("*", "x")
        put(folder, f"ud/UD_X-Y/{name}-ud-test.conllu", "".join(sentences))
        rows, meta = build(folder, "ud", "test", language)
        return rows, meta["units"][0]["counts"]

    def test_fused_words_stay_fused_and_empty_nodes_are_no_words(self, tmp_path):
        rows, counts = self.read(tmp_path, "es", conllu(*DEL))
        assert rows[0]["tokens"] == ["vi", "al", "gato"]
        assert rows[0]["tags"] == ["VERB", "ADP", "NOUN"]
        assert counts == {"fused_words": 1}

    def test_their_tag_is_that_of_the_word_nearest_to_the_root(self, tmp_path):
        # "dámelo": the verb, behind whose pronouns stand above nothing.
        words = (("1-3", "dámelo", "_", "_"), ("1", "da", "VERB", "0"), ("2", "me", "PRON", "1"))
        rows, _ = self.read(tmp_path, "es", conllu(*words, ("3", "lo", "PRON", "1")))
        assert (rows[0]["tokens"], rows[0]["tags"]) == (["dámelo"], ["VERB"])

    @pytest.mark.parametrize(
        ("language", "tags", "expected"),
        # Both hang on the same word: by the order of the language, or of all others.
        [
            ("es", ("PRON", "AUX"), "AUX"),
            ("de", ("AUX", "PRON"), "PRON"),
            ("de", ("DET", "ADP"), "ADP"),
        ],
    )
    def test_of_equally_near_words_an_order_decides(self, tmp_path, language, tags, expected):
        words = (("1-2", "x", "_", "_"), ("1", "a", tags[0], "3"), ("2", "b", tags[1], "3"))
        rows, _ = self.read(tmp_path, language, conllu(*words, ("3", "c", "VERB", "0")))
        assert rows[0]["tags"] == [expected, "VERB"]

    def test_a_word_is_in_one_contraction_at_most(self, tmp_path):
        words = [(str(n), "abc"[n - 1], "NOUN", "0") for n in (1, 2, 3)]
        first, second = ("1-2", "ab", "_", "_"), ("2-3", "bc", "_", "_")
        with pytest.raises(
            XstiltsError, match=r"test\.conllu, row 3: the contraction 2-3 overlaps"
        ):
            self.read(tmp_path, "de", conllu(first, words[0], second, *words[1:]))

    def test_what_is_masked_or_untagged_is_left_out_and_counted(self, tmp_path):
        masked = conllu(("1", "_", "NOUN", "0"), ("2", ".", "PUNCT", "1"))
        untagged = conllu(("1", "a", "_", "0"), ("2", "b", "X", "1"))
        spaced = conllu(("1", "1 000", "NUM", "0"), ("2", "می\u200cرود", "VERB", "1"))
        rows, counts = self.read(tmp_path, "de", masked, untagged, spaced)
        assert [row["tokens"] for row in rows] == [["1000", "میرود"]]
        assert counts == {"masked_sentences_dropped": 1, "untagged_sentences_dropped": 1}

    def test_all_treebanks_of_a_language_are_read_and_no_other(self, tmp_path):
        for name in ("UD_Greek-GDT/el_gdt", "UD_Greek-GUD/el_gud", "UD_Ancient_Greek-X/grc_x"):
            put(tmp_path, f"ud/{name}-ud-test.conllu", conllu(("1", name[-3:], "NOUN", "0")))
        rows, _ = build(tmp_path, "ud", "test", "el")
        assert [row["tokens"] for row in rows] == [["gdt"], ["gud"]]

    def test_the_hub_reads_the_same(self, tmp_path, hub):
        tags = ClassLabel(names=["NOUN", "PUNCT", "ADP", "DET", "_", "VERB"])
        features = {
            "tokens": List(Value("string")),
            "upos": List(tags),
            "head": List(Value("string")),
            "mwt": [{"id": Value("string"), "form": Value("string")}],
        }
        row = {
            "tokens": ["vi", "a", "el", "gato"],
            "upos": ["VERB", "ADP", "DET", "NOUN"],
            "head": ["0", "4", "4", "1"],
            "mwt": [{"id": "2-3", "form": "al"}],
        }
        hub.add("commul/universal_dependencies", "es_ancora", "test", features, [row])
        found, meta = hub.build("ud", "eval", "test", "es")
        rows, _ = self.read(tmp_path, "es", conllu(*DEL))
        assert found == rows
        assert meta["units"][0]["sources"][0]["config"] == "es_ancora"
        assert "one treebank" in meta["units"][0]["variant"]


class TestPitfalls:
    def item(self, **changes: Any) -> dict[str, Any]:
        return {
            "oriquestion": "Which?",
            "question": "It rains. Which?",
            "choices": ["age", "mass", "shape"],
            "answer": "mass",
            "transquestion": "Inanyesha. Ipi?",
            "transchoices": ["'umri'", "'uzito'", "'umbo'"],
            "transanswer": "uzito",
            **changes,
        }

    def read(self, folder: Path, *items: dict[str, Any]) -> tuple[list[dict], dict, dict]:
        put(folder, "pitfalls/Swahili.json", json.dumps(items))
        put(folder, "pitfalls/Swahili_results.json", "{}")
        rows, meta = build(folder, "pitfalls", "test", "en", "sw")
        english, swahili = meta["units"]
        return rows, english["counts"], swahili["counts"]

    def test_english_and_the_other_side_are_one_item(self, tmp_path):
        rows, of_english, counts = self.read(tmp_path, self.item())
        english, swahili = rows
        assert english["choices"] == ["age", "mass", "shape"]
        assert swahili["choices"] == ["umri", "uzito", "umbo"]
        assert english["label"] == swahili["label"] == 1
        assert english["group"] == swahili["group"] == "test:Swahili 1"
        assert english["cluster"] == swahili["cluster"]
        assert (of_english, counts) == ({}, {"quotation_marks_cut": 3})

    def test_a_list_in_one_string_is_parted(self, tmp_path):
        changes = {"transchoices": ["'umri', 'uzito', 'umbo'"]}
        rows, _, counts = self.read(tmp_path, self.item(**changes))
        assert rows[1]["choices"] == ["umri", "uzito", "umbo"]
        assert counts["lists_of_choices_parted"] == 1

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            ({"transchoices": ["umri", "uzito"]}, "other_number_of_choices_dropped"),
            ({"transchoices": ["umri", "uzito", "'umri'"]}, "items_with_equal_choices_dropped"),
            ({"transanswer": "umbo"}, "other_answer_than_in_english_dropped"),
        ],
    )
    def test_what_cannot_be_right_is_left_out_of_the_language_alone(
        self, tmp_path, changes, reason
    ):
        rows, _, counts = self.read(tmp_path, self.item(), self.item(**changes))
        assert [row["language"] for row in rows] == ["en", "en", "sw"]
        assert counts[reason] == 1

    def test_an_answer_misspelt_stands_where_the_english_one_does(self, tmp_path):
        rows, _, counts = self.read(tmp_path, self.item(transanswer="uzitoo"))
        assert rows[1]["label"] == 1
        assert counts["answers_placed_as_in_english"] == 1


def test_belebele_counts_answers_from_one_and_clusters_by_passage(tmp_path):
    for code, word in (("eng_Latn", "page"), ("deu_Latn", "Seite")):
        records = [
            {
                "link": f"page/{n // 2}",
                "question_number": n % 2 + 1,
                "flores_passage": f"{word} {n // 2}",
                "question": f"? {n}",
                **{f"mc_answer{place}": f"{word} {place}" for place in range(1, 5)},
                "correct_answer_num": str(n + 1),
            }
            for n in range(4)
        ]
        order = records if code == "eng_Latn" else records[::-1]
        text = "".join(f"{json.dumps(record)}\n" for record in order)
        put(tmp_path, f"belebele/{code}.jsonl", text)
    rows, _ = build(tmp_path, "belebele", "test", "en", "de")
    assert [row["label"] for row in rows] == [0, 1, 2, 3, 3, 2, 1, 0]
    assert rows[0]["prompt"] == "page 0 ? 0"
    clusters = {row["group"]: row["cluster"] for row in rows[:4]}
    assert len(set(clusters.values())) == 2
    # By link and number of the question, wherever the row stands.
    assert {row["group"]: row["cluster"] for row in rows[4:]} == clusters


def test_ntrex_clusters_by_document_and_reads_the_first_spanish_reference(tmp_path):
    put(tmp_path, "ntrex/newstest2019-src.eng.txt", "one\r\ntwo\r\nthree\r\n")
    put(tmp_path, "ntrex/newstest2019-ref.spa.txt", "uno\r\ndos\r\ntres\r\n")
    put(tmp_path, "ntrex/newstest2019-ref-2.spa.txt", "1\r\n2\r\n3\r\n")
    put(tmp_path, "ntrex/newstest2019-ref.deu.txt", "eins\r\nzwei\r\ndrei\r\n")
    put(tmp_path, "ntrex/DOCUMENT_IDS.tsv", "a\na\nb\n")
    rows, _ = build(tmp_path, "ntrex", "test", "es", "de")
    spanish = [row for row in rows if row["language"] == "es" and row["side"] == "foreign"]
    assert [row["text"] for row in spanish] == ["uno", "dos", "tres"]
    assert {row["cluster"] for row in rows} == {"test:a", "test:b"}
    assert [row["cluster"] for row in spanish] == ["test:a", "test:a", "test:b"]


@pytest.mark.parametrize(
    ("english", "documents", "row"),
    [
        ("one\ntwo\nthree\n", "a\na\na\n", 3),
        ("one\nthree\n", "a\na\n", 2),
        ("two\none\n", "a\na\n", 1),
    ],
)
def test_all_languages_of_ntrex_are_searched_in_the_same_sentences(
    tmp_path, english, documents, row
):
    """Of several folders one may hold a part of the set, or another release."""
    roots = tmp_path / "cut", tmp_path / "whole"
    for root, code, source, document in (
        (roots[0], "spa", english, documents),
        (roots[1], "deu", "one\ntwo\n", "a\na\n"),
    ):
        put(root, "ntrex/newstest2019-src.eng.txt", source)
        put(root, f"ntrex/newstest2019-ref.{code}.txt", "x\n" * source.count("\n"))
        put(root, "ntrex/DOCUMENT_IDS.tsv", document)
    for languages in (("es",), ("de",)):
        build(roots, "ntrex", "test", *languages)
    with pytest.raises(XstiltsError, match=rf"row {row}: 2 English sentences beside de"):
        build(roots, "ntrex", "test", "es", "de")


def test_a_file_whose_blank_lines_are_lost_is_refused(tmp_path):
    put(tmp_path, "masakhapos/bam/test.txt", "a NOUN\n" * 1001)
    with pytest.raises(XstiltsError, match=r"test\.txt: holds one sentence of 1001 words"):
        build(tmp_path, "masakhapos", "test", "bam")
    put(tmp_path, "masakhapos/bam/test.txt", "a NOUN\n" * 1000)
    assert len(build(tmp_path, "masakhapos", "test", "bam")[0]) == 1


def test_sib200_keeps_quotation_marks_that_are_its_own(tmp_path):
    rows = 'index_id\tcategory\ttext\n7\ttravel\t"""Go,"" she said"\n8\thealth\t"He ""ran"""\n'
    put(tmp_path, "sib-200/data/annotated/eng_Latn/test.tsv", rows)
    found, meta = build(tmp_path, "sib200", "test", "en")
    assert [row["text"] for row in found] == ['"Go," she said', 'He "ran"']
    assert [row["group"] for row in found] == ["test:7", "test:8"]
    assert meta["units"][0]["counts"] == {}


def test_languages_are_found_by_the_sets_own_codes(tmp_path):
    put(tmp_path, "sib200/nqo_Nkoo.zip", "PK")
    assert find_files(TASKS["sib200"], "test", "nqo", tmp_path) is None
    message = explain_missing(TASKS["sib200"], "test", "nqo", tmp_path)
    assert str(tmp_path / "sib200/nqo_Nkoo/test.tsv") in message
    assert find_files(TASKS["tatoeba112"], "test", "en", tmp_path) is None


def test_what_no_encoder_learnt_counts_as_no_entity(tmp_path):
    put(tmp_path, "masakhaner2/bam/test.txt", "Ko O\nSan B-DATE\n2020 I-DATE\nMali B-LOC\n")
    rows, meta = build(tmp_path, "masakhaner2", "test", "bam")
    assert rows[0]["tags"] == ["O", "O", "O", "B-LOC"]
    assert meta["units"][0]["counts"] == {"words_of_unlearnt_entities": 2}
    put(tmp_path, "panx/test-de.tsv", "Mai\tB-DATE\n")
    with pytest.raises(XstiltsError, match=r"test-de\.tsv, row 1: unknown label 'B-DATE'"):
        build(tmp_path, "panx", "test", "de")


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Hub:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)
    return Hub(tmp_path / "hub")


class TestHub:
    """In the formats that the sets have there."""

    def test_sib200_is_tables_with_tabs(self, hub):
        features = {
            "index_id": Value("int64"),
            "category": Value("string"),
            "text": Value("string"),
        }
        rows = [
            {"index_id": 7, "category": "travel", "text": '"Go," she said'},
            {"index_id": 9, "category": "science/technology", "text": "ran"},
        ]
        for code in ("eng_Latn", "ace_Arab"):
            hub.add("Davlan/sib200", code, "test", features, rows, "tsv")
        found, _ = hub.build("sib200", "eval", "test", "en", "ace_Arab")
        assert [row["text"] for row in found] == ['"Go," she said', "ran"] * 2
        assert [row["group"] for row in found] == ["test:7", "test:9"] * 2

    def test_afrixnli_is_tables_with_numbers_for_labels(self, hub):
        features = dict.fromkeys(("premise", "hypothesis", "label"), Value("string"))
        rows = [{"premise": f"a {n}", "hypothesis": "b", "label": n} for n in range(3)]
        hub.add("masakhane/afrixnli", "hau", "test", features, rows, "tsv")
        found, _ = hub.build("afrixnli", "eval", "test", "hau")
        assert [row["label"] for row in found] == ["entailment", "neutral", "contradiction"]

    def test_belebele_is_json_lines(self, hub):
        row = {f"mc_answer{place}": str(place) for place in range(1, 5)} | {
            "link": "page/1",
            "question_number": 1,
            "flores_passage": "a",
            "question": "b",
            "correct_answer_num": "4",
        }
        features = {name: Value("string") for name in row} | {"question_number": Value("int64")}
        hub.add("facebook/belebele", "bod_Tibt", "test", features, [row], "jsonl")
        found, _ = hub.build("belebele", "eval", "test", "bod")
        assert [(row["prompt"], row["label"]) for row in found] == [("a b", 3)]

    def test_americasnli_has_classes(self, hub):
        labels = ClassLabel(names=["entailment", "neutral", "contradiction"])
        features = {"premise": Value("string"), "hypothesis": Value("string"), "label": labels}
        row = {"premise": "a", "hypothesis": "b", "label": 2}
        hub.add("nala-cub/americas_nli", "quy", "test", features, [row])
        found, _ = hub.build("americasnli", "eval", "test", "quy")
        assert found[0]["label"] == "contradiction"

    def test_tatoeba112_is_one_table_of_all_languages(self, hub):
        features = dict.fromkeys(("sentence1", "sentence2", "lang"), Value("string"))
        rows = [
            {"sentence1": f"{code} {n}", "sentence2": f"english {n}", "lang": f"{code}-eng"}
            for code in ("dan", "swe")
            for n in range(2)
        ]
        hub.add("mteb/tatoeba-bitext-mining", "default", "test", features, rows)
        found, _ = hub.build("tatoeba112", "eval", "test", "swe")
        assert [row["text"] for row in found] == ["swe 0", "swe 1", "english 0", "english 1"]
