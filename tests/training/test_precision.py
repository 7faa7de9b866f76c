"""Where bfloat16 gives no numbers, float32 does what a run in float32 does.

No GPU is needed: a CPU computes in bfloat16 too, only slowly.
"""

from __future__ import annotations

import json
import logging
import shutil
import signal
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
import torch
from prediction_files import runs
from safetensors.torch import load_file, save_file
from tiny_encoders import TEXTS, write_tiny_bert
from training_runs import (
    breaking,
    history,
    in_bfloat16_after,
    killed_again_and_again,
    outcome,
    prepare,
    prepare_text,
    run_once,
    same,
    training_run,
    weights,
)

from xstilts.config.encoders import RetrievalSettings
from xstilts.config.tasks import TASKS
from xstilts.data.schemas import CURVES, DATA
from xstilts.errors import InterruptedBySignal, XstiltsError
from xstilts.execution.parquet import read_table, write_table
from xstilts.execution.plan.accelerators import device_of
from xstilts.execution.signals import Stop
from xstilts.features.batches import Features
from xstilts.prediction.embed import embed
from xstilts.prediction.predict import predict
from xstilts.report.notes import precision_notes
from xstilts.training.encoder import load_encoder
from xstilts.training.precision import NotFiniteError, precision
from xstilts.training.runs_table import collect_runs

BF16 = {"precision": "bf16", "epochs": 1, "evaluate_every": 3}
F32 = {**BF16, "precision": "float32"}
# The largest number of float32, which is infinite in bfloat16.
LARGEST = float(np.finfo(np.float32).max)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    prepare(folder, ("xnli",))
    return folder


@pytest.mark.parametrize(
    ("capability", "expected"),
    [
        ((7, 0), torch.float32),  # V100
        ((7, 5), torch.float32),  # T4
        ((8, 0), torch.bfloat16),  # A100
        ((12, 0), torch.bfloat16),
    ],
)
def test_bfloat16_is_not_emulated(monkeypatch, capability, expected):
    major, minor = capability
    found = SimpleNamespace(major=major, minor=minor)
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.current_device", lambda: 0)
    monkeypatch.setattr("torch.cuda.get_device_properties", lambda *_: found)
    assert precision(torch.device("cuda")) == expected
    assert precision(torch.device("cuda"), "float32") == torch.float32


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("fpu avx2 avx512f", torch.float32),
        ("fpu avx512f avx512_bf16", torch.bfloat16),
        ("fpu amx_bf16 amx_tile", torch.bfloat16),
        # Instructions for the conversion alone.
        ("fpu avx2 avx_ne_convert", torch.float32),
    ],
)
def test_a_processor_computes_in_bfloat16_where_it_has_it(monkeypatch, tmp_path, flags, expected):
    info = tmp_path / "cpuinfo"
    info.write_text(f"processor\t: 0\nmodel name\t: A CPU\nflags\t\t: {flags}\n\nprocessor\t: 1\n")
    monkeypatch.setattr("xstilts.execution.devices.cpu_has_bfloat16.__defaults__", (info,))
    assert precision(torch.device("cpu")) == expected
    assert precision(torch.device("cpu"), "float32") == torch.float32
    assert precision(torch.device("cpu"), "bf16") == torch.bfloat16
    planned = {name: device_of("cpu", precision=name).name for name in ("auto", "float32")}
    fast = expected == torch.bfloat16
    assert planned == {"auto": "cpu-bf16" if fast else "cpu", "float32": "cpu"}
    info.unlink()
    assert precision(torch.device("cpu")) == torch.float32


def test_a_run_in_bfloat16_is_one(data, tmp_path):
    passes = []
    with breaking(lambda _, is_bfloat16: passes.append(is_bfloat16)):
        run_once(data, tmp_path / "half", "xnli", **BF16)
    assert passes
    assert all(passes)
    found = outcome(tmp_path / "half")
    assert (found["precision"], found["float32_retry"]) == ("bfloat16", "")
    assert found["bfloat16_attempt"] is None
    run_once(data, tmp_path / "full", "xnli", **F32)
    assert outcome(tmp_path / "full")["precision"] == "float32"
    assert not same(weights(tmp_path / "half"), weights(tmp_path / "full"))


