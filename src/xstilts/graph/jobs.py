"""The jobs of an experiment: what each reads and makes, and which are still to run.

The rules of the workflow take their inputs from here (`JobInputs`), and the plan the whole list
(`Jobs`), which is Snakemake's own: a test compares the two. What collects and reports is left out:
some ten jobs of seconds. Nor do jobs name here the files of a user's that they read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from xstilts.config.experiment import BASELINE
from xstilts.config.recipes import UNTRAINED
from xstilts.config.tasks import PERTURBED, TARGETS, TEXT
from xstilts.graph.cells import Grid

# What a job reads, by the names that its script knows it by.
Files = dict[str, str | list[str]]


class JobInputs:
    """What the jobs of each rule read: a method a rule, which takes the wildcards of a job."""

    def __init__(self, grid: Grid) -> None:
        self._grid, self._paths = grid, grid.paths

    def of(self, rule: str, at: Mapping[str, str]) -> list[str]:
        """All files that a job reads; none of a rule that reads no other job's."""
        found: Files = getattr(self, rule)(at) if hasattr(self, rule) else {}
        return [
            path for each in found.values() for path in ([each] if isinstance(each, str) else each)
        ]

    def perturb(self, at: Mapping[str, str]) -> Files:
        """The clean data of a target."""
        return {"data": self._data(at["target"], "eval")}

    def shortcuts(self, at: Mapping[str, str]) -> Files:
        """Data of a target, and what it trains on."""
        return {
            "data": self._data(at["target"], "eval"),
            "train": self._grid.training_data(at["target"]),
        }

    def new_encoder(self, at: Mapping[str, str]) -> Files:
        """Text from which a vocabulary is learnt."""
        return {"text": self._data(TEXT, "train")}

    def reinitialise(self, at: Mapping[str, str]) -> Files:
        """The encoder whose architecture gets random weights."""
        return {"encoder": self._grid.tokenizer_folder(at["encoder"])}

    def tokenise(self, at: Mapping[str, str]) -> Files:
        """Data, tokenizer, and the data that hold all labels where these are open."""
        return {
            "data": self._data(at["task"], at["part"]),
            "encoder": self._grid.tokenizer_folder(at["encoder"]),
            "labels": self._grid.label_files([at["task"]]),
        }

    def measure_overlap(self, at: Mapping[str, str]) -> Files:
        """Tokenizer, data and features of all targets, and of the English that they train on."""
        targets = self._grid.experiment.targets
        trained = [str(TARGETS[key].train_set) for key in targets if self._grid.is_trained(key)]
        return {
            "encoder": self._grid.tokenizer_folder(at["encoder"]),
            "data": [self._data(key, "eval") for key in targets],
            "features": [self._features(at, key, "eval") for key in targets],
            "english": [self._features(at, key, "train") for key in dict.fromkeys(trained)],
        }

    def pretrain(self, at: Mapping[str, str]) -> Files:
        """The first weights, and text."""
        return self._training(at, self._paths.initial.format(encoder=at["encoder"]), [TEXT])

    def train_intermediate(self, at: Mapping[str, str]) -> Files:
        """The encoder, the sources of a recipe, and the tasks that its checkpoint is chosen on."""
        encoder = self._paths.encoder.format(encoder=at["encoder"])
        sources = self._grid.sources(at["recipe"])
        return self._training(at, encoder, sources, self._grid.recipes[at["recipe"]].tasks)

    def train_target(self, at: Mapping[str, str]) -> Files:
        """The encoder after its recipe, and the English data of a target."""
        return self._training(at, self._state(at), [at["train_set"]])

    def predict(self, at: Mapping[str, str]) -> Files:
        """The trained checkpoint, and data and features of a target, perturbed ones too."""
        return {"checkpoint": self._grid.trained(at), **self._predicted(at)}

    def embed(self, at: Mapping[str, str]) -> Files:
        """The encoder after its recipe, and features of a target."""
        found = self._predicted(at)
        names = ("features", "perturbed_features")
        return {"encoder": self._state(at), **{name: found[name] for name in names}}

    def retrieve(self, at: Mapping[str, str]) -> Files:
        """Sentence vectors, and data and features of a target."""
        return {"embeddings": self._paths.embeddings.format(**at), **self._predicted(at)}

    def score(self, at: Mapping[str, str]) -> Files:
        """The predictions of a cell."""
        return {"predictions": self._paths.predictions.format(**at)}

    def _training(
        self,
        at: Mapping[str, str],
        encoder: str,
        sources: Sequence[str],
        chosen_on: Sequence[str] | None = None,
    ) -> Files:
        dev = sources if chosen_on is None else chosen_on
        return {
            "encoder": encoder,
            "train_data": [self._data(key, "train") for key in sources],
            "train_features": [self._features(at, key, "train") for key in sources],
            "dev_data": [self._data(key, "dev") for key in dev],
            "dev_features": [self._features(at, key, "dev") for key in dev],
            "labels": self._grid.label_files(sources),
        }

    def _predicted(self, at: Mapping[str, str]) -> Files:
        return {
            "data": self._data(at["target"], "eval"),
            "features": self._features(at, at["target"], "eval"),
            "perturbed": self._grid.perturbed_data(at),
            "perturbed_features": self._grid.perturbed_features(at),
        }

    def _state(self, at: Mapping[str, str]) -> str:
        return self._grid.state(at["encoder"], at["recipe"], at["seed"])

    def _data(self, task: str, part: str) -> str:
        return self._paths.data.format(task=task, part=part)

    def _features(self, at: Mapping[str, str], task: str, part: str) -> str:
        return self._paths.features.format(encoder=at["encoder"], task=task, part=part)


