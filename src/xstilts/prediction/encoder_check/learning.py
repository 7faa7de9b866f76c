"""Whether heads of each kind learn on the encoder: a few steps on one fixed batch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from xstilts.config.settings import TrainingSettings
from xstilts.config.tasks import Kind
from xstilts.features.batches import Features
from xstilts.features.build import tokenise
from xstilts.features.encoder_config import hidden_size
from xstilts.features.kinds import kind_of
from xstilts.features.tokenizer import load_tokenizer
from xstilts.prediction.encoder_check.items import TASK_OF, items_of
from xstilts.prediction.encoder_check.words import LENGTHS
from xstilts.training.model import build_model, outputs_and_loss
from xstilts.training.optimizer import adamw

STEPS = 3
# Every second sentence: a batch of six.
_EVERY = 2
# The rate at which Adam moves weights without breaking them falls with the width (Yang et al. 2022,
# arXiv 2203.03466, table 3): 2.6e-5 for a base encoder of 768, 5e-5 for one of 384.
_RATE_TIMES_WIDTH = 0.02
_MASK_RATIO, _SEED = 0.15, 1


def losses_of(
    encoder: Path, kind: Kind, *, steps: int = STEPS, rate: float | None = None
) -> list[float]:
    """Mean loss a decision before each of some steps of training on one batch, and after the last.

    Heads are new, but that of masked language modelling where one was published; nothing is
    dropped out, so that losses can be compared.

    Args:
        rate: the learning rate, by the encoder's width if not given.

    Raises:
        XstiltsError: the workflow refuses this kind on the encoder.
    """
    task_kind = kind_of(TASK_OF[kind])
    tokenizer = load_tokenizer(encoder)
    table, _ = tokenise(task_kind.task, items_of(kind), encoder, LENGTHS.model_dump())
    features, rows = task_kind.draw(
        Features(table),
        np.arange(0, table.num_rows, _EVERY),
        tokenizer,
        mask_ratio=_MASK_RATIO,
        seed=_SEED,
    )
    model = build_model(encoder, [task_kind], 0.0, {task_kind.task.key: _SEED}).eval()
    rate = rate or _RATE_TIMES_WIDTH / hidden_size(model.encoder.config)
    optimizer = adamw(model, TrainingSettings(learning_rate=rate))
    decisions = task_kind.decisions(features, rows)
    losses = []
    for step in range(steps + 1):
        _, _, loss = outputs_and_loss(
            model,
            task_kind,
            features,
            rows,
            pad_id=tokenizer.pad_token_id,
            device=torch.device("cpu"),
        )
        losses.append(loss.item() / decisions)
        if step < steps:
            optimizer.zero_grad(set_to_none=True)
            (loss / decisions).backward()
            optimizer.step()
    return losses
