"""Recipes: what intermediate training is done on, as a weighted mixture of sources.

A name says it: `none`; a task (`mnli`); `multi` (all intermediate tasks, one head each);
`<any>@<languages>` for data in other languages (`mnli@sw`, `mnli@en-de-sw`, or a set that the
experiment names: `squad_v1@diverse`); `<any>+mlm` for whole batches of masked language modelling
in between. An experiment may also define recipes of its own, source by source.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from xstilts.config.tasks import INTERMEDIATE, TARGETS
from xstilts.config.tasks.types import SOURCE_LANGUAGE
from xstilts.errors import did_you_mean

# What experiments, encoders and recipes may be called.
NAME = r"^[A-Za-z0-9][A-Za-z0-9._+@-]*$"
NONE = "none"
# The encoder's architecture and tokenizer with random weights: a control, and no recipe.
UNTRAINED = "untrained"
MULTI = "multi"
MLM_SUFFIX = "+mlm"
_LANGUAGES_MARK = "@"
_LANGUAGE_SEPARATOR = "-"

# Whatever is trained on in some phase may be an intermediate task.
TRAINABLE = tuple(
    dict.fromkeys([*INTERMEDIATE, *(task.train_set for task in TARGETS.values() if task.train_set)])
)


@dataclass(frozen=True, order=True)
class Source:
    """Training data of one task in one language."""

    task: str
    language: str = SOURCE_LANGUAGE

    @property
    def key(self) -> str:
        """How its files are called: `mnli`, in other languages `mnli@sw`."""
        if self.language == SOURCE_LANGUAGE:
            return self.task
        return f"{self.task}{_LANGUAGES_MARK}{self.language}"

    @classmethod
    def of(cls, key: str) -> Source:
        """The source that `key` names."""
        task, mark, language = key.partition(_LANGUAGES_MARK)
        return cls(task, language if mark else SOURCE_LANGUAGE)


@dataclass(frozen=True)
class Recipe:
    """A mixture: its sources, and whether masked language modelling is mixed in.

    `whatever_is_there` recipes do without the sources that are missing, as `multi` does without
    a task whose licence the user lacks; all others are run whole or not at all.
    """

    name: str
    sources: tuple[Source, ...] = ()
    mlm: bool = False
    whatever_is_there: bool = False

    @property
    def tasks(self) -> tuple[str, ...]:
        """Its tasks, each once; each has one head, whatever its languages."""
        return tuple(dict.fromkeys(source.task for source in self.sources))

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages of its task data, each once."""
        return tuple(dict.fromkeys(source.language for source in self.sources))


def parse_recipe(name: str, language_sets: Mapping[str, Sequence[str]]) -> Recipe:
    """The recipe that a name stands for.

    Args:
        language_sets: names that may stand for several languages behind the `@`.

    Raises:
        ValueError: the name has another form, or a task or set of languages that is not known;
            whether the languages exist is not checked.
    """
    rest = name.removesuffix(MLM_SUFFIX)
    mlm = rest != name
    base, mark, behind = rest.partition(_LANGUAGES_MARK)
    if base == NONE and not mlm and not mark:
        return Recipe(NONE)
    known = [NONE, MULTI, *TRAINABLE]
    if base not in known[1:]:
        if base == NONE:
            raise ValueError(f"{name!r}: the baseline {NONE!r} has neither languages nor MLM")
        raise ValueError(f"unknown recipe {name!r} ({did_you_mean(base, known)})")
    languages = _languages(name, behind, language_sets) if mark else (SOURCE_LANGUAGE,)
    tasks = tuple(INTERMEDIATE) if base == MULTI else (base,)
    sources = tuple(Source(task, language) for task in tasks for language in languages)
    return Recipe(name, sources, mlm, whatever_is_there=base == MULTI)


def _languages(
    name: str, behind: str, language_sets: Mapping[str, Sequence[str]]
) -> tuple[str, ...]:
    if behind in language_sets:
        return tuple(language_sets[behind])
    codes = tuple(behind.split(_LANGUAGE_SEPARATOR))
    if not all(codes) or len(set(codes)) != len(codes):
        raise ValueError(
            f"{name!r}: behind @ stand language codes with - in between (sw, de-sw), or one of"
            f" {', '.join(language_sets) or 'the language_sets'}"
        )
    return codes
