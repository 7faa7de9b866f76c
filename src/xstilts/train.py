"""The one training loop: AdamW, linear warm-up and decay, English model selection.

A run is a function of its inputs, settings and seed: interrupted at any moment and started
again, it ends with the same weights as one that was left alone (bit for bit on CPU with the
same number of threads).
"""

from __future__ import annotations

import hashlib
import json
import logging
import math
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch
from torch import nn
from transformers import PreTrainedTokenizerBase

from xstilts.batches import Features, derive_seed, micro_batches, training_batches
from xstilts.encoder import load_tokenizer
from xstilts.errors import InterruptedBySignal, XstiltsError
from xstilts.files import atomic_path, sha256_file, write_json
from xstilts.item_counts import prediction_table
from xstilts.kinds import TaskKind, kind_of
from xstilts.model import (
    TaskModel,
    build_model,
    outputs_and_loss,
    pick_device,
    progress,
    run,
    save_model,
)
from xstilts.resume import Progress, ResumeState
from xstilts.schemas import DATA, read_meta, read_table
from xstilts.scores import LANGUAGE_SCORE, score_predictions
from xstilts.settings import TrainingSettings
from xstilts.tasks import Kind, Task

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingRun:
    """Everything that one training run depends on.

    `name` is the run's place in the grid, e.g. `minilm/mnli/udpos`: seeds derive from it.
    `mask_ratio` is for masked language modelling alone.
    """

    name: str
    task: Task
    encoder: Path
    train_data: Path
    train_features: Path
    dev_data: Path
    dev_features: Path
    settings: TrainingSettings
    seed: int
    code: str
    mask_ratio: float = 0.15
    device: str = "auto"
    save_every_seconds: float = 300.0

    def fingerprint(self) -> str:
        """Digest of all that decides the result, by content; not of how the run is executed."""
        files = [self.train_features, self.dev_features, self.dev_data]
        files += [self.encoder / "config.json", *sorted(self.encoder.glob("*.safetensors"))]
        settings = self.settings.model_dump(mode="json", exclude={"save_every_seconds"})
        content = [self.name, self.seed, self.code, settings, self.mask_ratio]
        content += [[path.name, sha256_file(path)] for path in files]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def train(job: TrainingRun, output: Path, curve: Path, resume_folder: Path) -> None:
    """Train, keep the best weights by English development score, save them to `output`.

    Args:
        output: folder for the encoder (Hugging Face layout), its head and provenance.
        curve: JSON file for the loss and development scores by step.
        resume_folder: where the state of an unfinished run lives.

    Raises:
        InterruptedBySignal: SIGTERM or Ctrl-C came; the next call goes on from the saved state.
        XstiltsError: bad input, or the loss is no longer a number.
    """
    resume = ResumeState(resume_folder, job.fingerprint())
    with resume.locked(), _stop_on_signal() as stop:
        _train(_Loop(job, resume), stop, output, curve)


def _train(loop: _Loop, stop: _Stop, output: Path, curve: Path) -> None:
    job = loop.job
    loop.run(stop)
    loop.resume.load_best(loop.model, loop.at)
    provenance = {
        "run": job.name,
        "task": job.task.key,
        "seed": job.seed,
        "settings": job.settings.model_dump(mode="json"),
        "code": job.code,
        "data": read_meta(job.train_data),
        "fingerprint": loop.resume.fingerprint,
        "best_step": loop.at.best_step,
        "best_dev_score": loop.at.best_value,
        "device": str(loop.device),
        "threads": torch.get_num_threads(),
    }
    with atomic_path(output) as part:
        save_model(loop.model.cpu(), loop.tokenizer, part, provenance)
    write_json(curve, {**provenance, "seconds": loop.at.seconds, "history": loop.at.history})
    loop.resume.clear()


