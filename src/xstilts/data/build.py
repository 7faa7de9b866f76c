"""From a data source to the normalised table of one part of one task."""

from __future__ import annotations

import logging
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from os import SEEK_END
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pyarrow as pa

from xstilts.config.tasks import Task
from xstilts.data.checks import odd_texts, refuse_placeholder, refuse_repeated
from xstilts.data.clusters import reference_clusters, set_clusters
from xstilts.data.kinds import ITEMS
from xstilts.data.parallel import OnePool, not_paired, refuse_other_items
from xstilts.data.readers.folder import READERS, squad_passages
from xstilts.data.rows import Batch, Place, Row, unpaired_group
from xstilts.data.sampling import hold_out, limit_pairs, limit_rows
from xstilts.data.schemas import DATA
from xstilts.errors import XstiltsError, did_you_mean
from xstilts.execution.files import sha256_file
from xstilts.graph.locate import Unit

Part = Literal["train", "dev", "eval"]


log = logging.getLogger(__name__)


class PassagesOf(NamedTuple):
    """Data of a target whose passages must not stand in a development set.

    `revisions` as for `build_part`.
    """

    task: Task
    unit: Unit
    revisions: Mapping[str, str] | None = None


class _Reading(NamedTuple):
    """What a unit holds, its place for errors, where it comes from, and groups not paired."""

    unit: Unit
    batch: Batch
    place: Place
    record: dict[str, Any]
    not_paired: Mapping[str, str]


def build_part(
    task: Task,
    part: Part,
    units: Sequence[Unit],
    *,
    source: Literal["folder", "hub"],
    limits: Mapping[str, int | None],
    revisions: Mapping[str, str] | None = None,
    dev_share: float | None = None,
    tested: PassagesOf | None = None,
) -> tuple[pa.Table, dict[str, Any]]:
    """Read, check and limit the `units` of one part.

    `limits` maps a split to the most items of it in a language, for retrieval to the most
    gold pairs; None or a missing split keeps all. `revisions` maps hub repositories to
    commits and wins over those of the task. `dev_share` is the share of training texts held out
    for model selection, the task's `dev_from_train` unless given; where it is not 0, the parts
    train and dev are both made of units of split train. Questions on the passages of `tested`,
    which comes from the same `source`, are taken out before anything is limited.

    Returns:
        The table in `schemas.DATA[task.kind]`, units in the given order, and its metadata:
        where the rows come from, how many, what was repaired, dropped, or not paired.

    Raises:
        XstiltsError: the data are missing, broken or without gold, the languages of a parallel
            task do not hold the same items, or nothing is left beside the passages of `tested`.
        ValueError: a unit does not belong to the part.
    """
    share = task.dev_from_train if dev_share is None else dev_share
    for unit in units:
        _require_fitting(task, part, unit, share)
    rows: list[Row] = []
    records = []
    alone: list[str] = []
    for unit, batch, place, record, unpaired in _read(task, part, units, source, revisions):
        kept = batch.rows
        if share and part != "eval":
            column = ITEMS[task.kind].held_out_by
            assert column is not None
            train, dev = hold_out(kept, column, share, place.where)
            kept = dev if part == "dev" else train
            record["held_out_of_train"] = {"share": share, "items": len(dev)}
        if tested:
            kept, record["tested_passages"] = _without(kept, tested, source, place.where)
        limit = limits.get("dev" if part == "dev" else unit.split)
        kept = (limit_pairs if task.facts.embedded else limit_rows)(kept, limit)
        refuse_repeated(((row.get("side", ""), row["id"]) for row in kept), "the id", place.where)
        # After limiting, which goes by the group, so that the same items stay in every language.
        reasons = _unpair(kept, unpaired)
        alone += [
            f"{unit.split} {unit.language} {number} {reason}" for reason, number in reasons.items()
        ]
        record |= {
            "rows_read": len(batch.rows),
            "rows": len(kept),
            "counts": dict(sorted((batch.counts + reasons).items())),
        }
        rows += kept
        records.append(record)
    if alone:
        log.info("%s: scored, but not paired across languages: %s", task.key, ", ".join(alone))
    refuse_repeated(
        ((unit.language, unit.split) for unit in units), "the unit", f"{task.key} {part}"
    )
    meta = {
        "task": task.key,
        "kind": str(task.kind),
        "part": part,
        "source": source,
        "licence": task.licence,
        "limits": dict(limits),
        "rows": len(rows),
        "units": records,
    }
    return pa.Table.from_pylist(rows, schema=DATA[task.kind]), meta


def _without(
    rows: Sequence[Row], tested: PassagesOf, source: Literal["folder", "hub"], where: str
) -> tuple[list[Row], dict[str, Any]]:
    """The rows whose passage is none of `tested`, and what was taken out."""
    found, record = _passages(tested, source)
    passages = set(map(_bare, found))
    kept = [row for row in rows if _bare(row["context"]) not in passages]
    out = {_bare(row["context"]) for row in rows} & passages
    if not kept:
        raise XstiltsError(
            f"every passage is one that {tested.task.title} tests, none is left to choose"
            " checkpoints on",
            where=where,
            hint="give other development data, or set keep_xquad_passages: true",
        )
    log.info("%s: %d passages of %s taken out", where, len(out), tested.task.title)
    return kept, {
        "of": tested.task.key,
        "known": len(passages),
        "passages": len(out),
        "items": len(rows) - len(kept),
        **record,
    }


