"""Tiny encoders with random weights of every architecture that is known to work or to be refused.

They are what can be tried of an architecture without its published weights: sizes apart, each is
what its own repository has, of transformers' own classes.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from transformers import (
    AutoModel,
    AutoModelForMaskedLM,
    BertConfig,
    DebertaV2Config,
    DistilBertConfig,
    ElectraConfig,
    EuroBertConfig,
    Gemma3TextConfig,
    GteConfig,
    LlamaConfig,
    M2M100Config,
    MBartConfig,
    ModernBertConfig,
    MPNetConfig,
    MT5Config,
    PreTrainedConfig,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    Qwen3Config,
    RemBertConfig,
    T5GemmaConfig,
    T5GemmaModuleConfig,
    UMT5Config,
    XLMRobertaConfig,
    XLMRobertaXLConfig,
    XmodConfig,
)
from transformers.models.auto.modeling_auto import MODEL_FOR_MASKED_LM_MAPPING_NAMES

HIDDEN, LAYERS, HEADS_OF_ATTENTION, INTERMEDIATE = 32, 2, 2, 64
# Longest input in tokens of those with a table of positions.
POSITIONS = 512
_HEAD_SIZE = HIDDEN // HEADS_OF_ATTENTION
_SIZES: dict[str, Any] = {
    "hidden_size": HIDDEN,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS_OF_ATTENTION,
    "intermediate_size": INTERMEDIATE,
}
# Fewer heads of keys than of queries, as models of this family have.
_GROUPED: dict[str, Any] = {**_SIZES, "num_key_value_heads": 1, "head_dim": _HEAD_SIZE}
_T5: dict[str, Any] = {
    "d_model": HIDDEN,
    "d_kv": _HEAD_SIZE,
    "d_ff": INTERMEDIATE,
    "num_layers": LAYERS,
    "num_heads": HEADS_OF_ATTENTION,
}
_BART: dict[str, Any] = {
    "d_model": HIDDEN,
    **{f"{part}_layers": LAYERS for part in ("encoder", "decoder")},
    **{f"{part}_attention_heads": HEADS_OF_ATTENTION for part in ("encoder", "decoder")},
    **{f"{part}_ffn_dim": INTERMEDIATE for part in ("encoder", "decoder")},
}
_MDEBERTA: dict[str, Any] = {
    "relative_attention": True,
    "position_buckets": 32,
    "pos_att_type": ["p2c", "c2p"],
    "share_att_key": True,
    "norm_rel_ebd": "layer_norm",
    "position_biased_input": False,
    "type_vocab_size": 0,
    "max_position_embeddings": POSITIONS,
}
# Gemma's layers look at a window in turns with all of the input.
_GEMMA: dict[str, Any] = {
    **_GROUPED,
    "query_pre_attn_scalar": _HEAD_SIZE,
    "sliding_window": 16,
    "layer_types": ["sliding_attention", "full_attention"],
}


def _positions(tokenizer: PreTrainedTokenizerBase) -> int:
    """Rows of a position table that is counted from behind the padding token's id."""
    return POSITIONS + (tokenizer.pad_token_id or 0) + 1


def _t5gemma(tokenizer: PreTrainedTokenizerBase, **ids: Any) -> PreTrainedConfig:
    module = {**_GEMMA, "vocab_size": len(tokenizer), "max_position_embeddings": POSITIONS}
    encoder, decoder = (T5GemmaModuleConfig(**module, **ids) for _ in range(2))
    return T5GemmaConfig(encoder=encoder, decoder=decoder, vocab_size=len(tokenizer), **ids)


def _of(kind: type[PreTrainedConfig], **sizes: Any) -> Callable[..., PreTrainedConfig]:
    """A configuration with these sizes and a tokenizer's vocabulary and special tokens."""

    def config(tokenizer: PreTrainedTokenizerBase, **ids: Any) -> PreTrainedConfig:
        given = {name: each(tokenizer) if callable(each) else each for name, each in sizes.items()}
        return kind(**{"vocab_size": len(tokenizer), **ids, **given})

    return config


