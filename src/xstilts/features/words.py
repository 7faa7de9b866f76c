"""Words given one by one, with the subwords that they have in running text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

from xstilts.errors import XstiltsError
from xstilts.features.layout import CHUNK, subwords

# Words that most vocabularies have, in scripts that write spaces and in some that do not.
_PROBE = (
    ("a", "b"),
    ("in", "the"),
    ("и", "не"),
    ("في", "من"),
    ("में", "से"),
    ("이", "그"),
    ("ที่", "ใน"),
    ("的", "中"),
    ("の", "に"),
)


def words_to_subwords(tokenizer: Any, sentences: Sequence[list[str]]) -> Iterator[list[list[int]]]:
    """Subword ids of every word; a word that yields none becomes the unknown token.

    Raises:
        XstiltsError: as `words_take_space`.
    """
    if words_take_space(tokenizer):
        sentences = [[_after_space(word) for word in sentence] for sentence in sentences]
    # Byte-level vocabularies know every text and may have no unknown token.
    filler = tokenizer.pad_token_id if tokenizer.unk_token_id is None else tokenizer.unk_token_id
    for start in range(0, len(sentences), CHUNK):
        for words in _encoded(tokenizer, sentences[start : start + CHUNK]):
            yield [word or [filler] for word in words]


def words_take_space(tokenizer: Any) -> bool:
    """Whether words have to be given with a space before them to be read as in running text.

    Some pipelines write the space themselves or need none (XLM-R, BERT); to others a word without
    it is the end of the word before (Gemma, Llama 3, GPT-2). Which it is shows in pairs of words:
    the second one must have the subwords that it adds to the first in a text of both.

    Raises:
        XstiltsError: words have other subwords than in running text in either way.
    """
    texts = [text for first, second in _PROBE for text in (first, f"{first} {second}")]
    running = [ids.tolist() for ids in subwords(tokenizer, texts)]
    both = list(zip(running[::2], running[1::2], strict=True))

    def right(give: Callable[[str], str]) -> int:
        given = _encoded(tokenizer, [[give(first), give(second)] for first, second in _PROBE])
        pairs = zip(both, given, strict=True)
        return sum(alone + words[1] == together for (alone, together), words in pairs)

    as_they_are, after_space = right(str), right(_after_space)
    if not (as_they_are or after_space):
        raise XstiltsError(
            "the tokenizer gives words one by one other subwords than in running text",
            where=tokenizer.name_or_path,
            hint="leave out the tagging tasks for this encoder",
        )
    return after_space > as_they_are


def _after_space(word: str) -> str:
    return word if word.startswith(" ") or not word else f" {word}"


def _encoded(tokenizer: Any, sentences: Sequence[list[str]]) -> Iterator[list[list[int]]]:
    """The subword ids of every word, possibly none."""
    encoded = tokenizer(
        sentences,
        is_split_into_words=True,
        add_special_tokens=False,
        return_attention_mask=False,
        verbose=False,
    )
    for i, sentence in enumerate(sentences):
        words: list[list[int]] = [[] for _ in sentence]
        for token, word in zip(encoded["input_ids"][i], encoded.word_ids(i), strict=True):
            if word is not None:
                words[word].append(token)
        yield words
