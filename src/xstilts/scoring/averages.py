"""From the long table of scores to task scores, averages, gaps and gains over the baseline.

Knows nothing of models: it also runs on scores that somebody else made, as long as they have
the columns of `xstilts.data.schemas.SCORES`. All values are in points (0 to 100).

Two rules hold throughout. Averages are only formed over languages that every cell of a task
has, so that no two of them rest on different languages. Spread is over seeds that were really
run: a cell that does not depend on the seed is reused in averages, but never counted again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import polars as pl

from xstilts.config.experiment import BASELINE
from xstilts.config.tasks import GROUPS, SOURCE_LANGUAGE, TARGETS, XTREME
from xstilts.data.schemas import SCORES
from xstilts.errors import XstiltsError, did_you_mean
from xstilts.scoring.metrics import METRICS
from xstilts.scoring.scores import LANGUAGE_SCORE

OVERALL = "overall"
SEEDS_FOR_SD = 3

_SCHEMA = pl.DataFrame(SCORES.empty_table()).schema
_RUN = ["encoder", "recipe", "split", "condition"]
_TASK = ["target", "split", "condition"]
_QUANTITY = ["quantity", "name"]
_TARGET_ORDER = list(TARGETS)


@dataclass(frozen=True)
class Summary:
    """Everything the report shows, as polars tables in points.

    Tables of spread end in `mean`, `low`, `high` (least and greatest over seeds), `sd` (sample
    standard deviation, null for fewer than three seeds) and `seeds` (how many were run, or for
    gains how many pairs of seeds there are).

    Attributes:
        by_seed: encoder, recipe, split, condition, seed, quantity, name, value, reused. The
            quantity is "task", "english" or "gap" (named by target), "group" or "overall".
            `reused` marks a value that rests only on cells run with another seed.
        averages: encoder, recipe, split, condition, quantity, name, then spread.
        gains: like `averages`, for every recipe but the baseline: its value minus the
            baseline's, paired by seed.
        languages: encoder, recipe, split, condition, target, language, the spread of the main
            score, and `n` (items; the most if cells differ).
        language_gains: encoder, recipe, split, condition, target, language, then spread.
        metrics: every metric of the table, main or not: the columns of `languages` and
            `metric`.
        coverage: one row per split, condition and target: `covered` (languages that are
            averaged), `partial` (scored in some cells only, hence not averaged), `missing`
            (expected languages without any score), `beyond` (scored, but not expected),
            `count` (how many of `covered` are expected, of `full_count`) and `complete`
            (exactly the expected ones).
        notes: sentences on what was restricted or refused.
    """

    by_seed: pl.DataFrame
    averages: pl.DataFrame
    gains: pl.DataFrame
    languages: pl.DataFrame
    language_gains: pl.DataFrame
    metrics: pl.DataFrame
    coverage: pl.DataFrame
    notes: tuple[str, ...]


def summarise(
    scores: pl.DataFrame,
    *,
    baseline: str = BASELINE,
    expected: Mapping[str, Sequence[str]] | None = None,
) -> Summary:
    """Summarise a long table of scores (columns of `schemas.SCORES`, any subset of a grid).

    `expected` maps a target to the languages that its data source has, in order; XTREME's
    list where a target, or all of it, is not given.

    Task score: mean over languages, English included where it is on the list; group: mean of
    its tasks; overall: mean of XTREME's nine tasks (Hu et al. 2020, XTREME, and its evaluate.py).
    Targets beyond these have a score, and are in no average.
    Transfer gap: English minus the mean over the other languages, not for retrieval (ibid.).
    Group and overall are only formed where all their tasks have a score with the same seed. Their
    mean is that of their tasks' means, each over all of its own seeds, as in `tables.GROUPS`;
    their spread is over the seeds that all these tasks have.

    Raises:
        XstiltsError: columns are missing or of another type, the table is empty, a value is
            absent, not a number or outside 0 to 100, a score stands in it twice, a target is
            unknown, or one of exact match and F1 is there without the other.
    """
    scores = check_scores(scores)
    by_language = _mark_shared(_main_scores(scores))
    spanned = _reuse_lone_seeds(by_language, baseline)
    by_seed = _by_seed(spanned.filter("shared"))
    coverage = _coverage(by_language, expected or {})
    per_language = [*_RUN, "target", "language"]
    return Summary(
        by_seed=by_seed,
        averages=_with_means_of_tasks(
            _over_seeds(by_seed.filter(~pl.col("reused")), [*_RUN, *_QUANTITY])
        ),
        gains=_with_means_of_tasks(_gains(by_seed, _QUANTITY, baseline)),
        languages=_over_seeds(by_language, per_language, pl.col("n").max()),
        language_gains=_gains(spanned, ["target", "language"], baseline),
        metrics=_over_seeds(
            scores.filter(pl.col("metric") != LANGUAGE_SCORE),
            [*per_language, "metric"],
            pl.col("n").max(),
        ),
        coverage=coverage,
        notes=(*_coverage_notes(coverage), *_item_notes(by_language)),
    )


def check_scores(scores: pl.DataFrame) -> pl.DataFrame:
    """The columns of `schemas.SCORES` with its types; other columns are dropped.

    Raises:
        XstiltsError: see `summarise`.
    """
    where = "table of scores"
    absent = [name for name in _SCHEMA if name not in scores.columns]
    if absent:
        raise XstiltsError(f"no column {', '.join(absent)}", where=where)
    try:
        scores = scores.select(pl.col(name).cast(kind) for name, kind in _SCHEMA.items())
    except pl.exceptions.PolarsError as error:
        raise XstiltsError(f"a column has the wrong type: {error}", where=where) from None
    if scores.is_empty():
        raise XstiltsError("it has no rows", where=where, hint="score at least one cell")
    for name in _SCHEMA:
        if name != "n" and scores[name].null_count():
            raise XstiltsError(f"{name} is empty in some row", where=where)
    for target in scores["target"].unique(maintain_order=True):
        if target not in TARGETS:
            raise XstiltsError(
                f"unknown target {target!r} ({did_you_mean(target, TARGETS)})", where=where
            )
    # NaN is greater than any number to polars, so this refuses it too.
    wrong = scores.filter((pl.col("value") < 0) | (pl.col("value") > 100))
    if not wrong.is_empty():
        raise XstiltsError(f"not points from 0 to 100: {_describe(wrong)}", where=where)
    keys = [name for name in _SCHEMA if name not in ("value", "n")]
    twice = scores.filter(pl.struct(keys).is_duplicated())
    if not twice.is_empty():
        raise XstiltsError(f"a score stands there twice: {_describe(twice)}", where=where)
    return scores


def main_metrics(target: str) -> tuple[str, ...]:
    """The metrics whose mean is the score of `target` in one language."""
    return METRICS[TARGETS[target].metric].main


def _main_scores(scores: pl.DataFrame) -> pl.DataFrame:
    """One row per cell, split, condition and language: its main `score`, and `n` items."""
    parts = pl.DataFrame(
        [
            (target, metric, len(main_metrics(target)))
            for target in TARGETS
            for metric in main_metrics(target)
        ],
        schema={"target": pl.String, "metric": pl.String, "parts": pl.Int64},
        orient="row",
    )
    rows = (
        scores.join(parts, on=["target", "metric"], maintain_order="left")
        .group_by([*_RUN, "seed", "target", "language"], maintain_order=True)
        .agg(
            pl.col("value").mean(),
            pl.col("n").max(),
            pl.col("parts").first(),
            pl.col("metric").first(),
            pl.len().alias("found"),
        )
    )
    partial = rows.filter(pl.col("found") != pl.col("parts"))
    if not partial.is_empty():
        raise XstiltsError(
            f"the score is the mean of {' and '.join(main_metrics(partial['target'][0]))},"
            f" of which one is missing: {_describe(partial)}",
            where="table of scores",
        )
    if rows.is_empty():
        raise XstiltsError(
            "no row has the metric that scores its task",
            where="table of scores",
            hint="; ".join(
                f"{target}: {' and '.join(main_metrics(target))}"
                for target in scores["target"].unique(maintain_order=True)
            ),
        )
    return rows.drop("parts", "found", "metric").with_columns(reused=pl.lit(False))


def _mark_shared(rows: pl.DataFrame) -> pl.DataFrame:
    """Add `shared`: whether every cell of the task (any encoder, recipe, seed) has the language."""
    cells = pl.struct("encoder", "recipe", "seed").n_unique().over(_TASK)
    return rows.with_columns(shared=pl.len().over([*_TASK, "language"]) == cells)


def _reuse_lone_seeds(rows: pl.DataFrame, baseline: str) -> pl.DataFrame:
    """Repeat the baseline's tasks without training for every seed of any recipe.

    Evaluated with the untouched encoder they do not depend on the seed, and gains can be paired.
    Of a trained task a seed that is missing stays missing.
    """
    seeds = rows.select(
        "encoder", pl.lit(baseline).alias("recipe"), "split", "condition", another="seed"
    ).unique()
    untrained = [key for key, task in TARGETS.items() if task.train_set is None]
    lone = rows.filter(
        pl.col("target").is_in(untrained),
        pl.col("seed").n_unique().over([*_RUN, "target"]) == 1,
    )
    copies = (
        lone.join(seeds, on=_RUN)
        .filter(pl.col("another") != pl.col("seed"))
        .with_columns(seed="another", reused=pl.lit(True))
        .select(rows.columns)
        .unique(maintain_order=True)
    )
    return pl.concat([rows, copies])


def _by_seed(rows: pl.DataFrame) -> pl.DataFrame:
    """`Summary.by_seed` from the scores of the languages that are averaged."""
    run = [*_RUN, "seed"]
    english = pl.col("language") == SOURCE_LANGUAGE
    tasks = rows.group_by([*run, "target"], maintain_order=True).agg(
        task=pl.col("value").mean(),
        english=pl.col("value").filter(english).first(),
        others=pl.col("value").filter(~english).mean(),
        reused=pl.col("reused").all(),
    )
    retrieval = [key for key, task in TARGETS.items() if task.facts.embedded]
    tasks = tasks.with_columns(
        english=pl.when(~pl.col("target").is_in(retrieval)).then("english")
    ).with_columns(gap=pl.col("english") - pl.col("others"))
    singles = (
        tasks.unpivot(
            on=["task", "english", "gap"],
            index=[*run, "target", "reused"],
            variable_name="quantity",
            value_name="value",
        )
        .drop_nulls("value")
        .rename({"target": "name"})
    )
    joint = (
        tasks.join(_belongs(), on="target", maintain_order="left")
        .group_by([*run, *_QUANTITY], maintain_order=True)
        .agg(
            pl.col("task").mean().alias("value"),
            pl.col("reused").all(),
            pl.col("size").first(),
            pl.len().alias("found"),
        )
        .filter(pl.col("found") == pl.col("size"))
    )
    columns = [*run, *_QUANTITY, "value", "reused"]
    return pl.concat([singles.select(columns), joint.select(columns)])


def _belongs() -> pl.DataFrame:
    """Which group each target belongs to, and to the overall score; `size`: how many do."""
    members = [("group", name, members) for name, members in GROUPS.items()]
    members.append((OVERALL, OVERALL, tuple(XTREME)))
    return pl.DataFrame(
        [(key, *unit, len(keys)) for *unit, keys in members for key in keys],
        schema={"target": pl.String, "quantity": pl.String, "name": pl.String, "size": pl.Int64},
        orient="row",
    )


def _with_means_of_tasks(spread: pl.DataFrame) -> pl.DataFrame:
    """Spread in which the mean of a group, and of all, is that of its tasks' means."""
    means = (
        spread.filter(quantity="task")
        .select(*_RUN, "mean", target="name")
        .join(_belongs(), on="target", maintain_order="left")
        .group_by([*_RUN, *_QUANTITY], maintain_order=True)
        .agg(of_tasks=pl.col("mean").mean())
    )
    return (
        spread.join(means, on=[*_RUN, *_QUANTITY], how="left", maintain_order="left")
        .with_columns(mean=pl.coalesce("of_tasks", "mean"))
        .drop("of_tasks")
    )


