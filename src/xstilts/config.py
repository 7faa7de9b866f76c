"""The experiment file: validated once, before any job, unknown keys refused.

Nothing here imports torch or transformers: reading and planning an experiment is instant.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from xstilts.errors import XstiltsError, did_you_mean
from xstilts.tasks import INTERMEDIATE, TARGETS, TASKS, Kind

BASELINE = "none"
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._+@-]*$"
_COMMIT = r"[0-9a-f]{40}"
# Tasks that some run trains on, by the train set's key.
_TRAINED = {task.train_set for task in TARGETS.values()} | set(INTERMEDIATE)


class Strict(BaseModel):
    """A model that refuses unknown keys and suggests the key that was probably meant."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    @model_validator(mode="before")
    @classmethod
    def _refuse_unknown_keys(cls, value: Any) -> Any:
        if isinstance(value, dict):
            unknown = [key for key in value if key not in cls.model_fields]
            if unknown:
                raise ValueError(
                    "; ".join(
                        f"unknown key {key!r} ({did_you_mean(str(key), cls.model_fields)})"
                        for key in unknown
                    )
                )
        return value


class RetrievalSettings(Strict):
    """How an encoder turns a sentence into a vector.

    `layer` indexes `hidden_states` (0 is the embedding output, negative counts from the last
    layer). The study reads layer 14 of XLM-R Large's 24 (facts of Phang et al. 2020 and of
    jiant's XTREME guide). `batch_tokens` bounds the padded tokens of a batch.
    """

    layer: int = -1
    pooling: Literal["mean", "first"] = "mean"
    max_length: int = Field(default=512, gt=2)
    batch_tokens: int = Field(default=16384, gt=0)


class EncoderSource(Strict):
    """Where an encoder comes from: the hub at a pinned commit, or a folder.

    `folder` may be `package:<python package>/<folder in it>` for weights that come inside an
    installed package.
    """

    hub: str | None = None
    revision: str | None = None
    folder: str | None = None
    retrieval: RetrievalSettings = RetrievalSettings()

    @model_validator(mode="after")
    def _one_source(self) -> EncoderSource:
        if (self.hub is None) == (self.folder is None):
            raise ValueError("an encoder has either `hub` (with `revision`) or `folder`")
        if self.hub is not None and not re.fullmatch(_COMMIT, self.revision or ""):
            raise ValueError(
                f"hub encoder {self.hub!r} needs `revision`: the full 40-digit commit to load"
            )
        return self

    @property
    def package(self) -> str | None:
        """The Python package that holds the weights, if one does."""
        if self.folder is None or not self.folder.startswith("package:"):
            return None
        return self.folder.removeprefix("package:").partition("/")[0]

    def package_version(self) -> str | None:
        """The installed version of that package, None if it is unknown."""
        if self.package is None:
            return None
        try:
            return importlib.metadata.version(self.package)
        except importlib.metadata.PackageNotFoundError:
            return None

    def local_folder(self) -> Path | None:
        """The folder on this machine, or None for an encoder from the hub.

        Raises:
            XstiltsError: the folder or the package is not there.
        """
        if self.folder is None:
            return None
        if package := self.package:
            inside = self.folder.removeprefix(f"package:{package}").lstrip("/")
            spec = importlib.util.find_spec(package)
            if spec is None or not spec.submodule_search_locations:
                raise XstiltsError(
                    f"the Python package {package!r} is not installed",
                    where=f"encoder folder {self.folder!r}",
                    mend=f"pip install {package.replace('_', '-')}",
                )
            path = Path(spec.submodule_search_locations[0]) / inside
        else:
            path = Path(self.folder).expanduser()
        if not (path / "config.json").is_file():
            raise XstiltsError(
                "no config.json there, so it is not a Hugging Face model folder",
                where=f"encoder folder {path}",
            )
        return path


class Target(Strict):
    """One target and, if narrowed, its languages: `languages` to keep or `exclude` to drop."""

    languages: tuple[str, ...] | None = None
    exclude: tuple[str, ...] = ()


class Limit(Strict):
    """Most examples used per language of a split (for retrieval: gold pairs); null is all."""

    train: int | None = Field(default=None, gt=0)
    dev: int | None = Field(default=None, gt=0)
    test: int | None = Field(default=None, gt=0)


class Tokenisation(Strict):
    """Lengths in subword tokens, special tokens included.

    Defaults by kind are those of XTREME's scripts (Hu et al. 2020, appendix: 128 for pairs and
    tagging; 384 with stride 128 and questions of at most 64 for QA).
    """

    max_length: int = Field(default=128, ge=8)
    doc_stride: int = Field(default=128, gt=0)
    max_query_length: int = Field(default=64, gt=0)


