"""Universal Dependencies: words and their universal parts of speech, as XTREME reads them.

Contractions that stand for several syntactic words (`3-4 au`) stay fused. The tag is that of the
syntactic word nearest to the root, and of equally near ones of that whose tag is earlier in a list
(XTREME runs ud-conversion-tools' conllu_to_conll.py with --replace_subtokens_with_fused_forms).
Empty nodes (`8.1`) are no words. Spaces and zero-width non-joiners within a form are cut. Sentences
of which all words, or all but one, are masked (`_`: their text may not be given away) are left out
(google-research/xtreme, utils_preprocess.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from xstilts.data.checks import label_name
from xstilts.data.readers.lines import read_lines
from xstilts.data.rows import Batch, Place, item
from xstilts.errors import XstiltsError

_COLUMNS = 10
_MASKED = "_"
_ORDER = "VERB NOUN PROPN PRON ADJ NUM ADV INTJ AUX ADP DET PART CCONJ SCONJ X PUNCT"
# Of languages that have a list of their own in conllu_to_conll.py.
_OWN_ORDER: Mapping[str, str] = {
    "es": "VERB AUX PRON ADP DET",
    "fr": "VERB AUX PRON NOUN ADJ ADV ADP DET PART SCONJ CONJ",
    "it": "VERB AUX ADV PRON ADP DET INTJ",
}


@dataclass
class TreeSentence:
    """A sentence as its treebank has it.

    `words` are the forms of syntactic words, `tags` theirs, `heads` the 1-based numbers of their
    heads, 0 for the root; `fused` are the forms of contractions by their first and last word.
    """

    row: int
    words: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)
    heads: list[int] = field(default_factory=list)
    fused: dict[tuple[int, int], str] = field(default_factory=dict)


def read_conllu(place: Place, files: Sequence[Path]) -> Batch:
    """CoNLL-U, the treebanks of a language one after the other."""
    batch = Batch()
    for path in files:
        read = list(_sentences(path))
        if not read:
            raise XstiltsError("holds no sentence", where=path, hint="download it again")
        for sentence in read:
            add_sentence(batch, place, sentence, str(path))
    return batch


def _sentences(path: Path) -> Iterator[TreeSentence]:
    sentence: TreeSentence | None = None
    for row, line in enumerate([*read_lines(path), ""], 1):
        if not line.strip():
            if sentence is not None and sentence.words:
                yield sentence
            elif sentence is not None:
                raise XstiltsError("a sentence without words", where=path, row=row)
            sentence = None
            continue
        if line.startswith("#"):
            continue
        columns = line.split("\t")
        if len(columns) != _COLUMNS:
            raise XstiltsError(
                f"{len(columns)} columns, expected {_COLUMNS}",
                where=path,
                row=row,
                hint="CoNLL-U has ten columns with tabs between them; the file may be cut short",
            )
        sentence = sentence or TreeSentence(row)
        _add_line(sentence, columns, path, row)


def _add_line(sentence: TreeSentence, columns: Sequence[str], path: Path, row: int) -> None:
    number, form, tag, head = columns[0], columns[1], columns[3], columns[6]
    if "." in number:
        return
    first, dash, last = number.partition("-")
    expected = str(len(sentence.words) + 1)
    if first != expected or (dash and not (last.isdecimal() and int(last) > int(first))):
        raise XstiltsError(
            f"word {number!r} where word {expected} comes next",
            where=path,
            row=row,
            hint="words are numbered from 1 in every sentence, with a blank line behind it",
        )
    if not form.strip():
        raise XstiltsError("the word has no form", where=path, row=row)
    if dash:
        if any(end >= int(first) for _, end in sentence.fused):
            raise XstiltsError(
                f"the contraction {number} overlaps another",
                where=path,
                row=row,
                hint="a word is a part of one contraction at most",
            )
        sentence.fused[int(first), int(last)] = form
        return
    if not head.isdecimal():
        raise XstiltsError(f"the head {head!r} is no number", where=path, row=row)
    sentence.words.append(form)
    sentence.tags.append(tag)
    sentence.heads.append(int(head))


def add_sentence(batch: Batch, place: Place, sentence: TreeSentence, where: str) -> None:
    """Add a sentence as XTREME would have it, or count why it is left out.

    Raises:
        XstiltsError: it has a tag that is none, heads without a root, or a contraction of words
            that it has not.
    """
    words, tags = _with_fused(sentence, place.language, where)
    masked = words.count(_MASKED)
    if masked and masked >= len(words) - 1:
        batch.counts["masked_sentences_dropped"] += 1
        return
    if _MASKED in tags:
        batch.counts["untagged_sentences_dropped"] += 1
        return
    for tag in tags:
        if label_name(tag, place.task.labels, where, sentence.row) is None:
            raise XstiltsError(f"{tag!r} is no tag", where=where, row=sentence.row)
    bare = ["".join(word.replace("\u200c", "").split()) or word for word in words]
    if sentence.fused:
        batch.counts["fused_words"] += len(sentence.fused)
    batch.rows.append({**item(place, len(batch.rows)), "tokens": bare, "tags": tags})


def _with_fused(sentence: TreeSentence, language: str, where: str) -> tuple[list[str], list[str]]:
    order = _OWN_ORDER.get(language, _ORDER).split()
    depths = _depths(sentence, where)

    def rank(word: int) -> tuple[int, int]:
        tag = sentence.tags[word]
        return depths[word], order.index(tag) if tag in order else len(order)

    words, tags = [], []
    fused = {first: (last, form) for (first, last), form in sentence.fused.items()}
    number = 1
    while number <= len(sentence.words):
        last, form = fused.get(number, (number, sentence.words[number - 1]))
        if last > len(sentence.words):
            raise XstiltsError(
                f"the contraction {form!r} ends with word {last} of {len(sentence.words)}",
                where=where,
                row=sentence.row,
            )
        words.append(form)
        tags.append(sentence.tags[min(range(number - 1, last), key=rank)])
        number = last + 1
    return words, tags


def _depths(sentence: TreeSentence, where: str) -> list[int]:
    """How many heads stand above each word; no tree is needed where nothing is fused."""
    depths = [0] * len(sentence.words)
    for word in range(len(depths)) if sentence.fused else ():
        above = word
        while sentence.heads[above]:
            above = sentence.heads[above] - 1
            depths[word] += 1
            if depths[word] > len(depths) or above >= len(depths):
                raise XstiltsError(
                    f"the heads above word {word + 1} lead to no root",
                    where=where,
                    row=sentence.row,
                )
    return depths
