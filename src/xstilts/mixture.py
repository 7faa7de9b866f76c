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

import numpy as np

from xstilts.settings import Mixing


@dataclass(frozen=True)
class MixedSource:
    """A source of a mixture: its key and task, its number of training items, whether it is text."""

    key: str
    task: str
    size: int
    is_text: bool = False


def probabilities(sources: Sequence[MixedSource], mixing: Mixing) -> np.ndarray:
    """The probability with which each source is drawn; they sum to 1 (see `settings.Mixing`)."""
    text = np.array([source.is_text for source in sources])
    if text.all():
        return text / text.sum()
    if mixing.weights is not None:
        weights = [0.0 if each.is_text else mixing.weights[each.key] for each in sources]
    else:
        sizes = _sizes(sources, mixing)
        totals = {task: sum(each.size for each in sources if each.task == task) for task in sizes}
        weights = [
            0.0
            if each.is_text
            else sizes[each.task] ** (1 / mixing.temperature) * each.size / totals[each.task]
            for each in sources
        ]
    share = mixing.mlm_share if text.any() else 0.0
    found = (1 - share) * np.array(weights) / sum(weights)
    return found + share * text / max(text.sum(), 1)


def number_of_steps(
    sources: Sequence[MixedSource], mixing: Mixing, batch_size: int, epochs: int
) -> int:
    """Steps of `epochs` passes over the task data, and of the text that is mixed in.

    Of several tasks at most `cap` items each count; a single one is never cut.
    """
    sizes = _sizes(sources, mixing)
    if not sizes:
        return epochs * sum(math.ceil(source.size / batch_size) for source in sources)
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
    if len(sources) == 1:
        return np.zeros(steps, dtype=np.uint8), np.arange(steps)
    random = np.random.default_rng(seed)
    drawn = random.choice(len(sources), size=steps, p=probabilities(sources, mixing))
    before = np.empty(steps, dtype=np.int64)
    for i in range(len(sources)):
        (at,) = np.nonzero(drawn == i)
        before[at] = np.arange(len(at))
    return drawn.astype(np.uint8), before


def _sizes(sources: Sequence[MixedSource], mixing: Mixing) -> dict[str, float]:
    """How many items of each task count."""
    tasks = dict.fromkeys(source.task for source in sources if not source.is_text)
    sizes = {
        task: fmean(source.size for source in sources if source.task == task) for task in tasks
    }
    if len(tasks) == 1 or mixing.cap is None:
        return sizes
    return {task: min(size, mixing.cap) for task, size in sizes.items()}
