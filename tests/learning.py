"""A training loop of a few lines, to see whether a kind learns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import torch

from xstilts.config.settings import Tokenisation
from xstilts.features.batches import Features
from xstilts.features.kinds import TaskKind
from xstilts.features.tokenizer import load_tokenizer
from xstilts.training.model import build_model, outputs_and_loss, run

CPU = torch.device("cpu")


def learn_and_predict(
    folder: Path, kind: TaskKind, train: pa.Table, items: pa.Table, *, steps: int
) -> tuple[list[float], list[Any]]:
    """Loss a decision at each step, and what the trained model predicts for `items`."""
    tokenizer = load_tokenizer(folder)
    lengths = Tokenisation(max_length=32, doc_stride=8)
    features, asked = (
        Features(kind.featurise(data, tokenizer, lengths)) for data in (train, items)
    )
    model = build_model(folder, [kind], 0.1, {kind.task.key: 1}).train()
    torch.manual_seed(1)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    random = np.random.default_rng(1)
    losses = []
    for _ in range(steps):
        rows = random.choice(len(features), 16, replace=False)
        _, _, loss = outputs_and_loss(
            model, kind, features, rows, pad_id=tokenizer.pad_token_id, device=CPU
        )
        loss = loss / kind.decisions(features, rows)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    outputs = run(model, kind, asked, pad_id=tokenizer.pad_token_id, batch_tokens=512, device=CPU)
    return losses, kind.decode(outputs, asked, items, 10)
