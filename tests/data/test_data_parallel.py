"""Languages of a parallel task: what is refused, what is not paired, and that limits keep both."""

from __future__ import annotations

import json
import logging
import random
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from xstilts.config.languages import LANGUAGES
from xstilts.config.tasks import NLI_LABELS, TASKS, Task
from xstilts.data.build import build_part
from xstilts.data.parallel import row_of_difference
from xstilts.data.perturb.table import perturb_table
from xstilts.data.rows import item_name
from xstilts.errors import XstiltsError
from xstilts.graph.locate import Unit

XNLI, PAWSX = TASKS["xnli"], TASKS["pawsx"]
# No two rows in a row have the same label, so that each deletion shows at once.
_RNG = random.Random(0)
LABELS = [NLI_LABELS[0]]
while len(LABELS) < 300:
    LABELS.append(_RNG.choice([label for label in NLI_LABELS if label != LABELS[-1]]))
ROWS = [(f"premise {number // 3}", f"hypothesis {number}", LABELS[number]) for number in range(300)]

Line = tuple[str, str, str]


@pytest.fixture
def folder(tmp_path) -> Callable[..., tuple[Any, dict]]:
    """Builds part eval from the lines of each language."""

    def build(
        lines: Mapping[str, Sequence[Line]], task: Task = XNLI, split: str = "test", **limits: int
    ):
        units = []
        for language, rows in lines.items():
            path = tmp_path / f"{split}-{language}.tsv"
            path.write_text("".join("\t".join(row) + "\n" for row in rows), encoding="utf-8")
            units.append(Unit(split, language, (str(path),), "pairs_tsv"))
        return build_part(task, "eval", units, source="folder", limits=limits)

    return build


def without(*places: int) -> list[Line]:
    return [row for place, row in enumerate(ROWS) if place not in places]


# --- other numbers of rows --------------------------------------------------------------------


@pytest.mark.parametrize("place", [0, 1, 150, 298, 299])
def test_a_missing_line_is_found(folder, place):
    with pytest.raises(XstiltsError) as refusal:
        folder({"en": ROWS, "de": without(place), "fr": ROWS})
    message = str(refusal.value)
    assert f"test-de.tsv, row {place + 1}: 299 rows in de, but 300 in en" in message
    assert "test-en.tsv): 1 line is missing, by the labels near this row" in message
    assert "download the file again" in message


@pytest.mark.parametrize("place", [0, 150, 300])
def test_an_extra_line_is_found(folder, place):
    before = ROWS[place - 1][2] if place else ""
    after = ROWS[place][2] if place < 300 else ""
    (label, *_) = (label for label in NLI_LABELS if label not in (before, after))
    more = [*ROWS[:place], ("p", "h", label), *ROWS[place:]]
    with pytest.raises(
        XstiltsError, match=rf"test-de.tsv, row {place + 1}: 301 rows .* 1 line is extra"
    ):
        folder({"en": ROWS, "de": more})


@pytest.mark.parametrize("places", [(40, 41), (40, 200), (0, 299), (150, 152)])
def test_of_two_missing_lines_the_first_is_found(folder, places):
    with pytest.raises(XstiltsError, match=r"298 rows in de.*2 lines are missing") as refusal:
        folder({"en": ROWS, "de": without(*places)})
    row = int(str(refusal.value).split("row ")[1].split(":")[0])
    assert abs(row - 1 - places[0]) <= 3


def test_of_english_it_is_said_where_the_others_agree(folder):
    with pytest.raises(XstiltsError, match=r"test-en.tsv, row 151: 299 rows in en, but 300 in de"):
        folder({"de": ROWS, "en": without(150), "fr": ROWS})
    # Of two nobody can tell which is right, so that English is taken to be.
    with pytest.raises(
        XstiltsError, match=r"test-de.tsv, row 151: 300 rows in de.*1 line is extra"
    ):
        folder({"de": ROWS, "en": without(150)})


def test_without_english_most_languages_are_right(folder):
    with pytest.raises(XstiltsError, match=r"test-fr.tsv, row 151: 299 rows in fr, but 300 in de"):
        folder({"de": ROWS, "fr": without(150), "es": ROWS})


