"""What the hub's data sets hold, one reader for each shape of their columns."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.types as pt
from datasets import ClassLabel, Dataset, Features

from xstilts.config.languages import LANGUAGES
from xstilts.data.checks import label_name
from xstilts.data.readers import choices
from xstilts.data.readers.answers import SourceQuestion
from xstilts.data.readers.sentences import SIB_COLUMNS, sentence_batch
from xstilts.data.readers.treebanks import TreeSentence, add_sentence
from xstilts.data.rows import Batch, Pairing, Place, item, retrieval_batch, span_batch
from xstilts.data.sampling import halve_pairs
from xstilts.errors import XstiltsError


def table_of(
    dataset: Dataset,
    place: Place,
    *others: str,
    texts: Sequence[str] = (),
    lists: Sequence[str] = (),
) -> pa.Table:
    """These columns, in which no text is null.

    Raises:
        XstiltsError: one is missing, `texts` are no texts, `lists` no lists, or a text or a list is
            null, with its row.
    """
    columns = (*texts, *lists, *others)
    missing = [name for name in columns if name not in dataset.column_names]
    if missing:
        raise XstiltsError(
            f"lacks the columns {', '.join(missing)}; has {', '.join(dataset.column_names)}",
            where=place.where,
            hint="this revision has another layout: pin the one that the task table names",
        )
    table = dataset.select_columns(list(columns)).with_format("arrow")[:]
    for names, is_meant, what in ((texts, _is_text, "texts"), (lists, _is_list, "lists")):
        for name in names:
            # A column without any value is of no type, and refused for that.
            if not is_meant(table[name].type) and not pt.is_null(table[name].type):
                raise XstiltsError(
                    f"{name} holds {table[name].type}, and not {what}",
                    where=place.where,
                    hint="this revision has another layout: pin the one that the task table names",
                )
    for name in columns:
        _refuse_null(table[name], name, place)
    return table


def _is_text(kind: pa.DataType) -> bool:
    return bool(pt.is_string(kind) or pt.is_large_string(kind))


def _is_list(kind: pa.DataType) -> bool:
    return bool(pt.is_list(kind) or pt.is_large_list(kind))


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


def read_pairs(place: Place, dataset: Dataset, numbered: bool = False) -> Batch:
    """Columns sentence1, sentence2; premise, hypothesis; or question1, question2; and label.

    PAWS-X also has id. Labels are by name, or classes; `numbered` ones are places among the task's
    (AfriXNLI, read from tables without classes).
    """
    namings = (("sentence1", "sentence2"), ("premise", "hypothesis"), ("question1", "question2"))
    texts = next((names for names in namings if names[0] in dataset.column_names), namings[1])
    keyed = "id" in dataset.column_names
    table = table_of(dataset, place, "label", *(["id"] if keyed else []), texts=texts)
    keys = [str(key) for key in table["id"].to_pylist()] if keyed else []
    # Its ids, where it has them, and not its rows say what is the same item.
    keyed = keyed and len(set(keys)) == len(keys)
    names = list(place.task.labels) if numbered else _class_names(dataset.features, "label")
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


def read_sentences(place: Place, dataset: Dataset) -> Batch:
    """SIB-200: columns index_id, category and text."""
    table = table_of(dataset, place, "index_id", texts=("category", "text"))
    columns = (table[name].to_pylist() for name in SIB_COLUMNS)
    return sentence_batch(
        place, ((row, *held) for row, held in enumerate(zip(*columns, strict=True), 1)), place.where
    )


def read_treebank(place: Place, dataset: Dataset) -> Batch:
    """Universal Dependencies: columns tokens, upos, head, and mwt with id and form.

    Tokens are the syntactic words, empty nodes not among them.
    """
    table = table_of(dataset, place, lists=("tokens", "upos", "head", "mwt"))
    names = _class_names(dataset.features, "upos")
    batch = Batch()
    for number, row in enumerate(table.to_pylist(), 1):
        tags = [names[tag] if names and isinstance(tag, int) else tag for tag in row["upos"]]
        sentence = TreeSentence(number, row["tokens"], tags)
        try:
            if not len(row["tokens"]) == len(tags) == len(row["head"]) > 0:
                raise ValueError("numbers of tokens, upos and head differ, or there is no word")
            sentence.heads = list(map(int, row["head"]))
            for fused in row["mwt"]:
                first, last = map(int, fused["id"].split("-"))
                sentence.fused[first, last] = fused["form"]
        except (KeyError, TypeError, ValueError) as error:
            raise XstiltsError(
                f"no sentence of a treebank: {type(error).__name__} {error}",
                where=place.where,
                row=number,
                hint="this revision has another layout: pin the one that the task table names",
            ) from error
        add_sentence(batch, place, sentence, place.where)
    return batch


def read_tags(place: Place, dataset: Dataset) -> Batch:
    """Columns tokens and pos_tags or ner_tags."""
    column = next((name for name in dataset.column_names if name.endswith("_tags")), "ner_tags")
    table = table_of(dataset, place, lists=("tokens", column))
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
    return _spans(place, _questions(place, dataset))


def read_tydiqa(place: Place, dataset: Dataset) -> Batch:
    """As `read_squad`, of all languages: ids start with the language's name (`english-`)."""
    table = _questions(place, dataset)
    if table["id"].null_count:
        raise XstiltsError(
            "an id is null, and with it the language of its question",
            where=place.where,
            row=table["id"].to_pylist().index(None) + 1,
        )
    prefix = f"{LANGUAGES[place.language].name.lower()}-"
    return _spans(place, table.filter(pc.starts_with(table["id"], prefix)))


def _questions(place: Place, dataset: Dataset) -> pa.Table:
    return table_of(dataset, place, "answers", texts=("id", "context", "question"))


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
    names = ("source_sentence", "target_sentence")
    return _aligned(place, table_of(dataset, place, texts=names), names, "")


def read_tatoeba112(place: Place, dataset: Dataset) -> Batch:
    """Columns sentence1 (foreign), sentence2 (English) and lang (`afr-eng`), of all languages."""
    table = table_of(dataset, place, texts=("sentence1", "sentence2", "lang"))
    pair = f"{place.task.codes[place.language]}-eng"
    table = table.filter(pc.equal(table["lang"], pair))
    return _aligned(place, table, ("sentence1", "sentence2"), f" of {pair}")


def _aligned(place: Place, table: pa.Table, names: tuple[str, str], of: str) -> Batch:
    """The columns of a foreign side and the English one, row i of which translates the other's."""
    if not table.num_rows:
        raise XstiltsError(f"holds no sentence{of}", where=place.where)
    rows = [str(row) for row in range(table.num_rows)]
    # The hub keeps the line ends of the files.
    foreign, english = (
        list(zip(rows, (text.rstrip("\r\n") for text in table[name].to_pylist()), strict=True))
        for name in names
    )
    return retrieval_batch(place, foreign, english, zip(rows, rows, strict=True))


def read_bucc(place: Place, dataset: Dataset) -> Batch:
    """One row: sentence1 (foreign), sentence2 (English) and gold, 1-based pairs of both.

    There is no dev split and there are no ids: `split` picks one half of the gold pairs, and
    the number in the corpus becomes the id.
    """
    table = table_of(dataset, place, lists=("sentence1", "sentence2", "gold"))
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
    "pairs_numbered": partial(read_pairs, numbered=True),
    "sentences": read_sentences,
    "belebele": partial(read_choices, shape=choices.BELEBELE),
    "ud": read_treebank,
    "tatoeba112": read_tatoeba112,
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
