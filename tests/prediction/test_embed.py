"""Sentence vectors equal a plain computation, one sentence at a time, in every architecture."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_encoders import TEXTS, WRITERS, write_all
from transformers import AutoModel, AutoTokenizer

from xstilts.config.encoders import RetrievalSettings
from xstilts.data.schemas import DATA
from xstilts.errors import XstiltsError
from xstilts.features.batches import Features
from xstilts.features.kinds.text import text_features
from xstilts.features.pooling import pooled
from xstilts.features.tokenizer import load_tokenizer
from xstilts.prediction.embed import embed

SENTENCES = [*TEXTS, "fox", TEXTS[1] + " " + TEXTS[2], "", TEXTS[0]]


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    return write_all(tmp_path_factory.mktemp("encoders"))


def corpus(texts: list[str]) -> pa.Table:
    rows = [
        {
            "id": str(i),
            "language": ["de", "fr"][i % 2],
            "split": "test",
            "side": ["foreign", "en"][i // 2 % 2],
            "text": text,
        }
        for i, text in enumerate(texts)
    ]
    return pa.Table.from_pylist(rows, schema=DATA["retrieval"])


def vectors_of(folder: Path, output: Path, texts: list[str], **settings) -> np.ndarray:
    """One vector a text, through features and batches."""
    chosen = RetrievalSettings(**settings)
    features = Features(text_features(corpus(texts), load_tokenizer(folder), chosen.max_length))
    embed(folder, [features], chosen, "cpu", output)
    vectors = np.load(output)
    assert vectors.dtype == np.float32
    assert vectors.shape == (len(features), 32)
    result = np.full((len(texts), 32), np.nan, np.float32)
    for feature in range(len(features)):
        result[features.ragged("rows").row(feature)] = vectors[feature]
    return result


@torch.no_grad()
def alone(folder: Path, text: str, layer: int, pooling: str, max_length: int) -> np.ndarray:
    """The same by transformers only: no batch, so no padding."""
    model = AutoModel.from_pretrained(folder).eval()
    inputs = AutoTokenizer.from_pretrained(folder)(
        text, truncation=True, max_length=max_length, return_tensors="pt"
    )
    states = model(**inputs, output_hidden_states=True).hidden_states[layer][0]
    return (states.mean(0) if pooling == "mean" else states[0]).numpy()


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize(
    ("layer", "pooling", "max_length"), [(-1, "mean", 512), (1, "mean", 12), (0, "first", 512)]
)
def test_vectors_equal_one_sentence_at_a_time(folders, tmp_path, name, layer, pooling, max_length):
    expected = np.array(
        [alone(folders[name], text, layer, pooling, max_length) for text in SENTENCES]
    )
    for batch_tokens in (1, 60, 10_000):
        found = vectors_of(
            folders[name],
            tmp_path / "vectors.npy",
            SENTENCES,
            layer=layer,
            pooling=pooling,
            max_length=max_length,
            batch_tokens=batch_tokens,
        )
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_layers_and_poolings_differ(folders, tmp_path):
    found = {
        vectors_of(folders["bert"], tmp_path / "v.npy", TEXTS, layer=n, pooling=how).tobytes()
        for n in (0, 1, 2)
        for how in ("mean", "first")
    }
    assert len(found) == 6
    last, counted = (
        vectors_of(folders["bert"], tmp_path / "v.npy", TEXTS, layer=n) for n in (2, -1)
    )
    assert np.array_equal(last, counted)


@pytest.mark.parametrize("layer", [3, -4])
def test_a_layer_that_is_not_there_is_an_error(folders, tmp_path, layer):
    with pytest.raises(XstiltsError, match=f"layer {layer} is not among the 2 layers"):
        vectors_of(folders["bert"], tmp_path / "v.npy", TEXTS, layer=layer)
    assert not list(tmp_path.iterdir())


def test_equal_sentences_are_embedded_once_in_whatever_language_they_stand(folders):
    texts = ["a fox", "the dog", "a fox", "the  dog", "a fox", "river bank"]
    table = text_features(corpus(texts), load_tokenizer(folders["bert"]), 64)
    # The tokens of the second and the fourth are the same.
    assert table["rows"].to_pylist() == [[0, 2, 4], [1, 3], [5]]
    assert table["item"].to_pylist() == [0, 1, 2]


@pytest.mark.parametrize("name", WRITERS)
def test_every_row_has_one_feature_with_its_own_tokens(folders, name):
    tokenizer = load_tokenizer(folders[name])
    table = text_features(corpus(SENTENCES), tokenizer, 16)
    rows = [row for rows in table["rows"].to_pylist() for row in rows]
    assert sorted(rows) == list(range(len(SENTENCES)))
    for feature in table.to_pylist():
        for row in feature["rows"]:
            plain = tokenizer(SENTENCES[row], truncation=True, max_length=16)
            assert feature["input_ids"] == plain["input_ids"]
            assert feature.get("token_type_ids") == plain.get("token_type_ids")


def test_a_prefix_stands_before_each_sentence(folders):
    tokenizer = load_tokenizer(folders["bert"])
    table = text_features(corpus(SENTENCES), tokenizer, 64, "Der ")
    for feature in table.to_pylist():
        for row in feature["rows"]:
            plain = tokenizer("Der " + SENTENCES[row], truncation=True, max_length=64)
            assert feature["input_ids"] == plain["input_ids"]


def test_the_mean_leaves_padding_out():
    states = torch.tensor([[[2.0, 0.0], [4.0, 2.0], [99.0, 99.0]]])
    mask = torch.tensor([[1, 1, 0]])
    assert pooled(states, mask, "mean").tolist() == [[3.0, 1.0]]
    assert pooled(states, mask, "first").tolist() == [[2.0, 0.0]]
    assert pooled(states, mask, "last").tolist() == [[4.0, 2.0]]


def test_a_vector_that_is_no_number_names_its_sentence(folders, tmp_path):
    broken = shutil.copytree(folders["bert"], tmp_path / "broken")
    weights = load_file(broken / "model.safetensors")
    weights["encoder.layer.0.output.dense.bias"][0] = float("nan")
    save_file(weights, broken / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(XstiltsError, match=r"the vector of '.*fox.*' is not a finite number"):
        vectors_of(broken, tmp_path / "vectors.npy", ["fox"])
    assert not (tmp_path / "vectors.npy").exists()