def test_splits_are_compared_by_themselves(folder, tmp_path):
    units = []
    for split, rows in (("dev", ROWS[:30]), ("test", ROWS)):
        for language in ("en", "de"):
            path = tmp_path / f"{split}-{language}.tsv"
            path.write_text("".join("\t".join(row) + "\n" for row in rows))
            units.append(Unit(split, language, (str(path),), "pairs_tsv"))
    table, _ = build_part(XNLI, "eval", units, source="folder", limits={})
    assert table.num_rows == 660


def test_rows_without_a_label_keep_their_places(folder):
    unlabelled = [*ROWS[:7], (*ROWS[7][:2], "-"), *ROWS[8:]]
    table, meta = folder({"en": ROWS, "de": unlabelled})
    assert meta["units"][1]["counts"] == {"unlabelled_dropped": 1}
    groups = {(row["language"], row["text_b"]): row["group"] for row in table.to_pylist()}
    assert groups["en", "hypothesis 8"] == groups["de", "hypothesis 8"]


def test_where_labels_say_nothing_no_row_is_named(folder):
    same = [(a, b, "neutral") for a, b, _ in ROWS[:15]]
    with pytest.raises(XstiltsError, match=r"test-de.tsv: 14 rows in de.*1 line is missing \("):
        folder({"en": same, "de": same[1:]})


@given(st.data())
def test_any_deletion_is_found_within_its_run_of_equal_labels(data):
    labels = data.draw(st.lists(st.sampled_from("abc"), min_size=2, max_size=60))
    place = data.draw(st.integers(0, len(labels) - 1))
    found = row_of_difference(labels[:place] + labels[place + 1 :], labels)
    assert found <= place
    assert len(set(labels[found : place + 1])) == 1


@given(st.data())
def test_the_place_is_that_of_the_best_alignment(data):
    """Against all alignments, one after the other."""
    more = data.draw(st.lists(st.sampled_from("ab"), min_size=1, max_size=9))
    fewer = data.draw(st.lists(st.sampled_from("ab"), max_size=len(more) - 1))
    extra = len(more) - len(fewer)

    def best(start: int, moved: int) -> int:
        if start == len(fewer):
            return 0
        return max(
            (fewer[start] == more[start + by]) + best(start + 1, by)
            for by in range(moved, extra + 1)
        )

    agree = [
        sum(a == b for a, b in zip(fewer[:place], more, strict=False)) + best(place, 1)
        for place in range(len(fewer) + 1)
    ]
    assert row_of_difference(fewer, more) == agree.index(max(agree))


@given(st.integers(0, 299), st.sets(st.integers(0, 298), max_size=5), st.randoms())
def test_some_labels_may_differ(place, wrong, rng):
    """As PAWS-X's do: here too few to outweigh those around the place, which are right."""
    assume(all(abs(each - place) > 6 for each in wrong))
    fewer = LABELS[:place] + LABELS[place + 1 :]
    for each in wrong:
        fewer[each] = rng.choice([label for label in NLI_LABELS if label != fewer[each]])
    assert abs(row_of_difference(fewer, LABELS) - place) <= 6


# --- other ids --------------------------------------------------------------------------------


def choices(tmp_path: Path, lines: Mapping[str, Iterable[dict]]) -> tuple[Any, dict]:
    units = []
    for language, records in lines.items():
        path = tmp_path / f"{language}.jsonl"
        path.write_text("".join(json.dumps(record) + "\n" for record in records))
        units.append(Unit("test", language, (str(path),), "copa_jsonl"))
    return build_part(TASKS["xcopa"], "eval", units, source="folder", limits={})


def copa(ids: Iterable[int | None]) -> list[dict]:
    return [
        {
            "premise": f"premise {number}",
            "choice1": "a",
            "choice2": "b",
            "question": "cause",
            "label": number % 2,
            **({} if idx is None else {"idx": idx}),
        }
        for number, idx in enumerate(ids)
    ]


def test_other_ids_are_refused(tmp_path):
    with pytest.raises(XstiltsError) as refusal:
        choices(tmp_path, {"sw": copa([0, 1, 9]), "en": copa(range(7))})
    assert (
        "sw.jsonl: sw lacks 5 of the ids in en (2, 3, 4, …); en lacks 1 of the ids in sw (9)"
        in (str(refusal.value))
    )


