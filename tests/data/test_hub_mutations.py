"""Hub data that are not as expected: every reader refuses them by name, or counts what is odd.

A sound sample of each shape is broken column by column (gone, renamed, of another type, null,
blank) and row by row. None may be accepted in silence.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pytest
from datasets import ClassLabel, Dataset, Features, List, Value

from xstilts.config.tasks import TASKS, HubSource
from xstilts.data.build import build_part
from xstilts.data.readers import hub
from xstilts.data.readers.hub_columns import READERS
from xstilts.errors import XstiltsError
from xstilts.graph.locate import Unit

ROWS = 24
NLI = ClassLabel(names=["entailment", "neutral", "contradiction"])
STRING, NUMBER = Value("string"), Value("int32")


@dataclasses.dataclass(frozen=True)
class Shape:
    """Rows of one reader.

    Attributes:
        row: makes each.
        partner: another language that is read beside it, of a parallel target.
        label: the column of labels; `unknown` is one that no item may have.
        texts: columns of one text.
    """

    reader: str
    task: str
    split: str
    features: dict[str, Any]
    row: Callable[[int], dict[str, Any]]
    language: str = "en"
    partner: str = ""
    label: str = ""
    unknown: Any = None
    texts: tuple[str, ...] = ()
    rows: int = ROWS


def _third(number: int) -> int:
    return number * number % 7 % 3


def _choices(number: int) -> list[str]:
    return [f"c{number}{place}" for place in range(4)]


def _span(number: int) -> dict[str, Any]:
    return {
        "id": f"german-{number}",
        "context": f"Hier steht {number}.",
        "question": f"Wo {number}?",
        "answers": {"text": [f"{number}"], "answer_start": [11]},
    }


ANSWERS = {"text": List(STRING), "answer_start": List(NUMBER)}
SPAN = {"id": STRING, "context": STRING, "question": STRING, "answers": ANSWERS}
PAIR = {"premise": STRING, "hypothesis": STRING}
SHAPES = {
    shape.reader: shape
    for shape in (
        Shape(
            "pairs",
            "xnli",
            "test",
            {**PAIR, "label": NLI},
            lambda n: {"premise": f"a {n}", "hypothesis": f"b {n}", "label": _third(n)},
            "de",
            "en",
            "label",
            7,
            ("premise", "hypothesis"),
        ),
        Shape(
            "pairs_numbered",
            "afrixnli",
            "test",
            {**PAIR, "label": NUMBER},
            lambda n: {"premise": f"a {n}", "hypothesis": f"b {n}", "label": _third(n)},
            "hau",
            "en",
            "label",
            7,
            ("premise", "hypothesis"),
        ),
        Shape(
            "sentences",
            "sib200",
            "test",
            {"index_id": NUMBER, "category": STRING, "text": STRING},
            lambda n: {
                "index_id": n,
                "category": ("travel", "health", "sports")[_third(n)],
                "text": f"a {n}",
            },
            "de",
            "en",
            "category",
            "sport",
            ("text",),
        ),
        Shape(
            "hellaswag",
            "hellaswag",
            "dev",
            {"ctx": STRING, "endings": List(STRING), "label": STRING},
            lambda n: {"ctx": f"a {n}", "endings": _choices(n), "label": str(_third(n))},
            label="label",
            unknown="7",
            texts=("ctx",),
        ),
        Shape(
            "cosmosqa",
            "cosmosqa",
            "dev",
            dict.fromkeys(("context", "question", *(f"answer{n}" for n in range(4))), STRING)
            | {"label": NUMBER},
            lambda n: {
                "context": f"a {n}",
                "question": f"b {n}",
                **{f"answer{place}": text for place, text in enumerate(_choices(n))},
                "label": _third(n),
            },
            label="label",
            unknown=7,
            texts=("context", "question", "answer1"),
        ),
        Shape(
            "csqa",
            "csqa",
            "dev",
            {
                "question": STRING,
                "choices": {"label": List(STRING), "text": List(STRING)},
                "answerKey": STRING,
            },
            lambda n: {
                "question": f"a {n}",
                "choices": {"label": list("ABCD"), "text": _choices(n)},
                "answerKey": "ABC"[_third(n)],
            },
            label="answerKey",
            unknown="Q",
            texts=("question",),
        ),
        Shape(
            "copa",
            "xcopa",
            "test",
            {
                **dict.fromkeys(("premise", "choice1", "choice2", "question"), STRING),
                "idx": NUMBER,
                "label": NUMBER,
            },
            lambda n: {
                "premise": f"a {n}",
                "choice1": f"c {n}",
                "choice2": f"d {n}",
                "question": "cause",
                "idx": n,
                "label": _third(n) % 2,
            },
            "et",
            "it",
            "label",
            7,
            ("premise", "choice1"),
        ),
        Shape(
            "belebele",
            "belebele",
            "test",
            dict.fromkeys(
                ("link", "flores_passage", "question", *(f"mc_answer{n}" for n in range(1, 5))),
                STRING,
            )
            | {"question_number": NUMBER, "correct_answer_num": STRING},
            lambda n: {
                "link": f"page/{n // 2}",
                "question_number": n % 2 + 1,
                "flores_passage": f"a {n // 2}",
                "question": f"b {n}",
                **{f"mc_answer{place}": text for place, text in enumerate(_choices(n), 1)},
                "correct_answer_num": str(_third(n) + 1),
            },
            "de",
            "en",
            "correct_answer_num",
            "0",
            ("flores_passage", "question", "mc_answer2"),
        ),
        Shape(
            "tags",
            "panx",
            "test",
            {
                "tokens": List(STRING),
                "ner_tags": List(ClassLabel(names=list(TASKS["panx"].labels))),
            },
            lambda n: {"tokens": [f"a{n}", "b", "c"], "ner_tags": [1, 0, _third(n)]},
            "de",
            label="ner_tags",
            unknown=[1, 0, 77],
        ),
        Shape(
            "ud",
            "ud",
            "test",
            {
                "tokens": List(STRING),
                "upos": List(ClassLabel(names=["_", *TASKS["ud"].labels])),
                "head": List(STRING),
                "mwt": [{"id": STRING, "form": STRING}],
            },
            lambda n: {
                "tokens": [f"a{n}", "zu", "dem"],
                "upos": [8, 2, 6 + _third(n)],
                "head": ["0", "1", "1"],
                "mwt": [{"id": "2-3", "form": "zum"}],
            },
            "de",
            label="upos",
            unknown=[8, 2, 77],
        ),
        Shape("squad", "xquad", "test", SPAN, _span, "de", "en", texts=("context", "question")),
        Shape("tydiqa", "tydiqa", "test", SPAN, _span, "de", texts=("context", "question")),
        Shape(
            "tatoeba",
            "tatoeba",
            "test",
            {"source_sentence": STRING, "target_sentence": STRING},
            lambda n: {"source_sentence": f"a {n}", "target_sentence": f"b {n}"},
            "de",
            texts=("source_sentence", "target_sentence"),
        ),
        Shape(
            "tatoeba112",
            "tatoeba112",
            "test",
            {"sentence1": STRING, "sentence2": STRING, "lang": STRING},
            lambda n: {"sentence1": f"a {n}", "sentence2": f"b {n}", "lang": "dan-eng"},
            "dan",
            texts=("sentence1", "sentence2"),
        ),
        Shape(
            "bucc",
            "bucc2018",
            "test",
            {"sentence1": List(STRING), "sentence2": List(STRING), "gold": List(List(NUMBER))},
            lambda n: {
                "sentence1": [f"a {place}" for place in range(ROWS)],
                "sentence2": [f"b {place}" for place in range(ROWS)],
                "gold": [[place, place] for place in range(1, ROWS)],
            },
            "de",
            rows=1,
        ),
    )
}
Table = tuple[dict[str, Any], list[dict[str, Any]]]


def _another_type(features: dict[str, Any], rows: list[dict[str, Any]], name: str) -> Table:
    """The column as what cannot be meant: numbers for texts and lists, lists for numbers."""
    is_text = features[name] == STRING
    value: Any = List(NUMBER) if features[name] == NUMBER else NUMBER
    held: Any = [1] if features[name] == NUMBER else 1
    if is_text:
        value, held = List(STRING), ["x"]
    return {**features, name: value}, [{**row, name: held} for row in rows]


def _mutations(shape: Shape) -> dict[str, Callable[[dict[str, Any], list[dict[str, Any]]], Table]]:
    middle = shape.rows // 2

    def one(name: str, value: Any) -> Callable[[dict[str, Any], list[dict[str, Any]]], Table]:
        return lambda features, rows: (
            features,
            [{**row, name: value} if n == middle else row for n, row in enumerate(rows)],
        )

    found: dict[str, Callable[[dict[str, Any], list[dict[str, Any]]], Table]] = {}
    for name in shape.features:
        found[f"{name} gone"] = lambda features, rows, name=name: (
            {key: value for key, value in features.items() if key != name},
            [{key: value for key, value in row.items() if key != name} for row in rows],
        )
        found[f"{name} renamed"] = lambda features, rows, name=name: (
            {f"my_{key}" if key == name else key: value for key, value in features.items()},
            [
                {f"my_{key}" if key == name else key: held for key, held in row.items()}
                for row in rows
            ],
        )
        found[f"{name} of another type"] = lambda features, rows, name=name: _another_type(
            features, rows, name
        )
        found[f"{name} null"] = one(name, None)
        found[f"{name} null throughout"] = lambda features, rows, name=name: (
            features,
            [{**row, name: None} for row in rows],
        )
    for name in (name for name, kind in shape.features.items() if isinstance(kind, List)):
        held = shape.row(middle)[name]
        # A corpus may be of any size.
        if shape.reader != "bucc":
            found[f"{name} with one less"] = one(name, held[:-1])
            found[f"{name} with one more"] = one(name, [*held, held[-1]])
        found[f"{name} without any"] = one(name, [])
        found[f"{name} with a null within"] = one(name, [*held[:-1], None])
    for name in shape.texts:
        found[f"{name} blank"] = one(name, " ")
        found[f"{name} empty"] = one(name, "")
        if shape.reader.startswith("tatoeba"):
            found[f"{name} with its line end"] = lambda features, rows, name=name: (
                features,
                [{**row, name: f"{row[name]}\r\n"} for row in rows],
            )
        found[f"{name} with a lost character"] = one(name, "a\ufffdb")
    if shape.label:
        found["unknown label"] = one(shape.label, shape.unknown)
    if shape.label and not isinstance(shape.features[shape.label], List):
        found["all gold alike"] = lambda features, rows: (
            features,
            [{**row, shape.label: rows[0][shape.label]} for row in rows],
        )
    found["no row"] = lambda features, rows: (features, [])
    found["a row twice"] = lambda features, rows: (
        features,
        [*rows[: middle + 1], *rows[middle:]],
    )
    if shape.partner:
        found["a row missing"] = lambda features, rows: (
            features,
            rows[:middle] + rows[middle + 1 :],
        )
    return found


CASES = [
    pytest.param(reader, name, id=f"{reader}-{name}")
    for reader, shape in SHAPES.items()
    for name in _mutations(shape)
]


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is read from or left in the user's cache, and nothing is asked of the network."""
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(datasets.config, "HF_HUB_OFFLINE", True)


