"""Chunk counts of tag sequences, in seqeval's default reading and in strict IOB2.

XTREME scores both part of speech and named entities with seqeval's default (lenient)
reading (google-research/xtreme `evaluate.py`, function `f1`), which follows CoNLL-2000's
`conlleval`: a chunk may start with any prefix, and a bare tag such as NOUN is read as the
prefix N with the type OUN.
"""

from __future__ import annotations

import warnings
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import accumulate
from typing import NamedTuple


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
