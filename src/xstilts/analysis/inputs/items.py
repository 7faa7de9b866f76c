"""What each item adds to the main score of each cell of a target.

Every main score of a language is 100 times the ratio of two sums over items: right answers over
questions, the means of exact match and F1 over questions, and F1 = 2 correct / (predicted + gold)
(from `xstilts.scoring.metrics.counts`, precision and recall put in). So two numbers an item and
cell are enough to recompute every score on every resample.

Items of one cluster (questions about one passage, hypotheses of one premise) depend on each other
and are resampled together, so their numbers are added up.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
import pyarrow.parquet as pq

from xstilts.config.tasks import TARGETS, Task
from xstilts.errors import XstiltsError
from xstilts.execution.parquet import read_meta
from xstilts.scoring.item_counts import CLEAN
from xstilts.scoring.metrics import METRICS, prediction_schema

_ITEM = ["language", "id"]
_COUNTS = ("numerator", "denominator")

# Squares of residuals that are this share of the squares of values are rounding.
_ROUNDING = 1e-12


@dataclass(frozen=True, kw_only=True)
class CellFile:
    """One cell's prediction file."""

    path: str
    encoder: str
    recipe: str
    target: str
    seed: int


@dataclass(frozen=True, kw_only=True)
class Items:
    """One language of one target; the columns are the cells.

    Attributes:
        numerator: float32, (clusters, cells): sums over the items of a cluster, which is what is
            resampled as one. On parallel tasks these are the clusters of any language.
        denominator: the same, or (clusters, 1) where it is the same for all cells.
        loose: names of the last clusters, those of which a cell has items only if it was wrong:
            sentences without a translation that were paired.
        count: number of items in this language, of the cell that has most.
        clusters: number of clusters that have an item in this language; 0 if it is not known.
        design_effect: variance of the score with clusters over that with independent items, mean
            over cells (`design_effects`).
    """

    numerator: np.ndarray
    denominator: np.ndarray
    count: int
    loose: tuple[str, ...] = ()
    clusters: int = 0
    design_effect: float = 1.0


def cell_files(paths: Iterable[str | Path], recipes: Collection[str]) -> list[CellFile]:
    """The prediction files of these recipes, sorted by cell; those of others are left out.

    Raises:
        XstiltsError: a file does not say which cell it is, or two are the same cell.
    """
    found: dict[tuple[str, str, str, int], CellFile] = {}
    for path in paths:
        cell = read_meta(path).get("wildcards", {})
        absent = [name for name in ("encoder", "recipe", "target", "seed") if name not in cell]
        if absent or cell["target"] not in TARGETS:
            raise XstiltsError(
                f"no predictions of a cell: its metadata name no {', '.join(absent)}"
                if absent
                else f"unknown target {cell['target']!r}",
                where=path,
            )
        if cell["recipe"] not in recipes:
            continue
        key = (cell["encoder"], cell["recipe"], cell["target"], int(cell["seed"]))
        if key in found:
            raise XstiltsError(f"the cell {key} is also in {found[key].path}", where=path)
        found[key] = CellFile(
            path=str(path), encoder=key[0], recipe=key[1], target=key[2], seed=key[3]
        )
    return [found[key] for key in sorted(found)]


def languages_of(file: CellFile, split: str) -> set[str]:
    """The languages in which a file has predictions of a split without perturbation."""
    rows = pl.read_parquet(file.path, columns=["language", "split", "condition"])
    return set(rows.filter(split=split, condition=CLEAN)["language"])


def conditions_of(file: CellFile, split: str) -> list[str]:
    """The conditions other than clean in which a file has predictions of a split, in its order."""
    rows = pl.read_parquet(file.path, columns=["split", "condition"]).filter(split=split)
    return [name for name in rows["condition"].unique(maintain_order=True) if name != CLEAN]


def shared_languages(target: str, held: Iterable[set[str]]) -> tuple[str, ...]:
    """The languages that all cells of a target have, those of its list first, in its order."""
    order = {code: place for place, code in enumerate(TARGETS[target].languages)}
    shared = set.intersection(*held)
    return tuple(sorted(shared, key=lambda code: (order.get(code, len(order)), code)))


