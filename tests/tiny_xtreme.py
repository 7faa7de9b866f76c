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

from tiny_beyond import write_beyond
from tiny_intermediate import mark, translated, write_intermediate, write_xcopa
from tiny_words import Lexicon, Question

from xstilts.config.languages import LANGUAGES
from xstilts.config.tasks import TASKS


def write_tiny_xtreme(
    root: Path,
    *,
    seed: int = 0,
    train: int = 40,
    test: int = 12,
    languages: tuple[str, ...] = ("en", "de", "sw", "zh"),
) -> None:
    """Write all targets and intermediate tasks under `root`, always the same.

    `train` items in English and `test` items in dev and in test of each of `languages` that
    the task has. A retrieval language has `test` gold pairs, BUCC three times as many other
    sentences. MNLI and SQuAD 1.1 have training data in `tiny_intermediate.TRANSLATED` too.
    """
    lexicon = Lexicon(seed)
    root = Path(root)
    sizes = {"train": train, "dev": test, "test": test}
    for split, count in sizes.items():
        spoken = ("en",) if split == "train" else languages
        rng = random.Random(f"{seed} {split}")
        nli = [lexicon.inference(rng, number) for number in range(count)]
        paws = [lexicon.paraphrase(rng, number) for number in range(count)]
        words = [lexicon.tagged(rng) for _ in range(count)]
        names = [lexicon.named(rng) for _ in range(count)]
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
            write_intermediate(root, lexicon, rng, split, count, paws, languages)
    _write_questions(root, random.Random(f"{seed} qa"), lexicon, sizes, languages)
    _write_retrieval(root, random.Random(f"{seed} retrieval"), lexicon, test, languages)
    write_xcopa(root / "xcopa", random.Random(f"{seed} xcopa"), lexicon, sizes, languages)
    write_beyond(root, lexicon, random.Random(f"{seed} beyond"), sizes, languages)


def _write(path: Path, lines: Iterable[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _write_questions(
    root: Path,
    rng: random.Random,
    lexicon: Lexicon,
    sizes: dict[str, int],
    languages: tuple[str, ...],
) -> None:
    def write(name: str, language: str, items: list[Question]) -> None:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(lexicon.squad(items, language)), encoding="utf-8")

    def spoken(key: str) -> list[str]:
        return [language for language in languages if language in TASKS[key].languages]

    for split in ("train", "dev"):
        items = lexicon.questions(rng, sizes[split], f"squad-{split}")
        for language in translated(split, languages):
            write(f"squad/{split}{mark(language)}-v1.1.json", language, items)
    items = lexicon.questions(rng, sizes["test"], "xquad")
    for language in spoken("xquad"):
        write(f"xquad/xquad.{language}.json", language, items)
    for split in ("dev", "test"):
        items = lexicon.questions(rng, sizes[split], f"mlqa-{split}")
        for language in spoken("mlqa"):
            name = f"mlqa/MLQA_V1/{split}/{split}-context-{language}-question-{language}.json"
            write(name, language, items)
    # XTREME's training files keep only the last piece of each id, so that ids repeat.
    items = [
        (str(number % 5), *rest)
        for number, (_, *rest) in enumerate(lexicon.questions(rng, sizes["train"], ""))
    ]
    write("tydiqa/tydiqa-goldp-v1.1-train/tydiqa.goldp.en.train.json", "en", items)
    for language in spoken("tydiqa"):
        name = LANGUAGES[language].name.lower()
        items = lexicon.questions(rng, sizes["test"], name)
        write(f"tydiqa/tydiqa-goldp-v1.1-dev/tydiqa.goldp.{language}.dev.json", language, items)


def _write_retrieval(
    root: Path, rng: random.Random, lexicon: Lexicon, count: int, languages: tuple[str, ...]
) -> None:
    for language in languages:
        if language in TASKS["tatoeba"].languages:
            english = [" ".join([*lexicon.sentence(rng, 5), "."]) for _ in range(count)]
            order = sorted(range(count), key=lambda row: english[row])
            stem = root / "tatoeba" / f"{language}-en"
            _write(stem.with_suffix(f".{language}"), (lexicon.say(language, s) for s in english))
            _write(stem.with_suffix(".en"), (english[row] for row in order))
            labels = root / "tatoeba/labels" / f"test-{language}.tsv"
            _write(labels, (str(row) for row in order))
        if language in TASKS["bucc2018"].languages:
            for split in ("dev", "test"):
                _write_bucc(root / "bucc2018" / f"{language}-en.{split}", rng, lexicon, count)


def _write_bucc(stem: Path, rng: random.Random, lexicon: Lexicon, count: int) -> None:
    language = stem.name[:2]
    sides: dict[str, list[str]] = {}
    parallel = [" ".join([*lexicon.sentence(rng, 6), "."]) for _ in range(count)]
    numbers: dict[str, list[int]] = {}
    for side in (language, "en"):
        others = [" ".join([*lexicon.sentence(rng, 6), "."]) for _ in range(3 * count)]
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
