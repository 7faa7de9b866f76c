"""An encoder with a head for each of its tasks: running it, saving it, loading it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn
from tqdm import tqdm
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from xstilts.errors import XstiltsError
from xstilts.execution.cost.tally import Tally
from xstilts.features.batches import Features, micro_batches
from xstilts.features.encoder_config import Usage
from xstilts.features.kinds import TaskKind
from xstilts.training.encoder import load_encoder, save_encoder
from xstilts.training.memory import for_each_batch
from xstilts.training.mlm_head import HEADS, masked_head
from xstilts.training.precision import NotFiniteError, mixed_precision

# What mends outputs that are not finite numbers.
BROKEN = "the weights are broken: use another encoder"
# Seconds between two lines of progress in a log file.
PROGRESS_SECONDS = 10.0


def pick_device(name: str) -> torch.device:
    """The device that a job computes on (`devices.device_for`): `cuda` or `cpu`.

    Raises:
        XstiltsError: `cuda` was asked for and there is none.
    """
    if name == "cuda" and not torch.cuda.is_available():
        raise XstiltsError(
            "this job is to compute on a GPU and PyTorch sees none",
            where="device: cuda",
            hint="run on a machine with a GPU, its driver and a PyTorch for it, give the job one"
            " (--resources gpu=1), or set device: cpu",
        )
    return torch.device(name)


class TaskModel(nn.Module):
    """A multilingual encoder and heads over its token states, one a task, by the task's key.

    `tally` counts what `run` and `outputs_and_loss` pass through it, which the encoder computes in
    `precision`.
    """

    def __init__(self, encoder: PreTrainedModel, heads: Mapping[str, nn.Module]) -> None:
        super().__init__()
        self.tally = Tally()
        self.precision = torch.float32
        self.encoder = encoder
        self.heads = nn.ModuleDict(heads)

    def forward(
        self, inputs: dict[str, Tensor], task: str, positions: Tensor | None = None
    ) -> Tensor:
        """Head outputs for padded inputs, as the kind defines: (batch, …) or (positions, …)."""
        states = self.encoder(**inputs).last_hidden_state
        if positions is not None:
            states = states.flatten(0, 1)[positions]
        return self.apply_head(states, inputs["attention_mask"], task)

    def apply_head(self, states: Tensor, attention_mask: Tensor, task: str) -> Tensor:
        """Outputs of one task's head for states of the encoder: those of all tokens, or some.

        Heads compute in the precision of their weights whatever the encoder does: with the 8 bits
        of bfloat16 many outputs are equal, and the first label and the earliest span would be
        taken. The vocabulary of a head for masked language modelling is large, and it chooses
        nothing.
        """
        head = self.heads[task]
        if getattr(head, "in_mixed_precision", False):
            return head(states)
        mask = (attention_mask,) if hasattr(head, "pooling") else ()
        with torch.autocast(states.device.type, enabled=False):
            return head(states.to(next(head.parameters()).dtype), *mask)


def build_model(
    folder: str | Path, kinds: Iterable[TaskKind], dropout: float, seeds: Mapping[str, int]
) -> TaskModel:
    """An encoder from `folder` with new heads, initialised each from its own seed (by task).

    A head for masked language modelling that lies beside the encoder's weights is used on.

    Raises:
        XstiltsError: the encoder is a causal model and a head reads more than its last token.
    """
    encoder = load_encoder(folder)
    heads = {}
    for kind in kinds:
        _refuse_causal(encoder, kind, folder)
        torch.manual_seed(seeds[kind.task.key])
        heads[kind.task.key] = _head(kind, encoder, dropout, folder)
    return TaskModel(encoder, heads)


def load_model(folder: str | Path, kind: TaskKind) -> TaskModel:
    """A trained encoder with its head for one task, ready to predict.

    Raises:
        XstiltsError: the head is missing or belongs to another task.
    """
    encoder = load_encoder(folder)
    head = _head(kind, encoder, 0.0, folder)
    try:
        head.load_state_dict(_head_state(folder, kind))
    except (OSError, RuntimeError, SafetensorError) as error:
        raise XstiltsError(
            f"cannot load the head of {kind.task.key}: {error}", where=Path(folder) / HEADS
        ) from None
    return TaskModel(encoder, {kind.task.key: head}).eval()


def _head(
    kind: TaskKind, encoder: PreTrainedModel, dropout: float, folder: str | Path
) -> nn.Module:
    """A new head, or that for masked language modelling which lies in the encoder's folder."""
    if kind.is_masked:
        return masked_head(kind, encoder, dropout, _head_state(folder, kind))
    return kind.head(encoder, dropout)


