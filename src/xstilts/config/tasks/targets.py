"""Targets: XTREME's nine, in the order of its columns, and those beyond.

Language lists are those of `TASK2LANGS` in google-research/xtreme `evaluate.py` at 838c13b, for
XCOPA those of its data and English. XTREME's translations of training data are read as they lie in
its bucket `xtreme_translations` (see its README).
"""

from __future__ import annotations

from xstilts.config.tasks.kinds import Kind
from xstilts.config.tasks.sources import (
    BUCC,
    GLUE,
    NER_TAGS,
    NLI_LABELS,
    PAWSX_HUB,
    SPLITS,
    SUPERGLUE,
    TRANSLATED_MNLI,
    TRANSLATED_MNLI_HUB,
    TRANSLATIONS,
    UPOS_TAGS,
    XCOPA_HUB,
    XNLI_HUB,
    XNLI_LANGUAGES,
    XTREME_HUB,
    files,
    hub,
    per_split,
    with_train,
)
from xstilts.config.tasks.types import Foreign, Mispaired, Task

_PAWSX = "de en es fr ja ko zh"
_PANX = (
    "ar he vi id jv ms tl eu ml ta te af nl en de el bn hi mr ur fa fr it pt es bg ru ja ka ko "
    "th sw yo my zh kk tr et fi hu"
)
_UDPOS = (
    "af ar bg de el en es et eu fa fi fr he hi hu id it ja kk ko mr nl pt ru ta te th tl tr ur "
    "vi yo zh"
)
_TYDIQA = ("en", "ar", "bn", "fi", "id", "ko", "ru", "sw", "te")
_TATOEBA = (
    "ar he vi id jv tl eu ml ta te af nl de el bn hi mr ur fa fr it pt es bg ru ja ka ko th sw "
    "zh kk tr et fi hu"
)
_XCOPA = "en et ht id it qu sw ta th tr vi zh"

# The hypotheses of the two are swapped against English: a public loader of facebook/xnli at
# b8dd5d7a puts them back. XTREME's files have the same order. They are scored as published.
_XNLI_MISPAIRED = (Mispaired(split="test", language="ru", total=5010, rows=(2805, 2806)),)

# The script behind google/xtreme took every treebank whose folder has `_<language>` in its name
# (huggingface/datasets at 040102f, datasets/xtreme/xtreme.py; google-research/xtreme issue 91), so
# that UD_Ancient_Greek-PROIEL is Greek. XTREME's own files, chosen by language code, have none of
# this. Rows are those of `hub_rows`; of them in another language as many as the treebanks have in
# UD 2.7 (datasets/universal_dependencies/README.md there; Classical Chinese by difference). Of Old
# Russian it is TOROT alone: with RNC, whose size in UD 2.5 is not known, up to 21 % of test.
_UDPOS_FOREIGN = (
    Foreign(language="de", other="Swiss German", items={"test": (100, 22458)}),
    Foreign(
        language="el",
        other="Ancient Greek",
        items={"train": (26490, 28152), "dev": (2156, 2559), "test": (2353, 2809)},
    ),
    Foreign(
        language="fr",
        other="Old French",
        items={"train": (13909, 47308), "dev": (1842, 5979), "test": (1927, 9465)},
    ),
    Foreign(
        language="ru",
        other="Old Russian (TOROT alone)",
        items={"train": (13336, 67435), "dev": (1852, 9960), "test": (1756, 11336)},
    ),
    Foreign(
        language="zh",
        other="Classical Chinese",
        items={"train": (11004, 18998), "dev": (2038, 3038), "test": (2073, 5528)},
    ),
)