_LIKE_ROBERTA: dict[str, Any] = {
    **_SIZES,
    "max_position_embeddings": _positions,
    "type_vocab_size": 1,
}
_CONFIGS: dict[str, Callable[..., PreTrainedConfig]] = {
    "bert": _of(BertConfig, **_SIZES, max_position_embeddings=POSITIONS),
    "distilbert": _of(
        DistilBertConfig,
        dim=HIDDEN,
        n_layers=LAYERS,
        n_heads=HEADS_OF_ATTENTION,
        hidden_dim=INTERMEDIATE,
        max_position_embeddings=POSITIONS,
    ),
    "electra": _of(ElectraConfig, **_SIZES, embedding_size=16, max_position_embeddings=POSITIONS),
    "xlm-roberta": _of(XLMRobertaConfig, **_LIKE_ROBERTA),
    "xlm-roberta-xl": _of(XLMRobertaXLConfig, **_LIKE_ROBERTA),
    "xmod": _of(XmodConfig, **_LIKE_ROBERTA, languages=("en_XX", "de_DE", "ru_RU", "zh_CN")),
    "mpnet": _of(MPNetConfig, **_SIZES, max_position_embeddings=_positions),
    "deberta-v2": _of(DebertaV2Config, **_SIZES, **_MDEBERTA),
    "modernbert": _of(
        ModernBertConfig,
        **_SIZES,
        max_position_embeddings=POSITIONS,
        local_attention=16,
        layer_types=["full_attention", "sliding_attention"],
        cls_token_id=lambda tokenizer: tokenizer.cls_token_id,
        sep_token_id=lambda tokenizer: tokenizer.sep_token_id,
    ),
    "eurobert": _of(
        EuroBertConfig,
        **{**_GROUPED, "num_key_value_heads": HEADS_OF_ATTENTION},
        max_position_embeddings=POSITIONS,
        mask_token_id=lambda tokenizer: tokenizer.mask_token_id,
    ),
    "rembert": _of(
        RemBertConfig,
        **_SIZES,
        input_embedding_size=16,
        output_embedding_size=24,
        max_position_embeddings=POSITIONS,
    ),
    "gte": _of(GteConfig, **_SIZES, max_position_embeddings=POSITIONS),
    "gemma3_text": _of(
        Gemma3TextConfig,
        **_GEMMA,
        max_position_embeddings=POSITIONS,
        use_bidirectional_attention=True,
    ),
    "t5gemma": _t5gemma,
    "mt5": _of(MT5Config, **_T5),
    "umt5": _of(UMT5Config, **_T5),
    "mbart": _of(MBartConfig, **_BART, max_position_embeddings=POSITIONS),
    "m2m_100": _of(M2M100Config, **_BART, max_position_embeddings=POSITIONS),
    "qwen3": _of(Qwen3Config, **_GROUPED, max_position_embeddings=POSITIONS),
    "llama": _of(LlamaConfig, **_GROUPED, max_position_embeddings=POSITIONS),
    "gemma3_text-causal": _of(Gemma3TextConfig, **_GEMMA, max_position_embeddings=POSITIONS),
}


_TOKENS = ("pad", "bos", "eos")


def _build(
    name: str, factory: Any, tokenizer: PreTrainedTokenizerBase, *, seed: int = 0
) -> PreTrainedModel:
    ids = {f"{token}_token_id": getattr(tokenizer, f"{token}_token_id") for token in _TOKENS}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return factory.from_config(_CONFIGS[name](tokenizer, **ids)).eval()


# Each builds a model for a tokenizer: `ARCHITECTURES["bert"](tokenizer)`, in the form in which the
# hub has it, with its decoder where it has one. `seed` decides the weights.
ARCHITECTURES: dict[str, Callable[..., PreTrainedModel]] = {
    name: partial(_build, name, AutoModel) for name in _CONFIGS
}
# The same with a head for masked language modelling, where the architecture has one.
MASKED: dict[str, Callable[..., PreTrainedModel]] = {
    name: partial(_build, name, AutoModelForMaskedLM)
    for name in _CONFIGS
    if name in MODEL_FOR_MASKED_LM_MAPPING_NAMES and name != "mbart"
}
