"""The jobs of an experiment: what each needs and makes, and which are still to run.

These are the jobs that take time. What collects and reports is left out: some ten jobs of seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from xstilts.config.experiment import BASELINE
from xstilts.config.recipes import UNTRAINED
from xstilts.config.tasks import PERTURBED, TARGETS, TEXT
from xstilts.execution.plan.jobs import feature_parts
from xstilts.graph.cells import Cell, Grid

# Rules of the workflow that take time, in its order.
RULES = (
    "generate",
    "ingest",
    "perturb",
    "fetch_encoder",
    "new_encoder",
    "tokenise",
    "pretrain",
    "reinitialise",
    "train_intermediate",
    "train_target",
    "predict",
    "embed",
    "retrieve",
    "score",
    "shortcuts",
)


@dataclass(frozen=True)
class Job:
    """One job: its rule and wildcards, the paths that it reads and makes.

    `passing` are those of the outputs that are deleted when nothing needs them any more.
    """

    rule: str
    wildcards: Mapping[str, str]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    passing: tuple[str, ...] = ()


class Graph:
    """The jobs of a grid, each after those that it depends on."""

    def __init__(self, grid: Grid) -> None:
        self._grid, self._paths = grid, grid.paths
        self.jobs: tuple[Job, ...] = tuple(self._in_order())
        self.maker: dict[str, int] = {
            path: i for i, job in enumerate(self.jobs) for path in job.outputs
        }

    @cached_property
    def before(self) -> tuple[tuple[int, ...], ...]:
        """Of every job the jobs that make what it reads, by number."""
        maker = self.maker
        return tuple(
            tuple({maker[path]: None for path in job.inputs if path in maker}) for job in self.jobs
        )

    @cached_property
    def made(self) -> frozenset[int]:
        """Jobs all of whose lasting outputs are there."""
        root = self._grid.paths.root
        if not Path(root).is_dir():
            return frozenset()
        return frozenset(
            i
            for i, job in enumerate(self.jobs)
            if all(Path(path).exists() for path in job.outputs if path not in job.passing)
            and len(job.outputs) > len(job.passing)
        )

    @cached_property
    def to_run(self) -> frozenset[int]:
        """Jobs that lack something that the reports read, and what those need in turn.

        By whether files are there alone: not whether they are older than what they are made of,
        or were made with other settings or code.
        """
        wanted = {
            path
            for job in self.jobs
            for path in job.outputs
            if job.rule in _READ_BY_REPORTS and path not in job.passing
        }
        found: set[int] = set()
        for i in range(len(self.jobs) - 1, -1, -1):
            job = self.jobs[i]
            asked = [path for path in job.outputs if path in wanted]
            if asked and not (i in self.made and all(Path(path).exists() for path in asked)):
                found.add(i)
                wanted.update(job.inputs)
        return frozenset(found)

    def _in_order(self) -> Iterator[Job]:
        yield from self._data()
        yield from self._encoders()
        for encoder in self._grid.experiment.encoders:
            yield from self._intermediate(encoder)
        yield from self._targets()

    def _data(self) -> Iterator[Job]:
        grid, paths = self._grid, self._paths
        rule = "generate" if grid.experiment.data_source == "invitro" else "ingest"
        for task in grid.tasks:
            for part in grid.parts(task):
                at = {"task": task, "part": part}
                yield Job(rule, at, (), (paths.data.format(**at),))
        for target in grid.perturbed:
            clean, noisy = (
                paths.data.format(task=target, part=part) for part in ("eval", PERTURBED)
            )
            yield Job("perturb", {"target": target}, (clean,), (noisy,))
        if grid.shortcuts:
            for target in grid.experiment.targets:
                data = paths.data.format(task=target, part="eval")
                yield Job(
                    "shortcuts",
                    {"target": target},
                    (data, *grid.training_data(target)),
                    (paths.shortcuts.format(target=target),),
                )

    def _encoders(self) -> Iterator[Job]:
        grid, paths = self._grid, self._paths
        for encoder in grid.experiment.encoders:
            at = {"encoder": encoder}
            ready = paths.encoder.format(**at)
            if encoder in grid.experiment.pretrained:
                text = paths.data.format(task=TEXT, part="train")
                yield Job("new_encoder", at, (text,), (paths.initial.format(**at),))
            else:
                yield Job("fetch_encoder", at, (), (ready,))
            tokenizer = grid.tokenizer_folder(encoder)
            for task, part in feature_parts(grid, encoder):
                data = paths.data.format(task=task, part=part)
                features = paths.features.format(**at, task=task, part=part)
                read = (data, tokenizer, *grid.label_files([task]))
                yield Job("tokenise", {**at, "task": task, "part": part}, read, (features,))
            if encoder in grid.experiment.pretrained:
                parts = [(TEXT, "train"), (TEXT, "dev")]
                read = (paths.initial.format(**at), *self._features(encoder, parts))
                yield Job("pretrain", at, read, (ready, paths.pretraining.format(**at)))
            if UNTRAINED in grid.experiment.baselines:
                yield Job("reinitialise", at, (tokenizer,), (paths.untrained.format(**at),))

    def _intermediate(self, encoder: str) -> Iterator[Job]:
        grid, paths = self._grid, self._paths
        for recipe, found in grid.recipes.items():
            if recipe == BASELINE:
                continue
            parts = [(key, "train") for key in grid.sources(recipe)]
            parts += [(task, "dev") for task in found.tasks]
            read = (paths.encoder.format(encoder=encoder), *self._features(encoder, parts))
            for seed in grid.experiment.seeds:
                at = {"encoder": encoder, "recipe": recipe, "seed": str(seed)}
                outputs = (paths.intermediate.format(**at), paths.intermediate_curve.format(**at))
                yield Job("train_intermediate", at, read, outputs)

    def _features(self, encoder: str, parts: Sequence[tuple[str, str]]) -> tuple[str, ...]:
        pattern = self._paths.features
        return tuple(pattern.format(encoder=encoder, task=task, part=part) for task, part in parts)

    def _targets(self) -> Iterator[Job]:
        trained: set[str] = set()
        for cell in (*self._grid.cells, *self._grid.baseline_cells):
            if self._grid.is_trained(cell.target):
                checkpoint = self._grid.trained(cell.wildcards)
                if checkpoint not in trained:
                    trained.add(checkpoint)
                    yield self._training(cell, checkpoint)
                yield self._prediction(cell, checkpoint)
            else:
                yield from self._retrieval(cell)
            at = cell.wildcards
            predictions = self._paths.predictions.format(**at)
            yield Job("score", at, (predictions,), (self._paths.cell_scores.format(**at),))

    def _training(self, cell: Cell, checkpoint: str) -> Job:
        train_set = str(TARGETS[cell.target].train_set)
        at = {
            "encoder": cell.encoder,
            "recipe": cell.recipe,
            "train_set": train_set,
            "seed": str(cell.seed),
        }
        state = self._grid.state(cell.encoder, cell.recipe, cell.seed)
        parts = [(train_set, "train"), (train_set, "dev")]
        curve = self._paths.curve.format(**at, phase="target")
        passing = () if self._grid.experiment.keep_target_checkpoints else (checkpoint,)
        read = (state, *self._features(cell.encoder, parts))
        return Job("train_target", at, read, (checkpoint, curve), passing)

    def _prediction(self, cell: Cell, checkpoint: str) -> Job:
        at = cell.wildcards
        return Job(
            "predict", at, (checkpoint, *self._read(cell)), (self._paths.predictions.format(**at),)
        )

    def _retrieval(self, cell: Cell) -> Iterator[Job]:
        at, paths = cell.wildcards, self._paths
        state = self._grid.state(cell.encoder, cell.recipe, cell.seed)
        vectors = paths.embeddings.format(**at)
        yield Job("embed", at, (state, *self._read(cell)), (vectors,), (vectors,))
        yield Job("retrieve", at, (vectors,), (paths.predictions.format(**at),))

    def _read(self, cell: Cell) -> Iterable[str]:
        """Features that a cell predicts from."""
        features = self._features(cell.encoder, [(cell.target, "eval")])
        return (*features, *self._grid.perturbed_features(cell.wildcards))


# What the tables and pages read: data for the report's table of them, predictions for intervals,
# and the curves of training (`collect_runs`).
_READ_BY_REPORTS = frozenset(
    {
        "generate",
        "ingest",
        "shortcuts",
        "train_intermediate",
        "train_target",
        "predict",
        "retrieve",
        "score",
    }
)
