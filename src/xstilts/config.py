"""The experiment file: validated once, before any job, unknown keys refused.

Nothing here imports torch or transformers: reading and planning an experiment is instant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from xstilts.errors import XstiltsError, did_you_mean
from xstilts.settings import (
    TOKENISATION_BY_KIND,
    EncoderSource,
    Invitro,
    Limit,
    LimitLevels,
    Mining,
    Prediction,
    Strict,
    Target,
    Text,
    Tokenisation,
    TokenisationLevels,
    TrainingLevels,
    TrainingSettings,
)
from xstilts.tasks import INTERMEDIATE, SOURCE_LANGUAGE, TARGETS, TASKS, TEXT, Kind

BASELINE = "none"
# The encoder's architecture and tokenizer with random weights, as a control.
UNTRAINED = "untrained"
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._+@-]*$"
# Tasks that some run trains on, by the train set's key.
_TRAINED = {task.train_set for task in TARGETS.values()} | set(INTERMEDIATE)


class Experiment(Strict):
    """One experiment: everything that decides what is run, and nothing about how.

    `data_root` is the folder of XTREME's download scripts, for `data_source: folder`; `invitro`
    says what `data_source: invitro` generates. `text` is what encoders with `pretrain` are made
    of, unless it is generated too. `splits` are the splits that are predicted and scored.
    `baselines` are shown beside the recipes but are none: shortcuts that need no model
    (`xstilts.shortcuts`), and `untrained`, the encoder with random weights, trained on each
    target like the recipe `none`. `training` holds for both phases; `intermediate_training`
    overrides it for the intermediate phase.
    """

    experiment: str = Field(pattern=_NAME)
    data_source: Literal["folder", "hub", "invitro"]
    data_root: str | None = None
    hub_revisions: dict[str, str] = Field(default_factory=dict)
    invitro: Invitro = Invitro()
    text: Text = Text()
    encoders: dict[str, EncoderSource]
    recipes: tuple[str, ...]
    targets: dict[str, Target] = Field(default_factory=lambda: {key: Target() for key in TARGETS})
    seeds: tuple[int, ...] = (1,)
    splits: tuple[Literal["dev", "test"], ...] = ("test",)
    baselines: tuple[Literal["majority", "type_only", "shared_names", "untrained"], ...] = (
        "majority",
        "type_only",
        "shared_names",
    )
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
                if language not in self.all_languages(name):
                    problems.append(
                        f"targets.{name}: {language!r} is not among its languages"
                        f" ({', '.join(self.all_languages(name))})"
                    )
        known_recipes = [BASELINE, *INTERMEDIATE]
        for name in self.recipes:
            if name == UNTRAINED:
                problems.append(
                    f"recipes: {UNTRAINED!r} is no recipe but a baseline: list it in `baselines`"
                )
            elif name not in known_recipes:
                problems.append(
                    f"recipes: unknown recipe {name!r} ({did_you_mean(name, known_recipes)})"
                )
        for name in self.encoders:
            if not re.match(_NAME, name):
                problems.append(f"encoders: {name!r} must be letters, digits and . _ + - only")
        for key in ("encoders", "recipes", "targets", "seeds", "splits", "baselines"):
            values = list(getattr(self, key))
            if not values and key != "baselines":
                problems.append(f"{key}: at least one is needed")
            if len(set(values)) != len(values):
                problems.append(f"{key}: {values} names something twice")
        problems += self._settings_without_effect()
        problems += self._belongs_to_another_source()
        problems += self._text_does_not_fit()
        problems += self._inputs_too_long()
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
        for key, levels in (
            ("training", self.training),
            ("intermediate_training", self.intermediate_training),
        ):
            used = _TRAINED if key == "training" else set(INTERMEDIATE)
            for task in levels.tasks:
                if task not in used:
                    train_set = TASKS[task].train_set
                    hint = f"it trains as {train_set}" if train_set else "it is not trained on"
                    if TASKS[task].kind is Kind.MLM:
                        hint = "set encoders.<name>.pretrain.training"
                    yield f"{key}.tasks.{task} has no effect ({hint})"
            if Kind.RETRIEVAL in levels.kinds:
                yield f"{key}.kinds.retrieval has no effect (retrieval is not trained)"
            if Kind.MLM in levels.kinds:
                yield f"{key}.kinds.mlm has no effect (set encoders.<name>.pretrain.training)"
        elsewhere = {
            Kind.RETRIEVAL: "set encoders.<name>.retrieval.max_length",
            Kind.MLM: "set encoders.<name>.pretrain.architecture.max_length",
        }
        for kind, hint in elsewhere.items():
            if kind in self.tokenisation.kinds:
                yield f"tokenisation.kinds.{kind} has no effect ({hint})"
        for task in self.tokenisation.tasks:
            if hint := elsewhere.get(TASKS[task].kind):
                yield f"tokenisation.tasks.{task} has no effect ({hint})"
        trained = _TRAINED | ({TEXT} if self.needs_text else set())
        for key, levels in (("limits", self.limits), ("invitro.sizes", self.invitro.sizes)):
            for task, values in levels.tasks.items():
                if "train" in values and task not in trained:
                    yield f"{key}.tasks.{task}.train has no effect (nothing trains on {task})"

    def _belongs_to_another_source(self) -> Iterator[str]:
        """Settings of another data source than the experiment's."""
        if self.data_source != "folder" and self.data_root:
            yield f"data_root has no effect (data_source is {self.data_source})"
        if self.data_source != "hub" and self.hub_revisions:
            yield f"hub_revisions has no effect (data_source is {self.data_source})"
        if self.data_source != "invitro":
            if self.invitro != Invitro():
                yield f"invitro has no effect (data_source is {self.data_source})"
            return
        if self.limits != LimitLevels():
            yield "limits has no effect (set invitro.sizes)"
        for task, values in self.invitro.sizes.tasks.items():
            for split in sorted(
                {"dev", "test"}.intersection(values).difference(TASKS[task].generated)
            ):
                yield f"invitro.sizes.tasks.{task}.{split} has no effect (there is no such split)"
        if not self.needs_text and self.invitro.translated_share != Invitro().translated_share:
            yield "invitro.translated_share has no effect (no encoder has `pretrain`)"

    def _text_does_not_fit(self) -> Iterator[str]:
        generated = self.data_source == "invitro"
        if not self.needs_text and self.text != Text():
            yield "text has no effect (no encoder has `pretrain`)"
        elif generated:
            for key, hint in (
                ("root", "data_source invitro generates the text"),
                ("languages", "set invitro.languages"),
                ("dev_share", "set invitro.sizes.tasks.text.dev"),
            ):
                if getattr(self.text, key) != getattr(Text(), key):
                    yield f"text.{key} has no effect ({hint})"
        elif self.needs_text and not self.text.root:
            names = ", ".join(self.pretrained)
            yield f"text.root: the folder with <language>.txt files is needed to pretrain {names}"
        if self.text.languages is not None:
            if not self.text.languages:
                yield "text.languages: at least one is needed"
            if len(set(self.text.languages)) != len(self.text.languages):
                yield f"text.languages: {list(self.text.languages)} names something twice"

    def _inputs_too_long(self) -> Iterator[str]:
        """Lengths beyond the positions of an encoder that is yet to be made."""
        trained = {TARGETS[name].train_set for name in self.targets if name in TARGETS} - {None}
        used = trained | {name for name in self.recipes if name in INTERMEDIATE}
        used |= {name for name in self.targets if name in TARGETS}
        for name in self.pretrained:
            source = self.encoders[name]
            limit = source.pretrain.architecture.max_length
            where = f"encoders.{name}.pretrain.architecture.max_length {limit}"
            retrieved = [task for task in used if TASKS[task].kind is Kind.RETRIEVAL]
            if retrieved and source.retrieval.max_length > limit:
                yield (
                    f"encoders.{name}.retrieval.max_length {source.retrieval.max_length} is more"
                    f" than {where}"
                )
            for task in sorted(used.difference(retrieved)):
                length = self.tokenisation_for(task).max_length
                if length > limit:
                    yield f"tokenisation: max_length {length} of {task} is more than {where}"

    @property
    def pretrained(self) -> tuple[str, ...]:
        """Encoders that the experiment itself pretrains."""
        return tuple(name for name, source in self.encoders.items() if source.pretrain)

    @property
    def needs_text(self) -> bool:
        """Whether something trains on plain text."""
        return bool(self.pretrained)

    def all_languages(self, target: str) -> tuple[str, ...]:
        """The languages that the data source has of `target`: XTREME's list, or those generated."""
        if self.data_source != "invitro":
            return TARGETS[target].languages
        retrieved = TARGETS[target].kind is Kind.RETRIEVAL
        return tuple(
            language
            for language in self.invitro.languages
            if not (retrieved and language == SOURCE_LANGUAGE)
        )

    def languages(self, target: str) -> tuple[str, ...]:
        """The languages in which `target` is evaluated, in XTREME's order."""
        chosen = self.targets[target]
        known = self.all_languages(target)
        wanted = known if chosen.languages is None else chosen.languages
        return tuple(
            language for language in known if language in wanted and language not in chosen.exclude
        )

    def tokenisation_for(self, task: str) -> Tokenisation:
        """Lengths for one task's data."""
        return self.tokenisation.of(task, TOKENISATION_BY_KIND.get(TASKS[task].kind))

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
