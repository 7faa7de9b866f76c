"""Readers of single sentences with a label."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from xstilts.data.checks import label_name, refuse_repeated
from xstilts.data.readers.tables import tab_rows
from xstilts.data.rows import Batch, Pairing, Place, item
from xstilts.errors import XstiltsError

SIB_COLUMNS = ("index_id", "category", "text")


def read_sib(place: Place, files: Sequence[Path]) -> Batch:
    """SIB-200: columns index_id, category and text, quoted as CSV is.

    `index_id` names the sentence in every language.
    """
    (path,) = files
    counts: Counter[str] = Counter()
    rows = (
        (row, cells["index_id"], cells["category"], cells["text"])
        for row, cells in tab_rows(path, SIB_COLUMNS, counts)
    )
    batch = sentence_batch(place, rows, str(path))
    batch.counts += counts
    return batch


def sentence_batch(place: Place, rows: Iterable[tuple[int, Any, Any, str]], where: str) -> Batch:
    """Rows of sentences from (row in the source, id, label, text).

    Raises:
        XstiltsError: a label is missing or none of the task's, or an id is missing or repeats.
    """
    batch = Batch(pairing=Pairing.ID)
    keys = []
    for number, (row, raw_key, raw_label, text) in enumerate(rows):
        key = "" if raw_key is None else str(raw_key).strip()
        if not key:
            raise XstiltsError("the id is missing", where=where, row=row)
        keys.append(key)
        own = item(place, number, key)
        label = label_name(raw_label, place.task.labels, where, row)
        if label is None:
            batch.counts["unlabelled_dropped"] += 1
            batch.dropped.append(own["group"])
            continue
        batch.rows.append({**own, "text": text, "label": label})
    refuse_repeated(keys, "the id", where)
    return batch
