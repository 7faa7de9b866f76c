"""Which source each step of a mixture trains on: a function of the seed alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xstilts.batches import derive_seed
from xstilts.settings import Mixing


@dataclass(frozen=True)
class MixedSource:
    """A source of a mixture: its key, how many training items it has, whether it is plain text."""

    key: str
    size: int
    is_text: bool = False


def probabilities(sources: Sequence[MixedSource], mixing: Mixing) -> np.ndarray:
    """The probability with which each source is drawn; they sum to 1 (see `settings.Mixing`)."""
    weights = np.zeros(len(sources))
    for i, source in enumerate(sources):
        if source.is_text:
            continue
        if mixing.weights is not None:
            weights[i] = mixing.weights[source.key]
        else:
            weights[i] = _capped(source, mixing) ** (1 / mixing.temperature)
    text = np.array([source.is_text for source in sources])
    if text.all():
        return text / text.sum()
    share = mixing.mlm_share if text.any() else 0.0
    return (1 - share) * weights / weights.sum() + share * text / max(text.sum(), 1)


def number_of_steps(
    sources: Sequence[MixedSource], mixing: Mixing, batch_size: int, epochs: int
) -> int:
    """Steps of `epochs` passes over the task data, and of the text that is mixed in.

    Of several tasks at most `cap` items each count; a single one is never cut.
    """
    tasks = [source for source in sources if not source.is_text]
    if not tasks:
        return epochs * sum(math.ceil(source.size / batch_size) for source in sources)
    sizes = [_capped(source, mixing) if len(tasks) > 1 else source.size for source in tasks]
    steps = epochs * sum(math.ceil(size / batch_size) for size in sizes)
    return steps if len(tasks) == len(sources) else round(steps / (1 - mixing.mlm_share))


def plan(
    sources: Sequence[MixedSource], mixing: Mixing, steps: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """For every step the index of its source, and how many steps that source had before.

    Returns:
        Two integer arrays (steps,).
    """
    if len(sources) == 1:
        return np.zeros(steps, dtype=np.uint8), np.arange(steps)
    random = np.random.default_rng(derive_seed(seed, "mixture"))
    drawn = random.choice(len(sources), size=steps, p=probabilities(sources, mixing))
    before = np.empty(steps, dtype=np.int64)
    for i in range(len(sources)):
        (at,) = np.nonzero(drawn == i)
        before[at] = np.arange(len(at))
    return drawn.astype(np.uint8), before


def _capped(source: MixedSource, mixing: Mixing) -> int:
    return source.size if mixing.cap is None else min(source.size, mixing.cap)
