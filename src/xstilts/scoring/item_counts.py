"""Item-level predictions with the counts from which every metric can be recomputed.

Each function returns a table in `xstilts.data.schemas.PREDICTIONS` of the task's kind.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

import pyarrow as pa

from xstilts.config.tasks import Kind, Metric, Task
from xstilts.data.gold import refuse_placeholder_gold
from xstilts.data.schemas import DATA, PREDICTIONS
from xstilts.errors import XstiltsError
from xstilts.execution.parquet import expect_columns
from xstilts.scoring.metrics.qa import mlqa_scores, squad_scores, squad_v2_scores
from xstilts.scoring.metrics.tagging import corpus_chunk_counts, is_iob2, strict_chunk_counts

# The condition of inputs as they are; others are perturbations (`xstilts.config.perturbations`).
CLEAN = "clean"
FROM_ENGLISH = "from_en"
TO_ENGLISH = "to_en"
MINING = "mining"


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
    if task.kind is Kind.RETRIEVAL:
        raise XstiltsError("use tatoeba_table or bucc_table for retrieval", where=where)
    expect_columns(items, DATA[task.kind], where)
    rows = items.to_pylist()
    if len(predictions) != len(rows):
        raise XstiltsError(f"{len(predictions)} predictions for {len(rows)} items", where=where)
    by_file: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, row in enumerate(rows):
        by_file[row["language"], row["split"]].append(index)
    _check_ids_and_gold(task, rows, by_file)

    if task.kind in (Kind.PAIR, Kind.CHOICE):
        counts = _label_counts(rows, predictions, where)
    elif task.kind is Kind.SPAN:
        counts = _span_counts(task, rows, predictions, where)
    else:
        counts = _tagging_counts(task, rows, predictions, by_file)
    keys = ("id", "language", "split", "group")
    cluster = "group" if task.kind is Kind.TAGGING else "cluster"
    return pa.Table.from_pylist(
        [
            {
                **{key: row[key] for key in keys},
                "condition": condition,
                "cluster": row[cluster],
                **count,
            }
            for row, count in zip(rows, counts, strict=True)
        ],
        schema=PREDICTIONS[task.kind],
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
            asked = task.with_labels(())
            refuse_placeholder_gold(asked, [_gold(task, rows[index]) for index in indices], where)


def _gold(task: Task, row: dict) -> str | int | list[str] | None:
    if task.kind in (Kind.PAIR, Kind.CHOICE):
        return row["label"]
    if task.kind is Kind.TAGGING:
        return row["tags"] or []
    return [answer["text"] for answer in row["answers"] or []]


def _label_counts(rows: list[dict], predictions: Sequence, where: str) -> list[dict]:
    if None in predictions:
        raise XstiltsError("no prediction", where=where, row=predictions.index(None) + 1)
    return [
        {
            "prediction": prediction,
            "gold": row["label"],
            "correct": int(prediction == row["label"]),
        }
        for row, prediction in zip(rows, predictions, strict=True)
    ]


def _span_counts(
    task: Task, rows: list[dict], predictions: Sequence[str], where: str
) -> list[dict]:
    counts = []
    for number, (row, prediction) in enumerate(zip(rows, predictions, strict=True), start=1):
        golds = [answer["text"] for answer in row["answers"] or []]
        if prediction is None or not (golds or task.unanswerable):
            missing = "no prediction" if prediction is None else "the question has no answer"
            raise XstiltsError(missing, where=where, row=number)
        if task.unanswerable:
            exact_match, f1 = squad_v2_scores(prediction, golds)
        elif task.metric is Metric.MLQA:
            exact_match, f1 = mlqa_scores(prediction, golds, row["language"])
        else:
            exact_match, f1 = squad_scores(prediction, golds)
        counts.append(
            {"prediction": prediction, "gold": golds, "exact_match": exact_match, "f1": f1}
        )
    return counts


def _tagging_counts(
    task: Task,
    rows: list[dict],
    predictions: Sequence[Sequence[str]],
    by_file: Mapping[tuple[str, str], list[int]],
) -> list[dict]:
    counts: list[dict] = [{} for _ in rows]
    for (language, split), indices in by_file.items():
        where = f"{task.key} {split} in {language}"
        for index in indices:
            row, tags = rows[index], predictions[index]
            if not len(row["tokens"]) == len(row["tags"]) == len(tags):
                raise XstiltsError(
                    f"{len(row['tokens'])} tokens, {len(row['tags'])} gold tags, "
                    f"{len(tags)} predicted tags in the sentence {row['id']!r}",
                    where=where,
                )
            if not all(tags):
                raise XstiltsError(f"empty tag in the sentence {row['id']!r}", where=where)
            counts[index] = {
                "prediction": list(tags),
                "gold": row["tags"],
                "tokens_correct": sum(a == b for a, b in zip(row["tags"], tags, strict=True)),
                "tokens": len(tags),
            }
        if task.metric is Metric.SEQEVAL:
            _count_chunks([counts[index] for index in indices], strict=is_iob2(task.labels))
    return counts


def _count_chunks(sentences: Sequence[dict], *, strict: bool) -> None:
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