def _over_seeds(rows: pl.DataFrame, keys: Sequence[str], *more: pl.Expr) -> pl.DataFrame:
    """Per `keys`: `more`, then mean, low, high, sd and seeds of `value`."""
    value = pl.col("value")
    return rows.group_by(keys, maintain_order=True).agg(
        *more,
        mean=value.mean(),
        low=value.min(),
        high=value.max(),
        sd=pl.when(pl.len() >= SEEDS_FOR_SD).then(value.std(ddof=1)),
        seeds=pl.len().cast(pl.Int64),
    )


def _gains(rows: pl.DataFrame, names: Sequence[str], baseline: str) -> pl.DataFrame:
    """Spread of the differences to the baseline, over the seeds that both have."""
    pair = ["encoder", "split", "condition", "seed", *names]
    base = rows.filter(pl.col("recipe") == baseline).select(*pair, base="value")
    pairs = (
        rows.filter((pl.col("recipe") != baseline) & ~pl.col("reused"))
        .join(base, on=pair, maintain_order="left")
        .with_columns(value=pl.col("value") - pl.col("base"))
    )
    return _over_seeds(pairs, [*_RUN, *names])


def _coverage(rows: pl.DataFrame, expected: Mapping[str, Sequence[str]]) -> pl.DataFrame:
    found = rows.group_by(_TASK, maintain_order=True).agg(
        seen=pl.col("language").unique(),
        shared=pl.col("language").filter("shared").unique(),
    )
    records = []
    for target, split, condition, seen, shared in found.iter_rows():
        full = expected.get(target, TARGETS[target].languages)
        covered = _in_order(shared, full)
        records.append(
            {
                "split": split,
                "condition": condition,
                "target": target,
                "covered": covered,
                "partial": _in_order(set(seen) - set(shared), full),
                "missing": [language for language in full if language not in seen],
                "beyond": sorted(set(seen) - set(full)),
                "count": len(set(covered) & set(full)),
                "full_count": len(full),
                "complete": set(covered) == set(full),
            }
        )
    records.sort(key=lambda record: _TARGET_ORDER.index(record["target"]))
    lists = ("covered", "partial", "missing", "beyond")
    return pl.DataFrame(records, schema_overrides={name: pl.List(pl.String) for name in lists})