def _passages(
    tested: PassagesOf, source: Literal["folder", "hub"]
) -> tuple[Iterable[str], dict[str, Any]]:
    """The passages, and where they come from; their questions may have lost their answers."""
    task, unit, revisions = tested
    if source == "folder":
        files = tuple(map(Path, unit.files))
        return [text for path in files for text in squad_passages(path)], _files(files)
    from xstilts.data.readers import hub

    try:
        return hub.passages(task, unit.split, unit.language, revisions or {})
    except XstiltsError as error:
        raise XstiltsError(
            f"{task.title}'s passages, which must not stand in this development set, are not to be"
            f" had: {error}",
            hint="set keep_xquad_passages: true to do without them",
        ) from error


def _bare(text: str) -> str:
    """A text without its spaces, in which copies of it differ: some are stripped."""
    return "".join(unicodedata.normalize("NFC", text).split())


def _read(
    task: Task,
    part: Part,
    units: Sequence[Unit],
    source: Literal["folder", "hub"],
    revisions: Mapping[str, str] | None,
) -> Iterator[_Reading]:
    """All items of each unit, checked, with their clusters; unit by unit where none are paired."""
    readings = (_read_unit(task, unit, source, revisions) for unit in units)
    # Both sides of a bitext are read at once, and have as many sentences or are refused.
    if not task.parallel or part != "eval" or task.facts.embedded:
        pool = OnePool() if task.parallel and task.facts.embedded else None
        for reading in readings:
            if pool:
                pool.add(reading.place, reading.batch)
            set_clusters(task, reading.batch.rows)
            yield reading
        return
    paired = list(readings)
    sides = [(reading.place, reading.batch) for reading in paired]
    refuse_other_items(task, sides)
    references = reference_clusters(task, (row for _, batch in sides for row in batch.rows))
    for reading, groups in zip(paired, not_paired(task, sides), strict=True):
        set_clusters(task, reading.batch.rows, references)
        yield reading._replace(not_paired=groups)


def _unpair(rows: Iterable[Row], groups: Mapping[str, str]) -> Counter[str]:
    """Give rows of these groups one of their own; how many there are, by reason."""
    reasons: Counter[str] = Counter()
    for row in rows:
        reason = groups.get(row["group"]) if groups else None
        if reason:
            row["group"] = unpaired_group(row)
            reasons[reason] += 1
    return reasons


def _read_unit(
    task: Task, unit: Unit, source: Literal["folder", "hub"], revisions: Mapping[str, str] | None
) -> _Reading:
    batch, place, record = (
        _read_files(task, unit) if source == "folder" else _read_hub(task, unit, revisions)
    )
    refuse_placeholder(task, unit.split, batch.rows, place.where)
    odd = odd_texts(task, batch.rows)
    record |= {"odd_texts": dict(sorted(odd.items()))} if odd else {}
    return _Reading(unit, batch, place, record, {})


def _require_fitting(task: Task, part: Part, unit: Unit, dev_share: float) -> None:
    fitting = {
        "train": ("train",),
        "dev": ("train",) if dev_share else ("dev",),
        "eval": ("dev", "test"),
    }[part]
    if unit.split not in fitting:
        raise ValueError(f"{task.key}: part {part} is not made of split {unit.split}")


def _read_files(task: Task, unit: Unit) -> tuple[Batch, Place, dict[str, Any]]:
    if unit.reader not in READERS:
        raise XstiltsError(
            f"unknown reader {unit.reader!r}",
            where=f"{task.key} {unit.split} {unit.language}",
            hint=did_you_mean(unit.reader, READERS),
        )
    files = tuple(Path(name) for name in unit.files)
    place = Place(task, unit.split, unit.language, ", ".join(unit.files))
    batch = READERS[unit.reader](place, files)
    # What is cut in the middle of its last line mostly ends so; cut JSON is refused.
    cut = sum(_is_unended(path) for path in files if path.suffix != ".json")
    batch.counts += Counter(files_without_last_line_end=cut)
    record = {
        "split": unit.split,
        "language": unit.language,
        "reader": unit.reader,
        **_files(files),
    }
    return batch, place, record


def _is_unended(path: Path) -> bool:
    with path.open("rb") as file:
        file.seek(-1, SEEK_END)
        return file.read() != b"\n"


def _files(files: Iterable[Path]) -> dict[str, Any]:
    return {"files": [{"path": str(path), "sha256": sha256_file(path)} for path in files]}


def _read_hub(
    task: Task, unit: Unit, revisions: Mapping[str, str] | None
) -> tuple[Batch, Place, dict[str, Any]]:
    # `datasets` takes a second to import and is needed for this source only.
    from xstilts.data.readers import hub

    batch, place, origin = hub.read(task, unit.split, unit.language, revisions or {})
    return batch, place, {"split": unit.split, "language": unit.language, **origin}
