"""The experiment file: validated once, before any job, unknown keys refused.

Nothing here imports torch or transformers: reading and planning an experiment is instant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator

from xstilts.encoder_settings import EncoderSource
from xstilts.errors import XstiltsError, did_you_mean
from xstilts.languages import language_table
from xstilts.recipes import MLM_SUFFIX, NONE, TRAINABLE, Recipe, Source, parse_recipe
from xstilts.settings import (
    TOKENISATION_BY_KIND,
    ContinuedMLM,
    Emissions,
    IntermediateLevels,
    Invitro,
    Limit,
    LimitLevels,
    Mining,
    Mixing,
    Prediction,
    RecipeSettings,
    Strict,
    Target,
    Text,
    Tokenisation,
    TokenisationLevels,
    TrainingLevels,
    TrainingSettings,
)
from xstilts.tasks import SOURCE_LANGUAGE, TARGETS, TASKS, TEXT, XTREME, Kind

BASELINE = NONE
# The encoder's architecture and tokenizer with random weights, as a control.
UNTRAINED = "untrained"
_NAME = r"^[A-Za-z0-9][A-Za-z0-9._+@-]*$"
# Where nothing else is said, `@diverse` is one language of each of five families, the ones that
# both MNLI and SQuAD were translated into (XNLI and XQuAD have test data in all of them).
_DIVERSE = {"diverse": ("ar", "sw", "tr", "vi", "zh")}
_DIVERSE_INVITRO = ("qbo", "qce", "qdo", "qeu")


class Experiment(Strict):
    """One experiment: everything that decides what is run, and nothing about how.

    `data_root` is the folder of XTREME's download scripts, for `data_source: folder`; for `hub` it
    may hold what the hub has not (CCGbank). `invitro`
    says what `data_source: invitro` generates. `text` is what encoders with `pretrain` are made
    of, unless it is generated too. `splits` are the splits that are predicted and scored.
    `baselines` are shown beside the recipes but are none: shortcuts that need no model
    (`xstilts.shortcuts`), and `untrained`, the encoder with random weights, trained on each
    target like the recipe `none`. `training` holds for both phases; `intermediate_training`
    overrides it for the intermediate phase, there also by recipe. `recipes` are named, or defined
    source by source (`xstilts.recipes`); `language_sets` are names for several languages in them.
    """

    experiment: str = Field(pattern=_NAME)
    data_source: Literal["folder", "hub", "invitro"]
    data_root: str | None = None
    hub_revisions: dict[str, str] = Field(default_factory=dict)
    invitro: Invitro = Invitro()
    text: Text = Text()
    encoders: dict[str, EncoderSource]
    recipes: dict[str, RecipeSettings]
    language_sets: dict[str, tuple[str, ...]] | None = None
    mixing: Mixing = Mixing()
    continued_mlm: ContinuedMLM = ContinuedMLM()
    targets: dict[str, Target] = Field(default_factory=lambda: {key: Target() for key in XTREME})
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
    intermediate_training: IntermediateLevels = IntermediateLevels()
    prediction: Prediction = Prediction()
    mining: Mining = Mining()
    emissions: Emissions = Emissions()

    @field_validator("targets", "recipes", mode="before")
    @classmethod
    def _as_mapping(cls, value: Any) -> Any:
        if isinstance(value, list | tuple):
            if any(not isinstance(name, str) for name in value):
                raise ValueError("write all of it as a mapping where one has settings (none: …)")
            if len(set(value)) != len(value):
                raise ValueError(f"{list(value)} names something twice")
            return {name: {} for name in value}
        if isinstance(value, dict):
            # Snakemake's command line makes an empty text of null.
            return {name: {} if found in (None, "") else found for name, found in value.items()}
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
        problems += self._recipes_are_sound()
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

    def _recipes_are_sound(self) -> Iterator[str]:
        known = language_table(self.data_source)
        if self.data_source == "invitro":
            known = {code: known[code] for code in self.invitro.languages}
        for name, codes in (self.language_sets or {}).items():
            if not codes or len(set(codes)) != len(codes):
                yield f"language_sets.{name}: one or more different languages are needed"
            if name in known:
                yield f"language_sets.{name}: {name!r} is a language itself; choose another name"
        for name in self.recipes:
            if name == UNTRAINED:
                yield f"recipes: {UNTRAINED!r} is no recipe but a baseline: list it in `baselines`"
                continue
            if not re.match(_NAME, name):
                yield f"recipes: {name!r} must be letters, digits and . _ + @ - only"
                continue
            try:
                recipe = self.recipe(name)
            except ValueError as error:
                yield f"recipes: {error}"
                continue
            for source in recipe.sources:
                if source.task not in TRAINABLE:
                    hint = did_you_mean(source.task, TRAINABLE)
                    yield f"recipes.{name}: nothing is trained on {source.task!r} ({hint})"
                if source.language not in known:
                    hint = did_you_mean(source.language, [*known, *self._language_sets])
                    yield f"recipes.{name}: unknown language {source.language!r} ({hint})"
            yield from self._twins(recipe)
            weights = self.mixing_for(name).weights
            keys = [source.key for source in recipe.sources]
            if weights is not None and set(weights) != set(keys):
                yield (
                    f"recipes.{name}: weights must name every source and nothing else:"
                    f" {', '.join(keys) or 'it has no source'}"
                )

    def _twins(self, recipe: Recipe) -> Iterator[str]:
        """Earlier recipes that train on the same with the same mixing."""
        for name, other in self.parsed_recipes.items():
            if name == recipe.name:
                return
            same = set(other.sources) == set(recipe.sources) and other.mlm == recipe.mlm
            if same and self.mixing_for(name) == self.mixing_for(recipe.name):
                yield f"recipes: {name!r} and {recipe.name!r} train on the same: drop one"

    def _settings_without_effect(self) -> Iterator[str]:
        """Settings that no job would read, which is always a mistake."""
        for key, levels in (
            ("training", self.training),
            ("intermediate_training", self.intermediate_training),
        ):
            for task in levels.tasks:
                if task not in TRAINABLE:
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
        for name in self.intermediate_training.recipes:
            # A recipe that is not run this time may have its settings, a wrong name may not.
            if name not in self.recipes:
                try:
                    parse_recipe(name, self._language_sets)
                except ValueError as error:
                    yield f"intermediate_training.recipes: {error}"
        # Not only what is run: recipes and targets are narrowed on the command line.
        trained = {*TRAINABLE, TEXT}
        for key, levels in (("limits", self.limits), ("invitro.sizes", self.invitro.sizes)):
            for task, values in levels.tasks.items():
                if "train" in values and task not in trained:
                    yield f"{key}.tasks.{task}.train has no effect (nothing trains on {task})"

    def _belongs_to_another_source(self) -> Iterator[str]:
        """Settings of another data source than the experiment's."""
        if self.data_source == "invitro" and self.data_root:
            yield f"data_root has no effect (data_source is {self.data_source})"
        repos = {
            source.repo
            for task in TASKS.values()
            for several in (*task.hub.values(), *task.hub_translated.values())
            for source in several
        }
        for repo, revision in self.hub_revisions.items():
            if repo not in repos:
                yield f"hub_revisions: no task is read from {repo!r} ({did_you_mean(repo, repos)})"
            elif not re.fullmatch(r"[0-9a-f]{40}", revision):
                yield f"hub_revisions.{repo}: {revision!r} is not a full 40-digit commit"
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
            yield "invitro.translated_share has no effect (nothing trains on text)"

    def _text_does_not_fit(self) -> Iterator[str]:
        generated = self.data_source == "invitro"
        if generated:
            for key, hint in (
                ("root", "data_source invitro generates the text"),
                ("languages", "set invitro.languages"),
                ("dev_share", "set invitro.sizes.tasks.text.dev"),
            ):
                if getattr(self.text, key) != getattr(Text(), key):
                    yield f"text.{key} has no effect ({hint})"
        elif self.pretrained and not self.text.root:
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
        used = trained | {task for recipe in self.parsed_recipes.values() for task in recipe.tasks}
        used |= {name for name in self.targets if name in TARGETS}
        used &= TASKS.keys()
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
            layers = source.pretrain.architecture.num_hidden_layers
            if retrieved and not -layers - 1 <= source.retrieval.layer <= layers:
                yield (
                    f"encoders.{name}.retrieval.layer {source.retrieval.layer} is not among its"
                    f" {layers} layers and the embedding output"
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
        return bool(self.pretrained) or any(recipe.mlm for recipe in self.parsed_recipes.values())

    @cached_property
    def parsed_recipes(self) -> dict[str, Recipe]:
        """The recipes by name, without those that are not sound (which are refused elsewhere)."""
        found = {}
        for name in self.recipes:
            with suppress(ValueError):
                found[name] = self.recipe(name)
        return found

    def recipe(self, name: str) -> Recipe:
        """What a recipe of the experiment is.

        Raises:
            ValueError: its name says nothing, and neither do its settings.
        """
        settings = self.recipes[name]
        if settings.sources is not None:
            sources = tuple(Source.of(key) for key in settings.sources)
            if self._is_shorthand(name):
                raise ValueError(f"{name!r} says itself what it trains on: choose another name")
            if name.endswith(MLM_SUFFIX) and not settings.mlm:
                raise ValueError(f"{name!r}: set `mlm: true`, or choose another name")
            if not sources or len(set(sources)) != len(sources):
                raise ValueError(f"{name!r}: one or more different sources are needed")
            return Recipe(name, sources, bool(settings.mlm))
        if settings.mlm is not None:
            raise ValueError(f"{name!r}: mlm goes with sources; or write +mlm behind the name")
        return parse_recipe(name, self._language_sets)

    def _is_shorthand(self, name: str) -> bool:
        try:
            parse_recipe(name, self._language_sets)
        except ValueError:
            return False
        return True

    @property
    def _language_sets(self) -> dict[str, tuple[str, ...]]:
        if self.language_sets is not None:
            return self.language_sets
        if self.data_source != "invitro":
            return _DIVERSE
        return {
            "diverse": tuple(each for each in _DIVERSE_INVITRO if each in self.invitro.languages)
        }

    def mixing_for(self, recipe: str) -> Mixing:
        """How a recipe's batches are drawn."""
        own = self.recipes[recipe].mixing
        return Mixing.model_validate({**self.mixing.model_dump(exclude_unset=True), **own})

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

    def training_for(self, task: str) -> TrainingSettings:
        """Hyperparameters for training on a target's train set."""
        return self.training.of(task)

    def intermediate_training_for(self, recipe: Recipe) -> TrainingSettings:
        """Hyperparameters of intermediate training: those of its task, if it has one alone."""
        levels = self.intermediate_training
        if len(recipe.tasks) == 1:
            (task,) = recipe.tasks
            values = levels.at(task, self.training.at(task))
        else:
            values = {**self.training.default, **levels.default}
        return TrainingSettings.model_validate({**values, **levels.recipes.get(recipe.name, {})})

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
