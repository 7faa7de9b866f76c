"""What jobs compute, against sums by hand, sampled texts, and runs that really took place."""

from __future__ import annotations

import math

import numpy as np
import pytest
from cost_records import ENCODER, PER_PAIR, PER_TOKEN, write_record
from pyarrow.parquet import read_metadata
from test_plan import COMMIT, LARGE
from training_runs import outcome, prepare, run_once

from xstilts.config.parse import parse_experiment
from xstilts.execution.cost.flops import forward_flops, training_flops
from xstilts.execution.cost.shape import shape_of_config, shape_of_folder
from xstilts.execution.parquet import read_meta
from xstilts.execution.plan.lengths import ENGLISH, MULTILINGUAL, PartSize, item_size, text_size
from xstilts.execution.plan.sizes import Sizes
from xstilts.execution.plan.work import Works
from xstilts.features.kinds.span import window_starts
from xstilts.graph.cells import Grid
from xstilts.graph.mixture import MixedSource, number_of_steps, probabilities

SHAPE = shape_of_config(ENCODER)


class Given(Sizes):
    """Sizes that a test gives, by source and part."""

    def __init__(self, grid, sizes):
        super().__init__(grid)
        self._sizes = sizes

    def of(self, encoder, source, part):
        return self._sizes.get((source, part))


def grid(**changes):
    return Grid(
        parse_experiment(
            {
                "experiment": "try",
                "data_source": "hub",
                "encoders": {"e": {"hub": "someone/encoder", "revision": COMMIT}},
                "recipes": ["none", "mnli", "multi", "mnli@en-de"],
                "targets": ["xnli", "tatoeba"],
                "baselines": [],
                **changes,
            }
        )
    )


def works(sizes, shape=SHAPE, **changes):
    found = grid(**changes)
    return Works(found, {"e": shape}, Given(found, sizes))


def forward(size):
    return PER_TOKEN * size.tokens + PER_PAIR * size.squares


TRAIN, DEV = PartSize(100, 100, 3000, 100_000), PartSize(60, 60, 1200, 30_000)
AT = {"encoder": "e", "recipe": "none", "train_set": "xnli", "seed": "1"}


def test_target_training_by_hand():
    found = works(
        {("xnli", "train"): TRAIN, ("xnli", "dev"): DEV},
        training={"default": {"batch_size": 8, "epochs": 3, "evaluate_every": 10, "dev_items": 30}},
    ).of("train_target", AT)
    # 13 batches an epoch, 39 steps; scored after 10, 20, 30 and the last, half of the items.
    assert found.flops == pytest.approx(3 * 3 * forward(TRAIN) + 4 * forward(DEV) / 2)
    assert found.updates == 39 * SHAPE.parameters
    # Forward and twice that back, over two layers, and a forward pass for each scoring.
    assert found.passes == 2 * (39 * 3 + 4)


def test_scoring_once_an_epoch_and_batches_that_do_not_fit():
    settings = {
        "batch_size": 50, "epochs": 2, "evaluate_every": None, "dev_items": None,
        "micro_batch_tokens": 500,
    }  # fmt: skip
    found = works(
        {("xnli", "train"): TRAIN, ("xnli", "dev"): DEV}, training={"default": settings}
    ).of("train_target", AT)
    assert found.flops == pytest.approx(2 * 3 * forward(TRAIN) + 2 * forward(DEV))
    # 1,500 tokens a batch are three passes; 1,200 of the development set are three.
    assert found.passes == 2 * (4 * 3 * 3 + 2 * 3)


def test_mixtures_take_the_steps_that_training_takes():
    tasks = ("anli", "mnli", "qqp", "squad_v2", "squad_v1", "hellaswag", "cosmosqa", "csqa")
    sizes = {(task, "train"): PartSize(n, n, 30 * n, 1000 * n) for n, task in enumerate(tasks, 40)}
    sizes |= {(task, "dev"): DEV for task in tasks}
    changes = {
        "mixing": {"cap": 45, "temperature": 2},
        "training": {"default": {"batch_size": 4, "epochs": 2, "evaluate_every": 1000}},
    }
    reckoned = works(sizes, **changes)
    mixing = grid(**changes).experiment.mixing_for("multi")
    mixed = [MixedSource(task, task, 40 + i, 40 + i) for i, task in enumerate(tasks)]
    steps = number_of_steps(mixed, mixing, 4, 2)
    shares = probabilities(mixed, mixing)
    found = reckoned.of("train_intermediate", {"encoder": "e", "recipe": "multi", "seed": "1"})
    assert found.updates == steps * SHAPE.parameters
    expected = sum(
        3 * steps * share / math.ceil(each.features / 4) * forward(sizes[each.key, "train"])
        for each, share in zip(mixed, shares, strict=True)
    )
    assert found.flops == pytest.approx(expected + len(tasks) * forward(DEV))


