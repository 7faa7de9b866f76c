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

from xstilts.execution.cost.flops import COMPUTED
from xstilts.execution.plan.accelerators import CPU, Accelerator
from xstilts.execution.plan.work import Work

# A pass forward and back, in forward passes.
_PASSES_OF_A_LAYER = 3
# Float32 numbers: the gradient is cleared, written, measured and cut (5), Adam reads four and
# writes three.
_UPDATE_BYTES = 4 * 12
# Products of an exact search, of one core's peak in float32: both ways come from one in bfloat16.
# 3.7 to 3.9 were measured with 1,024 dimensions and 1e9 pairs or more on a core of an AMD EPYC
# (Zen 5), which has arithmetic for it; in float32, as without, 1.1.
_SEARCH_UTILISATION = 3.5


@dataclass(frozen=True)
class Rate:
    """What is known of the jobs of a rule.

    Attributes:
        overhead: seconds before a job does anything.
        each: seconds of each of its items (`work.Work.items`).
        megabytes, minutes: what it asks for where its work is not known.
    """

    overhead: float = 1.0
    each: float = 0.0
    megabytes: int = 4000
    minutes: int = 30


# In the order of the workflow. Seconds were measured on two cores, on the demo and on real data:
# interpreter, imports, files, and for each item what the encoder does not do. A job that trains or
# predicts imports PyTorch.
RATES: Mapping[str, Rate] = {
    "generate": Rate(0.4, 1.4e-4, 4000, 240),
    "ingest": Rate(0.4, 1e-4, 16000, 60),
    "perturb": Rate(0.4, 1e-4, 16000, 120),
    "fetch_encoder": Rate(4.0, 4e-8, 16000, 60),
    "new_encoder": Rate(4.0, 3e-5, 16000, 120),
    "tokenise": Rate(2.0, 2.5e-6, 16000, 120),
    "pretrain": Rate(4.0, 0.0, 16000, 1440),
    "reinitialise": Rate(4.0, 4e-8, 16000, 60),
    "train_intermediate": Rate(4.0, 0.0, 16000, 1440),
    "train_target": Rate(4.0, 0.0, 16000, 1440),
    "predict": Rate(3.5, 2e-4, 16000, 240),
    "embed": Rate(3.5, 2e-5, 16000, 240),
    "retrieve": Rate(0.5, 3e-5, 32000, 1440),
    "score": Rate(0.5, 1e-5, 4000, 30),
    "shortcuts": Rate(0.7, 1e-5, 16000, 60),
}
# Of jobs that collect and report.
_REPORTS: Mapping[str, Rate] = {"analyse": Rate(megabytes=16000, minutes=60)}
_REPORT = Rate()


def rate_of(rule: str) -> Rate:
    """What is known of a rule's jobs."""
    return RATES.get(rule) or _REPORTS.get(rule, _REPORT)


def work_seconds(rule: str, work: Work, device: Accelerator) -> float:
    """Seconds of one job's work on a device, without its overhead."""
    seconds = work.items * rate_of(rule).each
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
