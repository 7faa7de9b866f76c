"""Item-level predictions with the counts from which every metric can be recomputed.

Each function returns a table with the columns of `metrics.prediction_schema`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa

from xstilts.config.tasks import Kind, Task
from xstilts.data.gold import refuse_placeholder_gold
from xstilts.data.kinds import ITEMS
from xstilts.data.schemas import DATA, PREDICTIONS
from xstilts.errors import XstiltsError
from xstilts.execution.parquet import expect_columns
from xstilts.scoring.metrics import METRICS, prediction_schema
from xstilts.scoring.metrics.retrieval import FROM_ENGLISH, MINING, TO_ENGLISH

# The condition of inputs as they are; others are perturbations (`xstilts.config.perturbations`).
CLEAN = "clean"


def prediction_table(
    task: Task,
    items: pa.Table,
    predictions: Sequence[str] | Sequence[int] | Sequence[Sequence[str]],
    condition: str = CLEAN,
) -> pa.Table:
    """Rows of a pair, choice, tagging or span task from its items and decoded predictions.

    Rows keep the order of `items`; a tagging sentence's lenient chunk counts hold in that
    order (`xstilts.scoring.metrics.tagging.corpus_chunk_counts`). Its cluster is its group.

    Args:
        items: normalised data (`schemas.DATA`) of any languages and splits.
        predictions: one entry a row: label name (pair), place of a choice, tags (tagging), answer
            (span).

    Raises:
        XstiltsError: other columns; as many predictions as items are wanted and each tagged
            sentence needs as many tags as tokens; an id repeats in a language and split; gold
            of a dev or test split is missing or a placeholder.
    """
    where = f"predictions of {task.key}"
    if task.facts.embedded:
        raise XstiltsError("use tatoeba_table or bucc_table for retrieval", where=where)
    expect_columns(items, DATA[task.kind], where)
    rows = items.to_pylist()
    if len(predictions) != len(rows):
        raise XstiltsError(f"{len(predictions)} predictions for {len(rows)} items", where=where)
    by_file: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        by_file[row["language"], row["split"]].append(index)
    _check_ids_and_gold(task, rows, by_file)

    counts = METRICS[task.metric].counts(task, rows, predictions, where)
    keys = ("id", "language", "split", "group")
    return pa.Table.from_pylist(
        [
            {
                **{key: row[key] for key in keys},
                "condition": condition,
                "cluster": row.get("cluster", row["group"]),
                **count,
            }
            for row, count in zip(rows, counts, strict=True)
        ],
        schema=prediction_schema(task),
    )


def tatoeba_table(
    *,
    language: str,
    split: str,
    direction: str,
    query_ids: Sequence[str],
    predicted_ids: Sequence[str],
    gold_ids: Sequence[str],
    scores: Sequence[float],
    clusters: Sequence[str],
    condition: str = CLEAN,
) -> pa.Table:
    """Rows of nearest-neighbour retrieval in one language: one row a query.

    Args:
        direction: `FROM_ENGLISH` (English queries, foreign index; XTREME's) or `TO_ENGLISH`.
        query_ids, predicted_ids, gold_ids: ids, one entry a query.
        scores: cosine similarity of each query and its prediction.
        clusters: of each query.

    Raises:
        XstiltsError: an unknown direction, a repeated query, or lists of different lengths.
    """
    where = f"retrieval in {language}, {split}, {direction}"
    if direction not in (FROM_ENGLISH, TO_ENGLISH):
        raise XstiltsError(f"the direction is neither {FROM_ENGLISH} nor {TO_ENGLISH}", where=where)
    parts = {
        "queries": query_ids,
        "predictions": predicted_ids,
        "gold ids": gold_ids,
        "scores": scores,
        "clusters": clusters,
    }
    lengths = {name: len(part) for name, part in parts.items()}
    if len(set(lengths.values())) > 1:
        raise XstiltsError(f"numbers of entries that differ: {lengths}", where=where)
    if len(set(query_ids)) < len(query_ids):
        raise XstiltsError("a query id repeats", where=where)
    return pa.Table.from_pylist(
        [
            {
                **_retrieval_key(query, language, split, direction, condition),
                "cluster": cluster,
                "prediction": predicted,
                "gold": gold,
                "score": float(score),
                "correct": int(predicted == gold),
            }
            for query, predicted, gold, score, cluster in zip(*parts.values(), strict=True)
        ],
        schema=PREDICTIONS[Kind.RETRIEVAL],
    )


def bucc_table(
    *,
    language: str,
    split: str,
    mined: Iterable[tuple[str, str, float]],
    gold: Iterable[tuple[str, str]],
    condition: str = CLEAN,
) -> pa.Table:
    """Rows of bitext mining in one language: one row a pair that is mined, gold, or both.

    The id of a row is `foreign id⇥English id`; mined pairs come first, in the order given. The
    cluster is the foreign id, since pairs that share a sentence are mined together.

    Args:
        mined: (foreign id, English id, margin score) of each pair above the threshold.
        gold: (foreign id, English id) of the true pairs.
    """
    scores: dict[str, float] = {}
    for foreign, english, score in mined:
        pair = f"{foreign}\t{english}"
        scores[pair] = max(float(score), scores.get(pair, float("-inf")))
    true_pairs = dict.fromkeys(f"{foreign}\t{english}" for foreign, english in gold)
    return pa.Table.from_pylist(
        [
            {
                **_retrieval_key(pair, language, split, MINING, condition),
                "cluster": pair.split("\t")[0],
                "prediction": pair if pair in scores else None,
                "gold": pair if pair in true_pairs else None,
                "score": scores.get(pair),
                "correct": int(pair in scores and pair in true_pairs),
                "predicted": int(pair in scores),
                "is_gold": int(pair in true_pairs),
            }
            for pair in scores | true_pairs
        ],
        schema=PREDICTIONS[Kind.RETRIEVAL],
    )


def _retrieval_key(
    item: str, language: str, split: str, direction: str, condition: str
) -> dict[str, str]:
    # Bitexts are not parallel across languages, so each item is a group of its own.
    return {
        "id": item,
        "language": language,
        "split": split,
        "condition": condition,
        "group": f"{language}/{split}/{direction}/{item}",
        "direction": direction,
    }


def _check_ids_and_gold(
    task: Task, rows: list[dict], by_file: Mapping[tuple[str, str], list[int]]
) -> None:
    for (language, split), indices in by_file.items():
        where = f"{task.key} {split} in {language}"
        seen = set()
        for index in indices:
            if rows[index]["id"] in seen:
                raise XstiltsError(f"the id {rows[index]['id']!r} repeats", where=where)
            seen.add(rows[index]["id"])
        if split != "train":
            # A tag that training does not have is no fault of the development data.
            asked, gold = task.with_labels(()), ITEMS[task.kind].gold
            refuse_placeholder_gold(asked, [gold(rows[index]) for index in indices], where)
