"""What a job computes: operations, optimizer steps and items, from the experiment alone.

Training is reckoned to its last epoch, so that where it stops early (`patience`) the figures are
an upper bound. Steps that are repeated after a crash, and runs that are trained once more because
they collapsed, are not in them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from xstilts.config.experiment import BASELINE
from xstilts.config.recipes import UNTRAINED, Source
from xstilts.config.settings import TrainingSettings
from xstilts.config.tasks import PERTURBED, TARGETS, TEXT
from xstilts.execution.cost.flops import forward_flops, training_flops, vocabulary_flops
from xstilts.execution.cost.shape import Shape
from xstilts.execution.cost.tally import TRAINING_PASSES
from xstilts.execution.plan.inputs import NOTHING, Size, Sizes
from xstilts.graph.cells import Grid
from xstilts.graph.mixture import MixedSource, number_of_steps, probabilities

# Rules whose time is that of an encoder: they run on the GPU where there is one.
COMPUTED = ("pretrain", "train_intermediate", "train_target", "predict", "embed")
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

    def __init__(self, grid: Grid, shapes: Mapping[str, Shape | None], sizes: Sizes) -> None:
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
        match rule:
            case "pretrain":
                return self._pretraining(*key)
            case "train_intermediate":
                return self._intermediate(*key)
            case "train_target":
                settings = self._experiment.training_for(key[1])
                return self._training(key[0], {key[1]: "train"}, [key[1]], settings)
            case "predict" | "embed":
                return self._prediction(rule, *key)
            case "retrieve":
                return self._retrieval(*key)
            case "score" | "shortcuts" | "perturb":
                return Work(items=self._evaluated(rule, key))
            case "tokenise":
                return Work(items=self._tokens(*key))
            case "ingest" | "generate":
                return Work(items=self._sizes.amounts.items(*key))
            case "new_encoder":
                return Work(items=self._sizes.amounts.items(TEXT, "train"))
            case "reinitialise" | "fetch_encoder":
                shape = self._shapes[key[0]]
                return shape and Work(items=shape.parameters or 0)
            case _:
                return Work()

    def _pretraining(self, encoder: str) -> Work | None:
        pretraining = self._experiment.encoders[encoder].pretrain
        if pretraining is None:
            return None
        return self._training(
            encoder,
            {TEXT: "train"},
            [TEXT],
            pretraining.training,
            mask_ratio=pretraining.mask_ratio,
        )

    def _intermediate(self, encoder: str, recipe: str) -> Work | None:
        if recipe not in self._grid.recipes or recipe == BASELINE:
            return None
        found = self._grid.recipes[recipe]
        return self._training(
            encoder,
            dict.fromkeys(self._grid.sources(recipe), "train"),
            found.tasks,
            self._experiment.intermediate_training_for(found),
            recipe=recipe,
            mask_ratio=self._experiment.continued_mlm.mask_ratio,
        )

    def _training(
        self,
        encoder: str,
        sources: Mapping[str, str],
        dev: list[str] | tuple[str, ...],
        settings: TrainingSettings,
        *,
        recipe: str | None = None,
        mask_ratio: float = 0.0,
    ) -> Work | None:
        """A run of `train.train`: its batches, and the development items that are scored."""
        shape = self._shapes[encoder]
        parts = {key: self._sizes.of(encoder, key, part) for key, part in sources.items()}
        scored = [self._sizes.of(encoder, key, "dev") for key in dev]
        if shape is None or None in parts.values() or None in scored:
            return None
        known = {key: size for key, size in parts.items() if size is not None}
        steps, batches = self._steps(known, settings, recipe)
        flops = 0.0
        passes = 0.0
        for key, size in known.items():
            # An epoch has every feature once, its last batch may be smaller.
            share = batches[key] / max(1, math.ceil(size.features / settings.batch_size))
            seen = size.scaled(share)
            predicted = seen.predicted(mask_ratio) if key == TEXT else 0.0
            operations = training_flops(shape, seen.tokens, seen.squares, predicted)
            if operations is None:
                return None
            flops += operations
            micro = seen.tokens / max(batches[key], 1) / settings.micro_batch_tokens
            passes += batches[key] * max(1, math.ceil(micro)) * TRAINING_PASSES
        every = settings.evaluate_every or math.ceil(steps / settings.epochs)
        times = math.ceil(steps / every) if every else 0
        for key, size in zip(dev, scored, strict=True):
            once = _at_most(size or NOTHING, settings.dev_items)
            flops += times * (forward_flops(shape, once.tokens, once.squares) or 0.0)
            if key == TEXT:
                flops += times * vocabulary_flops(shape, once.predicted(mask_ratio))
            passes += times * max(1, math.ceil(once.tokens / settings.micro_batch_tokens))
        return Work(
            flops=flops,
            passes=passes * shape.layers,
            updates=steps * (shape.parameters or 0),
            items=sum(size.features for size in known.values()),
        )

    def _steps(
        self, parts: Mapping[str, Size], settings: TrainingSettings, recipe: str | None
    ) -> tuple[int, dict[str, float]]:
        """Optimizer steps of a run, and of each source its mean share of them."""
        if len(parts) == 1:
            ((key, size),) = parts.items()
            steps = settings.epochs * math.ceil(size.features / settings.batch_size)
            return steps, {key: steps}
        mixing = self._experiment.mixing_for(str(recipe))
        mixed = [
            MixedSource(
                key,
                Source.of(key).task,
                round(size.items),
                round(size.features),
                Source.of(key).task == TEXT,
            )
            for key, size in parts.items()
        ]
        steps = number_of_steps(mixed, mixing, settings.batch_size, settings.epochs)
        drawn = probabilities(mixed, mixing)
        return steps, {key: steps * share for key, share in zip(parts, drawn, strict=True)}

    def _prediction(self, rule: str, encoder: str, target: str, noisy: str) -> Work | None:
        shape = self._shapes[encoder]
        size = self._predicted(encoder, target, noisy)
        if shape is None or size is None:
            return None
        flops = forward_flops(shape, size.tokens, size.squares)
        if flops is None:
            return None
        source = self._experiment.encoders[encoder]
        tokens = (
            source.retrieval.batch_tokens
            if rule == "embed"
            else self._experiment.prediction.batch_tokens
        )
        batches = math.ceil(size.tokens / tokens)
        return Work(flops=flops, passes=batches * shape.layers, items=size.items)

    def _predicted(self, encoder: str, target: str, noisy: str) -> Size | None:
        size = self._sizes.of(encoder, target, "eval")
        if size is None or not noisy or target not in self._grid.perturbed:
            return size
        more = self._sizes.of(encoder, target, PERTURBED)
        return more and size.plus(more)

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

    def _evaluated(self, rule: str, key: tuple[str, ...]) -> float:
        target = key[0] if rule != "score" else key[1]
        items = self._sizes.amounts.items
        if rule == "perturb":
            return items(target, PERTURBED)
        if TARGETS[target].mined and rule == "score":
            return 0.0
        noisy = rule == "score" and key[2] and target in self._grid.perturbed
        return items(target, "eval") + (items(target, PERTURBED) if noisy else 0)

    def _tokens(self, encoder: str, task: str, part: str) -> float:
        size = self._sizes.of(encoder, task, part)
        return size.tokens if size else 0.0


def _at_most(size: Size, items: int | None) -> Size:
    """The part of a development set that is scored."""
    if items is None or size.items <= items:
        return size
    return size.scaled(items / size.items)
