"""English development sets, on which checkpoints are chosen."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import torch
from transformers import PreTrainedTokenizerBase

from xstilts.config.seeds import derive_seed
from xstilts.config.settings import TrainingSettings
from xstilts.data.kinds import ITEMS
from xstilts.data.schemas import DATA
from xstilts.execution.parquet import read_table
from xstilts.features.batches import Features, micro_batches
from xstilts.features.kinds import TaskKind
from xstilts.scoring.item_counts import prediction_table
from xstilts.scoring.scores import LANGUAGE_SCORE, score_predictions
from xstilts.training.memory import for_each_batch
from xstilts.training.model import BROKEN, TaskModel, outputs_and_loss, run
from xstilts.training.precision import NotFiniteError


@dataclass(frozen=True, kw_only=True)
class DevScore:
    """`score` in points; `constant`: all predictions alike although the gold is not.

    `loss` in nats a decision is measured for masked language modelling alone.
    """

    score: float
    constant: bool = False
    loss: float | None = None


class DevSet:
    """English development items of one task and how a model scores on them."""

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

    def score(
        self, model: TaskModel, pad_id: int, device: torch.device, batch_tokens: int
    ) -> DevScore:
        """The task's main score (accuracy, F1, or the mean of EM and F1)."""
        outputs = run(
            model,
            self.kind,
            self.features,
            pad_id=pad_id,
            batch_tokens=batch_tokens,
            device=device,
        )
        decoded = self.kind.decode(
            outputs, self.features, self.data, self.settings.max_answer_length
        )
        task = self.kind.task
        scores = score_predictions(prediction_table(task, self.data, decoded), task)
        value = next(row["value"] for row in scores.to_pylist() if row["metric"] == LANGUAGE_SCORE)
        items = ITEMS[task.kind]
        constant = self.kind.is_constant(decoded) and not self.kind.is_constant(
            [items.right(row) for row in self.data.to_pylist()]
        )
        return DevScore(score=value, constant=constant)


class MaskedDevSet(DevSet):
    """Held-out documents under one fixed masking; their outputs are too many to be kept."""

    def __init__(
        self,
        kind: TaskKind,
        data: Path,
        features: Path,
        settings: TrainingSettings,
        *,
        tokenizer: PreTrainedTokenizerBase,
        mask_ratio: float,
        seed: int,
    ) -> None:
        super().__init__(kind, data, features, settings)
        self.features, _ = kind.draw(
            self.features,
            np.arange(len(self.features)),
            tokenizer,
            mask_ratio=mask_ratio,
            seed=derive_seed(seed, "development masks"),
        )

    @torch.inference_mode()
    def score(
        self, model: TaskModel, pad_id: int, device: torch.device, batch_tokens: int
    ) -> DevScore:
        """The accuracy of masked tokens in percent, and their mean loss."""
        model.eval()
        correct = torch.zeros((), dtype=torch.int64, device=device)
        summed = torch.zeros((), dtype=torch.float64, device=device)
        everything = np.arange(len(self.features))
        lengths = self.features.lengths

        def add(rows: np.ndarray) -> None:
            nonlocal correct, summed
            outputs, targets, loss = outputs_and_loss(
                model, self.kind, self.features, rows, pad_id=pad_id, device=device
            )
            correct += (outputs.argmax(-1) == targets).sum()
            summed += loss

        for_each_batch(add, micro_batches(everything, lengths, batch_tokens), lengths, device)
        decisions = max(1, self.kind.decisions(self.features, everything))
        if not summed.isfinite():
            raise NotFiniteError(
                f"the development loss is {summed.item()}", where=self.kind.task.key, hint=BROKEN
            )
        return DevScore(score=100 * correct.item() / decisions, loss=summed.item() / decisions)