def _in_order(languages: Iterable[str], full: Sequence[str]) -> list[str]:
    """`languages` in the order of `full`, those that are not in it last."""
    place = {language: number for number, language in enumerate(full)}
    return sorted(languages, key=lambda language: (place.get(language, len(full)), language))


def _coverage_notes(coverage: pl.DataFrame) -> list[str]:
    notes = []
    for row in coverage.filter(pl.col("partial").list.len() > 0).iter_rows(named=True):
        names = ", ".join(row["partial"])
        notes.append(
            f"{_place(row)}: not every run has {names}; averages use the {len(row['covered'])}"
            " languages that all runs have."
            if row["covered"]
            else f"{_place(row)}: the runs have no language in common ({names}), so averages"
            " would not be comparable and none is formed."
        )
    return notes


def _item_notes(rows: pl.DataFrame) -> list[str]:
    """Where one language has different numbers of items in different cells.

    Not for bitext mining, whose items are mined pairs: their number differs by nature.
    """
    mining = [key for key, task in TARGETS.items() if task.mined]
    uneven = (
        rows.filter(~pl.col("target").is_in(mining))
        .group_by([*_TASK, "language"], maintain_order=True)
        .agg(counts=pl.col("n").drop_nulls().n_unique())
        .filter(pl.col("counts") > 1)
        .group_by(_TASK, maintain_order=True)
        .agg(pl.col("language"))
    )
    return [
        f"{_place(row)}: runs were scored on different numbers of items in"
        f" {', '.join(row['language'])}; differences between them are not paired."
        for row in uneven.iter_rows(named=True)
    ]


def _place(row: dict[str, str]) -> str:
    return f"{row['target']} ({row['split']}, {row['condition']})"


def _describe(rows: pl.DataFrame) -> str:
    return ", ".join(f"{key}={value}" for key, value in rows.row(0, named=True).items())