TARGETS = (
    Task(
        key="xnli",
        title="XNLI",
        parallel=True,
        mispaired=_XNLI_MISPAIRED,
        kind=Kind.PAIR,
        metric="accuracy",
        group="classification",
        languages=XNLI_LANGUAGES,
        labels=NLI_LABELS,
        train_set="xnli",
        generated=SPLITS,
        licence="CC BY-NC 4.0 (facebookresearch/XNLI); training data: MultiNLI's own terms",
        folder=with_train(
            per_split(files("pairs_tsv", "xnli/{split}-{lang}.tsv")), *TRANSLATED_MNLI
        ),
        hub={
            **hub("pairs", GLUE, "mnli", train="train"),
            # google/xtreme's own was read as CSV with quoting, which XNLI's files do not have:
            # quotation marks at the start of a sentence can be lost there.
            **hub("pairs", XNLI_HUB, "{lang}", XNLI_LANGUAGES, dev="validation", test="test"),
        },
        hub_translated=TRANSLATED_MNLI_HUB,
    ),
    Task(
        key="pawsx",
        title="PAWS-X",
        parallel=True,
        # google-research-datasets/paws issues 4, 10 and 15. Labels differ between languages in 59
        # of the 2,000 development ids; such items are not paired (`xstilts.data.parallel`).
        placeholder_texts=("NS",),
        kind=Kind.PAIR,
        metric="accuracy",
        group="classification",
        languages=tuple(_PAWSX.split()),
        labels=("0", "1"),
        train_set="pawsx",
        generated=SPLITS,
        licence="free use with attribution (google-research-datasets/paws)",
        folder=with_train(
            per_split(files("pairs_tsv", "pawsx/{split}-{lang}.tsv")),
            files(
                "translated_tsv", f"{TRANSLATIONS}/PAWSX/translate-train/en-{{to}}-translated.tsv"
            ),
        ),
        hub=hub("pairs", PAWSX_HUB, "{lang}", train="train", dev="validation", test="test"),
    ),
    Task(
        key="udpos",
        title="UD-POS",
        hub_variant=(
            "words are UD's syntactic words, empty nodes among them; XTREME keeps fused forms"
        ),
        hub_foreign=_UDPOS_FOREIGN,
        kind=Kind.TAGGING,
        metric="seqeval",
        group="tagging",
        languages=tuple(_UDPOS.split()),
        labels=UPOS_TAGS,
        no_dev=("kk", "th", "tl", "yo"),
        no_train=("th", "tl", "yo"),
        train_set="udpos",
        generated=SPLITS,
        licence="per treebank (Universal Dependencies)",
        folder=per_split(files("tags_tsv", "udpos/{split}-{lang}.tsv")),
        hub=hub("tags", XTREME_HUB, "udpos.{name}", train="train", dev="validation", test="test"),
    ),
    Task(
        key="panx",
        title="PAN-X",
        kind=Kind.TAGGING,
        metric="seqeval",
        group="tagging",
        languages=tuple(_PANX.split()),
        labels=NER_TAGS,
        train_set="panx",
        generated=SPLITS,
        licence="WikiANN; Wikipedia text under CC BY-SA",
        folder=per_split(files("tags_tsv", "panx/{split}-{lang}.tsv")),
        hub=hub("tags", XTREME_HUB, "PAN-X.{lang}", train="train", dev="validation", test="test"),
    ),
    Task(
        key="xquad",
        title="XQuAD",
        parallel=True,
        kind=Kind.SPAN,
        metric="squad",
        group="qa",
        languages=("en", "es", "de", "el", "ru", "tr", "ar", "vi", "th", "zh", "hi"),
        train_set="squad_v1",
        generated=("test",),
        licence="CC BY-SA 4.0 (google-deepmind/xquad)",
        folder=per_split(files("squad_json", "xquad/xquad.{lang}.json"), test="test"),
        hub=hub("squad", XTREME_HUB, "XQuAD.{lang}", test="validation"),
    ),
    Task(
        key="mlqa",
        title="MLQA",
        parallel=True,
        subset=True,
        kind=Kind.SPAN,
        metric="mlqa",
        group="qa",
        languages=("en", "es", "de", "ar", "hi", "vi", "zh"),
        train_set="squad_v1",
        generated=("dev", "test"),
        licence="CC BY-SA 3.0 (facebookresearch/MLQA)",
        folder=per_split(
            files("squad_json", "mlqa/MLQA_V1/{split}/{split}-context-{lang}-question-{lang}.json"),
            dev="dev",
            test="test",
        ),
        hub=hub("squad", XTREME_HUB, "MLQA.{lang}.{lang}", dev="validation", test="test"),
    ),
    # XTREME tests on TyDiQA's development files, so model selection must not see them.
    Task(
        key="tydiqa",
        title="TyDiQA",
        kind=Kind.SPAN,
        metric="squad",
        group="qa",
        languages=_TYDIQA,
        train_set="tydiqa",
        dev_from_train=0.1,
        generated=SPLITS,
        licence="Apache-2.0 (google-research-datasets/tydiqa)",
        folder={
            "train": (
                files(
                    "squad_json", "tydiqa/tydiqa-goldp-v1.1-train/tydiqa.goldp.{lang}.train.json"
                ),
                files(
                    "squad_json",
                    f"{TRANSLATIONS}/TyDiQA-GoldP/translate-train/"
                    "tydiqa.translate.train.en-{to}.json",
                ),
            ),
            "test": (
                files("squad_json", "tydiqa/tydiqa-goldp-v1.1-dev/tydiqa.goldp.{lang}.dev.json"),
            ),
        },
        hub=hub("tydiqa", XTREME_HUB, "tydiqa", _TYDIQA, train="train", test="validation"),
    ),
    Task(
        key="bucc2018",
        title="BUCC 2018",
        hub_variant=(
            "the data set has no dev split: dev and test are the two halves of its gold pairs and"
            " of its other sentences, parted by hash"
        ),
        kind=Kind.RETRIEVAL,
        metric="bitext_f1",
        mined=True,
        group="retrieval",
        languages=("de", "fr", "ru", "zh"),
        generated=("dev", "test"),
        licence="BUCC 2018 shared task, research use",
        folder=per_split(
            files(
                "bucc",
                "bucc2018/{lang}-en.{split}.{lang}",
                "bucc2018/{lang}-en.{split}.en",
                "bucc2018/{lang}-en.{split}.gold",
            ),
            dev="dev",
            test="test",
        ),
        # One split there; the reader makes two of it.
        hub=hub("bucc", BUCC, "{lang}-en", dev="test", test="test"),
    ),
    Task(
        key="tatoeba",
        title="Tatoeba",
        hub_variant="rows are aligned as LASER publishes them; XTREME sorts the English side",
        kind=Kind.RETRIEVAL,
        metric="retrieval_accuracy",
        group="retrieval",
        languages=tuple(_TATOEBA.split()),
        generated=("test",),
        licence="CC BY 2.0 FR (Tatoeba)",
        folder={
            "test": (
                files(
                    "tatoeba_sorted",
                    "tatoeba/{lang}-en.{lang}",
                    "tatoeba/{lang}-en.en",
                    "tatoeba/labels/test-{lang}.tsv",
                ),
                *(
                    files(
                        "tatoeba_aligned",
                        f"{folder}/tatoeba.{{iso}}-eng.{{iso}}",
                        f"{folder}/tatoeba.{{iso}}-eng.eng",
                    )
                    for folder in ("tatoeba", "tatoeba-laser")
                ),
            )
        },
        hub=hub("tatoeba", XTREME_HUB, "tatoeba.{iso}", test="validation"),
    ),
    # Beyond XTREME (XTREME-R has it). English is COPA as SuperGLUE has it, whose test labels are
    # withheld: its test split is for files that have them.
    Task(
        key="xcopa",
        title="XCOPA",
        parallel=True,
        choices=2,
        kind=Kind.CHOICE,
        metric="accuracy",
        group="reasoning",
        xtreme=False,
        languages=tuple(_XCOPA.split()),
        train_set="xcopa",
        licence="CC BY 4.0 (cambridgeltl/xcopa); English: BSD 2-clause (COPA)",
        folder=per_split(
            files("copa_jsonl", "xcopa/{split}-{lang}.jsonl"),
            files("copa_jsonl", "xcopa/{split}.{lang}.jsonl"),
            train="train",
            dev="val",
            test="test",
        ),
        hub=hub("copa", SUPERGLUE, "copa", train="train", dev="validation", test="test"),
        hub_translated=hub("copa", XCOPA_HUB, "{lang}", dev="validation", test="test"),
    ),
)