def test_a_loss_that_is_no_number_in_bfloat16_leads_to_the_run_in_float32(data, tmp_path, caplog):
    run_once(data, tmp_path / "float32", "xnli", **F32)
    with caplog.at_level(logging.WARNING):
        run_once(data, tmp_path / "retried", "xnli", **BF16, break_after=2)
    assert same(weights(tmp_path / "float32"), weights(tmp_path / "retried"))
    assert history(tmp_path / "float32") == history(tmp_path / "retried")
    message = "tiny/none/target/xnli: the loss is nan at step 3 in bfloat16"
    found = outcome(tmp_path / "retried")
    provenance = json.loads((tmp_path / "retried/model/provenance.json").read_text())
    for each in (found, provenance):
        assert each["precision"] == "float32"
        assert each["float32_retry"].startswith(message)
        assert each["restarted"] is False
    assert found["first_attempt"] is None
    given_up = found["bfloat16_attempt"]
    assert given_up["seed"] == found["seed"]
    assert [entry["step"] for entry in history(tmp_path / "retried", "bfloat16_attempt")] == [1, 2]
    assert 0 < given_up["tokens"] < found["tokens"]
    assert any(line.startswith(message) and "once more in float32" in line
               for line in caplog.messages)  # fmt: skip
    assert not (tmp_path / "retried/resume").exists()


@pytest.mark.parametrize("key", ["xnli", "text"])
def test_outputs_on_development_items_count_too(data, tmp_path, key):
    if key == "text":
        data = tmp_path / "data"
        data.mkdir()
        prepare_text(data)
    run_once(data, tmp_path / "float32", key, **F32)
    with breaking(lambda encoder, is_bfloat16: is_bfloat16 and not encoder.training):
        run_once(data, tmp_path / "retried", key, **BF16)
    assert same(weights(tmp_path / "float32"), weights(tmp_path / "retried"))
    assert len(history(tmp_path / "retried", "bfloat16_attempt")) == 2


def test_a_run_that_is_broken_in_float32_too_fails(data, tmp_path):
    asked = []

    def breaks(_, is_bfloat16):
        asked.append(is_bfloat16)
        return True

    with breaking(breaks), pytest.raises(NotFiniteError) as caught:
        run_once(data, tmp_path, "xnli", **BF16)
    assert "the loss is nan at step 1 in float32 (lower the learning rate" in str(caught.value)
    assert asked == [True, False]
    assert not (tmp_path / "model").exists()
    # Another try does not begin with what is known to fail.
    with breaking(breaks), pytest.raises(NotFiniteError, match="in float32"):
        run_once(data, tmp_path, "xnli", **BF16)
    assert asked == [True, False, False]


def test_a_run_in_float32_is_not_repeated(data, tmp_path):
    asked = []
    with breaking(lambda *_: asked.append(1) or True), pytest.raises(NotFiniteError):
        run_once(data, tmp_path, "xnli", **F32)
    assert len(asked) == 1


def test_an_interrupted_second_attempt_goes_on_in_float32(data, tmp_path, monkeypatch):
    run_once(data, tmp_path / "float32", "xnli", **F32)
    passes = []
    broken = in_bfloat16_after(2)

    def breaks(encoder, is_bfloat16):
        passes.append(is_bfloat16)
        return broken(encoder, is_bfloat16)

    # Two steps in bfloat16, the third of which fails before it is asked, and two in float32.
    answers = iter([False, False, False, True])
    monkeypatch.setattr(Stop, "asked", property(lambda self: next(answers)))
    with breaking(breaks), pytest.raises(InterruptedBySignal, match="after step 2"):
        run_once(data, tmp_path / "retried", "xnli", **BF16)
    assert passes == [True, True, True, False, False]
    monkeypatch.undo()
    passes.clear()
    with breaking(breaks):
        run_once(data, tmp_path / "retried", "xnli", **BF16)
    assert passes
    assert not any(passes)
    assert same(weights(tmp_path / "float32"), weights(tmp_path / "retried"))
    assert history(tmp_path / "float32") == history(tmp_path / "retried")
    assert "at step 3 in bfloat16" in outcome(tmp_path / "retried")["float32_retry"]


