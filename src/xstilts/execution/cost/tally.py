"""What a job passes through an encoder, counted as it goes.

Operations are reckoned from it elsewhere (`xstilts.execution.cost.flops`), so that a change of
their formulas runs no job again.
"""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np

# Passes forward that a pass forward and backward takes as long as. Backward: gradients with respect
# to the inputs and to the weights of each matrix.
TRAINING_PASSES = 3


class Tally:
    """What a job has passed through an encoder so far, as sums of integers by name.

    `inputs`, and `tokens` and `token_pairs`, the sums of their lengths and of the squares of these,
    padding excluded; `predicted`, the positions that went through the vocabulary layer; `passes`,
    how many batches there were. What was trained on counts `TRAINING_PASSES` times, except as
    `inputs`. `steps` are those of the optimizer.

    Args:
        note: told all sums after every change (`cost.meter.Meter.note`).
    """

    def __init__(self, note: Callable[..., object] = lambda **_: None) -> None:
        self._note = note
        self.sums = dict.fromkeys(
            ("inputs", "tokens", "token_pairs", "predicted", "passes", "steps"), 0
        )

    def batch(
        self,
        lengths: np.ndarray,
        *,
        predicted: int = 0,
        training: bool = False,
        depth: Fraction = Fraction(1),
    ) -> None:
        """Add one batch of inputs with these numbers of tokens.

        Of `depth`, the share of the layers that they pass, tokens and pairs count as that share.
        """
        times = TRAINING_PASSES if training else 1
        wide = lengths.astype("int64")
        self._add(
            inputs=len(wide),
            tokens=round(times * depth * int(wide.sum())),
            token_pairs=round(times * depth * int((wide**2).sum())),
            predicted=times * predicted,
            passes=times,
        )

    def step(self) -> None:
        """Add a step of the optimizer."""
        self._add(steps=1)

    def _add(self, **more: int) -> None:
        for name, amount in more.items():
            self.sums[name] += amount
        self._note(**self.sums)
