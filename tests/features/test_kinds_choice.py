"""Multiple choice: items stay whole, prompts give way to choices, absent choices never win."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from learning import learn_and_predict
from tiny_encoders import TEXTS, WRITERS, write_all, write_tiny_bert
from transformers import AutoModel

from xstilts.config.settings import Tokenisation
from xstilts.config.tasks import TASKS, Kind
from xstilts.data.schemas import DATA
from xstilts.errors import XstiltsError
from xstilts.features.batches import Features, micro_batches, training_batches
from xstilts.features.kinds import kind_of
from xstilts.features.kinds.choice import fit_choice
from xstilts.features.layout import layout_of, subwords
from xstilts.features.tokenizer import load_tokenizer
from xstilts.training.model import build_model, outputs_and_loss, run

TASK = TASKS["cosmosqa"]
KIND = kind_of(TASK)
CPU = torch.device("cpu")
WORDS = sorted({word for text in TEXTS for word in text.split()})
TEXT = st.lists(st.sampled_from(WORDS) | st.text(max_size=6), max_size=8).map(" ".join)
ITEMS = st.lists(st.tuples(TEXT, st.lists(TEXT, min_size=1, max_size=5)), max_size=4)


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    return write_all(tmp_path_factory.mktemp("encoders"))


@pytest.fixture(scope="module")
def tokenizers(folders) -> dict:
    return {name: load_tokenizer(folder) for name, folder in folders.items()}


def items(*rows: tuple[str, list[str]], labels: list[int | None] | None = None) -> pa.Table:
    """Prompts with their choices; the last one is right unless `labels` says otherwise."""
    labels = [len(choices) - 1 for _, choices in rows] if labels is None else labels
    return pa.Table.from_pylist(
        [
            {"id": str(i), "prompt": prompt, "choices": choices, "label": label}
            for i, ((prompt, choices), label) in enumerate(zip(rows, labels, strict=True))
        ],
        schema=DATA[Kind.CHOICE],
    )


# Two to five choices of different lengths.
MIXED = items(
    *(
        (TEXTS[i], [WORDS[i], *(TEXTS[(i + j) % len(TEXTS)][: 9 * j] for j in range(1, 2 + i % 4))])
        for i in range(len(TEXTS))
    )
)


def mixed_features(tokenizer) -> Features:
    return Features(KIND.featurise(MIXED, tokenizer, Tokenisation(max_length=24)))


def pieces(features: Features, row: int, column: str = "input_ids") -> list[list[int]]:
    """The inputs of one item's choices."""
    ends = np.cumsum(features.ragged("choice_lengths").row(row))[:-1]
    return [piece.tolist() for piece in np.split(features.ragged(column).row(row), ends)]


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 40))
def test_the_prompt_loses_its_beginning_and_only_then_the_choice_its_end(a, b, capacity):
    prompt, choice = list(range(a)), list(range(100, 100 + b))
    found = tuple(
        part.tolist() for part in fit_choice(np.array(prompt), np.array(choice), capacity)
    )
    while len(prompt) + len(choice) > capacity:
        if prompt:
            prompt.pop(0)
        else:
            choice.pop()
    assert found == (prompt, choice)


@pytest.mark.parametrize("name", WRITERS)
@settings(max_examples=40)
@given(rows=ITEMS, max_length=st.integers(8, 40))
def test_an_item_is_one_feature_that_holds_the_input_of_each_choice(
    tokenizers, name, rows, max_length
):
    tokenizer, layout = tokenizers[name], layout_of(tokenizers[name], pair=True)
    table = KIND.featurise(items(*rows), tokenizer, Tokenisation(max_length=max_length))
    assert table["item"].to_pylist() == list(range(len(rows)))
    assert table["label"].to_pylist() == [len(choices) - 1 for _, choices in rows]
    features = Features(table)
    for row, (prompt, choices) in enumerate(rows):
        found = pieces(features, row)
        assert len(found) == len(choices)
        (first,) = subwords(tokenizer, [prompt])
        for piece, second in zip(found, subwords(tokenizer, choices), strict=True):
            room = max_length - layout.specials - len(second)
            kept = first if room >= len(first) else first[len(first) - max(0, room) :]
            fitted = second[: max_length - layout.specials]
            assert piece == layout.join(kept, fitted).tolist()
            assert len(piece) <= max_length
            if len(kept) == len(first) and len(fitted) == len(second):
                whole = tokenizer([prompt], [choices[found.index(piece)]])["input_ids"][0]
                assert piece == whole
    if layout.types is not None:
        for row in range(len(rows)):
            for ids, types in zip(
                pieces(features, row), pieces(features, row, "token_type_ids"), strict=True
            ):
                assert len(types) == len(ids)
                assert types == sorted(types)


