"""Chunk counts of tag sequences, in seqeval's default reading and in strict IOB2.

XTREME scores both part of speech and named entities with seqeval's default (lenient)
reading (google-research/xtreme `evaluate.py`, function `f1`), which follows CoNLL-2000's
`conlleval`: a chunk may start with any prefix, and a bare tag such as NOUN is read as the
prefix N with the type OUN.
"""

from __future__ import annotations

import warnings
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import Any, NamedTuple

import polars as pl

from xstilts.config.rows import Row
from xstilts.config.tasks import Task
from xstilts.errors import XstiltsError
from xstilts.scoring.metrics.base import Item, Metric, Ratio, Scores, total
from xstilts.scoring.metrics.counts import f1_from_counts, f1_ratio

_CHUNKS = ("correct", "predicted", "gold")


class ChunkCounts(NamedTuple):
    """Numbers of chunks: in both gold and prediction, in the prediction, in the gold."""

    correct: int
    predicted: int
    gold: int


def is_iob2(tags: Iterable[str]) -> bool:
    """Whether all of `tags` (at least one) are O, B-type or I-type."""
    tags = list(tags)
    return bool(tags) and all(tag == "O" or tag[:2] in ("B-", "I-") for tag in tags)


def corpus_chunk_counts(
    gold: Sequence[Sequence[str]], predicted: Sequence[Sequence[str]]
) -> list[ChunkCounts]:
    """Lenient chunk counts of each sentence of a corpus; the sums are seqeval's.

    seqeval reads a corpus as one sequence with an O after each sentence. For tags of one
    character, such as UPOS's X, that O does not end the chunk, so the counts of a sentence
    can depend on the sentences before it. A chunk counts in the sentence in which it ends.

    Args:
        gold, predicted: tags of each sentence, equally many and equally long.

    Raises:
        ValueError: the numbers of sentences or of tags differ.
    """
    if [len(tags) for tags in gold] != [len(tags) for tags in predicted]:
        raise ValueError("gold and predicted tags differ in number")
    gold_chunks, predicted_chunks = _lenient_chunks(gold), _lenient_chunks(predicted)
    starts = list(accumulate((len(tags) + 1 for tags in gold), initial=0))

    def count_by_sentence(chunks: set[tuple[str, int, int]]) -> list[int]:
        counts = [0] * len(gold)
        for _, _, end in chunks:
            counts[bisect_right(starts, end) - 1] += 1
        return counts

    return [
        ChunkCounts(*counts)
        for counts in zip(
            count_by_sentence(gold_chunks & predicted_chunks),
            count_by_sentence(predicted_chunks),
            count_by_sentence(gold_chunks),
            strict=True,
        )
    ]


def strict_chunk_counts(gold: Sequence[str], predicted: Sequence[str]) -> ChunkCounts:
    """Chunk counts of one sentence in strict IOB2: a chunk is B-type, then I-type of that type.

    An I that continues nothing belongs to no chunk. Same as seqeval's `mode="strict"`,
    `scheme=IOB2`. Tags must be IOB2 (`is_iob2`).

    Raises:
        ValueError: the numbers of tags differ.
    """
    if len(gold) != len(predicted):
        raise ValueError("gold and predicted tags differ in number")
    gold_chunks, predicted_chunks = _strict_chunks(gold), _strict_chunks(predicted)
    return ChunkCounts(len(gold_chunks & predicted_chunks), len(predicted_chunks), len(gold_chunks))


def _lenient_chunks(sentences: Sequence[Sequence[str]]) -> set[tuple[str, int, int]]:
    # Imported here because it brings in all of scikit-learn, which takes most of a second.
    from seqeval.metrics.sequence_labeling import get_entities

    with warnings.catch_warnings():
        # seqeval warns at each bare tag, which is what XTREME gives it for part of speech.
        warnings.filterwarnings("ignore", message=".* seems not to be NE tag", category=UserWarning)
        return set(get_entities([list(tags) for tags in sentences]))


def _strict_chunks(tags: Sequence[str]) -> set[tuple[str, int, int]]:
    chunks = set()
    start, chunk_type = None, ""
    for position, tag in enumerate((*tags, "O")):
        prefix, _, tag_type = tag.partition("-")
        if start is not None and (prefix != "I" or tag_type != chunk_type):
            chunks.add((chunk_type, start, position))
            start = None
        if prefix == "B":
            start, chunk_type = position, tag_type
    return chunks


