"""Masked language modelling: what is masked, how, and what the loss is."""

from __future__ import annotations

import json

import numpy as np
import pyarrow as pa
import pytest
import torch
from tiny_encoders import TEXTS, write_tiny_bert, write_tiny_xlmr
from torch.nn import functional

from xstilts.config.seeds import derive_seed
from xstilts.config.settings import Tokenisation
from xstilts.config.tasks import TASKS, TEXT, Kind
from xstilts.data.schemas import DATA
from xstilts.errors import XstiltsError
from xstilts.features.batches import Features, micro_batches
from xstilts.features.kinds import kind_of
from xstilts.features.kinds.base import collate
from xstilts.features.kinds.mlm import MaskedLanguageHead
from xstilts.features.tokenizer import load_tokenizer
from xstilts.training.mlm_head import HEADS
from xstilts.training.model import build_model, load_model, outputs_and_loss, save_model

KIND = kind_of(TASKS[TEXT])
CPU = torch.device("cpu")


@pytest.fixture(scope="module", params=["xlmr", "bert"])
def folder(request, tmp_path_factory):
    write = {"xlmr": write_tiny_xlmr, "bert": write_tiny_bert}[request.param]
    return write(tmp_path_factory.mktemp(request.param), TEXTS)


@pytest.fixture(scope="module")
def tokenizer(folder):
    return load_tokenizer(folder)


def documents(texts=TEXTS) -> pa.Table:
    rows = [
        {"id": str(i), "language": "en", "split": "train", "text": text}
        for i, text in enumerate(texts)
    ]
    return pa.Table.from_pylist(rows, schema=DATA[Kind.MLM])


def features_of(tokenizer, texts=TEXTS, max_length=128) -> Features:
    return Features(
        KIND.featurise(documents(texts), tokenizer, Tokenisation(max_length=max_length))
    )


def draw(features, tokenizer, seed=1, mask_ratio=0.15, rows=None):
    rows = np.arange(len(features)) if rows is None else rows
    return KIND.draw(features, rows, tokenizer, mask_ratio=mask_ratio, seed=seed)[0]


def test_a_long_document_is_cut_into_features_without_loss(tokenizer):
    texts = [" ".join(TEXTS[:3]), "", TEXTS[0]]
    features = features_of(tokenizer, texts, max_length=10)
    assert features.lengths.max() == 10
    whole = tokenizer(texts, add_special_tokens=False)["input_ids"]
    pieces: list[list[int]] = [[] for _ in texts]
    for row, item in enumerate(features.items):
        ids = features.ragged("input_ids").row(row)
        assert (ids[0], ids[-1]) == (tokenizer.cls_token_id, tokenizer.sep_token_id)
        pieces[item] += list(ids[1:-1])
    assert pieces == whole
    assert list(features.items) == sorted(features.items)


def test_masks_have_the_stated_rates(tokenizer):
    # Long enough that "at least one" does not raise the rate.
    features = features_of(tokenizer, [" ".join(TEXTS)] * 100)
    drawn = draw(features, tokenizer)
    before, after = (f.ragged("input_ids").values for f in (features, drawn))
    special = np.isin(before, tokenizer.all_special_ids)
    masked, lengths = (drawn.ragged(name) for name in ("masked", "input_ids"))
    at = np.concatenate([masked.row(row) + lengths.offsets[row] for row in range(len(features))])
    assert len(set(at)) == len(at)
    assert not special[at].any()
    assert np.array_equal(before[at], drawn.ragged("gold").values)
    untouched = np.ones(len(before), dtype=bool)
    untouched[at] = False
    assert np.array_equal(before[untouched], after[untouched])
    assert len(at) / (~special).sum() == pytest.approx(0.15, abs=0.005)
    was_masked = after[at] == tokenizer.mask_token_id
    kept = after[at] == before[at]
    replaced = after[at][~was_masked & ~kept]
    shares = (was_masked.mean(), len(replaced) / len(at), kept.mean())
    assert shares == pytest.approx((0.8, 0.1, 0.1), abs=0.02)
    assert not np.isin(replaced, tokenizer.all_special_ids).any()
    # Every position and many pieces have their turn.
    assert len(set(replaced)) > len(replaced) / 3
    assert len({int(p) for row in range(len(features)) for p in masked.row(row)}) > 10


def test_at_least_one_token_of_every_feature_is_predicted(tokenizer):
    features = features_of(tokenizer, ["go"] * 20 + list(TEXTS))
    for ratio in (0.001, 0.15, 0.999):
        counts = draw(features, tokenizer, mask_ratio=ratio).ragged("masked").lengths
        assert counts.min() >= 1
    plain = draw(features, tokenizer, mask_ratio=0.5).ragged("gold").lengths
    assert plain.max() > 5


