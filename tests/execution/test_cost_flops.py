"""Counted operations against those that PyTorch counts, and sizes read from files alone."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest
import torch
from tiny_encoders import TEXTS, WRITERS, write_tiny_bert, write_tiny_xlmr
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoModel, AutoTokenizer

from xstilts.config.encoders import EncoderSource
from xstilts.errors import XstiltsError
from xstilts.execution.cost.flops import forward_flops, training_flops, vocabulary_flops
from xstilts.execution.cost.shape import bert_shape, shape_of_folder
from xstilts.training.architecture import takes_pooling_option
from xstilts.training.encoder import fetch_encoder, load_encoder
from xstilts.training.tiny_encoders import ARCHITECTURES, HIDDEN, LAYERS, MASKED

LENGTHS = (60, 7, 33)


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory):
    return AutoTokenizer.from_pretrained(write_tiny_xlmr(tmp_path_factory.mktemp("xlmr"), TEXTS))


def load(folder):
    model = AutoModel.from_pretrained(folder, attn_implementation="eager")
    options = {"add_pooling_layer": False} if takes_pooling_option(model.config) else {}
    return AutoModel.from_pretrained(folder, attn_implementation="eager", **options)


def counted(model, lengths, *, backward=False) -> int:
    total = 0
    for length in lengths:
        ids = torch.full((1, length), 6)
        with FlopCounterMode(display=False) as counter:
            states = model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
            if backward:
                states.sum().backward()
        total += counter.get_total_flops()
    return total


@pytest.mark.parametrize("name", ["bert", "xlmr", "modernbert"])
def test_operations_are_those_that_torch_counts(tmp_path, name):
    folder = WRITERS[name](tmp_path, TEXTS, hidden=32, layers=3)
    shape, model = shape_of_folder(folder), load(folder)
    tokens, pairs = sum(LENGTHS), sum(length**2 for length in LENGTHS)
    assert forward_flops(shape, tokens, pairs) == pytest.approx(counted(model, LENGTHS), rel=0.02)
    assert training_flops(shape, tokens, pairs) == pytest.approx(
        counted(model, LENGTHS, backward=True), rel=0.02
    )


@pytest.mark.parametrize(
    "name", ["modernbert", "eurobert", "deberta-v2", "gemma3_text", "mt5", "t5gemma", "xmod"]
)
def test_operations_of_each_architecture_are_those_that_torch_counts(tmp_path, tokenizer, name):
    """As published, with a decoder where it has one, and as fetched."""
    published, fetched = tmp_path / "published", tmp_path / "fetched"
    ARCHITECTURES[name](tokenizer).save_pretrained(published)
    tokenizer.save_pretrained(published)
    fetch_encoder(EncoderSource(folder=str(published)), fetched)
    shape = shape_of_folder(published)
    assert shape == shape_of_folder(fetched)
    model = load_encoder(fetched)
    model.set_attn_implementation("eager")
    assert shape.parameters == sum(parameter.numel() for parameter in model.parameters())
    assert (shape.layers, shape.hidden) == (LAYERS, HIDDEN)
    # Many inputs at a time: DeBERTa projects its positions once for all of them.
    inputs, length = 64, 48
    ids = torch.full((inputs, length), 6)
    with FlopCounterMode(display=False) as counter:
        model(input_ids=ids, attention_mask=torch.ones_like(ids))
    expected = forward_flops(shape, inputs * length, inputs * length**2)
    assert counter.get_total_flops() == pytest.approx(expected, rel=0.02)


@pytest.mark.parametrize("name", list(WRITERS))
def test_parameters_are_counted_without_loading_them(tmp_path, name):
    folder = WRITERS[name](tmp_path, TEXTS)
    model = load(folder)
    shape = shape_of_folder(folder)
    assert shape.parameters == sum(parameter.numel() for parameter in model.parameters())
    assert shape.layers == model.config.num_hidden_layers
    assert shape.hidden == model.config.hidden_size
    assert shape.vocabulary == model.config.vocab_size


@pytest.mark.parametrize("name", [name for name in MASKED if name != "xmod"])
def test_the_head_of_masked_language_modelling(tmp_path, name):
    """From a folder with the head, whose weights are not taken for the encoder's."""
    tokenizer = AutoTokenizer.from_pretrained(write_tiny_bert(tmp_path / "tokenizer", TEXTS))
    model = MASKED[name](tokenizer)
    model.save_pretrained(tmp_path / "published")
    shape = shape_of_folder(tmp_path / "published")
    assert shape.parameters == sum(each.numel() for each in model.base_model.parameters())
    ids = torch.full((1, 7), 6)
    totals = []
    for each in (model, model.base_model):
        with FlopCounterMode(display=False) as counter:
            each(input_ids=ids, attention_mask=torch.ones_like(ids))
        totals.append(counter.get_total_flops())
    assert vocabulary_flops(shape, 7) == totals[0] - totals[1] > 0
    assert training_flops(shape, 0, 0, predicted=7) == 3 * vocabulary_flops(shape, 7)


def test_xlmr_large_has_its_well_known_size():
    """560 M parameters by the model's card, which counts the pooler as well."""
    shape = bert_shape(
        layers=24, hidden=1024, intermediate=4096, vocabulary=250_002, positions=514, types=1
    )
    assert shape.matrices == 24 * 12 * 1024**2
    assert shape.parameters == 558_840_832


def test_shared_layers_are_not_counted(tmp_path):
    config = {"model_type": "albert", "hidden_size": 8, "num_hidden_layers": 12}
    (tmp_path / "config.json").write_text(json.dumps(config))
    shape = shape_of_folder(tmp_path)
    assert (shape.matrices, shape.parameters) == (None, None)
    assert forward_flops(shape, 10, 100) is None
    assert training_flops(shape, 10, 100) is None


def test_what_is_no_encoder_is_refused(tmp_path):
    with pytest.raises(XstiltsError, match=r"config\.json"):
        shape_of_folder(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "other"}')
    with pytest.raises(XstiltsError, match="hidden size"):
        shape_of_folder(tmp_path)
    config = {"model_type": "other", "hidden_size": 8, "num_hidden_layers": 2}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "model.safetensors").write_bytes(b"\xff" * 20)
    with pytest.raises(XstiltsError, match="not a safetensors file"):
        shape_of_folder(tmp_path)


def test_counting_needs_no_torch():
    program = (
        "import sys\nfrom xstilts.execution.cost import flops, meter, records\n"
        "print(sorted({'torch', 'numpy', 'pynvml'} & set(sys.modules)))"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert result.stdout.strip() == "[]", result.stderr
