"""What real jobs count of themselves, against the operations that PyTorch counts in them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from tiny_encoders import TEXTS, write_tiny_bert
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode
from training_runs import outcome, prepare, training_run

from xstilts.config.encoders import RetrievalSettings
from xstilts.config.parse import parse_experiment
from xstilts.config.tasks import TASKS, TEXT
from xstilts.data.build import build_part
from xstilts.data.schemas import DATA
from xstilts.errors import InterruptedBySignal
from xstilts.execution.cost.flops import tallied_flops, training_flops
from xstilts.execution.cost.meter import Meter
from xstilts.execution.cost.records import job_cost, read_attempts
from xstilts.execution.cost.shape import shape_of_folder
from xstilts.execution.cost.tally import Tally
from xstilts.execution.parquet import read_table, write_table
from xstilts.execution.plan.lengths import PartSize
from xstilts.execution.plan.sizes import Sizes
from xstilts.execution.plan.work import Works
from xstilts.features.batches import Features
from xstilts.features.build import tokenise
from xstilts.features.kinds.text import text_features
from xstilts.features.perturbed import Perturbed
from xstilts.features.tokenizer import load_tokenizer
from xstilts.graph.cells import Grid
from xstilts.graph.locate import Unit
from xstilts.prediction.embed import embed
from xstilts.prediction.predict import predict
from xstilts.training.run import train

# Batches of one input each have no padding, which PyTorch would count.
ALONE = {"micro_batch_tokens": 1, "epochs": 1, "patience": 100}


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    """Tasks, and plain text in the same encoder's vocabulary, a fifth of it for development."""
    folder = tmp_path_factory.mktemp("data")
    prepare(folder, ("xnli", "udpos"))
    lines = [f"{TEXTS[i % 5]} {TEXTS[i % 3]}" for i in range(60)]
    (folder / "en.txt").write_text("\n".join(lines), encoding="utf-8")
    unit = Unit("train", "en", (str(folder / "en.txt"),), "text_lines")
    for part in ("train", "dev"):
        table, meta = build_part(
            TASKS[TEXT], part, [unit], source="folder", limits={}, dev_share=0.2
        )
        write_table(folder / f"{TEXT}-{part}.parquet", table, meta)
        table, meta = tokenise(TASKS[TEXT], table, folder / "encoder", {"max_length": 32})
        write_table(folder / f"{TEXT}-{part}-features.parquet", table, meta)
    return folder


def counted(compute) -> float:
    """Operations of products of matrices; attention as such products."""
    with sdpa_kernel(SDPBackend.MATH), FlopCounterMode(display=False) as counter:
        compute()
    return counter.get_total_flops()


def run(data: Path, output: Path, tally: Tally, name: str, **settings) -> dict:
    job = training_run(data, name, **settings)
    train(job, output / "model", output / "curve.parquet", output / "resume", tally)
    return outcome(output)


@pytest.mark.parametrize("name", ["xnli", "xnli+text", "text"])
def test_training_counts_what_torch_counts(data, tmp_path, monkeypatch, name):
    """Development sets and the vocabulary layer included."""
    monkeypatch.setattr("xstilts.training.loop.number_of_steps", lambda *_: 4)
    tally = Tally()
    found = counted(lambda: run(data, tmp_path, tally, name, **ALONE))
    shape = shape_of_folder(data / "encoder")
    assert tallied_flops(shape, tally.sums) == pytest.approx(found, rel=0.02)
    assert (tally.sums["predicted"] > 0) == ("text" in name)
    # Neither is small here: what is left out would be seen.
    curve = outcome(tmp_path)
    assert tally.sums["steps"] == curve["steps"]
    assert training_flops(shape, curve["tokens"], curve["token_pairs"]) < 0.95 * found


def test_prediction_counts_perturbed_inputs_too(data, tmp_path):
    run(data, tmp_path, Tally(), "xnli", epochs=1)
    items = read_table(data / "xnli-dev.parquet", DATA[TASKS["xnli"].kind])
    features = Features.read(data / "xnli-dev-features.parquet")
    noisy = Perturbed(items, ["typos@0.2"] * items.num_rows, features)
    shape = shape_of_folder(data / "encoder")
    amounts = []
    for perturbed in (None, noisy):
        tally = Tally()

        def compute(perturbed=perturbed, tally=tally):
            predict(
                TASKS["xnli"], tmp_path / "model", items, features, perturbed=perturbed,
                batch_tokens=1, max_answer_length=30, device_name="cpu", tally=tally,
            )  # fmt: skip

        found = counted(compute)
        assert tallied_flops(shape, tally.sums) == pytest.approx(found, rel=0.02)
        amounts.append(tally.sums)
    assert amounts[1] == {name: 2 * amount for name, amount in amounts[0].items()}
    lengths = features.lengths.astype(np.int64)
    assert amounts[0]["tokens"] == lengths.sum()
    assert amounts[0]["token_pairs"] == (lengths**2).sum()
    assert amounts[0]["inputs"] == amounts[0]["passes"] == len(features)


