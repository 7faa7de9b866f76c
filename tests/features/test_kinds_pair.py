"""Special tokens lie where the tokenizer itself puts them; pairs fit and keep their labels."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_encoders import TEXTS, WRITERS, write_all
from transformers import BatchEncoding

from xstilts.config.settings import Tokenisation
from xstilts.config.tasks import TASKS
from xstilts.data.schemas import DATA
from xstilts.errors import XstiltsError
from xstilts.features.batches import Features
from xstilts.features.kinds import kind_of
from xstilts.features.kinds.pair import PairHead, fit_pair
from xstilts.features.layout import layout_of, subwords
from xstilts.features.tokenizer import load_tokenizer

WORDS = sorted({word for text in TEXTS for word in text.split()})
# Words of the vocabularies, and anything else that Unicode has.
TEXT = st.lists(st.sampled_from(WORDS) | st.text(max_size=6), max_size=8).map(" ".join)


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory) -> dict:
    folders = write_all(tmp_path_factory.mktemp("encoders"))
    return {name: load_tokenizer(folder) for name, folder in folders.items()}


def encode_pair(tokenizer, first: str, second: str, **options) -> BatchEncoding:
    """A pair as the tokenizer makes it; given as text, it takes an empty second for none."""
    encoded = tokenizer([first], [second], **options)
    return BatchEncoding({name: rows[0] for name, rows in encoded.items()}, encoded.encodings)


def pairs(*rows: tuple[str, str, str]) -> pa.Table:
    return pa.Table.from_pylist(
        [{"id": str(i), "text_a": a, "text_b": b, "label": c} for i, (a, b, c) in enumerate(rows)],
        schema=DATA["pair"],
    )


@pytest.mark.parametrize("name", WRITERS)
@settings(deadline=None)
@given(first=TEXT, second=TEXT)
def test_joined_inputs_are_what_the_tokenizer_makes(tokenizers, name, first, second):
    tokenizer = tokenizers[name]
    a, b = subwords(tokenizer, [first, second])
    layout = layout_of(tokenizer, pair=False)
    assert layout.join(a).tolist() == tokenizer(first)["input_ids"]
    assert_types(layout.type_ids(len(a)), tokenizer(first))
    layout, both = layout_of(tokenizer, pair=True), encode_pair(tokenizer, first, second)
    assert layout.join(a, b).tolist() == both["input_ids"]
    assert_types(layout.type_ids(len(a), len(b)), both)
    assert len(both["input_ids"]) == len(a) + len(b) + layout.specials


def assert_types(found: np.ndarray | None, encoded: BatchEncoding) -> None:
    assert (None if found is None else found.tolist()) == encoded.get("token_type_ids")


def test_only_encoders_with_token_types_get_them(tokenizers):
    typed = {name for name in WRITERS if layout_of(tokenizers[name], pair=True).types is not None}
    assert typed == {"bert", "deberta"}


def test_a_tokenizer_that_hides_its_texts_is_refused(tokenizers):
    class Mute:
        name_or_path = "mute"

        def __call__(self, *texts):
            encoded = tokenizers["bert"](*texts)
            encoded.sequence_ids = lambda _: [None] * len(encoded["input_ids"])
            return encoded

    with pytest.raises(XstiltsError, match="mute"):
        layout_of(Mute(), pair=True)


@given(st.integers(0, 40), st.integers(0, 40), st.integers(0, 60))
def test_the_longer_text_is_cut_token_by_token(a, b, capacity):
    first, second = list(range(a)), list(range(100, 100 + b))
    found = tuple(part.tolist() for part in fit_pair(np.array(first), np.array(second), capacity))
    while len(first) + len(second) > capacity:
        # Of equally long texts the second gives way, as in slow Hugging Face tokenizers.
        (first if len(first) > len(second) else second).pop()
    assert found == (first, second)


@pytest.mark.parametrize("name", WRITERS)
@settings(deadline=None, max_examples=30)
@given(
    texts=st.lists(st.tuples(TEXT, TEXT, st.sampled_from(["0", "1"])), max_size=5),
    max_length=st.integers(8, 40),
)
def test_features_fit_and_hold_the_beginnings_of_both_texts(tokenizers, name, texts, max_length):
    tokenizer = tokenizers[name]
    kind = kind_of(TASKS["pawsx"])
    table = kind.featurise(pairs(*texts), tokenizer, Tokenisation(max_length=max_length))
    assert table["item"].to_pylist() == list(range(len(texts)))
    assert table["label"].to_pylist() == [int(label) for _, _, label in texts]
    for row, (first, second, _) in zip(table.to_pylist(), texts, strict=True):
        whole = encode_pair(tokenizer, first, second)
        options = {"truncation": "longest_first", "max_length": max_length}
        cut = encode_pair(tokenizer, first, second, **options)
        assert len(row["input_ids"]) == len(cut["input_ids"]) <= max_length
        if len(whole["input_ids"]) <= max_length:
            assert row["input_ids"] == whole["input_ids"]
        # Of two texts that are both cut, which one gets an odd last token is a convention.
        sizes = [cut.sequence_ids().count(side) for side in (0, 1)]
        layout = layout_of(tokenizer, pair=True)
        a, b = subwords(tokenizer, [first, second])
        ways = [(a[: sizes[0] + by], b[: sizes[1] - by]) for by in (-1, 0, 1)]
        assert row["input_ids"] in [layout.join(*way).tolist() for way in ways]
        if "token_type_ids" in whole:
            assert len(row["token_type_ids"]) == len(row["input_ids"])
            assert sum(row["token_type_ids"]) - sum(cut["token_type_ids"]) in (-1, 0, 1)


@pytest.mark.parametrize("key", ["xnli", "pawsx", "mnli"])
def test_labels_are_mapped_by_name_there_and_back(tokenizers, key):
    task = TASKS[key]
    kind = kind_of(task)
    gold = [*reversed(task.labels), *task.labels]
    data = pairs(*(("a", "b", label) for label in gold))
    table = kind.featurise(data, tokenizers["xlmr"], Tokenisation())
    features = Features(table)
    targets = kind.targets(features, range(len(gold)), 0)
    assert [task.labels[target] for target in targets] == gold
    oracle = list(np.eye(len(task.labels))[targets])
    assert kind.decode(oracle, features, data, 30) == gold
    assert kind.decode([-scores for scores in oracle], features, data, 30)[0] != gold[0]


def test_no_rows_make_no_features(tokenizers):
    table = kind_of(TASKS["xnli"]).featurise(pairs(), tokenizers["bert"], Tokenisation())
    assert table.num_rows == 0
    assert set(table.column_names) == {"item", "input_ids", "label", "token_type_ids"}


def test_the_head_reads_the_first_token_only():
    head = PairHead(8, 3, 0.5).eval()
    states = torch.randn(4, 6, 8)
    changed = states.clone()
    changed[:, 1:] += 1
    mask = torch.ones(4, 6)
    assert torch.equal(head(states, mask), head(changed, mask))
    dense, output = (layer.weight.detach().numpy() for layer in (head.dense, head.output))
    biases = (head.dense.bias.detach().numpy(), head.output.bias.detach().numpy())
    by_hand = np.tanh(states[:, 0].numpy() @ dense.T + biases[0]) @ output.T + biases[1]
    np.testing.assert_allclose(head(states, mask).detach().numpy(), by_hand, atol=1e-5)
