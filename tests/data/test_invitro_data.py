"""The generated data as a whole: repeatable, without leaks or shortcuts, and in its schema.

After a change that is meant to change the data, `python tests/data/test_invitro_data.py` writes the
golden digests below anew.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import tracemalloc
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from invitro_oracle import (
    Meaning,
    Name,
    clauses,
    dictionary,
    meaning,
    sentences_of,
    tokens_of,
    without_articles,
)

from xstilts.config.invitro.lexicon import NAMES, ORGANISATION_WORDS, PLACE_WORDS, Entity
from xstilts.config.invitro.tongues import GRAMMARS
from xstilts.config.tasks import NER_TAGS, SPLITS, TASKS, TEXT, Kind
from xstilts.data.clusters import set_clusters
from xstilts.data.invitro import generate
from xstilts.data.invitro.events import Event, Phrase, Spot, held_out, split_of
from xstilts.data.invitro.generate import BITEXTS, MAKERS, World, documents, rows_of
from xstilts.data.rows import gold_pairs
from xstilts.data.schemas import DATA
from xstilts.execution.parquet import read_meta, read_table
from xstilts.graph.locate import Unit

LANGUAGES = tuple(GRAMMARS)
WORLD = World(seed=1, languages=LANGUAGES, translated_share=0.6)
# Three languages that differ in order, script and family.
SAMPLE = ("en", "qce", "qeu")
# Of 20 items of each task in each language of SAMPLE, of 10 gold pairs, of 50 documents.
# fmt: off
GOLDEN = {
    "xnli": "c0db5f08d0641ea5",
    "pawsx": "7ff76bc537761783",
    "udpos": "7251a5e623815c36",
    "panx": "ea4e6c9765349db3",
    "xquad": "0bcd89e88645e8ef",
    "mlqa": "ec7f40ef8dcd5c98",
    "tydiqa": "41cb574134806240",
    "anli": "c1bae20cc2dc5558",
    "mnli": "6cfc0b6972b97328",
    "qqp": "ee298a9bfd78e547",
    "squad_v1": "4df573e0ba9a2d75",
    "squad_v2": "94618e6f9bf1074f",
    "hellaswag": "2a7811df01b1201e",
    "cosmosqa": "8976ccbd427e84ed",
    "csqa": "69249e304fab57b7",
    "ccg": "b5624cb1cc6cc4bd",
    "bucc2018": "36c81419964e7cc5",
    "tatoeba": "a998d40995a86099",
    "text": "f0d1e0dbcdb1e9aa",
}
# fmt: on

# Tasks that the table can generate now; the makers of further tasks are tested by themselves.
ROWS = [key for key in (*MAKERS, *BITEXTS) if key in TASKS]
every_language = pytest.mark.parametrize("code", LANGUAGES)
every_maker = pytest.mark.parametrize("task", MAKERS)


@cache
def made(task: str, split: str, code: str, number: int) -> list[dict[str, Any]]:
    return [MAKERS[task](Spot(1, task, split, code, i)) for i in range(number)]


@cache
def text_of(split: str, number: int) -> list[dict[str, Any]]:
    return list(documents(split, number, WORLD))


def some_split(task: str) -> str:
    return "train" if task not in TASKS or "train" in TASKS[task].generated else "test"


# --- the same each time -----------------------------------------------------------------------


def digest(rows: Iterable[dict[str, Any]]) -> str:
    text = json.dumps(list(rows), ensure_ascii=False, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def digest_of(key: str) -> str:
    """Of what is generated under a key of GOLDEN."""
    if key == TEXT:
        return digest(documents("train", 50, WORLD))
    if key in BITEXTS:
        return digest(
            {"texts": BITEXTS[key](1, key, "test", code, 10)} for code in SAMPLE if code != "en"
        )
    split = some_split(key)
    return digest(MAKERS[key](Spot(1, key, split, code, i)) for code in SAMPLE for i in range(20))


@pytest.mark.parametrize("key", [*MAKERS, *BITEXTS, TEXT])
def test_data_are_those_of_every_platform_and_version(key):
    assert digest_of(key) == GOLDEN[key]


def test_no_golden_digest_is_left_over():
    assert set(GOLDEN) == {*MAKERS, *BITEXTS, TEXT}


spots = st.builds(
    Spot,
    seed=st.integers(0, 2**40),
    task=st.sampled_from([*MAKERS]),
    split=st.just("train"),
    language=st.sampled_from(LANGUAGES),
    number=st.integers(0, 10**6),
)


@settings(max_examples=60)
@given(spots)
def test_a_spot_decides_its_item(spot):
    again = Spot(spot.seed, spot.task, spot.split, spot.language, spot.number)
    assert MAKERS[spot.task](spot) == MAKERS[spot.task](again)


@settings(max_examples=20)
@given(task=st.sampled_from([key for key in MAKERS if key in TASKS]), data=st.data())
def test_item_i_depends_neither_on_number_nor_on_order(task, data):
    code = data.draw(st.sampled_from(LANGUAGES))
    few, more = sorted(data.draw(st.tuples(st.integers(0, 6), st.integers(0, 12))))
    split = some_split(task)
    rows = list(rows_of(TASKS[task], split, code, more, WORLD))
    assert list(rows_of(TASKS[task], split, code, few, WORLD)) == rows[:few]
    for i in data.draw(st.permutations(range(more))):
        assert MAKERS[task](Spot(1, task, split, code, i)).items() <= rows[i].items()


def test_fewer_documents_and_fewer_aligned_pairs_are_the_first_ones():
    assert list(documents("train", 20, WORLD)) == text_of("train", 600)[:20]
    few, more = (BITEXTS["tatoeba"](1, "tatoeba", "test", "qbo", n) for n in (5, 15))
    assert all(part == whole[:5] for part, whole in zip(few, more, strict=True))


@every_maker
def test_other_seeds_tasks_splits_and_numbers_give_other_items(task):
    rows = [
        MAKERS[task](Spot(seed, task, split, "en", i))
        for seed in (1, 2)
        for split in ("train", "dev")
        for i in range(4)
    ]
    texts = {json.dumps(row, sort_keys=True) for row in rows}
    assert len(texts) == len(rows)


def test_tasks_of_one_maker_have_items_of_their_own():
    for one, other in (("xnli", "mnli"), ("xquad", "squad_v1")):
        spots = [(key, i) for i in range(5) for key in (one, other)]
        first = {
            json.dumps(MAKERS[key](Spot(1, key, "train", "en", i)), sort_keys=True)
            for key, i in spots
        }
        assert len(first) == len(spots)


def test_documents_of_another_seed_are_others():
    other = list(documents("train", 50, World(2, LANGUAGES, 0.6)))
    assert not {row["text"] for row in other} & {row["text"] for row in text_of("train", 600)}


# --- no leaks ---------------------------------------------------------------------------------


def event_of(said: Meaning) -> Event:
    """The event that a statement tells, so that its split can be asked for."""

    def entity(name: Name) -> Entity:
        return Entity(name.kind, name.words)

    def phrase(of: Any) -> Phrase:
        if isinstance(of, Name):
            return Phrase(entity(of))
        return Phrase(of.head, of.adjective, of.number)

    return Event(
        verb=said.verb,
        subject=phrase(said.subject),
        object=phrase(said.object),
        adverb=said.adverb,
        companion=said.companion and entity(said.companion),
        place=said.place and (said.place[0], entity(said.place[1])),
        time=said.time,
        tense=said.tense,
        negated=said.negated,
    )


def statements(row: dict[str, Any], code: str) -> Iterator[Meaning]:
    """What all statements of an item say; questions and choices that are words left out."""
    for key in ("text_a", "text_b", "context", "prompt", "choices"):
        found = row.get(key, ())
        for text in [found] if isinstance(found, str) else found:
            yield from (
                meaning(sentence, code) for sentence in sentences_of(text) if sentence[-1] == "."
            )
    if "tokens" in row:
        words = row["tokens"][:-1]
        marks = [","]
        marks += [
            form
            for form, found in dictionary(code).items()
            if {("and", ()), ("because", ()), ("while", ())} & found
        ]
        part: list[str] = []
        for word in [*words, None]:
            if word is not None and word not in marks:
                part.append(word)
            elif part:
                yield clauses(part, code, varied=True)[0].meaning
                part = []


def test_eight_of_ten_contents_are_for_training():
    counts = Counter(split_of(number) for number in range(5000))
    assert abs(counts["train"] / 5000 - 0.8) < 0.03
    assert abs(counts["dev"] / 5000 - 0.1) < 0.03
    assert abs(counts["test"] / 5000 - 0.1) < 0.03


def test_no_sentence_has_two_translations_among_the_aligned():
    foreign, _, _ = BITEXTS["tatoeba"](1, "tatoeba", "test", "qce", 500)
    assert len({text for _, text in foreign}) == 500


@every_maker
@pytest.mark.parametrize("split", ["train", "dev"])
def test_every_statement_belongs_to_the_split_of_its_item(task, split):
    # By content: what is in no other split in one language is in none in any.
    number = 200 if split == "train" else 20
    for row in made(task, split, "en", number):
        choices = row.get("choices", [])
        for said in statements({**row, "choices": []}, "en"):
            assert split_of(event_of(said)) == split, (row, said)
        # What did not happen may be of training or development data, but is not tested on.
        for said in statements({"choices": choices}, "en"):
            assert split_of(event_of(said)) != "test", (row, said)


@every_language
def test_test_statements_belong_to_the_test_split_in_every_language(code):
    for task in ("xnli", "pawsx", "udpos", "panx", "xquad", "mlqa", "tydiqa"):
        for row in made(task, "test", code, 12):
            assert {split_of(event_of(said)) for said in statements(row, code)} == {"test"}
    if code != "en":
        foreign, english, _ = BITEXTS["bucc2018"](1, "bucc2018", "test", code, 10)
        for texts, of in ((foreign, code), (english, "en")):
            assert {split_of(event_of(meaning(text, of))) for _, text in texts} == {"test"}


@pytest.mark.parametrize("split", ["train", "dev"])
def test_plain_text_holds_no_statement_of_a_test_set(split):
    for row in text_of(split, 600):
        for sentence in sentences_of(row["text"]):
            meanings = {said for code in LANGUAGES for said in readings(sentence, code)}
            assert {split_of(event_of(said)) for said in meanings} == {"train"}, row


@cache
def readings(sentence: str, code: str) -> tuple[Meaning, ...]:
    """What a statement can say in a language, nothing if it is none of that language."""
    known = dictionary(code)
    words = tokens_of(sentence)[:-1]
    if not all(word in known or word.isdigit() for word in words):
        return ()
    return tuple(clause.meaning for clause in clauses(words, code, varied=True))


@every_language
def test_no_item_stands_in_two_splits(code):
    for task in ("xnli", "pawsx", "udpos", "panx", "tydiqa"):
        seen = [
            {json.dumps(row) for row in made(task, split, code, 12 if split != "train" else 200)}
            for split in SPLITS
        ]
        assert all(one.isdisjoint(other) for one, other in combinations(seen, 2))


def test_no_choice_of_words_stands_in_two_splits():
    train, dev = (
        {(row["prompt"], *sorted(row["choices"])) for row in made("csqa", split, "en", 300)}
        for split in ("train", "dev")
    )
    assert train.isdisjoint(dev)


def test_some_names_are_kept_from_the_training_data_for_names():
    kept = {name for name in NAMES if held_out(name)}
    trained = {word for row in made("panx", "train", "en", 800) for word in row["tokens"]}
    tested = {word for row in made("panx", "test", "en", 200) for word in row["tokens"]}
    assert not trained & kept
    assert tested & kept
    # Other training data have them.
    assert {word for row in made("udpos", "train", "en", 300) for word in row["tokens"]} & kept


def test_class_words_of_names_are_all_trained_on():
    # Only names are new in tests; "bank" in the name of one is no name that is kept back.
    trained = {
        word
        for row in made("panx", "train", "en", 800)
        for word, tag in zip(row["tokens"], row["tags"], strict=True)
        if tag != "O"
    }
    assert {*ORGANISATION_WORDS, *PLACE_WORDS} <= trained


# --- balance and shortcuts --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "labels"),
    [
        *(("mnli", 3), ("xnli", 3), ("anli", 3), ("pawsx", 2), ("qqp", 2)),
        *(("hellaswag", 4), ("cosmosqa", 4), ("csqa", 5)),
    ],
)
def test_labels_are_balanced(task, labels):
    counts = Counter(row["label"] for row in made(task, "train", "en", 400))
    assert len(counts) == labels
    # Four standard deviations of a fair draw.
    spread = 4 * math.sqrt(400 / labels * (1 - 1 / labels))
    assert all(abs(count - 400 / labels) < spread for count in counts.values())


def test_every_tag_of_names_comes_up_and_most_of_those_of_words():
    names = Counter(tag for row in made("panx", "train", "en", 400) for tag in row["tags"])
    assert set(names) == set(NER_TAGS)
    words = Counter(tag for row in made("udpos", "train", "en", 400) for tag in row["tags"])
    assert len(words) >= 11


def test_questions_ask_for_every_role():
    asked = Counter(row["question"].split(" ")[0] for row in made("squad_v1", "train", "en", 400))
    assert set(asked) == {"who", "where", "when"}
    assert min(asked.values()) > 15


def test_a_third_of_the_questions_of_squad_2_has_no_answer():
    without = sum(not row["answers"] for row in made("squad_v2", "train", "en", 400))
    assert 0.25 < without / 400 < 0.42


Featurise = Callable[[dict[str, Any]], list[str]]


def naive_bayes_accuracy(task: str, features: Featurise) -> float:
    """Accuracy on 1,000 items of a naive Bayes model of 3,000 others."""
    rows = made(task, "train", "en", 4000)
    train, tested = rows[:3000], rows[3000:]
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for row in train:
        counts[row["label"]].update(features(row))
    vocabulary = len({word for words in counts.values() for word in words})
    labels = Counter(row["label"] for row in train)

    def score(label: str, words: list[str]) -> float:
        seen = counts[label]
        total = seen.total() + vocabulary
        return math.log(labels[label]) + sum(math.log((seen[word] + 1) / total) for word in words)

    right = [
        max(labels, key=lambda label: score(label, features(row))) == row["label"] for row in tested
    ]
    return sum(right) / len(right)


@pytest.mark.parametrize(("task", "chance"), [("mnli", 1 / 3), ("anli", 1 / 3), ("pawsx", 1 / 2)])
def test_the_second_text_alone_says_little(task, chance):
    def features(row: dict[str, Any]) -> list[str]:
        return tokens_of(row["text_b"])

    assert naive_bayes_accuracy(task, features) < chance + 0.08


@pytest.mark.parametrize(("split", "number"), [("train", 1500), ("test", 400)])
def test_negation_of_the_second_text_is_as_frequent_for_every_label(split, number):
    # Test pairs are drawn until both texts are of the test split. What passes more easily, such
    # as a text and itself, must not become more frequent by that.
    rows = made("xnli", split, "en", number)
    negated = {
        label: sum(" not " in row["text_b"] for row in rows if row["label"] == label)
        / sum(row["label"] == label for row in rows)
        for label in ("entailment", "neutral", "contradiction")
    }
    assert max(negated.values()) - min(negated.values()) < 0.25, negated


def test_as_many_pairs_repeat_their_text_in_test_as_in_training():
    def share(split: str, number: int) -> float:
        rows = made("xnli", split, "en", number)
        bags = [
            sorted(tokens_of(row["text_a"])) == sorted(tokens_of(row["text_b"])) for row in rows
        ]
        return sum(bags) / number

    assert abs(share("train", 1500) - share("test", 400)) < 0.06


def test_counting_common_words_does_not_settle_inference():
    def features(row: dict[str, Any]) -> list[str]:
        one, other = (Counter(tokens_of(row[key])) for key in ("text_a", "text_b"))
        return [f"{(one - other).total()} {(other - one).total()}"]

    assert naive_bayes_accuracy("mnli", features) < 0.8


@every_language
def test_paraphrases_and_most_others_have_the_same_words(code):
    same = Counter()
    rows = made("pawsx", "train", code, 200)
    for row in rows:
        one, other = (bag(row[key], code) for key in ("text_a", "text_b"))
        same[row["label"]] += one == other
    labels = Counter(row["label"] for row in rows)
    assert same["1"] == labels["1"]
    assert 0.6 < same["0"] / labels["0"] < 0.9


def bag(text: str, code: str) -> Counter[str]:
    """Words of a text; where a suffix says whom it happened to, words without that suffix."""
    found = tokens_of(text)
    if "accusative" not in GRAMMARS[code].suffixes:
        return Counter(found)
    return Counter(next(iter(dictionary(code).get(word, {(word, ())})))[0] for word in found)


@pytest.mark.parametrize("task", ["hellaswag", "cosmosqa", "csqa"])
def test_choices_alone_do_not_tell_the_right_one(task):
    # Choices that each differ from the right one in a point of their own have it in their middle.
    rows = made(task, "train", "en", 400)
    hits = 0.0
    for row in rows:
        bags = [set(tokens_of(choice)) for choice in row["choices"]]
        common = [sum(len(bag & other) / len(bag | other) for other in bags) for bag in bags]
        best = [place for place, value in enumerate(common) if value == max(common)]
        hits += (row["label"] in best) / len(best)
    assert hits / len(rows) < 1 / len(rows[0]["choices"]) + 0.2


# --- rows -------------------------------------------------------------------------------------


def languages_of(task: str) -> tuple[str, ...]:
    """All generated languages for a target, but no pairs of English with itself."""
    if not TASKS[task].group:
        return ("en",)
    return LANGUAGES[1:] if TASKS[task].kind is Kind.RETRIEVAL else LANGUAGES


@pytest.mark.parametrize("task", ROWS)
def test_rows_fit_their_schema_and_have_ids_of_their_own(task):
    schema = DATA[TASKS[task].kind]
    for split in TASKS[task].generated:
        for code in languages_of(task):
            rows = list(rows_of(TASKS[task], split, code, 3, WORLD))
            set_clusters(TASKS[task], rows)
            assert all(set(row) == set(schema.names) for row in rows)
            table = pa.Table.from_pylist(rows, schema=schema)
            assert all(column.null_count == 0 for column in table.columns)
            ids = [(row["id"], row.get("side")) for row in rows]
            assert len(set(ids)) == len(ids)
            assert {(row["language"], row["split"]) for row in rows} == {(code, split)}


@pytest.mark.parametrize("task", [key for key in ROWS if TASKS[key].kind is not Kind.RETRIEVAL])
def test_groups_join_the_items_of_parallel_tasks_and_no_others(task):
    split = some_split(task)
    groups = [
        [row["group"] for row in rows_of(TASKS[task], split, code, 3, WORLD)]
        for code in ("en", "qan", "qeu")
    ]
    if TASKS[task].parallel:
        assert groups[0] == groups[1] == groups[2]
    else:
        assert len({group for of in groups for group in of}) == 9


@pytest.mark.parametrize("task", ["udpos", "panx", "tydiqa"])
def test_tasks_that_are_not_parallel_tell_of_other_events_in_each_language(task):
    one, other = (
        {
            repr(event_of(without_articles(said)))
            for row in made(task, "train", code, 30)
            for said in statements(row, code)
        }
        for code in ("qan", "qbi")
    )
    assert not one & other


@pytest.mark.parametrize("task", BITEXTS)
def test_gold_of_retrieval_rows_are_the_generated_pairs(task):
    rows = list(rows_of(TASKS[task], "test", "qal", 12, WORLD))
    assert sorted(gold_pairs(rows)) == sorted(BITEXTS[task](1, task, "test", "qal", 12)[2])
    assert len(gold_pairs(rows)) == 12


def test_rows_of_a_language_do_not_depend_on_which_others_are_generated():
    few = World(1, ("en", "qce"), 0)
    for task in ("xnli", "udpos", "tatoeba"):
        rows = [list(rows_of(TASKS[task], "test", "qce", 5, world)) for world in (few, WORLD)]
        assert rows[0] == rows[1]


# --- plain text -------------------------------------------------------------------------------


def tongues_of(row: dict[str, Any]) -> list[str]:
    """The language of a document, and that of its translation if one follows."""
    sentences = sentences_of(row["text"])
    of = row["language"]
    if readings(sentences[-1], of):
        return [of]
    others = [code for code in LANGUAGES if readings(sentences[-1], code)]
    assert others, row
    return [of, others[0]]


@pytest.mark.parametrize("share", [0.0, 0.6, 1.0])
def test_as_many_documents_are_translated_as_asked_for(share):
    rows = list(documents("train", 400, World(1, LANGUAGES, share)))
    translated = sum(len(tongues_of(row)) == 2 for row in rows)
    if share == 0:
        assert translated == 0
    else:
        # A few translations into the nearest language are the same text and are not noticed.
        assert abs(translated / len(rows) - share) < (0.02 if share == 1 else 0.1)


def test_a_translation_says_the_same():
    for row in text_of("train", 600):
        if len(of := tongues_of(row)) == 2:
            *first, last = sentences_of(row["text"])
            before = [without_articles(said) for one in first for said in readings(one, of[0])]
            assert any(without_articles(said) in before for said in readings(last, of[1])), row


@pytest.mark.parametrize("chosen", [("en", "qce"), ("en", "qdo", "qeu", "qan")])
def test_documents_are_in_the_languages_asked_for_and_in_all_of_them(chosen):
    rows = list(documents("train", 200, World(1, chosen, 0.6)))
    counts = Counter(row["language"] for row in rows)
    assert set(counts) == set(chosen)
    assert min(counts.values()) > 0.6 * 200 / len(chosen)
    for row in rows:
        for sentence in sentences_of(row["text"]):
            assert any(readings(sentence, code) for code in chosen)


def test_documents_have_ids_of_their_own_and_fit_their_schema():
    rows = text_of("dev", 600)
    assert len({row["id"] for row in rows}) == 600
    assert all(set(row) == set(DATA[Kind.MLM].names) for row in rows)
    assert not {row["text"] for row in rows} & {row["text"] for row in text_of("train", 600)}


# --- files ------------------------------------------------------------------------------------


def write(path: Path, number: int, monkeypatch: pytest.MonkeyPatch, task: str = "mnli") -> None:
    pair = {"text_a": "a", "text_b": "b", "label": "neutral"}
    monkeypatch.setitem(MAKERS, task, lambda spot: pair)
    unit = Unit("train", "en")
    generate.write_part(TASKS[task], "train", [unit], WORLD, {"train": number}, path, {})


def test_many_rows_are_written_without_holding_them_all(tmp_path, monkeypatch):
    peaks = []
    for number in (20_000, 50_000):
        tracemalloc.start()
        write(tmp_path / str(number), number, monkeypatch)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # Two batches at most are held: the one that is written last and the next one.
    assert peaks[1] < 2.2 * peaks[0]
    assert pq.ParquetFile(tmp_path / "50000").metadata.num_rows == 50_000


def test_a_part_holds_its_units_in_order_and_says_what_it_is(tmp_path):
    path = tmp_path / "part.parquet"
    units = [Unit("test", code) for code in ("qal", "en")]
    made_by = {"revision": "made up"}
    generate.write_part(TASKS["xnli"], "eval", units, WORLD, {"test": 4}, path, made_by)
    rows = read_table(path, DATA[Kind.PAIR]).drop_columns("cluster").to_pylist()
    assert rows == [
        row for code in ("qal", "en") for row in rows_of(TASKS["xnli"], "test", code, 4, WORLD)
    ]
    meta = read_meta(path)
    assert meta["source"] == "invitro"
    assert meta["revision"] == "made up"
    assert [unit["items"] for unit in meta["units"]] == [4, 4]


def test_every_task_that_the_table_generates_has_a_maker():
    assert {key for key, task in TASKS.items() if task.generated} - {TEXT} <= {*MAKERS, *BITEXTS}


if __name__ == "__main__":
    lines = "".join(f'    "{key}": "{digest_of(key)}",\n' for key in [*MAKERS, *BITEXTS, TEXT])
    source = Path(__file__).read_text(encoding="utf-8")
    written = re.sub(r"(?ms)^GOLDEN = \{\n.*?^\}", f"GOLDEN = {{\n{lines}}}", source, count=1)
    Path(__file__).write_text(written, encoding="utf-8")
