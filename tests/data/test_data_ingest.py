"""From files to the table of a part: limits, the held-out passages, metadata, placeholders."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_xtreme import write_tiny_xtreme

from xstilts.config.tasks import INTERMEDIATE, TARGETS, TASKS
from xstilts.data.build import PassagesOf, Unit, build_part
from xstilts.data.rows import gold_pairs
from xstilts.data.schemas import DATA
from xstilts.errors import XstiltsError
from xstilts.execution.files import sha256_file
from xstilts.execution.parquet import read_meta, read_table, write_table
from xstilts.graph.locate import find_files


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("tiny")
    write_tiny_xtreme(root, train=60, test=30)
    return root


def units(root: Path, key: str, *splits: str, languages: tuple[str, ...] = ()) -> list[Unit]:
    task = TASKS[key]
    found = []
    for split in splits:
        for language in languages or task.languages:
            located = find_files(task, split, language, root)
            if located:
                source, files = located
                found.append(Unit(split, language, tuple(map(str, files)), source.reader))
    return found


def build(root, key, part, *splits, languages=(), **limits):
    chosen = units(root, key, *splits, languages=languages)
    return build_part(TASKS[key], part, chosen, source="folder", limits=limits)


@pytest.mark.parametrize("key", [*TARGETS, *INTERMEDIATE])
def test_every_task_reads_from_the_tiny_folder(tiny, key):
    splits = [split for split in ("dev", "test") if split in TASKS[key].folder]
    table, meta = build(tiny, key, "eval", *splits)
    assert table.schema.equals(DATA[TASKS[key].kind])
    assert table.num_rows == meta["rows"] == sum(unit["rows"] for unit in meta["units"]) > 0
    counts = [unit["counts"] for unit in meta["units"]]
    assert counts == [{"unanswerable": 15}] if TASKS[key].unanswerable else not any(counts)
    if TASKS[key].train_set == key or TASKS[key].intermediate:
        train, _ = build(tiny, key, "train", "train", languages=("en",))
        assert set(train["language"].to_pylist()) == {"en"}
        assert set(train["split"].to_pylist()) == {"train"}


def test_the_tiny_folder_is_the_same_each_time(tmp_path):
    for name in ("a", "b"):
        write_tiny_xtreme(tmp_path / name)
    write_tiny_xtreme(tmp_path / "c", seed=1)
    contents = [
        {
            path.relative_to(tmp_path / name): path.read_bytes()
            for path in sorted((tmp_path / name).rglob("*"))
            if path.is_file()
        }
        for name in "abc"
    ]
    assert contents[0] == contents[1] != contents[2]
    # Tatoeba's files of either length lie in one folder.
    assert {key for key in TARGETS if (tmp_path / "a" / key).is_dir()} == {*TARGETS} - {
        "tatoeba112"
    }


def test_metadata_says_where_rows_come_from(tiny, tmp_path):
    table, meta = build(tiny, "xnli", "eval", "dev", languages=("de",), dev=10)
    path = str(tiny / "xnli/dev-de.tsv")
    assert meta["units"] == [
        {
            "split": "dev",
            "language": "de",
            "reader": "pairs_tsv",
            "files": [{"path": path, "sha256": sha256_file(path)}],
            "rows_read": 30,
            "rows": 10,
            "counts": {},
        }
    ]
    assert meta["limits"] == {"dev": 10}
    assert meta["licence"] == TASKS["xnli"].licence
    write_table(tmp_path / "x.parquet", table, meta)
    assert read_meta(tmp_path / "x.parquet") == meta
    assert read_table(tmp_path / "x.parquet", DATA[TASKS["xnli"].kind]).equals(table)


@pytest.mark.parametrize("key", ["mnli", "squad_v1"])
def test_training_data_in_other_languages_reads_from_the_tiny_folder(tiny, key):
    table, _ = build(tiny, key, "train", "train", languages=("en", "de", "sw"))
    assert Counter(table["language"].to_pylist()) == {"en": 60, "de": 60, "sw": 60}
    assert len(set(table["id"].to_pylist())) == (180 if key == "mnli" else 60)


@pytest.mark.parametrize("key", ["xnli", "pawsx", "xquad", "mlqa", "xcopa"])
def test_limits_keep_the_same_items_in_all_languages(tiny, key):
    table, _ = build(tiny, key, "eval", "test", test=7)
    by_language: dict[str, list[str]] = {}
    for row in table.to_pylist():
        by_language.setdefault(row["language"], []).append(row["group"])
    chosen = by_language.pop("en")
    assert len(chosen) == 7
    assert by_language
    assert all(groups == chosen for groups in by_language.values())


def test_limits_do_not_depend_on_the_order_of_the_file(tmp_path, tiny):
    source = tiny / "mlqa/MLQA_V1/test/test-context-de-question-de.json"
    path = tmp_path / source.relative_to(tiny)
    path.parent.mkdir(parents=True)
    value = json.loads(source.read_text())
    random.Random(1).shuffle(value["data"][0]["paragraphs"])
    path.write_text(json.dumps(value))
    kept = [
        build(root, "mlqa", "eval", "test", languages=("de",), test=7)[0]["id"].to_pylist()
        for root in (tiny, tmp_path)
    ]
    assert sorted(kept[0]) == sorted(kept[1])
    assert kept[0] != kept[1]


def test_a_smaller_limit_keeps_a_subset(tiny):
    few, more = (
        set(build(tiny, "udpos", "train", "train", languages=("en",), train=n)[0]["id"].to_pylist())
        for n in (5, 20)
    )
    assert few < more


def test_passages_are_held_out_of_training(tiny):
    train, meta = build(tiny, "tydiqa", "train", "train", languages=("en",))
    dev, _ = build(tiny, "tydiqa", "dev", "train", languages=("en",))
    assert not set(train["context"].to_pylist()) & set(dev["context"].to_pylist())
    assert train.num_rows + dev.num_rows == 60
    assert 3 <= dev.num_rows <= 9
    assert set(dev["split"].to_pylist()) == {"dev"}
    assert meta["units"][0]["counts"] == {"ids_repeated": 55}
    assert meta["units"][0]["held_out_of_train"] == {"share": 0.1, "items": dev.num_rows}
    limited, _ = build(tiny, "tydiqa", "dev", "train", languages=("en",), dev=2, train=1)
    assert limited.num_rows == 2


def test_a_limit_on_bucc_keeps_gold_pairs_and_distractors_alike(tiny):
    table, _ = build(tiny, "bucc2018", "eval", "dev", languages=("zh",), dev=10)
    rows = table.to_pylist()
    pairs = gold_pairs(rows)
    assert len(pairs) == 10
    assert {foreign for foreign, _ in pairs} <= {r["id"] for r in rows if r["side"] == "foreign"}
    assert Counter(row["side"] for row in rows) == {"foreign": 10 + 30, "en": 10 + 30}


def test_a_limit_leaves_no_gold_that_points_nowhere(tmp_path):
    contents = {"de": "a\tx\nb\ty\n", "en": "c\tz\n", "gold": "a\tc\nb\tc\n"}
    for name, content in contents.items():
        (tmp_path / name).write_text(content)
    unit = Unit("test", "de", tuple(str(tmp_path / name) for name in contents), "bucc")
    table, _ = build_part(TASKS["bucc2018"], "eval", [unit], source="folder", limits={"test": 1})
    foreign, english = table.to_pylist()
    assert english["gold"] == [foreign["id"]]


def test_a_limit_on_tatoeba_keeps_the_rows_ids(tiny):
    whole = build(tiny, "tatoeba", "eval", "test", languages=("de",))[0].to_pylist()
    kept = build(tiny, "tatoeba", "eval", "test", languages=("de",), test=5)[0].to_pylist()
    assert all(row in whole for row in kept)
    assert len(kept) == 10
    assert {row["id"] for row in kept} != {str(number) for number in range(5)}


def one_file(tmp_path: Path, content: str, key: str, reader: str, split: str = "test"):
    path = tmp_path / "file"
    path.write_text(content)
    unit = Unit(split, "de", (str(path),), reader)
    part = "train" if split == "train" else "eval"
    return build_part(TASKS[key], part, [unit], source="folder", limits={split: 3})


@pytest.mark.parametrize(
    ("key", "reader", "content"),
    [
        ("xnli", "pairs_tsv", "a\tb\tneutral\n" * 20),
        (
            "xcopa",
            "copa_jsonl",
            '{"premise": "p", "question": "cause", "choice1": "a", "choice2": "b", "label": 0}\n'
            * 20,
        ),
        ("panx", "tags_tsv", "a\tO\n\n" * 20),
    ],
)
def test_constant_gold_is_refused_before_limiting(tmp_path, key, reader, content):
    with pytest.raises(XstiltsError, match="a placeholder, not gold"):
        one_file(tmp_path, content, key, reader)
    few = content[: len(content) * 19 // 20]
    assert one_file(tmp_path, few, key, reader)[0].num_rows == 3
    assert one_file(tmp_path, content, key, reader, "train")[0].num_rows == 3


def test_a_file_without_any_label_is_refused(tmp_path):
    with pytest.raises(XstiltsError, match="no item has a label"):
        one_file(tmp_path, "a\tb\t-1\n", "xnli", "pairs_tsv")


def test_wrong_use_is_refused(tiny):
    (unit,) = units(tiny, "xnli", "dev", languages=("de",))
    task = TASKS["xnli"]
    with pytest.raises(ValueError, match="part train is not made of split dev"):
        build_part(task, "train", [unit], source="folder", limits={})
    with pytest.raises(XstiltsError, match="occurs twice"):
        build_part(task, "eval", [unit, unit], source="folder", limits={})
    with pytest.raises(XstiltsError, match=r"unknown reader 'pairs_tvs'.*'pairs_tsv'"):
        build_part(
            task, "eval", [Unit("dev", "de", unit.files, "pairs_tvs")], source="folder", limits={}
        )


def test_one_passage_cannot_be_parted(tiny, tmp_path):
    content = (tiny / "squad/dev-v1.1.json").read_text()
    path = tmp_path / "one.json"
    value = json.loads(content)
    value["data"][0]["paragraphs"] = value["data"][0]["paragraphs"][:1]
    path.write_text(json.dumps(value))
    unit = Unit("train", "en", (str(path),), "squad_json")
    with pytest.raises(XstiltsError, match="one text only"):
        build_part(TASKS["tydiqa"], "dev", [unit], source="folder", limits={})


def test_the_folder_source_does_not_import_datasets():
    program = "import sys, xstilts.data.build; assert 'datasets' not in sys.modules"
    subprocess.run([sys.executable, "-c", program], check=True)


def squad_file(path: Path, passages: dict[str, list[str]], *, answered: bool = True) -> Path:
    """SQuAD JSON of passages by their questions' ids; each answer is the passage's first word."""
    paragraphs = []
    for context, ids in passages.items():
        word = context.split()[0]
        answers = [{"text": word, "answer_start": context.index(word)}] if answered else []
        questions = [{"id": name, "question": "Which?", "answers": answers} for name in ids]
        paragraphs.append({"context": context, "qas": questions})
    path.write_text(json.dumps({"data": [{"paragraphs": paragraphs}]}))
    return path


def without_xquad(squad: Path, xquad: Path, **limits: int):
    unit = Unit("dev", "en", (str(squad),), "squad_json")
    tested = PassagesOf(TASKS["xquad"], Unit("test", "en", (str(xquad),), "squad_json"))
    return build_part(
        TASKS["squad_v1"], "dev", [unit], source="folder", limits=limits, tested=tested
    )


WORDS = st.lists(st.text("abé", min_size=1, max_size=3), min_size=1, max_size=4)
SPACES = st.sampled_from([" ", "  ", "\n", "\u00a0"])


@given(
    own=st.lists(WORDS, min_size=1, max_size=6, unique_by=tuple),
    shared=st.lists(WORDS, max_size=6, unique_by=tuple),
    data=st.data(),
)
@settings(max_examples=60, deadline=None)
def test_passages_that_are_tested_are_taken_out_however_they_are_spaced(
    tmp_path_factory, own, shared, data
):
    """Against plain sets of the letters of each passage."""
    folder = tmp_path_factory.mktemp("squad")

    def written(words: list[str]) -> str:
        around = data.draw(st.sampled_from(["", " ", "\n "]))
        return around + data.draw(SPACES).join(words) + around

    letters = {"".join(words) for words in shared}
    rows = [*(("own", words) for words in own), *(("shared", words) for words in shared)]
    dev = {written(words): [f"{kind}{n}", f"{kind}{n}b"] for n, (kind, words) in enumerate(rows)}
    expected = [
        name for text, ids in dev.items() for name in ids if "".join(text.split()) not in letters
    ]
    path = squad_file(folder / "dev.json", dev)
    xquad = squad_file(folder / "xquad.json", {written(words): ["x"] for words in shared})
    if not expected:
        with pytest.raises(XstiltsError, match=r"none is left to choose.*keep_xquad_passages"):
            without_xquad(path, xquad)
        return
    table, meta = without_xquad(path, xquad)
    assert table["id"].to_pylist() == expected
    removed = meta["units"][0]["tested_passages"]
    assert removed["items"] == sum(map(len, dev.values())) - len(expected)
    assert (removed["of"], removed["known"]) == ("xquad", len(letters))


def test_passages_are_known_where_their_answers_were_removed(tmp_path):
    dev = squad_file(tmp_path / "dev.json", {"a b": ["1"], "c d": ["2"], "e f": ["3"]})
    xquad = squad_file(tmp_path / "xquad.json", {"c d": ["x"]}, answered=False)
    table, meta = without_xquad(dev, xquad, dev=2)
    # Limits hold for what is left.
    assert sorted(table["id"].to_pylist()) == ["1", "3"]
    removed = meta["units"][0]["tested_passages"]
    assert (removed["passages"], removed["items"]) == (1, 1)
    assert removed["files"] == [{"path": str(xquad), "sha256": sha256_file(xquad)}]
    (tmp_path / "broken.json").write_text('{"data": [{}]}')
    with pytest.raises(XstiltsError, match=r"broken\.json: not SQuAD JSON: KeyError"):
        without_xquad(dev, tmp_path / "broken.json")