def test_ids_in_one_language_alone_are_refused(tmp_path):
    with pytest.raises(XstiltsError, match=r"items in sw have no ids.*those in en have ids"):
        choices(tmp_path, {"sw": copa([None] * 3), "en": copa(range(3))})
    with pytest.raises(XstiltsError, match="2 rows in sw, but 3 in en"):
        choices(tmp_path, {"sw": copa([None] * 2), "en": copa([None] * 3)})


def squad(tmp_path: Path, task: Task, lines: Mapping[str, Sequence[tuple[str, str]]]):
    """Questions as (passage, id)."""
    units = []
    for language, questions in lines.items():
        path = tmp_path / f"{language}.json"
        paragraphs = [
            {
                "context": context,
                "qas": [
                    {
                        "id": name,
                        "question": "who?",
                        "answers": [{"text": context.split()[0], "answer_start": 0}],
                    }
                ],
            }
            for context, name in questions
        ]
        path.write_text(json.dumps({"data": [{"paragraphs": paragraphs}]}))
        units.append(Unit("test", language, (str(path),), "squad_json"))
    return build_part(task, "eval", units, source="folder", limits={})


def test_languages_of_mlqa_may_hold_other_questions_and_those_of_xquad_not(tmp_path):
    questions = {
        "de": [("Hund da", "q2"), ("Katze da", "q1")],
        "en": [("cat there", "q1"), ("dog there", "q2"), ("cat there", "q3")],
    }
    table, _ = squad(tmp_path, TASKS["mlqa"], questions)
    assert table.num_rows == 5
    with pytest.raises(XstiltsError, match=r"de.json: de lacks 1 of the ids in en \(q3\)"):
        squad(tmp_path, TASKS["xquad"], questions)
    with pytest.raises(XstiltsError, match=r"en.json: ids are missing or repeat"):
        squad(tmp_path, TASKS["xquad"], {"en": [("a b", "q"), ("b a", "q")], "de": [("a", "q")]})


def test_one_language_is_compared_with_nothing(tmp_path):
    assert squad(tmp_path, TASKS["xquad"], {"en": [("a b", "q"), ("b a", "q")]})[0].num_rows == 2


# --- not paired -------------------------------------------------------------------------------


def labelled(*labels: str) -> list[Line]:
    """Twenty rows more, so that few of all differ."""
    rows = [(f"a{number}", f"b{number}", label) for number, label in enumerate(labels)]
    return [*rows, *((f"c{number}", "d", str(number % 2)) for number in range(20))]


def groups_of(table, language: str, first: int) -> list[str]:
    return [row["group"] for row in table.to_pylist() if row["language"] == language][:first]


def test_gold_that_is_not_that_of_english_takes_an_item_out_of_pairing(folder, caplog):
    caplog.set_level(logging.INFO)
    table, meta = folder(
        {
            "de": labelled("1", "0", "1"),
            "en": labelled("1", "1", "0"),
            "fr": labelled("1", "0", "0"),
        },
        PAWSX,
    )
    assert groups_of(table, "en", 3) == ["test:0", "test:1", "test:2"]
    assert groups_of(table, "fr", 3) == ["test:0", "unpaired fr test:1", "test:2"]
    assert groups_of(table, "de", 3) == ["test:0", "unpaired de test:1", "unpaired de test:2"]
    counts = [unit["counts"] for unit in meta["units"]]
    assert counts == [{"gold_differs": 2}, {}, {"gold_differs": 1}]
    # It keeps its own label, and so its score, and its cluster.
    rows = [row for row in table.to_pylist() if item_name(row) == "test:1"]
    assert [row["label"] for row in rows] == ["0", "1", "0"]
    assert len({row["cluster"] for row in rows}) == 1
    assert [record.message for record in caplog.records if "not paired" in record.message] == [
        "pawsx: scored, but not paired across languages: test de 2 gold_differs,"
        " test fr 1 gold_differs"
    ]


def test_without_english_the_gold_is_that_of_most(folder):
    lines = {"de": labelled("1"), "es": labelled("0"), "fr": labelled("0")}
    table, _ = folder(lines, PAWSX)
    assert groups_of(table, "de", 1) == ["unpaired de test:0"]
    assert groups_of(table, "es", 1) == groups_of(table, "fr", 1) == ["test:0"]


def test_gold_that_differs_all_over_is_refused(folder):
    """One line is missing and one has come in at the end: as many as there were."""
    other = [*without(0), ("p", "h", "neutral")]
    with pytest.raises(XstiltsError, match=r"test-de.tsv: the gold of \d+ of 300 items in de"):
        folder({"en": ROWS, "de": other})


