"""The one training loop: AdamW, linear warm-up and decay, English model selection.

A run is a function of its inputs, settings and seed: interrupted at any moment and started
again, it ends with the same weights as one that was left alone (bit for bit on CPU with the
same number of threads).
"""

from __future__ import annotations

import json
import logging
import math
import time
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import PreTrainedTokenizerBase

from xstilts.config.tasks import Kind
from xstilts.errors import InterruptedBySignal, XstiltsError
from xstilts.execution.cost.tally import Tally
from xstilts.execution.files import atomic_path, write_json
from xstilts.execution.parquet import read_meta
from xstilts.execution.signals import Stop, stop_on_signal
from xstilts.features.batches import Features, micro_batches, training_batches
from xstilts.features.kinds import TaskKind, kind_of
from xstilts.features.tokenizer import load_tokenizer
from xstilts.graph.mixture import MixedSource, number_of_steps, plan
from xstilts.training.checkpoint import Progress, ResumeState
from xstilts.training.collapse import collapse_of
from xstilts.training.development import DevSet, MaskedDevSet
from xstilts.training.encoder import PROVENANCE
from xstilts.training.memory import free_memory, in_short, is_out_of_memory, too_little_memory
from xstilts.training.model import (
    TaskModel,
    build_model,
    outputs_and_loss,
    pick_device,
    progress,
    save_model,
)
from xstilts.training.optimizer import adamw, schedule, seed_dropout
from xstilts.training.training_run import TaskData, TrainingRun

log = logging.getLogger(__name__)

# Micro-batches are not halved below this: an example longer than that stays alone anyway.
_FEWEST_TOKENS = 16


def train(
    job: TrainingRun,
    output: Path,
    curve: Path,
    resume_folder: Path,
    tally: Tally | None = None,
) -> None:
    """Train, keep the best weights by English development score, save them to `output`.

    Of several tasks the mean of their scores decides. A run that learnt nothing
    (`xstilts.training.collapse`) is recorded as such, and trained once more if the settings say so.

    Args:
        output: folder for the encoder (Hugging Face layout), its heads and provenance.
        curve: JSON file for the loss and development scores by step.
        resume_folder: where the state of an unfinished run lives.
        tally: counts what this process passes through the encoder, and its steps.

    Raises:
        InterruptedBySignal: SIGTERM or Ctrl-C came; the next call goes on from the saved state.
        XstiltsError: bad input, too little memory for one example, or the loss is no longer a
            number.
    """
    resume = ResumeState(resume_folder, job.fingerprint())
    tally = tally or Tally()
    with stop_on_signal() as stop, resume.locked(stop) as waited:
        if waited and _is_there(job, resume.fingerprint, output, curve):
            log.info("%s: the other process has trained it", job.name)
            resume.clear()
            return
        first = resume.first_attempt()
        if first is None:
            loop = _finished(job, resume, stop, tally)
            if not (job.settings.restart_collapsed and loop.collapsed()):
                _save(loop, None, output, curve)
                return
            first = {"seed": job.seed, **loop.outcome()}
            log.warning("%s collapsed (%s): once more", job.name, first["collapsed"])
            resume.give_up(first)
            del loop
        again = job.once_more()
        loop = _finished(again, resume.once_more(again.fingerprint()), stop, tally)
        _save(loop, first, output, curve)


def _is_there(job: TrainingRun, fingerprint: str, output: Path, curve: Path) -> bool:
    """Whether this very run, or its second attempt, lies there as a whole."""
    try:
        made = {
            json.loads(path.read_text(encoding="utf-8"))["fingerprint"]
            for path in (output / PROVENANCE, curve)
        }
    except (OSError, ValueError, KeyError):
        return False
    return made in ({fingerprint}, {job.once_more().fingerprint()})


class _HalfUpdatedError(Exception):
    """Memory did not suffice for an optimizer step: some weights may be new and others old."""