class _Loop:
    """State of one run in memory."""

    def __init__(self, job: TrainingRun, resume: ResumeState) -> None:
        self.job, self.resume, self.settings = job, resume, job.settings
        self.device = pick_device(job.device)
        self.kind: TaskKind = kind_of(job.task)
        self.tokenizer = load_tokenizer(job.encoder)
        self.features = Features.read(job.train_features)
        if not len(self.features):
            raise XstiltsError("nothing to train on", where=job.train_features)
        self.dev = _dev_set(job, self.kind, self.tokenizer)
        head_seed = derive_seed(job.seed, job.name, "head")
        model = build_model(job.encoder, self.kind, self.settings.head_dropout, head_seed)
        self.model: TaskModel = model.to(self.device)
        self.optimizer = _optimizer(self.model, self.settings)
        self.at: Progress = resume.load(self.model, self.optimizer)
        per_epoch = math.ceil(len(self.features) / self.settings.batch_size)
        self.total = per_epoch * self.settings.epochs
        self.per_epoch = per_epoch
        self.saved_at = time.monotonic()
        self.started = time.monotonic() - self.at.seconds

    def run(self, stop: _Stop) -> None:
        log.info(
            "%s: %d features, %d steps, %d development items, on %s",
            self.job.name,
            len(self.features),
            self.total,
            self.dev.data.num_rows,
            self.device,
        )
        bar = progress(self.total, self.job.name, "steps")
        bar.update(self.at.step)
        while self.at.step < self.total and not self.at.stopped:
            loss = self.one_step(self.at.step)
            self.at.step += 1
            self.at.seconds = time.monotonic() - self.started
            bar.update(1)
            bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
            entry: dict[str, Any] = {"step": self.at.step, "loss": loss}
            if self._time_to_evaluate():
                entry |= self._evaluate(bar.write)
            self.at.history.append(entry)
            if stop.asked:
                self._save()
                raise InterruptedBySignal(
                    f"{self.job.name}: stopped after step {self.at.step}, saved"
                )
            if time.monotonic() - self.saved_at >= self.job.save_every_seconds:
                self._save()
        bar.close()

    def one_step(self, step: int) -> float:
        """One optimizer step on one batch; returns the mean loss of its decisions."""
        settings = self.settings
        epoch, position = divmod(step, self.per_epoch)
        rows = self._epoch(epoch)[position]
        features, rows = self.kind.draw(
            self.features,
            rows,
            self.tokenizer,
            mask_ratio=self.job.mask_ratio,
            seed=derive_seed(self.job.seed, self.job.name, "masks", step),
        )
        _seed_dropout(derive_seed(self.job.seed, self.job.name, "dropout", step), self.device)
        self.model.train()
        decisions = max(1, self.kind.decisions(features, rows))
        summed = torch.zeros((), dtype=torch.float64, device=self.device)
        for piece in micro_batches(rows, features.lengths, settings.micro_batch_tokens):
            _, _, loss = outputs_and_loss(
                self.model,
                self.kind,
                features,
                piece,
                pad_id=self.tokenizer.pad_token_id,
                device=self.device,
            )
            loss = loss / decisions
            loss.backward()
            summed += loss.detach()
        # Once a step, because a GPU stands still for it.
        total = summed.item()
        if not math.isfinite(total):
            raise XstiltsError(
                f"{self.job.name}: the loss is {total} at step {step + 1}",
                mend="lower the learning rate or raise the warm-up of this task",
            )
        nn.utils.clip_grad_norm_(self.model.parameters(), settings.max_grad_norm)
        for group in self.optimizer.param_groups:
            group["lr"] = settings.learning_rate * schedule(step, self.total, settings.warmup_ratio)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return total

    def _epoch(self, epoch: int) -> list[np.ndarray]:
        if getattr(self, "_order_of", None) != epoch:
            seed = derive_seed(self.job.seed, self.job.name)
            self._order = training_batches(
                self.features.lengths, self.settings.batch_size, seed, epoch
            )
            self._order_of = epoch
        return self._order

    def _time_to_evaluate(self) -> bool:
        every = self.settings.evaluate_every or self.per_epoch
        return self.at.step % every == 0 or self.at.step == self.total

    def _evaluate(self, say: Any) -> dict[str, float]:
        measured = self.dev.score(self.model, self.tokenizer.pad_token_id, self.device)
        value = measured["dev"]
        better = value > self.at.best_value
        if better:
            self.at.best_value, self.at.best_step, self.at.since_best = value, self.at.step, 0
            self.resume.save_best(self.model, self.at.step)
        else:
            self.at.since_best += 1
            self.at.stopped = self.at.since_best >= self.settings.patience
        say(f"step {self.at.step}: development score {value:.2f}{' (best)' if better else ''}")
        return measured

    def _save(self) -> None:
        self.resume.save(self.model, self.optimizer, self.at)
        self.saved_at = time.monotonic()


