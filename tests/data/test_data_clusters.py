"""Which items are said to depend on each other, against counts of their texts."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from xstilts.config.tasks import TASKS, Kind
from xstilts.data.build import build_part
from xstilts.data.clusters import reference_clusters, set_clusters
from xstilts.data.invitro.generate import World, rows_of, write_part
from xstilts.data.schemas import DATA
from xstilts.execution.parquet import read_table
from xstilts.graph.locate import Unit, find_files

WORLD = World(1, ("en", "qal", "qce"), 0.5)


def row(language: str, group: str, text: str, **others: Any) -> dict[str, Any]:
    own = {"id": f"{language} {group}", "language": language, "split": "test", "group": group}
    return {**own, "context": text, "text_a": text, "prompt": text, **others}


def clusters(key: str, rows: list[dict[str, Any]], *, pooled: bool = True) -> list[str]:
    task = TASKS[key]
    set_clusters(task, rows, reference_clusters(task, rows) if pooled else None)
    return [each["cluster"] for each in rows]


@pytest.mark.parametrize("key", ["xnli", "xquad", "xcopa"])
def test_english_says_what_belongs_together_wherever_it_stands(key):
    # German has one text for both and English two; in the other pair it is the other way round.
    rows = [
        row("de", "q1", "ein Text"),
        row("de", "q2", "ein  Text"),
        row("de", "q3", "drei"),
        row("de", "q4", "vier"),
        row("en", "q1", "one"),
        row("en", "q2", "two"),
        row("en", "q3", "same"),
        row("en", "q4", "same\n"),
    ]
    german, english = clusters(key, rows)[:4], clusters(key, rows)[4:]
    assert german == english
    assert len(set(english)) == 3
    assert english[2] == english[3]
    backwards = clusters(key, rows[::-1])[::-1]
    assert backwards == [*german, *english]


def test_without_english_it_is_the_first_language_that_has_the_item():
    rows = [
        row("fr", "q1", "un"),
        row("de", "q1", "eins"),
        row("de", "q2", "eins"),
        row("es", "q2", "dos"),
        row("es", "q1", "dos"),
    ]
    french, german, other, spanish, again = clusters("mlqa", rows)
    assert french == german == again != other == spanish


def test_splits_and_languages_that_are_not_parallel_have_nothing_in_common():
    rows = [row("en", "q1", "same"), row("de", "q2", "same"), row("en", "q3", "same", split="dev")]
    assert len(set(clusters("tydiqa", rows, pooled=False))) == 3
    rows = [row("en", "q1", "same"), row("en", "q2", "same")]
    assert len(set(clusters("tydiqa", rows, pooled=False))) == 1


def test_placeholders_have_nothing_in_common():
    rows = [row("en", "q1", "NS"), row("en", "q2", "NS"), row("en", "q3", " ")]
    assert len(set(clusters("pawsx", rows))) == 3
    assert len(set(clusters("pawsx", rows, pooled=False))) == 3
    # They do not stand for a text that another language has.
    rows = [row("en", "q1", "NS"), row("de", "q1", "Text"), row("de", "q2", "Text")]
    assert len(set(clusters("pawsx", rows))) == 1


def test_a_sentence_of_a_bitext_stands_by_itself():
    rows = list(rows_of(TASKS["tatoeba"], "test", "qal", 10, WORLD))
    set_clusters(TASKS["tatoeba"], rows)
    assert len({each["cluster"] for each in rows}) == len(rows) == 20


def test_kinds_without_such_texts_have_no_cluster():
    rows = list(rows_of(TASKS["panx"], "test", "qal", 2, WORLD))
    set_clusters(TASKS["panx"], rows)
    assert not any("cluster" in each for each in rows)


# --- real data --------------------------------------------------------------------------------


def read(root: Path, key: str, split: str, **limits: int) -> list[dict[str, Any]]:
    units = []
    for language in TASKS[key].languages:
        located = find_files(TASKS[key], split, language, root)
        if located:
            source, files = located
            units.append(Unit(split, language, tuple(map(str, files)), source.reader))
    table, _ = build_part(TASKS[key], "eval", units, source="folder", limits=limits)
    assert table["cluster"].null_count == 0
    return table.to_pylist()


@pytest.mark.parametrize(
    ("key", "split", "column"),
    [
        ("xnli", "dev", "text_a"),
        ("xnli", "test", "text_a"),
        ("pawsx", "test", "text_a"),
        ("xquad", "test", "context"),
        ("mlqa", "test", "context"),
        ("tydiqa", "test", "context"),
        ("xcopa", "dev", "prompt"),
    ],
)
def test_real_clusters_are_the_texts_of_english(xtreme_mini, key, split, column):
    rows = read(xtreme_mini, key, split)
    by_text, by_cluster = defaultdict(set), defaultdict(set)
    for each in rows:
        if each["language"] == "en":
            by_text[each[column]].add(each["id"])
            by_cluster[each["cluster"]].add(each["id"])
    assert sorted(map(sorted, by_text.values())) == sorted(map(sorted, by_cluster.values()))
    by_group = defaultdict(set)
    for each in rows:
        by_group[each["group"]].add(each["cluster"])
    assert all(len(found) == 1 for found in by_group.values())
    if key in ("xnli", "xquad"):
        found = defaultdict(set)
        for each in rows:
            found[each["language"]].add(each["cluster"])
        assert len(set(map(frozenset, found.values()))) == 1


def test_real_clusters_do_not_depend_on_limits(xtreme_mini):
    whole = {
        (each["language"], each["id"]): each["cluster"]
        for each in read(xtreme_mini, "mlqa", "test")
    }
    few = read(xtreme_mini, "mlqa", "test", test=40)
    assert all(whole[each["language"], each["id"]] == each["cluster"] for each in few)


# --- generated data ---------------------------------------------------------------------------


@pytest.mark.parametrize("key", ["xnli", "xquad", "mlqa", "tydiqa", "hellaswag", "tatoeba"])
def test_generated_items_have_clusters(tmp_path, key):
    task = TASKS[key]
    split = task.generated[-1]
    part = "eval" if split == "test" else split
    languages = [code for code in ("qal", "qce", "en") if code != "en" or key != "tatoeba"]
    path = tmp_path / "part.parquet"
    units = [Unit(split, code) for code in languages]
    write_part(task, part, units, WORLD, {split: 60}, path, {})
    rows = read_table(path, DATA[task.kind]).to_pylist()
    clusters = {code: [] for code in languages}
    texts: dict[str, set[str]] = defaultdict(set)
    column = {Kind.PAIR: "text_a", Kind.CHOICE: "prompt", Kind.SPAN: "context"}.get(task.kind, "id")
    for each in rows:
        clusters[each["language"]].append(each["cluster"])
        if each["language"] == languages[-1]:
            texts[each["cluster"]].add(each[column])
    assert None not in pa.table({"c": [each["cluster"] for each in rows]})["c"].to_pylist()
    if task.parallel:
        assert clusters["qal"] == clusters["qce"] == clusters["en"]
    else:
        assert not set(clusters["qal"]) & set(clusters["qce"])
    assert all(len(found) == 1 for found in texts.values())
    assert len(texts) > 50


def test_generated_premises_that_are_the_same_are_one_cluster(tmp_path, monkeypatch):
    from xstilts.data.invitro import generate

    monkeypatch.setitem(
        generate.MAKERS,
        "xnli",
        lambda spot: {
            "text_a": f"{spot.language} {spot.number // (3 if spot.language == 'en' else 2)}",
            "text_b": "b",
            "label": "neutral",
        },
    )
    path = tmp_path / "part.parquet"
    units = [Unit("test", code) for code in ("qal", "en")]
    write_part(TASKS["xnli"], "eval", units, WORLD, {"test": 6}, path, {})
    found = read_table(path, DATA[Kind.PAIR])["cluster"].to_pylist()
    assert found[:6] == found[6:]
    assert [found.index(cluster) for cluster in found[:6]] == [0, 0, 0, 3, 3, 3]
