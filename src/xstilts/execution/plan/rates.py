"""From a job's work to seconds: what each rule takes before, and beside, its operations.

    seconds = overhead + items x each + operations / throughput
              + passes x start of a layer + updates x bytes / bandwidth

The last two are why small batches of a large encoder take so much longer than their operations:
a layer's operations are started one by one, and every step reads and writes the weights, their
gradients and both of Adam's moments. The terms are added up as if nothing overlapped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from xstilts.execution.plan.accelerators import CPU, Device
from xstilts.execution.plan.work import COMPUTED, Work

# A pass forward and back, in forward passes.
_PASSES_OF_A_LAYER = 3
# Float32 numbers: the gradient is cleared, written, measured and cut (5), Adam reads four and
# writes three.
_UPDATE_BYTES = 4 * 12


@dataclass(frozen=True)
class Rate:
    """Seconds of a rule before it does anything, and of each of its items (`work.Work.items`)."""

    overhead: float
    each: float = 0.0


# Measured on two cores, on the demo and on real data: interpreter, imports, files, and for each
# item what the encoder does not do. A job that trains or predicts imports PyTorch.
_RATES: Mapping[str, Rate] = {
    "generate": Rate(0.4, 1.4e-4),
    "ingest": Rate(0.4, 1e-4),
    "perturb": Rate(0.4, 1e-4),
    "fetch_encoder": Rate(4.0, 4e-8),
    "new_encoder": Rate(4.0, 3e-5),
    "reinitialise": Rate(4.0, 4e-8),
    "tokenise": Rate(2.0, 2.5e-6),
    "pretrain": Rate(4.0),
    "train_intermediate": Rate(4.0),
    "train_target": Rate(4.0),
    "predict": Rate(3.5, 2e-4),
    "embed": Rate(3.5, 2e-5),
    "retrieve": Rate(0.5, 3e-5),
    "score": Rate(0.5, 1e-5),
    "shortcuts": Rate(0.7, 1e-5),
}
_OTHER = Rate(1.0)
# An exact search by matrix products, of one core's peak; 0.9 was measured with 1,024 dimensions.
_SEARCH_UTILISATION = 0.5


def overhead(rule: str) -> float:
    """Seconds that a job of this rule takes however little it does."""
    return _RATES.get(rule, _OTHER).overhead


def work_seconds(rule: str, work: Work, device: Device) -> float:
    """Seconds of one job's work on a device, without its overhead."""
    seconds = work.items * _RATES.get(rule, _OTHER).each
    if rule == "retrieve":
        return seconds + work.flops / (CPU.peak * _SEARCH_UTILISATION)
    if rule not in COMPUTED:
        return seconds
    return (
        seconds
        + work.flops / device.throughput
        + work.passes * device.layer_seconds / _PASSES_OF_A_LAYER
        + work.updates * _UPDATE_BYTES / device.bandwidth
    )