def test_nothing_is_predicted_of_a_feature_of_special_tokens_alone(tokenizer):
    unknown = tokenizer.unk_token_id
    ids = [tokenizer.cls_token_id, unknown, tokenizer.sep_token_id]
    features = Features(pa.table({"item": [0], "input_ids": pa.array([ids], pa.list_(pa.int32()))}))
    drawn = draw(features, tokenizer)
    assert drawn.ragged("input_ids").row(0).tolist() == ids
    assert KIND.decisions(drawn, [0]) == 0


def test_masks_are_a_function_of_the_seed(tokenizer):
    features = features_of(tokenizer)
    rows = np.array([3, 0, 5])
    first, again, other = (
        draw(features, tokenizer, derive_seed(1, "run", "masks", step), rows=rows)
        for step in (4, 4, 5)
    )
    for name in ("input_ids", "masked", "gold"):
        assert np.array_equal(first.ragged(name).values, again.ragged(name).values)
    assert not np.array_equal(first.ragged("masked").values, other.ragged("masked").values)
    assert first.lengths.tolist() == features.lengths[rows].tolist()


def test_a_tokenizer_without_a_mask_is_refused(tokenizer, monkeypatch):
    from copy import copy

    maskless = copy(tokenizer)
    maskless.mask_token = None
    with pytest.raises(XstiltsError, match="no mask token"):
        draw(features_of(tokenizer), maskless)


def test_the_loss_is_that_of_the_whole_vocabulary_at_every_token(folder, tokenizer):
    """Against logits of all tokens and torch's own choice of the masked ones."""
    features = draw(features_of(tokenizer), tokenizer)
    model = build_model(folder, [KIND], 0.1, {TEXT: 1}).eval()
    torch.nn.init.normal_(model.heads[TEXT].bias)
    total, decisions = 0.0, 0
    pad = tokenizer.pad_token_id
    for rows in micro_batches(range(len(features)), features.lengths, 100):
        with torch.no_grad():
            outputs, targets, loss = outputs_and_loss(
                model, KIND, features, rows, pad_id=pad, device=CPU
            )
            inputs = collate(features, rows, pad)
            labels = torch.full_like(inputs["input_ids"], -100)
            for i, row in enumerate(rows):
                masked, gold = (features.ragged(name).row(row) for name in ("masked", "gold"))
                labels[i, masked.tolist()] = torch.tensor(gold.tolist())
            states = model.encoder(**inputs).last_hidden_state
            hidden = model.heads[TEXT].norm(functional.gelu(model.heads[TEXT].dense(states)))
            table = model.encoder.get_input_embeddings().weight
            logits = hidden @ table.T + model.heads[TEXT].bias
            whole = functional.cross_entropy(
                logits.flatten(0, 1), labels.flatten(), ignore_index=-100, reduction="sum"
            )
        assert outputs.shape == (len(targets), len(table))
        torch.testing.assert_close(loss, whole, rtol=1e-5, atol=1e-4)
        total += float(loss)
        decisions += len(targets)
    assert decisions == KIND.decisions(features, range(len(features)))
    assert 0.5 < total / decisions / np.log(len(tokenizer)) < 2


def test_the_output_layer_is_the_embeddings_and_is_saved_once(folder, tokenizer, tmp_path):
    model = build_model(folder, [KIND], 0.1, {TEXT: 1})
    names = [name for name, _ in model.named_parameters()]
    embeddings = model.encoder.get_input_embeddings().weight
    assert sum(p is embeddings for p in model.parameters()) == 1
    assert [name.removeprefix("heads.text.") for name in names if name.startswith("heads.")] == [
        "bias", "dense.weight", "dense.bias", "norm.weight", "norm.bias"
    ]  # fmt: skip
    with torch.no_grad():
        embeddings *= 2
        model.heads[TEXT].bias += 1
    save_model(model, tokenizer, tmp_path / "saved", {})
    size = (tmp_path / "saved" / HEADS).stat().st_size
    assert size < 4 * (embeddings.numel() + sum(p.numel() for p in model.heads[TEXT].parameters()))
    loaded = load_model(tmp_path / "saved", KIND)
    features = draw(features_of(tokenizer), tokenizer)
    rows = np.arange(len(features))
    with torch.no_grad():
        ours, theirs = (
            outputs_and_loss(m.eval(), KIND, features, rows, pad_id=tokenizer.pad_token_id,
                             device=CPU)[0]
            for m in (model, loaded)
        )  # fmt: skip
    assert torch.equal(ours, theirs)
    config = json.loads((tmp_path / "saved/config.json").read_text())
    assert config["vocab_size"] == len(embeddings)


def test_both_uses_of_the_embeddings_reach_their_gradient():
    embeddings = torch.nn.Embedding(5, 4)
    head = MaskedLanguageHead(embeddings, 4)
    head(torch.randn(3, 4)).sum().backward()
    assert embeddings.weight.grad.abs().sum() > 0


def test_it_makes_no_predictions():
    with pytest.raises(XstiltsError, match="never predicted"):
        KIND.decode([], None, documents(), 30)