def _finished(job: TrainingRun, resume: ResumeState, stop: Stop, tally: Tally) -> TrainingLoop:
    """The run at its end.

    With weights of which some were updated and others not, what follows would be no function of
    the run's inputs. So it is taken up where it was saved last, as after an interruption, with
    smaller micro-batches.
    """
    fewer = 0
    while True:
        loop = TrainingLoop(job, resume, tally)
        loop.at.micro_batch_tokens = fewer or loop.at.micro_batch_tokens
        try:
            loop.run(stop)
            return loop
        except _HalfUpdatedError as error:
            message = str(error)
        loop.halve(message, "the optimizer")
        fewer, device = loop.at.micro_batch_tokens, loop.device
        del loop
        free_memory(device)


def _save(loop: TrainingLoop, first: dict[str, Any] | None, output: Path, curve: Path) -> None:
    job = loop.job
    outcome = loop.outcome()
    loop.resume.load_best(loop.model, loop.at)
    provenance = {
        "run": job.name,
        "tasks": [source.key for source in job.sources],
        "seed": job.seed,
        "settings": job.settings.model_dump(mode="json"),
        "mixing": job.mixing.model_dump(mode="json"),
        "code": job.code,
        "data": {source.key: read_meta(source.data) for source in job.sources},
        "fingerprint": loop.resume.fingerprint,
        "best_step": loop.at.best_step,
        "best_dev_score": loop.at.best_value,
        "collapsed": outcome["collapsed"],
        "restarted": first is not None,
        "device": str(loop.device),
        "threads": torch.get_num_threads(),
    }
    with atomic_path(output) as part:
        save_model(loop.model.cpu(), loop.tokenizer, part, provenance)
    write_json(curve, {**provenance, **outcome, "first_attempt": first})
    loop.resume.clear()


class _Part:
    """One source in memory: its kind and features, and its order of batches."""

    def __init__(self, source: TaskData, kind: TaskKind, batch_size: int, seed: int) -> None:
        self.key, self.kind, self.batch_size, self.seed = source.key, kind, batch_size, seed
        self.features = Features.read(source.features)
        if not len(self.features):
            raise XstiltsError("nothing to train on", where=source.features)
        self.per_epoch = math.ceil(len(self.features) / batch_size)
        self._epoch, self._order = -1, []

    def batch(self, number: int) -> np.ndarray:
        """The rows of the source's own batch `number`, over all its epochs."""
        epoch, position = divmod(number, self.per_epoch)
        if epoch != self._epoch:
            self._order = training_batches(self.features.lengths, self.batch_size, self.seed, epoch)
            self._epoch = epoch
        return self._order[position]


