"""How many tokens the model inputs of each task have, before any data are read.

Texts are known by their length in characters: mean and coefficient of variation, measured on some
hundred items of real XTREME data in each language, that of English and the mean over the others.
Characters become tokens by the encoder's vocabulary, and lengths are taken to be log-normal, so
that what a `max_length` cuts off can be told.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from statistics import NormalDist
from typing import Any

from xstilts.config.tasks import TASKS, Kind

# Points at which the distribution of lengths is looked at.
_POINTS = 200
# Special tokens of a pair: <s> a </s></s> b </s> of XLM-R; BERT has three. Of one text.
_PAIR_SPECIALS, TEXT_SPECIALS = 4, 2


@dataclass(frozen=True)
class Text:
    """Characters of a text: their mean and coefficient of variation."""

    mean: float
    variation: float


@dataclass(frozen=True, kw_only=True)
class _Task:
    """Texts of one item in English and in other languages; of QA the passage."""

    english: Text
    other: Text
    question: float = 0.0
    choices: int = 1


def _same(mean: float, variation: float, **more: Any) -> _Task:
    return _Task(english=Text(mean, variation), other=Text(mean, variation), **more)


# Measured on up to 600 training items and 60 to 160 test items a language, all texts of an item
# together, of multiple choice the prompt with one choice. TyDiQA's other languages are Korean and
# Swahili. BUCC was measured in English, which its other sides translate; the Chinese one alone was
# there. Not measured: qqp (two questions of eleven words) and ccg (sentences of newspapers).
_TASKS: Mapping[str, _Task] = {
    "xnli": _Task(english=Text(164, 0.54), other=Text(144, 0.44)),
    "pawsx": _Task(english=Text(228, 0.29), other=Text(174, 0.49)),
    "udpos": _Task(english=Text(115, 0.64), other=Text(99, 0.71)),
    "panx": _Task(english=Text(40, 0.62), other=Text(43, 0.96)),
    "xquad": _Task(english=Text(748, 0.34), other=Text(732, 0.42), question=60),
    "mlqa": _Task(english=Text(957, 0.73), other=Text(724, 0.90), question=46),
    "tydiqa": _Task(english=Text(600, 0.69), other=Text(276, 0.78), question=35),
    "bucc2018": _same(101, 0.22),
    "tatoeba": _same(32, 0.60),
    "xcopa": _same(82, 0.18, choices=2),
    "mnli": _same(164, 0.57),
    "anli": _same(224, 0.63),
    "qqp": _same(120, 0.45),
    "squad_v1": _same(891, 0.46, question=61),
    "squad_v2": _same(834, 0.47, question=59),
    "hellaswag": _same(347, 0.41, choices=4),
    "cosmosqa": _same(438, 0.28, choices=4),
    "csqa": _same(77, 0.35, choices=5),
    "ccg": _same(130, 0.45),
}

# Tokens of one input of the generated tasks, special tokens included: measured on the demo with
# its vocabulary of 2,700 pieces. They hardly vary.
_GENERATED: Mapping[str, float] = {
    "xnli": 24, "pawsx": 23, "udpos": 17, "panx": 18, "xquad": 32, "mlqa": 31, "tydiqa": 31,
    "bucc2018": 11, "tatoeba": 11, "mnli": 25, "anli": 35, "qqp": 29, "squad_v1": 34,
    "squad_v2": 34, "hellaswag": 21, "cosmosqa": 36, "csqa": 14, "ccg": 18, "text": 20,
}  # fmt: skip
_GENERATED_VARIATION = 0.25
# Noise breaks pieces apart: tokens of perturbed inputs for one of clean ones, measured alike.
_PERTURBED, _PERTURBED_GENERATED = 1.1, 1.5


@dataclass(frozen=True)
class Vocabulary:
    """Characters for each token of English and of other languages."""

    english: float
    other: float


# Measured with the 30,522 pieces of uncased English BERT, which cut other scripts into letters.
ENGLISH = Vocabulary(4.6, 1.95)
# Of XLM-R's 250,002 pieces; estimates: they were not at hand. Parallel text takes about 1.2 times
# the tokens of English (Petrov et al. 2023, arXiv 2305.15425).
MULTILINGUAL = Vocabulary(4.3, 3.5)


@dataclass(frozen=True)
class Inputs:
    """What an item becomes: features, and of each its model inputs' tokens.

    `tokens` and `squares` are the mean sums of the lengths, and of the squared lengths, of the
    inputs of one feature (several in multiple choice).
    """

    features: float
    tokens: float
    squares: float

    def stretched(self, factor: float) -> Inputs:
        """The same with inputs that are longer by `factor`."""
        return Inputs(self.features, self.tokens * factor, self.squares * factor**2)


@cache
def inputs_of(
    task: str,
    english_share: float,
    vocabulary: Vocabulary,
    max_length: int,
    doc_stride: int = 128,
    max_query_length: int = 64,
) -> Inputs:
    """The inputs of a mean item of real data.

    Args:
        english_share: how many of the items are English, from 0 to 1.
        max_length: of one input in tokens, as in `settings.Tokenisation`.

    Raises:
        KeyError: nothing is known of the task's texts.
    """
    found = _TASKS[task]
    parts = []
    for share, text, letters in (
        (english_share, found.english, vocabulary.english),
        (1 - english_share, found.other, vocabulary.other),
    ):
        if share > 0:
            question = min(found.question / letters, max_query_length)
            of_points = [
                _item(TASKS[task].kind, tokens, question, max_length, doc_stride)
                for tokens in _points(text.mean / letters, text.variation)
            ]
            parts.append((share / _POINTS, of_points))
    features, tokens, squares = (
        sum(weight * sum(point[i] for point in of_points) for weight, of_points in parts)
        for i in range(3)
    )
    return Inputs(features, found.choices * tokens / features, found.choices * squares / features)


def generated_inputs(task: str, max_length: int) -> Inputs:
    """The inputs of a mean item of the generated data (`data_source: invitro`)."""
    choices = _TASKS[task].choices if task in _TASKS else 1
    tokens = min(_GENERATED[task], max_length)
    return Inputs(1.0, choices * tokens, choices * tokens**2 * (1 + _GENERATED_VARIATION**2))


def text_inputs(tokens: float, max_length: int) -> Inputs:
    """The inputs of a document of so many tokens, cut into features of `max_length`."""
    features, total, squares = _pieces(tokens, max_length - TEXT_SPECIALS, TEXT_SPECIALS)
    return Inputs(features, total / features, squares / features)


def noise_factor(*, generated: bool) -> float:
    """By how much perturbed inputs are longer than clean ones."""
    return _PERTURBED_GENERATED if generated else _PERTURBED


def _points(mean: float, variation: float) -> list[float]:
    """Quantiles of a log-normal distribution, in the middles of equal parts of it."""
    spread = math.sqrt(math.log1p(variation**2))
    normal = NormalDist(math.log(mean) - spread**2 / 2, spread)
    return [math.exp(normal.inv_cdf((i + 0.5) / _POINTS)) for i in range(_POINTS)]


def _item(
    kind: Kind, tokens: float, question: float, max_length: int, stride: int
) -> tuple[float, float, float]:
    """(features, tokens, squared lengths) of one item whose text has so many tokens."""
    match kind:
        case Kind.SPAN:
            around = question + _PAIR_SPECIALS
            return _windows(tokens, max(1.0, max_length - around), around, stride)
        case Kind.TAGGING:
            return _pieces(tokens, max_length - TEXT_SPECIALS, TEXT_SPECIALS)
        case Kind.RETRIEVAL:
            length = min(tokens + TEXT_SPECIALS, max_length)
        case _:
            length = min(tokens + _PAIR_SPECIALS, max_length)
    return 1.0, length, length**2


def _windows(
    tokens: float, capacity: float, around: float, stride: int
) -> tuple[float, float, float]:
    """Windows over a passage, each beside `around` other tokens (`kinds.span.window_starts`)."""
    step = min(stride, capacity)
    full = max(0, math.ceil((tokens - capacity) / step))
    last = tokens - full * step + around
    return 1.0 + full, full * (capacity + around) + last, full * (capacity + around) ** 2 + last**2


def _pieces(tokens: float, capacity: float, around: float) -> tuple[float, float, float]:
    """A text cut into pieces that do not overlap."""
    return _windows(tokens, capacity, around, math.ceil(capacity))