@dataclass(frozen=True)
class Job:
    """One job: its rule and wildcards, the paths that it reads and makes.

    `temporary` are those of the outputs that are deleted when nothing needs them any more.
    """

    rule: str
    wildcards: Mapping[str, str]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    temporary: tuple[str, ...] = ()

    @property
    def lasting(self) -> list[str]:
        """Outputs that stay."""
        return [path for path in self.outputs if path not in self.temporary]


class Jobs:
    """The jobs of a grid, each after those that it depends on."""

    def __init__(self, grid: Grid) -> None:
        self._root = Path(grid.paths.root)
        inputs, outputs, temporary = JobInputs(grid), output_patterns(grid), _temporary(grid)
        self.jobs = tuple(
            Job(
                rule,
                at,
                tuple(inputs.of(rule, at)),
                tuple(pattern.format(**at) for pattern in outputs[rule]),
                tuple(pattern.format(**at) for pattern in outputs[rule] if pattern in temporary),
            )
            for rule, at in (*_of_data(grid), *_of_encoders(grid), *_of_cells(grid))
        )

    @cached_property
    def maker(self) -> dict[str, int]:
        """Of every file that a job makes its number."""
        return {path: i for i, job in enumerate(self.jobs) for path in job.outputs}

    @cached_property
    def before(self) -> tuple[tuple[int, ...], ...]:
        """Of every job the jobs that make what it reads, by number."""
        maker = self.maker
        return tuple(
            tuple({maker[path]: None for path in job.inputs if path in maker}) for job in self.jobs
        )

    @cached_property
    def made(self) -> frozenset[int]:
        """Jobs all of whose lasting outputs are there, if they have any."""
        return frozenset(
            i for i, job in enumerate(self.jobs) if job.lasting and self._are_there(job.lasting)
        )

    @cached_property
    def to_run(self) -> frozenset[int]:
        """Jobs that lack something that the reports read, and what those need in turn.

        By whether files are there alone: whether they were made as they would be made today hangs
        on the code of the workflow too (`xstilts.graph.up_to_date`, `snakemake -n`).
        """
        wanted = {path for job in self.jobs if job.rule in _REPORTED for path in job.lasting}
        found: set[int] = set()
        for i in range(len(self.jobs) - 1, -1, -1):
            asked = wanted.intersection(self.jobs[i].outputs)
            if asked and not (i in self.made and self._are_there(asked)):
                found.add(i)
                wanted.update(self.jobs[i].inputs)
        return frozenset(found)

    def _are_there(self, paths: Iterable[str]) -> bool:
        return self._is_begun and all(Path(path).exists() for path in paths)

    @cached_property
    def _is_begun(self) -> bool:
        return self._root.is_dir()