def _refuse_causal(encoder: PreTrainedModel, kind: TaskKind, folder: str | Path) -> None:
    usage = Usage.of(encoder.config)
    if usage.causal and not (kind.pools and usage.pooling == "last"):
        raise XstiltsError(
            f"a causal model: each token sees only those before it, and {kind.task.key} reads more"
            " than the last one",
            where=folder,
            hint="set `bidirectional: true` for this encoder, or leave the task out",
        )


def _head_state(folder: str | Path, kind: TaskKind) -> dict[str, Tensor]:
    """The parameters of a task's head, by its own names; none if there is no such head.

    A target's head is named by the train set, which it may share with other targets.
    """
    path = Path(folder) / HEADS
    prefix = f"{kind.task.train_set or kind.task.key}."
    tensors = load_file(path) if path.is_file() else {}
    return {
        name.removeprefix(prefix): value
        for name, value in tensors.items()
        if name.startswith(prefix)
    }


def save_model(
    model: TaskModel,
    tokenizer: PreTrainedTokenizerBase,
    folder: Path,
    provenance: dict[str, Any],
) -> None:
    """Write the encoder as a Hugging Face folder with its heads beside it, named by task."""
    save_encoder(model.encoder, tokenizer, folder, provenance, model.heads.state_dict())


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
    inputs = kind.inputs(features, rows, pad_id)
    width = inputs["input_ids"].shape[1]
    targets = kind.targets(features, rows, width).to(device)
    positions = kind.positions(features, rows, width)
    inputs = to_device(inputs, device)
    with mixed_precision(device, model.precision):
        outputs = model(inputs, kind.task.key, None if positions is None else positions.to(device))
        outputs = kind.arrange(outputs, features, rows)
    model.tally.batch(
        kind.input_lengths(features, rows),
        predicted=0 if positions is None else len(positions),
        training=torch.is_grad_enabled(),
    )
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
    ids: Sequence[str] | None = None,
) -> list[np.ndarray]:
    """Head outputs of every feature, padding removed, in the order of `features`.

    Args:
        label: what a bar of progress says.
        ids: of the items, for what is said of one.

    Raises:
        NotFiniteError: an output is not a number.
    """
    model.eval()
    outputs: list[Any] = [None] * len(features)
    bar = progress(len(features), label, "features") if label else None

    def predict(rows: np.ndarray) -> None:
        inputs = to_device(kind.inputs(features, rows, pad_id), device)
        with mixed_precision(device, model.precision):
            arranged = kind.arrange(model(inputs, kind.task.key), features, rows)
        model.tally.batch(kind.input_lengths(features, rows))
        batch = arranged.float().cpu().numpy()
        per_token = batch.ndim == 3
        for row, values in zip(rows, batch, strict=True):
            # A copy, so that the padded batch can be freed.
            values = values[: features.lengths[row]].copy() if per_token else values
            # Choices that an item does not have are minus infinity.
            if not (values < np.inf).all():
                item = features.items[row]
                name = f"item {item + 1}" if ids is None else repr(ids[item])
                raise NotFiniteError(
                    f"the outputs for {name} are not finite numbers",
                    where=f"predicting {kind.task.key}",
                    hint=BROKEN,
                )
            outputs[row] = values
        if bar is not None:
            bar.update(len(rows))

    batches = micro_batches(range(len(features)), features.lengths, batch_tokens)
    for_each_batch(predict, batches, features.lengths, device)
    if bar is not None:
        bar.close()
    return outputs


def to_device(inputs: dict[str, Tensor], device: torch.device) -> dict[str, Tensor]:
    """The same tensors on `device`."""
    return {name: tensor.to(device) for name, tensor in inputs.items()}


def use_threads(threads: int) -> None:
    """Compute with this many CPU threads: results depend on the number in the last bits."""
    torch.set_num_threads(threads)
