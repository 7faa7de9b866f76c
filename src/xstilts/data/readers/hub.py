"""Readers of script-free Parquet data sets on the Hugging Face hub, one for each shape.

Everything is read through `datasets.load_dataset` at one pinned commit. A repository may
also be a local folder in the hub's layout, which needs no revision.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt
from datasets import ClassLabel, Dataset, Features, load_dataset

from xstilts.config.languages import LANGUAGES
from xstilts.config.tasks import HubSource, Task
from xstilts.config.tasks.hub_rows import expected_rows
from xstilts.data.checks import label_name
from xstilts.data.readers import choices
from xstilts.data.readers.answers import SourceQuestion
from xstilts.data.rows import Batch, Pairing, Place, item, retrieval_batch, span_batch
from xstilts.data.sampling import halve_pairs
from xstilts.errors import XstiltsError

log = logging.getLogger(__name__)

_COMMIT = re.compile(r"[0-9a-f]{40}")


def read(
    task: Task, split: str, language: str, revisions: Mapping[str, str]
) -> tuple[Batch, Place, dict[str, Any]]:
    """One split in one language, its place for errors, and where it comes from.

    Raises:
        XstiltsError: the task has no such split there, or not in this language, no revision is
            pinned, the data cannot be loaded, or they are not as expected.
    """
    if split not in task.hub and split not in task.hub_translated:
        raise XstiltsError(f"{task.key} has no {split} split on the hub")
    sources = task.hub_sources(split, language)
    if not sources:
        raise XstiltsError(f"{task.key} has no {split} data in {language!r} on the hub")
    batch = Batch()
    wheres, origins = [], []
    first = 0
    for source in sources:
        where, origin, dataset = _open(source, task, split, language, revisions)
        found = READERS[source.reader](Place(task, split, language, where, first), dataset)
        first += dataset.num_rows
        batch.extend(found)
        wheres.append(where)
        origins.append(origin)
    place = Place(task, split, language, " and ".join(wheres))
    variant = {"variant": task.hub_variant} if task.hub_variant else {}
    foreign = task.foreign(split, language)
    held = {"foreign": {"other": foreign.other, "percent": foreign.share(split)}} if foreign else {}
    return batch, place, {"sources": origins, **variant, **held}


def passages(
    task: Task, split: str, language: str, revisions: Mapping[str, str]
) -> tuple[list[str], dict[str, Any]]:
    """The passages of a split of questions in one language, each once, and where they come from.

    Raises:
        XstiltsError: the data cannot be loaded, or have no passages.
    """
    found: dict[str, None] = {}
    origins = []
    for source in task.hub_sources(split, language):
        where, origin, dataset = _open(source, task, split, language, revisions)
        table = _table(dataset, Place(task, split, language, where), "context")
        found |= dict.fromkeys(table["context"].to_pylist())
        origins.append(origin)
    return list(found), {"sources": origins}


def _open(
    source: HubSource, task: Task, split: str, language: str, revisions: Mapping[str, str]
) -> tuple[str, dict[str, Any], Dataset]:
    """A source's name in errors, what it is in metadata, and its rows."""
    config = _config(source, language)
    revision = _revision(source, revisions)
    where = f"{source.repo} at {revision or 'local folder'}, config {config}, split {source.split}"
    origin: dict[str, Any] = {
        "reader": source.reader,
        "repo": source.repo,
        "revision": revision,
        "config": config,
        "hub_split": source.split,
    }
    copy = ""
    if source.fragile and revision:
        copy = _instead(task, split)
        origin["fragile"] = copy
        log.warning("%s: the hub can remove this commit; to be safe keep %s", where, copy)
    dataset = _load(source.repo, config, source.split, revision, where, copy)
    expected = expected_rows(source.repo, config, source.split)
    if revision == source.revision and expected not in (None, dataset.num_rows):
        # A warning, since it may be the table that is wrong: `datasets` has compared what it read
        # with the card that lies beside it.
        origin |= {"rows": dataset.num_rows, "rows_expected": expected}
        log.warning("%s: %d rows, expected %d", where, dataset.num_rows, expected)
    return where, origin, dataset


def _instead(task: Task, split: str) -> str:
    """The files in a folder that are read in place of a fragile source."""
    return f"data_root/{task.folder[split][0].files[0].replace('{-lang}', '')}"


def _config(source: HubSource, language: str) -> str:
    known = LANGUAGES.get(language)
    if known is None:
        raise XstiltsError(f"unknown language {language!r}", where=source.repo)
    return source.config.format(lang=language, iso=known.iso639_3, name=known.name)


def _revision(source: HubSource, revisions: Mapping[str, str]) -> str:
    revision = revisions.get(source.repo, source.revision)
    if Path(source.repo).is_dir():
        return ""
    if not _COMMIT.fullmatch(revision):
        raise XstiltsError(
            "no commit is pinned" if not revision else f"{revision!r} is not a commit",
            where=source.repo,
            hint="name the full 40-digit commit under hub_revisions in the experiment file",
        )
    return revision


