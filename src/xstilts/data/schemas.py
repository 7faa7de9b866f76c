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
from xstilts.execution.parquet import expect_columns, read_table

_STRING, _INT32, _INT64, _FLOAT = pa.string(), pa.int32(), pa.int64(), pa.float64()
_STRINGS = pa.list_(_STRING)
ANSWERS = pa.list_(pa.struct([("text", _STRING), ("start", _INT32)]))
TAGS = _STRINGS


def _columns(kind: pa.DataType, *names: str) -> list[tuple[str, pa.DataType]]:
    """Columns of one type."""
    return [(name, kind) for name in names]


_ITEM = _columns(_STRING, "id", "language", "split")

DATA: dict[Kind, pa.Schema] = {
    Kind.PAIR: pa.schema(
        _ITEM + _columns(_STRING, "text_a", "text_b", "label", "group", "cluster")
    ),
    # label: the 0-based place of the right one among the choices.
    Kind.CHOICE: pa.schema(
        [
            *_ITEM,
            ("prompt", _STRING),
            ("choices", _STRINGS),
            ("label", _INT32),
            *_columns(_STRING, "group", "cluster"),
        ]
    ),
    Kind.TAGGING: pa.schema([*_ITEM, ("tokens", _STRINGS), ("tags", TAGS), ("group", _STRING)]),
    Kind.SPAN: pa.schema(
        [
            *_ITEM,
            *_columns(_STRING, "context", "question"),
            ("answers", ANSWERS),
            *_columns(_STRING, "group", "cluster"),
        ]
    ),
    # side: "foreign" or "en". gold: on English rows the ids of the foreign translations. cluster:
    # the document, where the source names one, else the row's own.
    Kind.RETRIEVAL: pa.schema(
        [*_ITEM, *_columns(_STRING, "side", "text"), ("gold", _STRINGS), ("cluster", _STRING)]
    ),
    Kind.MLM: pa.schema([*_ITEM, ("text", _STRING)]),
}

_CELL_ITEM = _ITEM + _columns(_STRING, "condition", "group", "cluster")

# Per-item counts are such that every metric is a function of their sums or means over items.
PREDICTIONS: dict[Kind, pa.Schema] = {
    Kind.PAIR: pa.schema(
        [*_CELL_ITEM, *_columns(_STRING, "prediction", "gold"), ("correct", _INT32)]
    ),
    Kind.CHOICE: pa.schema(_CELL_ITEM + _columns(_INT32, "prediction", "gold", "correct")),
    # Chunks are counted once as seqeval's lenient default does, once in strict IOB2; null where
    # the metric is token accuracy, or the tags are not IOB2.
    Kind.TAGGING: pa.schema(
        [
            *_CELL_ITEM,
            *_columns(TAGS, "prediction", "gold"),
            *_columns(_INT32, "chunks_correct", "chunks_predicted", "chunks_gold"),
            *_columns(_INT32, "strict_correct", "strict_predicted", "strict_gold"),
            *_columns(_INT32, "tokens_correct", "tokens"),
        ]
    ),
    # exact_match and f1 of one question are in [0, 1].
    Kind.SPAN: pa.schema(
        [
            *_CELL_ITEM,
            ("prediction", _STRING),
            ("gold", _STRINGS),
            *_columns(_FLOAT, "exact_match", "f1"),
        ]
    ),
    # One row a query (Tatoeba, both directions) or a mined or gold pair (BUCC, where an item
    # is a pair of ids and counts as predicted, as gold, or as both).
    Kind.RETRIEVAL: pa.schema(
        [
            *_CELL_ITEM,
            *_columns(_STRING, "direction", "prediction", "gold"),
            ("score", _FLOAT),
            *_columns(_INT32, "correct", "predicted", "is_gold"),
        ]
    ),
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
# collapsed: empty, or what shows that the run learnt nothing. tokens, token_pairs: trained on,
# padding excluded; the pairs are the sum of squared lengths, to which attention is proportional.
RUNS = pa.schema(
    [
        *_columns(_STRING, "encoder", "recipe", "phase", "train_set"),
        ("seed", _INT64),
        ("collapsed", _STRING),
        ("restarted", pa.bool_()),
        ("dev", _FLOAT),
        *_columns(_INT64, "steps", "best_step"),
        ("seconds", _FLOAT),
        *_columns(_INT64, "tokens", "token_pairs"),
    ]
)

# Encoder is empty and seed 0 for a baseline that needs no encoder.
BASELINES = pa.schema(
    [("baseline", _STRING), *(field for field in SCORES if field.name != "recipe")]
)

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
