"""Attention in float32 on a CPU, where what is around it computes in bfloat16."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def use_fast_attention() -> None:
    """Let transformers' models that use scaled dot-product attention use `_attention`.

    PyTorch's kernel for CPUs takes 1.4 to 14 times as long backward in bfloat16 as in float32 for
    inputs of up to 128 tokens, and no less forward (torch 2.13 on AVX-512), which was near half of
    a small encoder's step.
    """
    # It is imported with the first encoder, and takes most of a second.
    from transformers import AttentionInterface

    AttentionInterface.register("sdpa", _attention)


def _attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    **options: Any,
) -> tuple[Tensor, None]:
    """transformers' `sdpa_attention_forward`: (batch, heads, tokens, head size) to the same."""
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    if query.device.type != "cpu" or query.dtype == torch.float32:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    wide: dict[str, Any] = {
        name: each.float() if isinstance(each, Tensor) and each.is_floating_point() else each
        for name, each in {"attention_mask": attention_mask, **options}.items()
    }
    with torch.autocast(query.device.type, enabled=False):
        states, weights = sdpa_attention_forward(
            module, query.float(), key.float(), value.float(), **wide
        )
    return states.to(query.dtype), weights
