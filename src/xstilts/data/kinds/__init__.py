"""The items of each kind of task, one file each; features, head and loss: `features.kinds`."""

from __future__ import annotations

from xstilts.config.tasks import Kind
from xstilts.data.kinds.base import ItemKind
from xstilts.data.kinds.choice import Choices
from xstilts.data.kinds.pair import Pairs
from xstilts.data.kinds.retrieval import Bitext
from xstilts.data.kinds.sentence import LabelledSentences
from xstilts.data.kinds.span import Questions
from xstilts.data.kinds.tagging import Sentences
from xstilts.data.kinds.text import Documents

ITEMS: dict[Kind, ItemKind] = {
    Kind.PAIR: Pairs(),
    Kind.SENTENCE: LabelledSentences(),
    Kind.CHOICE: Choices(),
    Kind.TAGGING: Sentences(),
    Kind.SPAN: Questions(),
    Kind.RETRIEVAL: Bitext(),
    Kind.MLM: Documents(),
}
