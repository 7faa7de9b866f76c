"""The Arrow schema of every Parquet file that one stage hands to the next.

Normalised data (one schema a task kind) always starts with `id`, unique within
(language, split), then `language` and `split`. `group` is the id under which the same item
stands in other languages; where a task is not parallel, or where the item's gold differs from that
of the other languages, it is unique to the item. `cluster` names what items share that makes them
dependent (the passage of questions, the premise of hypotheses): items of one cluster are resampled
together. It is the same for all items of one group.
"""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from xstilts.config.tasks import Kind
from xstilts.data.kinds import ITEMS
from xstilts.execution.parquet import expect_columns, read_table

_STRING, _INT64, _FLOAT = pa.string(), pa.int64(), pa.float64()
# Of few names, each of which many rows have.
_NAME = pa.dictionary(pa.int32(), _STRING)


def _columns(kind: pa.DataType, *names: str) -> list[tuple[str, pa.DataType]]:
    """Columns of one type."""
    return [(name, kind) for name in names]


_ITEM = _columns(_STRING, "id", "language", "split")

DATA: dict[Kind, pa.Schema] = {
    kind: pa.schema([*_ITEM, *items.columns]) for kind, items in ITEMS.items()
}

_CELL_ITEM = _ITEM + _columns(_STRING, "condition", "group", "cluster")

# Per-item counts are such that every metric is a function of their sums or means over items.
PREDICTIONS: dict[Kind, pa.Schema] = {
    kind: pa.schema([*_CELL_ITEM, *items.predicted])
    for kind, items in ITEMS.items()
    if items.predicted
}

# One row a score of one cell in one language. condition: clean, or a perturbation and its strength.
# metric: one of the target's, of which `score` is the main one. value: in points, 0 to 100. n: how
# many items.
SCORES = pa.schema(
    [
        *_columns(_STRING, "encoder", "recipe", "target"),
        ("seed", _INT64),
        *_columns(_STRING, "split", "language", "condition", "metric"),
        ("value", _FLOAT),
        ("n", _INT64),
    ]
)

# One row a training run. phase: "intermediate" or "target"; train_set: what the target phase
# trains on, empty for the intermediate phase. dev: best English development score in points.
# collapsed: empty, or what shows that the run learnt nothing. precision: what the encoder was
# computed in. float32_retry: empty, or what was not finite in bfloat16, so that the run was made
# once more in float32. tokens, token_pairs: trained on, padding excluded; the pairs are the sum of
# squared lengths, to which attention is proportional.
RUNS = pa.schema(
    [
        *_columns(_STRING, "encoder", "recipe", "phase", "train_set"),
        ("seed", _INT64),
        ("collapsed", _STRING),
        ("restarted", pa.bool_()),
        *_columns(_STRING, "precision", "float32_retry"),
        ("dev", _FLOAT),
        *_columns(_INT64, "steps", "best_step"),
        ("seconds", _FLOAT),
        *_columns(_INT64, "tokens", "token_pairs"),
    ]
)

_TASK_SCORE = pa.struct(
    [("task", _STRING), *_columns(_FLOAT, "score", "loss"), ("constant", pa.bool_())]
)

# One row a step of a training run, in order, those of attempts that were given up before those of
# the run that is kept. attempt: `kept`, or `first_attempt` (it collapsed) or `bfloat16_attempt` (it
# was not finite). source: what the batch of the step is of. loss: mean of its decisions, in nats.
# The rest is null where the step was not followed by a score on English development data. dev: mean
# of its tasks' main scores, in points; dev_loss: that of their losses in nats, of masked language
# modelling alone; constant: all items of a task are answered alike although their gold is not.
CURVES = pa.schema(
    [
        ("attempt", _NAME),
        ("step", _INT64),
        ("source", _NAME),
        *_columns(_FLOAT, "loss", "learning_rate", "dev", "dev_loss"),
        ("dev_by_task", pa.list_(_TASK_SCORE)),
    ]
)

# Encoder is empty and seed 0 for a baseline that needs no encoder.
BASELINES = pa.schema(
    [("baseline", _STRING), *(field for field in SCORES if field.name != "recipe")]
)

# Of an encoder, one row a language of a target. overlap: how alike the subwords of its texts are to
# those of English ones, from 0 (none in common) to 1 (`features.overlap`).
OVERLAP = pa.schema([*_columns(_STRING, "target", "language"), ("overlap", _FLOAT)])

# What was used: seconds, operations of encoders (null where none are counted) and joules (null
# where the energy is not known) in sum, bytes at most. attempts: how often the jobs were started
# until all had ended.
_USED = [
    *_columns(_FLOAT, "wall_seconds", "cpu_seconds", "flops"),
    *_columns(_INT64, "peak_memory_bytes", "peak_gpu_memory_bytes"),
    ("energy_joules", _FLOAT),
    ("energy_source", _STRING),
    *_columns(_INT64, "jobs", "attempts"),
]

# One row for all jobs of one rule (stage) that have the rest of the key in common. Names are
# empty and the seed is null where a stage has none.
COSTS = pa.schema(
    [
        *_columns(_STRING, "encoder", "recipe", "stage", "target_or_train_set"),
        ("seed", _INT64),
        *_USED,
    ]
)

# Which phase of a cell a stage (a rule of the workflow) belongs to; all others make what cells
# have in common, such as data and encoders, or what is made of their scores.
PHASES = {
    "train_intermediate": "intermediate",
    "train_target": "target",
    "predict": "prediction",
    "embed": "retrieval",
    "retrieve": "retrieval",
    "score": "scoring",
}

# A cell's part of each phase: a job's cost divided by the number of cells that share it, so that
# cells can be added up. What is shared by 1 is the marginal cost: without the cell it would not
# have been spent.
CELL_COSTS = pa.schema(
    [
        *_columns(_STRING, "encoder", "recipe", "target"),
        ("seed", _INT64),
        ("phase", _STRING),
        ("shared_by", _INT64),
        *_USED,
    ]
)


def read_items(path: str | Path, kind: Kind) -> tuple[pa.Table, pa.ChunkedArray | None]:
    """Normalised data, and of perturbed data the condition of each row.

    Raises:
        XstiltsError: the file has other columns than `DATA` says.
    """
    table = read_table(path)
    conditions = None
    if "condition" in table.column_names:
        conditions, table = table["condition"], table.drop_columns("condition")
    expect_columns(table, DATA[kind], path, "delete the file and run the workflow again")
    return table, conditions
