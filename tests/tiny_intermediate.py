"""The intermediate tasks and XCOPA for `tiny_xtreme`, in its made-up words."""

from __future__ import annotations

import csv
import io
import json
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from tiny_words import Lexicon

from xstilts.config.tasks import TASKS

# Languages other than English that MNLI and SQuAD 1.1 have training data in.
TRANSLATED = ("de", "sw")


def translated(split: str, languages: Sequence[str]) -> list[str]:
    """The languages that a split of MNLI or SQuAD 1.1 is in."""
    return ["en", *(code for code in TRANSLATED if split == "train" and code in languages)]


def mark(language: str) -> str:
    """What stands behind the name of the split in the name of a file."""
    return "" if language == "en" else f"-{language}"


def write_intermediate(
    root: Path,
    lexicon: Lexicon,
    rng: random.Random,
    split: str,
    count: int,
    paraphrases: Iterable[tuple[str, str, str]],
    languages: Sequence[str],
) -> None:
    """Write one split of every intermediate task but SQuAD 1.1; QQP is made of `paraphrases`."""
    folder = root / "intermediate"
    for name in ("mnli", "snli", "anli"):
        items = [lexicon.inference(rng, number) for number in range(count)]
        for language in translated(split, languages) if name == "mnli" else ["en"]:
            records = (
                {
                    "premise": lexicon.say(language, premise),
                    "hypothesis": lexicon.say(language, hypothesis),
                    "label": label,
                }
                for premise, hypothesis, label in items
            )
            _write_jsonl(folder / name / f"{split}{mark(language)}.jsonl", records)
    names = TASKS["qqp"].labels
    pairs = (
        {"question1": a, "question2": b, "label": names[int(label)]} for a, b, label in paraphrases
    )
    _write_jsonl(folder / "qqp" / f"{split}.jsonl", pairs)
    _write_squad_v2(folder / "squad_v2" / f"{split}-v2.0.json", rng, lexicon, count)
    name = {"train": "train", "dev": "val"}[split]
    _write_jsonl(folder / "hellaswag" / f"hellaswag_{name}.jsonl", _hellaswag(rng, lexicon, count))
    name = {"train": "train", "dev": "valid"}[split]
    _write_cosmosqa(folder / "cosmosqa" / f"{name}.csv", rng, lexicon, count)
    path = folder / "commonsense_qa" / f"{split}_rand_split.jsonl"
    _write_jsonl(path, _csqa(rng, lexicon, count))
    sentences = (
        "".join(f"{word}\tS\\{tag}\n" for word, tag in lexicon.tagged(rng)) for _ in range(count)
    )
    _write(folder / "ccg" / f"{split}.tsv", "\n".join(sentences))


def write_xcopa(
    folder: Path,
    rng: random.Random,
    lexicon: Lexicon,
    sizes: dict[str, int],
    languages: Sequence[str],
) -> None:
    """Write all splits of XCOPA, of training data the English."""
    for split, name in (("train", "train"), ("dev", "val"), ("test", "test")):
        items = []
        for number in range(sizes[split]):
            key, choices, label = lexicon.offer(rng, 2)
            premise = " ".join([*lexicon.sentence(rng, 2), key, "."])
            items.append((number, premise, rng.choice(["cause", "effect"]), choices, label))
        for language in ("en",) if split == "train" else languages:
            if language in TASKS["xcopa"].languages:
                records = (
                    {
                        "premise": lexicon.say(language, premise),
                        "choice1": lexicon.say(language, choices[0]),
                        "choice2": lexicon.say(language, choices[1]),
                        "question": question,
                        "label": label,
                        "idx": number,
                    }
                    for number, premise, question, choices, label in items
                )
                _write_jsonl(folder / f"{name}-{language}.jsonl", records)


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _write_jsonl(path: Path, records: Iterable[dict[str, Any]]) -> None:
    _write(path, "".join(f"{json.dumps(record)}\n" for record in records))


def _write_squad_v2(path: Path, rng: random.Random, lexicon: Lexicon, count: int) -> None:
    """Every other question asks for what the passage does not say."""
    value = lexicon.squad(lexicon.questions(rng, count, path.stem), "en")
    value["version"] = "v2.0"
    for number, paragraph in enumerate(value["data"][0]["paragraphs"]):
        (qa,) = paragraph["qas"]
        qa["is_impossible"] = number % 2 == 1
        if qa["is_impossible"]:
            absent = [key for key in lexicon.keys if key not in paragraph["context"].split(" ")]
            qa |= {"question": f"{rng.choice(absent)} ?", "answers": []}
    _write(path, json.dumps(value))


def _hellaswag(rng: random.Random, lexicon: Lexicon, count: int) -> Iterable[dict[str, Any]]:
    for number in range(count):
        key, endings, label = lexicon.offer(rng, 4)
        ctx = " ".join([*lexicon.sentence(rng, 3), key])
        yield {"ind": number, "ctx": ctx, "endings": endings, "label": label}


def _write_cosmosqa(path: Path, rng: random.Random, lexicon: Lexicon, count: int) -> None:
    stream = io.StringIO()
    table = csv.writer(stream)
    table.writerow(["id", "context", "question", *(f"answer{n}" for n in range(4)), "label"])
    for number in range(count):
        key, answers, label = lexicon.offer(rng, 4)
        context = " ".join([*lexicon.sentence(rng, 3), ",", key, "."])
        table.writerow([f"{path.stem}-{number}", context, f"{key} ?", *answers, label])
    _write(path, stream.getvalue())


def _csqa(rng: random.Random, lexicon: Lexicon, count: int) -> Iterable[dict[str, Any]]:
    for number in range(count):
        key, texts, place = lexicon.offer(rng, 5)
        yield {
            "id": str(number),
            "question": " ".join([*lexicon.sentence(rng, 2), key, "?"]),
            "choices": {"label": list("ABCDE"), "text": texts},
            "answerKey": "ABCDE"[place],
        }
