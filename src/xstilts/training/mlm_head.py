"""Heads for masked language modelling: the one an encoder was published with, or a new one.

A published head is the architecture's own class in transformers with its encoder taken out, so
that it computes what its authors trained, whatever its layers are and are called. Weights that it
shares with the encoder are the encoder's: trained once and saved once.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import MODEL_FOR_MASKED_LM_MAPPING, AutoModelForMaskedLM
from transformers.modeling_outputs import BaseModelOutput

from xstilts.config.tasks import TEXT
from xstilts.errors import XstiltsError
from xstilts.features.kinds import TaskKind
from xstilts.features.published_files import published_file
from xstilts.training.weights import LOADING

if TYPE_CHECKING:
    from transformers import PreTrainedConfig, PreTrainedModel

log = logging.getLogger(__name__)

# Heads lie beside the encoder's weights, their parameters named by the task's key.
HEADS = "head.safetensors"
# What parameters of `PublishedHead` begin with; those of a new head have none of it.
_PUBLISHED = "published."


class _States(nn.Module):
    """What stands in for the encoder of a masked language model: its output is its input.

    Its modules are the encoder's, such as the embeddings that DeBERTa-v3's head asks for.
    """

    def __init__(self, encoder: PreTrainedModel) -> None:
        super().__init__()
        # In a list it is not registered: its weights are no part of the head.
        self._encoder = [encoder]

    def forward(self, *_: Any, inputs_embeds: Tensor, **__: Any) -> BaseModelOutput:
        return BaseModelOutput(last_hidden_state=inputs_embeds)

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return self._encoder[0].__getattr__(name)


class PublishedHead(nn.Module):
    """The head of the encoder's own architecture for masked language modelling.

    Args:
        state: its parameters and buffers, by the names that transformers' class has for them,
            without those that it shares with the encoder or that repeat another of its own.

    Raises:
        ValueError: the state is not that of a head of this architecture.
    """

    in_mixed_precision = True

    def __init__(self, encoder: PreTrainedModel, state: Mapping[str, Tensor]) -> None:
        super().__init__()
        for config in _forms(encoder.config):
            # Without memory for the encoder, which is there already.
            with torch.device("meta"):
                model = AutoModelForMaskedLM.from_config(config, dtype=torch.float32)
            base = model.base_model_prefix
            setattr(model, base, _States(encoder))
            model.load_state_dict(state, strict=False, assign=True)
            # What is not in the file is shared with what is.
            for target, source in model.all_tied_weights_keys.items():
                if target not in state:
                    of_encoder = source.startswith(f"{base}.")
                    owner: nn.Module = encoder if of_encoder else model
                    shared = owner.get_parameter(source.removeprefix(f"{base}."))
                    _share(model, target, shared)
            if model.state_dict().keys() == state.keys():
                self.published = model
                return
        raise ValueError("weights are missing, or are those of another architecture")

    def forward(self, states: Tensor) -> Tensor:
        """(…, hidden) to (…, vocabulary)."""
        return self.published(inputs_embeds=states).logits


def _share(model: nn.Module, name: str, parameter: nn.Parameter) -> None:
    """Let a module use a parameter that is another's, without having it as one of its own.

    So it is neither optimised, moved nor saved a second time.
    """
    path, _, attribute = name.rpartition(".")
    module = model.get_submodule(path)
    module._parameters.pop(attribute)
    object.__setattr__(module, attribute, parameter)


def _forms(config: PreTrainedConfig) -> Iterator[PreTrainedConfig]:
    """The configuration as published, and with the other of DeBERTa's two heads.

    The head of the original checkpoints is the one of `legacy: false`, which their config.json
    does not say, and true is what transformers takes then.
    """
    yield config
    if getattr(config, "legacy", False):
        other = copy.deepcopy(config)
        other.legacy = False
        yield other


def masked_head(
    kind: TaskKind, encoder: PreTrainedModel, dropout: float, state: Mapping[str, Tensor]
) -> nn.Module:
    """The head for masked language modelling that `state` belongs to, a new one if it is empty.

    Raises:
        XstiltsError: it fits neither the encoder's architecture nor `MaskedLanguageHead`.
    """
    try:
        if any(name.startswith(_PUBLISHED) for name in state):
            own = {name.removeprefix(_PUBLISHED): value for name, value in state.items()}
            return PublishedHead(encoder, own)
        head = kind.head(encoder, dropout)
        if state:
            head.load_state_dict(state)
    except (ValueError, RuntimeError) as error:
        raise XstiltsError(
            f"its head for masked language modelling does not fit the encoder: {error}",
            where=f"{encoder.name_or_path}/{HEADS}",
            hint="fetch or train the encoder anew",
        ) from None
    return head


def published_head(
    name: str | Path, revision: str | None, encoder: PreTrainedModel
) -> dict[str, Tensor]:
    """Parameters (float32) of the head by their names in `HEADS`, empty if there is none.

    What was found, or why the training begins with a new head, is logged.

    Args:
        name: a local folder, or a hub id together with `revision`.
        encoder: what was loaded from there.
    """
    if (path := published_file(name, revision, HEADS)) and (kept := _kept(path)):
        log.info("%s: its head for masked language modelling is kept", name)
        return kept
    state, reason = _own_class(name, revision, encoder)
    if reason:
        log.info("%s: %s, so masked language modelling will begin with a new one", name, reason)
        return {}
    log.info("%s: published with a head for masked language modelling, which is kept", name)
    return {f"{TEXT}.{_PUBLISHED}{key}": value for key, value in state.items()}


def _kept(path: Path) -> dict[str, Tensor]:
    """The head of an encoder that an earlier run of this workflow saved."""
    return {
        name: value.float()
        for name, value in load_file(path).items()
        if name.startswith(f"{TEXT}.")
    }


def _own_class(
    name: str | Path, revision: str | None, encoder: PreTrainedModel
) -> tuple[dict[str, Tensor], str]:
    """The state of the published head, or why there is none to go on with."""
    if type(encoder.config) not in MODEL_FOR_MASKED_LM_MAPPING:
        kind = encoder.config.model_type
        return {}, f"transformers has no head for masked language modelling of {kind}"
    without = ""
    for config in _forms(encoder.config):
        model, info = AutoModelForMaskedLM.from_pretrained(
            name, revision=revision, config=config, **LOADING
        )
        if type(model.base_model) is not type(encoder):
            return {}, f"the head of {type(model).__name__} reads no {type(encoder).__name__}"
        state = _state(model)
        lost = sorted(state.keys() & set(info["missing_keys"]))
        misshapen = state.keys() & {each[0] for each in info["mismatched_keys"]}
        if misshapen:
            return {}, "the head that it was published with has other sizes than the encoder"
        if not lost:
            return state, _unlike(model.eval(), encoder, state)
        if len(lost) < len(state):
            without = f"the head that it was published with lacks {', '.join(lost)}"
    return {}, without or "published without a head for masked language modelling"


def _state(model: PreTrainedModel) -> dict[str, Tensor]:
    """What of a masked language model is neither its encoder's nor there twice."""
    seen = {id(each) for each in (*model.base_model.parameters(), *model.base_model.buffers())}
    state = {}
    for name, value in model.state_dict(keep_vars=True).items():
        if id(value) not in seen:
            seen.add(id(value))
            state[name] = value.detach()
    return state


@torch.inference_mode()
def _unlike(model: PreTrainedModel, encoder: PreTrainedModel, state: Mapping[str, Tensor]) -> str:
    """Why the head, on the encoder's states, does not give the published model's logits.

    Empty if it gives them. Some architectures hand more than states from encoder to head.
    """
    inputs = model.dummy_inputs
    try:
        expected = model(**inputs).logits
        found = PublishedHead(encoder, state)(encoder.eval()(**inputs).last_hidden_state)
        torch.testing.assert_close(found, expected)
    except Exception as error:
        return (
            f"the head of {type(model).__name__} cannot be applied to the states alone"
            f" ({type(error).__name__}: {str(error).partition(chr(10))[0]})"
        )
    return ""