def _load(repo: str, config: str, split: str, revision: str, where: str, copy: str = "") -> Dataset:
    try:
        return load_dataset(repo, config, split=split, revision=revision or None)
    except Exception as error:
        # `datasets` raises many unrelated types here, from a bad config to a lost network.
        if os.environ.get("HF_HUB_OFFLINE", "") not in ("", "0"):
            hint = "HF_HUB_OFFLINE is set: fetch the data first"
        else:
            hint = "check the network, the revision and the names of config and split"
        if copy:
            hint += (
                "; the hub may have removed this commit of its branch refs/convert/parquet: name"
                f" the branch's newest commit under hub_revisions, or give {copy} and the files of"
                " the other splits, which are then read instead"
            )
        raise XstiltsError(
            f"cannot be loaded: {type(error).__name__}: {error}", where=where, hint=hint
        ) from error


def _table(dataset: Dataset, place: Place, *columns: str) -> pa.Table:
    """These columns, in which no text is null.

    Raises:
        XstiltsError: one is missing, or a text or a list is null, with its row.
    """
    missing = [name for name in columns if name not in dataset.column_names]
    if missing:
        raise XstiltsError(
            f"lacks the columns {', '.join(missing)}; has {', '.join(dataset.column_names)}",
            where=place.where,
            hint="this revision has another layout: pin the one that the task table names",
        )
    table = dataset.select_columns(list(columns)).with_format("arrow")[:]
    for name in columns:
        _refuse_null(table[name], name, place)
    return table


def _refuse_null(column: pa.ChunkedArray, name: str, place: Place) -> None:
    # Labels and ids that are null are the business of those who read them.
    may_hold = column.null_count or pt.is_nested(column.type)
    if name in ("id", "label") or not may_hold:
        return
    for row, value in enumerate(column.to_pylist(), 1):
        if (null := _null(value)) is not None:
            raise XstiltsError(
                f"{name}{null} is null",
                where=place.where,
                row=row,
                hint="the data are not those that were published: pin the revision that the task"
                " table names, or remove the row",
            )


def _null(value: Any) -> str | None:
    """Where the first null within a value is (`[0-based place]`, `.key`), None if there is none."""
    if value is None:
        return ""
    inside: Iterable[tuple[str, Any]] = ()
    if isinstance(value, dict):
        inside = ((f".{key}", held) for key, held in value.items())
    elif isinstance(value, list):
        inside = ((f"[{number}]", held) for number, held in enumerate(value))
    for at, held in inside:
        if (null := _null(held)) is not None:
            return at + null
    return None


def _class_names(features: Features, column: str) -> list[str] | None:
    """The names behind the integers of a label column, None where it holds strings."""
    feature = features[column]
    feature = getattr(feature, "feature", feature)
    return feature.names if isinstance(feature, ClassLabel) else None


def _label(raw: Any, names: list[str] | None, place: Place, row: int) -> str | None:
    """`checks.label_name` of a label that may be the number of a class.

    Raises:
        XstiltsError: as there, or no class has this number.
    """
    # Numbers mean different labels in different sets, so that only names are compared.
    if names is not None and isinstance(raw, int) and raw >= 0:
        if raw >= len(names):
            raise XstiltsError(
                f"the label {raw} is the number of no class: {len(names)} are named, from 0 on"
                f" ({', '.join(names)})",
                where=place.where,
                row=row,
                hint="the names that stand with the data are not theirs: pin the revision that the"
                " task table names",
            )
        raw = names[raw]
    return label_name(raw, place.task.labels, place.where, row)


def read_pairs(place: Place, dataset: Dataset) -> Batch:
    """Columns sentence1, sentence2; premise, hypothesis; or question1, question2; and label.

    PAWS-X also has id.
    """
    namings = (("sentence1", "sentence2"), ("premise", "hypothesis"), ("question1", "question2"))
    texts = next((names for names in namings if names[0] in dataset.column_names), namings[1])
    keyed = "id" in dataset.column_names
    table = _table(dataset, place, *texts, "label", *(["id"] if keyed else []))
    keys = [str(key) for key in table["id"].to_pylist()] if keyed else []
    # Its ids, where it has them, and not its rows say what is the same item.
    keyed = keyed and len(set(keys)) == len(keys)
    names = _class_names(dataset.features, "label")
    batch = Batch(pairing=Pairing.ID if keyed else Pairing.NUMBER)
    columns = (table[name].to_pylist() for name in (*texts, "label"))
    for number, (text_a, text_b, raw) in enumerate(zip(*columns, strict=True)):
        label = _label(raw, names, place, number + 1)
        own = item(place, number, keys[number] if keyed else None)
        if label is None:
            batch.counts["unlabelled_dropped"] += 1
            batch.dropped.append(own["group"])
            continue
        batch.rows.append({**own, "text_a": text_a, "text_b": text_b, "label": label})
    return batch


