"""The grid of an experiment: its cells, and what each job needs and depends on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from xstilts.config.experiment import BASELINE, Experiment
from xstilts.config.recipes import UNTRAINED, Source
from xstilts.config.tasks import PERTURBED, TARGETS, TASKS, TEXT, Task
from xstilts.errors import XstiltsError
from xstilts.graph.locate import Unit
from xstilts.graph.paths import Paths
from xstilts.graph.required_data import Inventory, available, by_source, needed_by, required

# A training run: its place (columns of `schemas.RUNS`) and its curve.
Run = tuple[dict[str, Any], str]


@dataclass(frozen=True)
class Cell:
    """One (encoder, recipe, target, seed): the unit that is predicted and scored."""

    encoder: str
    recipe: str
    target: str
    seed: int

    @property
    def task(self) -> Task:
        """The target's entry in the table of tasks."""
        return TARGETS[self.target]

    @property
    def wildcards(self) -> dict[str, str]:
        """Values for the path patterns."""
        return {
            "encoder": self.encoder,
            "recipe": self.recipe,
            "target": self.target,
            "seed": str(self.seed),
        }


class Grid:
    """An experiment expanded: which cells there are and what each job needs.

    Raises:
        XstiltsError: data that the experiment names are missing (all are listed at once).
    """

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        self.paths = Paths(experiment.experiment)
        wanted = {name: experiment.recipe(name) for name in experiment.recipes}
        sure = required(experiment)
        perhaps = needed_by(wanted.values()) - sure
        if experiment.text.root is not None:
            # A folder that was named and lacks what it should hold is a mistake, not a want.
            perhaps.discard((TEXT, "train"))
        everything = sure | needed_by(wanted.values())
        self.inventory = Inventory(experiment, by_source(everything), perhaps)
        found = available(wanted, self.inventory.absent)
        if set(wanted) != {BASELINE} and set(found.recipes) <= {BASELINE}:
            raise XstiltsError(
                "the data of every recipe are missing:\n  " + "\n  ".join(found.left_out),
                where="recipes",
                hint="provide the data of one recipe at least, or name the baseline alone",
            )
        self.recipes = found.recipes
        self._recipes_left_out = found.left_out
        self._parts = by_source(sure | needed_by(found.recipes.values()))

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """All cells. The baseline's retrieval does not depend on the seed: one cell each."""
        experiment = self.experiment
        return tuple(
            Cell(encoder, recipe, target, seed)
            for encoder in experiment.encoders
            for recipe in self.recipes
            for target in experiment.targets
            for seed in (
                experiment.seeds[:1]
                if recipe == BASELINE and TARGETS[target].train_set is None
                else experiment.seeds
            )
        )

    @cached_property
    def baseline_cells(self) -> tuple[Cell, ...]:
        """Cells of encoders with random weights, for the first seed; they are not in `cells`."""
        experiment = self.experiment
        if UNTRAINED not in experiment.baselines:
            return ()
        return tuple(
            Cell(encoder, UNTRAINED, target, experiment.seeds[0])
            for encoder in experiment.encoders
            for target in experiment.targets
        )

    @cached_property
    def runs(self) -> tuple[Run, ...]:
        """Every training run of `cells`."""
        experiment, curve = self.experiment, self.paths.curve
        found: list[Run] = []
        for encoder in experiment.encoders:
            for recipe in self.recipes:
                for seed in experiment.seeds:
                    place = {"encoder": encoder, "recipe": recipe, "seed": seed}
                    phases = [("target", train_set) for train_set in self.train_sets]
                    if recipe != BASELINE:
                        phases.insert(0, ("intermediate", ""))
                    for phase, train_set in phases:
                        where = {"phase": phase, "train_set": train_set}
                        pattern = self.paths.intermediate_curve if not train_set else curve
                        found.append(({**place, **where}, pattern.format(**place, **where)))
        return tuple(found)

    @cached_property
    def curves(self) -> tuple[Run, ...]:
        """Every training run: pretraining, which has no recipe, `runs`, and those of baselines."""
        found: list[Run] = []
        for name, source in self.experiment.encoders.items():
            if source.pretrain:
                place = {"encoder": name, "recipe": "", "seed": source.pretrain.seed}
                where = {"phase": "pretraining", "train_set": ""}
                found.append(({**place, **where}, self.paths.pretraining.format(encoder=name)))
        found += self.runs
        for name in dict.fromkeys(cell.encoder for cell in self.baseline_cells):
            place = {"encoder": name, "recipe": UNTRAINED, "seed": self.experiment.seeds[0]}
            for train_set in self.train_sets:
                where = {"phase": "target", "train_set": train_set}
                found.append(({**place, **where}, self.paths.curve.format(**place, **where)))
        return tuple(found)

    @property
    def shortcuts(self) -> tuple[str, ...]:
        """The baselines that need no encoder."""
        return tuple(name for name in self.experiment.baselines if name != UNTRAINED)

    @cached_property
    def train_sets(self) -> tuple[str, ...]:
        """Keys of the tasks whose English data some target trains on."""
        keys = (TARGETS[target].train_set for target in self.experiment.targets)
        return tuple(dict.fromkeys(key for key in keys if key))

    @cached_property
    def fetched(self) -> tuple[str, ...]:
        """Encoders that come from elsewhere, as opposed to `experiment.pretrained`."""
        pretrained = self.experiment.pretrained
        return tuple(name for name in self.experiment.encoders if name not in pretrained)

    @property
    def tasks(self) -> tuple[str, ...]:
        """Keys of all sources whose data are read (`mnli`, in other languages `mnli@sw`)."""
        return tuple(self._parts)

    def parts(self, task: str) -> tuple[str, ...]:
        """The parts of a source's data that are needed: train, dev (English) and eval."""
        return self._parts[task]

    def sources(self, recipe: str) -> list[str]:
        """Keys of what intermediate training mixes, plain text last."""
        found = self.recipes[recipe]
        return [*(source.key for source in found.sources), *([TEXT] if found.mlm else [])]

    def label_files(self, sources: Iterable[str]) -> list[str]:
        """Data files that hold all labels of those of the sources whose labels are open."""
        tasks = dict.fromkeys(Source.of(key).task for key in sources)
        return [
            self.paths.data.format(task=task, part="train")
            for task in tasks
            if TASKS[task].open_labels
        ]

    def units(self, task: str, part: str) -> list[Unit]:
        """What is read to make one part of a task's data."""
        return self.inventory.units(task, part)

    def input_files(self, task: str, part: str) -> list[str]:
        """The files on disk that one part is made from (none for the hub)."""
        units = self.units(task, part)
        if tested := self.inventory.tested_passages(task, part):
            units = [*units, tested[1]]
        return [name for unit in units for name in unit.files]

    @property
    def left_out(self) -> tuple[str, ...]:
        """Data that were looked for, are missing, and were left out as configured."""
        return (*self.inventory.left_out, *self._recipes_left_out)

    def state(self, encoder: str, recipe: str, seed: int | str) -> str:
        """The encoder folder that target training and retrieval start from."""
        if recipe == UNTRAINED:
            return self.paths.untrained.format(encoder=encoder)
        if recipe == BASELINE:
            return self.paths.encoder.format(encoder=encoder)
        return self.paths.intermediate.format(encoder=encoder, recipe=recipe, seed=seed)

    def trained(self, cell: Mapping[str, str]) -> str:
        """The checkpoint that predicts a trained target's cell."""
        return self.paths.checkpoint.format(
            encoder=cell["encoder"],
            recipe=cell["recipe"],
            train_set=TARGETS[cell["target"]].train_set,
            seed=cell["seed"],
        )

    def training_data(self, target: str) -> list[str]:
        """The file of English data that a target trains on, if it is trained."""
        train_set = TARGETS[target].train_set
        return [self.paths.data.format(task=train_set, part="train")] if train_set else []

    def cells_of(self, encoder: str, recipe: str, seed: str) -> list[Cell]:
        """One cell per target, in the experiment's order, for one state and seed."""
        found = self._by_state[encoder, recipe]
        first = self.experiment.seeds[0]
        return [
            found.get((target, int(seed))) or found[target, first]
            for target in self.experiment.targets
        ]

    @cached_property
    def _by_state(self) -> dict[tuple[str, str], dict[tuple[str, int], Cell]]:
        """Cells by target and seed, of each encoder and recipe."""
        found: dict[tuple[str, str], dict[tuple[str, int], Cell]] = defaultdict(dict)
        for cell in self.cells:
            found[cell.encoder, cell.recipe][cell.target, cell.seed] = cell
        return found

    @cached_property
    def perturbed(self) -> tuple[str, ...]:
        """The targets that are also predicted from perturbed inputs."""
        chosen = self.experiment.perturbations
        if not chosen.conditions:
            return ()
        return tuple(
            target
            for target in self.experiment.targets
            if not TARGETS[target].mined and (chosen.targets is None or target in chosen.targets)
        )

    def perturbed_data(self, cell: Mapping[str, str]) -> list[str]:
        """The file of perturbed inputs that a cell predicts, if it does."""
        if not self._predicts_perturbed(cell):
            return []
        return [self.paths.data.format(task=cell["target"], part=PERTURBED)]

    def perturbed_features(self, cell: Mapping[str, str]) -> list[str]:
        """The features of `perturbed_data`."""
        if not self._predicts_perturbed(cell):
            return []
        place = {"encoder": cell["encoder"], "task": cell["target"], "part": PERTURBED}
        return [self.paths.features.format(**place)]

    def _predicts_perturbed(self, cell: Mapping[str, str]) -> bool:
        # What an untrained encoder makes of noise says nothing.
        return cell["target"] in self.perturbed and cell["recipe"] != UNTRAINED

    def is_trained(self, target: str) -> bool:
        """Whether a target is trained, rather than retrieved with the encoder as it is."""
        return TARGETS[target].train_set is not None

    def resume_folder(self, phase: str, wildcards: Mapping[str, str]) -> str:
        """Where the state of an unfinished training run lives."""
        return "/".join([self.paths.resume, phase, *(str(value) for _, value in wildcards.items())])

    def tokenizer_folder(self, encoder: str) -> str:
        """The encoder folder that data are tokenised for, before any training of it."""
        if encoder in self.experiment.pretrained:
            return self.paths.initial.format(encoder=encoder)
        return self.paths.encoder.format(encoder=encoder)

    def encoder_files(self, encoder: str) -> list[str]:
        """The files of an encoder in a folder (none if it comes from elsewhere)."""
        source = self.experiment.encoders[encoder]
        folder = source.local_folder()
        if folder is None or source.package is not None:
            return []
        return [str(path) for path in sorted(folder.iterdir()) if path.is_file()]