def test_two_languages_of_a_task_train_as_long_as_one():
    sizes = {("mnli", "train"): TRAIN, ("mnli@de", "train"): TRAIN, ("mnli", "dev"): DEV}
    found = works(sizes, intermediate_training={"default": {"batch_size": 8}})
    one, two = (
        found.of("train_intermediate", {"encoder": "e", "recipe": name, "seed": "1"})
        for name in ("mnli", "mnli@en-de")
    )
    assert one.flops == pytest.approx(two.flops)
    assert one.updates == two.updates
    assert found.of("train_intermediate", {"encoder": "e", "recipe": "gone", "seed": "1"}) is None


def test_pretraining_predicts_a_share_of_its_tokens(tmp_path):
    """With the head over the vocabulary, in training and when it is scored."""
    sizes = {
        "hidden_size": 8, "num_hidden_layers": 2, "num_attention_heads": 2,
        "intermediate_size": 16, "max_length": 512,
    }  # fmt: skip
    pretraining = {
        "architecture": sizes,
        "tokenizer": {"vocab_size": 100},
        "mask_ratio": 0.2,
        "training": {"epochs": 2, "batch_size": 10, "dev_items": None},
    }
    found = works(
        {("text", "train"): TRAIN, ("text", "dev"): DEV},
        data_source="invitro",
        recipes=["none"],
        encoders={"e": {"pretrain": pretraining}},
    ).of("pretrain", {"encoder": "e"})
    head = 2 * (8 * 100 + 64)
    # Neither the first token of an input nor its last is predicted, and at least one of the others.
    trained = 3 * (forward(TRAIN) + head * 0.2 * (3000 - 2 * 100))
    scored = forward(DEV) + head * 0.2 * (1200 - 2 * 60)
    assert found.flops == pytest.approx(2 * trained + 2 * scored)
    assert PartSize(10, 10, 40, 160).predicted(0.2) == 10


def test_prediction_and_search_by_hand():
    sizes = {("xnli", "eval"): TRAIN, ("tatoeba", "eval"): DEV}
    found = works(sizes, targets={"xnli": {}, "tatoeba": {"languages": ["de", "fr"]}})
    at = {"encoder": "e", "recipe": "none", "seed": "1"}
    assert found.of("predict", {**at, "target": "xnli"}).flops == forward(TRAIN)
    assert found.of("embed", {**at, "target": "tatoeba"}).flops == forward(DEV)
    # 1,000 sentences with 1,000 others, both ways, in two languages.
    search = found.of("retrieve", {**at, "target": "tatoeba"})
    assert search.flops == 2 * 2 * 1000**2 * 2 * SHAPE.hidden


def test_what_is_not_known_has_no_work():
    assert works({}).of("train_target", AT) is None
    assert (
        works({("xnli", "train"): TRAIN, ("xnli", "dev"): DEV}, None).of("train_target", AT) is None
    )


@pytest.mark.parametrize("max_length", [64, 384])
def test_windows_are_those_of_sampled_passages(max_length):
    """Passages of SQuAD's lengths, cut as featurisation cuts them."""
    mean, variation = 891 / ENGLISH.english, 0.46
    spread = math.sqrt(math.log1p(variation**2))
    sample = np.random.default_rng(1).lognormal(math.log(mean) - spread**2 / 2, spread, 5_000)
    question, specials = 61 / ENGLISH.english, 4
    capacity = int(max_length - question - specials)
    lengths = []
    for tokens in sample.round().astype(int):
        starts = window_starts(int(tokens), capacity, 32)
        lengths += [min(capacity, tokens - start) + question + specials for start in starts]
    found = item_size("squad_v1", 1.0, ENGLISH, max_length, 32)
    assert found.features == pytest.approx(len(lengths) / len(sample), rel=0.03)
    assert found.tokens / found.features == pytest.approx(np.mean(lengths), rel=0.03)
    assert found.squares / found.features == pytest.approx(np.mean(np.square(lengths)), rel=0.05)


def test_a_prefix_makes_each_sentence_longer():
    def sizes(**retrieval):
        encoder = {"hub": "someone/encoder", "revision": COMMIT, "retrieval": retrieval}
        return Sizes(grid(encoders={"e": encoder}))._item("e", "tatoeba", "eval")

    prefix = "query: " * 10
    plain, longer = sizes(), sizes(prefix=prefix)
    assert longer.tokens - plain.tokens == pytest.approx(len(prefix) / MULTILINGUAL.english)
    assert sizes(prefix=prefix, max_length=8).tokens == 8


