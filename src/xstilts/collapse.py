"""Runs that learnt nothing: fine-tuning sometimes ends at chance (transformers issue 6210).

Two signs, each enough: at the end of training the loss is what label frequencies alone would
give, or the checkpoint that was kept answers every development item alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

# The share of a source's last steps that are looked at, and how near to chance their mean loss
# may come. A model that has learnt anything is far below; one at chance wavers around it.
_TAIL = 0.1
_NEAR_CHANCE = 0.98
# Of fewer steps the mean says nothing.
_FEWEST_STEPS = 10

CONSTANT = "every prediction on development items is the same"


def collapse_of(
    losses: Mapping[str, Sequence[float]],
    chance: Mapping[str, float | None],
    constant: Sequence[bool],
) -> str:
    """What shows that a run collapsed, empty if nothing does.

    Args:
        losses: the training losses of each source, in nats a decision, in order.
        chance: the loss of each source of a model that knows its label frequencies alone;
            None where there is no such thing (masked language modelling).
        constant: of each development set whether the kept checkpoint answers all of it alike.
    """
    if constant and all(constant):
        return CONSTANT
    tails = {
        key: values[-max(_FEWEST_STEPS, round(len(values) * _TAIL)) :]
        for key, values in losses.items()
        if chance.get(key) is not None and len(values) >= _FEWEST_STEPS
    }
    ratios = {
        key: sum(tail) / len(tail) / chance[key] for key, tail in tails.items() if chance[key]
    }
    if ratios and all(ratio >= _NEAR_CHANCE for ratio in ratios.values()):
        nearest = min(ratios.values())
        return f"the training loss ends at {100 * nearest:.0f} % of chance"
    return ""
