"""Cells that rest on a training run that learnt nothing.

They are never averaged in silently: a collapsed cell is left out where another seed of it is
sound, and named where none is.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

import polars as pl

from xstilts.config.tasks import TARGETS

_CELL = ["encoder", "recipe", "target", "seed"]
_SCHEMA = {**dict.fromkeys(_CELL, pl.String), "seed": pl.Int64, "why": pl.String}

# (encoder, recipe, target, seed)
Cell = tuple[str, str, str, int]


@dataclass(frozen=True, kw_only=True)
class Collapsed:
    """What is done about the collapsed cells of a set.

    Attributes:
        left_out: cells that are not used, since another seed of theirs is sound.
        hopeless: (encoder, recipe, target) all of whose seeds collapsed; they are kept.
        notes: sentences that name every one of them.
    """

    left_out: frozenset[Cell]
    hopeless: frozenset[tuple[str, str, str]]
    notes: tuple[str, ...]


def collapsed_cells(runs: pl.DataFrame | None) -> pl.DataFrame:
    """The cells that a collapsed run belongs to: encoder, recipe, target, seed, why.

    A run of the target phase belongs to the targets of its train set, one of the intermediate
    phase to every target, trained or not.

    Args:
        runs: columns of `schemas.RUNS`; None or empty where nothing is known of the training.
    """
    if runs is None or runs.is_empty():
        return pl.DataFrame(schema=_SCHEMA)
    belongs = pl.DataFrame(
        [("intermediate", "", target) for target in TARGETS]
        + [
            ("target", task.train_set, target) for target, task in TARGETS.items() if task.train_set
        ],
        schema={"phase": pl.String, "train_set": pl.String, "target": pl.String},
        orient="row",
    )
    # The intermediate phase sorts first: it is the reason for what may come after it.
    return (
        runs.filter(pl.col("collapsed").fill_null("") != "")
        .with_columns(pl.col("train_set").fill_null(""))
        .join(belongs, on=["phase", "train_set"])
        .sort("phase")
        .unique(_CELL, keep="first", maintain_order=True)
        .select(
            *_CELL[:3],
            pl.col("seed").cast(pl.Int64),
            why=pl.when(phase="intermediate")
            .then(pl.col("collapsed") + " in intermediate training")
            .otherwise("collapsed"),
        )
        .sort(_CELL)
    )


def split_collapsed(cells: Collection[Cell], runs: pl.DataFrame | None) -> Collapsed:
    """Which of these cells are left out, and which are kept though they collapsed.

    Args:
        cells: those that have scores.
        runs: as in `collapsed_cells`.
    """
    reasons = {tuple(row[:4]): row[4] for row in collapsed_cells(runs).iter_rows()}
    seeds: dict[tuple[str, str, str], list[int]] = {}
    for encoder, recipe, target, seed in sorted(cells):
        seeds.setdefault((encoder, recipe, target), []).append(seed)
    left_out, hopeless = set(), set()
    # Targets of which the same is to be said share a sentence.
    alike: dict[tuple[str, str, int, int, str], list[str]] = {}
    for (encoder, recipe, target), ran in seeds.items():
        cells_of = {seed: (encoder, recipe, target, seed) for seed in ran}
        lost = [seed for seed, cell in cells_of.items() if cell in reasons]
        if not lost:
            continue
        why = "; ".join(dict.fromkeys(reasons[cells_of[seed]] for seed in lost))
        alike.setdefault((encoder, recipe, len(lost), len(ran), why), []).append(target)
        if len(lost) < len(ran):
            left_out |= {cells_of[seed] for seed in lost}
        else:
            hopeless.add((encoder, recipe, target))
    several = len({encoder for encoder, *_ in seeds}) > 1
    notes = [_note(targets, *key, several=several) for key, targets in alike.items()]
    return Collapsed(left_out=frozenset(left_out), hopeless=frozenset(hopeless), notes=tuple(notes))


def _note(
    targets: list[str], encoder: str, recipe: str, lost: int, ran: int, why: str, *, several: bool
) -> str:
    names = ", ".join(TARGETS[target].title for target in TARGETS if target in targets)
    place = f"{recipe} on {names}" + (f" ({encoder})" if several else "")
    if lost < ran:
        fate = "is left out of means" if lost == 1 else "are left out of means"
        return f"{lost} of {ran} seeds of {place} collapsed ({why}) and {fate}."
    seeds = "The only seed" if ran == 1 else f"All {ran} seeds"
    return f"{seeds} of {place} collapsed ({why}): these scores are of runs that learnt nothing."


def collapsed_scores(scores: pl.DataFrame, runs: pl.DataFrame | None) -> Collapsed:
    """`split_collapsed` for the cells of a table of scores."""
    return split_collapsed(set(scores.select(_CELL).unique().iter_rows()), runs)


def without_collapsed(
    scores: pl.DataFrame, runs: pl.DataFrame | None
) -> tuple[pl.DataFrame, tuple[str, ...]]:
    """The scores without collapsed cells of which another seed is sound, and notes on all.

    Args:
        scores: columns of `schemas.SCORES`.
        runs: as in `collapsed_cells`.
    """
    collapsed = collapsed_scores(scores, runs)
    return drop(scores, collapsed.left_out), collapsed.notes


def drop(table: pl.DataFrame, cells: Collection[Cell]) -> pl.DataFrame:
    """The rows of a table that belong to none of these cells."""
    if not cells:
        return table
    gone = pl.DataFrame(sorted(cells), schema={name: _SCHEMA[name] for name in _CELL}, orient="row")
    return table.join(gone, on=_CELL, how="anti", maintain_order="left")
