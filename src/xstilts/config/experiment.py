"""The experiment file: validated once, before any job, unknown keys refused.

Nothing here imports torch or transformers: reading and planning an experiment is instant.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from xstilts.config.encoders import EncoderSource
from xstilts.config.encoders.catalogue import completed
from xstilts.config.language_choice import Chosen, LanguageChoice, Target
from xstilts.config.languages import Language, language_table
from xstilts.config.languages.names import find
from xstilts.config.own_languages import OwnLanguage, own_languages, rows_of
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
    may hold what the hub has not (CCGbank). Of several the first that has a file is read.
    `accept_foreign` names data (`udpos@el`) that are read from the hub although they are known to
    hold another language too. `keep_xquad_passages` leaves in SQuAD's development sets, on which
    checkpoints are chosen, the passages that XQuAD tests.
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
    data_root: str | tuple[str, ...] | None = None
    hub_revisions: dict[str, str] = Field(default_factory=dict)
    accept_foreign: tuple[str, ...] = ()
    keep_xquad_passages: bool = False
    invitro: Invitro = Invitro()
    own_languages: dict[str, OwnLanguage] = Field(default_factory=dict)
    text: Text = Text()
    encoders: dict[str, EncoderSource]
    recipes: dict[str, RecipeSettings]
    language_sets: dict[str, Chosen] | None = None
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

    @field_validator("own_languages", mode="before")
    @classmethod
    def _from_a_file(cls, value: Any) -> Any:
        return own_languages(value)

    @field_validator("targets")
    @classmethod
    def _targets_by_code(cls, value: dict[str, Target], info: ValidationInfo) -> dict[str, Target]:
        known = _Known.of(info.data)
        return {
            name: target.model_copy(
                update={
                    "languages": known.codes(f"{name}.languages", target.languages),
                    "exclude": known.codes(f"{name}.exclude", target.exclude),
                }
            )
            for name, target in value.items()
        }

    @field_validator("language_sets")
    @classmethod
    def _sets_by_code(
        cls, value: dict[str, Chosen] | None, info: ValidationInfo
    ) -> dict[str, Chosen] | None:
        known = _Known.of(info.data)
        return value and {name: known.codes(name, chosen) for name, chosen in value.items()}

    @field_validator("targets")
    @classmethod
    def _in_table_order(cls, value: dict[str, Target]) -> dict[str, Target]:
        # In whatever order they are written, it is the same experiment.
        places = {key: place for place, key in enumerate(TARGETS)}
        return dict(sorted(value.items(), key=lambda item: places.get(item[0], len(places))))

    @field_validator("data_root", mode="before")
    @classmethod
    def _paths_as_text(cls, value: Any) -> Any:
        if isinstance(value, list | tuple):
            return tuple(str(each) for each in value)
        return str(value) if isinstance(value, Path) else value

    @property
    def known_languages(self) -> dict[str, Language]:
        """The languages that its data can be in, by code."""
        return self._named.languages

    @property
    def data_roots(self) -> tuple[str, ...]:
        """The folders of `data_root`, one or several or none."""
        if self.data_root is None:
            return ()
        return (self.data_root,) if isinstance(self.data_root, str) else self.data_root

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
        """What a recipe of the experiment is, with our codes of languages that are known.

        Raises:
            ValueError: its name says nothing, and neither do its settings.
        """
        found = self._recipe(name)
        sources = [Source(each.task, self._code(each.language)) for each in found.sources]
        return replace(found, sources=tuple(sources))

    def _code(self, language: str) -> str:
        with suppress(ValueError):
            return self._named.code(language)
        return language

    @cached_property
    def _named(self) -> _Known:
        return _Known(self.data_source, self.own_languages)

    def _recipe(self, name: str) -> Recipe:
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

    @cached_property
    def known_language_sets(self) -> dict[str, tuple[str, ...]]:
        """Names that may stand for several languages in a recipe: those given, or `diverse`."""
        if self.language_sets is not None:
            return {
                name: chosen.of(self._evaluated, self.known_languages)
                if isinstance(chosen, LanguageChoice)
                else chosen
                for name, chosen in self.language_sets.items()
            }
        if self.data_source != "invitro":
            return _DIVERSE
        return {
            "diverse": tuple(each for each in _DIVERSE_INVITRO if each in self.invitro.languages)
        }

    @property
    def _evaluated(self) -> tuple[str, ...]:
        """The languages besides English that the data source has of the targets."""
        found = (
            code for name in self.targets if name in TARGETS for code in self.all_languages(name)
        )
        return tuple(dict.fromkeys(code for code in found if code != SOURCE_LANGUAGE))

    def mixing_for(self, recipe: str) -> Mixing:
        """How a recipe's batches are drawn."""
        own = self.recipes[recipe].mixing
        return Mixing.model_validate({**self.mixing.model_dump(exclude_unset=True), **own})

    def all_languages(self, target: str) -> tuple[str, ...]:
        """The languages that `target` can have: the table's list, or those generated, and own."""
        if self.data_source != "invitro":
            named = self.targets[target].languages if target in self.targets else None
            own = named if isinstance(named, tuple) else ()
            return (*TARGETS[target].languages, *(c for c in self.own_languages if c in own))
        retrieved = TARGETS[target].facts.embedded
        return tuple(
            language
            for language in self.invitro.languages
            if not (retrieved and language == SOURCE_LANGUAGE)
        )

    def languages(self, target: str) -> tuple[str, ...]:
        """The languages in which `target` is evaluated, in the order of its table."""
        return self._languages[target]

    @cached_property
    def _languages(self) -> dict[str, tuple[str, ...]]:
        return {name: self._chosen(name) for name in self.targets if name in TARGETS}

    def _chosen(self, target: str) -> tuple[str, ...]:
        chosen = self.targets[target]
        pool = [code for code in self.all_languages(target) if code not in chosen.exclude]
        if isinstance(chosen.languages, LanguageChoice):
            return chosen.languages.of(pool, self.known_languages)
        wanted = set(pool if chosen.languages is None else chosen.languages)
        return tuple(code for code in pool if code in wanted)

    @property
    def choices(self) -> dict[str, LanguageChoice]:
        """The targets whose languages are chosen by what they are."""
        return _choices({name: target.languages for name, target in self.targets.items()})

    @property
    def set_choices(self) -> dict[str, LanguageChoice]:
        """The sets of languages that are."""
        return _choices(self.language_sets or {})

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