class TokenAccuracy(Metric, Row):
    """The share of tokens with the right tag."""

    main = ("token_accuracy",)
    definition = "The share of tokens with the right tag."

    def counts(
        self, task: Task, rows: Sequence[Item], predictions: Sequence[Any], where: str
    ) -> list[Item]:
        return [_token_counts(task, row, tags) for row, tags in zip(rows, predictions, strict=True)]

    def numbers(self, items: pl.DataFrame, where: str) -> Scores:
        return _token_accuracy(items, where)

    def ratio(self) -> Ratio:
        return pl.col("tokens_correct"), pl.col("tokens")


class Seqeval(Metric, Row):
    """F1 of chunks as seqeval's lenient default has it; where tags are IOB2 in its strict mode too.

    The lenient counts of a sentence hold in the order of its language's and split's items.
    """

    main = ("f1",)
    titles = {"strict_f1": "Strict F1"}  # noqa: RUF012
    definition = (
        "F1 over chunks as seqeval counts them in its default, lenient mode; for parts of speech"
        " this is on bare tags, so equal neighbours merge into one chunk (XTREME evaluate.py;"
        " seqeval 1.2.2). Token accuracy is the share of tokens with the right tag, and strict F1"
        " that over chunks that are well formed in IOB2 (seqeval 1.2.2, strict mode)."
    )

    def counts(
        self, task: Task, rows: Sequence[Item], predictions: Sequence[Any], where: str
    ) -> list[Item]:
        counts = TokenAccuracy().counts(task, rows, predictions, where)
        corpora: dict[tuple[str, str], list[Item]] = defaultdict(list)
        for row, count in zip(rows, counts, strict=True):
            corpora[row["language"], row["split"]].append(count)
        strict = is_iob2(task.labels)
        for sentences in corpora.values():
            _count_chunks(sentences, strict=strict)
        return counts

    def numbers(self, items: pl.DataFrame, where: str) -> Scores:
        n = len(items)
        lenient = f1_from_counts(*(total(items, f"chunks_{name}", where) for name in _CHUNKS))
        scores = {name: (100 * share, n) for name, share in lenient._asdict().items()}
        scores |= _token_accuracy(items, where)
        if items["strict_gold"].null_count() < n:
            strict = f1_from_counts(*(total(items, f"strict_{name}", where) for name in _CHUNKS))
            scores["strict_f1"] = (100 * strict.f1, n)
        return scores

    def ratio(self) -> Ratio:
        return f1_ratio(*(f"chunks_{name}" for name in _CHUNKS))


def _token_counts(task: Task, row: Item, tags: Sequence[str]) -> Item:
    where = f"{task.key} {row['split']} in {row['language']}"
    if not len(row["tokens"]) == len(row["tags"]) == len(tags):
        raise XstiltsError(
            f"{len(row['tokens'])} tokens, {len(row['tags'])} gold tags, "
            f"{len(tags)} predicted tags in the sentence {row['id']!r}",
            where=where,
        )
    if not all(tags):
        raise XstiltsError(f"empty tag in the sentence {row['id']!r}", where=where)
    return {
        "prediction": list(tags),
        "gold": row["tags"],
        "tokens_correct": sum(a == b for a, b in zip(row["tags"], tags, strict=True)),
        "tokens": len(tags),
    }


def _count_chunks(sentences: Sequence[Item], *, strict: bool) -> None:
    """Add chunk counts to the `prediction` and `gold` of all sentences of a corpus."""
    lenient = corpus_chunk_counts(
        [sentence["gold"] for sentence in sentences],
        [sentence["prediction"] for sentence in sentences],
    )
    for sentence, chunks in zip(sentences, lenient, strict=True):
        sentence |= {f"chunks_{name}": count for name, count in chunks._asdict().items()}
        if strict:
            chunks = strict_chunk_counts(sentence["gold"], sentence["prediction"])
            sentence |= {f"strict_{name}": count for name, count in chunks._asdict().items()}


def _token_accuracy(items: pl.DataFrame, where: str) -> Scores:
    tokens = total(items, "tokens", where)
    correct = total(items, "tokens_correct", where)
    return {"token_accuracy": (100 * correct / tokens if tokens else 0.0, len(items))}
