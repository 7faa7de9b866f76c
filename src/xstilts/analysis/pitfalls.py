"""Items that a model answers in English and not in another language (Xu et al. 2025).

On parallel targets the same item stands in every language under one `group`, so each language is
set against English item by item. A pair or choice is right where the label is; an answer to a
question where its F1 is above a half, that is where it overlaps the gold answer by more than half,
since exact match would count an ending or an article as a failure in a language that has more of
them. The rate of pitfalls falls as accuracy rises: it says something beside the rate that
independent languages would have.

Items of one cluster depend on each other: rates are resampled by cluster, and McNemar's test counts
a cluster once, where its items, each the mean over seeds, have one language ahead.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl
from scipy import stats

from xstilts.analysis.fairness.formulas import quotient
from xstilts.analysis.group_means import (
    Group,
    Grouped,
    Layout,
    Mean,
    change_columns,
    group_means,
    main_groups,
    means,
)
from xstilts.analysis.inference.adjust import Statement, holm, judge
from xstilts.analysis.inference.bootstrap import Sample, resample
from xstilts.analysis.inference.draws import Draws
from xstilts.analysis.inputs.items import CLEAN, CellFile, Items, of_target
from xstilts.analysis.inputs.panel import Panel
from xstilts.analysis.tables import EVERY, FAMILY, LANGUAGE, Row
from xstilts.config.recipes import NONE
from xstilts.config.tasks import SOURCE_LANGUAGE, TARGETS
from xstilts.scoring.metrics import METRICS

FEWER, MORE = "fewer", "more"


@dataclass(frozen=True, kw_only=True)
class Matched:
    """The items of a parallel target that stand in English and in some other language.

    Attributes:
        cells: the files, in their order.
        codes: the other languages.
        units: names of the items, by cluster.
        starts: of each cluster, the place of its first item.
        right: int8, (cells, 1 + codes, units), English first: 1 right, 0 wrong, -1 not there.
    """

    cells: tuple[CellFile, ...]
    codes: tuple[str, ...]
    units: tuple[str, ...]
    starts: np.ndarray
    right: np.ndarray

    def by_cluster(self, values: np.ndarray) -> np.ndarray:
        """(..., clusters): sums of (..., units)."""
        return np.add.reduceat(values, self.starts, axis=-1, dtype=float)

    def mcnemar_p(self, places: Sequence[int]) -> dict[str, float]:
        """Of each other language, the p of English being right as often in these cells.

        An item counts once, as the mean over the cells that have it in both languages: cells are
        seeds of one recipe, which often fail on the same items.
        """
        english, others = self.right[places, :1], self.right[places, 1:]
        there = (english >= 0) & (others >= 0)
        ahead = np.where(there, english - others, 0).sum(axis=0) / np.maximum(1, there.sum(axis=0))
        # Means that cancel out leave rounding.
        sums = self.by_cluster(ahead).round(9)
        return {code: mcnemar(of_code) for code, of_code in zip(self.codes, sums, strict=True)}

    def places(self, panel: Panel, recipe: str) -> list[int]:
        """The cells of a recipe that are used, in the order of their seeds."""
        target = self.cells[0].target
        seeds = panel.evidence.seeds(recipe, target)
        cells = {(cell.recipe, cell.seed): place for place, cell in enumerate(self.cells)}
        return [cells[recipe, seed] for seed in seeds if (recipe, seed) in cells]


@dataclass(frozen=True, kw_only=True)
class _PitfallRates:
    """Rates of pitfalls of a recipe on a target, and what stands beside them.

    `beside`: group to the number of each column, nan where there is none. `pairs`: by language.
    """

    layout: Layout
    rate: Grouped
    change: Grouped | None
    beside: Mapping[Group, Mapping[str, float]]
    pairs: Mapping[str, int]


def matched_items(files: Sequence[CellFile], panel: Panel, split: str) -> dict[str, Matched]:
    """The clean matched items of each parallel target of the panel."""
    ours = [file for file in files if file.recipe in panel.recipes and is_parallel(file.target)]
    found = {}
    for target, cells in of_target(ours).items():
        matched = matched_cells(cells, panel.codes(target), split)
        if matched.codes:
            found[target] = matched
    return found


def pitfall_rows(files: Sequence[CellFile], panel: Panel, *, split: str, draws: int) -> list[Row]:
    """Rows of `tables.PITFALLS` for each recipe, parallel target and group.

    The rate of a family or of all languages is the mean of theirs, and so is what stands beside
    it; only a language has McNemar's p, since languages share items. Nothing is told where some
    seed has nothing right in English. Intervals of rates end at 0 and 1.

    Args:
        files: the cells of the panel's encoder.
        draws: B.
    """
    matched = matched_items(files, panel, split)
    rates = _rates(matched, panel, draws)
    rows = []
    for recipe in panel.recipes:
        found = {
            target: measured
            for target, held in matched.items()
            if (measured := _measure(held, panel, rates, recipe))
        }
        head = {"encoder": panel.evidence.encoder, "recipe": recipe}
        scopes = {target: {target: measured} for target, measured in found.items()}
        for target, scope in {**scopes, EVERY: found}.items():
            families: dict[str, list[Statement]] = {}
            for row, change in _rows(scope):
                rows.append({**head, "target": target, **row})
                if change is not None:
                    family = families.setdefault(row["grouping"], [])
                    family.append(change.statement(rows[-1], (FEWER, MORE)))
            for family in families.values():
                judge(family, holm)
    return rows


def is_parallel(target: str) -> bool:
    """Whether items of a target stand in English and elsewhere, and are right or wrong."""
    task = TARGETS[target]
    held = SOURCE_LANGUAGE in task.languages and METRICS[task.metric].right is not None
    return task.parallel and held


def matched_cells(cells: Sequence[CellFile], codes: Sequence[str], split: str) -> Matched:
    """The clean items of cells of one target in English and in these languages."""
    tables = [_read(cell, (SOURCE_LANGUAGE, *codes), split) for cell in cells]
    held = [table.select("language", "group", "cluster").unique() for table in tables]
    units = pl.concat(held).unique()
    is_english = pl.col("language") == SOURCE_LANGUAGE
    units = units.filter((is_english.any() & (~is_english).any()).over("group"))
    there = set(units["language"])
    kept = [code for code in codes if code in there]
    # A group has one cluster in all languages.
    names = units.group_by("group").agg(pl.col("cluster").min()).sort("cluster", "group")
    sizes = names["cluster"].rle().struct.field("len").to_numpy().astype(int)
    names = names.select("group").with_row_index("unit")
    order = pl.DataFrame({"language": [SOURCE_LANGUAGE, *kept]}).with_row_index("place")
    right = np.full((len(cells), 1 + len(kept), len(names)), -1, dtype=np.int8)
    for number, table in enumerate(tables):
        placed = table.join(names, on="group").join(order, on="language")
        right[number, placed["place"].to_numpy(), placed["unit"].to_numpy()] = placed["right"]
    return Matched(
        cells=tuple(cells),
        codes=tuple(kept),
        units=tuple(names["group"]),
        starts=np.cumsum(sizes) - sizes,
        right=right,
    )


def _read(cell: CellFile, languages: Sequence[str], split: str) -> pl.DataFrame:
    right = METRICS[TARGETS[cell.target].metric].right
    assert right is not None
    return (
        pl.scan_parquet(cell.path)
        .filter(pl.col("language").is_in(languages), split=split, condition=CLEAN)
        .select("language", "group", "cluster", right=right.cast(pl.Int8))
        .collect()
    )


def _rates(matched: Mapping[str, Matched], panel: Panel, draws: int) -> Panel:
    """The panel with rates of pitfalls, in percent, for scores."""
    return panel.with_samples(
        {target: _sample(held, target, draws) for target, held in matched.items()}
    )


def _sample(held: Matched, target: str, draws: int) -> Sample:
    english, others = held.right[:, :1], held.right[:, 1:]
    asked = (english == 1) & (others >= 0)
    missed = asked & (others == 0)
    there = np.any((english >= 0) & (others >= 0), axis=0)
    missed_sums, asked_sums = held.by_cluster(missed), held.by_cluster(asked)
    scores = resample(
        {
            code: Items(
                numerator=missed_sums[:, place].T.astype(np.float32),
                denominator=asked_sums[:, place].T.astype(np.float32),
                count=int(there[place].sum()),
            )
            for place, code in enumerate(held.codes)
        },
        name=target,
        parallel=True,
        draws=draws,
    )
    scores[:, ~np.any(asked, axis=2)] = np.nan
    return Sample(
        cells=tuple((cell.recipe, cell.seed) for cell in held.cells),
        languages=held.codes,
        scores=scores,
        counts={code: int(there[place].sum()) for place, code in enumerate(held.codes)},
    )


def _measure(held: Matched, panel: Panel, rates: Panel, recipe: str) -> _PitfallRates | None:
    """None where the recipe was not run on the target."""
    target = held.cells[0].target
    places = held.places(panel, recipe)
    rate = rates.scores(target, recipe)
    if rate is None:
        return None
    right = held.right[places]
    counts = [
        ((right[:, :1] == english) & (right[:, 1:] == other)).sum(axis=(0, 2))
        for english, other in ((1, 1), (1, 0), (0, 1), (0, 0))
    ]
    found = pitfall(*counts)
    languages = {"expected": found.independence, "reverse": found.reverse, "kappa": found.kappa}
    layout = main_groups(rates, target)

    def grouped(percent: Draws) -> Grouped:
        shares = percent.map(lambda values: group_means(values, layout) / 100)
        return Grouped(groups=tuple(layout), draws=shares)

    beside: dict[Group, dict[str, float]] = {group: {} for group in layout}
    for name, values in languages.items():
        for group, value in zip(layout, group_means(values, layout).tolist(), strict=True):
            beside[group][name] = value
    for code, p in held.mcnemar_p(places).items():
        beside[Group(LANGUAGE, code)]["mcnemar_p"] = p
    change = rates.gain(target, recipe) if recipe != NONE else None
    return _PitfallRates(
        layout=layout,
        rate=grouped(rate),
        change=None if change is None else grouped(change),
        beside=beside,
        pairs={code: rates.items(target, code) for code in held.codes},
    )


def _rows(scope: Mapping[str, _PitfallRates]) -> Iterator[tuple[Row, Mean | None]]:
    """The rows of one target, or of the mean over several, each with its change."""
    values = means({target: held.rate for target, held in scope.items()})
    changes = means({target: held.change for target, held in scope.items() if held.change})
    for group in dict.fromkeys(group for held in scope.values() for group in held.layout):
        rate = values.get(group)
        having = [target for target, held in scope.items() if group in held.layout]
        used = [scope[target] for target in (rate.targets if rate else having)]
        codes = dict.fromkeys(code for held in used for code in held.layout[group].codes)
        beside = {
            name: float(np.mean([held.beside[group][name] for held in used]))
            for name in used[0].beside[group]
            if name != "mcnemar_p" or len(scope) == 1
        }
        row = {
            "grouping": group.grouping,
            "group": group.name,
            **{name: value for name, value in beside.items() if np.isfinite(value)},
            "languages": list(codes),
            "pairs": sum(held.pairs[code] for held in used for code in held.layout[group].codes),
            "single": group.grouping == FAMILY and len(codes) == 1,
        }
        if rate:
            found = rate.estimate
            row |= {"rate": found.value, "basis": rate.basis}
            if found.low is not None and found.high is not None:
                row |= {"low": max(0.0, found.low), "high": min(1.0, found.high)}
            row |= change_columns(changes.get(group))
        yield row, changes.get(group) if rate else None


@dataclass(frozen=True, kw_only=True)
class Pitfall:
    """How right answers in English and in another language go together on parallel items.

    Each has the shape of the counts; nan where it is not defined.

    Attributes:
        rate: P(wrong in the other language, given right in English), 0 to 1, lower is better. It
            falls as accuracy rises, so it says something only beside `independence`.
        reverse: P(wrong in English, given right in the other language), 0 to 1.
        independence: what `rate` would be if the two were independent: 1 minus the accuracy in
            the other language.
        kappa: Cohen's kappa of being right, -1 to 1: agreement beyond chance. nan where both
            languages are right, or both wrong, throughout.
    """

    rate: np.ndarray
    reverse: np.ndarray
    independence: np.ndarray
    kappa: np.ndarray


def pitfall(a: np.ndarray, b: np.ndarray, c: np.ndarray, d: np.ndarray) -> Pitfall:
    """Cross-lingual pitfalls: items answered in English and not in another language.

    Rates after Xu et al. 2025 (arXiv 2505.18673).

    Args:
        a: number of items with both right.
        b: right in English only.
        c: right in the other language only.
        d: both wrong. All four may be arrays that broadcast.

    Raises:
        ValueError: if counts are not whole numbers of 0 or more.
    """
    a, b, c, d = np.broadcast_arrays(*(np.asarray(count, dtype=float) for count in (a, b, c, d)))
    for counts in (a, b, c, d):
        if not (np.isfinite(counts) & (counts >= 0) & (counts == np.floor(counts))).all():
            raise ValueError("counts have to be whole numbers of 0 or more")
    english, other = a + b, a + c
    items = english + c + d
    # The share of disagreement that chance would give, times the square of the items.
    expected = english * (b + d) + other * (c + d)
    return Pitfall(
        rate=quotient(b, english),
        reverse=quotient(c, other),
        independence=quotient(b + d, items),
        kappa=1 - quotient((b + c) * items, expected),
    )


def mcnemar(differences: np.ndarray) -> float:
    """Exact two-sided p of McNemar's test that two languages are right equally often.

    The sign test of paired items (Agresti 2013, Categorical Data Analysis, section 11.1; scipy's
    `binomtest`): of the clusters that favour one language, each is as likely to favour either.
    Unlike pairs are independent from cluster to cluster only, so a cluster counts once, whatever
    the number of its items, and so does an item, whatever the number of its seeds.

    Args:
        differences: (clusters,): right in one language minus right in the other, summed over the
            cluster's items; 0 where neither language is ahead, which counts for neither.

    Returns:
        1 where no cluster favours a language.
    """
    ahead, behind = int((differences > 0).sum()), int((differences < 0).sum())
    return float(stats.binomtest(ahead, ahead + behind).pvalue) if ahead + behind else 1.0
