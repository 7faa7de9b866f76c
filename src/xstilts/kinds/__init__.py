"""Task kinds: features, head, loss and decoding, one module each."""

from __future__ import annotations

from xstilts.config.tasks import Kind, Task
from xstilts.kinds.base import TaskKind
from xstilts.kinds.choice import Choice
from xstilts.kinds.mlm import MaskedLanguage
from xstilts.kinds.pair import Pair
from xstilts.kinds.span import Span
from xstilts.kinds.tagging import Tagging

_KINDS: dict[Kind, type[TaskKind]] = {
    Kind.PAIR: Pair,
    Kind.CHOICE: Choice,
    Kind.TAGGING: Tagging,
    Kind.SPAN: Span,
    Kind.MLM: MaskedLanguage,
}


def kind_of(task: Task) -> TaskKind:
    """The task's kind, ready to featurise, train and decode it."""
    return _KINDS[task.kind](task)