# Rules whose outputs tables and pages read: data for the report's table of them, predictions for
# intervals, and the curves of training (`collect_runs`).
_REPORTED = {"generate", "ingest", "shortcuts", "predict", "retrieve", "score"} | {
    "train_intermediate",
    "train_target",
}


def output_patterns(grid: Grid) -> dict[str, tuple[str, ...]]:
    """Patterns of what each rule makes."""
    paths = grid.paths
    return {
        "generate": (paths.data,),
        "ingest": (paths.data,),
        "perturb": (paths.data.format(task="{target}", part=PERTURBED),),
        "shortcuts": (paths.shortcuts,),
        "new_encoder": (paths.initial,),
        "fetch_encoder": (paths.encoder,),
        "reinitialise": (paths.untrained,),
        "tokenise": (paths.features,),
        "pretrain": (paths.encoder, paths.pretraining),
        "train_intermediate": (paths.intermediate, paths.intermediate_curve),
        "train_target": (paths.checkpoint, paths.target_curve),
        "predict": (paths.predictions,),
        "embed": (paths.embeddings,),
        "retrieve": (paths.predictions,),
        "score": (paths.cell_scores,),
    }


def _temporary(grid: Grid) -> set[str]:
    """Those of the patterns whose files are deleted after their last use."""
    kept = grid.experiment.keep_target_checkpoints
    return {grid.paths.embeddings, *(() if kept else (grid.paths.checkpoint,))}


# A rule, and the wildcards of one of its jobs.
Named = tuple[str, dict[str, str]]


def _of_data(grid: Grid) -> Iterator[Named]:
    rule = "generate" if grid.experiment.data_source == "invitro" else "ingest"
    for task in grid.tasks:
        for part in grid.parts(task):
            yield rule, {"task": task, "part": part}
    for target in grid.perturbed:
        yield "perturb", {"target": target}
    for target in grid.experiment.targets if grid.shortcuts else ():
        yield "shortcuts", {"target": target}


def _of_encoders(grid: Grid) -> Iterator[Named]:
    for encoder in grid.experiment.encoders:
        at = {"encoder": encoder}
        pretrained = encoder in grid.experiment.pretrained
        yield "new_encoder" if pretrained else "fetch_encoder", at
        for task, part in _tokenised(grid, pretrained):
            yield "tokenise", {**at, "task": task, "part": part}
        if pretrained:
            yield "pretrain", at
        if UNTRAINED in grid.experiment.baselines:
            yield "reinitialise", at


def _tokenised(grid: Grid, pretrained: bool) -> Iterator[tuple[str, str]]:
    """Sources and parts that an encoder reads; text to choose on in pretraining alone."""
    if pretrained or any(recipe.mlm for recipe in grid.recipes.values()):
        yield TEXT, "train"
    if pretrained:
        yield TEXT, "dev"
    for task in grid.tasks:
        for part in grid.parts(task) if task != TEXT else ():
            yield task, part
    for target in grid.perturbed:
        yield target, PERTURBED


def _of_cells(grid: Grid) -> Iterator[Named]:
    for encoder in grid.experiment.encoders:
        for recipe in grid.recipes:
            for seed in grid.experiment.seeds if recipe != BASELINE else ():
                at = {"encoder": encoder, "recipe": recipe, "seed": str(seed)}
                yield "train_intermediate", at
    trained = set()
    for cell in (*grid.cells, *grid.baseline_cells):
        at = cell.wildcards
        if grid.is_trained(cell.target):
            # Targets may share a train set.
            if (checkpoint := grid.trained(at)) not in trained:
                trained.add(checkpoint)
                train_set = str(TARGETS[cell.target].train_set)
                state = {"encoder": cell.encoder, "recipe": cell.recipe}
                yield "train_target", {**state, "train_set": train_set, "seed": at["seed"]}
            yield "predict", at
        else:
            yield "embed", at
            yield "retrieve", at
        yield "score", at
