"""Exact match and token F1 of extracted answers, in SQuAD's and in MLQA's reading.

SQuAD 1.1: Rajpurkar et al. 2016, section 6.1 (arXiv 1606.05250), as in its official script;
XTREME scores XQuAD and TyDiQA-GoldP by these English rules in every language.
SQuAD 2.0: Rajpurkar et al. 2018 (arXiv 1806.03822), as in its official `evaluate-v2.0.py`.
MLQA: Lewis et al. 2020, section 4.2 (arXiv 1910.07475), as in facebookresearch/MLQA
`mlqa_evaluation_v1.py`.
"""

from __future__ import annotations

import math
import re
import string
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import polars as pl

from xstilts.config.languages import INVITRO_LANGUAGES
from xstilts.config.rows import Row
from xstilts.config.tasks import SOURCE_LANGUAGE, Task
from xstilts.data.kinds import ITEMS
from xstilts.errors import XstiltsError, did_you_mean
from xstilts.scoring.metrics.base import Item, Metric, Ratio, Scores, column

_ASCII_PUNCTUATION = frozenset(string.punctuation)


def _words(*articles: str) -> re.Pattern[str]:
    return re.compile(rf"\b({'|'.join(articles)})\b")


_ENGLISH_ARTICLES = _words("a", "an", "the")

# None: the language has no articles that MLQA removes.
_MLQA_ARTICLES: dict[str, re.Pattern[str] | None] = {
    # The official pattern is meant for the prefix but matches the two letters anywhere.
    "ar": re.compile("ال"),
    "de": _words(
        *("ein", "eine", "einen", "einem", "eines", "einer"),
        *("der", "die", "das", "den", "dem", "des"),
    ),
    "en": _ENGLISH_ARTICLES,
    "es": _words("un", "una", "unos", "unas", "el", "la", "los", "las"),
    "hi": None,
    "vi": _words("của", "là", "cái", "chiếc", "những"),
    "zh": None,
    # No answer in a generated language holds an article.
    **dict.fromkeys(INVITRO_LANGUAGES.keys() - {SOURCE_LANGUAGE}),
}
_MLQA_HAN = re.compile("([\u4e00-\u9fa5])")


class AnswerScores(NamedTuple):
    """Scores of one question, each in [0, 1]."""

    exact_match: float
    f1: float


def normalize_squad(text: str) -> str:
    """Lower-case, without ASCII punctuation, English articles and surplus whitespace."""
    kept = "".join(char for char in text.lower() if char not in _ASCII_PUNCTUATION)
    return " ".join(_ENGLISH_ARTICLES.sub(" ", kept).split())


def normalize_mlqa(text: str, language: str) -> str:
    """Lower-case, without Unicode punctuation, the language's articles and surplus whitespace.

    Chinese is segmented by character; runs of other scripts in it stay words.

    Raises:
        XstiltsError: MLQA defines no rules for `language`.
    """
    if language not in _MLQA_ARTICLES:
        raise XstiltsError(
            f"MLQA has no answer normalisation for language {language!r}",
            hint=did_you_mean(language, _MLQA_ARTICLES),
        )
    kept = "".join(char for char in text.lower() if not _is_punctuation(char))
    if articles := _MLQA_ARTICLES[language]:
        kept = articles.sub(" ", kept)
    if language == "zh":
        kept = _MLQA_HAN.sub(r" \1 ", kept)
    return " ".join(kept.split())


def squad_scores(prediction: str, golds: Sequence[str]) -> AnswerScores:
    """Exact match and F1 of one answer by SQuAD 1.1's English rules, best over the golds.

    Raises:
        ValueError: there are no golds.
    """
    return _best_scores(prediction, golds, normalize_squad)


def squad_v2_scores(prediction: str, golds: Sequence[str]) -> AnswerScores:
    """Exact match and F1 of one answer by SQuAD 2.0's rules, best over the golds.

    A question is unanswerable if it has no gold that is more than articles and punctuation; only
    an answer of nothing else is right then.
    """
    answers = [gold for gold in golds if normalize_squad(gold)]
    if answers:
        return squad_scores(prediction, answers)
    abstains = float(not normalize_squad(prediction))
    return AnswerScores(exact_match=abstains, f1=abstains)


def mlqa_scores(prediction: str, golds: Sequence[str], language: str) -> AnswerScores:
    """Exact match and F1 of one answer by MLQA's rules for the answers' language.

    Raises:
        ValueError: there are no golds.
        XstiltsError: MLQA defines no rules for `language`.
    """
    return _best_scores(prediction, golds, lambda text: normalize_mlqa(text, language))


def _is_punctuation(char: str) -> bool:
    return char in _ASCII_PUNCTUATION or unicodedata.category(char).startswith("P")


def _best_scores(
    prediction: str, golds: Sequence[str], normalize: Callable[[str], str]
) -> AnswerScores:
    guess = normalize(prediction)
    answers = [normalize(gold) for gold in golds]
    return AnswerScores(
        exact_match=max(float(guess == answer) for answer in answers),
        f1=max(_token_f1(guess.split(), answer.split()) for answer in answers),
    )


def _token_f1(predicted: list[str], gold: list[str]) -> float:
    # Two answers that both normalise to nothing match exactly but score F1 0, as officially.
    shared = sum((Counter(predicted) & Counter(gold)).values())
    if not shared:
        return 0.0
    precision, recall = shared / len(predicted), shared / len(gold)
    return 2 * precision * recall / (precision + recall)


class Squad(Metric, Row):
    """Exact match and F1 by SQuAD's English rules; judged by the mean of both."""

    main = ("exact_match", "f1")
    definition = (
        "The mean of exact match and F1, with the English answer normalisation of SQuAD 1.1 in"
        " every language (Rajpurkar et al. 2016; XTREME evaluate.py)."
    )
    right = pl.col("f1") > 0.5

    def counts(
        self, task: Task, rows: Sequence[Item], predictions: Sequence[Any], where: str
    ) -> list[Item]:
        score = squad_v2_scores if task.unanswerable else squad_scores
        return _counts(task, rows, predictions, where, lambda text, golds, _: score(text, golds))

    def numbers(self, items: pl.DataFrame, where: str) -> Scores:
        n = len(items)
        # fsum is exact, so the score does not depend on the order of the items.
        return {name: (100 * math.fsum(column(items, name, where)) / n, n) for name in self.main}

    def ratio(self) -> Ratio:
        return (pl.col("exact_match") + pl.col("f1")) / 2, pl.lit(1)


class Mlqa(Squad, Row):
    """The same by MLQA's rules for each language."""

    definition = (
        "The mean of exact match and F1, with answers normalised by the rules of their own language"
        " (Lewis et al. 2020, facebookresearch/MLQA evaluation script)."
    )

    def counts(
        self, task: Task, rows: Sequence[Item], predictions: Sequence[Any], where: str
    ) -> list[Item]:
        return _counts(task, rows, predictions, where, mlqa_scores)


def _counts(
    task: Task,
    rows: Sequence[Item],
    predictions: Sequence[Any],
    where: str,
    score: Callable[[str, Sequence[str], str], AnswerScores],
) -> list[Item]:
    counts = []
    for number, (row, prediction) in enumerate(zip(rows, predictions, strict=True), start=1):
        golds = ITEMS[task.kind].gold(row)
        if prediction is None or not (golds or task.unanswerable):
            missing = "no prediction" if prediction is None else "the question has no answer"
            raise XstiltsError(missing, where=where, row=number)
        found = score(prediction, golds, row["language"])
        counts.append({"prediction": prediction, "gold": golds, **found._asdict()})
    return counts
