"""The head that a masked language model was published with computes the same here."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from curve_files import steps
from safetensors.torch import load_file, save_file
from tiny_encoders import TEXTS, write_tiny_bert, write_tiny_xlmr
from torch.nn import functional
from transformers import (
    AutoModelForMaskedLM,
    AutoTokenizer,
    BertConfig,
    BertForMaskedLM,
    BertForPreTraining,
    LukeConfig,
    LukeForMaskedLM,
    PreTrainedModel,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
)

from xstilts.config.encoders import EncoderSource
from xstilts.config.settings import Tokenisation, TrainingSettings
from xstilts.config.tasks import TASKS, TEXT
from xstilts.errors import XstiltsError
from xstilts.features.batches import Features
from xstilts.features.kinds import kind_of
from xstilts.features.kinds.mlm import MaskedLanguageHead
from xstilts.features.tokenizer import load_tokenizer
from xstilts.training.checkpoint import Progress, ResumeState
from xstilts.training.encoder import fetch_encoder, load_encoder
from xstilts.training.mlm_head import HEADS, PublishedHead, published_head
from xstilts.training.model import build_model, load_model, outputs_and_loss, save_model
from xstilts.training.optimizer import adamw
from xstilts.training.tiny_encoders import ARCHITECTURES, MASKED

KIND = kind_of(TASKS[TEXT])
CPU = torch.device("cpu")
WRITERS = {
    "xlmr": (write_tiny_xlmr, XLMRobertaConfig, XLMRobertaForMaskedLM),
    "bert": (write_tiny_bert, BertConfig, BertForMaskedLM),
    "bert with next sentences": (write_tiny_bert, BertConfig, BertForPreTraining),
}
# Of X-MOD no language is chosen for its adapters here.
EVERY = [name for name in MASKED if name != "xmod"]


def perturb(model: PreTrainedModel) -> PreTrainedModel:
    """Random weights everywhere, biases included."""
    torch.manual_seed(5)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter += 0.1 * torch.randn_like(parameter)
    return model.eval()


def publish(folder: Path, name: str, **config) -> PreTrainedModel:
    """A masked language model with random weights."""
    write, configuration, architecture = WRITERS[name]
    write(folder, TEXTS)
    model = perturb(architecture(configuration.from_pretrained(folder, **config)))
    model.save_pretrained(folder)
    return model


def publish_architecture(folder: Path, name: str, **config) -> PreTrainedModel:
    """The same of any architecture, with one tokenizer for all of them."""
    tokenizer = AutoTokenizer.from_pretrained(write_tiny_bert(folder, TEXTS))
    (folder / "model.safetensors").unlink()
    made = MASKED[name](tokenizer)
    for key, value in config.items():
        setattr(made.config, key, value)
    model = perturb(type(made)(made.config))
    model.save_pretrained(folder)
    tokenizer.model_input_names = ["input_ids", "attention_mask"]
    tokenizer.save_pretrained(folder)
    return model


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
def test_logits_are_those_of_the_published_model(tmp_path, name, caplog):
    model = publish(tmp_path / "published", name)
    with caplog.at_level(logging.INFO):
        fetched = fetch(tmp_path / "published", tmp_path / "fetched")
    assert "published with a head for masked language modelling, which is kept" in caplog.text
    expected = published_logits(model, tmp_path / "published")
    torch.testing.assert_close(logits(fetched), expected, rtol=1e-5, atol=1e-5)
    sizes = {tuple(tensor.shape) for tensor in load_file(fetched / HEADS).values()}
    hidden, pieces = model.config.hidden_size, model.config.vocab_size
    assert sizes == {(hidden, hidden), (hidden,), (pieces,)}


def masked_features(tokenizer: Any) -> Features:
    data = pa.table({"text": list(TEXTS)})
    lengths = Tokenisation(max_length=64)
    features = Features(KIND.featurise(data, tokenizer, lengths))
    every = np.arange(len(features))
    return KIND.draw(features, every, tokenizer, mask_ratio=0.3, seed=1)[0]


FORMS = [
    *((name, {}) for name in EVERY),
    # Tied where the architecture's default is not, and the other way round.
    *((name, {"tie_word_embeddings": False}) for name in ("xlm-roberta", "modernbert", "bert")),
    ("eurobert", {"tie_word_embeddings": False}),
    ("deberta-v2", {"legacy": False}),
    ("modernbert", {"decoder_bias": False, "norm_bias": True, "classifier_bias": True}),
    ("bert", {"hidden_act": "relu"}),
]


@pytest.mark.parametrize(("name", "config"), FORMS, ids=str)
def test_every_architecture_s_own_head_is_trained_saved_and_loaded_like_transformers(
    tmp_path, name, config
):
    theirs = publish_architecture(tmp_path / "published", name, **config)
    fetched = fetch(tmp_path / "published", tmp_path / "fetched")
    expected = published_logits(theirs, tmp_path / "published")
    torch.testing.assert_close(logits(fetched), expected, rtol=1e-5, atol=1e-5)

    tokenizer = load_tokenizer(fetched)
    features = masked_features(tokenizer)
    rows = np.arange(len(features))
    ours = build_model(fetched, [KIND], 0.1, {TEXT: 1}).eval()
    # As many weights as theirs: what is shared is there once.
    assert sum(each.numel() for each in ours.parameters()) == sum(
        each.numel() for each in theirs.parameters()
    )
    _, targets, loss = outputs_and_loss(
        ours, KIND, features, rows, pad_id=tokenizer.pad_token_id, device=CPU
    )
    inputs = KIND.inputs(features, rows, tokenizer.pad_token_id)
    labels = torch.full_like(inputs["input_ids"], -100)
    labels.view(-1)[KIND.positions(features, rows, labels.shape[1])] = targets
    its = functional.cross_entropy(
        theirs(**inputs).logits.flatten(0, 1), labels.flatten(), reduction="sum"
    )
    torch.testing.assert_close(loss, its, rtol=1e-5, atol=1e-4)
    for model, found in ((ours, loss), (theirs, its)):
        (found / len(targets)).backward()
        torch.optim.SGD(model.parameters(), lr=0.1).step()

    save_model(ours, tokenizer, tmp_path / "ours", {})
    theirs.save_pretrained(tmp_path / "theirs")
    expected_after = published_logits(
        AutoModelForMaskedLM.from_pretrained(tmp_path / "theirs", config=theirs.config).eval(),
        tmp_path / "published",
    )
    assert not torch.allclose(expected_after, expected, atol=1e-3)
    torch.testing.assert_close(logits(tmp_path / "ours"), expected_after, rtol=1e-4, atol=1e-4)
    again = load_model(tmp_path / "ours", KIND).state_dict()
    assert all(torch.equal(again[key], value) for key, value in ours.state_dict().items())


def test_deberta_s_head_is_found_although_its_configuration_does_not_name_it(tmp_path):
    """As in the original repositories, where transformers itself would fill a head at random."""
    model = publish_architecture(tmp_path / "published", "deberta-v2", legacy=False)
    path = tmp_path / "published/config.json"
    config = json.loads(path.read_text())
    del config["legacy"]
    path.write_text(json.dumps(config))
    fetched = fetch(tmp_path / "published", tmp_path / "fetched")
    expected = published_logits(model, tmp_path / "published")
    torch.testing.assert_close(logits(fetched), expected, rtol=1e-5, atol=1e-5)


def test_a_published_head_computes_bit_for_bit_what_a_new_one_of_its_weights_does(tmp_path):
    """Heads of XLM-R and BERT, whose names of weights are all that differs: gradients too."""
    for name, bias in (("xlmr", "lm_head.bias"), ("bert", "cls.predictions.bias")):
        publish(tmp_path / name, name)
        fetched = fetch(tmp_path / name, tmp_path / f"{name} fetched")
        tokenizer = load_tokenizer(fetched)
        features = masked_features(tokenizer)
        published = load_file(fetched / HEADS)
        assert f"text.published.{bias}" in published
        # The file that an earlier version of this project left for the same weights.
        earlier = dict(
            zip(
                ("bias", "dense.weight", "dense.bias", "norm.weight", "norm.bias"),
                (
                    value
                    for part in ("bias", "dense.weight", "dense.bias", "norm.weight", "norm.bias")
                    for key, value in published.items()
                    if key.removeprefix("text.published.")
                    .removeprefix("lm_head.")
                    .removeprefix("cls.predictions.")
                    .removeprefix("transform.")
                    .replace("layer_norm", "norm")
                    .replace("LayerNorm", "norm")
                    == part
                ),
                strict=True,
            )
        )
        gradients = []
        for state in (None, earlier):
            if state is not None:
                save_file({f"text.{key}": each for key, each in state.items()}, fetched / HEADS)
            model = build_model(fetched, [KIND], 0.1, {TEXT: 1}).train()
            kind = MaskedLanguageHead if state is not None else PublishedHead
            assert type(model.heads[TEXT]) is kind
            torch.manual_seed(3)
            *_, loss = outputs_and_loss(
                model, KIND, features, np.arange(len(features)),
                pad_id=tokenizer.pad_token_id, device=CPU,
            )  # fmt: skip
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            gradients.append([loss.detach(), norm, *(each.grad for each in model.parameters())])
        first, second = gradients
        assert len(first) == len(second) > 10
        assert all(torch.equal(one, other) for one, other in zip(first, second, strict=True))


@pytest.mark.parametrize("name", ["xlm-roberta", "deberta-v2", "eurobert", "rembert"])
def test_an_unfinished_run_s_state_holds_the_head_once(tmp_path, name):
    publish_architecture(tmp_path / "published", name)
    fetched = fetch(tmp_path / "published", tmp_path / "fetched")
    model, other = (build_model(fetched, [KIND], 0.1, {TEXT: 1}) for _ in range(2))
    optimizer = adamw(model, TrainingSettings())
    features = masked_features(load_tokenizer(fetched))
    *_, loss = outputs_and_loss(
        model, KIND, features, np.arange(len(features)), pad_id=0, device=CPU
    )
    loss.backward()
    optimizer.step()
    resume = ResumeState(tmp_path / "resume", "same")
    resume.save(model, optimizer, Progress(step=1, history=steps(1)))
    theirs = adamw(other, TrainingSettings())
    assert resume.load(other, theirs).step == 1
    for mine, its in zip(model.parameters(), other.parameters(), strict=True):
        assert torch.equal(mine, its)
        moments = theirs.state[its]
        assert all(torch.equal(moments[key], each) for key, each in optimizer.state[mine].items())
    saved = load_file(tmp_path / "resume/state.safetensors")
    weights = [key for key in saved if key.startswith("model.")]
    parameters = dict(model.named_parameters())
    assert sum(saved[key].numel() for key in weights if key[6:] in parameters) == sum(
        each.numel() for each in parameters.values()
    )
    assert not {key[6:] for key in weights} - parameters.keys() - dict(model.named_buffers()).keys()


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
    assert expected
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
    head = load_file(fetch(tmp_path / "published", tmp_path / "fetched") / HEADS)
    assert max(tensor.ndim for tensor in head.values()) == 2
    pieces = {name for name, tensor in head.items() if len(tensor) == len(head[_BIAS])}
    assert pieces == {_BIAS}


def test_a_decoder_of_its_own_is_used_whatever_the_configuration_says(tmp_path):
    publish(tmp_path / "published", "xlmr")

    def untie(tensors: dict[str, torch.Tensor]) -> None:
        embeddings = tensors["roberta.embeddings.word_embeddings.weight"]
        tensors["lm_head.decoder.weight"] = embeddings + 1
        tensors["lm_head.decoder.bias"] = tensors["lm_head.bias"].clone()

    change(tmp_path / "published", untie)
    fetched = fetch(tmp_path / "published", tmp_path / "fetched")
    model = AutoModelForMaskedLM.from_pretrained(tmp_path / "published").eval()
    assert model.lm_head.decoder.weight is not model.get_input_embeddings().weight
    expected = published_logits(model, tmp_path / "published")
    torch.testing.assert_close(logits(fetched), expected, rtol=1e-5, atol=1e-5)


_BIAS = "text.published.lm_head.bias"


def _no_head(tensors: dict[str, torch.Tensor]) -> None:
    for name in [name for name in tensors if name.startswith("lm_head")]:
        del tensors[name]


def _half_a_head(tensors: dict[str, torch.Tensor]) -> None:
    del tensors["lm_head.dense.bias"]


def _padded(tensors: dict[str, torch.Tensor]) -> None:
    tensors["lm_head.bias"] = torch.cat([tensors["lm_head.bias"], torch.zeros(8)])


@pytest.mark.parametrize(
    ("edit", "why"),
    [
        (_no_head, "published without a head"),
        (_half_a_head, "published with lacks lm_head.dense.bias"),
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


def test_an_architecture_without_such_a_head_is_named(tmp_path, caplog):
    tokenizer = AutoTokenizer.from_pretrained(write_tiny_bert(tmp_path / "tokenizer", TEXTS))
    ARCHITECTURES["gemma3_text"](tokenizer).save_pretrained(tmp_path / "published")
    with caplog.at_level(logging.INFO):
        encoder = load_encoder(tmp_path / "published")
        assert published_head(tmp_path / "published", None, encoder) == {}
    assert "no head for masked language modelling of gemma3_text" in caplog.text


def test_a_head_that_needs_more_than_states_is_not_taken_up(tmp_path, caplog):
    sizes = {"hidden_size": 32, "num_hidden_layers": 1, "num_attention_heads": 2}
    model = LukeForMaskedLM(LukeConfig(vocab_size=100, entity_vocab_size=5, **sizes))
    model.save_pretrained(tmp_path / "published")
    with caplog.at_level(logging.INFO):
        encoder = load_encoder(tmp_path / "published")
        assert published_head(tmp_path / "published", None, encoder) == {}
    assert "the head of LukeForMaskedLM cannot be applied to the states alone" in caplog.text


def test_a_head_that_is_not_the_architecture_s_is_an_error(tmp_path):
    publish(tmp_path / "published", "xlmr")
    fetched = fetch(tmp_path / "published", tmp_path / "fetched")
    head = load_file(fetched / HEADS)
    for broken in (
        {name: value for name, value in head.items() if "dense" not in name},
        {**head, "text.published.lm_head.else": torch.zeros(3)},
        {"text.dense.weight": torch.zeros(3, 3)},
    ):
        save_file(broken, fetched / HEADS)
        with pytest.raises(XstiltsError, match=r"head for masked language modelling does not fit"):
            build_model(fetched, [KIND], 0.1, {TEXT: 1})


@pytest.mark.parametrize("name", ["rembert", "electra"])
def test_a_new_head_for_embeddings_smaller_than_the_states(tmp_path, name):
    tokenizer = AutoTokenizer.from_pretrained(write_tiny_bert(tmp_path / "bare", TEXTS))
    ARCHITECTURES[name](tokenizer).save_pretrained(tmp_path / "bare")
    fetched = fetch(tmp_path / "bare", tmp_path / "fetched")
    assert not (fetched / HEADS).exists()
    model = build_model(fetched, [KIND], 0.1, {TEXT: 1})
    assert model.heads[TEXT].dense.weight.shape == (16, 32)
    assert logits(fetched).shape[-1] == len(tokenizer)


def test_an_encoder_without_any_head_is_fetched_without_one(tmp_path, caplog):
    write_tiny_bert(tmp_path / "published", TEXTS)
    with caplog.at_level(logging.INFO):
        fetched = fetch(tmp_path / "published", tmp_path / "fetched")
    assert not (fetched / HEADS).exists()
    assert "published without a head for masked language modelling" in caplog.text


def test_the_head_of_an_encoder_that_was_pretrained_here_is_kept(tmp_path, monkeypatch):
    write_tiny_xlmr(tmp_path / "new", TEXTS)
    model = build_model(tmp_path / "new", [KIND], 0.1, {TEXT: 3})
    save_model(model, load_tokenizer(tmp_path / "new"), tmp_path / "pretrained", {})
    fetched = fetch(tmp_path / "pretrained", tmp_path / "fetched")
    assert torch.equal(logits(fetched), logits(tmp_path / "pretrained"))
    # It is downloaded with an encoder that comes from the hub.
    monkeypatch.setattr(
        "xstilts.features.published_files.hf_hub_download",
        lambda _, file, revision: tmp_path / "pretrained" / file,
    )
    kept = published_head("a/b", "a" * 40, load_encoder(tmp_path / "pretrained"))
    saved = load_file(tmp_path / "pretrained" / HEADS)
    assert kept.keys() == saved.keys()
    assert all(torch.equal(kept[name], saved[name]) for name in saved)


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
