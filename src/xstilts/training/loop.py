"""The one training loop: AdamW, linear warm-up and decay, English model selection.

A run is a function of its inputs, settings and seed: interrupted at any moment and started
again, it ends with the same weights as one that was left alone (bit for bit on CPU with the
same number of threads).
"""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable
from statistics import fmean
from typing import Any

import numpy as np
import torch
from torch import nn
from transformers import PreTrainedTokenizerBase

from xstilts.errors import InterruptedBySignal, XstiltsError
from xstilts.execution.cost.tally import Tally
from xstilts.execution.signals import Stop
from xstilts.features.batches import Features, micro_batches, training_batches
from xstilts.features.kinds import TaskKind, kind_of
from xstilts.features.tokenizer import load_tokenizer
from xstilts.graph.mixture import MixedSource, number_of_steps, plan
from xstilts.training.checkpoint import Progress, ResumeState
from xstilts.training.collapse import collapse_of
from xstilts.training.development import DevSet, MaskedDevSet
from xstilts.training.memory import free_memory, in_short, is_out_of_memory, too_little_memory
from xstilts.training.model import (
    TaskModel,
    build_model,
    outputs_and_loss,
    pick_device,
    progress,
)
from xstilts.training.optimizer import adamw, schedule, seed_dropout
from xstilts.training.precision import NotFiniteError, name_of
from xstilts.training.training_run import TaskData, TrainingRun

log = logging.getLogger(__name__)

# Micro-batches are not halved below this: an example longer than that stays alone anyway.
_FEWEST_TOKENS = 16


class HalfUpdatedError(Exception):
    """Memory did not suffice for an optimizer step: some weights may be new and others old."""


class _LoadedSource:
    """One source in memory: its kind and features, and its order of batches."""

    def __init__(self, source: TaskData, kind: TaskKind, batch_size: int, seed: int) -> None:
        self.key, self.kind, self.batch_size, self.seed = source.key, kind, batch_size, seed
        self.features = Features.read(source.features)
        if not len(self.features):
            raise XstiltsError("nothing to train on", where=source.features)
        self.per_epoch = math.ceil(len(self.features) / batch_size)
        self._epoch = -1
        self._order: list[np.ndarray] = []

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
        # What was not finite, where that ended the run.
        self.not_finite = ""
        self.device = pick_device(job.device)
        self.tokenizer = load_tokenizer(job.encoder)
        kinds = {source.task.key: kind_of(source.task) for source in job.sources}
        self.parts = [
            _LoadedSource(source, kinds[source.task.key], self.settings.batch_size, seed)
            for source, seed in zip(job.sources, job.order_seeds(), strict=True)
        ]
        self.dev = [_dev_set(job, each, kinds[each.task.key], self.tokenizer) for each in job.dev]
        head_seeds = {key: job.derived_seed(key, "head") for key in kinds}
        model = build_model(job.encoder, kinds.values(), self.settings.head_dropout, head_seeds)
        try:
            self.model: TaskModel = model.to(self.device)
            self.model.tally, self.model.precision = tally, job.dtype()
            # Once, because to walk through the modules takes as long as some of their products.
            self.model.train()
            self.parameters = list(self.model.parameters())
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
                part.kind.is_masked,
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
        """Train to the end, or until a signal, from where the saved state is."""
        log.info(
            "%s: %s features, %d steps, %d development items, on %s in %s",
            self.job.name,
            " + ".join(f"{len(part.features)} {part.key}" for part in self.parts),
            self.total,
            sum(dev.data.num_rows for dev in self.dev),
            self.device,
            name_of(self.model.precision),
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
            self.at.history.append(step=self.at.step, **entry)
            if stop.asked:
                self._save()
                raise InterruptedBySignal(
                    f"{self.job.name}: stopped after step {self.at.step}, saved"
                )
            if time.monotonic() - self.saved_at >= self.job.save_every_seconds:
                self._save()
        bar.close()

    def one_step(self, step: int) -> dict[str, Any]:
        """One optimizer step on one batch; its source, the mean loss of its decisions, its rate."""
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
            raise NotFiniteError(
                f"{self.job.name}: the loss is {loss} at step {step + 1}"
                f" in {name_of(self.model.precision)}",
                hint="lower the learning rate or raise the warm-up of this task",
            )
        factor = schedule(step, self.total, self.settings.warmup_ratio)
        rate = self.settings.learning_rate * factor
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        try:
            self.optimizer.step()
        except (RuntimeError, MemoryError) as error:
            if is_out_of_memory(error):
                raise HalfUpdatedError(in_short(error)) from error
            raise
        self.model.tally.step()
        self.optimizer.zero_grad(set_to_none=True)
        lengths = part.kind.input_lengths(features, rows).astype(np.int64)
        self.at.tokens += int(lengths.sum())
        self.at.token_pairs += int((lengths**2).sum())
        return {"source": part.key, "loss": loss, "learning_rate": rate}

    def _backward(self, step: int, kind: TaskKind, features: Features, rows: np.ndarray) -> float:
        """Gradients of the mean loss, over micro-batches and clipped; returns that loss."""
        seed_dropout(self.job.derived_seed(kind.task.key, "dropout", step), self.device)
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
        nn.utils.clip_grad_norm_(self.parameters, self.settings.max_grad_norm)
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
        best: list[dict[str, Any]] = []
        noted = self.at.history.rows("step", "source", "loss", "dev_by_task")
        for step, source, loss, dev in noted:
            # What came after the weights that are kept says nothing of them.
            if step <= self.at.best_step:
                losses[source].append(loss)
                best = dev
        chance = {part.key: part.kind.chance_loss(part.features) for part in self.parts}
        return collapse_of(losses, chance, [each["constant"] for each in best])

    def outcome(self) -> dict[str, Any]:
        """What became of the run, as plain data."""
        return {
            "collapsed": self.collapsed(),
            "best_step": self.at.best_step,
            "best_dev_score": self.at.best_value,
            **self.spent(),
        }

    def spent(self) -> dict[str, Any]:
        """How far the run came, and what it took."""
        return {
            "steps": self.at.step,
            "seconds": self.at.seconds,
            "tokens": self.at.tokens,
            "token_pairs": self.at.token_pairs,
            "micro_batch_tokens": self.micro_batch_tokens,
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
        self.model.train()
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
        by_task = [
            {"task": key, "score": each.score, "loss": each.loss, "constant": each.constant}
            for key, each in found.items()
        ]
        losses = [each.loss for each in found.values() if each.loss is not None]
        return {
            "dev": value,
            "dev_loss": fmean(losses) if losses else None,
            "dev_by_task": by_task,
        }

    def _save(self) -> None:
        self.resume.save(self.model, self.optimizer, self.at)
        self.saved_at = time.monotonic()


def _dev_set(
    job: TrainingRun, dev: TaskData, kind: TaskKind, tokenizer: PreTrainedTokenizerBase
) -> DevSet:
    if kind.is_masked:
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
