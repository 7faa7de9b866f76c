"""What an entry in the table of tasks (`xstilts.config.tasks`) is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from xstilts.config.rows import Row
from xstilts.config.tasks.kinds import KINDS, Kind, KindFacts

SOURCE_LANGUAGE = "en"
# The part of a target's data that is made of its part eval: perturbed inputs.
PERTURBED = "perturbed"


@dataclass(frozen=True, kw_only=True, slots=True)
class FolderSource(Row):
    """Files that hold one split in one language, relative to `data_root`.

    Several files where the format has several, or where a data set is joined from several.
    `{lang}` is our code, `{iso}` the ISO 639-3 code, `{code}` the data set's own code, `{to}` our
    code of a language that English data were translated to, and `{-lang}` nothing for English and
    `-de` for German. `*` stands for any name: all files that it fits are read, sorted by name. A
    task lists alternatives and the first whose files all exist is read. `common` are files that
    belong to every language, behind the others; a source without a language in any of its other
    files is English.
    """

    reader: str
    files: tuple[str, ...]
    common: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class HubSource(Row):
    """A data set on the Hugging Face hub that needs no script, pinned to one commit.

    It is of Parquet files, JSON lines or tables with tabs. `config` may hold `{lang}`, `{iso}`,
    `{code}` (as in `FolderSource`) and `{name}` (English name of the language). `languages` are
    those that it has, where its config does not say: else it has English only, or, with a
    language in its config, any. `fragile`: the commit lies in a branch whose history the hub
    rewrites, so that it can go away.
    """

    reader: str
    repo: str
    revision: str
    config: str
    split: str
    languages: tuple[str, ...] = ()
    fragile: bool = False

    def has(self, language: str) -> bool:
        """Whether it may hold data in a language."""
        if self.languages:
            return language in self.languages
        return language == SOURCE_LANGUAGE or "{" in self.config


@dataclass(frozen=True, kw_only=True, slots=True)
class Mispaired(Row):
    """Rows, counted from 0, that are no translations of their namesakes in published data.

    They are those of a split in a language while it has `total` rows, as published.
    """

    split: str
    language: str
    total: int
    rows: tuple[int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Foreign(Row):
    """What the hub's data in a language hold of another one.

    `items` are by split: how many are in the other language, and how many there are.
    """

    language: str
    other: str
    items: dict[str, tuple[int, int]]

    def share(self, split: str) -> float:
        """The part of a split that is in the other language, in percent; 0 if none is known."""
        found, every = self.items.get(split, (0, 1))
        return 100 * found / every


@dataclass(frozen=True, kw_only=True, slots=True)
class Task(Row):
    """One task: what it is, in which languages, and the sources of its splits.

    `train_set` is the key of the task whose English data this target trains on (xquad and mlqa
    share squad_v1), None where nothing is trained. `group` is the group of tasks that a target
    belongs to, None for a task that is only trained on; `xtreme` says whether the target is one of
    XTREME's nine, over which its averages are formed. `metric` is the key of what scores it
    (`xstilts.scoring.metrics.METRICS`); of plain text it names nothing there. `choices`: among how
    many a target of multiple choice chooses, the fewest where its items differ. `unanswerable`:
    some questions have no answer in their passage. `mined`: its pairs are sought among all
    sentences of both sides, above a threshold that is chosen on dev; nothing of it is perturbed.
    `open_labels`: the labels are those of the training data. `dev_from_train` is the
    share of training passages held out for model selection where the data set has no English
    development split apart from the one that is tested. `no_dev` and `no_train` are the languages
    that have no development or training data at all. `parallel` tasks have the same items in every
    language, or, with `subset`, each item in some of them. `placeholder_texts` stand where a text
    could not be translated, and `mispaired` are rows known not to be translations. `own_items` are
    the languages, by split, whose rows are not those of other languages of the same number.
    `unlearnt` are types of entities that the training data do not have: their tags count as none.
    `generated` are the splits that can be generated (`xstilts.data.invitro`). `codes` are the data
    set's own codes by ours, where it has its own.

    The sources of one split in `hub` and `hub_translated` are read one after the other and joined,
    those of them that have the language where each names its languages.
    `hub_translated` are those of other languages than English, of the splits where they are not
    the same. `hub_variant` says how the hub's data differ from XTREME's own files, `hub_foreign`
    in which languages they hold another one too. `tested_passages` is the target whose English
    passages were drawn from this task's development set.
    """

    key: str
    title: str
    kind: Kind
    metric: str
    licence: str
    languages: tuple[str, ...] = (SOURCE_LANGUAGE,)
    labels: tuple[str, ...] = ()
    choices: int = 0
    train_set: str | None = None
    group: str | None = None
    xtreme: bool = True
    intermediate: bool = False
    unanswerable: bool = False
    mined: bool = False
    open_labels: bool = False
    dev_from_train: float = 0.0
    no_dev: tuple[str, ...] = ()
    no_train: tuple[str, ...] = ()
    parallel: bool = False
    subset: bool = False
    placeholder_texts: tuple[str, ...] = ()
    mispaired: tuple[Mispaired, ...] = ()
    own_items: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unlearnt: tuple[str, ...] = ()
    codes: Mapping[str, str] = field(default_factory=dict)
    hub_variant: str = ""
    hub_foreign: tuple[Foreign, ...] = ()
    tested_passages: str | None = None
    generated: tuple[str, ...] = ()
    folder: dict[str, tuple[FolderSource, ...]] = field(default_factory=dict)
    hub: dict[str, tuple[HubSource, ...]] = field(default_factory=dict)
    hub_translated: dict[str, tuple[HubSource, ...]] = field(default_factory=dict)

    @property
    def facts(self) -> KindFacts:
        """What is declared of its kind."""
        return KINDS[self.kind]

    def hub_sources(self, split: str, language: str) -> tuple[HubSource, ...]:
        """What is read from the hub for one split in one language; nothing if it is not there."""
        translated = self.hub_translated if language != SOURCE_LANGUAGE else {}
        sources = tuple(
            source
            for source in translated.get(split, self.hub.get(split, ()))
            if not source.languages or language in source.languages
        )
        if split == "train" and language in self.no_train:
            return ()
        if not all(self._has(source, language) for source in sources):
            return ()
        code = self.codes.get(language)
        if code is None:
            return sources
        # A job is told of its own language alone.
        return tuple(
            replace(
                source,
                config=source.config.replace("{code}", code),
                languages=(language,) if source.languages else (),
            )
            for source in sources
        )

    def _has(self, source: HubSource, language: str) -> bool:
        # A language in the name of a config can be any, but the data set has the task's alone.
        in_name = not source.languages and "{" in source.config
        return source.has(language) and (not in_name or language in self.languages)

    def foreign(self, split: str, language: str) -> Foreign | None:
        """What the hub's data of a split hold of another language, None if nothing is known."""
        for each in self.hub_foreign:
            if each.language == language and each.share(split):
                return each
        return None

    def with_labels(self, labels: tuple[str, ...]) -> Task:
        """This task with the labels that its training data have, where `open_labels`."""
        return replace(self, labels=labels) if self.open_labels else self
