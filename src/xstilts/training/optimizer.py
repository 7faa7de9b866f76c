"""AdamW with a linear schedule, and the random numbers of one step."""

from __future__ import annotations

import torch
from torch import nn

from xstilts.config.settings import TrainingSettings


def schedule(step: int, total: int, warmup_ratio: float) -> float:
    """Learning rate factor: linear from 0 over the warm-up, then linear down to 0.

    The first step already moves and the last one still does: factors are taken at the middle
    of each step.
    """
    at = step + 0.5
    warmup = warmup_ratio * total
    if at < warmup:
        return at / warmup
    return (total - at) / max(total - warmup, 1e-9)


def seed_dropout(seed: int, device: torch.device) -> None:
    """Make the dropout of what follows a function of `seed`."""
    # What torch.manual_seed does, which also notes a stack trace for every absent GPU.
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        torch.cuda.manual_seed_all(seed)


def adamw(model: nn.Module, settings: TrainingSettings) -> torch.optim.AdamW:
    """The optimizer of all parameters of a model, with the memory that it will need.

    PyTorch would take that in the first step, after a batch has shown how much is left.
    """
    # Biases and layer norms are not decayed (Devlin et al. 2019's optimizer).
    decayed = [p for p in model.parameters() if p.ndim > 1]
    free = [p for p in model.parameters() if p.ndim <= 1]
    optimizer = torch.optim.AdamW(
        [
            {"params": decayed, "weight_decay": settings.weight_decay},
            {"params": free, "weight_decay": 0.0},
        ],
        lr=settings.learning_rate,
        eps=settings.adam_epsilon,
        fused=True,
    )
    for parameter in model.parameters():
        optimizer.state[parameter] = {
            "step": torch.zeros((), device=parameter.device),
            "exp_avg": torch.zeros_like(parameter, memory_format=torch.preserve_format),
            "exp_avg_sq": torch.zeros_like(parameter, memory_format=torch.preserve_format),
        }
    return optimizer
