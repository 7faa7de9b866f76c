"""The training loop learns, is a function of its inputs, and survives being killed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch
from curve_files import steps
from safetensors.torch import load_file
from training_runs import (
    breaking,
    history,
    killed_again_and_again,
    losses,
    outcome,
    prepare,
    run_once,
    same,
    training_run,
    weights,
)
from transformers import AutoModel

from xstilts.config.settings import TrainingSettings
from xstilts.errors import InterruptedBySignal, XstiltsError
from xstilts.execution.signals import Stop
from xstilts.training.checkpoint import Progress, ResumeState
from xstilts.training.model import outputs_and_loss
from xstilts.training.optimizer import adamw, schedule
from xstilts.training.run import train


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("training")
    prepare(folder)
    return folder


@pytest.mark.parametrize(
    ("key", "chance"), [("xnli", 100 / 3), ("udpos", 100 / 17), ("squad_v1", 0)]
)
def test_every_kind_learns(data, tmp_path, key, chance):
    run_once(data, tmp_path, key, epochs=10, patience=100)
    found = [entry["loss"] for entry in history(tmp_path)]
    assert sum(found[-5:]) < 0.7 * sum(found[:5])
    assert max(entry["dev"] for entry in history(tmp_path) if "dev" in entry) > chance + 15


def test_dropout_is_on_in_every_step_and_off_in_every_evaluation(data, tmp_path):
    modes = []

    def note(encoder, _: bool) -> bool:
        parts = {part.training for part in encoder.modules()}
        modes.append((torch.is_grad_enabled(), *parts))
        return False

    with breaking(note):
        run_once(data, tmp_path, "xnli", epochs=3, patience=100)
    # All parts agree: an encoder comes from its file with dropout off.
    assert set(modes) == {(True, True), (False, False)}


def test_the_checkpoint_is_an_ordinary_folder_with_the_best_weights(data, tmp_path):
    run_once(data, tmp_path, "udpos")
    AutoModel.from_pretrained(tmp_path / "model")
    found = outcome(tmp_path)
    scores = {entry["step"]: entry["dev"] for entry in history(tmp_path) if "dev" in entry}
    assert found["best_dev_score"] == max(scores.values()) == scores[found["best_step"]]
    assert not (tmp_path / "resume").exists()
    provenance = json.loads((tmp_path / "model/provenance.json").read_text())
    assert provenance["seed"] == 7
    assert provenance["data"]["udpos"]["task"] == "udpos"
    assert "torch" in provenance["versions"]


def test_same_seed_same_weights_other_seed_others(data, tmp_path):
    run_once(data, tmp_path / "a", "xnli", epochs=1)
    run_once(data, tmp_path / "b", "xnli", epochs=1)
    assert same(weights(tmp_path / "a"), weights(tmp_path / "b"))
    job = training_run(data, "xnli", epochs=1)
    other = type(job)(**{**vars(job), "seed": 8})
    train(other, tmp_path / "c/model", tmp_path / "c/curve.parquet", tmp_path / "c/resume")
    assert not same(weights(tmp_path / "a"), weights(tmp_path / "c"))


def test_accumulation_over_micro_batches_gives_the_same_training(data, tmp_path):
    # Without dropout the micro-batches see the same numbers, up to rounding.
    settings = {"epochs": 1, "head_dropout": 0.0}
    config = json.loads((data / "encoder/config.json").read_text())
    still = {**config, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (data / "encoder/config.json").write_text(json.dumps(still))
    try:
        run_once(data, tmp_path / "whole", "udpos", **settings)
        run_once(data, tmp_path / "split", "udpos", **settings, micro_batch_tokens=64)
    finally:
        (data / "encoder/config.json").write_text(json.dumps(config))
    first, second = (
        [entry["loss"] for entry in history(tmp_path / name)] for name in ("whole", "split")
    )
    assert first == pytest.approx(second, rel=1e-3)


def test_training_stops_early_when_nothing_improves(data, tmp_path):
    run_once(data, tmp_path, "xnli", epochs=50, learning_rate=1e-12, evaluate_every=2, patience=3)
    assert history(tmp_path)[-1]["step"] == 2 + 3 * 2


def test_a_loss_that_is_no_number_stops_with_advice(data, tmp_path):
    with pytest.raises(XstiltsError, match="lower the learning rate"):
        run_once(data, tmp_path, "xnli", learning_rate=1e30, epochs=20, max_grad_norm=1e30)


@pytest.mark.parametrize("signal_number", [signal.SIGKILL, signal.SIGTERM])
def test_killed_again_and_again_it_ends_with_the_same_weights(data, tmp_path, signal_number):
    settings = {"epochs": 4, "evaluate_every": 7, "patience": 100, "save_every_seconds": 0}
    killed_again_and_again(data, tmp_path, "udpos", settings, signal_number)


def a_state(folder: Path, step: int = 5, best_step: int = -1):
    model = torch.nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(model.parameters())
    state = ResumeState(folder, "a")
    if best_step >= 0:
        state.save_best(model, best_step)
    state.save(model, optimizer, Progress(step=step, best_step=best_step, history=steps(step)))
    return state, model, optimizer


def test_a_state_of_other_settings_is_thrown_away(tmp_path):
    state, *model = a_state(tmp_path)
    assert state.load(*model).step == 5
    assert ResumeState(tmp_path, "b").load(*model).step == 0
    (tmp_path / "state.safetensors").write_bytes(b"half a file")
    assert state.load(*model).step == 0


def test_best_weights_belong_to_the_state_that_names_them(tmp_path):
    state, model, optimizer = a_state(tmp_path, step=5, best_step=4)
    kept = model.weight.detach().clone()
    with torch.no_grad():
        model.weight += 1
    # Killed after newer best weights were saved, before the state that names them was.
    state.save_best(model, 6)
    at = state.load(model, optimizer)
    state.load_best(model, at)
    assert at.best_step == 4
    assert torch.equal(model.weight, kept)
    state.save(model, optimizer, Progress(step=7, best_step=6))
    assert [path.name for path in tmp_path.glob("best-*")] == ["best-6.safetensors"]


def test_killed_while_clearing_up_it_starts_anew(tmp_path):
    state, *model = a_state(tmp_path, step=5, best_step=4)
    (tmp_path / "best-4.safetensors").unlink()
    assert state.load(*model).step == 0


WITHOUT_FLOCK = """
import fcntl

