"""Encoders by name: where they lie, how large they are, what they were pretrained on.

The table is `catalogue.yaml` beside this module, which says what each of its keys means; it is read
when it is first asked for. An experiment names an encoder of it (`encoders: {mmbert-base: }`) and
overrides what it likes; all else goes on working by hub id and commit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any, Literal

from pydantic import Field, model_validator

from xstilts.config.encoders.hub_names import Refusal, catalogue_table, names_of
from xstilts.config.encoders.source import COMMIT, EncoderSource, Pooling, RetrievalSettings
from xstilts.config.language_facts import FACTS, LanguageFacts
from xstilts.config.languages import LANGUAGES
from xstilts.config.settings import Strict
from xstilts.errors import did_you_mean

_SOURCES = ("hub", "folder", "pretrain")

_REGION = re.compile(r"_[A-Z]{2}$")
# Amounts that the table of facts holds.
_AMOUNTS: dict[Any, Callable[[LanguageFacts], float | None]] = {
    "cc100_gib": lambda facts: facts.cc100_gib,
    "mmbert_tokens": lambda facts: facts.mmbert_tokens,
}

How = Literal["run", "read", "inferred", "unknown"]


class Corpus(Strict):
    """What an encoder was pretrained on, in the languages of `xstilts.config.languages`.

    `amounts` are by language in `unit`, 0 where there is no text; null where they are unpublished.
    """

    title: str
    unit: str | None = None
    amounts: dict[str, float] | None = None
    languages: tuple[str, ...] = ()

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, value: Any) -> Any:
        if (column := value.get("amounts")) in _AMOUNTS:
            value = {**value, "amounts": {key: _AMOUNTS[column](row) for key, row in FACTS.items()}}
        if (amounts := value.get("amounts")) is not None:
            value = {**value, "languages": [code for code in amounts if amounts[code] > 0]}
        # No corpus parts regions.
        listed = dict.fromkeys(value.get("languages", ()))
        listed |= dict.fromkeys(each for each in LANGUAGES if _REGION.sub("", each) in listed)
        return {**value, "languages": list(listed)}

    @model_validator(mode="after")
    def _languages_are_known(self) -> Corpus:
        unknown = {*self.languages, *(self.amounts or ())} - LANGUAGES.keys()
        if unknown or not self.languages or (self.amounts is None) != (self.unit is None):
            raise ValueError(f"{self.title}: unknown {sorted(unknown)}, or no languages or unit")
        return self


class Verified(Strict):
    """How far the facts of an entry are verified, field by field."""

    revision: How
    weights: How
    config: How
    tokenizer: How
    retrieval: How
    corpus: How


class CatalogueEntry(Strict):
    """One encoder; `catalogue.yaml` says what the keys mean."""

    hub: str
    revision: str | None = Field(pattern=f"^{COMMIT}$")
    gated: bool = False
    licence: str | None
    config: dict[str, Any] | None
    parameters: int | None
    matrices: int | None
    longest: int
    tokenizer: str
    pooling: Pooling
    retrieval: dict[str, Any]
    retrieval_source: str
    corpus: str | None
    verified: Verified
    note: str | None = None

    @model_validator(mode="after")
    def _settings_are_sound(self) -> CatalogueEntry:
        RetrievalSettings.model_validate(self.retrieval)
        return self

    @property
    def hidden(self) -> int | None:
        """Dimensions of its states, None where its configuration is not known."""
        return self._size("hidden_size", "d_model")

    @property
    def layers(self) -> int | None:
        """How many it has, None where its configuration is not known."""
        return self._size("num_hidden_layers", "num_layers")

    def _size(self, *names: str) -> int | None:
        known = self.config or {}
        return next((known[name] for name in names if name in known), None)

    @property
    def settings(self) -> dict[str, Any]:
        """What an experiment takes of it, as the keys of an `EncoderSource`."""
        return {
            "hub": self.hub,
            "revision": self.revision,
            "pooling": self.pooling,
            "retrieval": self.retrieval,
        }


class Catalogue(Strict):
    """The whole table."""

    corpora: dict[str, Corpus]
    encoders: dict[str, CatalogueEntry]
    refused: dict[str, Refusal]

    @model_validator(mode="after")
    def _names_lead_somewhere(self) -> Catalogue:
        for name, entry in self.encoders.items():
            if entry.corpus is not None and entry.corpus not in self.corpora:
                raise ValueError(f"{name}: no corpus {entry.corpus!r}")
        for hub, refusal in self.refused.items():
            if refusal.instead not in self.encoders:
                raise ValueError(f"{hub}: no encoder {refusal.instead!r}")
        return self


@cache
def catalogue() -> Catalogue:
    """The table, read once."""
    return Catalogue.model_validate(catalogue_table())


def completed(name: str, value: Any) -> Any:
    """The settings of an experiment's encoder, with what the catalogue has of it filled in.

    Args:
        name: the encoder's in the experiment, its entry's too unless `catalogue` names another.
        value: what a user wrote: nothing, or settings, of which each overrides the entry's.

    Raises:
        ValueError: there is no such entry and no source either, or the entry knows no commit and
            none is given.
    """
    value = {} if value in (None, "") else value
    if not isinstance(value, Mapping):
        return value
    has_source = any(value.get(key) is not None for key in _SOURCES)
    asked = value.get("catalogue")
    if asked is None and has_source:
        return value
    key = str(name if asked is None else asked)
    entry = catalogue().encoders.get(key)
    if entry is None:
        raise ValueError(_unknown(name, key, asked is None))
    filled = {"catalogue": key, **entry.settings, **value}
    if has_source and value.get("hub") != entry.hub:
        filled = {**filled, **{each: value.get(each) for each in ("hub", "revision")}}
    elif filled["revision"] is None:
        raise ValueError(
            f"{name}: the catalogue knows no commit of {entry.hub} with safetensors: write"
            " `revision`, the full 40-digit commit to load"
        )
    # Settings that are written beside a layer are the user's; the entry has the others.
    if isinstance(own := value.get("retrieval"), Mapping):
        filled["retrieval"] = {**entry.retrieval, **own}
    return filled


def _unknown(name: str, key: str, by_name: bool) -> str:
    known = catalogue()
    refusal = next(
        (each for hub, each in known.refused.items() if key.lower() in names_of(hub)), None
    )
    if refusal is not None:
        return f"{name}: {key} cannot be used: {refusal.why} ({refusal.remedy})"
    what = (
        "it has neither a source (either `hub` with `revision`, `folder` or `pretrain`) nor the"
        " name of an entry of the catalogue"
        if by_name
        else f"the catalogue has no {key!r}"
    )
    return f"{name}: {what} ({did_you_mean(key, known.encoders)})"


def entry_of(source: EncoderSource) -> CatalogueEntry | None:
    """The entry that an encoder is of: the one it names, or that of its hub id."""
    if source.catalogue is not None:
        return catalogue().encoders[source.catalogue]
    return None if source.hub is None else _by_hub().get(source.hub.lower())


def corpus_of(source: EncoderSource) -> Corpus | None:
    """What an encoder was pretrained on, None where that is not known."""
    entry = entry_of(source)
    return None if entry is None or entry.corpus is None else catalogue().corpora[entry.corpus]


def named_corpora(names: Iterable[str]) -> dict[str, Corpus]:
    """Of these names those of entries whose pretraining is known, each with its corpus."""
    known = catalogue()
    entries = {name: known.encoders[name] for name in names if name in known.encoders}
    return {name: known.corpora[each.corpus] for name, each in entries.items() if each.corpus}


@cache
def _by_hub() -> dict[str, CatalogueEntry]:
    """Entries by hub id, in small letters."""
    return {name: entry for entry in catalogue().encoders.values() for name in names_of(entry.hub)}
