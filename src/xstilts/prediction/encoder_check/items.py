"""Items of every kind of task, made of the sentences."""

from __future__ import annotations

from itertools import cycle, islice
from typing import Any

import pyarrow as pa

from xstilts.config.tasks import TASKS, TEXT, Kind, Task
from xstilts.data.schemas import DATA
from xstilts.prediction.encoder_check.sentences import SENTENCES, Sentence

# The task that stands for each kind: all tasks of a kind are featurised and trained alike.
TASK_OF: dict[Kind, Task] = {
    Kind.TAGGING: TASKS["udpos"],
    Kind.SPAN: TASKS["squad_v1"],
    Kind.PAIR: TASKS["xnli"],
    Kind.SENTENCE: TASKS["sib200"],
    Kind.CHOICE: TASKS["xcopa"],
    Kind.MLM: TASKS[TEXT],
    Kind.RETRIEVAL: TASKS["tatoeba"],
}
TRAINED = tuple(kind for kind in TASK_OF if not TASK_OF[kind].facts.embedded)


def items_of(kind: Kind) -> pa.Table:
    """One item a sentence, as the workflow's own data of that kind would hold it.

    Pairs and choices are of a sentence and the beginning and end of others.
    """
    others = SENTENCES[1:] + SENTENCES[:1]
    rows = [
        _row(number, sentence) | _columns(kind, number, sentence, other)
        for number, (sentence, other) in enumerate(zip(SENTENCES, others, strict=True))
    ]
    return pa.Table.from_pylist(rows, schema=DATA[kind])


def questions_for_every_word() -> pa.Table:
    """Items of span extraction whose answers are the words of all sentences, each in turn."""
    rows = [
        _row(number, sentence) | _question(sentence, *span)
        for number, sentence in enumerate(SENTENCES)
        for span in sentence.spans
    ]
    for number, row in enumerate(rows):
        row["id"] = str(number)
    return pa.Table.from_pylist(rows, schema=DATA[Kind.SPAN])


def _row(number: int, sentence: Sentence) -> dict[str, Any]:
    name = str(number)
    columns = {"id": name, "language": sentence.language, "split": "train"}
    return {**columns, "group": name, "cluster": name}


def _question(sentence: Sentence, start: int, end: int) -> dict[str, Any]:
    answer = {"text": sentence.text[start:end], "start": start}
    return {"context": sentence.text, "question": sentence.words[0], "answers": [answer]}


def _columns(kind: Kind, number: int, sentence: Sentence, other: Sentence) -> dict[str, Any]:
    labels = TASK_OF[kind].labels
    match kind:
        case Kind.TAGGING:
            tags = list(islice(cycle(labels), number, number + len(sentence.words)))
            return {"tokens": list(sentence.words), "tags": tags}
        case Kind.SPAN:
            return _question(sentence, *sentence.spans[1 + number % 3])
        case Kind.PAIR:
            texts = {"text_a": sentence.text, "text_b": other.text}
            return {**texts, "label": labels[number % len(labels)]}
        case Kind.SENTENCE:
            return {"text": sentence.text, "label": labels[number % len(labels)]}
        case Kind.CHOICE:
            half = sentence.spans[len(sentence.words) // 2][0]
            right, wrong = sentence.text[half:], other.text
            label = number // 2 % 2
            choices = [wrong, right] if label else [right, wrong]
            return {"prompt": sentence.text[:half], "choices": choices, "label": label}
        case Kind.RETRIEVAL:
            return {"side": "foreign", "text": sentence.text}
        case Kind.MLM:
            return {"text": sentence.text}
