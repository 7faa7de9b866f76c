"""Which source each step of a mixture trains on: a function of the seed alone.

Tasks are drawn in proportion to their sizes, and within a task its languages in proportion to
theirs. A task in several languages is as large as it is in one (the mean): so a recipe in other
languages trains for as many steps as the same task in English, and what differs is the language.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import TYPE_CHECKING

from xstilts.config.settings import Mixing

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class MixedSource:
    """A source of a mixture: its key and task, its training items, their features, if it is text.

    An item has several features where its passage is longer than one input.
    """

    key: str
    task: str
    items: int
    features: int
    is_text: bool = False


def probabilities(sources: Sequence[MixedSource], mixing: Mixing) -> list[float]:
    """The probability with which each source is drawn; they sum to 1 (see `settings.Mixing`)."""
    texts = sum(source.is_text for source in sources)
    if texts == len(sources):
        return [1 / texts] * texts
    if mixing.weights is not None:
        weights = [0.0 if each.is_text else mixing.weights[each.key] for each in sources]
    else:
        sizes = _sizes(sources, mixing)
        totals = {task: sum(each.items for each in sources if each.task == task) for task in sizes}
        weights = [
            0.0
            if each.is_text
            else sizes[each.task] ** (1 / mixing.temperature) * each.items / totals[each.task]
            for each in sources
        ]
    share = mixing.mlm_share if texts else 0.0
    return [
        share / texts if source.is_text else (1 - share) * weight / sum(weights)
        for source, weight in zip(sources, weights, strict=True)
    ]


def number_of_steps(
    sources: Sequence[MixedSource], mixing: Mixing, batch_size: int, epochs: int
) -> int:
    """Steps of `epochs` passes over the task data, and of the text that is mixed in.

    Of several tasks at most `cap` items each count; a single one is never cut, and goes through all
    its features.
    """
    sizes = _sizes(sources, mixing)
    if not sizes:
        return epochs * sum(math.ceil(source.features / batch_size) for source in sources)
    steps = epochs * sum(math.ceil(size / batch_size) for size in sizes.values())
    has_text = any(source.is_text for source in sources)
    return round(steps / (1 - mixing.mlm_share)) if has_text else steps


def plan(
    sources: Sequence[MixedSource], mixing: Mixing, steps: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """For every step the index of its source, and how many steps that source had before.

    Returns:
        Two integer arrays (steps,).
    """
    # Not at the top: a plan of an experiment asks for numbers of steps and imports nothing heavy.
    import numpy as np

    if len(sources) == 1:
        return np.zeros(steps, dtype=np.int64), np.arange(steps)
    random = np.random.default_rng(seed)
    drawn = random.choice(len(sources), size=steps, p=probabilities(sources, mixing))
    before = np.empty(steps, dtype=np.int64)
    for i in range(len(sources)):
        (at,) = np.nonzero(drawn == i)
        before[at] = np.arange(len(at))
    return drawn, before


def _sizes(sources: Sequence[MixedSource], mixing: Mixing) -> dict[str, float]:
    """How much of each task counts: items, of a single task its features."""
    held: dict[str, list[MixedSource]] = {}
    for source in sources:
        if not source.is_text:
            held.setdefault(source.task, []).append(source)
    if len(held) == 1:
        return {task: fmean(source.features for source in of) for task, of in held.items()}
    cap = math.inf if mixing.cap is None else mixing.cap
    return {task: min(fmean(source.items for source in of), cap) for task, of in held.items()}
