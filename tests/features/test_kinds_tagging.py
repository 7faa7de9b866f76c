"""Windows lose no word and exceed no limit; every word gets exactly one tag."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from learning import learn_and_predict
from tiny_encoders import TEXTS, WRITERS, write_all, write_tiny_bert

from xstilts.config.settings import Tokenisation
from xstilts.config.tasks import TASKS
from xstilts.data.schemas import DATA
from xstilts.errors import XstiltsError
from xstilts.features.batches import Features
from xstilts.features.kinds import kind_of
from xstilts.features.kinds.base import IGNORED
from xstilts.features.kinds.tagging import windows
from xstilts.features.layout import layout_of
from xstilts.features.tokenizer import load_tokenizer
from xstilts.features.words import words_to_subwords

CCG = TASKS["ccg"]
TASK = TASKS["udpos"]
WORDS = sorted({word for text in TEXTS for word in text.split()})
# Words that tokenizers clean away: zero-width space, controls, soft hyphen, byte order mark.
EMPTY = ["\u200b", "\x00", "\x7f", "\u00ad", "\ufeff", " ", "\u3000", "\n", ""]
SPECIAL = ["[SEP]", "</s>", "<mask>", "[PAD]", "two words", "e\u0301", "👩‍👩‍👧"]
WORD = st.sampled_from(WORDS + EMPTY + SPECIAL) | st.text(max_size=12)
SENTENCES = st.lists(st.lists(WORD, min_size=1, max_size=40), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory) -> dict:
    folders = write_all(tmp_path_factory.mktemp("encoders"))
    return {name: load_tokenizer(folder) for name, folder in folders.items()}


def tagged(sentences: list[list[str]]) -> pa.Table:
    """Sentences with tags that differ from word to word."""
    rows = [
        {
            "id": str(i),
            "tokens": words,
            "tags": [TASK.labels[(5 * i + 3 * j) % len(TASK.labels)] for j in range(len(words))],
        }
        for i, words in enumerate(sentences)
    ]
    return pa.Table.from_pylist(rows, schema=DATA["tagging"])


@st.composite
def sizes_and_capacity(draw):
    capacity = draw(st.integers(4, 30))
    return draw(st.lists(st.integers(1, capacity), max_size=80)), capacity


@given(sizes_and_capacity())
def test_windows_fit_and_their_owned_words_partition_the_sentence(case):
    sizes, capacity = case
    found = windows(sizes, capacity)
    owned = []
    for first, past, owned_from, owned_to in found:
        assert sum(sizes[first:past]) <= capacity
        assert first <= owned_from <= owned_to <= past
        owned.extend(range(owned_from, owned_to))
    assert owned == list(range(len(sizes)))


@given(st.integers(1, 3), st.integers(0, 200), st.integers(12, 40))
def test_a_word_in_two_windows_is_decided_where_it_has_more_context(size, count, capacity):
    found = windows([size] * count, capacity)
    for (_, past, _, border), (first, *_) in pairwise(found):
        assert 0 < past - first <= capacity // 4
        for word in range(first, past):
            after_it, before_it = past - 1 - word, word - first
            assert (word < border) == (after_it > before_it or (after_it == before_it))


def test_a_sentence_that_fits_is_one_window():
    assert windows([1, 2, 3], 6) == [(0, 3, 0, 3)]
    assert windows([], 6) == [(0, 0, 0, 0)]


def test_a_long_word_after_short_ones_still_moves_on():
    # The next window would hold the overlap alone.
    assert [window[2:] for window in windows([1] * 8 + [8] + [1] * 8, 8)][-1][1] == 17


def oracle(features: Features, labels: int) -> list[np.ndarray]:
    """One-hot scores of the gold label at each first subword, noise everywhere else."""
    random = np.random.default_rng(0)
    outputs = []
    for row in range(len(features)):
        gold = features.ragged("labels").row(row)
        scores = random.normal(scale=100, size=(len(gold), labels))
        known = gold != IGNORED
        scores[known] = np.eye(labels)[gold[known]]
        outputs.append(scores)
    return outputs


@pytest.mark.parametrize("name", WRITERS)
@settings(deadline=None, max_examples=40)
@given(sentences=SENTENCES, max_length=st.integers(8, 40))
def test_gold_scores_at_first_subwords_decode_to_the_gold_tags(
    tokenizers, name, sentences, max_length
):
    kind, data = kind_of(TASK), tagged(sentences)
    table = kind.featurise(data, tokenizers[name], Tokenisation(max_length=max_length))
    assert max(map(len, table["input_ids"].to_pylist())) <= max_length
    features = Features(table)
    assert kind.decode(oracle(features, len(TASK.labels)), features, data, 30) == (
        data["tags"].to_pylist()
    )
    words = sum(map(len, sentences))
    assert kind.decisions(features, range(len(features))) == words


def subwords_of_each(tokenizer, words: list[str]) -> list[list[int]]:
    """Each word on its own, as a sentence of one word."""
    return [next(words_to_subwords(tokenizer, [[word]]))[0] for word in words]


@pytest.mark.parametrize("name", WRITERS)
@settings(deadline=None, max_examples=40)
@given(words=st.lists(WORD, min_size=1, max_size=40), max_length=st.integers(8, 40))
def test_windows_are_stretches_of_the_sentence_and_labels_lie_on_first_subwords(
    tokenizers, name, words, max_length
):
    tokenizer, data = tokenizers[name], tagged([words])
    layout = layout_of(tokenizer, pair=False)
    capacity = max_length - layout.specials
    pieces = [ids[:capacity] for ids in subwords_of_each(tokenizer, words)]
    starts = np.cumsum([0, *map(len, pieces)])
    whole = [token for piece in pieces for token in piece]
    table = kind_of(TASK).featurise(data, tokenizer, Tokenisation(max_length=max_length))
    seen = []
    for row in table.to_pylist():
        ids = row["input_ids"]
        before, after = len(layout.prefix), len(layout.suffix)
        inner = ids[before : len(ids) - after]
        assert ids == layout.join(np.array(inner, np.int32)).tolist()
        if "token_type_ids" in row:
            assert row["token_type_ids"] == layout.type_ids(len(inner)).tolist()
        decided = [(at, word) for at, word in enumerate(row["words"]) if word >= 0]
        for at, word in decided:
            # The window starts so that this word's first subword lies at `at`.
            start = starts[word] - (at - before)
            assert start in starts
            assert whole[start : start + len(inner)] == inner
            assert TASK.labels[row["labels"][at]] == data["tags"][0].as_py()[word]
        seen.extend(word for _, word in decided)
        places = [at for at, label in enumerate(row["labels"]) if label != IGNORED]
        assert places == [at for at, _ in decided]
        assert len(row["words"]) == len(row["labels"]) == len(ids)
    assert seen == list(range(len(words)))


@pytest.mark.parametrize("name", WRITERS)
def test_words_without_subwords_become_the_unknown_token(tokenizers, name):
    tokenizer = tokenizers[name]
    words = ["fox", "", "dog"]
    table = kind_of(TASK).featurise(tagged([words, EMPTY]), tokenizer, Tokenisation())
    first, second = table.to_pylist()
    assert tokenizer.unk_token_id in first["input_ids"]
    for row, count in ((first, 3), (second, len(EMPTY))):
        assert [word for word in row["words"] if word >= 0] == list(range(count))


def test_features_of_other_data_are_refused(tokenizers):
    kind = kind_of(TASK)
    table = kind.featurise(tagged([["a", "b"]]), tokenizers["bert"], Tokenisation())
    features = Features(table)
    with pytest.raises(XstiltsError, match="without a tag"):
        kind.decode(oracle(features, len(TASK.labels)), features, tagged([["a", "b", "c"]]), 30)


def test_a_long_sentence_is_decided_window_by_window(tokenizers):
    sentence = WORDS * 30
    data, kind = tagged([sentence]), kind_of(TASK)
    features = Features(kind.featurise(data, tokenizers["xlmr"], Tokenisation(max_length=64)))
    assert len(features) > 20
    assert kind.decode(oracle(features, len(TASK.labels)), features, data, 30) == (
        data["tags"].to_pylist()
    )
    # Neighbours overlap by about a quarter, so some words are decided with context on both sides.
    owned = [np.flatnonzero(features.ragged("words").row(row) >= 0) for row in range(len(features))]
    assert all(places[0] > 1 for places in owned[1:])
    assert all(len(features.ragged("words").row(row)) <= 64 for row in range(len(features)))


def sentences(*rows: tuple[str, str]) -> pa.Table:
    """Words and tags of each sentence, separated by spaces."""
    return pa.Table.from_pylist(
        [
            {"id": str(i), "tokens": words.split(), "tags": tags.split()}
            for i, (words, tags) in enumerate(rows)
        ],
        schema=DATA["tagging"],
    )


@pytest.mark.parametrize("name", WRITERS)
def test_tags_that_training_does_not_have_are_not_trained_on(tokenizers, name):
    task = CCG.with_labels(("(S\\NP)/NP", "N", "NP/N"))
    kind = kind_of(task)
    data = sentences(("the dog saw fox", "NP/N N (S\\NP)/NP S/S"), ("quick", "(N/N)/N"))
    features = Features(kind.featurise(data, tokenizers[name], Tokenisation()))
    labels = [features.ragged("labels").row(row) for row in (0, 1)]
    assert [label for label in labels[0] if label != IGNORED] == [2, 1, 0]
    assert (labels[1] == IGNORED).all()
    assert kind.decisions(features, [0, 1]) == 3
    # Such a word is decided all the same.
    predicted = kind.decode(oracle(features, 3), features, data, 30)
    assert predicted[0][:3] == ["NP/N", "N", "(S\\NP)/NP"]
    assert [len(tags) for tags in predicted] == [4, 1]
    assert {tag for tags in predicted for tag in tags} <= {*task.labels}


def test_an_unknown_tag_of_a_fixed_set_is_no_tag_to_ignore(tokenizers):
    with pytest.raises(KeyError):
        kind_of(TASK).featurise(sentences(("a", "NONE")), tokenizers["bert"], Tokenisation())


def test_a_task_whose_tags_were_not_read_is_refused():
    with pytest.raises(XstiltsError, match=r"ccg: its tags .*with_open_labels"):
        kind_of(CCG)


def test_it_learns_a_large_tag_set(tmp_path):
    random = np.random.default_rng(0)
    lexicon = {f"w{chr(97 + i)}{chr(97 + 2 * i % 26)}": f"(S\\X{i})/NP" for i in range(20)}
    rows = []
    for _ in range(150):
        words = [str(word) for word in random.choice(list(lexicon), 6)]
        rows.append((" ".join(words), " ".join(lexicon[word] for word in words)))
    data = sentences(*rows)
    write_tiny_bert(tmp_path, [words for words, _ in rows])
    kind = kind_of(CCG.with_labels(tuple(sorted(lexicon.values()))))
    items = data.slice(120)
    losses, predicted = learn_and_predict(tmp_path, kind, data.slice(0, 120), items, steps=100)
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:5])
    pairs = [
        pair
        for gold, tags in zip(items["tags"].to_pylist(), predicted, strict=True)
        for pair in zip(gold, tags, strict=True)
    ]
    assert np.mean([a == b for a, b in pairs]) > 0.9
