"""What a job computes: operations, optimizer steps and items, from the experiment alone.

Training is reckoned to its last epoch, so that where it stops early (`patience`) the figures are
an upper bound. Steps that are repeated after a crash, and runs that are trained once more because
they collapsed, are not in them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xstilts.config.experiment import BASELINE
from xstilts.config.recipes import UNTRAINED, Source
from xstilts.config.settings import Mixing, TrainingSettings
from xstilts.config.tasks import PERTURBED, TARGETS, TEXT
from xstilts.execution.cost.flops import forward_flops, training_flops, vocabulary_flops
from xstilts.execution.cost.shape import EncoderShape
from xstilts.execution.cost.tally import TRAINING_PASSES
from xstilts.execution.plan.lengths import PartSize
from xstilts.execution.plan.sizes import Sizes
from xstilts.graph.cells import Grid
from xstilts.graph.mixture import MixedSource, number_of_steps, probabilities

# Sentences that a search compares with: the margin looks into both directions.
_DIRECTIONS = 2


@dataclass(frozen=True)
class Work:
    """What one job does.

    `flops` are the operations of the encoder and of the head of masked language modelling;
    `passes` the layers that are started, in forward passes (training counts three); `updates`
    the parameters that the optimizer goes through; `items` what all other work grows with.
    """

    flops: float = 0.0
    passes: float = 0.0
    updates: float = 0.0
    items: float = 0.0


class Works:
    """The work of every job of a grid, reckoned once for each kind of job.

    Args:
        shapes: by encoder; None where it is not known.
    """

    def __init__(self, grid: Grid, shapes: Mapping[str, EncoderShape | None], sizes: Sizes) -> None:
        self._grid, self._experiment = grid, grid.experiment
        self._shapes, self._sizes = shapes, sizes
        self._known: dict[tuple[str, ...], Work | None] = {}

    @staticmethod
    def key(rule: str, at: Mapping[str, str]) -> tuple[str, ...]:
        """What a job's work depends on: neither its seed nor, in target training, its recipe."""
        match rule:
            case "train_intermediate":
                return rule, at["encoder"], at["recipe"]
            case "train_target":
                return rule, at["encoder"], at["train_set"]
            case "predict" | "embed" | "retrieve" | "score":
                noisy = "" if at["recipe"] == UNTRAINED else PERTURBED
                return rule, at["encoder"], at["target"], noisy
            case "pretrain" | "new_encoder" | "reinitialise" | "fetch_encoder":
                return rule, at["encoder"]
            case "tokenise":
                return rule, at["encoder"], at["task"], at["part"]
            case "ingest" | "generate":
                return rule, at["task"], at["part"]
            case "perturb" | "shortcuts":
                return rule, at["target"]
            case _:
                return (rule,)

    def of(self, rule: str, at: Mapping[str, str]) -> Work | None:
        """The work of a job by the wildcards of its rule; None where it cannot be reckoned."""
        key = self.key(rule, at)
        if key not in self._known:
            self._known[key] = self._of(*key)
        return self._known[key]

    def _of(self, rule: str, *key: str) -> Work | None:
        items = self._sizes.amounts.items
        match rule:
            case "pretrain":
                return self._pretraining(*key)
            case "train_intermediate":
                return self._intermediate(*key)
            case "train_target":
                encoder, train_set = key
                settings = self._experiment.training_for(train_set)
                return self._training(encoder, [train_set], [train_set], settings)
            case "predict" | "embed":
                return self._prediction(rule, *key)
            case "retrieve":
                return self._retrieval(*key)
            case "score" if TARGETS[key[1]].mined:
                # Mined pairs alone.
                return Work()
            case "score":
                noisy = self._sizes.amounts.perturbed_items(key[1]) if key[2] else 0
                return Work(items=items(key[1], "eval") + noisy)
            case "shortcuts":
                return Work(items=items(key[0], "eval"))
            case "perturb":
                return Work(items=items(key[0], PERTURBED))
            case "tokenise":
                return Work(items=self._sizes.tokens(*key))
            case "ingest" | "generate":
                return Work(items=items(*key))
            case "new_encoder":
                return Work(items=items(TEXT, "train"))
            case "reinitialise" | "fetch_encoder":
                shape = self._shapes[key[0]]
                return None if shape is None else Work(items=shape.parameters or 0)
            case _:
                return None

    def _pretraining(self, encoder: str) -> Work | None:
        made = self._experiment.encoders[encoder].pretrain
        if made is None:
            return None
        return self._training(encoder, [TEXT], [TEXT], made.training, mask_ratio=made.mask_ratio)

    def _intermediate(self, encoder: str, recipe: str) -> Work | None:
        if recipe not in self._grid.recipes or recipe == BASELINE:
            return None
        found = self._grid.recipes[recipe]
        return self._training(
            encoder,
            self._grid.sources(recipe),
            found.tasks,
            self._experiment.intermediate_training_for(found),
            mixing=self._experiment.mixing_for(recipe),
            mask_ratio=self._experiment.continued_mlm.mask_ratio,
        )

    def _training(
        self,
        encoder: str,
        sources: Sequence[str],
        dev: Sequence[str],
        settings: TrainingSettings,
        *,
        mixing: Mixing | None = None,
        mask_ratio: float = 0.0,
    ) -> Work | None:
        """A run of `run.train`: its batches, and the development items that are scored."""
        shape = self._shapes[encoder]
        trained = [self._sizes.of(encoder, key, "train") for key in sources]
        scored = [self._sizes.of(encoder, key, "dev") for key in dev]
        if shape is None or shape.matrices is None or None in (*trained, *scored):
            return None
        sizes = {key: size for key, size in zip(sources, trained, strict=True) if size}
        steps, batches = _steps(sizes, settings, mixing)
        flops = passes = 0.0
        for key, size in sizes.items():
            # An epoch has every feature once, its last batch may be smaller.
            share = batches[key] / max(1, math.ceil(size.features / settings.batch_size))
            seen = size.scaled(share)
            predicted = seen.predicted(mask_ratio) if key == TEXT else 0.0
            flops += training_flops(shape, seen.tokens, seen.squares, predicted) or 0.0
            micro = seen.tokens / max(batches[key], 1) / settings.micro_batch_tokens
            passes += batches[key] * max(1, math.ceil(micro)) * TRAINING_PASSES
        every = settings.evaluate_every or math.ceil(steps / settings.epochs)
        times = math.ceil(steps / every) if every else 0
        for key, held in zip(dev, scored, strict=True):
            size = held or PartSize(0, 0, 0, 0)
            limit = settings.dev_items
            if limit is not None and size.items > limit:
                size = size.scaled(limit / size.items)
            flops += times * (forward_flops(shape, size.tokens, size.squares) or 0.0)
            if key == TEXT:
                flops += times * vocabulary_flops(shape, size.predicted(mask_ratio))
            passes += times * max(1, math.ceil(size.tokens / settings.micro_batch_tokens))
        return Work(
            flops=flops,
            passes=passes * shape.layers,
            updates=steps * (shape.parameters or 0),
            items=sum(size.features for size in sizes.values()),
        )

    def _prediction(self, rule: str, encoder: str, target: str, noisy: str) -> Work | None:
        shape = self._shapes[encoder]
        size = self._sizes.of(encoder, target, "eval")
        if noisy and size is not None and target in self._grid.perturbed:
            more = self._sizes.of(encoder, target, PERTURBED)
            size = more and size.plus(more)
        if shape is None or size is None:
            return None
        flops = forward_flops(shape, size.tokens, size.squares)
        if flops is None:
            return None
        retrieval = self._experiment.encoders[encoder].retrieval
        settings = retrieval if rule == "embed" else self._experiment.prediction
        batches = math.ceil(size.tokens / settings.batch_tokens)
        layers = shape.layers
        if rule == "embed":
            # No further than to the layer whose states are taken.
            layers = retrieval.layer + (shape.layers + 1 if retrieval.layer < 0 else 0)
        return Work(flops=flops * layers / shape.layers, passes=batches * layers, items=size.items)

    def _retrieval(self, encoder: str, target: str, noisy: str) -> Work | None:
        """The products of an exact search: every sentence with every one of the other side."""
        shape = self._shapes[encoder]
        if shape is None:
            return None
        conditions = 1
        if noisy and target in self._grid.perturbed:
            conditions += len(self._experiment.perturbations.conditions)
        # Of a language's sentences half are on each side.
        sides = [sentences / 2 for sentences in self._sizes.amounts.by_unit(target, "eval")]
        products = _DIRECTIONS * sum(side**2 for side in sides)
        return Work(
            flops=2.0 * shape.hidden * conditions * products, items=2 * sum(sides) * conditions
        )


def _steps(
    sizes: Mapping[str, PartSize], settings: TrainingSettings, mixing: Mixing | None
) -> tuple[int, dict[str, float]]:
    """Optimizer steps of a run, and of each source its mean share of them."""
    if mixing is None or len(sizes) == 1:
        ((key, size),) = sizes.items()
        steps = settings.epochs * math.ceil(size.features / settings.batch_size)
        return steps, {key: steps}
    mixed = []
    for key, size in sizes.items():
        task = Source.of(key).task
        items, features = round(size.items), round(size.features)
        mixed.append(MixedSource(key, task, items, features, task == TEXT))
    steps = number_of_steps(mixed, mixing, settings.batch_size, settings.epochs)
    drawn = probabilities(mixed, mixing)
    return steps, {key: steps * share for key, share in zip(sizes, drawn, strict=True)}
