"""What an entry in the table of tasks (`xstilts.tasks`) is made of."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from enum import StrEnum

SOURCE_LANGUAGE = "en"


class Kind(StrEnum):
    """How a task is featurised, which head it has, how it is decoded and scored."""

    PAIR = "pair"
    CHOICE = "choice"
    TAGGING = "tagging"
    SPAN = "span"
    RETRIEVAL = "retrieval"
    MLM = "mlm"


class Metric(StrEnum):
    """Which definition scores a task (`xstilts.metrics`)."""

    ACCURACY = "accuracy"
    SEQEVAL = "seqeval"
    SQUAD = "squad"
    MLQA = "mlqa"
    BITEXT_F1 = "bitext_f1"
    RETRIEVAL_ACCURACY = "retrieval_accuracy"
    MASKED_ACCURACY = "masked_accuracy"


@dataclass(frozen=True, kw_only=True)
class FolderSource:
    """Files that hold one split in one language, relative to `data_root`.

    Several files where the format has several; `{lang}` is XTREME's code, `{iso}` the ISO
    639-3 code. A task lists alternatives and the first whose files all exist is read.
    """

    reader: str
    files: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class HubSource:
    """A script-free Parquet data set on the Hugging Face hub, pinned to one commit.

    `config` may hold `{lang}`, `{iso}` and `{name}` (English name of the language).
    """

    reader: str
    repo: str
    revision: str
    config: str
    split: str


@dataclass(frozen=True, kw_only=True)
class Task:
    """One task: what it is, in which languages, and the sources of its splits.

    `train_set` is the key of the task whose English data this target trains on (xquad and
    mlqa share squad_v1), None where nothing is trained. `group` is XTREME's task group, None
    for a task that is only trained on. `unanswerable`: some questions have no answer in their
    passage. `open_labels`: the labels are those of the training data. `dev_from_train` is the share of training passages
    held out for model selection where the data set has no English development split apart
    from the one that is tested. `no_dev` are the languages that have no development data at all.
    `parallel` tasks have the same items in every language. `generated` are the splits that can be
    generated (`xstilts.data.invitro`). `hub_variant` says how the hub's
    data differ from XTREME's own files.
    """

    key: str
    title: str
    kind: Kind
    metric: Metric
    licence: str
    languages: tuple[str, ...] = (SOURCE_LANGUAGE,)
    labels: tuple[str, ...] = ()
    train_set: str | None = None
    group: str | None = None
    intermediate: bool = False
    unanswerable: bool = False
    open_labels: bool = False
    dev_from_train: float = 0.0
    no_dev: tuple[str, ...] = ()
    parallel: bool = False
    hub_variant: str = ""
    generated: tuple[str, ...] = ()
    folder: dict[str, tuple[FolderSource, ...]] = field(default_factory=dict)
    hub: dict[str, tuple[HubSource, ...]] = field(default_factory=dict)

    def with_labels(self, labels: tuple[str, ...]) -> Task:
        """This task with the labels that its training data have, where `open_labels`."""
        return replace(self, labels=labels) if self.open_labels else self
