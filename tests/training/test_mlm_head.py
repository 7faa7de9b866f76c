"""The head that a masked language model was published with computes the same here."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from tiny_encoders import TEXTS, write_tiny_bert, write_tiny_xlmr
from transformers import (
    AutoModelForMaskedLM,
    AutoTokenizer,
    BertConfig,
    BertForMaskedLM,
    BertForPreTraining,
    PreTrainedModel,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
)

from xstilts.config.encoders import EncoderSource
from xstilts.config.tasks import TASKS, TEXT
from xstilts.features.kinds import kind_of
from xstilts.features.tokenizer import load_tokenizer
from xstilts.training.encoder import HEADS, fetch_encoder, load_encoder, published_head
from xstilts.training.model import build_model, save_model

KIND = kind_of(TASKS[TEXT])
WRITERS = {
    "xlmr": (write_tiny_xlmr, XLMRobertaConfig, XLMRobertaForMaskedLM),
    "bert": (write_tiny_bert, BertConfig, BertForMaskedLM),
    "bert with next sentences": (write_tiny_bert, BertConfig, BertForPreTraining),
}


def publish(folder: Path, name: str, **config) -> PreTrainedModel:
    """A masked language model with random weights everywhere, biases included."""
    write, configuration, architecture = WRITERS[name]
    write(folder, TEXTS)
    torch.manual_seed(5)
    model = architecture(configuration.from_pretrained(folder, **config))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    model.save_pretrained(folder)
    return model.eval()


@torch.no_grad()
def logits(fetched: Path) -> torch.Tensor:
    """What the encoder and its head in a fetched folder give for every token."""
    model = build_model(fetched, [KIND], 0.1, {TEXT: 1}).eval()
    return model(dict(load_tokenizer(fetched)(TEXTS[0], return_tensors="pt")), TEXT)


@torch.no_grad()
def published_logits(model: PreTrainedModel, folder: Path) -> torch.Tensor:
    output = model(**AutoTokenizer.from_pretrained(folder)(TEXTS[0], return_tensors="pt"))
    return output.logits if "logits" in output else output.prediction_logits


def fetch(folder: Path, output: Path) -> Path:
    fetch_encoder(EncoderSource(folder=str(folder)), output)
    return output


def change(folder: Path, edit) -> None:
    """Let `edit` change the tensors by name."""
    tensors = load_file(folder / "model.safetensors")
    edit(tensors)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


@pytest.mark.parametrize("name", WRITERS)
def test_logits_are_those_of_the_published_model(tmp_path, name):
    model = publish(tmp_path / "published", name)
    fetched = fetch(tmp_path / "published", tmp_path / "fetched")
    expected = published_logits(model, tmp_path / "published")
    torch.testing.assert_close(logits(fetched), expected, rtol=1e-5, atol=1e-5)
    head = load_file(fetched / HEADS)
    assert sorted(head) == [
        f"text.{key}" for key in ("bias", "dense.bias", "dense.weight", "norm.bias", "norm.weight")
    ]
    assert len(head["text.bias"]) == model.config.vocab_size


@pytest.mark.parametrize("name", ["xlmr", "bert"])
def test_the_head_is_found_in_shards_and_in_half_precision(tmp_path, name):
    model = publish(tmp_path / "whole", name)
    fetched = fetch(tmp_path / "whole", tmp_path / "fetched")
    AutoTokenizer.from_pretrained(tmp_path / "whole").save_pretrained(tmp_path / "shards")
    model.save_pretrained(tmp_path / "shards", max_shard_size="50KB")
    assert len(list((tmp_path / "shards").glob("*.safetensors"))) > 2
    sharded = fetch(tmp_path / "shards", tmp_path / "fetched shards")
    assert (sharded / HEADS).read_bytes() == (fetched / HEADS).read_bytes()
    model.bfloat16().save_pretrained(tmp_path / "whole")
    half = load_file(fetch(tmp_path / "whole", tmp_path / "fetched half") / HEADS)
    assert {tensor.dtype for tensor in half.values()} == {torch.float32}
    reference = load_file(fetched / HEADS)
    assert all(torch.equal(half[key], reference[key].bfloat16().float()) for key in reference)


def test_older_names_of_a_layer_norm_are_known(tmp_path):
    publish(tmp_path / "published", "bert")
    expected = published_head(tmp_path / "published", None, load_encoder(tmp_path / "published"))

    def rename(tensors: dict[str, torch.Tensor]) -> None:
        for name in list(tensors):
            old = name.replace("LayerNorm.weight", "LayerNorm.gamma")
            tensors[old.replace("LayerNorm.bias", "LayerNorm.beta")] = tensors.pop(name)

    change(tmp_path / "published", rename)
    fetched = fetch(tmp_path / "published", tmp_path / "fetched")
    found = load_file(fetched / HEADS)
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())
    model = AutoModelForMaskedLM.from_pretrained(tmp_path / "published").eval()
    expected = published_logits(model, tmp_path / "published")
    torch.testing.assert_close(logits(fetched), expected, rtol=1e-5, atol=1e-5)


def test_a_decoder_that_repeats_the_embeddings_is_tied(tmp_path):
    publish(tmp_path / "published", "xlmr")

    def repeat(tensors: dict[str, torch.Tensor]) -> None:
        embeddings = tensors["roberta.embeddings.word_embeddings.weight"]
        tensors["lm_head.decoder.weight"] = embeddings.clone()
        tensors["lm_head.decoder.bias"] = tensors.pop("lm_head.bias")

    change(tmp_path / "published", repeat)
    assert (fetch(tmp_path / "published", tmp_path / "fetched") / HEADS).is_file()


def _no_head(tensors: dict[str, torch.Tensor]) -> None:
    for name in [name for name in tensors if name.startswith("lm_head")]:
        del tensors[name]


def _half_a_head(tensors: dict[str, torch.Tensor]) -> None:
    del tensors["lm_head.dense.bias"]


def _untied(tensors: dict[str, torch.Tensor]) -> None:
    embeddings = tensors["roberta.embeddings.word_embeddings.weight"]
    tensors["lm_head.decoder.weight"] = embeddings + 1


def _padded(tensors: dict[str, torch.Tensor]) -> None:
    tensors["lm_head.bias"] = torch.cat([tensors["lm_head.bias"], torch.zeros(8)])


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (_no_head, "published without a head"),
        (_half_a_head, "published without a head"),
        (_untied, "does not share the encoder's embeddings"),
        (_padded, "other sizes"),
    ],
)
def test_a_head_that_would_compute_something_else_is_not_taken_up(tmp_path, caplog, edit, why):
    publish(tmp_path / "published", "xlmr")
    change(tmp_path / "published", edit)
    with caplog.at_level(logging.INFO):
        fetched = fetch(tmp_path / "published", tmp_path / "fetched")
    assert not (fetched / HEADS).exists()
    assert any(why in line and "begin with a new one" in line for line in caplog.messages)
    assert torch.isfinite(logits(fetched)).all()


def test_another_activation_is_not_taken_up(tmp_path, caplog):
    publish(tmp_path / "published", "bert", hidden_act="relu")
    with caplog.at_level(logging.INFO):
        fetched = fetch(tmp_path / "published", tmp_path / "fetched")
    assert not (fetched / HEADS).exists()
    assert "the activation relu" in caplog.text


def test_an_encoder_without_any_head_is_fetched_without_one(tmp_path, caplog):
    write_tiny_bert(tmp_path / "published", TEXTS)
    with caplog.at_level(logging.INFO):
        fetched = fetch(tmp_path / "published", tmp_path / "fetched")
    assert not (fetched / HEADS).exists()
    assert "published without a head for masked language modelling" in caplog.text


def test_the_head_of_an_encoder_that_was_pretrained_here_is_kept(tmp_path):
    write_tiny_xlmr(tmp_path / "new", TEXTS)
    model = build_model(tmp_path / "new", [KIND], 0.1, {TEXT: 3})
    save_model(model, load_tokenizer(tmp_path / "new"), tmp_path / "pretrained", {})
    fetched = fetch(tmp_path / "pretrained", tmp_path / "fetched")
    assert torch.equal(logits(fetched), logits(tmp_path / "pretrained"))


# The cache's place is read when huggingface_hub is imported, so this needs its own process.
_FETCH = """
import sys
from pathlib import Path
from xstilts.config.encoders import EncoderSource
from xstilts.training.encoder import fetch_encoder
for repo, output in (("a/whole", sys.argv[1]), ("a/shards", sys.argv[2])):
    fetch_encoder(EncoderSource(hub=repo, revision="a" * 40), Path(output))
"""


def test_the_head_comes_offline_from_the_hub_s_cache(tmp_path):
    model = publish(tmp_path / "published", "xlmr")
    for repo, size in (("whole", "1GB"), ("shards", "50KB")):
        snapshot = tmp_path / f"cache/models--a--{repo}/snapshots" / ("a" * 40)
        AutoTokenizer.from_pretrained(tmp_path / "published").save_pretrained(snapshot)
        model.save_pretrained(snapshot, max_shard_size=size)
    places = {"HF_HOME": str(tmp_path / "home"), "HF_HUB_CACHE": str(tmp_path / "cache")}
    outputs = [tmp_path / "fetched whole", tmp_path / "fetched shards"]
    done = subprocess.run(
        [sys.executable, "-c", _FETCH, *map(str, outputs)],
        env={**os.environ, **places, "HF_HUB_OFFLINE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    expected = published_logits(model, tmp_path / "published")
    for fetched in outputs:
        torch.testing.assert_close(logits(fetched), expected, rtol=1e-5, atol=1e-5)