def test_placeholders_take_an_item_out_of_pairing(folder):
    english, german = labelled("0", "0", "0"), labelled("0", "0", "0")
    german[0] = ("NS", "b", "0")
    german[1] = ("a", "  ", "0")
    english[2] = ("NS", "NS", "1")
    table, meta = folder({"en": english, "de": german, "fr": labelled("0", "0", "0")}, PAWSX)
    assert groups_of(table, "de", 3) == ["unpaired de test:0", "unpaired de test:1", "test:2"]
    # The gold of a placeholder is nobody's reference.
    assert groups_of(table, "fr", 3) == ["test:0", "test:1", "test:2"]
    assert [unit["counts"] for unit in meta["units"]] == [
        {"placeholder_text": 1},
        {"placeholder_text": 2},
        {},
    ]
    # Where it is no placeholder it may be a text.
    table, _ = folder({"en": ROWS, "de": [("NS", *ROWS[0][1:]), *ROWS[1:]]})
    assert groups_of(table, "de", 1) == ["test:0"]


def test_rows_known_to_be_mispaired_are_not_paired_in_the_published_file(folder):
    (known,) = XNLI.mispaired
    rows = [
        (f"p{number // 3}", f"h{number}", LABELS[number % 300]) for number in range(known.total)
    ]
    table, meta = folder({"en": rows, "ru": rows, "de": rows})
    alone = [row["id"] for row in table.to_pylist() if row["group"].startswith("unpaired")]
    assert alone == [f"test-ru:{row}" for row in known.rows] == ["test-ru:2805", "test-ru:2806"]
    assert [unit["counts"] for unit in meta["units"]] == [{}, {"known_mispaired": 2}, {}]
    # Of a part of it nobody knows which rows they are.
    table, meta = folder({"en": rows[:-3], "ru": rows[:-3]})
    assert not any(unit["counts"] for unit in meta["units"])


def test_limits_keep_what_is_not_paired_beside_its_namesakes(folder):
    lines = {
        "en": ROWS,
        "de": [
            (a, "" if number % 10 == 0 else b, label) for number, (a, b, label) in enumerate(ROWS)
        ],
    }
    table, meta = folder(lines, test=60)
    names: dict[str, list[str]] = {"en": [], "de": []}
    for row in table.to_pylist():
        names[row["language"]].append(item_name(row))
    assert names["en"] == names["de"]
    assert len(names["en"]) == 60
    alone = [row for row in table.to_pylist() if row["group"].startswith("unpaired")]
    assert {row["text_b"] for row in alone} == {""}
    assert meta["units"][1]["counts"] == {"placeholder_text": len(alone)}
    assert 0 < len(alone) < 30


def test_perturbed_items_are_the_same_ones_and_keep_group_and_cluster(folder):
    german = list(ROWS)
    for place in range(0, 300, 10):
        german[place] = (ROWS[place][0], " ", ROWS[place][2])
    data, _ = folder({"en": ROWS, "de": german})
    found = perturb_table(XNLI, data, ["upper@1", "typos@0.1"], LANGUAGES, items=50).to_pylist()
    clean = {row["id"]: row for row in data.to_pylist()}
    names: dict[tuple[str, str], set[str]] = {}
    for row in found:
        for column in ("group", "cluster"):
            assert row[column] == clean[row["id"]][column]
        names.setdefault((row["language"], row["condition"]), set()).add(item_name(row))
    assert any(row["group"].startswith("unpaired") for row in found)
    assert len({frozenset(of) for of in names.values()}) == 1


def test_training_data_are_not_compared(folder, tmp_path):
    units = []
    for language, rows in (("en", ROWS), ("de", ROWS[:9])):
        path = tmp_path / f"train-{language}.tsv"
        path.write_text("".join("\t".join(row) + "\n" for row in rows))
        units.append(Unit("train", language, (str(path),), "pairs_tsv"))
    table, _ = build_part(XNLI, "train", units, source="folder", limits={})
    assert table.num_rows == 309


def test_tasks_that_are_not_parallel_are_not_compared(folder):
    task = replace(XNLI, parallel=False)
    table, _ = folder({"en": ROWS, "de": ROWS[1:]}, task)
    assert Counter(table["language"].to_pylist()) == {"en": 300, "de": 299}
