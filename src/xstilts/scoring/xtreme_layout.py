"""XTREME's submission layout: a folder a task, in it one file a language.

google-research/xtreme README, "Leaderboard submission", and `evaluate.py`. One line an
example in `test-<lang>.tsv`; tags one a line with a blank line after each sentence; for
the three QA tasks `test-<lang>.json`. `xstilts.scoring.xtreme_evaluate` reads the same layout.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from pathlib import Path
from typing import Any

import pyarrow as pa

from xstilts.config.tasks import Task
from xstilts.data.kinds import ITEMS
from xstilts.data.schemas import DATA
from xstilts.errors import XstiltsError
from xstilts.execution.files import write_json, write_text
from xstilts.execution.parquet import expect_columns
from xstilts.scoring.item_counts import CLEAN
from xstilts.scoring.metrics import prediction_schema
from xstilts.scoring.metrics.retrieval import TO_ENGLISH


def language_file(folder: str | Path, task: Task, language: str) -> Path:
    """Where a task's test predictions, or its labels, of one language lie."""
    suffix = "json" if task.facts.has_questions else "tsv"
    return Path(folder) / task.key / f"test-{language}.{suffix}"


def write_predictions(table: pa.Table, task: Task, folder: str | Path) -> list[Path]:
    """Write the clean test predictions of one cell, each file atomically.

    Args:
        table: predictions (`metrics.prediction_schema`); other splits and conditions are left out.

    Returns:
        The files written, one a language, sorted by language; none for a target beyond XTREME.

    Raises:
        XstiltsError: other columns, no clean test predictions, or a repeated question id.
    """
    if not task.xtreme:
        return []
    rows = [
        row
        for row in _rows(table, prediction_schema(task), f"predictions of {task.key}")
        if row["condition"] == CLEAN and row.get("direction") != TO_ENGLISH
    ]
    written = []
    for language, items in _by_language(rows, f"predictions of {task.key}"):
        path = language_file(folder, task, language)
        if task.facts.has_questions:
            _refuse_repeated_questions(items, path)
            write_json(path, {item["id"]: item["prediction"] for item in items})
        elif task.mined:
            _write_lines(path, [item["id"] for item in items if item["predicted"]])
        else:
            _write_lines(path, [item["prediction"] for item in items])
        written.append(path)
    return written


def write_labels(items: pa.Table, task: Task, folder: str | Path) -> list[Path]:
    """Write the gold of a task's test items in the layout of the predictions.

    Args:
        items: normalised data (`schemas.DATA`); other splits are left out.

    Returns:
        The files written, one a language, sorted by language; none for a target beyond XTREME.

    Raises:
        XstiltsError: other columns, no test items, a repeated question id, or an English
            Tatoeba sentence without exactly one translation.
    """
    if not task.xtreme:
        return []
    rows = _rows(items, DATA[task.kind], f"items of {task.key}")
    written = []
    for language, entries in _by_language(rows, f"items of {task.key}"):
        path = language_file(folder, task, language)
        if task.facts.has_questions:
            _refuse_repeated_questions(entries, path)
            write_json(path, _squad_json(entries, task))
        elif task.facts.embedded:
            english = [entry for entry in entries if entry["side"] == "en"]
            _write_lines(path, list(_retrieval_gold(english, task, path)))
        else:
            _write_lines(path, [ITEMS[task.kind].gold(entry) for entry in entries])
        written.append(path)
    return written


def _rows(table: pa.Table, schema: pa.Schema, where: str) -> list[dict[str, Any]]:
    expect_columns(table, schema, where)
    return [row for row in table.to_pylist() if row["split"] == "test"]


def _by_language(
    rows: Iterable[dict[str, Any]], where: str
) -> list[tuple[str, list[dict[str, Any]]]]:
    # The sort is stable: the order within a language stays that of the table.
    ordered = sorted(rows, key=lambda row: row["language"])
    if not ordered:
        raise XstiltsError("nothing of the test split", where=where)
    return [(key, list(group)) for key, group in groupby(ordered, lambda row: row["language"])]


def _write_lines(path: Path, examples: Sequence[str | list[str]]) -> None:
    """One line an example, of tags one each and a blank one behind them."""
    lines = ([each] if isinstance(each, str) else [*each, ""] for each in examples)
    write_text(path, "".join(f"{line}\n" for example in lines for line in example))


def _refuse_repeated_questions(entries: Sequence[dict[str, Any]], path: Path) -> None:
    seen = set()
    for entry in entries:
        if entry["id"] in seen:
            raise XstiltsError(f"the question id {entry['id']!r} repeats", where=path)
        seen.add(entry["id"])


def _squad_json(entries: Sequence[dict[str, Any]], task: Task) -> dict[str, Any]:
    paragraphs = [
        {
            "context": context,
            "qas": [
                {
                    "id": entry["id"],
                    "question": entry["question"],
                    "answers": [
                        {"text": answer["text"], "answer_start": answer["start"]}
                        for answer in entry["answers"]
                    ],
                }
                for entry in questions
            ],
        }
        for context, questions in groupby(entries, lambda entry: entry["context"])
    ]
    return {"version": "1.1", "data": [{"title": task.key, "paragraphs": paragraphs}]}


def _retrieval_gold(english: Sequence[dict[str, Any]], task: Task, path: Path) -> Iterable[str]:
    for entry in english:
        gold = entry["gold"] or []
        if task.mined:
            yield from (f"{foreign}\t{entry['id']}" for foreign in gold)
        elif len(gold) == 1:
            yield gold[0]
        else:
            raise XstiltsError(
                f"the English sentence {entry['id']!r} has {len(gold)} translations, "
                "the layout holds one",
                where=path,
            )