def read_items(
    files: Sequence[CellFile],
    languages: Sequence[str],
    split: str,
    left_out: Collection[tuple[str, str]] = (),
) -> dict[str, Items]:
    """What is resampled, of the clean items of cells of one target: language to its items.

    Columns are in the order of `files`. Rows are clusters, ordered by name, loose ones last, so
    that nothing depends on the order of items. On parallel tasks they are the same clusters in all
    languages; else each language has its own. A cluster that a cell lacks adds nothing to its sums.

    Args:
        left_out: (language, group) of items that are not counted.

    Raises:
        XstiltsError: a file has other columns, or lacks a count or cluster in some row.
    """
    task = TARGETS[files[0].target]
    gone = (
        pl.LazyFrame(list(left_out), schema=["language", "group"], orient="row")
        if left_out
        else None
    )

    def rows(column: int) -> pl.DataFrame:
        clean = _scan(files[column], task, split, gone).filter(condition=CLEAN)
        return _collect(clean.filter(pl.col("language").is_in(languages)), files[column])

    return _arrange(task, languages, len(files), rows)


def read_conditions(file: CellFile, split: str) -> pl.DataFrame:
    """What `read_items` counts of a split, item by item and in all conditions.

    Items that are not both clean and perturbed in a language are left out.

    Raises:
        XstiltsError: as `read_items`.
    """
    rows = _collect(_scan(file, TARGETS[file.target], split), file)
    is_clean = pl.col("condition") == CLEAN
    clean = rows.filter(is_clean).join(rows.filter(~is_clean), on=_ITEM, how="semi")
    return pl.concat([clean, rows.filter(~is_clean).join(clean, on=_ITEM, how="semi")])


def items_of(
    held: Sequence[pl.DataFrame],
    target: str,
    languages: Sequence[str],
    *,
    condition: str,
    within: str | None = None,
) -> dict[str, Items]:
    """As `read_items`, from what `read_conditions` has read of each cell.

    Args:
        condition: whose items are counted.
        within: a condition to whose items they are confined: those with a row there in the same
            language and cell. So clean scores can be those of the very items that were perturbed.
    """

    def confined(items: pl.DataFrame) -> pl.DataFrame:
        spoken = items.filter(pl.col("language").is_in(languages))
        found = spoken.filter(condition=condition)
        if within is None:
            return found
        return found.join(spoken.filter(condition=within), on=_ITEM, how="semi")

    rows = [confined(items) for items in held]
    return _arrange(TARGETS[target], languages, len(rows), rows.__getitem__)


def _arrange(
    task: Task, languages: Sequence[str], columns: int, rows: Callable[[int], pl.DataFrame]
) -> dict[str, Items]:
    """Language to its items; `rows` gives those of a column, which are not all held at once."""
    places = pl.DataFrame({"language": languages}).with_row_index("number")
    key = ["language", "cluster"]
    keys = _all_keys(columns, rows, ["cluster"] if task.parallel else key)
    keys = keys.join(places, how="cross") if task.parallel else keys.join(places, on="language")
    keys = keys.sort("number", "loose", "cluster").with_row_index("place")
    sizes = [int((keys["number"] == number).sum()) for number in range(len(languages))]
    loose = keys.filter("loose").group_by("number").agg("cluster")
    names = {number: tuple(clusters) for number, clusters in loose.iter_rows()}
    starts = [0, *np.cumsum(sizes).tolist()]

    owner = np.repeat(np.arange(len(languages)), sizes)
    matrices = {name: np.zeros((starts[-1], columns), dtype=np.float32) for name in _COUNTS}
    present = np.zeros(starts[-1], dtype=bool)
    counts = np.zeros((columns, len(languages)), dtype=int)
    effects = np.zeros((columns, len(languages)))
    for column in range(columns):
        placed = rows(column).join(keys.select(*key, "place"), on=key)
        place = placed["place"].to_numpy()
        values = [placed[name].to_numpy().astype(np.float64) for name in _COUNTS]
        for matrix, added in zip(matrices.values(), values, strict=True):
            matrix[:, column] = np.bincount(place, weights=added, minlength=starts[-1])
        present[place] = True
        counts[column] = np.bincount(owner[place], minlength=len(languages))
        effects[column] = design_effects(
            *values, cluster=place, language=owner, languages=len(languages)
        )
    found = {}
    for number, language in enumerate(languages):
        rows_of = slice(starts[number], starts[number + 1])
        numerator, denominator = (matrix[rows_of] for matrix in matrices.values())
        same = bool((denominator == denominator[:, :1]).all())
        known = effects[np.isfinite(effects[:, number]), number]
        found[language] = Items(
            numerator=numerator,
            denominator=denominator[:, :1] if same else denominator,
            count=int(counts[:, number].max()),
            loose=names.get(number, ()),
            clusters=int(present[rows_of].sum()),
            design_effect=float(known.mean()) if len(known) else 1.0,
        )
    return found


