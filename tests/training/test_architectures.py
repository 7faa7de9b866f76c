"""Every architecture is fetched, saved, pooled and padded right, or refused with one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from curve_files import steps
from tiny_encoders import TEXTS, write_tiny_xlmr
from transformers import AutoModel, AutoTokenizer

from xstilts.config.encoders import EncoderSource, RetrievalSettings
from xstilts.config.settings import TrainingSettings
from xstilts.config.tasks import TASKS
from xstilts.data.schemas import DATA
from xstilts.errors import XstiltsError
from xstilts.features.batches import Features
from xstilts.features.build import tokenise
from xstilts.features.encoder_config import Usage
from xstilts.features.kinds import kind_of
from xstilts.features.kinds.pair import PairHead
from xstilts.features.tokenizer import load_tokenizer, max_positions
from xstilts.prediction.embed import embed
from xstilts.training.checkpoint import Progress, ResumeState
from xstilts.training.encoder import fetch_encoder, load_encoder, save_encoder
from xstilts.training.model import build_model, outputs_and_loss
from xstilts.training.new_encoder import reinitialise
from xstilts.training.optimizer import adamw
from xstilts.training.tiny_encoders import ARCHITECTURES

CAUSAL = ("qwen3", "llama", "gemma3_text-causal")
WITH_DECODER = ("mbart", "m2m_100")
USABLE = [name for name in ARCHITECTURES if name not in (*CAUSAL, *WITH_DECODER)]
# Those with a row for each position: one token more is an error.
TABLES = {
    "bert",
    "distilbert",
    "electra",
    "mpnet",
    "rembert",
    "xlm-roberta",
    "xlm-roberta-xl",
    "xmod",
}
# Those whose layers begin with norms, and the one behind the last layer.
NORMS = {
    "modernbert": "final_norm",
    "eurobert": "norm",
    "gemma3_text": "norm",
    "t5gemma": "encoder.norm",
    "mt5": "encoder.final_layer_norm",
    "umt5": "encoder.final_layer_norm",
    "xlm-roberta-xl": "encoder.LayerNorm",
}
PAIRS = [
    {"text_a": TEXTS[i], "text_b": TEXTS[i + 1], "label": "neutral", "language": language}
    for i, language in enumerate(("en", "de", "en"))
]


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    """Each architecture as it is published."""
    root = tmp_path_factory.mktemp("published")
    tokenizer = AutoTokenizer.from_pretrained(write_tiny_xlmr(root / "tokenizer", TEXTS))
    for name, build in ARCHITECTURES.items():
        build(tokenizer).save_pretrained(root / name)
        tokenizer.save_pretrained(root / name)
    return {name: root / name for name in ARCHITECTURES}


@pytest.fixture(scope="module")
def fetched(folders, tmp_path_factory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("fetched")
    for name in USABLE:
        fetch_encoder(EncoderSource(folder=str(folders[name])), root / name)
    return {name: root / name for name in USABLE}


def table(rows: list[dict[str, Any]], task: str) -> pa.Table:
    schema = DATA[TASKS[task].kind]
    known = {"split": "train", "group": "g", "cluster": "c"}
    return pa.Table.from_pylist(
        [{**known, "id": str(i), **row} for i, row in enumerate(rows)], schema=schema
    )


def features_of(folder: Path, task: str, rows: list[dict[str, Any]], **lengths: Any) -> Features:
    found, _ = tokenise(TASKS[task], table(rows, task), folder, {"max_length": 48, **lengths})
    return Features(found)


@torch.no_grad()
def states(model: torch.nn.Module, texts: list[str], folder: Path, **more: Any) -> torch.Tensor:
    encoded = load_tokenizer(folder)(texts, padding=True, padding_side="right", return_tensors="pt")
    known = {name: encoded[name] for name in ("input_ids", "attention_mask")}
    return model.eval()(**known, **more).last_hidden_state


@pytest.mark.parametrize("name", USABLE)
def test_what_is_fetched_is_the_encoder_and_saves_and_loads_as_it_is(
    folders, fetched, tmp_path, name
):
    published = AutoModel.from_pretrained(folders[name])
    # Of those with a decoder transformers' own whole model, asked for its encoder.
    encoder = published.get_encoder() if published.config.is_encoder_decoder else published
    options = {"lang_ids": torch.tensor([0])} if name == "xmod" else {}
    expected = states(encoder, TEXTS[:1], folders[name], **options)
    ours = load_encoder(fetched[name])
    assert torch.allclose(states(ours, TEXTS[:1], fetched[name]), expected, atol=1e-6)
    save_encoder(ours, load_tokenizer(fetched[name]), tmp_path / "saved", {})
    again = load_encoder(tmp_path / "saved")
    assert not any("decoder" in key for key in again.state_dict())
    assert torch.equal(
        states(again, TEXTS[:1], fetched[name]), states(ours, TEXTS[:1], fetched[name])
    )
    assert Usage.of(again.config) == Usage()


def test_the_experiment_decides_over_what_an_earlier_one_has_written(folders, tmp_path):
    fetch_encoder(EncoderSource(folder=str(folders["bert"]), pooling="mean"), tmp_path / "one")
    assert Usage.of(load_encoder(tmp_path / "one").config).pooling == "mean"
    fetch_encoder(EncoderSource(folder=str(tmp_path / "one")), tmp_path / "other")
    assert Usage.of(load_encoder(tmp_path / "other").config) == Usage()


@pytest.mark.parametrize("name", USABLE)
def test_the_longest_input_passes_and_one_more_does_not(fetched, name):
    model = load_encoder(fetched[name])
    longest = max_positions(model.config)
    ids = torch.full((1, (longest or 600) + 1), 7)
    with torch.no_grad():
        model(input_ids=ids[:, 1:], attention_mask=torch.ones_like(ids[:, 1:]))
        if name in TABLES:
            with pytest.raises((IndexError, RuntimeError)):
                model(input_ids=ids, attention_mask=torch.ones_like(ids))
    assert longest == (None if name in ("mt5", "umt5") else 512)


@pytest.mark.parametrize("name", USABLE)
def test_padding_changes_no_state_and_no_pooled_output(fetched, name):
    model, tokenizer = load_encoder(fetched[name]), load_tokenizer(fetched[name])
    texts = [TEXTS[7], TEXTS[2], TEXTS[0]]
    together = states(model, texts, fetched[name])
    mask = tokenizer(texts, padding=True, padding_side="right", return_tensors="pt")
    for row, text in enumerate(texts):
        alone = states(model, [text], fetched[name])
        length = alone.shape[1]
        assert torch.allclose(together[row, :length], alone[0], atol=1e-5)
        for pooling in ("first", "mean", "last"):
            head = PairHead(32, 3, 0.0, pooling).eval()
            expected = {"first": alone[:, 0], "mean": alone.mean(1), "last": alone[:, -1]}[pooling]
            by_hand = head.output(torch.tanh(head.dense(expected)))
            found = head(together, mask["attention_mask"])[row]
            assert torch.allclose(found, by_hand[0], atol=1e-5)


@pytest.mark.parametrize("name", USABLE)
@pytest.mark.parametrize("pooling", ["first", "mean", "last"])
def test_heads_of_pairs_learn_from_the_state_that_was_chosen(
    folders, fetched, tmp_path, name, pooling
):
    folder = fetched[name]
    if pooling != "first":
        folder = tmp_path / "other"
        fetch_encoder(EncoderSource(folder=str(folders[name]), pooling=pooling), folder)
    features = features_of(folder, "xnli", PAIRS)
    kind = kind_of(TASKS["xnli"])
    model = build_model(folder, [kind], 0.0, {"xnli": 1}).eval()
    assert model.heads["xnli"].pooling == pooling
    rows = np.arange(len(features))
    cpu = torch.device("cpu")
    pad_id = load_tokenizer(folder).pad_token_id
    outputs, targets, loss = outputs_and_loss(
        model, kind, features, rows, pad_id=pad_id, device=cpu
    )
    loss.backward()
    torch.optim.SGD(model.parameters(), 0.01).step()
    _, _, later = outputs_and_loss(model, kind, features, rows, pad_id=pad_id, device=cpu)
    assert later < loss
    assert (outputs.shape, len(targets)) == ((3, 3), 3)


@pytest.mark.parametrize("name", USABLE)
def test_states_of_an_inner_layer_pass_the_final_norm_where_there_is_one(fetched, tmp_path, name):
    sentences = [{"text": text, "language": "de", "side": "en"} for text in TEXTS]
    features = [features_of(fetched[name], "tatoeba", sentences, prefix="fox ")]
    settings = RetrievalSettings(layer=1, final_norm=True)
    output = tmp_path / "vectors.npy"
    if name not in NORMS:
        with pytest.raises(XstiltsError, match="no norm behind the last layer"):
            embed(fetched[name], features, settings, "cpu", output)
        return
    folder = tmp_path / "trained"
    model = load_encoder(fetched[name])
    torch.manual_seed(1)
    norm = model.get_submodule(NORMS[name])
    # All norms are alike in a new model.
    torch.nn.init.normal_(norm.weight)
    save_encoder(model, load_tokenizer(fetched[name]), folder, {})
    embed(folder, features, settings, "cpu", output)
    inputs = load_tokenizer(folder)(f"fox {TEXTS[0]}", return_tensors="pt")
    known = {key: inputs[key] for key in ("input_ids", "attention_mask")}
    with torch.no_grad():
        found = model(**known, output_hidden_states=True)
        expected = norm(found.hidden_states[1])[0].mean(0).numpy()
    assert np.allclose(np.load(output)[0], expected, atol=1e-5)
    # The last layer's have passed it already.
    for final in (False, True):
        last = RetrievalSettings(layer=2, final_norm=final)
        embed(folder, features, last, "cpu", output)
        plain = found.last_hidden_state[0].mean(0).numpy()
        assert np.allclose(np.load(output)[0], plain, atol=1e-5)


@pytest.mark.parametrize("name", ["mt5", "t5gemma", "xmod", "deberta-v2"])
def test_an_untrained_counterpart_has_the_encoder_alone(fetched, tmp_path, name):
    reinitialise(fetched[name], seed=1, output=tmp_path / "new")
    new, old = load_encoder(tmp_path / "new"), load_encoder(fetched[name])
    assert new.state_dict().keys() == old.state_dict().keys()
    text = states(new, TEXTS[:1], fetched[name])
    assert not torch.allclose(text, states(old, TEXTS[:1], fetched[name]), atol=1e-3)


@pytest.mark.parametrize("name", ["mt5", "umt5", "t5gemma", "bert"])
def test_a_run_is_saved_and_resumed_with_weights_that_are_tied(fetched, tmp_path, name):
    """T5 has its embeddings under two names."""

    def new() -> tuple[Any, torch.optim.Optimizer]:
        model = build_model(fetched[name], [kind_of(TASKS["xnli"])], 0.0, {"xnli": 1})
        return model, adamw(model, TrainingSettings())

    model, optimizer = new()
    features = features_of(fetched[name], "xnli", PAIRS)
    kind, rows, cpu = kind_of(TASKS["xnli"]), np.arange(3), torch.device("cpu")
    outputs_and_loss(model, kind, features, rows, pad_id=1, device=cpu)[2].backward()
    optimizer.step()
    state = ResumeState(tmp_path / "state", "f")
    state.folder.mkdir()
    state.save_best(model, 1)
    state.save(model, optimizer, Progress(step=1, best_step=1, history=steps(1)))
    for load in (
        lambda *new: state.load(*new),
        lambda new, _: state.load_best(new, Progress(best_step=1)),
    ):
        other, second = new()
        assert not equal(other, model)
        load(other, second)
        assert equal(other, model)


def equal(model: torch.nn.Module, other: torch.nn.Module) -> bool:
    weights = other.state_dict()
    return all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize("name", WITH_DECODER)
def test_an_encoder_that_the_library_does_not_offer_alone_is_refused(folders, tmp_path, name):
    with pytest.raises(
        XstiltsError,
        match=f"{name} is an encoder with a decoder, and transformers does not offer its encoder",
    ):
        fetch_encoder(EncoderSource(folder=str(folders[name])), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", CAUSAL)
@pytest.mark.parametrize("pooling", ["first", "mean"])
def test_a_causal_model_is_refused_unless_its_last_token_is_read(folders, tmp_path, name, pooling):
    with pytest.raises(XstiltsError, match="a causal model: each token sees only those before it"):
        fetch_encoder(EncoderSource(folder=str(folders[name]), pooling=pooling), tmp_path / "out")


@torch.no_grad()
def sees_behind(model: torch.nn.Module, padding: int) -> bool:
    """Whether a change of a later token changes the first state."""
    ids = torch.tensor([[5, 6, 7, 8] + [1] * padding, [5, 6, 7, 9] + [1] * padding])
    mask = (torch.arange(ids.shape[1]) < 4).long().expand(2, -1)
    found = model.eval()(input_ids=ids, attention_mask=mask).last_hidden_state
    return not torch.equal(found[0, 0], found[1, 0])


@pytest.mark.parametrize("name", CAUSAL)
def test_a_causal_model_is_made_bidirectional(folders, tmp_path, name):
    source = EncoderSource(folder=str(folders[name]), bidirectional=True)
    fetch_encoder(source, tmp_path / "out")
    for padding in (0, 3):
        assert not sees_behind(AutoModel.from_pretrained(folders[name]), padding)
        # A checkpoint is what transformers loads, without what is done here.
        assert sees_behind(AutoModel.from_pretrained(tmp_path / "out"), padding)
        assert sees_behind(load_encoder(tmp_path / "out"), padding)
    assert not Usage.of(load_encoder(tmp_path / "out").config).causal
    build_model(tmp_path / "out", [kind_of(TASKS["xquad"])], 0.1, {"xquad": 1})


def test_one_that_transformers_cannot_make_bidirectional_is_refused(folders, tmp_path, monkeypatch):
    monkeypatch.setattr("xstilts.training.encoder.look_both_ways", lambda config: None)
    source = EncoderSource(folder=str(folders["llama"]), bidirectional=True)
    with pytest.raises(XstiltsError, match="transformers cannot make llama bidirectional"):
        fetch_encoder(source, tmp_path / "out")


def test_a_causal_model_is_read_at_its_last_token_alone(folders, tmp_path):
    source = EncoderSource(folder=str(folders["qwen3"]), pooling="last")
    fetch_encoder(source, tmp_path / "out")
    for key in ("xnli", "xcopa"):
        build_model(tmp_path / "out", [kind_of(TASKS[key])], 0.1, {key: 1})
    for key in ("udpos", "xquad", "text"):
        with pytest.raises(XstiltsError, match=f"only those before it, and {key} reads more than"):
            build_model(tmp_path / "out", [kind_of(TASKS[key])], 0.1, {key: 1})
    sentences = [{"text": text, "language": "de", "side": "en"} for text in TEXTS]
    features = [features_of(tmp_path / "out", "tatoeba", sentences)]
    with pytest.raises(XstiltsError, match="its sentence vectors are trained at the last one"):
        embed(tmp_path / "out", features, RetrievalSettings(), "cpu", tmp_path / "vectors.npy")
    last = RetrievalSettings(pooling="last")
    embed(tmp_path / "out", features, last, "cpu", tmp_path / "vectors.npy")
    plain = AutoModel.from_pretrained(folders["qwen3"])
    for text, vector in zip(TEXTS, np.load(tmp_path / "vectors.npy"), strict=True):
        expected = states(plain, [text], folders["qwen3"])[0, -1].numpy()
        assert np.allclose(vector, expected, atol=1e-5)
