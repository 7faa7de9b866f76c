"""Which languages a target is evaluated in: by name, or chosen by what they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from xstilts.config.languages import Language
from xstilts.config.settings import Strict
from xstilts.config.typology import most_diverse
from xstilts.errors import did_you_mean


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


_KEYS = ("family", "script", "macroarea")
_Several = Annotated[tuple[str, ...], BeforeValidator(_several)]


class LanguageChoice(Strict):
    """Languages by what they are: those of all that is given, `diverse` of them.

    `family`, `script` (ISO 15924) and `macroarea` (Glottolog) are one or several. `diverse` takes
    that many by MaxMin: from English on, in which targets are trained, and which is taken first
    where it is among them, always the one whose nearest taken language is farthest; of equals the
    first.
    """

    diverse: int | None = Field(default=None, gt=0, strict=True)
    family: _Several = ()
    script: _Several = ()
    macroarea: _Several = ()

    def problems(self, known: Mapping[str, Language]) -> list[str]:
        """What is wrong: it says nothing, or names what no language is."""
        if self == LanguageChoice():
            return ["nothing is chosen by (diverse, family, script or macroarea)"]
        found = []
        for key in _KEYS:
            there = {_property(each, key) for each in known.values()} - {""}
            found += [
                f"{key}: no language is {name!r} ({did_you_mean(name, there)})"
                for name in self.named(key)
                if name not in there
            ]
        return found

    def named(self, key: str) -> tuple[str, ...]:
        """The families, scripts or macroareas that are asked for."""
        return {"family": self.family, "script": self.script, "macroarea": self.macroarea}[key]

    def of(self, pool: Sequence[str], known: Mapping[str, Language]) -> tuple[str, ...]:
        """Those of these codes that it chooses, in their order."""
        fitting = [
            code
            for code in pool
            if all(
                not names or _property(known[code], key) in names
                for key in _KEYS
                for names in [self.named(key)]
            )
        ]
        if self.diverse is not None:
            taken = set(most_diverse(fitting, self.diverse))
            fitting = [code for code in fitting if code in taken]
        return tuple(fitting)

    def __str__(self) -> str:
        diverse = [f"diverse {self.diverse}"] if self.diverse else []
        named = [f"{key} {', '.join(names)}" for key in _KEYS if (names := self.named(key))]
        return " and ".join(diverse + named)


def _property(language: Language, key: str) -> str:
    return {
        "family": language.family,
        "script": language.script,
        "macroarea": language.macroarea,
    }[key]


def _names(value: Any) -> Any:
    """One name or several, as a tuple of them."""
    if value is None:
        return value
    if not isinstance(value, str | list | tuple):
        raise ValueError("a list of languages is needed, as [de, sw]")
    names = _several(value)
    for name in names:
        if not isinstance(name, str):
            quoted = " (YAML reads no and yes so: write them in quotes)" if name is False else ""
            raise ValueError(f"{name!r} is no language's name{quoted}")
    return tuple(names)


def _as_choice(value: Any) -> Any:
    if isinstance(value, LanguageChoice):
        return value
    return LanguageChoice.model_validate(value) if isinstance(value, Mapping) else _names(value)


# Names of languages, or what they are chosen by.
Names = Annotated[tuple[str, ...], BeforeValidator(_names)]
Chosen = Annotated[tuple[str, ...] | LanguageChoice, BeforeValidator(_as_choice)]


class Target(Strict):
    """One target and, if narrowed, its languages.

    `languages` are those to keep, by any of their names (docs/languages.md) or chosen by what they
    are (`{diverse: 30}`, `{family: [Turkic, Uralic]}`, `{script: Cyrl}`, `{macroarea: Africa}`, or
    several of these); `exclude` are those to drop, before any are chosen.
    """

    languages: Chosen | None = None
    exclude: Names = ()
