"""What one training run is: everything that its result depends on."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field, replace
from pathlib import Path

from xstilts.batches import derive_seed
from xstilts.files import sha256_file
from xstilts.settings import Mixing, TrainingSettings
from xstilts.tasks import Task


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

    `name` is the run's place in the grid, e.g. `minilm/mnli/udpos`: seeds derive from it.
    `sources` are mixed as `mixing` says; sources of one task share its head. `dev` are the
    English development sets, one a task. `mask_ratio` is for masked language modelling alone.
    """

    name: str
    encoder: Path
    sources: tuple[TaskData, ...]
    dev: tuple[TaskData, ...]
    settings: TrainingSettings
    seed: int
    code: str
    mixing: Mixing = field(default_factory=Mixing)
    mask_ratio: float = 0.15
    device: str = "auto"
    save_every_seconds: float = 300.0

    def fingerprint(self) -> str:
        """Digest of all that decides the result, by content; not of how the run is executed."""
        files = [source.features for source in self.sources]
        files += [path for dev in self.dev for path in (dev.features, dev.data)]
        files += [self.encoder / "config.json", *sorted(self.encoder.glob("*.safetensors"))]
        settings = self.settings.model_dump(mode="json", exclude={"save_every_seconds"})
        content = [self.name, self.seed, self.code, settings, self.mask_ratio]
        content += [self.mixing.model_dump(mode="json"), [each.key for each in self.sources]]
        content += [[path.name, sha256_file(path)] for path in files]
        return hashlib.sha256(json.dumps(content).encode()).hexdigest()

    def once_more(self) -> TrainingRun:
        """The same run with a seed derived from its own."""
        return replace(self, seed=derive_seed(self.seed, self.name, "restart"))