class TrainingSettings(Strict):
    """Hyperparameters of one fine-tuning run.

    Defaults are the study's (jiant's XTREME guide): learning rate 1e-5, batch 4, at most 3
    epochs, 10 % linear warm-up then linear decay, Adam epsilon 1e-8, gradient norm 1.0,
    evaluation every 1,000 steps on at most 500 items, stop after 30 evaluations without
    improvement. `evaluate_every` is in optimizer steps; null means once an epoch.
    `micro_batch_tokens` bounds the padded tokens of one forward pass: larger batches are split
    and their gradients accumulated. `save_every_seconds` says how often the state of a run is
    saved; it changes no result and re-runs nothing.
    """

    epochs: int = Field(default=3, gt=0)
    learning_rate: float = Field(default=1e-5, gt=0)
    batch_size: int = Field(default=4, gt=0)
    warmup_ratio: float = Field(default=0.1, ge=0, lt=1)
    weight_decay: float = Field(default=0.0, ge=0)
    adam_epsilon: float = Field(default=1e-8, gt=0)
    max_grad_norm: float = Field(default=1.0, gt=0)
    evaluate_every: int | None = Field(default=1000, gt=0)
    dev_items: int | None = Field(default=500, gt=0)
    patience: int = Field(default=30, gt=0)
    head_dropout: float = Field(default=0.1, ge=0, lt=1)
    micro_batch_tokens: int = Field(default=8192, gt=0)
    save_every_seconds: int = Field(default=300, ge=0)
    max_answer_length: int = Field(default=30, gt=0)


class Prediction(Strict):
    """`batch_tokens` bounds the padded tokens of one forward pass at prediction."""

    batch_tokens: int = Field(default=16384, gt=0)


class Mining(Strict):
    """BUCC mining (Artetxe & Schwenk 2019): neighbours in the margin and margin function."""

    neighbours: int = Field(default=4, gt=0)
    margin: Literal["ratio", "distance", "absolute"] = "ratio"


def _by_level(model: type[Strict]) -> Any:
    """Settings at three levels, the more special one wins: default, kinds, tasks."""
    names = {"kinds": set(Kind), "tasks": set(TASKS)}

    class Levels(Strict):
        default: dict[str, Any] = {}
        kinds: dict[str, dict[str, Any]] = {}
        tasks: dict[str, dict[str, Any]] = {}
        settings: ClassVar[type[Strict]] = model

        @model_validator(mode="after")
        def _every_level_is_valid(self) -> Levels:
            model.model_validate(self.default)
            for level, known in names.items():
                for name, values in getattr(self, level).items():
                    if name not in known:
                        raise ValueError(f"{level}: {name!r} ({did_you_mean(name, known)})")
                    model.model_validate(values)
            return self

        def at(self, task: str, base: dict[str, Any] | None = None) -> dict[str, Any]:
            """The values that are set for `task`, over `base`."""
            kind = self.kinds.get(TASKS[task].kind, {})
            return {**(base or {}), **self.default, **kind, **self.tasks.get(task, {})}

        def of(self, task: str, base: dict[str, Any] | None = None) -> Any:
            """The complete settings for `task`."""
            return model.model_validate(self.at(task, base))

    Levels.__name__ = Levels.__qualname__ = f"{model.__name__}Levels"
    return Levels


TokenisationLevels = _by_level(Tokenisation)
TrainingLevels = _by_level(TrainingSettings)
LimitLevels = _by_level(Limit)

# Lengths of QA in XTREME's scripts; everything else is Tokenisation's own default.
_TOKENISATION_BY_KIND: dict[str, dict[str, Any]] = {Kind.SPAN: {"max_length": 384}}


