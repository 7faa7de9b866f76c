"""The table of tasks: the only place that says what a task is and where its data lie.

A new task is one entry in `TASKS` and, if its file format is new, one reader function
(`xstilts.data.folder.READERS`, `xstilts.data.hub.READERS`). Language lists are those of
`TASK2LANGS` in google-research/xtreme `evaluate.py` at 838c13b.
"""

from __future__ import annotations

from xstilts.task_types import SOURCE_LANGUAGE, FolderSource, HubSource, Kind, Metric, Task

__all__ = [
    "GROUPS",
    "INTERMEDIATE",
    "SOURCE_LANGUAGE",
    "SPLITS",
    "TARGETS",
    "TASKS",
    "TEXT",
    "FolderSource",
    "HubSource",
    "Kind",
    "Metric",
    "Task",
]

# The key of the plain text that encoders are pretrained on.
TEXT = "text"
SPLITS = ("train", "dev", "test")

# Commits of the Parquet versions, which need no loading script.
_XTREME = ("google/xtreme", "ec5f1f46e9af79639a90684a7a70a956c4998f04")
_GLUE = ("nyu-mll/glue", "bcdcba79d07bc864c1c254ccfcedcce55bcc9a8c")
_PAWSX_HUB = ("google-research-datasets/paws-x", "4cd8187c404bda33cb1f62b49b001115862acf37")
_SQUAD = ("rajpurkar/squad", "7b6d24c440a36b6815f21b70d25016731768db1f")
_BUCC = ("mteb/BUCC", "414572247440f0ccacf7eb0bb70a31533a0e5443")

NLI_LABELS = ("entailment", "neutral", "contradiction")
NER_TAGS = ("O", "B-LOC", "I-LOC", "B-ORG", "I-ORG", "B-PER", "I-PER")
UPOS_TAGS = (
    "ADJ",
    "ADP",
    "ADV",
    "AUX",
    "CCONJ",
    "DET",
    "INTJ",
    "NOUN",
    "NUM",
    "PART",
    "PRON",
    "PROPN",
    "PUNCT",
    "SCONJ",
    "SYM",
    "VERB",
    "X",
)


def _per_split(
    reader: str, *files: str, splits: tuple[str, ...] = SPLITS
) -> dict[str, tuple[FolderSource, ...]]:
    return {
        split: (
            FolderSource(
                reader=reader, files=tuple(name.replace("{split}", split) for name in files)
            ),
        )
        for split in splits
    }


def _hub(
    reader: str, pinned: tuple[str, str], config: str, **splits: str
) -> dict[str, tuple[HubSource, ...]]:
    repo, revision = pinned
    return {
        split: (HubSource(reader=reader, repo=repo, revision=revision, config=config, split=name),)
        for split, name in splits.items()
    }


_XNLI = "ar bg de el en es fr hi ru sw th tr ur vi zh"
_PAWSX = "de en es fr ja ko zh"
_PANX = (
    "ar he vi id jv ms tl eu ml ta te af nl en de el bn hi mr ur fa fr it pt es bg ru ja ka ko "
    "th sw yo my zh kk tr et fi hu"
)
_UDPOS = (
    "af ar bg de el en es et eu fa fi fr he hi hu id it ja kk ko mr nl pt ru ta te th tl tr ur "
    "vi yo zh"
)
_TATOEBA = (
    "ar he vi id jv tl eu ml ta te af nl de el bn hi mr ur fa fr it pt es bg ru ja ka ko th sw "
    "zh kk tr et fi hu"
)

