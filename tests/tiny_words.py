"""The made-up words of `tiny_xtreme`, and items in them."""

from __future__ import annotations

import random
from typing import Any

from xstilts.config.tasks import NLI_LABELS, UPOS_TAGS

_ONSETS = ["b", "d", "f", "g", "k", "l", "m", "n", "p", "r", "s", "t", "v", "z"]
_VOWELS = ["a", "e", "i", "o", "u"]

# Id, context, question, answer.
Question = tuple[str, str, str, str]


def _words(rng: random.Random, count: int, taken: set[str]) -> list[str]:
    words: list[str] = []
    while len(words) < count:
        word = "".join(rng.choice(_ONSETS) + rng.choice(_VOWELS) for _ in range(2))
        if word not in taken:
            taken.add(word)
            words.append(word)
    return words


class Lexicon:
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
        """A text in a language: about half of the words are the same in all."""
        if language == "en":
            return text
        return " ".join(
            word if word in self._shared or not word.isalpha() else f"{word}{language}"
            for word in text.split(" ")
        )

    def sentence(self, rng: random.Random, length: int) -> list[str]:
        """Words that mean nothing to any task."""
        return [rng.choice(self.plain) for _ in range(length)]

    def inference(self, rng: random.Random, number: int) -> tuple[str, str, str]:
        """Premise, hypothesis and label."""
        label = NLI_LABELS[number % 3]
        premise = self.sentence(rng, 4)
        hypothesis = [*premise[:2], self.nli[label]]
        return " ".join([*premise, "."]), " ".join([*hypothesis, "."]), label

    def paraphrase(self, rng: random.Random, number: int) -> tuple[str, str, str]:
        """Two sentences and 0 or 1."""
        label = str(number % 2)
        words = self.sentence(rng, 4)
        other = [words[1], words[0], *words[2:], self.same[label]]
        return " ".join([*words, "."]), " ".join([*other, "."]), label

    def tagged(self, rng: random.Random) -> list[tuple[str, str]]:
        """Words with parts of speech."""
        tags = [rng.choice(UPOS_TAGS) for _ in range(rng.randint(3, 7))]
        return [(rng.choice(self.upos[tag]), tag) for tag in tags]

    def named(self, rng: random.Random) -> list[tuple[str, str]]:
        """Words with the tags of a name among them."""
        kind = rng.choice(sorted(self.names))
        first, later = self.names[kind]
        name = [(rng.choice(first), f"B-{kind}"), (rng.choice(later), f"I-{kind}")]
        around = [[(word, "O") for word in self.sentence(rng, 2)] for _ in range(2)]
        return [*around[0], *name[: rng.randint(1, 2)], *around[1]]

    def questions(self, rng: random.Random, count: int, name: str) -> list[Question]:
        """Questions for what follows a key word in a passage."""
        items = []
        for number in range(count):
            facts = [
                f"{rng.choice(self.plain)} {key} {rng.choice(self.answers)} ."
                for key in rng.sample(self.keys, 2)
            ]
            _, key, answer, _ = rng.choice(facts).split(" ")
            items.append((f"{name}-{number}", " ".join(facts), f"{key} ?", answer))
        return items

    def squad(self, items: list[Question], language: str) -> dict[str, Any]:
        """Questions as SQuAD 1.1 JSON."""
        paragraphs = []
        for name, *texts in items:
            context, question, answer = (self.say(language, text) for text in texts)
            key = question.removesuffix(" ?")
            start = context.index(f" {key} {answer} ") + len(key) + 2
            answers = [{"text": answer, "answer_start": start}]
            qas = [{"id": name, "question": question, "answers": answers}]
            paragraphs.append({"context": context, "qas": qas})
        return {"version": "1.1", "data": [{"title": "tiny", "paragraphs": paragraphs}]}

    def offer(self, rng: random.Random, number: int) -> tuple[str, list[str], int]:
        """A key word, answers to choose from, and the place of the one that goes with it."""
        key = rng.choice(self.keys)
        right = self.answers[self.keys.index(key)]
        wrong = rng.sample([answer for answer in self.answers if answer != right], number - 1)
        place = rng.randrange(number)
        return key, [*wrong[:place], right, *wrong[place:]], place
