"""Small prediction files with known counts, and tables of scores and runs made of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from xstilts.config.tasks import TARGETS, Kind
from xstilts.data.schemas import PREDICTIONS, RUNS
from xstilts.execution.parquet import read_meta, write_table
from xstilts.scoring.metrics.retrieval import FROM_ENGLISH, MINING, TO_ENGLISH
from xstilts.scoring.scores import cell_scores

# An item: its id, and what its kind counts (see `rows_of`).
Item = tuple


def rows_of(
    target: str,
    language: str,
    items: Iterable[Item],
    split: str,
    clusters: Mapping[str, str] | None = None,
) -> list[dict]:
    """Rows of `schemas.PREDICTIONS`.

    Items are (id, correct) of pairs and Tatoeba, (id, exact match, F1) of questions, and (id,
    correct, predicted, gold) of tagged sentences and of mined pairs, whose id is `foreign⇥en`.
    `clusters` maps ids to clusters; an item that it lacks is its own.
    """
    task = TARGETS[target]
    kind = task.kind
    rows = []
    for name, *counts in items:
        row = {
            "id": name,
            "language": language,
            "split": split,
            "condition": "clean",
            "group": name if task.parallel else f"{language}/{name}",
            "cluster": (clusters or {}).get(name, name.split("\t")[0]),
        }
        if kind is Kind.SPAN:
            row |= {"prediction": "", "gold": [""], "exact_match": counts[0], "f1": counts[1]}
        elif kind is Kind.TAGGING:
            chunks = dict(zip(("correct", "predicted", "gold"), counts, strict=True))
            row |= {"prediction": [], "gold": [], "tokens": 1, "tokens_correct": 1}
            row |= {f"chunks_{key}": count for key, count in chunks.items()}
            row |= {f"strict_{key}": count for key, count in chunks.items()}
        elif target == "bucc2018":
            row |= dict(zip(("correct", "predicted", "is_gold"), counts, strict=True))
            row["direction"] = MINING
        elif target == "tatoeba":
            rows.append({**row, "direction": TO_ENGLISH, "correct": 1 - counts[0]})
            row |= {"direction": FROM_ENGLISH, "correct": counts[0]}
        else:
            row |= {"correct": counts[0], "gold": task.labels[0] if task.labels else None}
        rows.append(row)
    return rows


def write_cell(
    folder: Path,
    cell: tuple[str, str, str, int],
    items: Mapping[str, Sequence[Item]],
    split: str = "test",
    clusters: Mapping[str, str] | None = None,
) -> Path:
    """One prediction file; `cell` is (encoder, recipe, target, seed)."""
    encoder, recipe, target, seed = cell
    rows = [
        row for code, held in items.items() for row in rows_of(target, code, held, split, clusters)
    ]
    table = pa.Table.from_pylist(rows, schema=PREDICTIONS[TARGETS[target].kind])
    path = folder / encoder / recipe / target / f"{split}{seed}.parquet"
    wildcards = {"encoder": encoder, "recipe": recipe, "target": target, "seed": str(seed)}
    write_table(path, table, {"wildcards": wildcards})
    return path


def random_items(random: np.random.Generator, target: str, size: int, skill: float) -> list[Item]:
    """Items of which about the share `skill` is right; ids are the same in every call."""
    right = (random.random(size) < skill).astype(int).tolist()
    names = [f"i{number:05d}" for number in range(size)]
    kind = TARGETS[target].kind
    if kind is Kind.SPAN:
        return [
            (name, float(hit), max(float(hit), part))
            for name, hit, part in zip(names, right, random.random(size).tolist(), strict=True)
        ]
    if kind is Kind.TAGGING:
        gold = (np.arange(size) % 4).tolist()
        hits = random.binomial(gold, skill).tolist()
        more = random.integers(0, 3, size).tolist()
        return [
            (name, hit, hit + extra, chunks)
            for name, hit, extra, chunks in zip(names, hits, more, gold, strict=True)
        ]
    if target == "bucc2018":
        found = [(f"{name}\te{name}", hit, hit, 1) for name, hit in zip(names, right, strict=True)]
        wrong = random.choice(size, size // 4, replace=False).tolist()
        return found + [(f"{names[place]}\tother", 0, 1, 0) for place in sorted(wrong)]
    return list(zip(names, right, strict=True))


def scores_of(paths: Iterable[Path]) -> pl.DataFrame:
    """The table of scores of prediction files."""
    tables = []
    for path in paths:
        cell = read_meta(path)["wildcards"]
        tables.append(
            cell_scores(
                pq.read_table(path),
                TARGETS[cell["target"]],
                cell["encoder"],
                cell["recipe"],
                int(cell["seed"]),
            )
        )
    return pl.DataFrame(pa.concat_tables(tables))


def runs(*rows: tuple, encoder: str = "enc") -> pl.DataFrame:
    """Rows of (recipe, phase, train set, seed, dev, collapsed), the rest filled in."""
    return pl.DataFrame(
        [
            {
                **dict.fromkeys(RUNS.names, 0),
                "encoder": encoder,
                "recipe": recipe,
                "phase": phase,
                "train_set": train_set,
                "seed": seed,
                "dev": dev,
                "collapsed": collapsed,
                "restarted": False,
                "precision": "bfloat16",
                "float32_retry": "",
            }
            for recipe, phase, train_set, seed, dev, collapsed in rows
        ],
        schema=pl.DataFrame(RUNS.empty_table()).schema,
    )
