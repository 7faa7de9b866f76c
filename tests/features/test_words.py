"""Words have the subwords that they have in running text, whatever writes the space before them.

What an encoder is given is held against the `tokenizers` library reading a whole sentence.
"""

from __future__ import annotations

from unicodedata import normalize

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, normalizers, pre_tokenizers

from xstilts.errors import XstiltsError
from xstilts.features.tiny_tokenizers import FAMILIES
from xstilts.features.words import words_take_space, words_to_subwords

SENTENCES = {
    "Latin": "The quick brown fox jumps over the lazy dog near the river bank .",
    "Vietnamese": "Con cáo nâu nhanh nhẹn nhảy qua con chó lười .",
    "Cyrillic": "Быстрая коричневая лиса прыгает через ленивую собаку .",
    "Greek": "Η γρήγορη καφέ αλεπού πηδάει πάνω από το σκυλί .",
    "Arabic": "الثعلب البني السريع يقفز فوق الكلب الكسول .",
    "Hebrew": "השועל החום המהיר קופץ מעל הכלב העצלן .",
    "Devanagari": "तेज भूरी लोमड़ी आलसी कुत्ते के ऊपर कूदती है ।",
    "Tamil": "வேகமான பழுப்பு நரி சோம்பேறி நாயின் மீது தாவுகிறது .",
    "Thai": "สุนัข จิ้งจอก สี น้ำตาล กระโดด ข้าม สุนัข",
    "Han": "敏捷 的 棕色 狐狸 跳过 了 懒 狗 。",
    "Japanese": "速い 茶色 の 狐 が 怠け者 の 犬 を 飛び越え た 。",
    "Hangul": "빠른 갈색 여우가 게으른 개를 뛰어넘는다 .",
}
WORDS = sorted({word for text in SENTENCES.values() for word in text.split()})
# Which families need the space, and which write it themselves or have none.
TAKE_SPACE = {"gemma", "mmbert", "llama3", "qwen", "gpt2", "roberta", "modernbert"}


@pytest.fixture(scope="module")
def tokenizers() -> dict:
    return {name: make([*SENTENCES.values()]) for name, make in FAMILIES.items()}


def in_running_text(backend: Tokenizer, words: list[str]) -> list[list[int]]:
    """Subwords of every word behind another one; a space is of the word behind it."""
    text = " ".join(["a", *words])
    encoded = backend.encode(text, add_special_tokens=False)
    ends, at = [], 0
    for word in ["a", *words]:
        at += len(word) + 1
        ends.append(at - 1)
    owned: list[list[int]] = [[] for _ in ends]
    for number, (_, end) in zip(encoded.ids, encoded.offsets, strict=True):
        owned[next(i for i, limit in enumerate(ends) if end <= limit)].append(number)
    return owned[1:]


def plain(tokenizer) -> Tokenizer:
    """The same file read by the library alone, without what it says of cutting and padding."""
    backend = Tokenizer.from_str(tokenizer.backend_tokenizer.to_str())
    backend.no_truncation()
    backend.no_padding()
    return backend


@pytest.mark.parametrize("script", SENTENCES)
@pytest.mark.parametrize("name", FAMILIES)
def test_words_have_the_subwords_of_running_text(tokenizers, name, script):
    words = SENTENCES[script].split()
    found = next(words_to_subwords(tokenizers[name], [words]))
    assert found == in_running_text(plain(tokenizers[name]), words)
    if name not in {"mbert", "minilm"}:  # BERT takes words apart, and some marks away
        decoded = tokenizers[name].decode([token for word in found for token in word])
        assert normalize("NFKC", decoded).split() == normalize("NFKC", " ".join(words)).split()


@pytest.mark.parametrize("name", FAMILIES)
@settings(max_examples=40, deadline=None)
@given(words=st.lists(st.sampled_from(WORDS), min_size=1, max_size=12))
def test_words_of_all_scripts_have_the_subwords_of_running_text(tokenizers, name, words):
    found = next(words_to_subwords(tokenizers[name], [words]))
    assert found == in_running_text(plain(tokenizers[name]), words)


@pytest.mark.parametrize("name", FAMILIES)
def test_which_families_take_a_space(tokenizers, name):
    assert words_take_space(tokenizers[name]) == (name in TAKE_SPACE)


@pytest.mark.parametrize("name", sorted({*FAMILIES} - TAKE_SPACE))
def test_other_families_get_words_as_they_stand(tokenizers, name):
    """Encoders whose words were right before keep the very same subwords."""
    tokenizer = tokenizers[name]
    expected = plain(tokenizer).encode(WORDS, is_pretokenized=True, add_special_tokens=False)
    found = next(words_to_subwords(tokenizer, [WORDS]))
    assert [token for word in found for token in word] == expected.ids
    owners = [i for i, word in enumerate(found) for _ in word]
    assert owners == expected.word_ids


@pytest.mark.parametrize("name", ["roberta", "modernbert", "gpt2"])
def test_bytes_are_as_with_the_splitter_that_writes_the_space(tokenizers, name):
    backend = plain(tokenizers[name])
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=True)
    words = [*WORDS, "", "two words", " begins with one"]
    expected = backend.encode(words, is_pretokenized=True, add_special_tokens=False)
    found = next(words_to_subwords(tokenizers[name], [words]))
    assert [token for word in found if word != found[-3] for token in word] == expected.ids


@pytest.mark.parametrize("name", FAMILIES)
def test_an_empty_word_is_unknown_or_padding(tokenizers, name):
    tokenizer = tokenizers[name]
    filler = tokenizer.unk_token_id if tokenizer.unk_token else tokenizer.pad_token_id
    found = next(words_to_subwords(tokenizer, [["fox", "", "dog"]]))
    assert found[1] == [filler]
    assert found[::2] == in_running_text(plain(tokenizer), ["fox", "dog"])


def test_a_pipeline_that_takes_every_space_away_is_refused(tokenizers):
    tokenizer = FAMILIES["gpt2"]([*SENTENCES.values()])
    # In running text words have a space before them, and one by one none has.
    tokenizer.backend_tokenizer.normalizer = normalizers.Strip()
    tokenizer.backend_tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    with pytest.raises(XstiltsError, match="other subwords than in running text"):
        next(words_to_subwords(tokenizer, [["fox"]]))
