"""Which part of a published model is the encoder, and how it behaves."""

from __future__ import annotations

import inspect
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from transformers import (
    MODEL_FOR_TEXT_ENCODING_MAPPING,
    MODEL_MAPPING,
    AutoConfig,
    AutoModel,
    AutoModelForTextEncoding,
    PreTrainedConfig,
    PreTrainedTokenizerBase,
)
from transformers.models.auto.configuration_auto import CONFIG_MAPPING_NAMES

from xstilts.config.encoders.hub_names import refusal_of
from xstilts.errors import XstiltsError
from xstilts.features.encoder_config import text_config
from xstilts.features.published_files import place_of

if TYPE_CHECKING:
    from transformers import PreTrainedModel

# What an encoder must be able to encode.
SENTENCE = "One sentence, to see whether it can be encoded."


def load_config(name: str | Path, revision: str | None = None) -> PreTrainedConfig:
    """The configuration of an encoder.

    Raises:
        XstiltsError: there is none, or of no architecture that transformers has, or its
            architecture is code that comes with it, which is never run.
    """
    try:
        found, _ = PreTrainedConfig.get_config_dict(name, revision=revision)
        kind = found.get("model_type")
        if "auto_map" not in found or kind in CONFIG_MAPPING_NAMES:
            return AutoConfig.from_pretrained(name, revision=revision, trust_remote_code=False)
    except (OSError, ValueError, AttributeError) as error:
        raise XstiltsError(
            f"cannot load the encoder: {error}",
            where=place_of(name, revision),
            hint="it must be a Hugging Face model with config.json and model.safetensors"
            if isinstance(name, Path)
            else "are the hub id and the commit right, is there a network, and for a gated"
            " repository HF_TOKEN?",
        ) from None
    refusal = refusal_of(str(name))
    raise XstiltsError(
        f"its architecture ({kind}) is code that comes with the weights, which is never run",
        where=place_of(name, revision),
        hint=refusal.remedy
        if refusal
        else "use an encoder of an architecture that transformers has itself",
    )


def encoder_class(config: PreTrainedConfig) -> tuple[Any, dict[str, Any]]:
    """The class of transformers that makes an encoder of this configuration, and its options.

    Of a model with a decoder it is the encoder alone, which `config` then says.

    Raises:
        XstiltsError: transformers has no class for the encoder alone.
    """
    options: dict[str, Any] = {}
    if takes_pooling_option(config):
        # The pooler is not part of the encoder here: heads read token states, and many
        # masked language models are published without one.
        options["add_pooling_layer"] = False
    if type(config) in MODEL_FOR_TEXT_ENCODING_MAPPING:
        if config.is_encoder_decoder:
            config.is_encoder_decoder = False
        return AutoModelForTextEncoding, options
    if config.is_encoder_decoder:
        raise XstiltsError(
            f"{config.model_type} is an encoder with a decoder, and transformers does not offer its"
            " encoder alone",
            where=config.name_or_path,
            hint="use a model that is an encoder, or the encoder of mT5, umT5 or T5Gemma",
        )
    return AutoModel, options


def takes_pooling_option(config: Any) -> bool:
    """Whether the architecture has a pooler that can be left out."""
    if type(config) not in MODEL_MAPPING:
        return False
    model = MODEL_MAPPING[type(config)]
    return isinstance(model, type) and "add_pooling_layer" in inspect.signature(model).parameters


def look_both_ways(config: PreTrainedConfig) -> None:
    """Let each token of a causal model see those behind it, where transformers can.

    `is_causal` chooses the masks of `transformers.masking_utils`; Gemma 3 has a switch of its own.
    """
    sizes = text_config(config)
    sizes.is_causal = False
    if hasattr(sizes, "use_bidirectional_attention"):
        sizes.use_bidirectional_attention = True


def keep_precision_of_adapters(model: PreTrainedModel) -> None:
    """Let X-MOD's adapters give what they are given: float32 under autocast too.

    It gathers the outputs of a batch's adapters in a tensor that is as precise as their inputs, and
    fails if they are not (transformers 5.23, `XmodOutput.lang_adapter`).
    """
    for module in model.modules():
        for adapter in getattr(module, "adapter_modules", {}).values():
            adapter.register_forward_hook(lambda _, inputs, output: output.to(inputs[0].dtype))


@torch.inference_mode()
def is_causal(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> bool:
    """Whether the states of all other tokens stay the same whatever the last token is."""
    ids = tokenizer(SENTENCE, return_tensors="pt")["input_ids"]
    other = ids.clone()
    other[0, -1] = ids[0, -2]
    if torch.equal(ids, other):
        other[0, -1] = (ids[0, -1] + 1) % len(tokenizer)
    mask = torch.ones_like(ids)
    states = [
        model(input_ids=each, attention_mask=mask).last_hidden_state[0, :-1]
        for each in (ids, other)
    ]
    return torch.equal(*states)


@torch.inference_mode()
def layers_of(model: PreTrainedModel, inputs: dict[str, Tensor]) -> list[nn.Module]:
    """The layers in order, empty where they cannot be told, as where all share their weights.

    They are the list of as many modules as the configuration says there are layers, if what each
    gives is the encoder's hidden state of that number. That of the last one may pass a norm.
    """
    count = text_config(model.config).num_hidden_layers
    for layers in model.modules():
        if not isinstance(layers, nn.ModuleList) or len(layers) != count:
            continue
        found: list[Tensor] = []

        def keep(_: nn.Module, __: Any, output: Any, found: list[Tensor] = found) -> None:
            found.append(only_states(output))

        hooks = [layer.register_forward_hook(keep) for layer in layers]
        try:
            states = model.eval()(**inputs, output_hidden_states=True).hidden_states
        finally:
            for hook in hooks:
                hook.remove()
        pairs = list(zip(found, states[1:], strict=False))
        if len(pairs) == count and all(torch.equal(*pair) for pair in pairs[:-1]):
            return list(layers)
    return []


def only_states(output: Any) -> Tensor:
    """What a layer gives, without what else it returns."""
    return output if isinstance(output, Tensor) else output[0]


@torch.inference_mode()
def final_norm(model: PreTrainedModel, inputs: dict[str, Tensor]) -> nn.Module | None:
    """The norm behind the last layer, None if there is none, as where layers end in norms.

    It is the module behind the layers whose output is the encoder's, dropout aside.
    """
    found: list[tuple[nn.Module, Tensor]] = []
    inside = {
        id(part)
        for layers in model.modules()
        if isinstance(layers, nn.ModuleList)
        for part in layers.modules()
    }
    hooks = [
        module.register_forward_hook(lambda module, _, output: found.append((module, output)))
        for module in model.modules()
        if "norm" in type(module).__name__.lower() and id(module) not in inside
    ]
    try:
        states = model.eval()(**inputs).last_hidden_state
    finally:
        for hook in hooks:
            hook.remove()
    return next((module for module, output in reversed(found) if torch.equal(output, states)), None)
