"""Words and their places in each script: what tagging and span extraction rest on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import numpy as np

from xstilts.config.settings import Tokenisation
from xstilts.config.tasks import Kind
from xstilts.features.batches import Features
from xstilts.features.build import tokenise
from xstilts.features.kinds import kind_of
from xstilts.features.layout import layout_of, subwords
from xstilts.features.tokenizer import load_tokenizer
from xstilts.prediction.encoder_check.items import TASK_OF, items_of, questions_for_every_word
from xstilts.prediction.encoder_check.sentences import SENTENCES

LENGTHS = Tokenisation(max_length=128, doc_stride=32, max_query_length=32)


@dataclass(frozen=True, kw_only=True)
class ScriptWords:
    """What the tokenizer makes of the sentence in one script.

    Attributes:
        same_ids: words that are given one by one have the subwords of the running text.
        tags_exact: right outputs decode to the tags of all words.
        answers_exact: how many of the `words` a right output of span extraction gives back exactly.
        unknown: unknown tokens as a share of all.
        fertility: subwords a word.
    """

    script: str
    language: str
    has_spaces: bool
    words: int
    same_ids: bool
    tags_exact: bool
    answers_exact: int
    unknown: float
    fertility: float

    @property
    def problems(self) -> list[str]:
        """What is wrong, in words.

        A tokenizer may join words that stand without a space between them: an answer is then longer
        than the word, and that is no fault.
        """
        found = []
        if not self.same_ids:
            found.append("words given one by one are other subwords than in running text")
        if not self.tags_exact:
            found.append("right outputs decode to other tags")
        if self.has_spaces and self.answers_exact < self.words:
            found.append("some words cannot be answers")
        return found


def words_by_script(encoder: Path) -> list[ScriptWords]:
    """How each sentence comes through tagging and span extraction.

    Running text is that of the words with spaces between them, in scripts without spaces too. All
    words may have a space before them, the first one too.
    """
    tokenizer = load_tokenizer(encoder)
    layout = layout_of(tokenizer, pair=False)
    texts = [" ".join(sentence.words) for sentence in SENTENCES]
    running = subwords(tokenizer, texts)
    after_space = subwords(tokenizer, [f" {text}" for text in texts])
    tags, given = _tags_and_ids(encoder)
    answers = _answers(encoder)
    found = []
    for number, (sentence, text, other, answered) in enumerate(
        zip(SENTENCES, running, after_space, answers, strict=True)
    ):
        given_ids = given[number]
        found.append(
            ScriptWords(
                script=sentence.script,
                language=sentence.language,
                has_spaces=sentence.has_spaces,
                words=len(sentence.words),
                same_ids=any(np.array_equal(given_ids, layout.join(i)) for i in (text, other)),
                tags_exact=tags[number],
                answers_exact=sum(map(str.__eq__, answered, sentence.words)),
                unknown=float(np.mean(text == tokenizer.unk_token_id)) if len(text) else 1.0,
                fertility=len(text) / len(sentence.words),
            )
        )
    return found


def _tags_and_ids(encoder: Path) -> tuple[list[bool], list[np.ndarray]]:
    """Whether gold outputs decode to gold tags, and the input ids, of each sentence."""
    kind, data = kind_of(TASK_OF[Kind.TAGGING]), items_of(Kind.TAGGING)
    table, _ = tokenise(kind.task, data, encoder, LENGTHS.model_dump())
    features = Features(table)
    outputs = []
    for row in range(len(features)):
        labels = features.ragged("labels").row(row)
        outputs.append(np.eye(len(kind.task.labels))[np.maximum(labels, 0)])
    decoded = kind.decode(outputs, features, data, 1)
    same = [a == b for a, b in zip(decoded, data["tags"].to_pylist(), strict=True)]
    return same, [features.ragged("input_ids").row(row) for row in range(len(features))]


def _answers(encoder: Path) -> Iterator[list[str]]:
    """What gold outputs of span extraction decode to for each word of each sentence."""
    kind, data = kind_of(TASK_OF[Kind.SPAN]), questions_for_every_word()
    table, _ = tokenise(kind.task, data, encoder, LENGTHS.model_dump())
    features = Features(table)
    outputs = []
    for row, length in enumerate(features.lengths):
        scores = np.zeros((length, 2))
        scores[features.column("start")[row], 0] = scores[features.column("end")[row], 1] = 1.0
        outputs.append(scores)
    decoded = kind.decode(outputs, features, data, int(features.lengths.max()))
    languages = data["language"].to_pylist()
    for _, group in groupby(zip(languages, decoded, strict=True), key=itemgetter(0)):
        yield [answer for _, answer in group]
