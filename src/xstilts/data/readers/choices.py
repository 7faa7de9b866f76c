"""Multiple choice: readers of its data sets' own files, and what they share with the hub.

A record is a row by its column names, from JSON lines, CSV or Parquet alike.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xstilts.data.kinds.base import GOLD_REMOVED
from xstilts.data.readers.lines import parse_json, read_lines
from xstilts.data.readers.tables import csv_rows
from xstilts.data.rows import Batch, Pairing, Place, item
from xstilts.errors import XstiltsError

Record = Mapping[str, Any]
_COPA_QUESTIONS = {"cause": "What was the cause?", "effect": "What was the effect?"}


@dataclass(frozen=True)
class ChoiceItem:
    """One item as its source has it: `names` are what its label may be, one for each choice.

    `asked` are the parts of its prompt. `key` is what the item is called in every language, where
    the source has such an id. `passage` is what several items are asked about, where it is a part
    of the prompt.
    """

    asked: tuple[str, ...]
    choices: tuple[str, ...]
    names: tuple[str, ...]
    label: Any
    key: str | None = None
    passage: str | None = None

    @property
    def prompt(self) -> str:
        """What stands before each choice."""
        return " ".join(self.asked)


@dataclass(frozen=True)
class RecordLayout:
    """What the records of a data set look like."""

    read: Callable[[Record], ChoiceItem]
    form: str


def _listed(texts: Any) -> tuple[str, ...]:
    """A list of texts, which one text is not."""
    if isinstance(texts, str):
        raise TypeError(f"{texts[:40]!r} is no list")
    return tuple(texts)


def _numbered(
    asked: tuple[str, ...], choices: Iterable[str], label: Any, key: str | None = None
) -> ChoiceItem:
    """An item whose label is the 0-based place of the right choice."""
    choices = _listed(choices)
    return ChoiceItem(asked, choices, tuple(map(str, range(len(choices)))), label, key)


def _hellaswag(record: Record) -> ChoiceItem:
    return _numbered((record["ctx"],), record["endings"], record.get("label"))


def _cosmosqa(record: Record) -> ChoiceItem:
    asked = record["context"], record["question"]
    return _numbered(asked, (record[f"answer{n}"] for n in range(4)), record.get("label"))


def _csqa(record: Record) -> ChoiceItem:
    """As the hub has it, or as the authors: with `stem` and `choices` inside `question`."""
    question = record["question"]
    choices = question["choices"] if isinstance(question, Mapping) else record["choices"]
    if isinstance(choices, Mapping):
        names, texts = choices["label"], choices["text"]
    else:
        names, texts = zip(*((choice["label"], choice["text"]) for choice in choices), strict=True)
    prompt = question["stem"] if isinstance(question, Mapping) else question
    return ChoiceItem((prompt,), _listed(texts), _listed(names), record.get("answerKey"))


def _copa(record: Record) -> ChoiceItem:
    """COPA and XCOPA, asked as XTREME-R's baseline does (google-research/xtreme, run_xcopa.py)."""
    asked = record["premise"], _COPA_QUESTIONS[record["question"]]
    key = None if record.get("idx") is None else str(record["idx"])
    choices = (record["choice1"], record["choice2"])
    return _numbered(asked, choices, record.get("label"), key)


def _belebele(record: Record) -> ChoiceItem:
    """Belebele, whose right answer is numbered from 1."""
    names = tuple(map(str, range(1, 5)))
    return ChoiceItem(
        asked=(record["flores_passage"], record["question"]),
        choices=tuple(record[f"mc_answer{name}"] for name in names),
        names=names,
        label=record.get("correct_answer_num"),
        key=f"{record['link']} {record['question_number']}",
        passage=record["flores_passage"],
    )


HELLASWAG = RecordLayout(_hellaswag, "ctx, endings and label, the 0-based number of the right one")
COSMOSQA = RecordLayout(_cosmosqa, "context, question, answer0 to answer3 and label, from 0 to 3")
CSQA = RecordLayout(_csqa, "question, choices (label and text, or a list of both) and answerKey")
COPA = RecordLayout(
    _copa, "premise, question (cause or effect), choice1, choice2 and label, 0 or 1"
)
BELEBELE = RecordLayout(
    _belebele,
    "link, question_number, flores_passage, question, mc_answer1 to mc_answer4 and"
    " correct_answer_num, from 1 to 4",
)


def choice_batch(
    place: Place, shape: RecordLayout, records: Iterable[tuple[int, Any]], where: str
) -> Batch:
    """Rows of multiple choice from numbered records.

    Raises:
        XstiltsError: a record is of another shape, has fewer than two choices, or no label or
            one that names none of them.
    """
    read = [(row, _choice(shape, record, where, row)) for row, record in records]
    keys = [choice.key for _, choice in read]
    keyed = None not in keys and len(set(keys)) == len(keys)
    sizes = Counter(len(choice.choices) for _, choice in read)
    counts = Counter(
        ids_repeated=0 if keyed or None in keys else len(keys) - len(set(keys)),
        prompts_with_blank_part=sum(not all(map(str.strip, each.asked)) for _, each in read),
        other_number_of_choices=len(read) - max(sizes.values(), default=0),
    )
    return Batch(
        [
            {
                **item(place, number, choice.key if keyed else None),
                "prompt": choice.prompt,
                "choices": list(choice.choices),
                "label": _place_of(choice, where, row),
                **({} if choice.passage is None else {"passage": choice.passage}),
            }
            for number, (row, choice) in enumerate(read)
        ],
        counts=+counts,
        pairing=Pairing.ID if keyed else Pairing.NUMBER,
    )


def _choice(shape: RecordLayout, record: Any, where: str, row: int) -> ChoiceItem:
    try:
        choice = shape.read(record)
        if not all(isinstance(text, str) for text in (*choice.asked, *choice.choices)):
            raise TypeError("the texts must be strings")
        if len(choice.choices) < 2 or len(choice.names) != len(choice.choices):
            raise ValueError(f"{len(choice.choices)} choices, {len(choice.names)} names of them")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise XstiltsError(
            f"not an item of multiple choice: {type(error).__name__} {error}",
            where=where,
            row=row,
            hint=f"needs {shape.form}",
        ) from error
    return choice


def _place_of(choice: ChoiceItem, where: str, row: int) -> int:
    label = "" if choice.label is None else str(choice.label).strip()
    if label in choice.names:
        return choice.names.index(label)
    if label in ("", "-1"):
        raise XstiltsError("the label is missing", where=where, row=row, hint=GOLD_REMOVED)
    raise XstiltsError(
        f"the label {label!r} names none of the choices",
        where=where,
        row=row,
        hint=f"they are {', '.join(choice.names)}",
    )


def read_jsonl(place: Place, files: Sequence[Path], shape: RecordLayout) -> Batch:
    """JSON lines of a data set of this shape."""
    (path,) = files
    records = (
        (row, parse_json(line, path, row))
        for row, line in enumerate(read_lines(path), 1)
        if line.strip()
    )
    return choice_batch(place, shape, records, str(path))


def read_csv(place: Place, files: Sequence[Path], shape: RecordLayout) -> Batch:
    """CSV with a header, of a data set of this shape."""
    (path,) = files
    return choice_batch(place, shape, csv_rows(path), str(path))