def _all_keys(
    columns: int, rows: Callable[[int], pl.DataFrame], key: Sequence[str]
) -> pl.DataFrame:
    """What is resampled in any of the columns, each once, and whether it is loose."""
    is_loose = pl.col("loose").all()
    keys = rows(0).group_by(key).agg(is_loose)
    for column in range(1, columns):
        more = rows(column).join(keys, on=key, how="anti")
        keys = pl.concat([keys, more.group_by(key).agg(is_loose)])
    return keys


def _scan(
    file: CellFile, task: Task, split: str, left_out: pl.LazyFrame | None = None
) -> pl.LazyFrame:
    """language, condition, id, cluster, numerator, denominator, loose of each item of a file.

    Args:
        left_out: language, group of items that are not counted.
    """
    if not pq.read_schema(file.path).equals(prediction_schema(task)):
        raise XstiltsError(
            f"no predictions of {task.key}", where=file.path, hint="run the workflow again"
        )
    metric = METRICS[task.metric]
    numerator, denominator = metric.ratio()
    rows = pl.scan_parquet(file.path).filter(split=split)
    if left_out is not None:
        rows = rows.join(left_out, on=["language", "group"], how="anti")
    if metric.direction is not None:
        rows = rows.filter(direction=metric.direction)
    return rows.select(
        *("language", "condition", "id", "cluster"),
        numerator=numerator,
        denominator=denominator,
        loose=pl.col("is_gold") == 0 if task.mined else pl.lit(False),
    )


def _collect(rows: pl.LazyFrame, file: CellFile) -> pl.DataFrame:
    found = rows.collect()
    if any(found.null_count().row(0)):
        raise XstiltsError("a count or a cluster is missing in some rows", where=file.path)
    return found


def of_target(files: Iterable[CellFile]) -> Mapping[str, list[CellFile]]:
    """The files by target, in the order of the table of tasks."""
    files = list(files)
    held = {file.target for file in files}
    return {
        target: [file for file in files if file.target == target]
        for target in TARGETS
        if target in held
    }


def design_effects(
    numerator: np.ndarray,
    denominator: np.ndarray,
    *,
    cluster: np.ndarray,
    language: np.ndarray,
    languages: int,
) -> np.ndarray:
    """(languages,): the design effect of each language's score in one cell.

    That is the variance of the score if clusters are drawn, over its variance if items are drawn.
    The score is a ratio of sums, so both follow from its linearised residuals
    e = numerator - score · denominator: sum over clusters of (sum of e)², over the sum of e²
    (Kish 1965, Survey Sampling; Miller 2024, arXiv 2411.00640, section 2.2). With clusters of m
    items and an intraclass correlation rho it is 1 + (m - 1) rho; with one item a cluster 1.

    Args:
        numerator, denominator: (items,): what each item adds to the two sums.
        cluster: (items,): the number of its cluster.
        language: (clusters,): the number of its language.

    Returns:
        nan for a language without items, or whose items do not vary.
    """

    def of_languages(values: np.ndarray) -> np.ndarray:
        return np.bincount(language, weights=values, minlength=languages)

    def of_clusters(values: np.ndarray) -> np.ndarray:
        return np.bincount(cluster, weights=values, minlength=len(language))

    below = of_languages(of_clusters(denominator))
    score = of_languages(of_clusters(numerator)) / np.where(below > 0, below, 1)
    residual = numerator - score[language[cluster]] * denominator
    squares = of_clusters(residual**2)
    # What products of different items add. A cluster of one item adds exactly nothing.
    products = of_clusters(residual) ** 2 - squares
    varies = of_languages(squares) > _ROUNDING * of_languages(of_clusters(numerator**2))
    total = np.where(varies, of_languages(squares), np.nan)
    return 1 + of_languages(products) / total