def _dataset(table: Table) -> Dataset:
    features, rows = table
    columns = {name: [row[name] for row in rows] for name in features}
    return Dataset.from_dict(columns, features=Features(features))


def _built(
    shape: Shape, table: Table, monkeypatch: pytest.MonkeyPatch
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The rows, and what is told of each language."""
    task = TASKS[shape.task]
    source = HubSource(
        reader=shape.reader, repo="some/set", revision="0" * 40, config="{lang}", split="x"
    )
    several = {shape.split: (source,)}
    # Of German, which TyDiQA does not have, the reader is shown nothing else.
    task = dataclasses.replace(
        task, hub=several, hub_translated=several, languages=(shape.language, shape.partner)
    )
    sound = shape.features, [shape.row(number) for number in range(shape.rows)]

    def load(repo: str, config: str, **_: Any) -> Dataset:
        return _dataset(table if config == shape.language else sound)

    monkeypatch.setattr(hub, "load_dataset", load)
    languages = [shape.language, *([shape.partner] if shape.partner else [])]
    units = [Unit(shape.split, language) for language in languages]
    part = "dev" if shape.split == "dev" else "eval"
    rows, meta = build_part(task, part, units, source="hub", limits={}, dev_share=0.0)
    told = [{key: unit.get(key) for key in ("counts", "odd_texts")} for unit in meta["units"]]
    return rows.to_pylist(), told


@pytest.mark.parametrize(("reader", "name"), CASES)
def test_nothing_broken_is_accepted_in_silence(
    reader: str, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shape = SHAPES[reader]
    sound = shape.features, [shape.row(number) for number in range(shape.rows)]
    rows, told = _built(shape, sound, monkeypatch)
    broken = _mutations(shape)[name](*sound)
    message = ""
    try:
        after, told_after = _built(shape, broken, monkeypatch)
    except XstiltsError as error:
        message = str(error)
    if message:
        assert "some/set at 0000" in message
    else:
        assert after == rows or told_after != told, "accepted in silence"


@pytest.mark.parametrize("reader", READERS)
def test_every_reader_is_broken_in_twenty_ways(reader: str) -> None:
    assert len(_mutations(SHAPES[reader])) >= 20
