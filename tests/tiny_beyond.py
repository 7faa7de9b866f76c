"""The targets beyond XTREME for `tiny_xtreme`, in its made-up words and the sets' own formats."""

from __future__ import annotations

import csv
import json
import random
from collections.abc import Iterable, Sequence
from pathlib import Path

from tiny_words import Lexicon

from xstilts.config.tasks import TASKS


def write_beyond(
    root: Path,
    lexicon: Lexicon,
    rng: random.Random,
    sizes: dict[str, int],
    languages: Sequence[str],
) -> None:
    """Write all splits, each in the languages that the target has, or else in its first two."""
    for split, count in sizes.items():
        _write_labelled(root, lexicon, rng, split, count, languages)
        if split != "train":
            _write_tagged(root, lexicon, rng, split, count, languages)
    count = sizes["test"]
    _write_choices(root, lexicon, rng, count, languages)
    english = [" ".join([*lexicon.sentence(rng, 5), "."]) for _ in range(count)]
    _lines(root / "ntrex/newstest2019-src.eng.txt", english)
    _lines(root / "ntrex/DOCUMENT_IDS.tsv", (f"paper.{row // 4}" for row in range(count)))
    for language, code in spoken("ntrex", languages):
        name = f"ntrex/newstest2019-ref.{code}.txt"
        _lines(root / name, (lexicon.say(language, text) for text in english))
    for language, code in spoken("tatoeba112", languages):
        stem = f"tatoeba/tatoeba.{code}-eng"
        _lines(root / f"{stem}.eng", english)
        _lines(root / f"{stem}.{code}", (lexicon.say(language, text) for text in english))


def spoken(key: str, languages: Sequence[str]) -> list[tuple[str, str]]:
    """The languages that a target is written in here, each with the data set's code of it."""
    codes = TASKS[key].codes
    return [(code, codes[code]) for code in languages if code in codes] or list(codes.items())[:2]


def _write_labelled(
    root: Path,
    lexicon: Lexicon,
    rng: random.Random,
    split: str,
    count: int,
    languages: Sequence[str],
) -> None:
    labels = TASKS["sib200"].labels
    topics = [
        (number, labels[number % len(labels)], " ".join(lexicon.sentence(rng, 6)))
        for number in range(count)
    ]
    for language, code in spoken("sib200", languages):
        if language == "en" or split != "train":
            rows = [
                (number, label, f'"{label}" {lexicon.say(language, text)}')
                for number, label, text in topics
            ]
            _table(root / f"sib200/{code}/{split}.tsv", ("index_id", "category", "text"), rows)
    if split == "train":
        return
    pairs = [lexicon.inference(rng, number) for number in range(count)]
    header = ("premise", "hypothesis", "label")
    numbers = {label: number for number, label in enumerate(TASKS["xnli"].labels)}
    for language, code in spoken("americasnli", languages):
        said = [
            (lexicon.say(language, a), lexicon.say(language, b), label) for a, b, label in pairs
        ]
        path = root / f"americasnli/{split}/{code}.tsv"
        _table(path, ("language", *header), [(code, *row) for row in said])
    for language, code in spoken("afrixnli", languages):
        numbered = [
            (lexicon.say(language, a), lexicon.say(language, b), numbers[label])
            for a, b, label in pairs
        ]
        _table(root / f"afrixnli/{code}/{split}.tsv", header, numbered)


def _write_tagged(
    root: Path,
    lexicon: Lexicon,
    rng: random.Random,
    split: str,
    count: int,
    languages: Sequence[str],
) -> None:
    words = [lexicon.tagged(rng) for _ in range(count)]
    names = [lexicon.named(rng) for _ in range(count)]
    for key, sentences in (("masakhapos", words), ("masakhaner2", names)):
        for language, code in spoken(key, languages):
            blocks = (
                "".join(f"{lexicon.say(language, word)} {tag}\n" for word, tag in sentence)
                for sentence in sentences
            )
            _lines(root / f"{key}/{code}/{split}.txt", blocks)
    for language, code in spoken("ud", languages):
        prefix = code.replace("*", "tiny")
        blocks = (
            "".join(
                "\t".join(
                    (f"{number}", lexicon.say(language, word), "_", tag, "_", "_", f"{number - 1}")
                )
                + "\tdep\t_\t_\n"
                for number, (word, tag) in enumerate(sentence, 1)
            )
            for sentence in words
        )
        _lines(root / f"ud/UD_Tiny/{prefix}-ud-{split}.conllu", blocks)


def _write_choices(
    root: Path, lexicon: Lexicon, rng: random.Random, count: int, languages: Sequence[str]
) -> None:
    items = []
    for number in range(count):
        key, choices, label = lexicon.offer(rng, 4)
        items.append((number, " ".join([*lexicon.sentence(rng, 8), key, "."]), choices, label))
    for language, code in spoken("belebele", languages):
        records = (
            {
                "link": f"tiny/{number // 2}",
                "question_number": number % 2 + 1,
                "flores_passage": lexicon.say(language, passage),
                "question": "?",
                **{
                    f"mc_answer{place}": lexicon.say(language, choice)
                    for place, choice in enumerate(choices, 1)
                },
                "correct_answer_num": str(label + 1),
                "dialect": code,
            }
            for number, passage, choices, label in items
        )
        _lines(root / f"belebele/{code}.jsonl", map(json.dumps, records))
    for language, code in spoken("pitfalls", languages):
        value = [
            {
                "oriquestion": passage,
                "question": passage,
                "choices": choices,
                "answer": choices[label],
                "transquestion": lexicon.say(language, passage),
                "transchoices": [lexicon.say(language, choice) for choice in choices],
                "transanswer": lexicon.say(language, choices[label]),
            }
            for _, passage, choices, label in items
        ]
        _lines(root / f"pitfalls/{code}.json", [json.dumps(value)])


def _table(path: Path, header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", lineterminator="\n")
        writer.writerows([header, *rows])


def _lines(path: Path, lines: Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
