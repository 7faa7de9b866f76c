"""One state for a whole input."""

from __future__ import annotations

import torch
from torch import Tensor

from xstilts.config.encoders import Pooling


def pooled(states: Tensor, mask: Tensor, how: Pooling) -> Tensor:
    """(batch, tokens, hidden) to (batch, hidden): of the first or last real token, or their mean.

    Special tokens are real ones. Padding stands behind them.

    Args:
        mask: (batch, tokens), 0 on padding.
    """
    if how == "first":
        return states[:, 0]
    if how == "last":
        return states[torch.arange(len(states), device=states.device), mask.sum(1) - 1]
    weights = mask[:, :, None].to(states.dtype)
    return (states * weights).sum(1) / weights.sum(1)
