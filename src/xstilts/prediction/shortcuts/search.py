"""Shortcuts for retrieval: nothing is learned, except BUCC's threshold on development pairs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

import numpy as np
import polars as pl
import pyarrow as pa

from xstilts.prediction.corpora import Candidate, Corpora, CorpusSide, corpora_of
from xstilts.prediction.mining import tune_threshold, unique_sentences
from xstilts.prediction.shortcuts.words import folded
from xstilts.scoring.item_counts import bucc_table, tatoeba_table
from xstilts.scoring.metrics.retrieval import FROM_ENGLISH, TO_ENGLISH

# Words in more sentences of a corpus than this are no names, and join far too many pairs.
COMMON = 100
# Cosines that differ by less are equal: the last bits would decide ties.
_DECIMALS = 9

# For each query the row of its answer and their similarity.
Search = Callable[[Sequence[str], Sequence[str]], tuple[Sequence[int], Sequence[float]]]


def first_row(queries: Sequence[str], index: Sequence[str]) -> tuple[list[int], list[float]]:
    """The same answer to every query, which is as good as chance."""
    return [0] * len(queries), [0.0] * len(queries)


def nearest_length(queries: Sequence[str], index: Sequence[str]) -> tuple[list[int], list[float]]:
    """The sentence whose number of characters is nearest; of equals the first row."""
    lengths = np.array([len(text) for text in index])
    apart = [np.abs(lengths - len(query)) for query in queries]
    return [int(each.argmin()) for each in apart], [-float(each.min()) for each in apart]


def shared_words(queries: Sequence[str], index: Sequence[str]) -> tuple[list[int], list[float]]:
    """The greatest cosine of bags of casefolded words; of equals the first row."""
    pairs = cosines(queries, index).sort(["cosine", "y"], descending=[True, False])
    found, similarity = [0] * len(queries), [0.0] * len(queries)
    for x, y, cosine in pairs.unique("x", keep="first", maintain_order=True).iter_rows():
        found[x], similarity[x] = y, cosine
    return found, similarity


def cosines(
    x_texts: Sequence[str], y_texts: Sequence[str], common: int | None = None
) -> pl.DataFrame:
    """Cosine of the bags of casefolded words of all pairs of texts that share a word.

    Args:
        common: leave out words that stand in more texts of their side than this.

    Returns:
        x, y (row numbers) and cosine in (0, 1].
    """
    sides = []
    for texts in (x_texts, y_texts):
        bags = pl.DataFrame(
            [
                (row, word, count)
                for row, text in enumerate(texts)
                for word, count in Counter(folded(text)).items()
            ],
            schema={"row": pl.Int64, "word": pl.String, "count": pl.Int64},
            orient="row",
        )
        if common is not None:
            bags = bags.filter(pl.len().over("word") <= common)
        sides.append(bags.with_columns(square=(pl.col("count") ** 2).sum().over("row")))
    x, y = (
        side.rename({"row": name, "count": f"{name}_count", "square": f"{name}_square"})
        for side, name in zip(sides, "xy", strict=True)
    )
    product = (pl.col("x_count") * pl.col("y_count")).sum()
    length = (pl.col("x_square").first() * pl.col("y_square").first()).sqrt()
    return (
        x.join(y, on="word")
        .group_by("x", "y")
        .agg(cosine=(product / length).round(_DECIMALS))
        .sort("x", "y")
    )


def answer_queries(data: pa.Table, search: Search) -> pa.Table:
    """Tatoeba's predictions in both directions (`schemas.PREDICTIONS`) by one way to search."""
    tables = []
    for (language, split), (sides, gold) in _corpora(data).items():
        english, foreign = sides["en"], sides["foreign"]
        for direction, queries, index, answers in (
            (FROM_ENGLISH, english, foreign, {en: fo for fo, en in gold}),
            (TO_ENGLISH, foreign, english, dict(gold)),
        ):
            found, similarity = search(queries.texts, index.texts)
            tables.append(
                tatoeba_table(
                    language=language,
                    split=split,
                    direction=direction,
                    query_ids=queries.ids,
                    predicted_ids=[index.ids[row] for row in found],
                    gold_ids=[answers[query] for query in queries.ids],
                    scores=similarity,
                    clusters=queries.clusters,
                )
            )
    return pa.concat_tables(tables)


def mine_nothing(data: pa.Table) -> pa.Table:
    """BUCC's predictions without any pair."""
    return pa.concat_tables(
        [
            bucc_table(language=language, split=split, mined=(), gold=gold)
            for (language, split), (_, gold) in _corpora(data).items()
        ]
    )


def mine_shared_words(data: pa.Table) -> pa.Table:
    """BUCC's predictions from cosines of bags of words, without those that are `COMMON`.

    As in `xstilts.prediction.retrieval`, sentences under several ids are left out, and the
    threshold is tuned on the development pairs and frozen; but the cosine itself is the score,
    because with few words in common there are too few neighbours for a margin.
    """
    found = _corpora(data)
    candidates = {place: _candidates(sides) for place, (sides, _) in found.items()}
    thresholds = {
        language: tune_threshold(candidates[language, split], set(gold))[0]
        for (language, split), (_, gold) in found.items()
        if split == "dev"
    }
    return pa.concat_tables(
        [
            bucc_table(
                language=language,
                split=split,
                mined=[
                    pair for pair in candidates[language, split] if pair[2] >= thresholds[language]
                ],
                gold=gold,
            )
            for (language, split), (_, gold) in found.items()
        ]
    )


def _corpora(data: pa.Table) -> Corpora:
    return corpora_of(data, np.arange(data.num_rows))


def _candidates(sides: dict[str, CorpusSide]) -> list[Candidate]:
    """(foreign id, English id, cosine), best first: each side's best, a sentence used once."""
    names = {side: list(unique_sentences(sides[side])[1].items()) for side in sides}
    foreign, english = names["foreign"], names["en"]
    pairs = cosines([text for text, _ in foreign], [text for text, _ in english], COMMON).sort(
        ["cosine", "x", "y"], descending=[True, False, False]
    )
    best = pl.concat(
        [pairs.unique(side, keep="first", maintain_order=True) for side in "xy"]
    ).unique(maintain_order=True)
    used_x: set[int] = set()
    used_y: set[int] = set()
    result = []
    for x, y, cosine in best.sort(
        ["cosine", "x", "y"], descending=[True, False, False]
    ).iter_rows():
        if x not in used_x and y not in used_y:
            used_x.add(x)
            used_y.add(y)
            result.append((foreign[x][1], english[y][1], cosine))
    return result