class Experiment(Strict):
    """One experiment: everything that decides what is run, and nothing about how.

    `data_root` is the folder of XTREME's download scripts, for `data_source: folder`.
    `splits` are the splits that are predicted and scored. `training` holds for both phases;
    `intermediate_training` overrides it for the intermediate phase.
    """

    experiment: str = Field(pattern=_NAME)
    data_source: Literal["folder", "hub"]
    data_root: str | None = None
    hub_revisions: dict[str, str] = {}
    encoders: dict[str, EncoderSource]
    recipes: tuple[str, ...]
    targets: dict[str, Target] = {key: Target() for key in TARGETS}
    seeds: tuple[int, ...] = (1,)
    splits: tuple[Literal["dev", "test"], ...] = ("test",)
    missing_data: Literal["error", "leave_out"] = "error"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    keep_target_checkpoints: bool = False
    limits: LimitLevels = LimitLevels()  # type: ignore[valid-type]
    tokenisation: TokenisationLevels = TokenisationLevels()  # type: ignore[valid-type]
    training: TrainingLevels = TrainingLevels()  # type: ignore[valid-type]
    intermediate_training: TrainingLevels = TrainingLevels()  # type: ignore[valid-type]
    prediction: Prediction = Prediction()
    mining: Mining = Mining()

    @field_validator("targets", mode="before")
    @classmethod
    def _targets_as_mapping(cls, value: Any) -> Any:
        if isinstance(value, list | tuple):
            return {name: {} for name in value}
        if isinstance(value, dict):
            return {name: {} if settings is None else settings for name, settings in value.items()}
        return value

    @field_validator("data_root", mode="before")
    @classmethod
    def _path_as_text(cls, value: Any) -> Any:
        return str(value) if isinstance(value, Path) else value

    @model_validator(mode="after")
    def _names_are_known(self) -> Experiment:
        problems = []
        for name in self.targets:
            if name not in TARGETS:
                problems.append(f"targets: unknown target {name!r} ({did_you_mean(name, TARGETS)})")
                continue
            for language in (self.targets[name].languages or ()) + self.targets[name].exclude:
                if language not in TARGETS[name].languages:
                    problems.append(
                        f"targets.{name}: {language!r} is not among its languages"
                        f" ({', '.join(TARGETS[name].languages)})"
                    )
        known_recipes = [BASELINE, *INTERMEDIATE]
        for name in self.recipes:
            if name not in known_recipes:
                problems.append(
                    f"recipes: unknown recipe {name!r} ({did_you_mean(name, known_recipes)})"
                )
        for name in self.encoders:
            if not re.match(_NAME, name):
                problems.append(f"encoders: {name!r} must be letters, digits and . _ + - only")
        for key in ("encoders", "recipes", "targets", "seeds", "splits"):
            values = list(getattr(self, key))
            if not values:
                problems.append(f"{key}: at least one is needed")
            if len(set(values)) != len(values):
                problems.append(f"{key}: {values} names something twice")
        problems += self._settings_without_effect()
        if self.data_source == "folder" and not self.data_root:
            problems.append(
                "data_root: the folder with XTREME's data is needed for data_source: folder"
                " (snakemake … --config data_root=PATH)"
            )
        for name in self.targets:
            if name in TARGETS and not problems and not self.languages(name):
                problems.append(f"targets.{name}: no language is left")
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def _settings_without_effect(self) -> Iterator[str]:
        """Settings that no job would read, which is always a mistake."""
        lengths = "set encoders.<name>.retrieval.max_length"
        for key, levels in (
            ("training", self.training),
            ("intermediate_training", self.intermediate_training),
        ):
            used = _TRAINED if key == "training" else set(INTERMEDIATE)
            for task in levels.tasks:
                if task not in used:
                    train_set = TASKS[task].train_set
                    hint = f"it trains as {train_set}" if train_set else "it is not trained on"
                    yield f"{key}.tasks.{task} has no effect ({hint})"
            if Kind.RETRIEVAL in levels.kinds:
                yield f"{key}.kinds.retrieval has no effect (retrieval is not trained)"
        if Kind.RETRIEVAL in self.tokenisation.kinds:
            yield f"tokenisation.kinds.retrieval has no effect ({lengths})"
        for task in self.tokenisation.tasks:
            if TASKS[task].kind is Kind.RETRIEVAL:
                yield f"tokenisation.tasks.{task} has no effect ({lengths})"
        for task, values in self.limits.tasks.items():
            if "train" in values and task not in _TRAINED:
                yield f"limits.tasks.{task}.train has no effect (nothing trains on {task})"

    def languages(self, target: str) -> tuple[str, ...]:
        """The languages in which `target` is evaluated, in XTREME's order."""
        chosen = self.targets[target]
        wanted = TARGETS[target].languages if chosen.languages is None else chosen.languages
        return tuple(
            language
            for language in TARGETS[target].languages
            if language in wanted and language not in chosen.exclude
        )

    def tokenisation_for(self, task: str) -> Tokenisation:
        """Lengths for one task's data."""
        return self.tokenisation.of(task, _TOKENISATION_BY_KIND.get(TASKS[task].kind))

    def training_for(self, task: str, *, intermediate: bool) -> TrainingSettings:
        """Hyperparameters for training on one task in one of the two phases."""
        if intermediate:
            return self.intermediate_training.of(task, self.training.at(task))
        return self.training.of(task)

    def limits_for(self, task: str) -> Limit:
        """How many examples of each split are used."""
        return self.limits.of(task)


def parse_experiment(values: dict[str, Any], where: str = "experiment") -> Experiment:
    """Validate an experiment; all problems are reported in one error.

    Raises:
        XstiltsError: names each key that is wrong, and what would be right.
    """
    try:
        return Experiment.model_validate(values)
    except ValidationError as error:
        problems = []
        for item in error.errors():
            key = ".".join(str(part) for part in item["loc"])
            text = item["msg"].removeprefix("Value error, ")
            problems.append(f"{key}: {text}" if key else text)
        raise XstiltsError("\n  ".join(problems), where=where) from None
