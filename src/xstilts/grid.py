"""The grid of an experiment: cells, jobs, and the only place that knows paths.

Path patterns hold Snakemake wildcards in braces; `Paths` hands them out, `Grid` fills them in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from xstilts.config import BASELINE, Experiment
from xstilts.data.locate import Unit, explain_missing, find_files
from xstilts.errors import XstiltsError
from xstilts.tasks import INTERMEDIATE, SOURCE_LANGUAGE, TARGETS, TASKS, Kind, Metric, Task


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


class Paths:
    """Path patterns of one experiment, relative to the working directory."""

    def __init__(self, experiment: str) -> None:
        self.root = root = f"results/{experiment}"
        state = "{encoder}/{recipe}"
        seed = "seed{seed}"
        self.data = f"{root}/data/{{task}}/{{part}}.parquet"
        self.encoder = f"{root}/encoders/{{encoder}}"
        self.features = f"{root}/features/{{encoder}}/{{task}}/{{part}}.parquet"
        self.intermediate = f"{root}/intermediate/{state}/{seed}"
        self.checkpoint = f"{root}/target/{state}/{{train_set}}/{seed}"
        self.curve = f"{root}/curves/{state}/{{phase}}/{{train_set}}/{seed}.json"
        self.predictions = f"{root}/predictions/{state}/{{target}}/{seed}.parquet"
        self.embeddings = f"{root}/embeddings/{state}/{{target}}/{seed}.npy"
        self.cell_scores = f"{root}/scores/{state}/{{target}}/{seed}.parquet"
        self.scores = f"{root}/scores.parquet"
        self.submission = f"{root}/submission/{state}/{seed}"
        self.labels = f"{root}/labels"
        self.report = f"{root}/index.html"
        self.resume = f"{root}/resume"

    def log(self, rule: str, *wildcards: str) -> str:
        """The log file pattern of a rule with these wildcards."""
        return self._per_job("logs", rule, wildcards, "log")

    def benchmark(self, rule: str, *wildcards: str) -> str:
        """The benchmark file pattern of a rule with these wildcards."""
        return self._per_job("benchmarks", rule, wildcards, "tsv")

    def _per_job(self, kind: str, rule: str, wildcards: Iterable[str], suffix: str) -> str:
        name = "/".join(f"{{{wildcard}}}" for wildcard in wildcards) or "all"
        return f"{self.root}/{kind}/{rule}/{name}.{suffix}"


class Grid:
    """An experiment expanded: which cells there are and what each job needs.

    Raises:
        XstiltsError: data that the experiment names are missing (all are listed at once).
    """

    def __init__(self, experiment: Experiment) -> None:
        self.experiment = experiment
        self.paths = Paths(experiment.experiment)
        self._missing: list[tuple[str, str, str]] = []
        self._data_root = self._existing_data_root()
        self._refuse_targets_without_split()
        self._units: dict[tuple[str, str], list[Unit]] = {}
        for task in self.tasks:
            for part in self.parts(task):
                self._units[task, part] = self._find_units(task, part)
        self._check_missing()

    @cached_property
    def cells(self) -> tuple[Cell, ...]:
        """All cells. The baseline's retrieval does not depend on the seed: one cell each."""
        experiment = self.experiment
        return tuple(
            Cell(encoder, recipe, target, seed)
            for encoder in experiment.encoders
            for recipe in experiment.recipes
            for target in experiment.targets
            for seed in (
                experiment.seeds[:1]
                if recipe == BASELINE and TARGETS[target].train_set is None
                else experiment.seeds
            )
        )

    @cached_property
    def train_sets(self) -> tuple[str, ...]:
        """Keys of the tasks whose English data some target trains on."""
        keys = (TARGETS[target].train_set for target in self.experiment.targets)
        return tuple(dict.fromkeys(key for key in keys if key))

    @cached_property
    def intermediate_tasks(self) -> tuple[str, ...]:
        """Keys of the tasks that some recipe trains on."""
        return tuple(recipe for recipe in self.experiment.recipes if recipe in INTERMEDIATE)

    @cached_property
    def tasks(self) -> tuple[str, ...]:
        """Keys of all tasks whose data are read."""
        return tuple(
            dict.fromkeys([*self.intermediate_tasks, *self.train_sets, *self.experiment.targets])
        )

    def parts(self, task: str) -> tuple[str, ...]:
        """The parts of a task's data that are needed: train, dev (English) and eval."""
        trained = task in self.train_sets or task in self.intermediate_tasks
        evaluated = task in self.experiment.targets
        return (("train", "dev") if trained else ()) + (("eval",) if evaluated else ())

    def units(self, task: str, part: str) -> list[Unit]:
        """What is read to make one part of a task's data."""
        return self._units[task, part]

    def input_files(self, task: str, part: str) -> list[str]:
        """The files on disk that one part is made from (none for the hub)."""
        return [name for unit in self.units(task, part) for name in unit.files]

    @property
    def left_out(self) -> tuple[str, ...]:
        """Data that were looked for, are missing, and were left out as configured."""
        languages: dict[tuple[str, str], list[str]] = {}
        for task, split, language in self._missing:
            languages.setdefault((task, split), []).append(language)
        return tuple(
            f"{task} {split} {' '.join(found)}: "
            + explain_missing(TASKS[task], split, found[0], Path(str(self._data_root)))
            for (task, split), found in languages.items()
        )

    def _existing_data_root(self) -> Path | None:
        if self.experiment.data_source != "folder":
            return None
        # One spelling of the path, whatever was typed: inputs are compared by name.
        root = Path(str(self.experiment.data_root)).expanduser().resolve()
        if not root.is_dir():
            raise XstiltsError("no such folder", where=f"data_root {root}")
        return root

    def _refuse_targets_without_split(self) -> None:
        for key in self.experiment.targets:
            has = TASKS[key].folder if self.experiment.data_source == "folder" else TASKS[key].hub
            if not set(self.experiment.splits) & set(has):
                raise XstiltsError(
                    f"{key} has no {' or '.join(self.experiment.splits)} split",
                    where=f"targets.{key}",
                    mend="add `test` to `splits` or leave the target out",
                )

    def _wanted(self, task: Task, part: str) -> list[tuple[str, str]]:
        if part == "train":
            return [("train", SOURCE_LANGUAGE)]
        if part == "dev":
            return [("train" if task.dev_from_train else "dev", SOURCE_LANGUAGE)]
        splits = set(self.experiment.splits)
        if task.metric is Metric.BITEXT_F1:
            splits.add("dev")  # the mining threshold is tuned there
        source = task.folder if self.experiment.data_source == "folder" else task.hub
        return [
            (split, language)
            for split in ("dev", "test")
            if split in splits and split in source
            for language in self.experiment.languages(task.key)
            if not (split == "dev" and language in task.no_dev)
        ]

    def _find_units(self, key: str, part: str) -> list[Unit]:
        task = TASKS[key]
        wanted = self._wanted(task, part)
        if self._data_root is None:
            return [Unit(split, language) for split, language in wanted]
        units, absent = [], set()
        for split, language in wanted:
            found = find_files(task, split, language, self._data_root)
            if found is None:
                self._missing.append((key, split, language))
                absent.add(language)
            else:
                source, files = found
                units.append(Unit(split, language, tuple(map(str, files)), source.reader))
        if task.metric is Metric.BITEXT_F1:
            # Without development pairs there is no threshold, so the test pairs are of no use.
            units = [unit for unit in units if unit.language not in absent]
        return units

    def _check_missing(self) -> None:
        empty = not all(self._units.values())
        if self._missing and (self.experiment.missing_data == "error" or empty):
            raise XstiltsError(
                "data that the experiment names are missing:\n  " + "\n  ".join(self.left_out),
                where=f"data_root {self._data_root}",
                mend="narrow `targets.<task>.languages` or `exclude`, drop the target or recipe"
                + ("" if empty else ", or set `missing_data: leave_out`"),
            )

    def state(self, encoder: str, recipe: str, seed: int | str) -> str:
        """The encoder folder that target training and retrieval start from."""
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

    def cells_of(self, encoder: str, recipe: str, seed: str) -> list[Cell]:
        """One cell per target, in the experiment's order, for one state and seed."""
        found = {
            (cell.target, cell.seed): cell
            for cell in self.cells
            if (cell.encoder, cell.recipe) == (encoder, recipe)
        }
        first = self.experiment.seeds[0]
        return [
            found.get((target, int(seed))) or found[target, first]
            for target in self.experiment.targets
        ]

    def is_trained(self, target: str) -> bool:
        """Whether a target is trained, rather than retrieved with the encoder as it is."""
        return TARGETS[target].train_set is not None

    def resume_folder(self, phase: str, wildcards: Mapping[str, str]) -> str:
        """Where the state of an unfinished training run lives."""
        return "/".join([self.paths.resume, phase, *(str(value) for _, value in wildcards.items())])

    def encoder_files(self, encoder: str) -> list[str]:
        """The files of an encoder in a folder (none for the hub, or inside a package)."""
        source = self.experiment.encoders[encoder]
        folder = source.local_folder()
        if folder is None or source.package is not None:
            return []
        return [str(path) for path in sorted(folder.iterdir()) if path.is_file()]

    # Slices of the experiment: what one rule depends on, and nothing else.

    def task_slice(self, task: str) -> dict[str, Any]:
        """What the table of tasks says about how a task is computed."""
        entry = TASKS[task]
        return {
            "key": entry.key,
            "kind": str(entry.kind),
            "metric": str(entry.metric),
            "labels": list(entry.labels),
        }

    def data_slice(self, task: str, part: str) -> dict[str, Any]:
        """What decides the content of one data file."""
        units = [asdict(unit) for unit in self.units(task, part)]
        limits = self.experiment.limits_for(task).model_dump()
        splits = {"train": ["train"], "dev": ["dev"], "eval": ["dev", "test"]}[part]
        entry = TASKS[task]
        hub = self.experiment.data_source == "hub"
        revisions = {
            source.repo: self.experiment.hub_revisions.get(source.repo, source.revision)
            for source in entry.hub.values()
        }
        return {
            "source": self.experiment.data_source,
            "units": units,
            "limits": {split: limits[split] for split in splits},
            "hub": {unit.split: asdict(entry.hub[unit.split]) for unit in self.units(task, part)}
            if hub
            else {},
            "revisions": revisions if hub else {},
            "dev_from_train": entry.dev_from_train,
            "parallel": entry.parallel,
        }

    def encoder_slice(self, encoder: str) -> dict[str, Any]:
        """Where an encoder comes from; a package by its version, since its files move."""
        source = self.experiment.encoders[encoder]
        known = source.model_dump(include={"hub", "revision", "folder"})
        return {**known, "package_version": source.package_version()}

    def length_slice(self, encoder: str, task: str) -> dict[str, Any]:
        """Lengths at which a task is tokenised."""
        if TASKS[task].kind is Kind.RETRIEVAL:
            return {"max_length": self.experiment.encoders[encoder].retrieval.max_length}
        return self.experiment.tokenisation_for(task).model_dump()

    def training_slice(
        self, wildcards: Mapping[str, str], task: str, *, intermediate: bool
    ) -> dict[str, Any]:
        """What decides the outcome of one training run, besides its input files."""
        phase = "intermediate" if intermediate else "target"
        settings = self.experiment.training_for(task, intermediate=intermediate)
        return {
            "name": f"{wildcards['encoder']}/{wildcards['recipe']}/{phase}/{task}",
            "task": self.task_slice(task),
            "settings": settings.model_dump(exclude={"save_every_seconds"}),
        }

    def save_every_seconds(self, task: str, *, intermediate: bool) -> int:
        """How often a run saves its state; no result depends on it."""
        return self.experiment.training_for(task, intermediate=intermediate).save_every_seconds

    def decoding_slice(self, target: str) -> dict[str, Any]:
        """What decides the predictions of a target, besides its input files."""
        train_set = str(TARGETS[target].train_set)
        training = self.experiment.training_for(train_set, intermediate=False)
        return {"max_answer_length": training.max_answer_length}

    def embedding_slice(self, encoder: str) -> dict[str, Any]:
        """What decides the sentence vectors of an encoder."""
        return self.experiment.encoders[encoder].retrieval.model_dump(include={"layer", "pooling"})

    def table_slice(self) -> dict[str, Any]:
        """What the table of tasks says about averages: languages and groups."""
        return {
            key: {"languages": list(task.languages), "group": task.group, "title": task.title}
            for key, task in TARGETS.items()
        }

    def as_dict(self) -> dict[str, Any]:
        """The validated experiment as plain data."""
        return self.experiment.model_dump(mode="json")
