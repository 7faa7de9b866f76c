"""Predictions of a trained target in all its languages, in one job."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch

from xstilts.config.tasks import Task
from xstilts.execution.cost.tally import Tally
from xstilts.features.batches import Features
from xstilts.features.kinds import kind_of
from xstilts.features.perturbed import Perturbed
from xstilts.features.tokenizer import load_tokenizer
from xstilts.scoring.item_counts import prediction_table
from xstilts.training.model import load_model, pick_device, run
from xstilts.training.precision import Precision, else_in_float32, precision

log = logging.getLogger(__name__)


def predict(
    task: Task,
    checkpoint: Path,
    data: pa.Table,
    features: Features,
    *,
    perturbed: Perturbed | None = None,
    batch_tokens: int,
    max_answer_length: int,
    device_name: str,
    wanted: Precision = "auto",
    tally: Tally | None = None,
) -> tuple[pa.Table, dict[str, str]]:
    """Predictions by item (`metrics.prediction_schema`) of all rows of `data` and `perturbed`.

    Args:
        wanted: the precision; outputs that are not finite in bfloat16 are computed in float32.
        tally: counts what is passed through the encoder.

    Returns:
        The predictions, and what `precision.else_in_float32` says of them.

    Raises:
        XstiltsError: the checkpoint has no head for this task, or its outputs are not finite, in
            float32 either.
    """
    device = pick_device(device_name)
    kind = kind_of(task)
    model = load_model(checkpoint, kind).to(device)
    model.tally = tally or model.tally
    pad_id = load_tokenizer(checkpoint).pad_token_id

    def decoded(items: pa.Table, of: Features, what: str) -> Sequence[Any]:
        log.info("%s: %d items, %d features, on %s", what, items.num_rows, len(of), device)
        outputs = run(
            model,
            kind,
            of,
            pad_id=pad_id,
            batch_tokens=batch_tokens,
            device=device,
            label=f"predicting {what}",
            ids=items["id"].to_pylist(),
        )
        return kind.decode(outputs, of, items, max_answer_length)

    def everything(dtype: torch.dtype) -> pa.Table:
        model.precision = dtype
        table = prediction_table(task, data, decoded(data, features, task.key))
        if perturbed is None:
            return table
        found = decoded(perturbed.data, perturbed.features, f"{task.key}, perturbed")
        return pa.concat_tables(
            [
                table,
                *(
                    prediction_table(
                        task, perturbed.data.take(rows), [found[row] for row in rows], condition
                    )
                    for condition, rows in perturbed.rows.items()
                ),
            ]
        )

    return else_in_float32(everything, precision(device, wanted))
