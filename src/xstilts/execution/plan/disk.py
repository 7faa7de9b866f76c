"""How much disk an experiment takes: what it keeps, and the most that it ever holds.

A running training job keeps its state and its best weights beside its outputs. The state is the
model and Adam's two moments, three times the weights; it is replaced atomically, so that two
states lie side by side for a moment, and so do the best weights and those before them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from xstilts.config.tasks import PERTURBED
from xstilts.execution.cost.shape import EncoderShape, checkpoint_bytes
from xstilts.execution.plan.items import Amounts
from xstilts.graph.cells import Grid
from xstilts.graph.jobs import Job

_STATES, _BEST = 2 * 3, 2


@dataclass(frozen=True)
class Disk:
    """Bytes by what takes them; `unknown` says what could not be counted and why."""

    kept: Mapping[str, float]
    temporary: Mapping[str, float]
    unknown: list[str] = field(default_factory=list)

    @property
    def at_the_end(self) -> float:
        """Bytes of all results."""
        return sum(self.kept.values())

    @property
    def at_most(self) -> float:
        """Bytes at the worst moment."""
        return self.at_the_end + sum(self.temporary.values())


def disk_of(
    grid: Grid, jobs: Sequence[Job], shapes: Mapping[str, EncoderShape | None], at_a_time: int
) -> Disk:
    """The disk that an experiment needs.

    Args:
        jobs: of the grid.
        shapes: by encoder; None where it is not known.
        at_a_time: how many jobs run at a time.
    """
    experiment, amounts = grid.experiment, Amounts(grid)
    sizes = {
        encoder: size
        for encoder, shape in shapes.items()
        if shape is not None and (size := checkpoint_bytes(shape)) is not None
    }
    largest = max(sizes.values(), default=0)
    wildcards: dict[str, list[Mapping[str, str]]] = {}
    for job in jobs:
        wildcards.setdefault(job.rule, []).append(job.wildcards)

    def of(*rules: str) -> list[Mapping[str, str]]:
        return [at for rule in rules for at in wildcards.get(rule, ())]

    def weights(*rules: str) -> float:
        return sum(sizes.get(at["encoder"], 0) for at in of(*rules))

    kept: dict[str, float] = {
        # Pretraining starts from an encoder of its own, and so does an untrained one.
        "encoders": weights("fetch_encoder", "new_encoder", "pretrain", "reinitialise"),
        "intermediate checkpoints": weights("train_intermediate"),
        "data": sum(amounts.data_bytes(at["task"], at["part"]) for at in of("generate", "ingest"))
        + sum(amounts.data_bytes(at["target"], PERTURBED) for at in of("perturb")),
        "features": sum(amounts.feature_bytes(at["task"], at["part"]) for at in of("tokenise")),
        "predictions": sum(amounts.prediction_bytes(at["target"]) for at in of("score")),
    }
    trained = len(of("train_target"))
    if experiment.keep_target_checkpoints:
        kept["target checkpoints"] = weights("train_target")
    runs = max(trained + len(of("train_intermediate")), len(of("pretrain")))
    running = min(at_a_time, runs)
    vectors = sorted(
        amounts.embedding_bytes(at["target"], shape.hidden)
        for at in of("embed")
        if (shape := shapes[at["encoder"]]) is not None
    )
    temporary = {
        f"states of {running} training jobs": float((_STATES + _BEST) * largest * running),
        "sentence vectors": sum(vectors[-at_a_time:]),
    }
    if not experiment.keep_target_checkpoints:
        waiting = min(at_a_time, trained)
        temporary[f"{waiting} target checkpoints until they have predicted"] = float(
            largest * waiting
        )
    unknown = [
        f"the size of {encoder} (not in the Hugging Face cache): it is left out of every line"
        for encoder in experiment.encoders
        if encoder not in sizes
    ]
    unknown += [f"the data of {source}" for source in amounts.unknown()]
    return Disk(kept, {name: size for name, size in temporary.items() if size}, unknown)