@given(
    st.lists(st.lists(st.integers(1, 30), min_size=1, max_size=5), min_size=1, max_size=40),
    st.integers(1, 100),
)
def test_no_batch_takes_an_item_apart_and_no_token_is_lost(lengths, bound):
    features = fake(lengths)
    ids = features.ragged("input_ids")
    for batch in training_batches(features.lengths, 4, 1, 0):
        for rows in micro_batches(batch, features.lengths, bound):
            inputs = KIND.inputs(features, rows, -7)
            parts = [part for row in rows for part in lengths[row]]
            assert inputs["input_ids"].shape == (len(parts), max(parts))
            assert inputs["attention_mask"].sum(1).tolist() == parts
            real = inputs["input_ids"][inputs["attention_mask"] == 1]
            assert real.tolist() == [token for row in rows for token in ids.row(row)]
            assert (inputs["input_ids"][inputs["attention_mask"] == 0] == -7).all()


def fake(lengths: list[list[int]], labels: list[int] | None = None) -> Features:
    """Features of items whose choices have these lengths; no token occurs twice."""
    totals = [sum(parts) for parts in lengths]
    starts = np.cumsum([0, *totals])
    return Features(
        pa.table(
            {
                "item": pa.array(range(len(lengths)), pa.int32()),
                "input_ids": [list(range(a, a + n)) for a, n in zip(starts, totals, strict=False)],
                "choice_lengths": lengths,
                "label": labels or [0] * len(lengths),
            }
        )
    )


SCORES = st.lists(
    st.lists(st.integers(-3, 3) | st.just(-(10**30)), min_size=1, max_size=5),
    min_size=1,
    max_size=8,
)


@given(SCORES)
def test_decoding_is_the_first_of_the_best_choices_by_brute_force(scores):
    features = fake([[1] * len(row) for row in scores])
    rows = range(len(scores))
    flat = torch.tensor([[float(score)] for row in scores for score in row])
    table = KIND.arrange(flat, features, rows)
    assert table.shape == (len(scores), max(map(len, scores)))
    for found, row in zip(table.tolist(), scores, strict=True):
        assert found[: len(row)] == pytest.approx(row)
        assert all(score == -math.inf for score in found[len(row) :])
    expected = [max(range(len(row)), key=row.__getitem__) for row in scores]
    assert KIND.decode(list(table.numpy()), features, None, 30) == expected


@given(SCORES, st.randoms())
def test_the_loss_compares_the_choices_of_one_item_alone(scores, random):
    labels = [random.randrange(len(row)) for row in scores]
    features = fake([[1] * len(row) for row in scores], labels)
    rows = list(range(len(scores)))
    scores = [[max(score, -50) for score in row] for row in scores]
    flat = torch.tensor([[float(score)] for row in scores for score in row], requires_grad=True)
    loss = KIND.loss(
        KIND.arrange(flat, features, rows), KIND.targets(features, rows, 0), torch.empty(0)
    )
    by_hand = sum(
        math.log(sum(map(math.exp, row))) - row[label]
        for row, label in zip(scores, labels, strict=True)
    )
    assert loss.item() == pytest.approx(by_hand, abs=1e-4)
    loss.backward()
    shares = [math.exp(score) / sum(map(math.exp, row)) for row in scores for score in row]
    right = [i == label for row, label in zip(scores, labels, strict=True) for i in range(len(row))]
    expected = [share - gold for share, gold in zip(shares, right, strict=True)]
    assert flat.grad.flatten().tolist() == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("name", WRITERS)
def test_outputs_are_those_of_each_choice_alone(folders, tokenizers, name):
    features = mixed_features(tokenizers[name])
    model = build_model(folders[name], [KIND], 0.1, {TASK.key: 1})
    plain = AutoModel.from_pretrained(folders[name]).eval()
    for batch_tokens in (1, 150, 100_000):
        outputs = run(
            model,
            KIND,
            features,
            pad_id=tokenizers[name].pad_token_id,
            batch_tokens=batch_tokens,
            device=CPU,
        )
        for row, scores in enumerate(outputs):
            typed = "token_type_ids" in features.names
            for at, ids in enumerate(pieces(features, row)):
                inputs = {"input_ids": torch.tensor([ids])}
                if typed:
                    types = pieces(features, row, "token_type_ids")[at]
                    inputs["token_type_ids"] = torch.tensor([types])
                with torch.no_grad():
                    states = plain(**inputs).last_hidden_state
                    mask = torch.ones_like(inputs["input_ids"])
                    alone = model.apply_head(states, mask, TASK.key)
                assert scores[at] == pytest.approx(alone.item(), abs=1e-5)
            assert (scores[at + 1 :] == -np.inf).all()


