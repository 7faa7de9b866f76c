"""Readers of files, one for each format: XTREME's, those of intermediate tasks, plain text.

Each takes a `Place` and the format's files and returns a `Batch`. Bad data raises one
`XstiltsError` that names the file, the 1-based line or the question, and the mend. Files of pairs
and of multiple choice have rooms of their own (`xstilts.data.readers.pairs`,
`xstilts.data.readers.choices`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Any

from xstilts.data.checks import label_name, refuse_repeated
from xstilts.data.gold import ENOUGH
from xstilts.data.kinds.base import GOLD_REMOVED
from xstilts.data.readers import choices, pairs, pitfalls, sentences, treebanks
from xstilts.data.readers.answers import SourceQuestion
from xstilts.data.readers.lines import read_json, read_lines
from xstilts.data.rows import Batch, Place, item, retrieval_batch, span_batch
from xstilts.errors import XstiltsError

# No sentence has as many words.
_LONGEST = 1000
# A word of a CCGbank derivation.
_LEAF = re.compile(r"\(<L (\S+) \S+ \S+ (\S+) \S+>\)")


def read_tags(place: Place, files: Sequence[Path], separator: str = "\t") -> Batch:
    """Lines of token and tag, a blank line after each sentence (the last one may lack it).

    A token may hold spaces and tabs where a tab stands before the tag, which is what follows the
    last one; a single space (Masakhane's files) parts nothing else. WikiANN's own files start every
    token with the language (`de:Haus`); that prefix is cut. Where the task's labels are open, any
    tag is one. Tags of entities that the task's training data do not have become `O`.
    """
    (path,) = files
    batch = Batch()
    known = None if place.task.open_labels else frozenset(place.task.labels)
    between = "one tab" if separator == "\t" else "one space"
    tokens: list[str] = []
    tags: list[str] = []
    for row, line in enumerate([*read_lines(path), ""], 1):
        if line:
            token, mark, tag = line.rpartition(separator)
            if not mark:
                raise XstiltsError(
                    f"the token {line[:80]!r} has no tag",
                    where=path,
                    row=row,
                    hint=f"each line is a token, {between} and its tag; {GOLD_REMOVED}",
                )
            if not tag.strip():
                raise XstiltsError("the label is missing", where=path, row=row, hint=GOLD_REMOVED)
            if separator == " " and (not token or token != "".join(token.split())):
                raise XstiltsError(
                    f"{line[:80]!r} is no token with its tag",
                    where=path,
                    row=row,
                    hint=f"each line is a token, {between} and its tag",
                )
            if tag.partition("-")[2] in place.task.unlearnt:
                batch.counts["words_of_unlearnt_entities"] += 1
                tag = "O"
            if known is not None and tag not in known:
                label_name(tag, place.task.labels, path, row)
                raise XstiltsError(f"{tag!r} is no tag", where=path, row=row)
            batch.counts["tokens_with_tabs"] += "\t" in token
            tokens.append(token)
            tags.append(tag)
        elif tokens:
            batch.rows.append({**item(place, len(batch.rows)), "tokens": tokens, "tags": tags})
            tokens, tags = [], []
    if len(batch.rows) == 1 and len(batch.rows[0]["tokens"]) > _LONGEST:
        raise XstiltsError(
            f"holds one sentence of {len(batch.rows[0]['tokens'])} words",
            where=path,
            hint="a blank line stands between sentences: they are missing",
        )
    prefix = f"{place.language}:"
    if all(token.startswith(prefix) for held in batch.rows for token in held["tokens"]):
        for held in batch.rows:
            held["tokens"] = [token.removeprefix(prefix) for token in held["tokens"]]
            batch.counts["language_prefixes_cut"] += len(held["tokens"])
    batch.counts = +batch.counts
    return batch


def read_ccg_auto(place: Place, files: Sequence[Path]) -> Batch:
    """CCGbank's AUTO files: a line `ID=…`, then the sentence's derivation on one line.

    Words and categories are those of its leaves, `(<L category pos pos word category>)`
    (Hockenmaier and Steedman 2005, CCGbank manual), brackets as they stand there (`-LRB-`).
    """
    (path,) = files
    batch = Batch()
    for row, line in enumerate(read_lines(path), 1):
        if not line.strip() or line.startswith("ID="):
            continue
        leaves = _LEAF.findall(line)
        if not leaves or len(leaves) != line.count("(<L "):
            raise XstiltsError(
                f"{len(leaves)} of {line.count('(<L ')} leaves of the derivation can be read",
                where=path,
                row=row,
                hint="each line is ID=… or a derivation with leaves"
                " (<L category pos pos word category>)",
            )
        tags, tokens = map(list, zip(*leaves, strict=True))
        batch.rows.append({**item(place, len(batch.rows)), "tokens": tokens, "tags": tags})
    if not batch.rows:
        raise XstiltsError("holds no derivation", where=path, hint="use CCGbank's AUTO files")
    return batch


def read_squad_json(place: Place, files: Sequence[Path]) -> Batch:
    """SQuAD 1.1 or 2.0 JSON.

    `answers.place_answers` says what happens to offsets and to questions without an answer.
    """
    (path,) = files
    value = read_json(path)
    questions: list[SourceQuestion] = []
    where = str(path)
    try:
        for article_number, article in enumerate(value["data"], 1):
            where = f"{path}, article {article_number}"
            for number, paragraph in enumerate(article["paragraphs"], 1):
                where = f"{path}, article {article_number}, paragraph {number}"
                questions += [_question(paragraph["context"], qa) for qa in paragraph["qas"]]
                if place.task.unanswerable:
                    _refuse_contradiction(paragraph["qas"], where)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise _not_squad(error, where) from error
    if not questions:
        raise XstiltsError("holds no question", where=path, hint="download it again")
    return span_batch(replace(place, where=str(path)), path.stem, questions)


def squad_passages(path: Path) -> list[str]:
    """The passages of SQuAD JSON, whatever became of their questions."""
    value = read_json(path)
    try:
        return [
            str(paragraph["context"])
            for article in value["data"]
            for paragraph in article["paragraphs"]
        ]
    except (KeyError, TypeError) as error:
        raise _not_squad(error, str(path)) from error


def _not_squad(error: Exception, where: str) -> XstiltsError:
    return XstiltsError(
        f"not SQuAD JSON: {type(error).__name__} {error}",
        where=where,
        hint="expected data > paragraphs > context and qas > id, question, answers",
    )


def _question(context: str, qa: dict[str, Any]) -> SourceQuestion:
    answers = qa.get("answers") or []
    texts = [context, qa["question"], *(answer["text"] for answer in answers)]
    if not all(isinstance(text, str) for text in texts):
        raise TypeError("context, question and the answers' text must be strings")
    return SourceQuestion(
        id=str(qa.get("id") or ""),
        context=context,
        question=qa["question"],
        answers=tuple((answer["text"], int(answer["answer_start"])) for answer in answers),
    )


def _refuse_contradiction(questions: Sequence[dict[str, Any]], where: str) -> None:
    """Raise if a question is said to have an answer and has none, or the other way round."""
    for qa in questions:
        impossible = qa.get("is_impossible")
        if impossible is not None and impossible == bool(qa.get("answers")):
            raise XstiltsError(
                f"is_impossible is {str(impossible).lower()}, but it has"
                f" {len(qa.get('answers') or [])} answers",
                where=f"{where}, question {qa.get('id')}",
                hint=GOLD_REMOVED,
            )


def read_bucc(place: Place, files: Sequence[Path]) -> Batch:
    """Two files of `id⇥sentence` and a gold file of `foreign-id⇥en-id`."""
    foreign_path, english_path, gold_path = files
    foreign, english = _sentences(foreign_path), _sentences(english_path)
    known = ({name for name, _ in foreign}, {name for name, _ in english})
    gold = _two_columns(gold_path, "foreign-id⇥en-id")
    for row, pair in enumerate(gold, 1):
        for name, names, path in zip(pair, known, (foreign_path, english_path), strict=True):
            if name not in names:
                raise XstiltsError(
                    f"the id {name!r} is not in {path.name}",
                    where=gold_path,
                    row=row,
                    hint="each line is foreign-id⇥en-id; the three files must belong together",
                )
    return retrieval_batch(replace(place, where=str(gold_path.parent)), foreign, english, gold)


def _sentences(path: Path) -> list[tuple[str, str]]:
    sentences = _two_columns(path, "id⇥sentence")
    refuse_repeated((name for name, _ in sentences), "the id", str(path))
    return sentences


def _two_columns(path: Path, form: str) -> list[tuple[str, str]]:
    pairs = []
    for row, line in enumerate(read_lines(path), 1):
        columns = line.split("\t")
        if len(columns) != 2:
            raise XstiltsError(
                f"{len(columns)} column{'' if len(columns) == 1 else 's'}, expected 2",
                where=path,
                row=row,
                hint=f"each line is {form}",
            )
        pairs.append((columns[0], columns[1]))
    return pairs


def read_tatoeba_sorted(place: Place, files: Sequence[Path]) -> Batch:
    """XTREME's pair, whose English side is sorted, and the labels that undo the sorting.

    Label j is the 0-based foreign row that translates English row j.
    """
    foreign_path, english_path, label_path = files
    foreign, english = _aligned(foreign_path, english_path)
    lines = read_lines(label_path)
    if len(lines) != len(english):
        raise XstiltsError(
            f"{len(lines)} labels for the {len(english)} lines of {english_path.name}",
            where=label_path,
            hint="one label for each English line",
        )
    if len(lines) >= ENOUGH and len(set(lines)) == 1:
        raise XstiltsError(
            f"every label is {lines[0]!r}: a placeholder, not gold",
            where=label_path,
            hint=GOLD_REMOVED,
        )
    first_row: dict[int, int] = {}
    rows = {str(row): row for row in range(len(foreign))}
    for row, line in enumerate(lines, 1):
        label = rows.get(line.strip())
        if label is None:
            raise XstiltsError(
                f"{line!r} is no row of {foreign_path.name}",
                where=label_path,
                row=row,
                hint=f"a label is a number from 0 to {len(foreign) - 1}",
            )
        if label in first_row:
            raise XstiltsError(
                f"{label} stands in row {first_row[label]} already: not a permutation",
                where=label_path,
                row=row,
                hint="each foreign row translates one English row",
            )
        first_row[label] = row
    gold = [(str(label), str(row - 1)) for label, row in first_row.items()]
    return retrieval_batch(
        replace(place, where=str(label_path)), _numbered(foreign), _numbered(english), gold
    )


def read_ntrex(place: Place, files: Sequence[Path]) -> Batch:
    """NTREX: row i of the reference translates row i of the English source.

    Row i of the third file names the document that both are of, the same in every language.
    """
    foreign_path, english_path, document_path = files
    foreign, english = _aligned(foreign_path, english_path)
    documents = [line.strip() for line in read_lines(document_path)]
    if len(documents) != len(english):
        raise XstiltsError(
            f"{len(documents)} documents for the {len(english)} lines of {english_path.name}",
            where=document_path,
            hint="one for each line: all files must be of one release",
        )
    if "" in documents:
        raise XstiltsError(
            "the document is missing", where=document_path, row=documents.index("") + 1
        )
    names = [str(row) for row in range(len(english))]
    return retrieval_batch(
        replace(place, where=str(foreign_path)),
        _numbered(foreign),
        _numbered(english),
        zip(names, names, strict=True),
        dict(zip(names, documents, strict=True)),
    )


def read_tatoeba_aligned(place: Place, files: Sequence[Path]) -> Batch:
    """LASER's pair: row i of one file translates row i of the other."""
    foreign_path, english_path = files
    foreign, english = _aligned(foreign_path, english_path)
    if len(english) >= ENOUGH and all(a <= b for a, b in pairwise(english)):
        raise XstiltsError(
            "the English side is sorted, so its rows are not aligned with the foreign side",
            where=english_path,
            hint="use LASER's files as published, or XTREME's with a label file",
        )
    gold = [(str(row), str(row)) for row in range(len(english))]
    return retrieval_batch(
        replace(place, where=str(english_path)), _numbered(foreign), _numbered(english), gold
    )


def _aligned(foreign_path: Path, english_path: Path) -> tuple[list[str], list[str]]:
    foreign, english = read_lines(foreign_path), read_lines(english_path)
    if len(foreign) != len(english):
        raise XstiltsError(
            f"{len(english)} lines, but {foreign_path.name} has {len(foreign)}",
            where=english_path,
            hint="both sides must come from the same download",
        )
    return foreign, english


def read_text_lines(place: Place, files: Sequence[Path]) -> Batch:
    """One document a line; blank lines are no documents, repeated documents are kept."""
    (path,) = files
    batch = Batch()
    seen: set[str] = set()
    for line in read_lines(path):
        text = line.strip()
        if not text:
            batch.counts["blank_lines"] += 1
            continue
        batch.counts["repeated_documents"] += text in seen
        seen.add(text)
        batch.rows.append({**item(place, len(batch.rows)), "text": text})
    # Counts tell what was odd, so that 0 is no count.
    batch.counts = +batch.counts
    return batch


def _numbered(sentences: Sequence[str]) -> list[tuple[str, str]]:
    return [(str(row), sentence) for row, sentence in enumerate(sentences)]


READERS: dict[str, Callable[[Place, Sequence[Path]], Batch]] = {
    "pairs_tsv": pairs.read_tsv,
    "pairs_jsonl": pairs.read_jsonl,
    "pairs_headed_tsv": pairs.read_headed,
    "pairs_quoted_tsv": partial(pairs.read_headed, quoted=True),
    "xnli_mt_tsv": pairs.read_xnli_mt,
    "translated_tsv": pairs.read_translated,
    "qqp_tsv": pairs.read_qqp,
    "hellaswag_jsonl": partial(choices.read_jsonl, shape=choices.HELLASWAG),
    "cosmosqa_csv": partial(choices.read_csv, shape=choices.COSMOSQA),
    "csqa_jsonl": partial(choices.read_jsonl, shape=choices.CSQA),
    "copa_jsonl": partial(choices.read_jsonl, shape=choices.COPA),
    "belebele_jsonl": partial(choices.read_jsonl, shape=choices.BELEBELE),
    "pitfalls_json": pitfalls.read_pitfalls,
    "sib_tsv": sentences.read_sib,
    "tags_tsv": read_tags,
    "tags_spaced": partial(read_tags, separator=" "),
    "conllu": treebanks.read_conllu,
    "ccg_auto": read_ccg_auto,
    "squad_json": read_squad_json,
    "bucc": read_bucc,
    "tatoeba_sorted": read_tatoeba_sorted,
    "tatoeba_aligned": read_tatoeba_aligned,
    "ntrex": read_ntrex,
    "text_lines": read_text_lines,
}