def flock(*_):
    raise OSError(38, "Function not implemented")

fcntl.flock = flock
"""


@pytest.mark.parametrize("disk", ["with locks", "without"])
def test_a_second_process_waits_for_the_first_and_leaves_with_its_result(data, tmp_path, disk):
    settings = {"epochs": 4, "evaluate_every": 7, "patience": 100, "save_every_seconds": 0}
    run_once(data, tmp_path / "alone", "xnli", **settings)
    script = Path(__file__).parents[1] / "training_runs.py"
    arguments = [str(data), str(tmp_path / "twice"), "xnli", json.dumps(settings)]
    environment = dict(os.environ)
    if disk == "without":
        (tmp_path / "site").mkdir()
        (tmp_path / "site/sitecustomize.py").write_text(WITHOUT_FLOCK)
        environment["PYTHONPATH"] = f"{tmp_path / 'site'}:{environment.get('PYTHONPATH', '')}"
    start = partial(
        subprocess.Popen,
        [sys.executable, str(script), *arguments],
        stderr=subprocess.PIPE, text=True, env=environment,
    )  # fmt: skip
    first = start()
    state = tmp_path / "twice/resume/state.safetensors"
    while not state.exists():
        assert first.poll() is None, first.communicate()[1]
        time.sleep(0.001)
    # So that it is still there when the second comes.
    first.send_signal(signal.SIGSTOP)
    assert state.exists(), "it ended before it could be stopped"
    second = start()
    said = ""
    while "waiting for it" not in said:
        line = second.stderr.readline()
        assert line, said
        said += line
    first.send_signal(signal.SIGCONT)
    errors = [process.communicate(timeout=300)[1] for process in (first, second)]
    assert [first.returncode, second.returncode] == [0, 0], errors
    assert f"process {first.pid} on " in said
    assert same(weights(tmp_path / "alone"), weights(tmp_path / "twice"))
    assert losses(tmp_path / "alone") == losses(tmp_path / "twice")
    left = {path.name for path in (tmp_path / "twice").iterdir()}
    assert left == {"model", "curve.parquet"}


def test_who_waits_for_another_process_can_be_stopped(tmp_path):
    asked = Stop()
    with ResumeState(tmp_path, "a").locked(asked) as waited:
        assert not waited
        asked.asked = True
        with (
            pytest.raises(InterruptedBySignal, match="while waiting"),
            ResumeState(tmp_path, "a").locked(asked),
        ):
            pass


def test_what_another_process_has_taken_over_is_left_alone(tmp_path):
    state, model, optimizer = a_state(tmp_path, step=5, best_step=4)
    holder = tmp_path / "lock.holder"
    with state.locked(Stop()):
        # As the process does that thinks this one dead.
        record = holder.read_text()
        token = next(line for line in record.splitlines() if line.startswith("token="))
        holder.unlink()
        holder.write_text(record.replace(token, "token=" + "0" * 32))
        for change in (
            lambda: state.save(model, optimizer, Progress(step=6)),
            lambda: state.save_best(model, 6),
            state.clear,
        ):
            with pytest.raises(XstiltsError, match="has taken this run over"):
                change()
    assert (tmp_path / "best-4.safetensors").exists()
    assert state.load(model, optimizer).step == 5


def test_schedule_rises_and_falls_linearly():
    factors = [schedule(step, 100, 0.1) for step in range(100)]
    assert factors[0] == pytest.approx(0.05)
    assert max(factors) == pytest.approx(0.995, abs=0.01)
    assert factors.index(max(factors)) in (9, 10)
    assert factors[-1] == pytest.approx(0.5 / 90)
    assert all(0 < factor <= 1 for factor in factors)
    assert [schedule(s, 4, 0.0) for s in range(4)] == pytest.approx([0.875, 0.625, 0.375, 0.125])


def test_defaults_are_the_studys():
    settings = TrainingSettings()
    assert (settings.learning_rate, settings.batch_size, settings.epochs) == (1e-5, 4, 3)
    assert (settings.warmup_ratio, settings.adam_epsilon, settings.max_grad_norm) == (0.1, 1e-8, 1)
    assert (settings.evaluate_every, settings.dev_items, settings.patience) == (1000, 500, 30)


def test_a_mixture_trains_every_head_and_selects_on_the_mean(data, tmp_path):
    run_once(data, tmp_path, "xnli+udpos+squad_v1", epochs=4, patience=100)
    entries = history(tmp_path)
    sources = {entry["source"] for entry in entries}
    assert sources == {"xnli", "udpos", "squad_v1"}
    scored = [entry for entry in entries if "dev" in entry]
    for entry in scored:
        by_task = {each["task"]: each["score"] for each in entry["dev_by_task"]}
        assert by_task.keys() == sources
        assert entry["dev"] == pytest.approx(sum(by_task.values()) / 3)
    assert outcome(tmp_path)["best_dev_score"] == max(entry["dev"] for entry in scored)
    heads = {name.split(".")[0] for name in load_file(tmp_path / "model/head.safetensors")}
    assert heads == sources
    trained = [entry["loss"] for entry in entries if entry["source"] == "udpos"]
    assert sum(trained[-5:]) < 0.8 * sum(trained[:5])


def test_a_killed_mixture_ends_with_the_same_weights(data, tmp_path):
    settings = {"epochs": 2, "evaluate_every": 9, "patience": 100, "save_every_seconds": 0}
    killed_again_and_again(data, tmp_path, "xnli+udpos+squad_v1", settings, signal.SIGKILL)


class _Full:
    """Memory for so many padded tokens at a time and no more."""

    def __init__(self, tokens: int, error: type[BaseException]) -> None:
        self.tokens, self.error, self.refused = tokens, error, 0

    def __call__(self, model, kind, features, rows, **options):
        if len(rows) * max(features.lengths[rows]) > self.tokens:
            self.refused += 1
            raise self.error("DefaultCPUAllocator: can't allocate memory")
        return outputs_and_loss(model, kind, features, rows, **options)


@pytest.mark.parametrize("error", [RuntimeError, MemoryError, torch.OutOfMemoryError])
def test_out_of_memory_halves_the_micro_batch_and_goes_on(
    data, tmp_path, monkeypatch, caplog, error
):
    settings = {"epochs": 1, "head_dropout": 0.0, "micro_batch_tokens": 4096}
    memory = _Full(64, error)
    monkeypatch.setattr("xstilts.training.loop.outputs_and_loss", memory)
    run_once(data, tmp_path / "little", "udpos", **settings)
    assert memory.refused >= 1
    assert outcome(tmp_path / "little")["micro_batch_tokens"] == 64
    assert "micro-batches of 64 tokens instead of 128" in caplog.text
    monkeypatch.undo()
    # As if that many tokens had been configured from the start.
    settings["micro_batch_tokens"] = 64
    run_once(data, tmp_path / "known", "udpos", **settings)
    assert same(weights(tmp_path / "little"), weights(tmp_path / "known"))


def test_memory_for_not_even_one_example_is_an_error(data, tmp_path, monkeypatch):
    monkeypatch.setattr("xstilts.training.loop.outputs_and_loss", _Full(1, MemoryError))
    with pytest.raises(XstiltsError, match="does not suffice for one example"):
        run_once(data, tmp_path, "udpos")


def fails_at(calls: set[int], compute, half_done):
    """`compute`, which at these calls does half of its work and then has no memory left."""
    made = 0

    def called(*arguments, **options):
        nonlocal made
        made += 1
        if made in calls:
            half_done(*arguments)
            raise torch.OutOfMemoryError("CUDA out of memory\nadvice for programmers")
        return compute(*arguments, **options)

    return called


def half_clipped(parameters, *_):
    for parameter in list(parameters)[::2]:
        if parameter.grad is not None:
            parameter.grad.mul_(0.01)


@torch.no_grad()
def half_stepped(optimizer, *_):
    for group in optimizer.param_groups:
        for parameter in group["params"][::2]:
            parameter.add_(1.0)
            optimizer.state[parameter]["exp_avg"].add_(1.0)
            optimizer.state[parameter]["step"].add_(1.0)


@pytest.mark.parametrize("save_every_seconds", [0, 300])
@pytest.mark.parametrize(
    ("place", "half_done"),
    [("torch.nn.utils.clip_grad_norm_", half_clipped), ("torch.optim.AdamW.step", half_stepped)],
)
def test_out_of_memory_in_an_update_never_leaves_half_of_it(
    data, tmp_path, monkeypatch, caplog, place, half_done, save_every_seconds
):
    settings = {"epochs": 1, "micro_batch_tokens": 4096, "evaluate_every": 5}
    run_once(data, tmp_path / "whole", "udpos", **settings)
    compute = torch.nn.utils.clip_grad_norm_ if "clip" in place else torch.optim.AdamW.step
    # In the first step, when nothing is saved, in a later one, and in what comes right after.
    monkeypatch.setattr(place, fails_at({1, 9, 10}, compute, half_done))
    run_once(data, tmp_path / "short", "udpos", **settings, save_every_seconds=save_every_seconds)
    # Batches are of fewer tokens than even the smallest micro-batches, so they are the same.
    assert outcome(tmp_path / "short")["micro_batch_tokens"] == 512
    assert "micro-batches of 512 tokens instead of 1024 (CUDA out of memory)" in caplog.text
    assert same(weights(tmp_path / "whole"), weights(tmp_path / "short"))
    assert losses(tmp_path / "whole") == losses(tmp_path / "short")


def test_memory_for_no_update_at_all_is_an_error(data, tmp_path, monkeypatch):
    never = fails_at(set(range(99)), None, lambda *_: None)
    with monkeypatch.context() as patch:
        patch.setattr("torch.optim.AdamW.step", never)
        with pytest.raises(
            XstiltsError, match=r"suffice for the optimizer.*\(CUDA out of memory\)"
        ):
            run_once(data, tmp_path / "step", "udpos")
    monkeypatch.setattr("xstilts.training.loop.adamw", never)
    with pytest.raises(XstiltsError, match="suffice for the encoder and its optimizer"):
        run_once(data, tmp_path / "moments", "udpos")


def test_the_optimizers_memory_is_taken_before_the_first_batch(data):
    """And it holds what PyTorch would make in the first step."""
    model, other = torch.nn.Linear(3, 2), torch.nn.Linear(3, 2)
    other.load_state_dict(model.state_dict())
    ours = adamw(model, TrainingSettings())
    plain = torch.optim.AdamW(other.parameters(), fused=True)
    for parameter in other.parameters():
        parameter.grad = torch.ones_like(parameter)
    plain.step()
    for mine, its in zip(model.parameters(), other.parameters(), strict=True):
        made = {key: (value.dtype, value.shape) for key, value in plain.state[its].items()}
        held = {key: (value.dtype, value.shape) for key, value in ours.state[mine].items()}
        assert held == made
        assert not any(value.any() for value in ours.state[mine].values())


def test_what_a_run_depends_on_is_in_its_fingerprint(data, tmp_path, monkeypatch):
    encoder = shutil.copytree(data / "encoder", tmp_path / "encoder")
    job = replace(training_run(data, "udpos"), encoder=encoder)
    first = job.fingerprint()
    (encoder / "provenance.json").write_text("{}")
    assert job.fingerprint() == first
    for name in ("tokenizer.json", "tokenizer_config.json", "config.json", "model.safetensors"):
        kept = (encoder / name).read_bytes()
        (encoder / name).write_bytes(kept + b" ")
        assert job.fingerprint() != first, name
        (encoder / name).write_bytes(kept)
    found = {first}
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    for computes_in_bfloat16 in (True, False):
        monkeypatch.setattr(
            "torch.cuda.is_bf16_supported", lambda *_, yes=computes_in_bfloat16, **__: yes
        )
        found.add(replace(job, device="cuda", precision="auto").fingerprint())
        assert job.fingerprint() == first
    assert len(found) == 3


def test_other_errors_are_not_taken_for_little_memory(data, tmp_path, monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("shape mismatch")

    monkeypatch.setattr("xstilts.training.loop.outputs_and_loss", broken)
    with pytest.raises(RuntimeError, match="shape mismatch"):
        run_once(data, tmp_path, "udpos")


def test_a_restarted_run_that_is_killed_goes_on_with_its_second_attempt(data, tmp_path):
    settings = {
        **{"epochs": 2, "evaluate_every": 9, "patience": 100, "save_every_seconds": 0},
        **{"learning_rate": 1e-12, "restart_collapsed": True},
    }
    killed_again_and_again(data, tmp_path, "xnli", settings, signal.SIGKILL)
    assert outcome(tmp_path / "killed")["restarted"]


def test_random_numbers_are_common_to_encoders_and_recipes(data):
    """They derive from seed, phase and task: recipes are paired by seed, names change nothing."""
    one = training_run(data, "xnli")
    renamed = replace(one, name="other-encoder/multi/target/xnli")
    assert one.fingerprint() == renamed.fingerprint()
    assert one.order_seeds() == renamed.order_seeds()
    assert one.derived_seed("xnli", "head") == renamed.derived_seed("xnli", "head")
    assert one.once_more().seed == renamed.once_more().seed
    for other in (replace(one, seed=8), replace(one, phase="intermediate")):
        assert one.fingerprint() != other.fingerprint()
        assert not set(one.order_seeds()) & set(other.order_seeds())
        assert one.derived_seed("xnli", "dropout", 3) != other.derived_seed("xnli", "dropout", 3)
    mixed = replace(one, sources=(*one.sources, *training_run(data, "udpos").sources))
    assert mixed.order_seeds()[:1] == one.order_seeds()
    # The same task in another language: the same order alone, one of its own beside the first.
    translated = tuple(replace(source, key="xnli@sw") for source in one.sources)
    assert replace(one, sources=translated).order_seeds() == one.order_seeds()
    assert len(set(replace(one, sources=one.sources + translated).order_seeds())) == 2


def test_renaming_changes_no_weight(data, tmp_path):
    for name in ("a/none", "b/multi"):
        run = replace(training_run(data, "xnli", epochs=1), name=f"{name}/target/xnli")
        place = tmp_path / name
        train(run, place / "model", place / "curve.parquet", place / "resume")
    first, second = (
        (tmp_path / name / "model" / "model.safetensors").read_bytes()
        for name in ("a/none", "b/multi")
    )
    assert first == second
