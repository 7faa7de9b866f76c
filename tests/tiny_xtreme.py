"""A tiny XTREME download folder in made-up words, for tests without real data.

Small enough for seconds, regular enough for a randomly initialised encoder to learn: a cue
word decides the label of a pair, a word decides its tag, an answer follows its key word. About
half of the words are the same in all languages, so that something can transfer.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from xstilts.languages import LANGUAGES
from xstilts.tasks import NLI_LABELS, TASKS, UPOS_TAGS

_ONSETS = ["b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z"]
_VOWELS = ["a", "e", "i", "o", "u"]


def _words(rng: random.Random, count: int, taken: set[str]) -> list[str]:
    words: list[str] = []
    while len(words) < count:
        word = "".join(rng.choice(_ONSETS) + rng.choice(_VOWELS) for _ in range(2))
        if word not in taken:
            taken.add(word)
            words.append(word)
    return words


class _Lexicon:
    """Words by what they mean to each task, in English; `say` puts them in a language."""

    def __init__(self, seed: int) -> None:
        rng = random.Random(seed)
        taken: set[str] = set()
        self.plain = _words(rng, 24, taken)
        self.nli = dict(zip(NLI_LABELS, _words(rng, 3, taken), strict=True))
        self.same = dict(zip("01", _words(rng, 2, taken), strict=True))
        self.upos = {tag: _words(rng, 2, taken) for tag in UPOS_TAGS}
        self.names = {
            kind: (_words(rng, 3, taken), _words(rng, 3, taken)) for kind in ("LOC", "ORG", "PER")
        }
        self.keys = _words(rng, 6, taken)
        self.answers = _words(rng, 12, taken)
        self._shared = {word for word in sorted(taken) if rng.random() < 0.5}

    def say(self, language: str, text: str) -> str:
        if language == "en":
            return text
        return " ".join(
            word if word in self._shared or not word.isalpha() else f"{word}{language}"
            for word in text.split(" ")
        )


def write_tiny_xtreme(
    root: Path,
    *,
    seed: int = 0,
    train: int = 40,
    test: int = 12,
    languages: tuple[str, ...] = ("en", "de", "sw", "zh"),
) -> None:
    """Write all nine targets, SQuAD, MNLI and QQP under `root`, always the same.

    `train` items in English and `test` items in dev and in test of each of `languages` that
    the task has. A retrieval language has `test` gold pairs, BUCC three times as many other
    sentences.
    """
    lexicon = _Lexicon(seed)
    root = Path(root)
    sizes = {"train": train, "dev": test, "test": test}
    for split, count in sizes.items():
        spoken = ("en",) if split == "train" else languages
        rng = random.Random(f"{seed} {split}")
        nli = [_nli(rng, lexicon, number) for number in range(count)]
        paws = [_paws(rng, lexicon, number) for number in range(count)]
        words = [_tagged(rng, lexicon) for _ in range(count)]
        names = [_named(rng, lexicon) for _ in range(count)]
        for language in spoken:
            for key, pairs in (("xnli", nli), ("pawsx", paws)):
                if language in TASKS[key].languages:
                    lines = (
                        f"{lexicon.say(language, a)}\t{lexicon.say(language, b)}\t{label}"
                        for a, b, label in pairs
                    )
                    _write(root / key / f"{split}-{language}.tsv", lines)
            for key, sentences in (("udpos", words), ("panx", names)):
                if language in TASKS[key].languages:
                    lines = (
                        "".join(f"{lexicon.say(language, word)}\t{tag}\n" for word, tag in sentence)
                        for sentence in sentences
                    )
                    _write(root / key / f"{split}-{language}.tsv", lines)
        if split != "test":
            _write_mnli(root / "intermediate/mnli" / f"{split}.jsonl", rng, lexicon, count)
            _write_qqp(root / "intermediate/qqp" / f"{split}.jsonl", paws)
    _write_questions(root, random.Random(f"{seed} qa"), lexicon, sizes, languages)
    _write_retrieval(root, random.Random(f"{seed} retrieval"), lexicon, test, languages)


def _write(path: Path, lines: Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _sentence(rng: random.Random, lexicon: _Lexicon, length: int) -> list[str]:
    return [rng.choice(lexicon.plain) for _ in range(length)]


def _nli(rng: random.Random, lexicon: _Lexicon, number: int) -> tuple[str, str, str]:
    label = NLI_LABELS[number % 3]
    premise = _sentence(rng, lexicon, 4)
    hypothesis = [*premise[:2], lexicon.nli[label]]
    return " ".join([*premise, "."]), " ".join([*hypothesis, "."]), label


def _paws(rng: random.Random, lexicon: _Lexicon, number: int) -> tuple[str, str, str]:
    label = str(number % 2)
    words = _sentence(rng, lexicon, 4)
    other = [words[1], words[0], *words[2:], lexicon.same[label]]
    return " ".join([*words, "."]), " ".join([*other, "."]), label


def _tagged(rng: random.Random, lexicon: _Lexicon) -> list[tuple[str, str]]:
    tags = [rng.choice(UPOS_TAGS) for _ in range(rng.randint(3, 7))]
    return [(rng.choice(lexicon.upos[tag]), tag) for tag in tags]


def _named(rng: random.Random, lexicon: _Lexicon) -> list[tuple[str, str]]:
    kind = rng.choice(sorted(lexicon.names))
    first, later = lexicon.names[kind]
    name = [(rng.choice(first), f"B-{kind}"), (rng.choice(later), f"I-{kind}")]
    around = [[(word, "O") for word in _sentence(rng, lexicon, 2)] for _ in range(2)]
    return [*around[0], *name[: rng.randint(1, 2)], *around[1]]


def _write_mnli(path: Path, rng: random.Random, lexicon: _Lexicon, count: int) -> None:
    items = (_nli(rng, lexicon, number) for number in range(count))
    _write(
        path,
        (
            json.dumps({"premise": premise, "hypothesis": hypothesis, "label": label})
            for premise, hypothesis, label in items
        ),
    )


def _write_qqp(path: Path, pairs: Iterable[tuple[str, str, str]]) -> None:
    """Pairs labelled 0 and 1, in the columns of GLUE and with its names of the labels."""
    names = TASKS["qqp"].labels
    lines = (
        json.dumps({"question1": a, "question2": b, "label": names[int(label)]})
        for a, b, label in pairs
    )
    _write(path, lines)


def _write_questions(
    root: Path,
    rng: random.Random,
    lexicon: _Lexicon,
    sizes: dict[str, int],
    languages: tuple[str, ...],
) -> None:
    def write(name: str, language: str, items: list[tuple[str, str, str, str]]) -> None:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(_squad(items, lexicon, language)), encoding="utf-8")

    def spoken(key: str) -> list[str]:
        return [language for language in languages if language in TASKS[key].languages]

    for split in ("train", "dev"):
        items = _questions(rng, lexicon, sizes[split], f"squad-{split}")
        write(f"squad/{split}-v1.1.json", "en", items)
    items = _questions(rng, lexicon, sizes["test"], "xquad")
    for language in spoken("xquad"):
        write(f"xquad/xquad.{language}.json", language, items)
    for split in ("dev", "test"):
        items = _questions(rng, lexicon, sizes[split], f"mlqa-{split}")
        for language in spoken("mlqa"):
            name = f"mlqa/MLQA_V1/{split}/{split}-context-{language}-question-{language}.json"
            write(name, language, items)
    # XTREME's training files keep only the last piece of each id, so that ids repeat.
    items = [
        (str(number % 5), *rest)
        for number, (_, *rest) in enumerate(_questions(rng, lexicon, sizes["train"], ""))
    ]
    write("tydiqa/tydiqa-goldp-v1.1-train/tydiqa.goldp.en.train.json", "en", items)
    for language in spoken("tydiqa"):
        name = LANGUAGES[language].name.lower()
        items = _questions(rng, lexicon, sizes["test"], name)
        write(f"tydiqa/tydiqa-goldp-v1.1-dev/tydiqa.goldp.{language}.dev.json", language, items)


def _questions(
    rng: random.Random, lexicon: _Lexicon, count: int, name: str
) -> list[tuple[str, str, str, str]]:
    items = []
    for number in range(count):
        facts = [
            f"{rng.choice(lexicon.plain)} {key} {rng.choice(lexicon.answers)} ."
            for key in rng.sample(lexicon.keys, 2)
        ]
        _, key, answer, _ = rng.choice(facts).split(" ")
        items.append((f"{name}-{number}", " ".join(facts), f"{key} ?", answer))
    return items


def _squad(
    items: list[tuple[str, str, str, str]], lexicon: _Lexicon, language: str
) -> dict[str, Any]:
    paragraphs = []
    for name, context, question, answer in items:
        context, question, answer = (
            lexicon.say(language, text) for text in (context, question, answer)
        )
        key = question.removesuffix(" ?")
        start = context.index(f" {key} {answer} ") + len(key) + 2
        paragraphs.append(
            {
                "context": context,
                "qas": [
                    {
                        "id": name,
                        "question": question,
                        "answers": [{"text": answer, "answer_start": start}],
                    }
                ],
            }
        )
    return {"version": "1.1", "data": [{"title": "tiny", "paragraphs": paragraphs}]}


def _write_retrieval(
    root: Path, rng: random.Random, lexicon: _Lexicon, count: int, languages: tuple[str, ...]
) -> None:
    for language in languages:
        if language in TASKS["tatoeba"].languages:
            english = [" ".join([*_sentence(rng, lexicon, 5), "."]) for _ in range(count)]
            order = sorted(range(count), key=lambda row: english[row])
            stem = root / "tatoeba" / f"{language}-en"
            _write(stem.with_suffix(f".{language}"), (lexicon.say(language, s) for s in english))
            _write(stem.with_suffix(".en"), (english[row] for row in order))
            labels = root / "tatoeba/labels" / f"test-{language}.tsv"
            _write(labels, (str(row) for row in order))
        if language in TASKS["bucc2018"].languages:
            for split in ("dev", "test"):
                _write_bucc(root / "bucc2018" / f"{language}-en.{split}", rng, lexicon, count)


def _write_bucc(stem: Path, rng: random.Random, lexicon: _Lexicon, count: int) -> None:
    language = stem.name[:2]
    sides: dict[str, list[str]] = {}
    parallel = [" ".join([*_sentence(rng, lexicon, 6), "."]) for _ in range(count)]
    numbers: dict[str, list[int]] = {}
    for side in (language, "en"):
        others = [" ".join([*_sentence(rng, lexicon, 6), "."]) for _ in range(3 * count)]
        sides[side] = [lexicon.say(side, sentence) for sentence in parallel + others]
        # Parallel sentences stand anywhere in the corpora.
        numbers[side] = rng.sample(range(1, 4 * count + 1), 4 * count)
        lines = sorted(
            f"{side}-{number:09d}\t{sentence}"
            for number, sentence in zip(numbers[side], sides[side], strict=True)
        )
        _write(stem.parent / f"{stem.name}.{side}", lines)
    pairs = list(zip(numbers[language], numbers["en"], strict=True))[:count]
    _write(
        stem.parent / f"{stem.name}.gold",
        (f"{language}-{a:09d}\ten-{b:09d}" for a, b in sorted(pairs)),
    )