def test_outputs_that_are_no_numbers_name_their_item(folders, tokenizers):
    model = build_model(folders["bert"], [KIND], 0.1, {TASK.key: 1})
    with torch.no_grad():
        next(model.heads.parameters()).fill_(float("nan"))

    def outputs(**options):
        features = mixed_features(tokenizers["bert"])
        return run(
            model, KIND, features, pad_id=0, batch_tokens=100_000, device=CPU, **options
        )  # fmt: skip

    with pytest.raises(XstiltsError, match=f"predicting {TASK.key}: .*for item [0-9]+ are not"):
        outputs()
    with pytest.raises(XstiltsError, match=r"the outputs for 'q[0-9]+' are not finite"):
        outputs(ids=[f"q{number}" for number in range(len(MIXED))])


@pytest.mark.parametrize("name", WRITERS)
def test_gradients_are_the_same_alone_and_beside_items_with_more_choices(folders, tokenizers, name):
    features = mixed_features(tokenizers[name])
    assert len({len(choices) for choices in MIXED["choices"].to_pylist()}) == 4
    # In evaluation mode there is no dropout, and in double precision little rounding.
    model = build_model(folders[name], [KIND], 0.1, {TASK.key: 1}).eval().double()

    def gradients(batches) -> tuple[float, dict[str, torch.Tensor]]:
        model.zero_grad()
        total = 0.0
        for rows in batches:
            pad_id = tokenizers[name].pad_token_id
            loss = outputs_and_loss(model, KIND, features, rows, pad_id=pad_id, device=CPU)[2]
            loss.backward()
            total += loss.item()
        return total, {
            name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None
        }

    everything = np.arange(len(features))
    loss, expected = gradients([everything])
    assert KIND.decisions(features, everything) == len(features)
    scale = max(gradient.abs().max() for gradient in expected.values())
    for batches in (
        [np.array([row]) for row in everything],
        micro_batches(everything, features.lengths, 150),
    ):
        found_loss, found = gradients(batches)
        assert found_loss == pytest.approx(loss, rel=1e-5)
        for key, gradient in expected.items():
            assert torch.isfinite(gradient).all()
            assert (found[key] - gradient).abs().max() < 1e-4 * scale, key


@pytest.mark.parametrize("label", [-1, 2, None])
def test_a_label_that_is_no_choice_is_refused(tokenizers, label):
    data = items(("a", ["b", "c"]), ("a", ["b", "c"]), labels=[0, label])
    with pytest.raises(XstiltsError, match=rf"cosmosqa, row 2: the label {label} is none of the 2"):
        KIND.featurise(data, tokenizers["bert"], Tokenisation())


def test_an_item_without_choices_is_refused(tokenizers):
    with pytest.raises(XstiltsError, match="none of the 0 choices"):
        KIND.featurise(items(("a", []), labels=[0]), tokenizers["bert"], Tokenisation())


def test_no_rows_make_no_features(tokenizers):
    table = KIND.featurise(items(), tokenizers["bert"], Tokenisation())
    assert table.num_rows == 0
    assert table.schema.equals(KIND.schema(type_ids=True))


def test_a_part_of_the_items_keeps_their_choices(tokenizers):
    features = mixed_features(tokenizers["xlmr"])
    part = features.of_items(np.array([1, 4]))
    assert part.items.tolist() == [0, 1]
    assert [pieces(part, row) for row in (0, 1)] == [pieces(features, row) for row in (1, 4)]


def test_it_learns_which_choice_is_right(tmp_path):
    random = np.random.default_rng(0)
    names = ["ada", "bob", "cleo", "dan", "eve", "finn", "gus", "hal"]
    rows, labels = [], []
    for _ in range(160):
        others, count = random.permutation(names), random.integers(2, 5)
        choices = [f"{name} {random.choice(['left', 'sat'])}" for name in others[:count]]
        label = int(random.integers(count))
        choices[label] = f"{others[label]} won"
        rows.append((f"{others[5]} met {others[6]}", choices))
        labels.append(label)
    data = items(*rows, labels=labels)
    write_tiny_bert(tmp_path, [f"{p} {c}" for p, choices in rows for c in choices])
    train, dev = data.slice(0, 120), data.slice(120)
    losses, predicted = learn_and_predict(tmp_path, KIND, train, dev, steps=60)
    assert np.mean(losses[-5:]) < 0.5 * np.mean(losses[:5])
    right = np.mean(np.array(predicted) == np.array(labels[120:]))
    assert right > 0.8
