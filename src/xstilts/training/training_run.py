"""What one training run is: everything that its result depends on."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from xstilts.config.seeds import derive_seed
from xstilts.config.settings import Mixing, TrainingSettings
from xstilts.config.tasks import Task
from xstilts.execution.files import sha256_file
from xstilts.training.encoder import PROVENANCE
from xstilts.training.model import pick_device
from xstilts.training.precision import Precision, precision


@dataclass(frozen=True, kw_only=True)
class TaskData:
    """One part of a task's data in one language; `key` names it (`mnli`, `mnli@sw`)."""

    key: str
    task: Task
    data: Path
    features: Path


@dataclass(frozen=True, kw_only=True)
class TrainingRun:
    """Everything that one training run depends on.

    `name` is the run's place in the grid, e.g. `minilm/mnli/target/udpos`, for the log alone.

    Random numbers are common to all encoders and recipes: the order of batches, the weights of
    new heads, masks and dropout derive from the seed, the `phase` ("pretraining", "intermediate"
    or "target") and the task, never from names. So recipes are paired by seed, what they have in
    common cancels in their difference, and renaming changes no score.
    `sources` are mixed as `mixing` says; sources of one task share its head. `dev` are the
    English development sets, one a task. `mask_ratio` is for masked language modelling alone.
    """

    name: str
    phase: str
    encoder: Path
    sources: tuple[TaskData, ...]
    dev: tuple[TaskData, ...]
    settings: TrainingSettings
    seed: int
    code: str
    mixing: Mixing = field(default_factory=Mixing)
    mask_ratio: float = 0.15
    device: str = "cpu"
    precision: Precision = "auto"
    save_every_seconds: float = 300.0

    def fingerprint(self) -> str:
        """Digest of all that decides the result, by content; not of how the run is executed.

        The kind of device and its precision decide too: half a run in bfloat16 and half of it in
        float32 is neither.
        """
        files = [source.features for source in self.sources]
        files += [path for dev in self.dev for path in (dev.features, dev.data)]
        # Configuration, tokenizer, weights and heads. The provenance holds names of runs too.
        beside = (path for path in sorted(self.encoder.iterdir()) if path.is_file())
        files += [path for path in beside if path.name != PROVENANCE]
        settings = self.settings.model_dump(mode="json", exclude={"save_every_seconds"})
        content = [self.phase, self.seed, self.code, settings, self.mask_ratio]
        content += [self.mixing.model_dump(mode="json"), [each.key for each in self.sources]]
        content += [[path.name, sha256_file(path)] for path in files]
        content += [pick_device(self.device).type, str(self.dtype())]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def dtype(self) -> torch.dtype:
        """What the encoder computes in."""
        return precision(pick_device(self.device), self.precision)

    def in_float32(self) -> TrainingRun:
        """The same run, computed in float32."""
        return replace(self, precision="float32")

    def once_more(self) -> TrainingRun:
        """The same run with a seed derived from its own."""
        return replace(self, seed=self.derived_seed("restart"))

    def derived_seed(self, *purpose: object) -> int:
        """A seed for one purpose of this run, 63 bits, e.g. ("mnli", "dropout", step)."""
        return derive_seed(self.seed, self.phase, *purpose)

    def order_seeds(self) -> list[int]:
        """For each source the seed of its order of batches.

        The same for a task in whatever language it comes; where a run has a task in several, each
        further one has an order of its own, so that translations do not follow each other.
        """
        before = Counter[str]()
        seeds = []
        for source in self.sources:
            seeds.append(self.derived_seed(source.task.key, "order", before[source.task.key]))
            before[source.task.key] += 1
        return seeds
