"""Recipes: what intermediate training is done on, as a weighted mixture of sources.

A name says it: `none`; a task (`mnli`); `multi` (all intermediate tasks, one head each);
`<any>@<languages>` for data in other languages (`mnli@sw`, `mnli@en-de-sw`, or a set that the
experiment names: `squad_v1@diverse`); `<any>+mlm` for whole batches of masked language modelling
in between. An experiment may also define recipes of its own, source by source.
"""

from __future__ import annotations

from dataclasses import dataclass

from xstilts.task_types import SOURCE_LANGUAGE

NONE = "none"
MULTI = "multi"
_LANGUAGES_MARK, _MLM_MARK = "@", "+mlm"


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
        task, _, language = key.partition(_LANGUAGES_MARK)
        return cls(task, language or SOURCE_LANGUAGE)


@dataclass(frozen=True)
class Recipe:
    """A mixture: its sources, and whether masked language modelling is mixed in."""

    name: str
    sources: tuple[Source, ...] = ()
    mlm: bool = False

    @property
    def tasks(self) -> tuple[str, ...]:
        """Its tasks, each once; each has one head, whatever its languages."""
        return tuple(dict.fromkeys(source.task for source in self.sources))

    @property
    def languages(self) -> tuple[str, ...]:
        """The languages of its task data, each once."""
        return tuple(dict.fromkeys(source.language for source in self.sources))
