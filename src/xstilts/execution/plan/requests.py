"""The memory and time that jobs ask a batch system for, from what they are reckoned to need."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from statistics import fmean

from xstilts.config.encoders import EncoderSource
from xstilts.config.recipes import UNTRAINED
from xstilts.config.settings import TrainingSettings
from xstilts.config.tasks import PERTURBED, TARGETS, TEXT
from xstilts.errors import XstiltsError
from xstilts.execution.cost.flops import COMPUTED
from xstilts.execution.cost.shape import BYTES_PER_WEIGHT, EncoderShape, shape_of_source
from xstilts.execution.plan.accelerators import CPU, device_of
from xstilts.execution.plan.calibration import Calibration
from xstilts.execution.plan.memory import ACTIVATION, activation_bytes
from xstilts.execution.plan.past import calibrated_seconds, own_observations
from xstilts.execution.plan.rates import RATES, rate_of
from xstilts.execution.plan.sizes import Sizes
from xstilts.execution.plan.work import Works
from xstilts.graph.cells import Grid
from xstilts.graph.job_params import JobParams
from xstilts.graph.jobs import Jobs

# Time: asked for so many times what is reckoned, because jobs that are stopped cost more than
# jobs that end early, and no less than half an hour.
_MARGIN, _LEAST_MINUTES, _DAY = 3, 30, 1440

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
# Arrays of a side's vectors while they are searched: as read, normalised, distinct, and rounded
# with the pairs that remain or in an index.
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
        return (rate_of(rule).megabytes if found is None else found[0]) * attempt

    def runtime(self, rule: str, wildcards: Mapping[str, str], attempt: int) -> int:
        """Minutes that a job asks for, more with every attempt (arguments as of `mem_mb`).

        Three times what is reckoned, between half an hour and a day an attempt; more than a day
        only where no less is reckoned.
        """
        found = self._needs(rule, wildcards)
        if found is None:
            return rate_of(rule).minutes * attempt
        minutes = found[1] / 60
        return attempt * math.ceil(max(_LEAST_MINUTES, min(_MARGIN * minutes, max(_DAY, minutes))))

    def seconds_by_rule(self) -> dict[str, float]:
        """Seconds that a job of each rule is reckoned to take, as a mean; not of all rules."""
        found: dict[str, list[float]] = {}
        for job in Jobs(self._grid).jobs:
            if (needs := self._needs(job.rule, job.wildcards)) is not None:
                found.setdefault(job.rule, []).append(needs[1])
        return {rule: fmean(seconds) for rule, seconds in found.items()}

    def _needs(self, rule: str, wildcards: Mapping[str, str]) -> tuple[int, float] | None:
        """(MB, seconds) of one job, None where they cannot be reckoned."""
        key = Works.key(rule, wildcards)
        if key not in self._known:
            self._known[key] = self._reckoned(rule, wildcards)
        return self._known[key]

    def _reckoned(self, rule: str, wildcards: Mapping[str, str]) -> tuple[int, float] | None:
        work = self._works.of(rule, wildcards) if rule in RATES else None
        if work is None:
            return None
        calibration = self._calibration(rule)
        device = CPU
        if rule in COMPUTED:
            device = device_of(self._device(), used=lambda: calibration.hardware(is_gpu=True))
        # The eight threads of a search are a margin on top.
        seconds = calibrated_seconds(rule, work, device, calibration)
        memory = _MEMORY_MARGIN * self._megabytes(rule, wildcards)
        return math.ceil(memory / 500) * 500, seconds

    def _calibration(self, rule: str) -> Calibration:
        """What the rule's own finished jobs in this experiment say: no others need be read."""
        if rule not in self._calibrations:
            jobs = own_observations(Path(self._grid.paths.root), self._works, [rule])
            self._calibrations[rule] = Calibration(jobs)
        return self._calibrations[rule]

    @cached_property
    def _shapes(self) -> dict[str, EncoderShape | None]:
        return {name: self._shape(source) for name, source in self._experiment.encoders.items()}

    @staticmethod
    def _shape(source: EncoderSource) -> EncoderShape | None:
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
        amounts, tokens = self._sizes.amounts, self._sizes.tokens
        match rule:
            case "ingest":
                return _ITEM_BYTES * amounts.items(at["task"], at["part"])
            case "tokenise":
                made = _TOKEN_BYTES * tokens(at["encoder"], at["task"], at["part"])
                return made + _ITEM_BYTES * amounts.items(at["task"], at["part"])
            case "new_encoder":
                return _ITEM_BYTES * amounts.items(TEXT, "train") / 2
            case "score" if TARGETS[at["target"]].mined:
                # Mined pairs alone.
                return 0.0
            case "perturb" | "shortcuts" | "score":
                target = at["target"]
                return _ITEM_BYTES * (
                    amounts.items(target, "eval") + amounts.perturbed_items(target)
                )
            case "predict" | "embed" | "retrieve":
                return self._predicted_bytes(rule, at)
            case "pretrain" | "train_intermediate" | "train_target":
                trained = (tokens(at["encoder"], key, "train") for key in self._sources(rule, at))
                return _FEATURE_BYTES * sum(trained)
            case _:
                return 0.0

    def _predicted_bytes(self, rule: str, at: Mapping[str, str]) -> float:
        target, encoder, amounts = at["target"], at["encoder"], self._sizes.amounts
        items = amounts.items(target, "eval")
        tokens = self._sizes.tokens(encoder, target, "eval")
        if at["recipe"] != UNTRAINED and target in self._grid.perturbed:
            items += amounts.perturbed_items(target)
            tokens += self._sizes.tokens(encoder, target, PERTURBED)
        if rule == "embed":
            return _FEATURE_BYTES * tokens
        if rule == "predict":
            labels = 4 * len(TARGETS[target].labels)
            return _ITEM_BYTES * items + (_TOKEN_BYTES + labels) * tokens
        shape = self._shapes[encoder]
        languages = {unit.language for unit in self._grid.units(target, "eval")}
        vectors = amounts.embedding_bytes(target, shape.hidden if shape else 0)
        index = vectors / max(len(languages), 1)
        # Texts and ids of all languages, and a memory map of all vectors.
        return _VECTOR_COPIES * index + index * len(languages) + _ITEM_BYTES / 4 * items

    def _encoder_bytes(self, rule: str, at: Mapping[str, str]) -> float:
        """Copies of the weights, and on a processor what a batch takes."""
        shape = self._shapes.get(at.get("encoder", ""))
        if shape is None or rule not in (*COMPUTED, "fetch_encoder", "reinitialise"):
            return 0.0
        weights = float(BYTES_PER_WEIGHT * (shape.parameters or 0))
        trained = rule in ("pretrain", "train_intermediate", "train_target")
        if rule not in COMPUTED or self._on_gpu:
            return weights * (_TRAINED_ON_GPU if trained else _LOADED)
        if rule == "embed":
            # Of one layer all, and the output of each.
            tokens = self._experiment.encoders[at["encoder"]].retrieval.batch_tokens
            held = tokens * shape.hidden * (ACTIVATION + BYTES_PER_WEIGHT * shape.layers)
            return weights * _LOADED + held
        if not trained:
            held = self._experiment.prediction.batch_tokens * shape.hidden * ACTIVATION
            return weights * _LOADED + held
        settings = self._settings(rule, at)
        tokens = settings.micro_batch_tokens
        length = max(
            self._params.length(at["encoder"], source)["max_length"]
            for source in self._sources(rule, at)
        )
        activations = activation_bytes(shape, tokens, length)
        # A batch may be smaller than what fits into one forward pass.
        activations *= min(1.0, settings.batch_size * length / tokens)
        return weights * _TRAINED_ON_CPU + activations

    def _sources(self, rule: str, at: Mapping[str, str]) -> list[str]:
        """What a training run learns from."""
        if rule == "train_intermediate":
            return self._grid.sources(at["recipe"])
        return [TEXT if rule == "pretrain" else at["train_set"]]

    def _settings(self, rule: str, at: Mapping[str, str]) -> TrainingSettings:
        if rule == "pretrain":
            pretraining = self._experiment.encoders[at["encoder"]].pretrain
            return pretraining.training if pretraining else TrainingSettings()
        if rule == "train_target":
            return self._experiment.training_for(at["train_set"])
        return self._experiment.intermediate_training_for(self._grid.recipes[at["recipe"]])
