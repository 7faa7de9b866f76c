"""Encoders: any Hugging Face model with token-level output, loaded strictly and safely.

Safetensors only, no remote code, and a weight that the architecture needs but the files lack
is an error: an encoder with randomly filled layers would train and quietly score worse.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor
from transformers import PreTrainedTokenizerBase

from xstilts.config.encoders import EncoderSource
from xstilts.errors import XstiltsError
from xstilts.execution.files import atomic_path, sha256_file, write_json
from xstilts.execution.provenance import versions
from xstilts.features.encoder_config import adapter_names, hidden_size, usage_of_source
from xstilts.features.published_files import place_of
from xstilts.features.tokenizer import fit, load_tokenizer
from xstilts.training.architecture import (
    SENTENCE,
    encoder_class,
    is_causal,
    keep_precision_of_adapters,
    load_config,
    look_both_ways,
)
from xstilts.training.attention import use_fast_attention
from xstilts.training.mlm_head import HEADS, published_head
from xstilts.training.weights import LOADING, convert_pickle, has_pickle_alone, pickle_alone

if TYPE_CHECKING:
    # Importing it takes most of a second, and an encoder brings its own class.
    from transformers import PreTrainedModel

log = logging.getLogger(__name__)

PROVENANCE = "provenance.json"


def load_encoder(
    name: str | Path,
    revision: str | None = None,
    *,
    bidirectional: bool = False,
    where: str | Path | None = None,
) -> PreTrainedModel:
    """Load an encoder in float32 with dropout as configured, in evaluation mode.

    Args:
        name: a local folder, or a hub id together with `revision`.
        bidirectional: let each token of a causal model see those behind it.
        where: what errors call it, if not by its name and commit.

    Raises:
        XstiltsError: no safetensors weights there, or a weight is missing or misshapen, or no
            architecture that transformers has an encoder of.
    """
    where = place_of(name, revision) if where is None else where
    config = load_config(name, revision)
    factory, options = encoder_class(config)
    if bidirectional:
        look_both_ways(config)
    use_fast_attention()
    try:
        model, info = factory.from_pretrained(
            name, revision=revision, config=config, **LOADING, **options
        )
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        if has_pickle_alone(name, revision):
            raise pickle_alone(name, revision) from None
        problem = (
            f"an index of its weights has no {error}" if isinstance(error, KeyError) else error
        )
        raise XstiltsError(
            f"cannot load the encoder: {problem}",
            where=where,
            hint="it must be a Hugging Face model with model.safetensors; convert other weights"
            " with save_pretrained",
        ) from None
    lost = sorted(set(info["missing_keys"]) | {str(key) for key in info["mismatched_keys"]})
    if lost:
        shown = ", ".join(lost[:5]) + (f" and {len(lost) - 5} more" if len(lost) > 5 else "")
        raise XstiltsError(
            f"{len(lost)} weights of the encoder are missing or have another shape: {shown}",
            where=where,
            hint="use a complete checkpoint of the architecture that its config.json names",
        )
    keep_precision_of_adapters(model)
    return model.eval()


def save_encoder(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    folder: Path,
    provenance: dict[str, Any],
    heads: Mapping[str, Tensor] | None = None,
) -> None:
    """Write what `AutoModel.from_pretrained` loads, heads and `provenance.json`, into `folder`.

    The provenance holds digests of the weights, so that it can stand for all of the folder.
    """
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(folder, safe_serialization=True)
    tokenizer.save_pretrained(folder)
    if heads:
        save_file({name: tensor.contiguous() for name, tensor in heads.items()}, folder / HEADS)
    weights = _weights(folder)
    write_json(folder / PROVENANCE, {**provenance, "weights": weights, "versions": versions()})


def _weights(folder: Path) -> dict[str, str]:
    """SHA-256 of every file of weights, by its name."""
    return {file.name: sha256_file(file) for file in sorted(folder.glob("*.safetensors"))}


@torch.inference_mode()
def refuse_broken(
    model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase, where: str | Path
) -> None:
    """Raise unless all weights are numbers and one sentence can be encoded.

    Weights of a run that diverged or overflowed load without a word, and every score after them is
    one of chance.
    """
    hint = "another copy or revision of the encoder"
    for name, parameter in model.named_parameters():
        if not parameter.isfinite().all():
            raise XstiltsError(f"{name} holds what is not a finite number", where=where, hint=hint)
    inputs = tokenizer(SENTENCE, return_tensors="pt")
    try:
        states = model.eval()(**inputs).last_hidden_state
    except Exception as error:
        raise XstiltsError(
            f"cannot encode {SENTENCE!r}: {type(error).__name__}: {error}", where=where, hint=hint
        ) from error
    if not states.isfinite().all():
        raise XstiltsError(
            f"encodes {SENTENCE!r} as what is not a finite number", where=where, hint=hint
        )
    size = hidden_size(model.config)
    if states.shape != (*inputs["input_ids"].shape, size):
        raise XstiltsError(
            f"gives states of the shape {tuple(states.shape)}, not {size} numbers for each token",
            where=where,
            hint="use an encoder of text",
        )


def fetch_encoder(source: EncoderSource, output: Path) -> None:
    """Bring an encoder into a local folder, so that no later job touches the network.

    If it was published with its head for masked language modelling, that is kept beside it.

    Raises:
        XstiltsError: as `load_encoder`, `load_tokenizer`, `fit`, `convert_pickle` and
            `refuse_broken`, or it is a causal model whose heads would read a token that sees
            nothing behind it.
    """
    folder = source.local_folder()
    name: str | Path = folder if folder is not None else str(source.hub)
    log.info("loading the encoder %s", name)
    provenance: dict[str, Any] = {"source": source.model_dump(mode="json")}
    if folder is not None:
        provenance["sha256"] = _weights(folder)
    with atomic_path(output) as part:
        weights, revision = name, source.revision
        # What is wrong with its configuration is said before anything is converted.
        load_config(name, revision)
        if source.convert_pickle and has_pickle_alone(name, revision):
            weights, revision = part.with_name("converted"), None
            pickled = convert_pickle(name, source.revision, weights)
            provenance["converted"] = {"from": pickled, "to": _weights(weights)}
        model = load_encoder(weights, revision, bidirectional=source.bidirectional, where=name)
        embeddings = model.get_input_embeddings().get_parameter("weight")
        tokenizer = fit(load_tokenizer(name, source.revision), len(embeddings))
        if getattr(model.config, "default_language", "") is None:
            # X-MOD's: batches say which language each input has, others get the first adapter.
            model.config.default_language = model.config.languages[0]
        _refuse_absent_adapters(source, model, name)
        refuse_broken(model, tokenizer, name)
        causal = is_causal(model, tokenizer)
        if causal and (source.bidirectional or source.pooling != "last"):
            raise _causal(source, model, name)
        usage_of_source(source, causal=causal).write(model.config)
        head = published_head(weights, revision, model)
        save_encoder(model, tokenizer, part, provenance, head)
    count = sum(parameter.numel() for parameter in model.parameters())
    log.info("%s: %.1f M parameters, %s", output, count / 1e6, model.config.model_type)


def _refuse_absent_adapters(
    source: EncoderSource, model: PreTrainedModel, name: str | Path
) -> None:
    there = adapter_names(model.config)
    if absent := sorted(set(source.adapters.values()).difference(there)):
        raise XstiltsError(
            f"the encoder has no adapter {', '.join(absent)}",
            where=name,
            hint=f"its adapters are {', '.join(there)}"
            if there
            else "leave out `adapters`: it has none for single languages",
        )


def _causal(source: EncoderSource, model: PreTrainedModel, name: str | Path) -> XstiltsError:
    """The error about an encoder whose tokens see only those before them."""
    if source.bidirectional:
        return XstiltsError(
            f"transformers cannot make {model.config.model_type} bidirectional: its tokens still"
            " see only those before them",
            where=name,
            hint="set `pooling: last` instead, or use another encoder",
        )
    return XstiltsError(
        "a causal model: each token sees only those before it, so that heads on the first token or"
        " on single ones would learn little or nothing",
        where=name,
        hint="set `bidirectional: true` for this encoder, or `pooling: last` for pairs, choices and"
        " retrieval alone",
    )
