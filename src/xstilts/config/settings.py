"""Settings of the parts of an experiment: models with defaults, unknown keys refused.

What they mean together, and what has no effect, is checked where they meet (`config.Experiment`).
Nothing here imports torch or transformers: jobs read their settings with these models, and
planning is instant.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    create_model,
    field_validator,
    model_validator,
)

from xstilts.config.languages import INVITRO_LANGUAGES
from xstilts.config.perturbations import KINDS
from xstilts.config.tasks import SOURCE_LANGUAGE, TASKS, Kind
from xstilts.errors import did_you_mean


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


class Limit(Strict):
    """Most examples used per language of a split (for retrieval: gold pairs); null is all."""

    train: int | None = Field(default=None, gt=0)
    dev: int | None = Field(default=None, gt=0)
    test: int | None = Field(default=None, gt=0)


class GeneratedSize(Strict):
    """How many items are generated per language of a split (for retrieval: gold pairs)."""

    train: int = Field(default=5000, gt=0)
    dev: int = Field(default=300, gt=0)
    test: int = Field(default=200, gt=0)


class Tokenisation(Strict):
    """Lengths in subword tokens, special tokens included.

    Defaults by kind are those of XTREME's scripts (Hu et al. 2020, appendix: 128 for pairs and
    tagging; 384 with stride 128 and questions of at most 64 for QA); 256 for multiple choice.
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
    and their gradients accumulated. `restart_collapsed`: a run that learnt
    nothing (`xstilts.training.collapse`) is trained once more with a seed derived from its own.
    `save_every_seconds` says how often the state of a run is saved; it changes no result and
    re-runs nothing.
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
    restart_collapsed: bool = False
    micro_batch_tokens: int = Field(default=8192, gt=0)
    save_every_seconds: int = Field(default=300, ge=0)
    max_answer_length: int = Field(default=30, gt=0)


class Text(Strict):
    """Plain text for masked language modelling.

    `root` holds one `<language>.txt` a language: UTF-8, one document a line, blank lines
    ignored. `languages` are all that lie there unless given. Every language is limited by
    `limits` like any other data. `dev_share` of the documents of each language, chosen by their
    content, are held out to choose the best checkpoint.
    """

    root: str | None = None
    languages: tuple[str, ...] | None = None
    dev_share: float = Field(default=0.01, gt=0, lt=1)

    @field_validator("root", mode="before")
    @classmethod
    def _path_as_text(cls, value: Any) -> Any:
        return str(value) if isinstance(value, Path) else value


class Mixing(Strict):
    """How the batches of a recipe are drawn from its sources: afresh in every step.

    A task is drawn in proportion to min(size, `cap`)^(1 / `temperature`), sizes in training items
    (T5's examples-proportional mixing with a limit and a temperature, Raffel et al. 2020, section
    3.5.2; the default limit is of the size of its own), and within a task each language by its
    size; or sources by `weights` of their keys (`mnli`, `mnli@sw`), which then name all of them. A
    single task is never cut, and one in several languages trains for as many steps as in one. A
    recipe with `+mlm` draws plain text with probability `mlm_share`; its task steps are as many as
    without.
    """

    temperature: float = Field(default=1.0, ge=1)
    cap: int | None = Field(default=131_072, gt=0)
    weights: dict[str, float] | None = None
    mlm_share: float = Field(default=0.5, gt=0, lt=1)

    @field_validator("weights")
    @classmethod
    def _weights_are_positive(cls, value: dict[str, float] | None) -> dict[str, float] | None:
        for key, weight in (value or {}).items():
            if not 0 < weight < math.inf:
                raise ValueError(f"{key}: {weight} is no weight: give a number above 0")
        return value


class RecipeSettings(Strict):
    """A recipe by its name, with its own mixing, or one of the user's own.

    `sources` (keys such as `mnli` or `squad_v1@sw`) and `mlm` define a recipe whose name says
    nothing. `mixing` overrides the experiment's, key by key.
    """

    sources: tuple[str, ...] | None = None
    mlm: bool | None = None
    mixing: dict[str, Any] = {}

    @field_validator("mixing")
    @classmethod
    def _mixing_is_valid(cls, value: dict[str, Any]) -> dict[str, Any]:
        Mixing.model_validate(value)
        return value


class ContinuedMLM(Strict):
    """Masked language modelling of recipes with `+mlm`, on the experiment's `text`.

    Share of predicted tokens as in pretraining (Devlin et al. 2019); lengths in subword tokens.
    """

    mask_ratio: float = Field(default=0.15, gt=0, lt=1)
    max_length: int = Field(default=256, ge=8)


# A share of what a perturbation could change.
Strength = Annotated[float, Field(gt=0, le=1)]


class Prediction(Strict):
    """`batch_tokens` bounds the padded tokens of one forward pass at prediction."""

    batch_tokens: int = Field(default=16384, gt=0)


# The strengths of each kind.
_Strengths = create_model(
    "_Strengths",
    __base__=Strict,
    **dict.fromkeys(KINDS, (tuple[Strength, ...], ())),  # type: ignore[call-overload]
)


class Perturbations(_Strengths):  # type: ignore[misc, valid-type]
    """Perturbed versions of what is predicted (`xstilts.config.perturbations`).

    Each kind is applied at each of its strengths. `typos` is the share of letters that are edited;
    of the others, that of the words that they could change. `items` is how many a language are
    perturbed, null all. `targets` are those that are; all of the experiment but BUCC, whose corpora
    would have to be embedded anew each time.
    """

    items: int | None = Field(default=500, gt=0)
    targets: tuple[str, ...] | None = None

    @property
    def conditions(self) -> tuple[tuple[str, float], ...]:
        """(kind, strength) of each, kinds in order and strengths rising."""
        return tuple(
            (kind, strength) for kind in KINDS for strength in sorted(set(getattr(self, kind)))
        )


