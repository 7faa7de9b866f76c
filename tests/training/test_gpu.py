"""On a GPU: each kind trains, goes on after SIGTERM, meets the end of memory, and heads are exact.

    pytest tests/training/test_gpu.py

Where PyTorch sees no GPU nothing of this is tested. `XSTILTS_TEST_DEVICE=cpu` runs the same on the
CPU, where the end of memory is played.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# cuBLAS is deterministic with a workspace of fixed size alone, read when it is first used.
os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")

import numpy as np
import pytest
import torch
from training_runs import (
    history,
    killed_again_and_again,
    outcome,
    parts,
    prepare,
    prepare_text,
    run_once,
    same,
    weights,
)

from xstilts.features.batches import Features
from xstilts.features.kinds import kind_of
from xstilts.features.tokenizer import load_tokenizer
from xstilts.training.model import TaskModel, build_model, outputs_and_loss, to_device
from xstilts.training.precision import mixed_precision, precision

DEVICE = torch.device(os.environ.get("XSTILTS_TEST_DEVICE", "cuda"))
if DEVICE.type == "cuda" and not torch.cuda.is_available():
    pytest.skip(
        "NOT TESTED ON A GPU: PyTorch sees none, so training, resuming, the end of memory and"
        " the precision of heads were tried on the CPU only",
        allow_module_level=True,
    )

# One task of each kind.
KEYS = ("udpos", "xnli", "squad_v1", "cosmosqa", "text")
# On a GPU so large that what a batch takes stands out from what CUDA's libraries take.
SIZE = {"hidden": 256, "layers": 8} if DEVICE.type == "cuda" else {"hidden": 32, "layers": 2}
ITEMS, BATCH, RATE = (1024, 32, 3e-4) if DEVICE.type == "cuda" else (48, 8, 3e-3)
# Padded tokens: all of the data at once, and a batch of a few items.
MANY, FEW = 2**20, 256
SETTINGS: dict[str, Any] = {"device": DEVICE.type, "patience": 100, "batch_size": BATCH}


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> dict[str, Path]:
    """The folder of each task's data, features and encoder."""
    folder, text = tmp_path_factory.mktemp("tasks"), tmp_path_factory.mktemp("text")
    prepare(folder, KEYS[:-1], train=ITEMS, **SIZE)
    prepare_text(text, 2 * ITEMS, **SIZE)
    return {key: text if key == "text" else folder for key in KEYS}


@pytest.mark.parametrize("key", KEYS)
def test_every_kind_trains(data, tmp_path, key):
    run_once(data[key], tmp_path, key, **SETTINGS, epochs=8, learning_rate=RATE)
    losses = [entry["loss"] for entry in history(tmp_path)]
    assert sum(losses[-10:]) < 0.85 * sum(losses[:10])
    assert outcome(tmp_path)["device"] == DEVICE.type


@pytest.mark.parametrize("key", KEYS)
def test_after_sigterm_it_goes_on_to_the_same_weights(data, tmp_path, key):
    settings = {**SETTINGS, "epochs": 2, "evaluate_every": 5, "save_every_seconds": 0}
    killed_again_and_again(data[key], tmp_path, key, settings, signal.SIGTERM, times=1)


@contextmanager
def memory_between(small: int, large: int, monkeypatch) -> Iterator[None]:
    """Less memory than `large` micro-batches take, enough for `small` ones; both in bytes."""
    if DEVICE.type == "cuda":
        total = torch.cuda.get_device_properties(DEVICE).total_memory
        torch.cuda.empty_cache()
        torch.cuda.set_per_process_memory_fraction((small + (large - small) / 3) / total)
        try:
            yield
        finally:
            torch.cuda.set_per_process_memory_fraction(1.0)
        return

    def full(model, kind, features, rows, **options):
        if len(rows) * max(features.lengths[rows]) > FEW:
            raise torch.OutOfMemoryError("CPU out of memory")
        return outputs_and_loss(model, kind, features, rows, **options)

    with monkeypatch.context() as patch:
        patch.setattr("xstilts.training.loop.outputs_and_loss", full)
        yield


def peak_of(data: Path, output: Path, key: str, settings: dict[str, Any]) -> int:
    """Bytes that PyTorch held at most during a run; 0 on the CPU."""
    if DEVICE.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    run_once(data, output, key, **settings)
    return torch.cuda.max_memory_reserved() if DEVICE.type == "cuda" else 0


@pytest.mark.parametrize("key", KEYS)
def test_at_the_end_of_memory_micro_batches_are_halved(data, tmp_path, monkeypatch, key):
    settings = {**SETTINGS, "epochs": 1, "batch_size": 2 * ITEMS, "dev_items": 4}
    sizes = {"small": FEW, "large": MANY}
    small, large = (
        peak_of(data[key], tmp_path / name, key, {**settings, "micro_batch_tokens": tokens})
        for name, tokens in sizes.items()
    )
    if DEVICE.type == "cuda":
        assert large > small + 150e6, "so little that the limit would say nothing"
    with memory_between(small, large, monkeypatch):
        run_once(data[key], tmp_path / "short", key, **settings, micro_batch_tokens=MANY)
    found = outcome(tmp_path / "short")["micro_batch_tokens"]
    assert FEW <= found < MANY
    # As if that many had been configured from the start.
    run_once(data[key], tmp_path / "known", key, **settings, micro_batch_tokens=found)
    assert same(weights(tmp_path / "short"), weights(tmp_path / "known"))


@pytest.mark.parametrize("key", KEYS)
def test_heads_give_what_they_give_on_the_cpu_in_float32(data, key):
    (source,) = parts(data[key], [key], "dev")
    kind, features = kind_of(source.task), Features.read(source.features)
    tokenizer = load_tokenizer(data[key] / "encoder")
    rows = np.arange(min(16, len(features)))
    features, rows = kind.draw(features, rows, tokenizer, mask_ratio=0.15, seed=1)
    model: TaskModel = build_model(data[key] / "encoder", [kind], 0.0, {key: 1}).eval().to(DEVICE)
    seen = []
    model.encoder.register_forward_hook(lambda *call: seen.append(call[-1].last_hidden_state))
    inputs = kind.inputs(features, rows, tokenizer.pad_token_id)
    positions = kind.positions(features, rows, inputs["input_ids"].shape[1])
    with torch.inference_mode():
        with mixed_precision(DEVICE, precision(DEVICE)):
            on_device = None if positions is None else positions.to(DEVICE)
            found = model(to_device(inputs, DEVICE), key, on_device)
        states = seen[0].float().cpu()
        states = states if positions is None else states.flatten(0, 1)[positions]
        expected = model.cpu().apply_head(states, inputs["attention_mask"], key)
    # One row an item: of multiple choice the model sees each choice alone.
    found, expected = (kind.arrange(each.cpu(), features, rows) for each in (found, expected))
    if key == "text":
        # It chooses nothing, and computes in the precision of the encoder.
        close = 1e-5 if precision(DEVICE) == torch.float32 else 0.05
        assert (found.float() - expected).abs().max() < close * expected.abs().max()
        return
    assert found.dtype == torch.float32
    assert torch.allclose(found, expected, rtol=0, atol=1e-5)
    # What is chosen: a label, one a token, or the ends of a span.
    axis = 1 if key == "squad_v1" else -1
    assert torch.equal(found.argmax(axis), expected.argmax(axis))