def _choices(chosen: Mapping[str, Chosen | None]) -> dict[str, LanguageChoice]:
    return {name: each for name, each in chosen.items() if isinstance(each, LanguageChoice)}


class _Known:
    """What languages can be named in an experiment: `languages`, by code."""

    def __init__(self, data_source: str, own: Mapping[str, OwnLanguage]) -> None:
        self._generated = data_source == "invitro"
        self.languages = language_table(data_source, rows_of(own))
        self._own = {code: self.languages[code] for code in own}

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> _Known:
        """Those of an experiment of which so much is validated."""
        return cls(values.get("data_source", "folder"), values.get("own_languages", {}))

    def code(self, name: str) -> str:
        """Our code of a language; generated ones go by no other name.

        Raises:
            ValueError: there is no such language, or there are several.
        """
        return name if self._generated or name in self.languages else find(name, self._own).code

    def codes(self, key: str, chosen: Chosen | None) -> Any:
        """The same of several, or a choice whose parts are known.

        Raises:
            ValueError: the key, and what is wrong.
        """
        if isinstance(chosen, LanguageChoice):
            if problems := chosen.problems(self.languages):
                raise ValueError(f"{key}: {'; '.join(problems)}")
            return chosen
        return chosen and self._coded(key, chosen)

    def _coded(self, key: str, names: Iterable[str]) -> tuple[str, ...]:
        try:
            return tuple(self.code(name) for name in names)
        except ValueError as error:
            raise ValueError(f"{key}: {error}") from None
