"""Made-up inputs of any size for the stages that `growth.py` measures.

One encoder, `e`, has predictions on all nine targets of XTREME, in their first languages, and what
goes with them: scores, training runs and their curves, and records of what jobs cost.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from xstilts.config.recipes import NONE
from xstilts.config.tasks import SOURCE_LANGUAGE, TARGETS, XTREME
from xstilts.graph.paths import Paths

# What tests make such files with.
sys.path.append(str(Path(__file__).parents[1] / "tests"))

EXPERIMENT = "growth"
# The target whose items are shown among the pitfalls.
SHOWN = "xquad"
# Of a training run; its curve is drawn with fewer points.
STEPS = 300


@dataclass(frozen=True)
class Sizes:
    """How large the inputs are: languages at most of a target, items of each, recipes, seeds."""

    languages: int
    items: int
    recipes: int
    seeds: int

    def codes(self, target: str) -> list[str]:
        """The languages of a target, English first where it has it."""
        known = sorted(TARGETS[target].languages, key=lambda code: code != SOURCE_LANGUAGE)
        return known[: self.languages]

    @property
    def recipe_names(self) -> dict[str, dict[str, Any]]:
        """The baseline and others, as the reports know them."""
        names = [NONE, *(f"recipe{number}" for number in range(1, self.recipes))]
        nothing: dict[str, Any] = {"sources": [], "languages": [], "mlm": False}
        return {name: {**nothing, "tasks": [name] * (name != NONE)} for name in names}

    @property
    def cells(self) -> Iterator[tuple[str, str, int]]:
        """Recipe, target and seed; what is not trained is there once."""
        for recipe, target, seed in product(self.recipe_names, XTREME, range(1, self.seeds + 1)):
            if recipe != NONE or TARGETS[target].train_set or seed == 1:
                yield recipe, target, seed

    @property
    def cell_wildcards(self) -> list[dict[str, str]]:
        """The same as the rules of the workflow know them."""
        names = ("recipe", "target", "seed")
        return [
            {"encoder": "e", **dict(zip(names, map(str, cell), strict=True))} for cell in self.cells
        ]

    @property
    def train_sets(self) -> list[str]:
        """Of all targets that are trained."""
        return list(dict.fromkeys(filter(None, (TARGETS[key].train_set for key in XTREME))))


class Files:
    """Where the inputs and what is made of them lie in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.xtreme, self.shown = folder / "xtreme", folder / "shown.parquet"
        self.all_scores, self.runs = folder / "scores.parquet", folder / "runs.parquet"
        self.findings, self.curves = folder / "findings", folder / "curves.json"

    def data(self, key: str) -> Path:
        """What was read of a target."""
        return self.folder / f"data/{key}/eval.parquet"

    def predictions(self, recipe: str, target: str, seed: int) -> Path:
        """The predictions of a cell."""
        return self.folder / f"predictions/e/{recipe}/{target}/test{seed}.parquet"

    def scores(self, recipe: str, target: str, seed: int) -> Path:
        """The scores of a cell."""
        return self.folder / f"scores/{recipe}/{target}/{seed}.parquet"


def write_items(files: Files, sizes: Sizes) -> None:
    """Test items of all targets in XTREME's layout."""
    from tiny_xtreme import write_tiny_xtreme

    codes = dict.fromkeys(code for key in XTREME for code in sizes.codes(key))
    spoken = tuple(dict.fromkeys([SOURCE_LANGUAGE, *codes]))
    write_tiny_xtreme(files.xtreme, train=4, test=sizes.items, languages=spoken)


def write_predictions(files: Files, sizes: Sizes) -> None:
    """Predictions of all cells."""
    import numpy as np
    from prediction_files import random_items, write_cell

    random = np.random.default_rng(1)
    for recipe, target, seed in sizes.cells:
        items = {
            code: random_items(random, target, sizes.items, random.uniform(0.4, 0.9))
            for code in sizes.codes(target)
        }
        write_cell(files.folder / "predictions", ("e", recipe, target, seed), items)


def write_shown(files: Files) -> None:
    """The items that are shown, under the names that their predictions have."""
    import pyarrow as pa

    from xstilts.execution.parquet import read_table, write_table

    table = read_table(files.data(SHOWN))
    places: dict[str, int] = {}
    numbers = (places.setdefault(group, len(places)) for group in table["group"].to_pylist())
    names = [f"i{number:05d}" for number in numbers]
    for column in ("id", "group"):
        table = table.set_column(table.column_names.index(column), column, pa.array(names))
    write_table(files.shown, table, {})


def write_runs(files: Files, sizes: Sizes) -> None:
    """Sound training runs and their curves."""
    from curve_files import write_grid
    from prediction_files import runs

    seeds = range(1, sizes.seeds + 1)
    grid = product(sizes.recipe_names, sizes.train_sets, seeds)
    rows = [(recipe, "target", train_set, seed, 70.0, "") for recipe, train_set, seed in grid]
    runs(*rows, encoder="e").write_parquet(files.runs)
    mixed = {name: ["mnli"] * (name != NONE) for name in sizes.recipe_names}
    curves = write_grid(files.folder / "curves", ["e"], mixed, sizes.train_sets, seeds, STEPS)
    files.curves.write_text(json.dumps([[place, str(path)] for place, path in curves]))


def write_records(files: Files, sizes: Sizes) -> None:
    """What the jobs of all cells recorded of their cost."""
    from cost_records import ENCODER, tally, write_record

    os.chdir(files.folder)
    encoder = Path(Paths(EXPERIMENT).encoder.format(encoder="e"))
    encoder.mkdir(parents=True)
    (encoder / "config.json").write_text(json.dumps(ENCODER))
    jobs: dict[tuple[str, ...], dict[str, str]] = {}
    for cell in sizes.cell_wildcards:
        state = {name: cell[name] for name in ("encoder", "recipe", "seed")}
        train_set = TARGETS[cell["target"]].train_set
        for rule in ("predict", "score") if train_set else ("embed", "retrieve", "score"):
            jobs[rule, *cell.values()] = cell
        if train_set:
            jobs["train_target", *state.values(), train_set] = {**state, "train_set": train_set}
        if cell["recipe"] != NONE:
            jobs["train_intermediate", *state.values()] = state
    amounts = tally(1_000, 20_000, steps=STEPS)
    for (rule, *_), wildcards in jobs.items():
        write_record(rule, wildcards, 10.0, experiment=EXPERIMENT, amounts=amounts)
