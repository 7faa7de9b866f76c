"""Intermediate tasks, in the order of Phang et al. 2020 (arXiv 2005.13013, table 1), and text.

In a folder, data in another language than English have `-<language>` behind the name of the
split (`train-de.jsonl`, `hellaswag_train-de.jsonl`, `train-de-v2.0.json`).
"""

from __future__ import annotations

from xstilts.config.tasks.kinds import Kind
from xstilts.config.tasks.sources import (
    ANLI,
    COMMONSENSEQA,
    COSMOSQA,
    GLUE,
    HELLASWAG,
    NLI_LABELS,
    SNLI,
    SQUAD,
    SQUAD_V2,
    TRAINED,
    TRANSLATED_MNLI,
    TRANSLATED_MNLI_HUB,
    TRANSLATIONS,
    files,
    hub,
    joined,
    per_split,
    with_train,
)
from xstilts.config.tasks.types import Task

# The key of the plain text that encoders are pretrained on.
TEXT = "text"

_GENERATED = ("train", "dev")
_MNLI = "intermediate/mnli/{split}{-lang}.jsonl"
_SNLI = "intermediate/snli/{split}{-lang}.jsonl"
_MNLI_HUB = hub("pairs", GLUE, "mnli", train="train", dev="validation_matched")

INTERMEDIATE = (
    Task(
        key="anli",
        title="ANLI+",
        kind=Kind.PAIR,
        metric="accuracy",
        labels=NLI_LABELS,
        intermediate=True,
        generated=_GENERATED,
        licence="MultiNLI's own terms; SNLI: CC BY-SA 4.0; ANLI: CC BY-NC 4.0",
        folder=per_split(
            files("pairs_jsonl", _MNLI, _SNLI, "intermediate/anli/{split}{-lang}.jsonl"),
            files(
                "pairs_jsonl",
                _MNLI,
                _SNLI,
                "intermediate/anli/R1/{split}.jsonl",
                "intermediate/anli/R2/{split}.jsonl",
                "intermediate/anli/R3/{split}.jsonl",
            ),
            **TRAINED,
        ),
        hub=joined(
            _MNLI_HUB,
            hub("pairs", SNLI, "plain_text", train="train", dev="validation"),
            hub("pairs", ANLI, "plain_text", train="train_r1", dev="dev_r1"),
            hub("pairs", ANLI, "plain_text", train="train_r2", dev="dev_r2"),
            hub("pairs", ANLI, "plain_text", train="train_r3", dev="dev_r3"),
        ),
    ),
    Task(
        key="mnli",
        title="MNLI",
        kind=Kind.PAIR,
        metric="accuracy",
        labels=NLI_LABELS,
        intermediate=True,
        generated=_GENERATED,
        licence="MultiNLI's own terms (nyu-mll/multi_nli); translations: CC BY-NC 4.0 (XNLI)",
        # XTREME's XNLI training file is MultiNLI; its dev-en is XNLI's.
        folder=with_train(
            per_split(
                files("pairs_jsonl", _MNLI),
                files("pairs_tsv", "xnli/{split}-{lang}.tsv"),
                **TRAINED,
            ),
            *TRANSLATED_MNLI,
        ),
        hub=_MNLI_HUB,
        hub_translated=TRANSLATED_MNLI_HUB,
    ),
    Task(
        key="qqp",
        title="QQP",
        kind=Kind.PAIR,
        metric="accuracy",
        labels=("not_duplicate", "duplicate"),
        intermediate=True,
        generated=_GENERATED,
        licence="Quora's terms of service (non-commercial)",
        folder=per_split(
            files("pairs_jsonl", "intermediate/qqp/{split}{-lang}.jsonl"),
            files("qqp_tsv", "intermediate/qqp/{split}{-lang}.tsv"),
            **TRAINED,
        ),
        hub=hub("pairs", GLUE, "qqp", train="train", dev="validation"),
    ),
    Task(
        key="squad_v2",
        title="SQuAD 2.0",
        kind=Kind.SPAN,
        metric="squad",
        unanswerable=True,
        tested_passages="xquad",
        intermediate=True,
        generated=_GENERATED,
        licence="CC BY-SA 4.0 (rajpurkar/SQuAD-explorer)",
        folder=per_split(
            files("squad_json", "intermediate/squad_v2/{split}{-lang}-v2.0.json"), **TRAINED
        ),
        hub=hub("squad", SQUAD_V2, "squad_v2", train="train", dev="validation"),
    ),
    Task(
        key="squad_v1",
        title="SQuAD 1.1",
        kind=Kind.SPAN,
        metric="squad",
        # Five passages of each of its 48 development articles (Artetxe et al. 2020).
        tested_passages="xquad",
        intermediate=True,
        generated=_GENERATED,
        licence="CC BY-SA 4.0 (rajpurkar/SQuAD-explorer)",
        folder=with_train(
            per_split(files("squad_json", "squad/{split}{-lang}-v1.1.json"), **TRAINED),
            files(
                "squad_json",
                f"{TRANSLATIONS}/SQuAD/translate-train/squad.translate.train.en-{{to}}.json",
            ),
        ),
        hub=hub("squad", SQUAD, "plain_text", train="train", dev="validation"),
    ),
    Task(
        key="hellaswag",
        title="HellaSwag",
        kind=Kind.CHOICE,
        metric="accuracy",
        intermediate=True,
        generated=_GENERATED,
        licence="MIT (rowanz/hellaswag)",
        folder=per_split(
            files("hellaswag_jsonl", "intermediate/hellaswag/hellaswag_{split}{-lang}.jsonl"),
            train="train",
            dev="val",
        ),
        hub=hub("hellaswag", HELLASWAG, "default", train="train", dev="validation"),
    ),
    Task(
        key="ccg",
        title="CCG",
        kind=Kind.TAGGING,
        metric="token_accuracy",
        open_labels=True,
        intermediate=True,
        generated=_GENERATED,
        licence="LDC User Agreement (CCGbank, LDC2005T13)",
        folder=per_split(
            files("tags_tsv", "intermediate/ccg/{split}{-lang}.tsv"),
            files("ccg_auto", "intermediate/ccg/{split}{-lang}.auto"),
            **TRAINED,
        ),
    ),
    Task(
        key="cosmosqa",
        title="Cosmos QA",
        kind=Kind.CHOICE,
        metric="accuracy",
        intermediate=True,
        generated=_GENERATED,
        licence="CC BY 4.0 (allenai/cosmos_qa)",
        folder=per_split(
            files("cosmosqa_csv", "intermediate/cosmosqa/{split}{-lang}.csv"),
            train="train",
            dev="valid",
        ),
        hub=hub("cosmosqa", COSMOSQA, "default", fragile=True, train="train", dev="validation"),
    ),
    Task(
        key="csqa",
        title="CommonsenseQA",
        kind=Kind.CHOICE,
        metric="accuracy",
        intermediate=True,
        generated=_GENERATED,
        licence="MIT (tau/commonsense_qa)",
        folder=per_split(
            files("csqa_jsonl", "intermediate/commonsense_qa/{split}{-lang}_rand_split.jsonl"),
            **TRAINED,
        ),
        hub=hub("csqa", COMMONSENSEQA, "default", train="train", dev="validation"),
    ),
)

# Plain text for masked language modelling: its folder is the experiment's `text.root`, whatever
# the source of the other data is.
TEXTS = (
    Task(
        key=TEXT,
        title="Text",
        kind=Kind.MLM,
        metric="masked_accuracy",
        languages=(),
        generated=_GENERATED,
        licence="the text's own terms",
        folder=per_split(files("text_lines", "{lang}.txt"), train="train"),
    ),
)
