"""The kinds of task, and what is declared of each.

What they do lies in one file each in `xstilts.data.kinds` (items) and `xstilts.features.kinds`
(features, head, loss and decoding).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from xstilts.config.rows import Row, Rows


class Kind(StrEnum):
    """How a task is featurised, which head it has, how it is decoded and scored."""

    PAIR = "pair"
    SENTENCE = "sentence"
    CHOICE = "choice"
    TAGGING = "tagging"
    SPAN = "span"
    RETRIEVAL = "retrieval"
    MLM = "mlm"


@dataclass(frozen=True, kw_only=True, slots=True)
class KindFacts(Row):
    """What is declared of a kind.

    `embedded`: nothing is trained for it, its sentences are embedded and compared. `max_length`
    is how long inputs are unless set otherwise (XTREME's scripts for QA; room for Cosmos QA's
    passages, of which 128 would cut many), None the default of all. `has_questions`: inputs hold a
    question and a window of its passage. `length_key` and `no_training` say why settings of a kind
    have no effect under `tokenisation` and `training`, empty where they have. `majority_is_chance`:
    the chance level is what always answering the majority label scores. `understood` is what a
    score above all shortcuts shows.
    """

    embedded: bool = False
    max_length: int | None = None
    has_questions: bool = False
    length_key: str = ""
    no_training: str = ""
    majority_is_chance: bool = False
    understood: str = ""


KINDS: Rows[KindFacts] = {
    Kind.PAIR: KindFacts(understood="understanding of the pair"),
    Kind.SENTENCE: KindFacts(understood="more than words that English training has too"),
    Kind.CHOICE: KindFacts(max_length=256),
    Kind.TAGGING: KindFacts(majority_is_chance=True, understood="use of what stands around a word"),
    Kind.SPAN: KindFacts(
        max_length=384, has_questions=True, understood="understanding of the question"
    ),
    Kind.RETRIEVAL: KindFacts(
        embedded=True,
        length_key="set encoders.<name>.retrieval.max_length",
        no_training="retrieval is not trained",
    ),
    Kind.MLM: KindFacts(
        length_key="set encoders.<name>.pretrain.architecture.max_length",
        no_training="set encoders.<name>.pretrain.training",
    ),
}