class TrainingLoop:
    """State of one run in memory: data, model, optimizer, and how far it is."""

    def __init__(self, job: TrainingRun, resume: ResumeState, tally: Tally) -> None:
        self.job, self.resume, self.settings = job, resume, job.settings
        self.device = pick_device(job.device)
        self.tokenizer = load_tokenizer(job.encoder)
        kinds = {source.task.key: kind_of(source.task) for source in job.sources}
        self.parts = [
            _Part(source, kinds[source.task.key], self.settings.batch_size, seed)
            for source, seed in zip(job.sources, job.order_seeds(), strict=True)
        ]
        self.dev = [_dev_set(job, each, kinds[each.task.key], self.tokenizer) for each in job.dev]
        head_seeds = {key: job.derived_seed(key, "head") for key in kinds}
        model = build_model(job.encoder, kinds.values(), self.settings.head_dropout, head_seeds)
        try:
            self.model: TaskModel = model.to(self.device)
            self.model.tally = tally
            self.optimizer = adamw(self.model, self.settings)
            self.at: Progress = resume.load(self.model, self.optimizer)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            raise too_little_memory("the encoder and its optimizer", in_short(error)) from error
        mixed = [
            MixedSource(
                part.key,
                part.kind.task.key,
                len(np.unique(part.features.items)),
                len(part.features),
                part.kind.task.kind is Kind.MLM,
            )
            for part in self.parts
        ]
        sizes = self.settings.batch_size, self.settings.epochs
        self.total = number_of_steps(mixed, job.mixing, *sizes)
        seed = job.derived_seed("mixture")
        self.plan, self.position = plan(mixed, job.mixing, self.total, seed)
        self.per_epoch = math.ceil(self.total / self.settings.epochs)
        self.saved_at = time.monotonic()
        self.started = time.monotonic() - self.at.seconds

    @property
    def micro_batch_tokens(self) -> int:
        """Padded tokens of one forward pass: as configured, or what memory allows."""
        return self.at.micro_batch_tokens or self.settings.micro_batch_tokens

    def run(self, stop: Stop) -> None:
        log.info(
            "%s: %s features, %d steps, %d development items, on %s",
            self.job.name,
            " + ".join(f"{len(part.features)} {part.key}" for part in self.parts),
            self.total,
            sum(dev.data.num_rows for dev in self.dev),
            self.device,
        )
        bar = progress(self.total, self.job.name, "steps")
        bar.update(self.at.step)
        while self.at.step < self.total and not self.at.stopped:
            entry = self.one_step(self.at.step)
            self.at.step += 1
            self.at.seconds = time.monotonic() - self.started
            bar.update(1)
            bar.set_postfix(loss=f"{entry['loss']:.3f}", refresh=False)
            if self._time_to_evaluate():
                entry |= self._evaluate(bar.write)
            self.at.history.append({"step": self.at.step, **entry})
            if stop.asked:
                self._save()
                raise InterruptedBySignal(
                    f"{self.job.name}: stopped after step {self.at.step}, saved"
                )
            if time.monotonic() - self.saved_at >= self.job.save_every_seconds:
                self._save()
        bar.close()

    def one_step(self, step: int) -> dict[str, Any]:
        """One optimizer step on one batch; its source and the mean loss of its decisions."""
        part = self.parts[self.plan[step]]
        rows = part.batch(int(self.position[step]))
        features, rows = part.kind.draw(
            part.features,
            rows,
            self.tokenizer,
            mask_ratio=self.job.mask_ratio,
            seed=self.job.derived_seed(part.kind.task.key, "masks", step),
        )
        loss = self._gradients(step, part.kind, features, rows)
        if not math.isfinite(loss):
            raise XstiltsError(
                f"{self.job.name}: the loss is {loss} at step {step + 1}",
                mend="lower the learning rate or raise the warm-up of this task",
            )
        factor = schedule(step, self.total, self.settings.warmup_ratio)
        for group in self.optimizer.param_groups:
            group["lr"] = self.settings.learning_rate * factor
        try:
            self.optimizer.step()
        except (RuntimeError, MemoryError) as error:
            if is_out_of_memory(error):
                raise _HalfUpdatedError(in_short(error)) from error
            raise
        self.model.tally.step()
        self.optimizer.zero_grad(set_to_none=True)
        lengths = part.kind.input_lengths(features, rows).astype(np.int64)
        self.at.tokens += int(lengths.sum())
        self.at.token_pairs += int((lengths**2).sum())
        return {"loss": loss} if len(self.parts) == 1 else {"loss": loss, "source": part.key}

    def _backward(self, step: int, kind: TaskKind, features: Features, rows: np.ndarray) -> float:
        """Gradients of the mean loss, over micro-batches and clipped; returns that loss."""
        seed_dropout(self.job.derived_seed(kind.task.key, "dropout", step), self.device)
        self.model.train()
        self.optimizer.zero_grad(set_to_none=True)
        decisions = max(1, kind.decisions(features, rows))
        summed = torch.zeros((), dtype=torch.float64, device=self.device)
        for piece in micro_batches(rows, features.lengths, self.micro_batch_tokens):
            _, _, loss = outputs_and_loss(
                self.model,
                kind,
                features,
                piece,
                pad_id=self.tokenizer.pad_token_id,
                device=self.device,
            )
            loss = loss / decisions
            loss.backward()
            summed += loss.detach()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.max_grad_norm)
        # Once a step, because a GPU stands still for it.
        return summed.item()

    def _gradients(self, step: int, kind: TaskKind, features: Features, rows: np.ndarray) -> float:
        """`_backward`, after as many halvings of the micro-batch as it takes."""
        while True:
            try:
                return self._backward(step, kind, features, rows)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                message = in_short(error)
            # Outside of the handler nothing holds the tensors of the failed pass any more.
            self.optimizer.zero_grad(set_to_none=True)
            free_memory(self.device)
            self.halve(message, "one example")

    def halve(self, message: str, wanted: str) -> None:
        """Make micro-batches smaller after memory did not suffice, as `message` says.

        Raises:
            XstiltsError: they are as small as can be, so it does not suffice for what is `wanted`.
        """
        halved = self.micro_batch_tokens // 2
        if halved < _FEWEST_TOKENS:
            raise too_little_memory(f"{wanted} of {self.job.name}", message)
        log.warning(
            "out of memory at step %d: micro-batches of %d tokens instead of %d (%s)",
            self.at.step + 1,
            halved,
            self.micro_batch_tokens,
            message,
        )
        self.at.micro_batch_tokens = halved

    def collapsed(self) -> str:
        """What shows that the run learnt nothing, empty if nothing does."""
        losses: dict[str, list[float]] = {part.key: [] for part in self.parts}
        for entry in self.at.history:
            # What came after the weights that are kept says nothing of them.
            if entry["step"] <= self.at.best_step:
                losses[entry.get("source", self.parts[0].key)].append(entry["loss"])
        best = next(e for e in self.at.history if e["step"] == self.at.best_step)
        chance = {part.key: part.kind.chance_loss(part.features) for part in self.parts}
        return collapse_of(losses, chance, best["constant"])

    def outcome(self) -> dict[str, Any]:
        """What became of the run, as plain data."""
        return {
            "collapsed": self.collapsed(),
            "best_step": self.at.best_step,
            "best_dev_score": self.at.best_value,
            "steps": self.at.step,
            "seconds": self.at.seconds,
            "tokens": self.at.tokens,
            "token_pairs": self.at.token_pairs,
            "micro_batch_tokens": self.micro_batch_tokens,
            "history": self.at.history,
        }

    def _time_to_evaluate(self) -> bool:
        every = self.settings.evaluate_every or self.per_epoch
        return self.at.step % every == 0 or self.at.step == self.total

    def _evaluate(self, say: Callable[[str], Any]) -> dict[str, Any]:
        pad_id = self.tokenizer.pad_token_id
        found = {
            dev.kind.task.key: dev.score(self.model, pad_id, self.device, self.micro_batch_tokens)
            for dev in self.dev
        }
        value = fmean(each.score for each in found.values())
        constant = all(each.constant for each in found.values())
        # Of equal scores the one that was not come by without looking at the input.
        tie_broken = value == self.at.best_value and self.at.best_constant and not constant
        better = value > self.at.best_value or tie_broken
        if better:
            self.at.best_value, self.at.best_step, self.at.since_best = value, self.at.step, 0
            self.at.best_constant = constant
            self.resume.save_best(self.model, self.at.step)
        else:
            self.at.since_best += 1
            self.at.stopped = self.at.since_best >= self.settings.patience
        say(f"step {self.at.step}: development score {value:.2f}{' (best)' if better else ''}")
        measured: dict[str, Any] = {
            "dev": value,
            "constant": [each.constant for each in found.values()],
        }
        if len(found) > 1:
            measured["dev_by_task"] = {key: each.score for key, each in found.items()}
        losses = [each.loss for each in found.values() if each.loss is not None]
        return measured | ({"dev_loss": fmean(losses)} if losses else {})

    def _save(self) -> None:
        self.resume.save(self.model, self.optimizer, self.at)
        self.saved_at = time.monotonic()


def _dev_set(
    job: TrainingRun, dev: TaskData, kind: TaskKind, tokenizer: PreTrainedTokenizerBase
) -> DevSet:
    if kind.task.kind is Kind.MLM:
        return MaskedDevSet(
            kind,
            dev.data,
            dev.features,
            job.settings,
            tokenizer=tokenizer,
            mask_ratio=job.mask_ratio,
            seed=job.seed,
        )
    return DevSet(kind, dev.data, dev.features, job.settings)