class Emissions(Strict):
    """For kg of CO2 equivalents on the page of costs: kWh x `pue` x `gram_per_kwh` / 1000.

    The carbon intensity of electricity differs tenfold between grids, so that without it none are
    shown; `pue` is the power usage effectiveness of the data centre.
    """

    gram_per_kwh: float | None = Field(default=None, gt=0)
    pue: float = Field(default=1.0, ge=1)


# A correlation that is no perfect one.
Correlation = Annotated[float, Field(ge=0, lt=1)]


class Assumptions(Strict):
    """What `xstilts plan` assumes of results that are not there yet, to say what could be seen.

    They change no job. None is measured: a run replaces them by its own noise.

    Attributes:
        accuracy: the share of a test set that is right.
        item_correlation: between two recipes' answers to one item being right.
        cluster_correlation: of the difference between two recipes, between items that share a
            passage or a premise (intraclass).
        language_correlation: of that difference, between two languages of a parallel item.
        seed_sd: how much a language's gain varies from seed to seed, in points. Zero-shot scores
            do so more than English ones (Keung et al. 2020, arXiv 2004.15001).
        seed_correlation_languages: of that, between two languages of a target.
        seed_correlation_targets: of that, between languages of two targets.
    """

    accuracy: float = Field(default=0.6, gt=0, lt=1)
    item_correlation: Correlation = 0.5
    cluster_correlation: Correlation = 0.1
    language_correlation: Correlation = 0.3
    seed_sd: float = Field(default=1.5, ge=0)
    seed_correlation_languages: Correlation = 0.5
    seed_correlation_targets: Correlation = 0.2

    @model_validator(mode="after")
    def _targets_share_less_than_languages(self) -> Assumptions:
        if self.seed_correlation_targets > self.seed_correlation_languages:
            raise ValueError(
                "seed_correlation_targets is above seed_correlation_languages: languages of one"
                " target have at least as much in common as those of two"
            )
        return self


class Mining(Strict):
    """BUCC mining (Artetxe & Schwenk 2019): neighbours in the margin and margin function."""

    neighbours: int = Field(default=4, gt=0)
    margin: Literal["ratio", "distance", "absolute"] = "ratio"


class Levels(Strict):
    """Settings at three levels, the more special one wins: default, kinds, tasks."""

    default: dict[str, Any] = {}
    kinds: dict[str, dict[str, Any]] = {}
    tasks: dict[str, dict[str, Any]] = {}
    settings: ClassVar[type[Strict]]

    @model_validator(mode="after")
    def _every_level_is_valid(self) -> Self:
        self.settings.model_validate(self.default)
        for level, known in (("kinds", set(Kind)), ("tasks", set(TASKS))):
            for name, values in getattr(self, level).items():
                if name not in known:
                    raise ValueError(f"{level}: {name!r} ({did_you_mean(name, known)})")
                self.settings.model_validate(values)
        return self

    def at(self, task: str, base: dict[str, Any] | None = None) -> dict[str, Any]:
        """The values that are set for `task`, over `base`."""
        kind = self.kinds.get(TASKS[task].kind, {})
        return {**(base or {}), **self.default, **kind, **self.tasks.get(task, {})}


class TokenisationLevels(Levels):
    """How long the inputs of each task are."""

    settings = Tokenisation


class TrainingLevels(Levels):
    """How the targets' train sets are trained on."""

    settings = TrainingSettings


class IntermediateLevels(Levels):
    """Settings of the intermediate phase, where a recipe by name wins over its task."""

    settings = TrainingSettings
    recipes: dict[str, dict[str, Any]] = Field(default_factory=dict)

    @field_validator("recipes")
    @classmethod
    def _recipes_are_valid(cls, value: dict[str, Any]) -> dict[str, Any]:
        for settings in value.values():
            TrainingSettings.model_validate(settings)
        return value


class LimitLevels(Levels):
    """How much is read of each task."""

    settings = Limit


class SizeLevels(Levels):
    """How much is generated of each task."""

    settings = GeneratedSize

    def of(self, task: str) -> GeneratedSize:
        """The sizes of `task`'s splits."""
        return GeneratedSize.model_validate(self.at(task))


class Invitro(Strict):
    """The generated miniature of XTREME (`xstilts.data.invitro`), for `data_source: invitro`.

    `languages` are generated, the source language among them. `translated_share` of the plain
    text documents are followed by their translation. `sizes` count items; those of the task
    `text` are documents in all languages together.
    """

    seed: int = 1
    languages: tuple[str, ...] = tuple(INVITRO_LANGUAGES)
    translated_share: float = Field(default=0.6, ge=0, le=1)
    sizes: SizeLevels = SizeLevels()

    @field_validator("languages")
    @classmethod
    def _languages_are_known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for code in value:
            if code not in INVITRO_LANGUAGES:
                raise ValueError(
                    f"no generated language {code!r} ({did_you_mean(code, INVITRO_LANGUAGES)})"
                )
        if SOURCE_LANGUAGE not in value or len(set(value)) != len(value) or len(value) < 2:
            raise ValueError(f"two or more different languages are needed, {SOURCE_LANGUAGE!r} too")
        return value