class DevSet:
    """English development items and how a model scores on them."""

    def __init__(
        self, kind: TaskKind, data: Path, features: Path, settings: TrainingSettings
    ) -> None:
        table = read_table(data, DATA[kind.task.kind])
        wanted = settings.dev_items or table.num_rows
        # Evenly spaced, because files are often sorted by topic or genre.
        items = np.unique(
            np.linspace(0, table.num_rows - 1, min(wanted, table.num_rows)).astype(int)
        )
        self.kind, self.settings = kind, settings
        self.data: pa.Table = table.take(items)
        self.features = Features.read(features).of_items(items)

    def score(self, model: TaskModel, pad_id: int, device: torch.device) -> dict[str, float]:
        """As `dev` the task's main score in points (accuracy, F1, or the mean of EM and F1)."""
        outputs = run(
            model,
            self.kind,
            self.features,
            pad_id=pad_id,
            batch_tokens=self.settings.micro_batch_tokens,
            device=device,
        )
        decoded = self.kind.decode(
            outputs, self.features, self.data, self.settings.max_answer_length
        )
        scores = score_predictions(
            prediction_table(self.kind.task, self.data, decoded), self.kind.task
        )
        rows = scores.to_pylist()
        return {"dev": next(row["value"] for row in rows if row["metric"] == LANGUAGE_SCORE)}


class MaskedDevSet(DevSet):
    """Held-out documents under one fixed masking; their outputs are too many to be kept."""

    def __init__(self, job: TrainingRun, kind: TaskKind, tokenizer: PreTrainedTokenizerBase):
        super().__init__(kind, job.dev_data, job.dev_features, job.settings)
        self.features, _ = kind.draw(
            self.features,
            np.arange(len(self.features)),
            tokenizer,
            mask_ratio=job.mask_ratio,
            seed=derive_seed(job.seed, "development masks"),
        )

    @torch.inference_mode()
    def score(self, model: TaskModel, pad_id: int, device: torch.device) -> dict[str, float]:
        """As `dev` the accuracy of masked tokens in percent, as `dev_loss` their mean loss."""
        model.eval()
        correct = torch.zeros((), dtype=torch.int64, device=device)
        summed = torch.zeros((), dtype=torch.float64, device=device)
        everything = range(len(self.features))
        batch_tokens = self.settings.micro_batch_tokens
        for rows in micro_batches(everything, self.features.lengths, batch_tokens):
            outputs, targets, loss = outputs_and_loss(
                model, self.kind, self.features, rows, pad_id=pad_id, device=device
            )
            correct += (outputs.argmax(-1) == targets).sum()
            summed += loss
        decisions = max(1, self.kind.decisions(self.features, everything))
        return {
            "dev": 100 * correct.item() / decisions,
            "dev_loss": summed.item() / decisions,
        }


def _dev_set(job: TrainingRun, kind: TaskKind, tokenizer: PreTrainedTokenizerBase) -> DevSet:
    if job.task.kind is Kind.MLM:
        return MaskedDevSet(job, kind, tokenizer)
    return DevSet(kind, job.dev_data, job.dev_features, job.settings)


def schedule(step: int, total: int, warmup_ratio: float) -> float:
    """Learning rate factor: linear from 0 over the warm-up, then linear down to 0.

    The first step already moves and the last one still does: factors are taken at the middle
    of each step.
    """
    at = step + 0.5
    warmup = warmup_ratio * total
    if at < warmup:
        return at / warmup
    return (total - at) / max(total - warmup, 1e-9)


def _seed_dropout(seed: int, device: torch.device) -> None:
    # What torch.manual_seed does, which also notes a stack trace for every absent GPU.
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed_all(seed)


def _optimizer(model: nn.Module, settings: TrainingSettings) -> torch.optim.AdamW:
    # Biases and layer norms are not decayed (Devlin et al. 2019's optimizer).
    decayed = [p for p in model.parameters() if p.ndim > 1]
    free = [p for p in model.parameters() if p.ndim <= 1]
    return torch.optim.AdamW(
        [
            {"params": decayed, "weight_decay": settings.weight_decay},
            {"params": free, "weight_decay": 0.0},
        ],
        lr=settings.learning_rate,
        eps=settings.adam_epsilon,
        fused=True,
    )


class _Stop:
    asked = False


@contextmanager
def _stop_on_signal() -> Iterator[_Stop]:
    """Note SIGTERM and Ctrl-C instead of dying: the state is saved between two steps."""
    stop = _Stop()

    def note(_signal: int, _frame: Any) -> None:
        stop.asked = True

    previous = {number: signal.signal(number, note) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield stop
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