@pytest.mark.parametrize(("breaks", "ends_in"), [({}, "bfloat16"), ({"break_after": 4}, "float32")])
def test_killed_at_any_moment_it_ends_as_one_that_was_left_alone(data, tmp_path, breaks, ends_in):
    settings = {**BF16, "epochs": 2, "patience": 100, "save_every_seconds": 0, **breaks}
    killed_again_and_again(data, tmp_path, "xnli", settings, signal.SIGKILL, times=2)
    assert outcome(tmp_path / "killed")["precision"] == ends_in


def test_a_collapsed_run_and_one_without_numbers_are_both_given_up(data, tmp_path):
    hopeless = {"learning_rate": 1e-12, "restart_collapsed": True, "epochs": 3}
    # The seed's own run collapses in float32, so the last one is of another seed, in float32.
    run_once(data, tmp_path / "one", "xnli", **BF16 | hopeless, break_after=2)
    found = outcome(tmp_path / "one")
    assert found["restarted"] is True
    assert found["precision"] == "float32"
    assert found["bfloat16_attempt"]["seed"] == found["first_attempt"]["seed"] == 7
    assert found["seed"] != 7
    # The first run collapses in bfloat16, and its successor breaks.
    passes = []
    with breaking(lambda _, is_bfloat16: passes.append(is_bfloat16)):
        run_once(data, tmp_path / "alone", "xnli", **BF16 | hopeless | {"restart_collapsed": False})
    breaks = len(passes) + 1
    run_once(data, tmp_path / "other", "xnli", **BF16 | hopeless, break_after=breaks)
    other = outcome(tmp_path / "other")
    assert other["first_attempt"]["seed"] == 7
    assert other["bfloat16_attempt"]["seed"] == other["seed"] == found["seed"]
    assert same(weights(tmp_path / "one"), weights(tmp_path / "other"))


def overflowing(folder: Path, output: Path) -> Path:
    """The same encoder with a unit that is infinite in bfloat16, and that nothing reads.

    Its activation is ReLU: some CPUs' GELU doubles the largest number of float32 on the way.
    """
    shutil.copytree(folder, output)
    config = json.loads((output / "config.json").read_text())
    (output / "config.json").write_text(json.dumps({**config, "hidden_act": "relu"}))
    tensors = load_file(output / "model.safetensors")
    (bias,) = (name for name in tensors if name.endswith("layer.0.intermediate.dense.bias"))
    tensors[bias][0] = LARGEST
    tensors[bias.replace("intermediate.dense.bias", "output.dense.weight")][:, 0] = 0
    save_file(tensors, output / "model.safetensors", metadata={"format": "pt"})
    return output


def test_predictions_that_overflow_are_those_of_float32(data, tmp_path, caplog):
    run_once(data, tmp_path, "xnli", **F32)
    task = TASKS["xnli"]
    items = read_table(data / "xnli-dev.parquet", DATA[task.kind])
    features = Features.read(data / "xnli-dev-features.parquet")

    def predicted(checkpoint: Path, wanted: str):
        return predict(
            task, checkpoint, items, features,
            batch_tokens=500, max_answer_length=30, device_name="cpu", wanted=wanted,
        )  # fmt: skip

    _, made = predicted(tmp_path / "model", "bf16")
    assert made == {"precision": "bfloat16"}
    broken = overflowing(tmp_path / "model", tmp_path / "overflowing")
    expected, made = predicted(broken, "float32")
    assert made == {"precision": "float32"}
    with caplog.at_level(logging.WARNING):
        table, made = predicted(broken, "bf16")
    assert table.equals(expected)
    assert made["precision"] == "float32"
    assert "are not finite numbers" in made["float32_retry"]
    assert "once more in float32 instead of bfloat16" in caplog.text
    tensors = load_file(broken / "head.safetensors")
    save_file({key: each * float("nan") for key, each in tensors.items()},
              broken / "head.safetensors")  # fmt: skip
    with pytest.raises(XstiltsError, match="are not finite numbers"):
        predicted(broken, "bf16")


