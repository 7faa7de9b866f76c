"""Sentence embeddings of an encoder as it is: one layer, pooled over the real tokens."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from xstilts.config.encoders import RetrievalSettings
from xstilts.errors import XstiltsError
from xstilts.execution.cost.tally import Tally
from xstilts.execution.files import atomic_path, reserve
from xstilts.features.batches import Features, micro_batches
from xstilts.features.kinds.base import collate
from xstilts.features.tokenizer import load_tokenizer
from xstilts.training.encoder import load_encoder
from xstilts.training.memory import for_each_batch
from xstilts.training.model import BROKEN, pick_device, progress, to_device
from xstilts.training.precision import (
    NotFiniteError,
    Precision,
    else_in_float32,
    mixed_precision,
    precision,
)

log = logging.getLogger(__name__)


def embed(
    encoder: Path,
    parts: Sequence[Features],
    settings: RetrievalSettings,
    device_name: str,
    output: Path,
    tally: Tally | None = None,
    *,
    wanted: Precision = "auto",
) -> dict[str, str]:
    """Write the vectors of all features, part after part, as a float32 array (features, hidden).

    The mean is over all real tokens, the encoder's special tokens included and padding
    excluded, as in XTREME's retrieval scripts (Hu et al. 2020).

    Args:
        tally: counts what is passed through the encoder.
        wanted: the precision; vectors that are not finite in bfloat16 are computed in float32.

    Returns:
        What `precision.else_in_float32` says of them.

    Raises:
        XstiltsError: the encoder has no such layer, or the vector of a sentence is not finite, in
            float32 either.
    """
    device = pick_device(device_name)
    counted = tally or Tally()

    def everything(dtype: torch.dtype) -> None:
        _embed(encoder, parts, settings, device, dtype, output, counted)

    return else_in_float32(everything, precision(device, wanted))[1]


@torch.inference_mode()
def _embed(
    encoder: Path,
    parts: Sequence[Features],
    settings: RetrievalSettings,
    device: torch.device,
    dtype: torch.dtype,
    output: Path,
    tally: Tally,
) -> None:
    model = load_encoder(encoder)
    model.to(device)  # type: ignore[arg-type]  # its decorator hides that it is a method
    tokenizer = load_tokenizer(encoder)
    pad_id = tokenizer.pad_token_id
    layers = model.config.num_hidden_layers
    if not -layers - 1 <= settings.layer <= layers:
        raise XstiltsError(
            f"layer {settings.layer} is not among the {layers} layers and the embedding output",
            where=encoder,
            hint="set encoders.<name>.retrieval.layer",
        )
    everything = sum(len(features) for features in parts)
    with atomic_path(output) as part:
        vectors = np.lib.format.open_memmap(
            part, mode="w+", dtype=np.float32, shape=(everything, model.config.hidden_size)
        )
        reserve(part)
        bar = progress(everything, "embedding", "sentences")
        start = 0
        for features in parts:

            def embed_rows(
                rows: np.ndarray, start: int = start, features: Features = features
            ) -> None:
                inputs = to_device(collate(features, rows, pad_id), device)
                with mixed_precision(device, dtype):
                    states = model(**inputs, output_hidden_states=True).hidden_states
                tally.batch(features.lengths[rows])
                found = states[settings.layer].float()
                pooled = pool(found, inputs["attention_mask"], settings.pooling)
                for row in rows[~np.isfinite(pooled).all(axis=1)]:
                    text = tokenizer.decode(features.ragged("input_ids").row(row))
                    raise NotFiniteError(
                        f"the vector of {text!r} is not a finite number", where=encoder, hint=BROKEN
                    )
                vectors[start + rows] = pooled
                bar.update(len(rows))

            batches = micro_batches(range(len(features)), features.lengths, settings.batch_tokens)
            for_each_batch(embed_rows, batches, features.lengths, device)
            start += len(features)
        bar.close()
        vectors.flush()


def pool(states: torch.Tensor, mask: torch.Tensor, how: str) -> np.ndarray:
    """(batch, tokens, hidden) to (batch, hidden): mean over real tokens, or the first token."""
    if how == "first":
        return states[:, 0].cpu().numpy()
    weights = mask[:, :, None].to(states.dtype)
    return ((states * weights).sum(1) / weights.sum(1)).cpu().numpy()
