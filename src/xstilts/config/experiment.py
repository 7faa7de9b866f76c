"""The experiment file: validated once, before any job, unknown keys refused.

Nothing here imports torch or transformers: reading and planning an experiment is instant.
"""

from __future__ import annotations

from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from xstilts.config.encoders import EncoderSource
from xstilts.config.encoders.catalogue import completed
from xstilts.config.recipes import MLM_SUFFIX, NAME, NONE, Recipe, Source, parse_recipe
from xstilts.config.settings import (
    Assumptions,
    ContinuedMLM,
    Emissions,
    IntermediateLevels,
    Invitro,
    Limit,
    LimitLevels,
    Mining,
    Mixing,
    Perturbations,
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
from xstilts.config.tasks import SOURCE_LANGUAGE, TARGETS, TASKS, XTREME

BASELINE = NONE
# Where nothing else is said, `@diverse` is one language of each of five families, the ones that
# both MNLI and SQuAD were translated into (XNLI and XQuAD have test data in all of them).
_DIVERSE: dict[str, tuple[str, ...]] = {"diverse": ("ar", "sw", "tr", "vi", "zh")}
_DIVERSE_INVITRO = ("qbo", "qce", "qdo", "qeu")


class Experiment(Strict):
    """One experiment: everything that decides what is run, and nothing about how.

    `data_root` is the folder of XTREME's download scripts, for `data_source: folder`; for `hub` it
    may hold what the hub has not (CCGbank). `accept_foreign` names data (`udpos@el`) that are read
    from the hub although they are known to hold another language too. `keep_xquad_passages` leaves
    in SQuAD's development sets, on which checkpoints are chosen, the passages that XQuAD tests.
    `invitro` says what `data_source: invitro` generates.
    `text` is what encoders with `pretrain` and recipes with MLM train on, unless it is generated
    too. `splits` are the splits that are predicted and scored.
    `baselines` are shown beside the recipes but are none: shortcuts that need no model
    (`xstilts.prediction.shortcuts`), and `untrained`, the encoder with random weights, trained on
    each target like the recipe `none`. `training` holds for both phases; `intermediate_training`
    overrides it for the intermediate phase, there also by recipe. `recipes` are named, or defined
    source by source (`xstilts.config.recipes`); `language_sets` are names for several languages in
    them. `precision` is what encoders compute in; `auto` is bfloat16 where the device has it in
    hardware. `encoders` are named as in the catalogue (`docs/catalogue.md`), or with a source of
    their own.
    """

    experiment: str = Field(pattern=NAME)
    data_source: Literal["folder", "hub", "invitro"]
    data_root: str | None = None
    hub_revisions: dict[str, str] = Field(default_factory=dict)
    accept_foreign: tuple[str, ...] = ()
    keep_xquad_passages: bool = False
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
    precision: Literal["auto", "float32", "bf16"] = "auto"
    keep_target_checkpoints: bool = False
    limits: LimitLevels = LimitLevels()
    tokenisation: TokenisationLevels = TokenisationLevels()
    training: TrainingLevels = TrainingLevels()
    intermediate_training: IntermediateLevels = IntermediateLevels()
    prediction: Prediction = Prediction()
    perturbations: Perturbations = Perturbations()
    mining: Mining = Mining()
    emissions: Emissions = Emissions()
    assumptions: Assumptions = Assumptions()

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

    @field_validator("encoders", mode="before")
    @classmethod
    def _from_the_catalogue(cls, value: Any) -> Any:
        if isinstance(value, list | tuple):
            value = dict.fromkeys(value)
        if isinstance(value, dict):
            return {name: completed(str(name), found) for name, found in value.items()}
        return value

    @field_validator("targets")
    @classmethod
    def _in_table_order(cls, value: dict[str, Target]) -> dict[str, Target]:
        # In whatever order they are written, it is the same experiment.
        places = {key: place for place, key in enumerate(TARGETS)}
        return dict(sorted(value.items(), key=lambda item: places.get(item[0], len(places))))

    @field_validator("data_root", mode="before")
    @classmethod
    def _path_as_text(cls, value: Any) -> Any:
        return str(value) if isinstance(value, Path) else value

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
        return parse_recipe(name, self.known_language_sets)

    def _is_shorthand(self, name: str) -> bool:
        try:
            parse_recipe(name, self.known_language_sets)
        except ValueError:
            return False
        return True

    @property
    def known_language_sets(self) -> dict[str, tuple[str, ...]]:
        """Names that may stand for several languages in a recipe: those given, or `diverse`."""
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
        retrieved = TARGETS[target].facts.embedded
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
        usual = TASKS[task].facts.max_length
        base = {} if usual is None else {"max_length": usual}
        return Tokenisation.model_validate(self.tokenisation.at(task, base))

    def training_for(self, task: str) -> TrainingSettings:
        """Hyperparameters for training on a target's train set."""
        return TrainingSettings.model_validate(self.training.at(task))

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
        return Limit.model_validate(self.limits.at(task))