def test_vectors_that_overflow_are_those_of_float32(data, tmp_path):
    encoder = write_tiny_bert(tmp_path / "encoder", TEXTS)
    broken = overflowing(encoder, tmp_path / "overflowing")
    features = Features.read(data / "xnli-dev-features.parquet")
    vectors, made = {}, {}
    for folder in (encoder, broken):
        for wanted in ("float32", "bf16"):
            output = tmp_path / f"{folder.name} {wanted}.npy"
            made[folder, wanted] = embed(
                folder, [features], RetrievalSettings(), "cpu", output, wanted=wanted
            )
            vectors[folder, wanted] = np.load(output)
    assert not np.array_equal(vectors[encoder, "bf16"], vectors[encoder, "float32"])
    assert np.array_equal(vectors[broken, "bf16"], vectors[broken, "float32"])
    assert "is not a finite number" in made[broken, "bf16"].pop("float32_retry")
    assert [each["precision"] for each in made.values()] == [
        "float32", "bfloat16", "float32", "float32"
    ]  # fmt: skip


def test_the_report_names_runs_that_were_made_in_float32(tmp_path):
    place = {"encoder": "a", "recipe": "mnli", "phase": "target", "train_set": "xnli", "seed": 2}
    costs = {"seconds": 4.5, "tokens": 900, "token_pairs": 30_000}
    plain = {
        "precision": "float32",
        "collapsed": "",
        "restarted": False,
        "steps": 3,
        "best_step": 2,
        "best_dev_score": 1.0,
    }
    attempt = {"bfloat16_attempt": {**costs, "not_finite": "nan"}, "float32_retry": "nan"}
    path = tmp_path / "curve.parquet"
    write_table(path, CURVES.empty_table(), {**plain, **costs, **attempt})
    (row,) = collect_runs([(place, path)]).to_pylist()
    assert row["float32_retry"] == "nan"
    assert (row["seconds"], row["tokens"]) == (9.0, 1800)

    table = runs(("none", "target", "xnli", 1, 50.0, ""), ("mnli", "intermediate", "", 1, 50.0, ""))
    assert list(precision_notes(table)) == ["Encoders were trained in bfloat16."]
    assert list(precision_notes(None)) == []
    said = {"target": "nan", "intermediate": ""}
    table = table.with_columns(float32_retry=table["phase"].replace(said))
    computed = {"target": "float32", "intermediate": "bfloat16"}
    table = table.with_columns(precision=table["phase"].replace(computed))
    assert list(precision_notes(table.with_columns(float32_retry=pl.lit("")))) == [
        "Training runs were computed in different precisions (1 in bfloat16 and 1 in float32),"
        " since their devices had not the same: differences between them may come of that."
    ]
    assert list(precision_notes(table)) == [
        "Encoders were trained in bfloat16.",
        "1 of 2 training runs of enc were not finite in bfloat16 and were made once more in"
        " float32: none on xnli.",
    ]


def test_the_precision_decides_what_a_run_is(data):
    auto, half, full = (
        training_run(data, "xnli", precision=name) for name in ("auto", "bf16", "float32")
    )
    assert full.fingerprint() == half.in_float32().fingerprint()
    assert auto.fingerprint() == full.fingerprint()
    assert half.fingerprint() != full.fingerprint()


def test_attention_on_a_cpu_is_in_float32(data, monkeypatch):
    """The kernel is slow in bfloat16, and what comes of it is as near to float32 as the rest."""
    seen = []
    attention = torch.nn.functional.scaled_dot_product_attention

    def watched(query, key, value, **options):
        mask = options.get("attn_mask")
        seen.append({each.dtype for each in (query, key, value)})
        assert mask is None or mask.dtype in {torch.bool, torch.float32}
        return attention(query, key, value, **options)

    monkeypatch.setattr("torch.nn.functional.scaled_dot_product_attention", watched)
    encoder = load_encoder(data / "encoder")
    ids = torch.tensor([[2, 9, 8, 3], [2, 7, 3, 0]])
    with torch.inference_mode():
        exact = encoder(ids, attention_mask=(ids > 0).long()).last_hidden_state
        with torch.autocast("cpu", torch.bfloat16):
            rounded = encoder(ids, attention_mask=(ids > 0).long()).last_hidden_state
    assert seen == [{torch.float32}] * (2 * encoder.config.num_hidden_layers)
    assert not torch.equal(exact, rounded.float())
    assert torch.allclose(exact, rounded.float(), atol=0.05)
