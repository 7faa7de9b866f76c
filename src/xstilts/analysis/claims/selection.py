"""The best recipe for each target, chosen on development data.

Two bases, never mixed up. "english_dev" looks at nothing but English: the best development score
of the target's own training. "all_language_dev" takes the mean over all languages that have a
development split, hence it looks at labels of target languages, which zero-shot transfer must
not. Where a basis has no data for a target, `how` says what was done instead.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from xstilts.analysis.collapsed_cells import Cell, collapsed_scores, drop
from xstilts.analysis.inference.draws import Draws, combine, mean_of
from xstilts.analysis.inputs.evidence import Evidence
from xstilts.analysis.inputs.items import CLEAN
from xstilts.analysis.tables import Row
from xstilts.config.recipes import NONE
from xstilts.config.tasks import TARGETS, TASKS, XTREME, averaged
from xstilts.execution.files import atomic_path
from xstilts.scoring.averages import OVERALL, summarise

ENGLISH, ALL_LANGUAGES = "english_dev", "all_language_dev"
BASES = (ENGLISH, ALL_LANGUAGES)
BEST = "best per target"
# A mean over fewer targets than XTREME's nine.
PARTIAL_MEAN = "mean"

SELECTION = {
    "encoder": pl.String,
    "basis": pl.String,
    "target": pl.String,
    "recipe": pl.String,
    "how": pl.String,
    "dev": pl.Float64,
    "dev_baseline": pl.Float64,
    "test": pl.Float64,
    "test_baseline": pl.Float64,
}

# Whose development data stand in for those that a target lacks.
_ALIKE = {"xquad": "mlqa", "tatoeba": "bucc2018"}
# Means that differ by less are a tie; sums of the same numbers in another order do.
_DECIMALS = 9

# recipe -> seed -> points
_Values = Mapping[str, Mapping[int, float]]


@dataclass(frozen=True, kw_only=True)
class Development:
    """By what the recipe for one target is chosen.

    Attributes:
        how: what it is, for the reader.
        scores: recipe to seed to points, in the order in which ties are broken: the baseline
            first, then as in the experiment. Empty where nothing can be chosen.
    """

    how: str
    scores: _Values = field(default_factory=dict)

    def mean(self, recipe: str) -> float | None:
        """The mean over seeds, None where the recipe has none."""
        values = self.scores.get(recipe, {}).values()
        return sum(values) / len(values) if values else None

    @property
    def chosen(self) -> str:
        """The recipe with the highest mean, the first of several; else the baseline."""
        means = {recipe: round(self.mean(recipe) or 0.0, _DECIMALS) for recipe in self.scores}
        return max(means, key=means.__getitem__, default=NONE)


@dataclass(frozen=True, kw_only=True)
class CandidateTable:
    """What is chosen from and what it gives.

    Attributes:
        developments: (basis, encoder, target) to what its recipe is chosen by.
        rows: columns of `SELECTION`.
    """

    developments: Mapping[tuple[str, str, str], Development]
    rows: pl.DataFrame

    def of(self, basis: str, encoder: str) -> dict[str, Development]:
        """Target to what its recipe is chosen by."""
        return {
            target: held
            for (name, whose, target), held in self.developments.items()
            if (name, whose) == (basis, encoder)
        }


# Where nothing can be chosen from.
NOTHING = CandidateTable(developments={}, rows=pl.DataFrame(schema=SELECTION))


def select(
    scores: pl.DataFrame,
    runs: pl.DataFrame | None,
    recipes: Iterable[str],
    *,
    split: str = "test",
) -> CandidateTable:
    """The chosen recipe for each encoder, basis and target, and what it gives in `split`.

    A target's scores are means over seeds, without collapsed ones where others are sound. The
    last row of each encoder and basis is the mean over XTREME's nine targets (`OVERALL`), or over
    those that there are (`PARTIAL_MEAN`), of the chosen recipes and of the baseline.

    Args:
        scores: columns of `schemas.SCORES`; those of the split "dev" are chosen by.
        runs: columns of `schemas.RUNS`, None where nothing is known of the training.
        recipes: the candidates in the experiment's order; they need a score in `split`.
        split: where the chosen recipe is judged.

    Raises:
        XstiltsError: the table is not a table of scores (see `averages.summarise`).
    """
    candidates = sorted(dict.fromkeys(recipes), key=lambda recipe: recipe != NONE)
    left_out = collapsed_scores(scores, runs).left_out
    tasks = _task_scores(drop(scores, left_out))
    english = _english(runs)
    developments: dict[tuple[str, str, str], Development] = {}
    rows: list[Row] = []
    judged = {key[1:]: values for key, values in tasks.items() if key[0] == split}
    # What is judged by the development split must not be chosen by it.
    by_dev = {key[1:]: values for key, values in tasks.items() if "dev" == key[0] != split}
    for basis in BASES:
        for encoder in dict.fromkeys(encoder for encoder, _ in judged):
            block = []
            for target in TARGETS:
                ran = judged.get((encoder, target), {})
                held = [recipe for recipe in candidates if recipe in ran]
                if not held:
                    continue
                found = _development(encoder, target, basis, by_dev, english, held, left_out)
                developments[basis, encoder, target] = found
                block.append(
                    {
                        "encoder": encoder,
                        "basis": basis,
                        "target": target,
                        "recipe": found.chosen,
                        "how": found.how,
                        "dev": found.mean(found.chosen),
                        "dev_baseline": found.mean(NONE),
                        "test": _mean(ran.get(found.chosen, {})),
                        "test_baseline": _mean(ran.get(NONE, {})),
                    }
                )
            rows += [*block, *_average(block)]
    return CandidateTable(developments=developments, rows=pl.DataFrame(rows, schema=SELECTION))


def write_selection(path: str | Path, table: CandidateTable) -> None:
    """Write the rows as Parquet, atomically."""
    with atomic_path(path) as part:
        table.rows.write_parquet(part)


def selected_gain(
    evidence: Evidence, developments: Mapping[str, Development]
) -> tuple[Draws | None, tuple[str, ...]]:
    """The gain over the baseline of choosing for each target, chosen anew in each draw.

    Development scores are known by run, not by item, so that their draws are those of seeds.

    Args:
        developments: target to what its recipe is chosen by.

    Returns:
        (1 + draws,), the mean over the averaged targets that have a score of the baseline, and
        these targets; None where there are none.
    """
    gains, targets = [], []
    for target in averaged(evidence.samples):
        held = developments.get(target)
        if held is None or not evidence.seeds(NONE, target):
            continue
        known = {
            recipe: gain
            for recipe in held.scores
            if recipe != NONE and (gain := evidence.gain(target, recipe)) is not None
        }
        some = next(iter(known.values()), None) or evidence.gain(target, NONE)
        if some is not None and (NONE in held.scores or not known):
            # The baseline's gain over itself is 0 in every draw.
            known = {NONE: some.map(np.zeros_like), **known}
        if len(known) > 1 or NONE not in known:
            devs = [evidence.mean_over_seeds(held.scores[recipe]) for recipe in known]
            gains.append(_chosen([*known.values(), *devs]))
        else:
            gains.append(known[NONE])
        targets.append(target)
    return (mean_of(gains) if gains else None), tuple(targets)


def _chosen(parts: Sequence[Draws]) -> Draws:
    """Of gains and as many development scores: the gain whose score is the greatest."""

    def choose(arrays: Sequence[np.ndarray]) -> np.ndarray:
        gains, devs = np.split(np.stack(arrays), 2)
        choice = np.round(devs, _DECIMALS).argmax(axis=0)
        return np.take_along_axis(gains, choice[None], axis=0)[0]

    return combine(parts, choose)


def _development(
    encoder: str,
    target: str,
    basis: str,
    by_dev: Mapping[tuple[str, ...], _Values],
    english: Mapping[tuple[str, ...], _Values],
    candidates: Sequence[str],
    left_out: Collection[Cell],
) -> Development:
    """The first source of development scores that any candidate has."""
    for source, key, how in _sources(target, basis):
        found = (english if source == "runs" else by_dev).get((encoder, key), {})
        held = {
            recipe: sound
            for recipe in candidates
            if (
                sound := {
                    seed: value
                    for seed, value in found.get(recipe, {}).items()
                    if (encoder, recipe, target, seed) not in left_out
                }
            )
        }
        if held:
            return Development(how=how, scores=held)
    return Development(how="no development score: not chosen, the baseline")


def _sources(target: str, basis: str) -> Iterator[tuple[str, str, str]]:
    """Where to look, in order: "runs" or "scores", the train set or target, and what it is."""
    trained = TARGETS[target].train_set
    if trained is None or basis == ALL_LANGUAGES:
        warning = " (not English alone)" if basis == ENGLISH else ""
        yield "scores", target, f"its development data in all languages{warning}"
        if alike := _ALIKE.get(target):
            name = TARGETS[alike].title
            yield "scores", alike, f"has none: {name}'s development data in all languages{warning}"
    if trained is not None:
        # A target that others borrow the training of is named by what it trains on.
        others = [
            task.title
            for key, task in TARGETS.items()
            if task.train_set == trained != target and key not in (target, trained)
        ]
        shared = f", as for {' and '.join(others)}" if others else ""
        instead = "has none: " if basis == ALL_LANGUAGES else ""
        yield (
            "runs",
            trained,
            f"{instead}English development score of {TASKS[trained].title}{shared}",
        )


def _task_scores(scores: pl.DataFrame) -> dict[tuple[str, ...], _Values]:
    """(split, encoder, target) to the task scores in points."""
    rows = summarise(scores.filter(condition=CLEAN)).by_seed
    return _by_seed(
        rows.filter(~pl.col("reused"), quantity="task"), ("split", "encoder", "name"), "value"
    )


def _english(runs: pl.DataFrame | None) -> dict[tuple[str, ...], _Values]:
    """(encoder, train set) to the best English development scores."""
    if runs is None or runs.is_empty():
        return {}
    known = runs.filter(pl.col("dev").is_not_null(), pl.col("dev").is_finite(), phase="target")
    return _by_seed(known, ("encoder", "train_set"), "dev")


def _by_seed(
    rows: pl.DataFrame, keys: Sequence[str], column: str
) -> dict[tuple[str, ...], _Values]:
    """Keys to recipe to seed to the value in a column."""
    found: dict[tuple[str, ...], dict[str, dict[int, float]]] = {}
    for *place, recipe, seed, value in rows.select(*keys, "recipe", "seed", column).iter_rows():
        found.setdefault(tuple(place), {}).setdefault(recipe, {})[seed] = value
    return dict(found)


def _average(block: Sequence[Row]) -> Iterator[Row]:
    if not block:
        return
    held = averaged(str(row["target"]) for row in block)
    rows = [row for row in block if row["target"] in held]
    whole = held == tuple(XTREME)
    names = ", ".join(TARGETS[str(row["target"])].title for row in rows)
    yield {
        "encoder": rows[0]["encoder"],
        "basis": rows[0]["basis"],
        "target": OVERALL if whole else PARTIAL_MEAN,
        "recipe": BEST,
        "how": f"mean of all {len(XTREME)} targets" if whole else f"mean of {names} alone",
        "dev": None,
        "dev_baseline": None,
        "test": _mean(dict(enumerate(row["test"] for row in rows))),
        "test_baseline": _mean(dict(enumerate(row["test_baseline"] for row in rows))),
    }


def _mean(values: Mapping[int, float | None]) -> float | None:
    known = [value for value in values.values() if value is not None]
    return sum(known) / len(known) if known and len(known) == len(values) else None
