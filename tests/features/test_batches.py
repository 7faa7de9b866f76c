"""Batches cover everything once, and how they are cut changes no gradient and no output."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tiny_encoders import TEXTS, write_all
from transformers import AutoModel

from xstilts.config.seeds import derive_seed
from xstilts.config.settings import Tokenisation
from xstilts.config.tasks import NER_TAGS, NLI_LABELS, TASKS
from xstilts.data.schemas import DATA
from xstilts.features.batches import Features, micro_batches, pad, training_batches
from xstilts.features.kinds import kind_of
from xstilts.features.kinds.base import collate
from xstilts.features.tokenizer import load_tokenizer
from xstilts.training.model import TaskModel, build_model, run

LENGTHS = st.lists(st.integers(1, 60), max_size=300).map(np.array)


def everything(batches) -> list[int]:
    return sorted(int(row) for batch in batches for row in batch)


@given(LENGTHS, st.integers(1, 9), st.integers(0, 5), st.integers(0, 5))
def test_an_epoch_is_a_permutation_in_full_batches(lengths, size, seed, epoch):
    batches = training_batches(lengths, size, seed, epoch)
    assert everything(batches) == list(range(len(lengths)))
    assert len(batches) == -(-len(lengths) // size)
    assert sorted(map(len, batches))[1:] == [size] * max(0, len(batches) - 1)
    again = training_batches(lengths, size, seed, epoch)
    assert all(np.array_equal(a, b) for a, b in zip(batches, again, strict=True))


def test_order_differs_between_epochs_and_seeds():
    lengths = np.random.default_rng(0).integers(1, 60, 500)
    orders = {
        tuple(np.concatenate(training_batches(lengths, 4, seed, epoch)))
        for seed in (1, 2)
        for epoch in (0, 1, 2)
    }
    assert len(orders) == 6


def test_batches_hold_similar_lengths_in_no_order_of_length():
    lengths = np.random.default_rng(0).integers(1, 200, 2000)
    batches = training_batches(lengths, 8, 1, 0)
    longest = np.array([lengths[batch].max() for batch in batches])
    assert sum(longest) * 8 < 1.1 * lengths.sum()
    # A run of growing or falling lengths would show as correlation with the position.
    assert abs(np.corrcoef(longest, np.arange(len(batches)))[0, 1]) < 0.2


@given(LENGTHS, st.integers(1, 100), st.data())
def test_micro_batches_cover_all_rows_within_the_bound(lengths, tokens, data):
    rows = np.flatnonzero([data.draw(st.booleans()) for _ in lengths])
    pieces = list(micro_batches(rows, lengths, tokens))
    assert everything(pieces) == list(rows)
    for piece in pieces:
        assert len(piece) == 1 or len(piece) * lengths[piece].max() <= tokens


@given(st.lists(st.lists(st.integers(0, 9)), min_size=1), st.integers(0, 5))
def test_pad_keeps_the_rows_and_fills_the_rest(rows, more):
    width = max(map(len, rows)) + more
    matrix = pad([np.array(row, dtype=np.int32) for row in rows], -7, width)
    assert matrix.tolist() == [row + [-7] * (width - len(row)) for row in rows]
    assert pad([np.array(row) for row in rows], -7).shape[1] == width - more


def test_derived_seeds_tell_their_parts_apart():
    parts = [(1, "a", 2), (1, "a2"), (1, "a", "2 "), ("1a", 2), (1, 2, "a"), (11, "a", 2)]
    seeds = [derive_seed(*part) for part in parts]
    assert len(set(seeds)) == len(seeds)
    assert all(0 <= seed < 2**63 for seed in seeds)
    assert derive_seed(1, "a", 2) == derive_seed(1, "a", 2)


def test_features_of_some_items_are_renumbered():
    table = pa.table({"item": pa.array([0, 0, 1, 2, 2, 3], pa.int32()), "input_ids": [[1]] * 6})
    part = Features(table).of_items(np.array([0, 2]))
    assert part.items.tolist() == [0, 0, 1, 1]
    assert len(part) == 4


def test_ragged_columns_survive_chunks_and_slices():
    rows = [[1, 2], [], [3], [4, 5, 6], [7]]
    table = pa.concat_tables(
        [pa.table({"input_ids": rows[:2]}), pa.table({"input_ids": rows[2:]}).slice(0, 2)]
    )
    for part, expected in ((table, rows[:4]), (table.slice(1, 3), rows[1:4])):
        ragged = Features(part).ragged("input_ids")
        assert [ragged.row(i).tolist() for i in range(part.num_rows)] == expected
        assert ragged.lengths.tolist() == [len(row) for row in expected]


# Each kind on short and long texts, so that padding and windows both occur.
def pair_data() -> pa.Table:
    rows = [
        {"id": str(i), "text_a": text, "text_b": TEXTS[i - 1][: 7 * i], "label": NLI_LABELS[i % 3]}
        for i, text in enumerate(TEXTS)
    ]
    return pa.Table.from_pylist(rows, schema=DATA["pair"])


def tagging_data() -> pa.Table:
    rows = []
    for i, text in enumerate(TEXTS):
        tokens = (text.split() * 4)[: 3 + 4 * i]
        tags = [NER_TAGS[(i + j) % len(NER_TAGS)] for j in range(len(tokens))]
        rows.append({"id": str(i), "tokens": tokens, "tags": tags})
    return pa.Table.from_pylist(rows, schema=DATA["tagging"])


def span_data() -> pa.Table:
    rows = []
    for i in range(4):
        context = " ".join(TEXTS[: 1 + 2 * i])
        answer = {"text": context.split()[3], "start": context.index(context.split()[3])}
        rows.append({"id": str(i), "context": context, "question": "Who?", "answers": [answer]})
    return pa.Table.from_pylist(rows, schema=DATA["span"])


KINDS = {"xnli": pair_data, "panx": tagging_data, "squad_v1": span_data}


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    return write_all(tmp_path_factory.mktemp("encoders"))


def features_of(key: str, folder: Path):
    kind = kind_of(TASKS[key])
    tokenizer = load_tokenizer(folder)
    lengths = Tokenisation(max_length=48, doc_stride=20)
    return kind, Features(kind.featurise(KINDS[key](), tokenizer, lengths)), tokenizer.pad_token_id


def gradients(model: TaskModel, kind, features: Features, pieces, pad_id: int, wider: int = 0):
    """Loss per decision and its gradients, accumulated over `pieces` as in training."""
    model.zero_grad()
    total = 0.0
    for rows in pieces:
        inputs = collate(features, rows, pad_id)
        fill = {"input_ids": pad_id, "attention_mask": 0, "token_type_ids": 0}
        inputs = {
            name: torch.nn.functional.pad(tensor, (0, wider), value=fill[name])
            for name, tensor in inputs.items()
        }
        targets = kind.targets(features, rows, inputs["input_ids"].shape[1])
        loss = kind.loss(model(inputs, kind.task.key), targets, inputs["attention_mask"])
        loss = loss / kind.decisions(features, range(len(features)))
        loss.backward()
        total += loss.item()
    found = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    return total, found


@pytest.mark.parametrize("encoder", ["bert", "xlmr", "modernbert", "deberta"])
@pytest.mark.parametrize("key", KINDS)
def test_gradients_depend_neither_on_micro_batches_nor_on_padding(folders, key, encoder):
    kind, features, pad_id = features_of(key, folders[encoder])
    assert len(set(features.lengths)) > 2
    # In evaluation mode there is no dropout, and in double precision little rounding.
    model = build_model(folders[encoder], [kind], 0.1, {key: 1}).eval().double()
    whole = [np.arange(len(features))]
    loss, expected = gradients(model, kind, features, whole, pad_id)
    scale = max(gradient.abs().max() for gradient in expected.values())
    for pieces, wider in (
        (list(micro_batches(range(len(features)), features.lengths, 100)), 0),
        ([np.array([row]) for row in range(len(features))], 0),
        (whole, 9),
    ):
        found_loss, found = gradients(model, kind, features, pieces, pad_id, wider)
        assert found_loss == pytest.approx(loss, rel=1e-5)
        assert found.keys() == expected.keys()
        for name, gradient in expected.items():
            assert (found[name] - gradient).abs().max() < 1e-4 * scale, name


@pytest.mark.parametrize("key", KINDS)
def test_the_loss_is_the_mean_negative_log_likelihood_of_the_gold(folders, key):
    """Recomputed one decision at a time from log-probabilities over real tokens only."""
    kind, features, pad_id = features_of(key, folders["xlmr"])
    model = build_model(folders["xlmr"], [kind], 0.1, {key: 1}).eval()
    loss, _ = gradients(model, kind, features, [np.arange(len(features))], pad_id)
    surprises = []
    for row in range(len(features)):
        with torch.no_grad():
            scores = model(collate(features, [row], pad_id), key)[0].double()
        if key == "xnli":
            surprises.append(-scores.log_softmax(0)[features.column("label")[row]])
        elif key == "panx":
            for position, label in enumerate(features.ragged("labels").row(row)):
                if label >= 0:
                    surprises.append(-scores[position].log_softmax(0)[label])
        else:
            gold = [features.column(side)[row] for side in ("start", "end")]
            both = [-scores[:, side].log_softmax(0)[gold[side]] for side in (0, 1)]
            surprises.append(sum(both) / 2)
    assert loss == pytest.approx(float(sum(surprises) / len(surprises)), rel=1e-5)


@pytest.mark.parametrize("encoder", ["bert", "xlmr", "modernbert", "deberta"])
@pytest.mark.parametrize("key", KINDS)
def test_outputs_depend_neither_on_batch_tokens_nor_on_order(folders, key, encoder):
    kind, features, pad_id = features_of(key, folders[encoder])
    model = build_model(folders[encoder], [kind], 0.1, {key: 1})
    plain = AutoModel.from_pretrained(folders[encoder]).eval()
    for batch_tokens in (1, 150, 100_000):
        outputs = run(
            model,
            kind,
            features,
            pad_id=pad_id,
            batch_tokens=batch_tokens,
            device=torch.device("cpu"),
        )
        for row, output in enumerate(outputs):
            ids = features.ragged("input_ids").row(row)
            inputs = {"input_ids": torch.tensor(ids[None].astype(np.int64))}
            mask = torch.ones_like(inputs["input_ids"])
            if "token_type_ids" in features.names:
                types = features.ragged("token_type_ids").row(row)
                inputs["token_type_ids"] = torch.tensor(types[None].astype(np.int64))
            with torch.no_grad():
                states = plain(**inputs).last_hidden_state
                alone = model.apply_head(states, mask, key)[0].numpy()
            assert output.shape == alone.shape
            np.testing.assert_allclose(output, alone, atol=1e-5)


def test_a_new_head_depends_on_its_seed_only(folders):
    kind = kind_of(TASKS["xnli"])
    heads = []
    for noise, seed in ((1, 5), (2, 5), (1, 6)):
        torch.manual_seed(noise)
        model = build_model(folders["bert"], [kind], 0.1, {"xnli": seed})
        heads.append(model.heads["xnli"].dense.weight)
    assert torch.equal(heads[0], heads[1])
    assert not torch.equal(heads[0], heads[2])


@pytest.mark.parametrize("key", KINDS)
def test_heads_compute_in_float32_whatever_the_encoder_does(folders, key):
    """Under autocast to bfloat16, as on a GPU: from the same states as in full precision."""
    kind, features, pad_id = features_of(key, folders["bert"])
    model = build_model(folders["bert"], [kind], 0.0, {key: 1}).eval()
    rows = np.arange(len(features))
    seen = []
    model.encoder.register_forward_hook(lambda *call: seen.append(call[-1].last_hidden_state))
    with torch.inference_mode(), torch.autocast("cpu", dtype=torch.bfloat16):
        inputs = kind.inputs(features, rows, pad_id)
        found = model(inputs, key)
    assert found.dtype == torch.float32
    with torch.inference_mode():
        expected = model.apply_head(seen[0].float(), inputs["attention_mask"], key)
        assert torch.equal(found, expected)
