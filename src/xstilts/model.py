"""An encoder with one head: running it, saving it, loading it."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from tqdm import tqdm
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from xstilts.batches import Features, micro_batches
from xstilts.encoder import load_encoder, save_encoder
from xstilts.errors import XstiltsError
from xstilts.kinds import TaskKind
from xstilts.kinds.base import collate

HEAD = "head.safetensors"
# Seconds between two lines of progress in a log file.
PROGRESS_SECONDS = 10.0


def pick_device(name: str) -> torch.device:
    """`auto` is the first GPU if there is one.

    Raises:
        XstiltsError: `cuda` was asked for and there is none.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise XstiltsError(
            "the experiment asks for a GPU and PyTorch sees none",
            where="device: cuda",
            mend="run on a machine with a GPU or set device: auto",
        )
    return torch.device("cuda" if name != "cpu" and torch.cuda.is_available() else "cpu")


def mixed_precision(device: torch.device) -> AbstractContextManager[Any]:
    """bfloat16 autocast on a GPU; float32 on CPU, where bfloat16 is slower."""
    if device.type == "cuda" and torch.cuda.is_bf16_supported():
        return torch.autocast("cuda", dtype=torch.bfloat16)
    return nullcontext()


class TaskModel(nn.Module):
    """A multilingual encoder and the head of one task over its token states."""

    def __init__(self, encoder: PreTrainedModel, head: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head

    def forward(self, inputs: dict[str, Tensor], positions: Tensor | None = None) -> Tensor:
        """Head outputs for padded inputs, as the kind defines: (batch, …) or (positions, …)."""
        states = self.encoder(**inputs).last_hidden_state
        if positions is not None:
            states = states.flatten(0, 1)[positions]
        return self.head(states)


def build_model(folder: str | Path, kind: TaskKind, dropout: float, seed: int) -> TaskModel:
    """An encoder from `folder` with a new head, initialised from `seed`."""
    encoder = load_encoder(folder)
    torch.manual_seed(seed)
    return TaskModel(encoder, kind.head(encoder, dropout))


def load_model(folder: str | Path, kind: TaskKind) -> TaskModel:
    """A trained encoder with its head, ready to predict.

    Raises:
        XstiltsError: the head is missing or belongs to another task.
    """
    encoder = load_encoder(folder)
    head = kind.head(encoder, 0.0)
    path = Path(folder) / HEAD
    try:
        head.load_state_dict(load_file(path))
    except (OSError, RuntimeError) as error:
        raise XstiltsError(
            f"cannot load the head of {kind.task.key}: {error}", where=path
        ) from None
    return TaskModel(encoder, head).eval()


def save_model(
    model: TaskModel,
    tokenizer: PreTrainedTokenizerBase,
    folder: Path,
    provenance: dict[str, Any],
) -> None:
    """Write the encoder as a Hugging Face folder with the head beside it."""
    save_encoder(model.encoder, tokenizer, folder, provenance)
    state = {name: tensor.contiguous() for name, tensor in model.head.state_dict().items()}
    save_file(state, folder / HEAD)


def progress(total: int, label: str, unit: str) -> tqdm:
    """A progress bar that also reads well in a log file."""
    return tqdm(total=total, desc=label, unit=unit, mininterval=PROGRESS_SECONDS, ascii=True)


def outputs_and_loss(
    model: TaskModel,
    kind: TaskKind,
    features: Features,
    rows: np.ndarray,
    *,
    pad_id: int,
    device: torch.device,
) -> tuple[Tensor, Tensor, Tensor]:
    """(head outputs, gold targets, loss summed over decisions) of these rows as one batch."""
    inputs = collate(features, rows, pad_id)
    width = inputs["input_ids"].shape[1]
    targets = kind.targets(features, rows, width).to(device)
    positions = kind.positions(features, rows, width)
    inputs = to_device(inputs, device)
    with mixed_precision(device):
        outputs = model(inputs, None if positions is None else positions.to(device))
    return outputs, targets, kind.loss(outputs, targets, inputs["attention_mask"])


@torch.inference_mode()
def run(
    model: TaskModel,
    kind: TaskKind,
    features: Features,
    *,
    pad_id: int,
    batch_tokens: int,
    device: torch.device,
    label: str | None = None,
) -> list[np.ndarray]:
    """Head outputs of every feature, padding removed, in the order of `features`."""
    model.eval()
    outputs: list[Any] = [None] * len(features)
    bar = progress(len(features), label, "features") if label else None
    for rows in micro_batches(range(len(features)), features.lengths, batch_tokens):
        inputs = to_device(collate(features, rows, pad_id), device)
        with mixed_precision(device):
            batch = model(inputs).float().cpu().numpy()
        per_token = batch.ndim == 3
        for row, values in zip(rows, batch, strict=True):
            # A copy, so that the padded batch can be freed.
            outputs[row] = values[: features.lengths[row]].copy() if per_token else values
        if bar is not None:
            bar.update(len(rows))
    if bar is not None:
        bar.close()
    return outputs


def to_device(inputs: dict[str, Tensor], device: torch.device) -> dict[str, Tensor]:
    """The same tensors on `device`."""
    return {name: tensor.to(device) for name, tensor in inputs.items()}


def use_threads(threads: int) -> None:
    """Compute with this many CPU threads: results depend on the number in the last bits."""
    torch.set_num_threads(threads)