def read_tags(place: Place, dataset: Dataset) -> Batch:
    """Columns tokens and pos_tags or ner_tags."""
    column = next((name for name in dataset.column_names if name.endswith("_tags")), "ner_tags")
    table = _table(dataset, place, "tokens", column)
    names = _class_names(dataset.features, column)
    batch = Batch()
    rows = zip(table["tokens"].to_pylist(), table[column].to_pylist(), strict=True)
    for number, (tokens, raw) in enumerate(rows):
        tags = [_label(tag, names, place, number + 1) for tag in raw]
        if len(tokens) != len(tags) or None in tags:
            raise XstiltsError(
                f"{len(tokens)} tokens, {len(tags) - tags.count(None)} tags",
                where=place.where,
                row=number + 1,
            )
        if not tokens:
            batch.counts["empty_sentences_dropped"] += 1
            continue
        batch.rows.append({**item(place, number), "tokens": tokens, "tags": tags})
    return batch


def read_choices(place: Place, dataset: Dataset, shape: choices.RecordLayout) -> Batch:
    """Columns as `shape` says; a label that is a class is its number."""
    return choices.choice_batch(place, shape, enumerate(dataset, 1), place.where)


def read_squad(place: Place, dataset: Dataset) -> Batch:
    """Columns id, context, question, answers (text and answer_start)."""
    return _spans(place, _table(dataset, place, "id", "context", "question", "answers"))


def read_tydiqa(place: Place, dataset: Dataset) -> Batch:
    """As `read_squad`, of all languages: ids start with the language's name (`english-`)."""
    table = _table(dataset, place, "id", "context", "question", "answers")
    prefix = f"{LANGUAGES[place.language].name.lower()}-"
    return _spans(place, table.filter(pc.starts_with(table["id"], prefix)))


def _spans(place: Place, table: pa.Table) -> Batch:
    if not table.num_rows:
        raise XstiltsError(f"holds no question in {place.language!r}", where=place.where)
    questions = []
    for row in table.to_pylist():
        answers = row["answers"]
        try:
            if isinstance(answers, list):
                pairs = [(answer["text"], answer["answer_start"]) for answer in answers]
            else:
                pairs = list(zip(answers["text"], answers["answer_start"], strict=True))
        except (KeyError, TypeError, ValueError) as error:
            raise XstiltsError(
                f"the answers are not SQuAD's: {type(error).__name__} {error}",
                where=f"{place.where}, question {row['id']}",
                hint="each answer has text and answer_start",
            ) from error
        questions.append(
            SourceQuestion(str(row["id"] or ""), row["context"], row["question"], tuple(pairs))
        )
    return span_batch(place, f"{place.split}-{place.language}", questions)


def read_tatoeba(place: Place, dataset: Dataset) -> Batch:
    """Columns source_sentence (foreign) and target_sentence (English), row-aligned."""
    table = _table(dataset, place, "source_sentence", "target_sentence")
    # The hub keeps the line ends of the files.
    foreign, english = (
        [(str(row), text.rstrip("\r\n")) for row, text in enumerate(table[name].to_pylist())]
        for name in ("source_sentence", "target_sentence")
    )
    if not foreign:
        raise XstiltsError("holds no sentence", where=place.where)
    gold = [(str(row), str(row)) for row in range(len(foreign))]
    return retrieval_batch(place, foreign, english, gold)


def read_bucc(place: Place, dataset: Dataset) -> Batch:
    """One row: sentence1 (foreign), sentence2 (English) and gold, 1-based pairs of both.

    There is no dev split and there are no ids: `split` picks one half of the gold pairs, and
    the number in the corpus becomes the id.
    """
    table = _table(dataset, place, "sentence1", "sentence2", "gold")
    if table.num_rows != 1:
        raise XstiltsError(f"{table.num_rows} rows, expected 1", where=place.where)
    texts = [table[name][0].as_py() for name in ("sentence1", "sentence2")]
    names = [
        [f"{language}-{number:09d}" for number in range(1, len(side) + 1)]
        for language, side in zip((place.language, "en"), texts, strict=True)
    ]
    gold = []
    for row, pair in enumerate(table["gold"][0].as_py(), 1):
        if len(pair) != 2 or not all(
            1 <= number <= len(side) for number, side in zip(pair, names, strict=True)
        ):
            raise XstiltsError(
                f"gold pair {row} is {list(pair)}, not a pair of 1-based rows", where=place.where
            )
        gold.append((names[0][pair[0] - 1], names[1][pair[1] - 1]))
    foreign, english = (
        list(zip(ids, side, strict=True)) for ids, side in zip(names, texts, strict=True)
    )
    batch = retrieval_batch(place, foreign, english, gold)
    return Batch(halve_pairs(batch.rows, place.split, place.where), batch.counts)


READERS: dict[str, Callable[[Place, Dataset], Batch]] = {
    "pairs": read_pairs,
    "hellaswag": partial(read_choices, shape=choices.HELLASWAG),
    "cosmosqa": partial(read_choices, shape=choices.COSMOSQA),
    "csqa": partial(read_choices, shape=choices.CSQA),
    "copa": partial(read_choices, shape=choices.COPA),
    "tags": read_tags,
    "squad": read_squad,
    "tydiqa": read_tydiqa,
    "tatoeba": read_tatoeba,
    "bucc": read_bucc,
}
