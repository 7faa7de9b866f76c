"""The memory and time that jobs ask a batch system for, from what they are reckoned to need."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path

from xstilts.config.encoders import EncoderSource
from xstilts.config.recipes import UNTRAINED
from xstilts.config.settings import TrainingSettings
from xstilts.config.tasks import PERTURBED, TARGETS, TEXT
from xstilts.errors import XstiltsError
from xstilts.execution.cost.shape import Shape
from xstilts.execution.plan.accelerators import CPU, device_of
from xstilts.execution.plan.calibration import Calibration
from xstilts.execution.plan.inputs import Sizes
from xstilts.execution.plan.past import calibrated_seconds, own_observations
from xstilts.execution.plan.weights import BYTES_PER_WEIGHT, shape_of_source
from xstilts.execution.plan.work import COMPUTED, Works
from xstilts.graph.cells import Grid
from xstilts.graph.job_params import JobParams

# MB and minutes where an encoder's size, or a task's texts, are not known.
_OTHERWISE: Mapping[str, tuple[int, int]] = {
    "generate": (4000, 240),
    "perturb": (16000, 120),
    "ingest": (16000, 60),
    "fetch_encoder": (16000, 60),
    "tokenise": (16000, 120),
    "new_encoder": (16000, 120),
    "reinitialise": (16000, 60),
    "pretrain": (16000, 1440),
    "train_intermediate": (16000, 1440),
    "train_target": (16000, 1440),
    "predict": (16000, 240),
    "embed": (16000, 240),
    "retrieve": (32000, 1440),
    "score": (4000, 30),
    "shortcuts": (16000, 60),
}
# Of jobs that collect and report.
_REPORTS: Mapping[str, tuple[int, int]] = {"analyse": (16000, 60)}
_LEAST = (4000, 30)
_DAY = 1440

# Time: asked for so many times what is reckoned, because jobs that are stopped cost more than
# jobs that end early, and no less than half an hour.
_MARGIN, _LEAST_MINUTES = 3, 30

_MB = 1_000_000
# Of memory in MB. The interpreter with pyarrow takes 200, with PyTorch and transformers 800
# (measured); a CUDA context and its libraries some 4,000 of the host's.
_TABLES, _TORCH, _CUDA = 1500, 2500, 5000
# Bytes of an item while it is read, decoded or scored as Python objects; of a token in features,
# where those of QA have offsets and training copies what it draws, and while they are made or the
# outputs of a head are kept.
_ITEM_BYTES, _FEATURE_BYTES, _TOKEN_BYTES = 5000, 30, 100
# Copies of the weights: loaded, and beside them as they are saved; in training on a processor the
# gradient, Adam's two moments, and all of it once more as it is saved.
_LOADED, _TRAINED_ON_GPU, _TRAINED_ON_CPU = 2, 3, 9
# Bytes of activations kept for the backward pass, a token, hidden unit and layer in float32:
# twice the 34 of Korthikanti et al. 2022 (arXiv 2205.05198, equation 2), and five numbers for each
# pair of tokens and head.
_ACTIVATION, _PAIR_NUMBERS, _HEAD = 68, 5, 64
# Arrays of a side's vectors while they are searched: as read, normalised, distinct, in the index.
_VECTOR_COPIES = 4
# What is reckoned is asked for with so much on top.
_MEMORY_MARGIN = 1.5


class Requests:
    """Resources of the jobs of one grid; nothing is reckoned before it is asked for.

    Jobs that differ in their seed alone ask for the same, and so do all those of target training
    on one train set.

    Args:
        device: says what encoders run on (auto, cpu or cuda), if not what the experiment says: a
            cluster's jobs have devices that the machine which asks for them has not.
    """

    def __init__(self, grid: Grid, device: Callable[[], str] | None = None) -> None:
        self._grid, self._experiment = grid, grid.experiment
        self._params = JobParams(grid)
        self._device = device or (lambda: self._experiment.device)
        self._known: dict[tuple[str, ...], tuple[int, float] | None] = {}
        self._calibrations: dict[str, Calibration] = {}

    def mem_mb(self, rule: str, wildcards: Mapping[str, str], attempt: int) -> int:
        """Megabytes of main memory that a job asks for, more with every attempt.

        Args:
            rule: its name in the workflow.
            wildcards: values of the rule's wildcards by their names.
            attempt: 1 for the first.
        """
        found = self._needs(rule, wildcards)
        return (_otherwise(rule)[0] if found is None else found[0]) * attempt

    def runtime(self, rule: str, wildcards: Mapping[str, str], attempt: int) -> int:
        """Minutes that a job asks for, more with every attempt (arguments as of `mem_mb`).

        Three times what is reckoned, between half an hour and a day an attempt; more than a day
        only where no less is reckoned.
        """
        found = self._needs(rule, wildcards)
        if found is None:
            return _otherwise(rule)[1] * attempt
        minutes = found[1] / 60
        return attempt * math.ceil(max(_LEAST_MINUTES, min(_MARGIN * minutes, max(_DAY, minutes))))

    def _needs(self, rule: str, wildcards: Mapping[str, str]) -> tuple[int, float] | None:
        """(MB, seconds) of one job, None where they cannot be reckoned."""
        try:
            key = Works.key(rule, wildcards)
        except (KeyError, AttributeError):
            return None
        if key not in self._known:
            self._known[key] = self._reckoned(rule, wildcards)
        return self._known[key]

    def _reckoned(self, rule: str, wildcards: Mapping[str, str]) -> tuple[int, float] | None:
        if rule not in _OTHERWISE:
            return None
        work = self._works.of(rule, wildcards)
        if work is None:
            return None
        # The eight threads of a search are a margin on top.
        calibration = self._calibration(rule)
        device = CPU
        if rule in COMPUTED:
            device = device_of(self._device(), used=lambda: calibration.hardware(is_gpu=True))
        memory = self._megabytes(rule, wildcards)
        return (
            math.ceil(_MEMORY_MARGIN * memory / 500) * 500,
            calibrated_seconds(rule, work, device, calibration),
        )

    def _calibration(self, rule: str) -> Calibration:
        """What the rule's own finished jobs in this experiment say: no others need be read."""
        if rule not in self._calibrations:
            jobs = own_observations(Path(self._grid.paths.root), self._works, [rule])
            self._calibrations[rule] = Calibration(jobs)
        return self._calibrations[rule]

    @cached_property
    def _shapes(self) -> dict[str, Shape | None]:
        return {name: self._shape(source) for name, source in self._experiment.encoders.items()}

    @staticmethod
    def _shape(source: EncoderSource) -> Shape | None:
        try:
            return shape_of_source(source)
        except XstiltsError:
            # The job that reads the encoder says what is wrong with it.
            return None

    @cached_property
    def _sizes(self) -> Sizes:
        return Sizes(self._grid)

    @cached_property
    def _works(self) -> Works:
        return Works(self._grid, self._shapes, self._sizes)

    @cached_property
    def _on_gpu(self) -> bool:
        return device_of(self._device()).is_gpu

    def _megabytes(self, rule: str, at: Mapping[str, str]) -> float:
        """Main memory that a job is reckoned to take."""
        base = _TABLES if rule not in COMPUTED else _CUDA if self._on_gpu else _TORCH
        return base + (self._data_bytes(rule, at) + self._encoder_bytes(rule, at)) / _MB

    def _data_bytes(self, rule: str, at: Mapping[str, str]) -> float:
        """What is read of items and features."""
        items = self._sizes.amounts.items
        match rule:
            case "ingest" | "tokenise":
                found = _ITEM_BYTES * float(items(at["task"], at["part"]))
                if rule == "tokenise":
                    found += _TOKEN_BYTES * self._tokens(at["encoder"], at["task"], at["part"])
                return found
            case "score" if TARGETS[at["target"]].mined:
                # Mined pairs alone.
                return 0.0
            case "perturb" | "shortcuts" | "score":
                return _ITEM_BYTES * (
                    items(at["target"], "eval") + self._perturbed_items(at["target"])
                )
            case "predict" | "embed" | "retrieve":
                return self._predicted_bytes(rule, at)
            case "train_intermediate":
                sources = self._grid.sources(at["recipe"])
            case "train_target":
                sources = [at["train_set"]]
            case "pretrain" | "new_encoder":
                sources = [TEXT]
            case _:
                return 0.0
        if rule == "new_encoder":
            return _ITEM_BYTES * items(TEXT, "train") / 2
        return _FEATURE_BYTES * sum(self._tokens(at["encoder"], key, "train") for key in sources)

    def _predicted_bytes(self, rule: str, at: Mapping[str, str]) -> float:
        target, encoder = at["target"], at["encoder"]
        noisy = at["recipe"] != UNTRAINED
        number = self._sizes.amounts.items(target, "eval")
        tokens = self._tokens(encoder, target, "eval")
        if noisy:
            number += self._perturbed_items(target)
            if target in self._grid.perturbed:
                tokens += self._tokens(encoder, target, PERTURBED)
        if rule == "embed":
            return _FEATURE_BYTES * tokens
        if rule == "predict":
            labels = 4 * len(TARGETS[target].labels)
            return _ITEM_BYTES * number + (_TOKEN_BYTES + labels) * tokens
        shape = self._shapes[encoder]
        hidden = shape.hidden if shape else 0
        languages = {unit.language for unit in self._grid.units(target, "eval")}
        index = self._sizes.amounts.embedding_bytes(target, hidden) / max(len(languages), 1)
        # Texts and ids of all languages, and a memory map of all vectors.
        return _VECTOR_COPIES * index + index * len(languages) + _ITEM_BYTES / 4 * number

    def _perturbed_items(self, target: str) -> int:
        if target not in self._grid.perturbed:
            return 0
        return self._sizes.amounts.items(target, PERTURBED)

    def _tokens(self, encoder: str, source: str, part: str) -> float:
        size = self._sizes.of(encoder, source, part)
        return size.tokens if size else 0.0

    def _encoder_bytes(self, rule: str, at: Mapping[str, str]) -> float:
        """Copies of the weights, and on a processor what a batch takes."""
        shape = self._shapes.get(at.get("encoder", ""))
        if shape is None or rule not in (*COMPUTED, "fetch_encoder", "reinitialise"):
            return 0.0
        weights = float(BYTES_PER_WEIGHT * (shape.parameters or 0))
        trained = rule in ("pretrain", "train_intermediate", "train_target")
        if rule not in COMPUTED or self._on_gpu:
            return weights * (_TRAINED_ON_GPU if trained else _LOADED)
        if not trained:
            return weights * _LOADED + self._pass_bytes(rule, at["encoder"], shape)
        settings = self._settings(rule, at)
        tokens, length = settings.micro_batch_tokens, self._longest(rule, at)
        pairs = _PAIR_NUMBERS * BYTES_PER_WEIGHT * shape.hidden / _HEAD * length
        activations = tokens * shape.layers * (_ACTIVATION * shape.hidden + pairs)
        # A batch may be smaller than what fits into one forward pass.
        activations *= min(1.0, settings.batch_size * length / tokens)
        return weights * _TRAINED_ON_CPU + activations

    def _pass_bytes(self, rule: str, encoder: str, shape: Shape) -> float:
        """What a forward pass holds: of one layer all, and for vectors the output of each."""
        if rule == "embed":
            tokens = self._experiment.encoders[encoder].retrieval.batch_tokens
            return tokens * shape.hidden * (_ACTIVATION + BYTES_PER_WEIGHT * shape.layers)
        return self._experiment.prediction.batch_tokens * shape.hidden * _ACTIVATION

    def _settings(self, rule: str, at: Mapping[str, str]) -> TrainingSettings:
        if rule == "pretrain":
            pretraining = self._experiment.encoders[at["encoder"]].pretrain
            return pretraining.training if pretraining else TrainingSettings()
        if rule == "train_target":
            return self._experiment.training_for(at["train_set"])
        return self._experiment.intermediate_training_for(self._grid.recipes[at["recipe"]])

    def _longest(self, rule: str, at: Mapping[str, str]) -> int:
        """Tokens of the longest input of a training run."""
        if rule == "train_intermediate":
            sources = self._grid.sources(at["recipe"])
        else:
            sources = [TEXT if rule == "pretrain" else at["train_set"]]
        return max(self._params.length(at["encoder"], source)["max_length"] for source in sources)


def _otherwise(rule: str) -> tuple[int, int]:
    """MB and minutes of a job that is not reckoned."""
    return _OTHERWISE.get(rule) or _REPORTS.get(rule, _LEAST)
