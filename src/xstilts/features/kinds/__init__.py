"""Task kinds: features, head, loss and decoding, one module each."""

from __future__ import annotations

from xstilts.config.tasks import Kind, Task
from xstilts.features.kinds.base import TaskKind
from xstilts.features.kinds.choice import MultipleChoice
from xstilts.features.kinds.mlm import MaskedLanguage
from xstilts.features.kinds.pair import Pair
from xstilts.features.kinds.sentence import Sentence
from xstilts.features.kinds.span import SpanExtraction
from xstilts.features.kinds.tagging import Tagging

_KINDS: dict[Kind, type[TaskKind]] = {
    Kind.PAIR: Pair,
    Kind.SENTENCE: Sentence,
    Kind.CHOICE: MultipleChoice,
    Kind.TAGGING: Tagging,
    Kind.SPAN: SpanExtraction,
    Kind.MLM: MaskedLanguage,
}


def kind_of(task: Task) -> TaskKind:
    """The task's kind, ready to featurise, train and decode it."""
    return _KINDS[task.kind](task)