def test_embedding_counts_all_its_parts(tmp_path):
    folder = write_tiny_bert(tmp_path / "encoder", TEXTS)
    row = {"language": "de", "split": "test", "side": "foreign"}
    corpus = pa.Table.from_pylist(
        [{**row, "id": str(i), "text": text} for i, text in enumerate(TEXTS)],
        schema=DATA["retrieval"],
    )
    features = Features(text_features(corpus, load_tokenizer(folder), 64))
    tally = Tally()
    settings = RetrievalSettings(batch_tokens=1)
    output = tmp_path / "vectors.npy"
    found = counted(lambda: embed(folder, [features] * 3, settings, "cpu", output, tally))
    assert tallied_flops(shape_of_folder(folder), tally.sums) == pytest.approx(found, rel=0.02)
    assert tally.sums["tokens"] == 3 * features.lengths.sum()


def test_a_run_that_was_stopped_leaves_in_its_record_what_it_did(data, tmp_path, monkeypatch):
    """Steps that are repeated are computed twice, and take their time twice."""
    whole = Tally()
    run(data, tmp_path / "whole", whole, "xnli", epochs=1)
    record = tmp_path / "results/x/benchmarks/train_target/job.jsonl"
    job = {"rule": "train_target", "wildcards": {}}
    first = Meter(record, job)

    class Stopped(Tally):
        def step(self) -> None:
            super().step()
            if self.sums["steps"] == 5:
                raise InterruptedBySignal("killed")

    with pytest.raises(InterruptedBySignal):
        run(data, tmp_path / "again", Stopped(first.note), "xnli", epochs=1)
    first.stop(finished=False)
    second = Meter(record, job)
    run(data, tmp_path / "again", Tally(second.note), "xnli", epochs=1)
    second.stop(finished=True)
    amounts = job_cost(read_attempts(record)).amounts
    assert amounts["steps"] == whole.sums["steps"] + 5
    assert amounts["tokens"] > whole.sums["tokens"]


def test_out_of_memory_does_not_count_what_was_not_computed(data, tmp_path, monkeypatch):
    import xstilts.training.loop as module

    plain, tally = Tally(), Tally()
    settings = {"epochs": 1, "micro_batch_tokens": 200}
    run(data, tmp_path / "plain", plain, "xnli", **settings)
    original, failures = module.outputs_and_loss, [True]

    def little_memory(*args, **options):
        if failures:
            failures.pop()
            raise RuntimeError("DefaultCPUAllocator: not enough memory")
        return original(*args, **options)

    monkeypatch.setattr(module, "outputs_and_loss", little_memory)
    run(data, tmp_path / "little", tally, "xnli", **settings)
    for name in ("inputs", "tokens", "token_pairs", "steps"):
        assert tally.sums[name] == plain.sums[name]
    assert tally.sums["passes"] > plain.sums["passes"]


class Measured(Sizes):
    """Sizes of features that are there, counted exactly."""

    def __init__(self, grid, folder):
        super().__init__(grid)
        self._folder = folder

    def of(self, encoder, source, part):
        features = Features.read(self._folder / f"{source}-{part}-features.parquet")
        lengths = features.lengths.astype(float)
        items = len(np.unique(features.items))
        return PartSize(items, len(features), lengths.sum(), (lengths**2).sum())


@pytest.mark.parametrize(
    ("name", "tolerance"), [("xnli", 1e-6), ("xnli+text", 0.1), ("xnli+udpos", 0.1)]
)
def test_the_plan_has_the_operations_that_a_run_counts(data, tmp_path, name, tolerance):
    """Of a mixture, whose steps are drawn, about its share of each source."""
    keys = name.split("+")
    settings = {"epochs": 3, "batch_size": 8, "evaluate_every": 10, "dev_items": None}
    tally = Tally()
    run(data, tmp_path, tally, name, patience=100, mixing={"cap": None}, **settings)
    tasks = [key for key in keys if key != TEXT]
    recipe = {"sources": tasks, "mlm": True} if TEXT in keys else {"sources": tasks}
    mixed = "mixed+mlm" if TEXT in keys else "mixed"
    grid = Grid(
        parse_experiment(
            {
                "experiment": "try",
                "data_source": "invitro",
                "encoders": {"e": {"folder": str(data / "encoder")}},
                "recipes": {"none": {}, **({mixed: recipe} if len(keys) > 1 else {})},
                "targets": ["xnli"],
                "baselines": [],
                "mixing": {"cap": None},
                "training": {"default": settings},
                "intermediate_training": {"default": settings},
            }
        )
    )
    shape = shape_of_folder(data / "encoder")
    works = Works(grid, {"e": shape}, Measured(grid, data))
    at = {"encoder": "e", "seed": "1"}
    planned = (
        works.of("train_target", {**at, "recipe": "none", "train_set": "xnli"})
        if len(keys) == 1
        else works.of("train_intermediate", {**at, "recipe": mixed})
    )
    assert planned.updates == tally.sums["steps"] * shape.parameters
    assert planned.flops == pytest.approx(tallied_flops(shape, tally.sums), rel=tolerance)
