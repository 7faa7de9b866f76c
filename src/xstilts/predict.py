"""Predictions of a trained target in all its languages, in one job."""

from __future__ import annotations

import logging
from pathlib import Path

import pyarrow as pa

from xstilts.batches import Features
from xstilts.encoder import load_tokenizer
from xstilts.item_counts import prediction_table
from xstilts.kinds import kind_of
from xstilts.model import load_model, pick_device, run
from xstilts.tasks import Task

log = logging.getLogger(__name__)


def predict(
    task: Task,
    checkpoint: Path,
    data: pa.Table,
    features: Features,
    *,
    batch_tokens: int,
    max_answer_length: int,
    device_name: str,
) -> pa.Table:
    """Item-level predictions (`schemas.PREDICTIONS`) of every row of `data`.

    Raises:
        XstiltsError: the checkpoint has no head for this task.
    """
    device = pick_device(device_name)
    kind = kind_of(task)
    model = load_model(checkpoint, kind).to(device)
    log.info("%s: %d items, %d features, on %s", task.key, data.num_rows, len(features), device)
    outputs = run(
        model,
        kind,
        features,
        pad_id=load_tokenizer(checkpoint).pad_token_id,
        batch_tokens=batch_tokens,
        device=device,
        label=f"predicting {task.key}",
    )
    return prediction_table(task, data, kind.decode(outputs, features, data, max_answer_length))
