"""Runs that learnt nothing: fine-tuning sometimes ends at chance (transformers issue 6210).

Two signs, each enough: at the end of training the loss is what label frequencies alone would
give, or the checkpoint that was kept answers every development item alike.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

# How near to chance the mean loss of a source's last steps may come, and how many they are: a
# tenth, but enough of them that the mean is no noise, and never more than half of its steps.
_NEAR_CHANCE = 0.98
_TAIL, _ENOUGH = 0.1, 50
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
        losses: the training losses of each source up to the checkpoint that is kept, in nats a
            decision, in order.
        chance: the loss of each source of a model that knows its label frequencies alone;
            None where there is no such thing (masked language modelling).
        constant: of each development set whether the kept checkpoint answers all of it alike.
    """
    if constant and all(constant):
        return CONSTANT
    ratios = []
    for key, values in losses.items():
        of_chance = chance.get(key)
        if not of_chance:
            continue
        tail = max(round(_TAIL * len(values)), min(_ENOUGH, len(values) // 2))
        if tail < _FEWEST_STEPS:
            return ""
        ratios.append(sum(values[-tail:]) / tail / of_chance)
    if ratios and min(ratios) >= _NEAR_CHANCE:
        return f"the training loss ends at {100 * min(ratios):.0f} % of chance"
    return ""
