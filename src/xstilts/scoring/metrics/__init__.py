"""The metrics: definitions as pure functions, and beside each what the workflow asks of it.

A new metric is a file here and its line in `METRICS`. Pure functions take plain sequences and give
counts or shares in [0, 1]; points (0 to 100) are made by `Metric.numbers` and
`xstilts.scoring.xtreme_evaluate`.
"""

from __future__ import annotations

import pyarrow as pa

from xstilts.config.tasks import Task
from xstilts.data.schemas import PREDICTIONS
from xstilts.scoring.metrics.accuracy import Accuracy
from xstilts.scoring.metrics.base import Metric
from xstilts.scoring.metrics.bitext import BitextF1
from xstilts.scoring.metrics.qa import Mlqa, Squad
from xstilts.scoring.metrics.retrieval import RetrievalAccuracy
from xstilts.scoring.metrics.tagging import Seqeval, TokenAccuracy

# By the name that the table of tasks gives a task (`Task.metric`).
METRICS: dict[str, Metric] = {
    "accuracy": Accuracy(),
    "seqeval": Seqeval(),
    "squad": Squad(),
    "mlqa": Mlqa(),
    "bitext_f1": BitextF1(),
    "retrieval_accuracy": RetrievalAccuracy(),
    "token_accuracy": TokenAccuracy(),
}


def prediction_schema(task: Task) -> pa.Schema:
    """The columns of a task's predictions: those of its kind, then what its metric counts more."""
    schema = PREDICTIONS[task.kind]
    for name, type_ in METRICS[task.metric].columns:
        schema = schema.append(pa.field(name, type_))
    return schema