_ENTRIES = (
    Task(
        key="xnli",
        title="XNLI",
        parallel=True,
        kind=Kind.PAIR,
        metric=Metric.ACCURACY,
        group="classification",
        languages=tuple(_XNLI.split()),
        labels=NLI_LABELS,
        train_set="xnli",
        generated=SPLITS,
        licence="CC BY-NC 4.0 (facebookresearch/XNLI); training data: MultiNLI's own terms",
        folder=_per_split("pairs_tsv", "xnli/{split}-{lang}.tsv"),
        hub={
            **_hub("pairs", _GLUE, "mnli", train="train"),
            **_hub("xnli", _XTREME, "XNLI", dev="validation", test="test"),
        },
    ),
    Task(
        key="pawsx",
        title="PAWS-X",
        parallel=True,
        kind=Kind.PAIR,
        metric=Metric.ACCURACY,
        group="classification",
        languages=tuple(_PAWSX.split()),
        labels=("0", "1"),
        train_set="pawsx",
        generated=SPLITS,
        licence="free use with attribution (google-research-datasets/paws)",
        folder=_per_split("pairs_tsv", "pawsx/{split}-{lang}.tsv"),
        hub=_hub("pairs", _PAWSX_HUB, "{lang}", train="train", dev="validation", test="test"),
    ),
    Task(
        key="udpos",
        title="UD-POS",
        hub_variant="words are UD's syntactic words; XTREME keeps fused forms",
        kind=Kind.TAGGING,
        metric=Metric.SEQEVAL,
        group="tagging",
        languages=tuple(_UDPOS.split()),
        labels=UPOS_TAGS,
        no_dev=("kk", "th", "tl", "yo"),
        train_set="udpos",
        generated=SPLITS,
        licence="per treebank (Universal Dependencies)",
        folder=_per_split("tags_tsv", "udpos/{split}-{lang}.tsv"),
        hub=_hub("tags", _XTREME, "udpos.{name}", train="train", dev="validation", test="test"),
    ),
    Task(
        key="panx",
        title="PAN-X",
        kind=Kind.TAGGING,
        metric=Metric.SEQEVAL,
        group="tagging",
        languages=tuple(_PANX.split()),
        labels=NER_TAGS,
        train_set="panx",
        generated=SPLITS,
        licence="WikiANN; Wikipedia text under CC BY-SA",
        folder=_per_split("tags_tsv", "panx/{split}-{lang}.tsv"),
        hub=_hub("tags", _XTREME, "PAN-X.{lang}", train="train", dev="validation", test="test"),
    ),
    Task(
        key="xquad",
        title="XQuAD",
        parallel=True,
        kind=Kind.SPAN,
        metric=Metric.SQUAD,
        group="qa",
        languages=("en", "es", "de", "el", "ru", "tr", "ar", "vi", "th", "zh", "hi"),
        train_set="squad_v1",
        generated=("test",),
        licence="CC BY-SA 4.0 (google-deepmind/xquad)",
        folder=_per_split("squad_json", "xquad/xquad.{lang}.json", splits=("test",)),
        hub=_hub("squad", _XTREME, "XQuAD.{lang}", test="validation"),
    ),
    Task(
        key="mlqa",
        title="MLQA",
        parallel=True,
        kind=Kind.SPAN,
        metric=Metric.MLQA,
        group="qa",
        languages=("en", "es", "de", "ar", "hi", "vi", "zh"),
        train_set="squad_v1",
        generated=("dev", "test"),
        licence="CC BY-SA 3.0 (facebookresearch/MLQA)",
        folder=_per_split(
            "squad_json",
            "mlqa/MLQA_V1/{split}/{split}-context-{lang}-question-{lang}.json",
            splits=("dev", "test"),
        ),
        hub=_hub("squad", _XTREME, "MLQA.{lang}.{lang}", dev="validation", test="test"),
    ),
    # XTREME tests on TyDiQA's development files, so model selection must not see them.
    Task(
        key="tydiqa",
        title="TyDiQA",
        kind=Kind.SPAN,
        metric=Metric.SQUAD,
        group="qa",
        languages=("en", "ar", "bn", "fi", "id", "ko", "ru", "sw", "te"),
        train_set="tydiqa",
        dev_from_train=0.1,
        generated=SPLITS,
        licence="Apache-2.0 (google-research-datasets/tydiqa)",
        folder={
            **_per_split(
                "squad_json",
                "tydiqa/tydiqa-goldp-v1.1-train/tydiqa.goldp.{lang}.train.json",
                splits=("train",),
            ),
            **_per_split(
                "squad_json",
                "tydiqa/tydiqa-goldp-v1.1-dev/tydiqa.goldp.{lang}.dev.json",
                splits=("test",),
            ),
        },
        hub=_hub("tydiqa", _XTREME, "tydiqa", train="train", test="validation"),
    ),
    Task(
        key="bucc2018",
        title="BUCC 2018",
        hub_variant=(
            "the data set has no dev split: dev and test are the two halves of its gold pairs and"
            " of its other sentences, parted by hash"
        ),
        kind=Kind.RETRIEVAL,
        metric=Metric.BITEXT_F1,
        group="retrieval",
        languages=("de", "fr", "ru", "zh"),
        generated=("dev", "test"),
        licence="BUCC 2018 shared task, research use",
        folder=_per_split(
            "bucc",
            "bucc2018/{lang}-en.{split}.{lang}",
            "bucc2018/{lang}-en.{split}.en",
            "bucc2018/{lang}-en.{split}.gold",
            splits=("dev", "test"),
        ),
        # One split there; the reader makes two of it.
        hub=_hub("bucc", _BUCC, "{lang}-en", dev="test", test="test"),
    ),
    Task(
        key="tatoeba",
        title="Tatoeba",
        hub_variant="rows are aligned as LASER publishes them; XTREME sorts the English side",
        kind=Kind.RETRIEVAL,
        metric=Metric.RETRIEVAL_ACCURACY,
        group="retrieval",
        languages=tuple(_TATOEBA.split()),
        generated=("test",),
        licence="CC BY 2.0 FR (Tatoeba)",
        folder={
            "test": (
                FolderSource(
                    reader="tatoeba_sorted",
                    files=(
                        "tatoeba/{lang}-en.{lang}",
                        "tatoeba/{lang}-en.en",
                        "tatoeba/labels/test-{lang}.tsv",
                    ),
                ),
                *(
                    FolderSource(
                        reader="tatoeba_aligned",
                        files=(
                            f"{folder}/tatoeba.{{iso}}-eng.{{iso}}",
                            f"{folder}/tatoeba.{{iso}}-eng.eng",
                        ),
                    )
                    for folder in ("tatoeba", "tatoeba-laser")
                ),
            )
        },
        hub=_hub("tatoeba", _XTREME, "tatoeba.{iso}", test="validation"),
    ),
    Task(
        key="mnli",
        title="MNLI",
        kind=Kind.PAIR,
        metric=Metric.ACCURACY,
        labels=NLI_LABELS,
        intermediate=True,
        generated=("train", "dev"),
        licence="MultiNLI's own terms (nyu-mll/multi_nli)",
        folder={
            split: (
                FolderSource(reader="pairs_jsonl", files=(f"intermediate/mnli/{split}.jsonl",)),
                # XTREME's XNLI training file is MultiNLI; its dev-en is XNLI's.
                FolderSource(reader="pairs_tsv", files=(f"xnli/{split}-{{lang}}.tsv",)),
            )
            for split in ("train", "dev")
        },
        hub=_hub("pairs", _GLUE, "mnli", train="train", dev="validation_matched"),
    ),
    Task(
        key="qqp",
        title="QQP",
        kind=Kind.PAIR,
        metric=Metric.ACCURACY,
        labels=("not_duplicate", "duplicate"),
        intermediate=True,
        generated=("train", "dev"),
        licence="Quora's terms of service (non-commercial)",
        folder=_per_split("pairs_jsonl", "intermediate/qqp/{split}.jsonl", splits=("train", "dev")),
        hub=_hub("pairs", _GLUE, "qqp", train="train", dev="validation"),
    ),
    Task(
        key="squad_v1",
        title="SQuAD 1.1",
        kind=Kind.SPAN,
        metric=Metric.SQUAD,
        intermediate=True,
        generated=("train", "dev"),
        licence="CC BY-SA 4.0 (rajpurkar/SQuAD-explorer)",
        folder=_per_split("squad_json", "squad/{split}-v1.1.json", splits=("train", "dev")),
        hub=_hub("squad", _SQUAD, "plain_text", train="train", dev="validation"),
    ),
    # Plain text for masked language modelling: its folder is the experiment's `text.root`,
    # whatever the source of the other data is.
    Task(
        key=TEXT,
        title="Text",
        kind=Kind.MLM,
        metric=Metric.MASKED_ACCURACY,
        languages=(),
        generated=("train", "dev"),
        licence="the text's own terms",
        folder=_per_split("text_lines", "{lang}.txt", splits=("train",)),
    ),
)

TASKS: dict[str, Task] = {task.key: task for task in _ENTRIES}
TARGETS: dict[str, Task] = {key: task for key, task in TASKS.items() if task.group}
INTERMEDIATE: dict[str, Task] = {key: task for key, task in TASKS.items() if task.intermediate}

# XTREME's order of the columns and its groups (GROUP2TASK in evaluate.py).
GROUPS: dict[str, tuple[str, ...]] = {
    name: tuple(task.key for task in TARGETS.values() if task.group == name)
    for name in dict.fromkeys(task.group for task in TARGETS.values() if task.group)
}
