"""Sentence embeddings of an encoder as it is: one layer, pooled over the real tokens."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from xstilts.config.encoders import RetrievalSettings
from xstilts.errors import XstiltsError
from xstilts.execution.cost.tally import Tally
from xstilts.execution.files import atomic_path, reserve
from xstilts.features.batches import Features, micro_batches
from xstilts.features.encoder_config import Usage, hidden_size, text_config
from xstilts.features.kinds.base import collate
from xstilts.features.pooling import pooled
from xstilts.features.tokenizer import load_tokenizer
from xstilts.training.architecture import SENTENCE, final_norm, layers_of, only_states
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
    excluded, as in XTREME's retrieval scripts (Hu et al. 2020). With `final_norm` the states of
    an inner layer pass the norm that the encoder has behind its last layer.

    Args:
        tally: counts what is passed through the encoder.
        wanted: the precision; vectors that are not finite in bfloat16 are computed in float32.

    Returns:
        What `precision.else_in_float32` says of them.

    Raises:
        XstiltsError: the encoder has no such layer or no final norm, or it is a causal model that
            is not read at its last token, or the vector of a sentence is not finite, in float32
            either.
    """
    device = pick_device(device_name)
    counted = tally or Tally()

    def everything(dtype: torch.dtype) -> None:
        _embed(encoder, parts, settings, device, dtype, output, counted)

    return else_in_float32(everything, precision(device, wanted))[1]


class _Reached(Exception):  # noqa: N818 - it is no error
    """The layer that is wanted has given its states, which are the argument."""


class _LayerStates:
    """The states of one layer, computed no further than to it where layers can be told apart.

    Args:
        number: 0 for the embeddings that the first layer reads, n for what the last of n gives.
        probe: inputs of one sentence, to find the layers by.
    """

    def __init__(self, model: PreTrainedModel, number: int, probe: dict[str, Tensor]) -> None:
        self._model, self._number = model, number
        count = text_config(model.config).num_hidden_layers
        layers = layers_of(model, probe) if 0 < number < count else []
        # Share of the layers that are computed.
        self.depth = Fraction(number, count) if layers else Fraction(1)
        if layers:
            layers[number - 1].register_forward_hook(self._stop)

    @staticmethod
    def _stop(_module: nn.Module, _inputs: Any, output: Any) -> None:
        raise _Reached(only_states(output))

    def __call__(self, inputs: dict[str, Tensor]) -> Tensor:
        """(batch, tokens, hidden) of padded inputs."""
        try:
            # Most architectures then hold this layer's states alone in memory.
            outputs = self._model(**inputs, output_hidden_states=[self._number])
        except _Reached as reached:
            return reached.args[0]
        return outputs.hidden_states[self._number]


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
    if Usage.of(model.config).causal and settings.pooling != "last":
        raise XstiltsError(
            "a causal model: each token sees only those before it, and its sentence vectors are"
            " trained at the last one",
            where=encoder,
            hint="set encoders.<name>.retrieval.pooling: last",
        )
    layers = text_config(model.config).num_hidden_layers
    if not -layers - 1 <= settings.layer <= layers:
        raise XstiltsError(
            f"layer {settings.layer} is not among the {layers} layers and the embedding output",
            where=encoder,
            hint="set encoders.<name>.retrieval.layer",
        )
    probe = to_device(tokenizer(SENTENCE, return_tensors="pt"), device)
    number = settings.layer if settings.layer >= 0 else layers + 1 + settings.layer
    norm = None
    if settings.final_norm and number != layers:
        norm = final_norm(model, probe)
        if norm is None:
            raise XstiltsError(
                "there is no norm behind the last layer: the layers of this encoder end in norms",
                where=encoder,
                hint="set encoders.<name>.retrieval.final_norm: false",
            )
    # Not before: the norm is looked for in whole passes.
    states_of = _LayerStates(model, number, probe)
    everything = sum(len(features) for features in parts)
    with atomic_path(output) as part:
        vectors = np.lib.format.open_memmap(
            part, mode="w+", dtype=np.float32, shape=(everything, hidden_size(model.config))
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
                    states = states_of(inputs)
                    states = states if norm is None else norm(states)
                tally.batch(features.lengths[rows], depth=states_of.depth)
                found = pooled(states.float(), inputs["attention_mask"], settings.pooling)
                vectors_of_rows = found.cpu().numpy()
                for row in rows[~np.isfinite(vectors_of_rows).all(axis=1)]:
                    text = tokenizer.decode(features.ragged("input_ids").row(row))
                    raise NotFiniteError(
                        f"the vector of {text!r} is not a finite number", where=encoder, hint=BROKEN
                    )
                vectors[start + rows] = vectors_of_rows
                bar.update(len(rows))

            batches = micro_batches(range(len(features)), features.lengths, settings.batch_tokens)
            for_each_batch(embed_rows, batches, features.lengths, device)
            start += len(features)
        bar.close()
        vectors.flush()
