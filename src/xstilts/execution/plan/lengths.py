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
from functools import cache, reduce
from statistics import NormalDist
from typing import NamedTuple

from xstilts.config.tasks import TASKS, Kind

# Points at which the distribution of lengths is looked at.
_POINTS = 200
# Special tokens of a pair: <s> a </s></s> b </s> of XLM-R; BERT has three. Of one text.
_PAIR_SPECIALS, _TEXT_SPECIALS = 4, 2


class _TaskTexts(NamedTuple):
    """Texts of one item, in English and in other languages; of QA the passage.

    Of each the mean number of characters, and its coefficient of variation.
    """

    english: tuple[float, float]
    other: tuple[float, float]
    question: float = 0.0
    choices: int = 1


# Measured on up to 600 training items and 60 to 160 test items a language, all texts of an item
# together, of multiple choice the prompt with one choice. TyDiQA's other languages are Korean and
# Swahili. BUCC was measured in English, which its other sides translate; the Chinese one alone was
# there. Not measured: qqp (two questions of eleven words), ccg (sentences of newspapers), afrixnli
# and ud (as xnli and udpos), and belebele (its README: 79, 13 and 4 words).
_TASKS: Mapping[str, _TaskTexts] = {
    "xnli": _TaskTexts((164, 0.54), (144, 0.44)),
    "pawsx": _TaskTexts((228, 0.29), (174, 0.49)),
    "udpos": _TaskTexts((115, 0.64), (99, 0.71)),
    "panx": _TaskTexts((40, 0.62), (43, 0.96)),
    "xquad": _TaskTexts((748, 0.34), (732, 0.42), question=60),
    "mlqa": _TaskTexts((957, 0.73), (724, 0.90), question=46),
    "tydiqa": _TaskTexts((600, 0.69), (276, 0.78), question=35),
    "bucc2018": _TaskTexts((101, 0.22), (101, 0.22)),
    "tatoeba": _TaskTexts((32, 0.60), (32, 0.60)),
    "xcopa": _TaskTexts((82, 0.18), (82, 0.18), choices=2),
    "sib200": _TaskTexts((133, 0.35), (138, 0.39)),
    "americasnli": _TaskTexts((140, 0.42), (140, 0.42)),
    "afrixnli": _TaskTexts((164, 0.54), (144, 0.44)),
    "masakhapos": _TaskTexts((134, 0.53), (134, 0.53)),
    "masakhaner2": _TaskTexts((127, 0.54), (127, 0.54)),
    "ud": _TaskTexts((115, 0.64), (99, 0.71)),
    "belebele": _TaskTexts((560, 0.35), (560, 0.35), choices=4),
    "pitfalls": _TaskTexts((920, 0.46), (594, 0.69), choices=5),
    "tatoeba112": _TaskTexts((32, 0.59), (31, 0.64)),
    "ntrex": _TaskTexts((119, 0.50), (126, 0.54)),
    "mnli": _TaskTexts((164, 0.57), (164, 0.57)),
    "anli": _TaskTexts((224, 0.63), (224, 0.63)),
    "qqp": _TaskTexts((120, 0.45), (120, 0.45)),
    "squad_v1": _TaskTexts((891, 0.46), (891, 0.46), question=61),
    "squad_v2": _TaskTexts((834, 0.47), (834, 0.47), question=59),
    "hellaswag": _TaskTexts((347, 0.41), (347, 0.41), choices=4),
    "cosmosqa": _TaskTexts((438, 0.28), (438, 0.28), choices=4),
    "csqa": _TaskTexts((77, 0.35), (77, 0.35), choices=5),
    "ccg": _TaskTexts((130, 0.45), (130, 0.45)),
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
PERTURBED_LONGER, GENERATED_PERTURBED_LONGER = 1.1, 1.5


@dataclass(frozen=True)
class CharactersPerToken:
    """Characters for each token of English and of other languages."""

    english: float
    other: float


# Measured with the 30,522 pieces of uncased English BERT, which cut other scripts into letters.
ENGLISH = CharactersPerToken(4.6, 1.95)
# Of XLM-R's 250,002 pieces; estimates: they were not at hand. Parallel text takes about 1.2 times
# the tokens of English (Petrov et al. 2023, arXiv 2305.15425).
MULTILINGUAL = CharactersPerToken(4.3, 3.5)


@dataclass(frozen=True)
class PartSize:
    """What some data are for an encoder.

    Numbers of items and features, and the sums of the lengths (`tokens`) and of the squared lengths
    (`squares`) of their model inputs, of which a feature of multiple choice has several.
    """

    items: float
    features: float
    tokens: float
    squares: float

    def scaled(self, factor: float, *, longer: float = 1.0) -> PartSize:
        """So many times as much of the same, in inputs that are longer by a factor."""
        items, features = self.items * factor, self.features * factor
        return PartSize(
            items, features, self.tokens * factor * longer, self.squares * factor * longer**2
        )

    def plus(self, other: PartSize) -> PartSize:
        """Both together."""
        return PartSize(
            self.items + other.items,
            self.features + other.features,
            self.tokens + other.tokens,
            self.squares + other.squares,
        )

    def predicted(self, mask_ratio: float) -> float:
        """Positions that masked language modelling predicts.

        That share of the tokens of each feature, special ones aside, and at least one.
        """
        return max(self.features, mask_ratio * (self.tokens - _TEXT_SPECIALS * self.features))


@cache
def item_size(
    task: str,
    english_share: float,
    vocabulary: CharactersPerToken,
    max_length: int,
    doc_stride: int = 128,
    max_query_length: int = 64,
    prefix: float = 0.0,
) -> PartSize:
    """The size of a mean item of real data.

    Args:
        english_share: how many of the items are English, from 0 to 1.
        max_length: of one input in tokens, as in `settings.Tokenisation`.
        prefix: tokens of what stands before each text.

    Raises:
        KeyError: nothing is known of the task's texts.
    """
    found = _TASKS[task]
    size = PartSize(0, 0, 0, 0)
    for share, text, letters in (
        (english_share, found.english, vocabulary.english),
        (1 - english_share, found.other, vocabulary.other),
    ):
        question = min(found.question / letters, max_query_length)
        if share > 0:
            items = (
                _item(TASKS[task].kind, prefix + tokens, question, max_length, doc_stride)
                for tokens in _points(text[0] / letters, text[1])
            )
            size = size.plus(reduce(PartSize.plus, items).scaled(share / _POINTS))
    return PartSize(1, size.features, found.choices * size.tokens, found.choices * size.squares)


def generated_item_size(task: str, max_length: int, prefix: float = 0.0) -> PartSize:
    """The size of a mean item of the generated data (`data_source: invitro`), as `item_size`."""
    choices = _TASKS[task].choices if task in _TASKS else 1
    tokens = min(prefix + _GENERATED[task], max_length)
    return PartSize(1, 1, choices * tokens, choices * tokens**2 * (1 + _GENERATED_VARIATION**2))


def text_size(tokens: float, max_length: int) -> PartSize:
    """The size of a document of so many tokens, cut into features of `max_length`."""
    capacity = max_length - _TEXT_SPECIALS
    return _windows(tokens, capacity, _TEXT_SPECIALS, math.ceil(capacity))


def _points(mean: float, variation: float) -> list[float]:
    """Quantiles of a log-normal distribution, in the middles of equal parts of it."""
    spread = math.sqrt(math.log1p(variation**2))
    normal = NormalDist(math.log(mean) - spread**2 / 2, spread)
    return [math.exp(normal.inv_cdf((i + 0.5) / _POINTS)) for i in range(_POINTS)]


def _item(kind: Kind, tokens: float, question: float, max_length: int, stride: int) -> PartSize:
    """The size of one item whose text has so many tokens."""
    match kind:
        case Kind.SPAN:
            around = question + _PAIR_SPECIALS
            return _windows(tokens, max(1.0, max_length - around), around, stride)
        case Kind.TAGGING:
            return text_size(tokens, max_length)
        case Kind.RETRIEVAL | Kind.SENTENCE:
            length = min(tokens + _TEXT_SPECIALS, max_length)
        case _:
            length = min(tokens + _PAIR_SPECIALS, max_length)
    return PartSize(1, 1, length, length**2)


def _windows(tokens: float, capacity: float, around: float, stride: int) -> PartSize:
    """Windows over a passage, each beside `around` other tokens (`kinds.span.window_starts`)."""
    step = min(stride, capacity)
    full = max(0, math.ceil((tokens - capacity) / step))
    whole, last = capacity + around, tokens - full * step + around
    return PartSize(1, 1 + full, full * whole + last, full * whole**2 + last**2)
