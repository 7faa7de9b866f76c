"""Readers of files of labelled pairs of texts.

XTREME's, and those of its translations, XNLI's translations, MultiNLI, SNLI, ANLI and GLUE's QQP.
See `xstilts.data.readers.folder`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from xstilts.data.checks import label_name, spellings
from xstilts.data.kinds.base import GOLD_REMOVED
from xstilts.data.readers.lines import parse_json, read_lines
from xstilts.data.readers.tables import tab_rows
from xstilts.data.rows import Batch, Place, item
from xstilts.errors import XstiltsError

# The 1-based row, both texts, and the label as the file has it.
_Pair = tuple[int, str, str, Any]

HEADED = ("premise", "hypothesis", "label")

_NAMINGS = (
    ("premise", "hypothesis", "label"),
    ("sentence1", "sentence2", "gold_label"),
    ("context", "hypothesis", "label"),
    ("question1", "question2", "label"),
)
# The share of rows that may be broken in files that are known to have some.
_FEW = 0.01
_DROPPED = "unlabelled_dropped"


def read_tsv(place: Place, files: Sequence[Path]) -> Batch:
    """Lines of `text_a⇥text_b⇥label`, without quoting and without a header."""
    (path,) = files
    return _batch(place, path, _three_columns(path, _lines(path), 1))


def read_headed(place: Place, files: Sequence[Path], quoted: bool = False) -> Batch:
    """Columns premise, hypothesis and label: AmericasNLI and, `quoted` as CSV is, AfriXNLI.

    Labels are words or, as in AfriXNLI, 0-based numbers of the task's labels. A file with a column
    `language` must name one language throughout.
    """
    (path,) = files
    counts: Counter[str] = Counter()
    rows = list(tab_rows(path, HEADED, counts if quoted else None))
    languages = {cells["language"]: row for row, cells in rows[::-1] if "language" in cells}
    if len(languages) > 1:
        raise XstiltsError(
            f"holds several languages: {', '.join(languages)}",
            where=path,
            row=max(languages.values()),
            hint="each language has a file of its own",
        )
    numbered = {str(number): label for number, label in enumerate(place.task.labels)}
    pairs = (
        (
            row,
            cells["premise"],
            cells["hypothesis"],
            numbered.get(cells["label"].strip(), cells["label"]),
        )
        for row, cells in rows
    )
    batch = _batch(place, path, pairs)
    batch.counts += counts
    return batch


def read_xnli_mt(place: Place, files: Sequence[Path]) -> Batch:
    """As `read_tsv`, below the header of XNLI-MT-1.0 (MultiNLI in XNLI's languages)."""
    (path,) = files
    return _batch(place, path, _three_columns(path, _below(path, "premise", "hypo", "label"), 2))


def read_translated(place: Place, files: Sequence[Path]) -> Batch:
    """XTREME's translations: English text_a and text_b, the same translated, label.

    Some rows of PAWS-X's are broken (tensorflow_datasets leaves them out too): they are counted.
    """
    (path,) = files
    return _with_few_broken(
        place, path, _lines(path), 1, (2, 3, 4), 5, spellings(place.task.labels)
    )


def read_qqp(place: Place, files: Sequence[Path]) -> Batch:
    """GLUE's QQP, where 1 is a duplicate.

    Some rows of its training file are broken (GLUE's readers leave them out too): they are counted.
    """
    (path,) = files
    lines = _below(path, "id", "qid1", "qid2", "question1", "question2", "is_duplicate")
    labels = dict(zip("01", place.task.labels, strict=True))
    return _with_few_broken(place, path, lines, 2, (3, 4, 5), 6, labels)


def read_jsonl(place: Place, files: Sequence[Path]) -> Batch:
    """JSON lines, one file after the other.

    Texts and label are called as MultiNLI, SNLI, ANLI (all as they are distributed, or as the hub
    names them) or GLUE's QQP call them.
    """
    batch = Batch()
    for path in files:
        first = len(batch.rows) + len(batch.dropped)
        found = _batch(replace(place, first=first), path, _json_pairs(path))
        batch.extend(found)
    return batch


def _lines(path: Path) -> list[str]:
    lines = read_lines(path)
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _below(path: Path, *header: str) -> list[str]:
    """The lines below a header, which must be there."""
    first, *rest = _lines(path)
    if first.split("\t") != list(header):
        raise XstiltsError(
            f"the header is {first[:80]!r}",
            where=path,
            row=1,
            hint=f"the first line is {'⇥'.join(header)}",
        )
    return rest


def _three_columns(path: Path, lines: Iterable[str], first_row: int) -> Iterator[_Pair]:
    for row, line in enumerate(lines, first_row):
        columns = line.split("\t")
        if len(columns) == 2:
            raise XstiltsError(
                "2 columns, expected 3: the label is missing",
                where=path,
                row=row,
                hint=GOLD_REMOVED,
            )
        if len(columns) != 3:
            raise XstiltsError(
                f"{len(columns)} columns, expected 3",
                where=path,
                row=row,
                hint="each line is text⇥text⇥label, without quotes and with no other tabs",
            )
        yield row, columns[0], columns[1], columns[2]


def _with_few_broken(
    place: Place,
    path: Path,
    lines: Sequence[str],
    first_row: int,
    columns: tuple[int, int, int],
    width: int,
    labels: Mapping[str, str],
) -> Batch:
    """Pairs from these columns of `width`; rows of another form are left out and counted.

    Raises:
        XstiltsError: they are more than a few.
    """
    a, b, label = columns
    rows = [(row, line.split("\t")) for row, line in enumerate(lines, first_row)]
    sound = [
        (row, cells[a], cells[b], labels[cells[label]])
        for row, cells in rows
        if len(cells) == width and cells[label] in labels
    ]
    broken = len(rows) - len(sound)
    if broken > _FEW * len(rows):
        kept = {row for row, *_ in sound}
        raise XstiltsError(
            f"{broken} of {len(rows)} rows are broken, this one first",
            where=path,
            row=next(row for row, _ in rows if row not in kept),
            hint=f"expected {width} columns, column {label + 1} one of {', '.join(labels)}",
        )
    # What was left out keeps its number, so that items of other languages stay their translations.
    batch = _batch(place, path, sound, first_row)
    if broken:
        batch.counts["broken_rows_dropped"] = broken
    return batch


def _json_pairs(path: Path) -> Iterator[_Pair]:
    for row, line in enumerate(read_lines(path), 1):
        if not line.strip():
            continue
        record = parse_json(line, path, row)
        names = next(
            (
                names
                for names in _NAMINGS
                if isinstance(record, dict)
                and all(isinstance(record.get(name), str) for name in names[:2])
            ),
            None,
        )
        if names is None:
            raise XstiltsError(
                "lacks the texts",
                where=path,
                row=row,
                hint="needs " + ", or ".join(f"{a} and {b}" for a, b, _ in _NAMINGS),
            )
        yield row, record[names[0]], record[names[1]], record.get(names[2])


def _batch(place: Place, path: Path, pairs: Iterable[_Pair], first_row: int | None = None) -> Batch:
    """The rows of pairs, numbered as they come, or from `first_row` where some may be left out."""
    batch = Batch()
    for count, (row, text_a, text_b, raw) in enumerate(pairs):
        number = count if first_row is None else row - first_row
        label = label_name(raw, place.task.labels, path, row)
        if label is None:
            batch.counts[_DROPPED] += 1
            batch.dropped.append(item(place, number)["group"])
            continue
        batch.rows.append(
            {**item(place, number), "text_a": text_a, "text_b": text_b, "label": label}
        )
    return batch
