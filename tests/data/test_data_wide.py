"""The sets beyond XTREME, as they lie beside the project, read as an independent count says."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from xstilts.config.tasks import TASKS
from xstilts.data.build import build_part
from xstilts.graph.locate import Unit, find_files

pytestmark = pytest.mark.real_data


def read(root: Path, key: str, split: str) -> tuple[list[dict[str, Any]], Counter[str]]:
    """The rows of a split in all languages that lie there, and what was counted."""
    task = TASKS[key]
    units = []
    for language in task.languages:
        if found := find_files(task, split, language, root):
            source, files = found
            units.append(Unit(split, language, tuple(map(str, files)), source.reader))
    part = "train" if split == "train" else "eval"
    table, meta = build_part(task, part, units, source="folder", limits={})
    counts = sum((Counter(unit["counts"]) for unit in meta["units"]), Counter())
    return table.to_pylist(), counts


@pytest.mark.parametrize(("split", "languages", "items"), [("test", 191, 204), ("train", 15, 701)])
def test_sib200_is_what_pythons_csv_reads(wide, split, languages, items):
    rows, counts = read(wide, "sib200", split)
    assert not counts
    paths = {path.parent.name: path for path in wide.glob(f"sib200/*/{split}.tsv")}
    assert len(paths) == languages
    expected = {}
    for code, theirs in TASKS["sib200"].codes.items():
        if theirs in paths:
            with paths[theirs].open(encoding="utf-8", newline="") as file:
                for row in csv.DictReader(file, delimiter="\t", strict=True):
                    expected[code, row["index_id"]] = row["category"], row["text"]
    found = {
        (row["language"], row["group"].removeprefix(f"{split}:")): (row["label"], row["text"])
        for row in rows
        if split != "train" or row["group"].startswith("train:")
    }
    assert len(rows) == len(expected) == languages * items
    assert found == expected
    # The same items and labels in every language, clusters of one item each.
    by_group = Counter(row["group"] for row in rows)
    assert set(by_group.values()) == {languages}
    if split == "test":
        assert len({row["cluster"] for row in rows}) == items


def test_ntrex_has_pools_of_one_size_and_documents_as_clusters(wide):
    rows, counts = read(wide, "ntrex", "test")
    assert not counts
    pools = Counter((row["language"], row["side"]) for row in rows)
    assert set(pools.values()) == {250}
    assert len(pools) == 2 * 124
    documents = (wide / "ntrex/DOCUMENT_IDS.tsv").read_text("utf-8").split()
    assert len({row["cluster"] for row in rows}) == len(set(documents)) == 15
    english = {(row["id"], row["text"]) for row in rows if row["side"] == "en"}
    assert len(english) == 250
    # The second Spanish reference is not read.
    first = (wide / "ntrex/newstest2019-ref.spa.txt").read_text("utf-8").split("\n")[0].rstrip("\r")
    spanish = [row["text"] for row in rows if (row["language"], row["side"]) == ("es", "foreign")]
    assert spanish[0] == first


def test_tatoeba112_has_a_pair_a_line(wide):
    rows, _ = read(wide, "tatoeba112", "test")
    lines = sum(
        path.read_bytes().count(b"\n") for path in (wide / "tatoeba").glob("tatoeba.*-eng.*")
    )
    assert len(rows) == lines
    assert len({row["language"] for row in rows}) == 104


@pytest.mark.parametrize(("split", "items"), [("dev", 6457), ("test", 7486)])
def test_americasnli_is_paired_where_its_rows_are_translations(wide, split, items):
    rows, counts = read(wide, "americasnli", split)
    assert len(rows) == items
    shared = {row["language"] for row in rows if row["group"].startswith(f"{split}:")}
    alone = {"nah", "oto"} if split == "test" else {"nah", "oto", "cni"}
    assert shared == set(TASKS["americasnli"].languages) - alone
    # Three in Nahuatl have no hypothesis: scored, and paired with nothing anyway.
    assert counts == ({"placeholder_text": 3} if split == "test" else {})


@pytest.mark.parametrize("key", ["masakhapos", "masakhaner2"])
def test_masakhane_has_one_space_and_dates_are_no_entities(wide, key):
    rows, counts = read(wide, key, "test")
    words = Counter(
        line.rpartition(" ")[2]
        for path in (wide / key).glob("*/test.txt")
        for line in path.read_text("utf-8").split("\n")
        if line
    )
    dates = sum(number for tag, number in words.items() if tag.endswith("-DATE"))
    assert counts == ({"words_of_unlearnt_entities": dates} if dates else {})
    found = Counter(tag for row in rows for tag in row["tags"])
    words["O"] += dates
    assert found == {
        tag: number for tag, number in words.items() if number and not tag.endswith("-DATE")
    }


def test_pitfalls_are_two_languages_of_one_item(wide):
    rows, counts = read(wide, "pitfalls", "test")
    by_language = Counter(row["language"] for row in rows)
    assert by_language == {"en": 600, "zh": 150, "sw": 150, "zul": 150, "yo": 137}
    assert counts["items_with_equal_choices_dropped"] == 13
    swahili_choices = [c for row in rows if row["language"] == "sw" for c in row["choices"]]
    marks = [choice for choice in swahili_choices if "'" in (choice[0], choice[-1])]
    assert marks == []
    golds: dict[str, set[int]] = {}
    for row in rows:
        golds.setdefault(row["group"], set()).add(row["label"])
    assert all(len(labels) == 1 for labels in golds.values())
    swahili = json.loads((wide / "pitfalls/Swahili.json").read_text("utf-8"))
    own = [row for row in rows if row["language"] == "sw"]
    assert [row["prompt"] for row in own] == [each["transquestion"] for each in swahili]
    assert own[2]["choices"][own[2]["label"]] == "milima" == swahili[2]["transanswer"]
    english = {row["group"]: row for row in rows if row["language"] == "en"}
    assert english[own[2]["group"]]["prompt"] == swahili[2]["question"]
    # Items that ask the same question, among other sentences, depend on each other.
    asked = {each["oriquestion"] for each in swahili}
    assert len({row["cluster"] for row in own}) == len(asked)