def test_no_input_is_longer_than_is_allowed():
    for task in ("xnli", "udpos", "xquad", "hellaswag", "tatoeba"):
        short, long = (item_size(task, 0.1, MULTILINGUAL, length, 16) for length in (32, 512))
        choices = 4 if task == "hellaswag" else 1
        assert short.tokens <= 32 * choices * short.features
        assert short.squares <= 32**2 * choices * short.features
        assert short.tokens / short.features < long.tokens / long.features
        assert short.features >= long.features
    # Where scripts are not in the vocabulary, letters are tokens.
    foreign = item_size("xnli", 0.0, ENGLISH, 512).tokens
    assert foreign > 1.5 * item_size("xnli", 0.0, MULTILINGUAL, 512).tokens
    # A document of 100 tokens is four features of at most 30 with two special ones each.
    assert text_size(100, 32).features == 4
    assert text_size(100, 32).tokens == 100 + 4 * 2


def test_features_that_are_there_are_counted(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    found = grid()
    at = {"encoder": "e", "task": "xnli", "part": "train"}
    reckoned = Sizes(found).of(*at.values())
    assert reckoned.items == 392_702
    path = tmp_path / found.paths.features.format(**at)
    path.parent.mkdir(parents=True)
    write_record("tokenise", at, 1.0, experiment="try", amounts={"features": 2, "tokens": 20})
    # The job noted them, but its output is gone.
    assert Sizes(found).of(*at.values()) == reckoned
    path.touch()
    counted = Sizes(found).of(*at.values())
    assert (counted.items, counted.features, counted.tokens) == (2, 2, 20)
    assert counted.squares == pytest.approx(2 * 10**2, rel=0.6)
    # The output is there, and what the job noted is gone.
    write_record("tokenise", at, 1.0, experiment="try")
    assert Sizes(found).of(*at.values()) == reckoned


@pytest.mark.parametrize("name", ["xnli", "xnli+udpos"])
def test_a_real_run_takes_the_steps_and_tokens_that_were_planned(tmp_path, monkeypatch, name):
    """Of a single task every token of every epoch; of a mixture about its share of them."""
    prepare(tmp_path, ("xnli", "udpos"))
    run_once(tmp_path, tmp_path / "run", name, epochs=2, patience=100)
    curve = outcome(tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    keys = name.split("+")
    found = grid(
        encoders={"e": {"folder": "encoder"}},
        recipes={"none": {}, "mixed": {"sources": ["xnli", "udpos"]}},
        training={"default": {"epochs": 2, "batch_size": 8, "evaluate_every": None}},
    )
    for key in keys:
        for part in ("train", "dev"):
            path = tmp_path / found.paths.features.format(encoder="e", task=key, part=part)
            path.parent.mkdir(parents=True, exist_ok=True)
            features = tmp_path / f"{key}-{part}-features.parquet"
            amounts = {"features": read_metadata(features).num_rows}
            amounts["tokens"] = read_meta(features)["tokens"]
            at = {"encoder": "e", "task": key, "part": part}
            write_record("tokenise", at, 1.0, experiment="try", amounts=amounts)
            features.rename(path)
    sizes = Sizes(found)
    shape = shape_of_folder(tmp_path / "encoder")
    rule = (
        ("train_target", AT)
        if name == "xnli"
        else ("train_intermediate", {**AT, "recipe": "mixed"})
    )
    planned = Works(found, {"e": shape}, sizes).of(*rule)
    assert planned.updates == curve["steps"] * shape.parameters
    dev = [sizes.of("e", key, "dev") for key in keys]
    scored = 2 * sum(forward_flops(shape, size.tokens, size.squares) for size in dev)
    trained = training_flops(shape, curve["tokens"], curve["token_pairs"])
    assert planned.flops - scored == pytest.approx(trained, rel=0.02 if name == "xnli" else 0.15)


def test_the_training_of_the_study_by_hand():
    """MNLI for two epochs in batches of 4 with XLM-R Large: 196,352 steps."""
    found = Works(grid(), {"e": LARGE}, Sizes(grid())).of(
        "train_intermediate", {"encoder": "e", "recipe": "mnli", "seed": "1"}
    )
    assert found.updates == 3 * math.ceil(392_702 / 4) * LARGE.parameters
    tokens = 3 * 392_702 * (164 / 4.3 + 4)
    assert found.flops == pytest.approx(6 * LARGE.matrices * tokens, rel=0.05)
