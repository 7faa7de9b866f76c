"""The tables of the score page: what is shown, not how it looks."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import polars as pl

from xstilts.config.experiment import BASELINE
from xstilts.config.languages import LANGUAGES, Language
from xstilts.config.tasks import GROUPS, TARGETS, XTREME
from xstilts.report.folds import MOST_UNFOLDED
from xstilts.report.table import NUMBER, Column, Table, TableCell, TableRow, mark_best
from xstilts.report.wording import metric_title, title
from xstilts.rounding import fixed, rounded, signed
from xstilts.scoring.averages import OVERALL, Summary, main_metrics

UNSEEN_MARK, PARTIAL_MARK = "†", "‡"


@dataclass
class ScoreTables:
    """The numbers of one split and condition, and the tables made of them.

    `recipes` and `targets` are the rows and columns that are shown, in order, whether or not
    there is a score. `benchmark` says whose tasks and languages these are, None if nobody's;
    `names` holds the languages by code. `collapsed` are the (encoder, recipe, target) whose runs
    all learnt nothing. `incomplete` are those that lack some seed or all:
    what rests on one is marked, has no gain, and is never the best. `all_seeds` are means over all
    seeds of what rests on sound ones alone, by the keys of averages and of languages. `unseen` are
    the languages that an encoder was not pretrained on, by encoder, where that is known.
    """

    summary: Summary
    split: str
    condition: str
    recipes: Sequence[str]
    targets: Sequence[str]
    benchmark: str | None = "XTREME"
    names: Mapping[str, Language] = field(default_factory=lambda: LANGUAGES)
    collapsed: Set[tuple[str, str, str]] = frozenset()
    incomplete: Set[tuple[str, str, str]] = frozenset()
    all_seeds: Mapping[tuple[str, ...], float] = field(default_factory=dict)
    unseen: Mapping[str, Collection[str]] = field(default_factory=dict)
    encoders: list[str] = field(init=False)
    coverage: dict[str, dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        summary = self.summary
        quantity = ("encoder", "recipe", "quantity", "name")
        language = ("encoder", "recipe", "target", "language")
        self._averages = self._index(summary.averages, quantity)
        self._gains = {
            key: row
            for key, row in self._index(summary.gains, quantity).items()
            if not self._is_incomplete(key[0], key[1], members_of(*key[2:]), gain=True)
        }
        self._languages = self._index(summary.languages, language)
        self._language_gains = {
            key: row
            for key, row in self._index(summary.language_gains, language).items()
            if not self._is_incomplete(key[0], key[1], key[2:3], gain=True)
        }
        self._ran = {key[:3] for key in self._languages}
        self._metrics = self._index(summary.metrics, (*language, "metric"))
        self.coverage = {
            key: row for (key,), row in self._index(summary.coverage, ("target",)).items()
        }
        self.encoders = list(dict.fromkeys(encoder for encoder, *_ in self._metrics))

    def _index(self, table: pl.DataFrame, keys: Sequence[str]) -> dict[tuple[str, ...], dict]:
        here = table.filter(split=self.split, condition=self.condition)
        return {tuple(row[key] for key in keys): row for row in here.iter_rows(named=True)}

    @cached_property
    def most_seeds(self) -> int:
        """The greatest number of seeds that any score rests on."""
        return max((row["seeds"] for row in self._metrics.values()), default=1)

    def has(self, encoder: str, target: str) -> bool:
        """Whether some recipe has a score of the task with this encoder."""
        return any((encoder, recipe, target) in self._ran for recipe in self.recipes)

    def score(self, encoder: str, recipe: str, target: str, language: str) -> float | None:
        """The main score in one language, mean over seeds."""
        row = self._languages.get((encoder, recipe, target, language))
        return None if row is None else row["mean"]

    def _cell(self, score: dict | None, gain: dict | None, why: str, *, judge: bool) -> TableCell:
        if score is None:
            return TableCell(why=why)
        small = []
        if score["seeds"] > 1:
            small.append(f"{fixed(score['low'])}–{fixed(score['high'])}")
        if score["seeds"] < self.most_seeds:
            small.append("1 seed" if score["seeds"] == 1 else f"{score['seeds']} seeds")
        cell = TableCell(text=fixed(score["mean"]), value=score["mean"], small=tuple(small))
        if gain is None:
            return cell
        shown = rounded(gain["mean"])
        sign = "flat" if not judge or shown == 0 else "up" if shown > 0 else "down"
        return replace(cell, gain=signed(gain["mean"]), sign=sign)

    def _beside(self, cell: TableCell, key: tuple[str, ...]) -> TableCell:
        """The cell, with the mean over all seeds where some collapsed and are left out."""
        if cell.value is None or key not in self.all_seeds:
            return cell
        return replace(cell, small=(*cell.small, f"{fixed(self.all_seeds[key])} with collapsed"))

    def _is_incomplete(
        self, encoder: str, recipe: str, targets: Iterable[str], *, gain: bool = False
    ) -> bool:
        """Whether seeds of a recipe, or, of a gain, of the baseline, are missing on a target."""
        recipes = (recipe, BASELINE) if gain else (recipe,)
        return any((encoder, name, key) in self.incomplete for key in targets for name in recipes)

    def _marked(
        self, cell: TableCell, encoder: str, recipe: str, targets: Sequence[str]
    ) -> TableCell:
        """The cell, marked if the recipe collapsed or lacks seeds on a target that it rests on."""
        cell = self._short(cell, encoder, recipe, targets)
        collapsed = any((encoder, recipe, target) in self.collapsed for target in targets)
        if not collapsed or cell.value is None:
            return cell
        return replace(cell, small=(*cell.small, "collapsed"))

    def _short(
        self, cell: TableCell, encoder: str, recipe: str, targets: Sequence[str]
    ) -> TableCell:
        """The cell, marked if the recipe lacks seeds on one of its targets."""
        if cell.value is None or not self._is_incomplete(encoder, recipe, targets):
            return cell
        return replace(cell, small=(*cell.small, "seeds missing"), whole=False)

    def _recipe_label(self, encoder: str, recipe: str, target: str) -> str:
        """A recipe at the head of a column on one target."""
        label = f"{recipe} (collapsed)" if (encoder, recipe, target) in self.collapsed else recipe
        ran = (encoder, recipe, target) in self._ran
        return (
            f"{label} (seeds missing)"
            if ran and self._is_incomplete(encoder, recipe, [target])
            else label
        )

    def _why(self, encoder: str, recipe: str, quantity: str, name: str) -> str:
        """Why an average is missing."""
        if quantity in ("group", OVERALL):
            lacking = [
                title(key)
                for key in members_of(quantity, name)
                if (encoder, recipe, "task", key) not in self._averages
            ]
            if lacking:
                return f"needs all its tasks; no score for {', '.join(lacking)}"
            return "its tasks have no seed in common"
        if (encoder, recipe, "task", name) not in self._averages:
            ran = (encoder, recipe, name) in self._ran
            return "the runs have no language in common" if ran else "not run"
        if (encoder, recipe, "english", name) not in self._averages:
            return "English is not covered"
        return "no language but English is covered"

    def _by_recipe(
        self, encoder: str, caption: str, columns: Sequence[tuple[str, str, str]], *, judge: bool
    ) -> Table:
        """Rows are recipes; a column is (heading, quantity, name)."""
        rows = []
        for recipe in self.recipes:
            cells = []
            for _, quantity, name in columns:
                key = (encoder, recipe, quantity, name)
                why = self._why(*key)
                cell = self._cell(self._averages.get(key), self._gains.get(key), why, judge=judge)
                members = members_of(quantity, name)
                marked = self._marked(cell, encoder, recipe, members)
                cells.append(self._beside(marked, key))
            rows.append(cells)
        if judge:
            columns_marked = (mark_best(column) for column in zip(*rows, strict=True))
            rows = [list(cells) for cells in zip(*columns_marked, strict=True)]
        labels = [
            Column(label="Mean" if quantity == "group" else title(name), group=group, kind=NUMBER)
            for group, quantity, name in columns
        ]
        return Table(
            caption=caption,
            columns=(Column(label="Recipe"), *labels),
            rows=tuple(
                TableRow(label=recipe, cells=tuple(cells))
                for recipe, cells in zip(self.recipes, rows, strict=True)
            ),
        )

    def xtreme(self, encoder: str) -> Table:
        """The nine tasks in XTREME's order by group, the means of groups, and the overall mean.

        Then the targets beyond them, which are in no mean.
        """
        return self._by_recipe(
            encoder,
            f"{encoder}, {self.split}: {self.benchmark or 'all'} scores in points",
            self._xtreme_columns(),
            judge=True,
        )

    def _xtreme_columns(self) -> list[tuple[str, str, str]]:
        columns = []
        for group, members in GROUPS.items():
            shown = [key for key in members if key in self.targets]
            columns += [(title(group), "task", key) for key in shown]
            if shown:
                columns.append((title(group), "group", group))
        beyond = [key for key in self.targets if key not in XTREME]
        return [
            *columns,
            ("", OVERALL, OVERALL),
            *((title(TARGETS[key].group or ""), "task", key) for key in beyond),
        ]

    def english(self, encoder: str) -> Table | None:
        """English scores of the tasks that have English; None where none is shown."""
        return self._trained_only(encoder, "english", "English scores in points", judge=True)

    def gap(self, encoder: str) -> Table | None:
        """Transfer gaps. A small one is no merit by itself, so none is marked as best."""
        return self._trained_only(encoder, "gap", "transfer gap in points", judge=False)

    def _trained_only(self, encoder: str, quantity: str, what: str, *, judge: bool) -> Table | None:
        columns = [
            (title(TARGETS[key].group or ""), quantity, key)
            for key in self.targets
            if not TARGETS[key].facts.embedded
        ]
        if not columns:
            return None
        return self._by_recipe(encoder, f"{encoder}, {self.split}: {what}", columns, judge=judge)

    def spread(self, encoder: str) -> Table | None:
        """Every average with its spread over seeds; None where one seed was run."""
        if self.most_seeds < 2:
            return None
        rows = []
        for _, quantity, name in self._xtreme_columns():
            label = f"{title(name)} (mean)" if quantity == "group" else title(name)
            for recipe in self.recipes:
                key = (encoder, recipe, quantity, name)
                if key in self._averages:
                    score = _spread(self._averages[key])
                    gain = _spread(self._gains.get(key))
                    short = self._is_incomplete(encoder, recipe, members_of(quantity, name))
                    place = TableCell(text=f"{label} (seeds missing)" if short else label)
                    rows.append(TableRow(label=recipe, cells=(place, *score, *gain)))
        names = ("Seeds", "Mean", "Least", "Greatest", "SD")
        return Table(
            caption=f"{encoder}, {self.split}: spread over seeds, in points",
            columns=(
                Column(label="Recipe"),
                Column(label="Score"),
                *(Column(label=name, group="Score", kind=NUMBER) for name in names),
                *(
                    Column(label=name, group="Gain over the baseline", kind=NUMBER)
                    for name in names
                ),
            ),
            rows=tuple(rows),
        )

    def languages(self, encoder: str, target: str) -> Table:
        """The main score per language with its gain, and their mean in the foot."""
        score = " and ".join(metric_title(metric) for metric in main_metrics(target))
        if len(main_metrics(target)) > 1:
            score = f"mean of {score}"
        covered = len(self.coverage[target]["covered"])
        mean = []
        for recipe in self.recipes:
            key = (encoder, recipe, "task", target)
            why = self._why(*key)
            cell = self._cell(self._averages.get(key), self._gains.get(key), why, judge=True)
            mean.append(self._beside(self._short(cell, encoder, recipe, [target]), key))
        table = self._per_language(
            encoder, target, f"{encoder}, {title(target)}, {self.split}: {score}"
        )
        plural = "language" if covered == 1 else "languages"
        before = len(table.columns) - len(mean)
        foot = TableRow(
            label=f"Mean of {covered} {plural}", cells=tuple(mark_best(mean)), span=before
        )
        return replace(table, foot=(foot,))

    def metrics(self, encoder: str, target: str) -> Iterator[Table]:
        """One table for every metric that is not the whole of the main score."""
        held = dict.fromkeys(
            key[4] for key in self._metrics if (key[0], key[2]) == (encoder, target)
        )
        for metric in held:
            if (metric,) != main_metrics(target):
                yield self._per_language(
                    encoder,
                    target,
                    f"{encoder}, {title(target)}, {self.split}: {metric_title(metric)}",
                    metric,
                )

    def _per_language(
        self, encoder: str, target: str, caption: str, metric: str | None = None
    ) -> Table:
        held = self.coverage[target]
        codes = [*held["covered"], *held["partial"]]
        many = len(codes) > MOST_UNFOLDED
        if many:
            codes.sort(key=lambda code: (self._family(code), self._name(code)))
        rows = []
        for language in codes:
            scores, cells = [], []
            for recipe in self.recipes:
                key = (encoder, recipe, target, language)
                score = self._metrics.get((*key, metric)) if metric else self._languages.get(key)
                ran = key[:3] in self._ran
                scores.append(score)
                cell = self._cell(
                    score,
                    None if metric else self._language_gains.get(key),
                    "language not covered" if ran else "not run",
                    judge=True,
                )
                cell = replace(cell, whole=not self._is_incomplete(encoder, recipe, [target]))
                cells.append(cell if metric else self._beside(cell, key))
            items = max((row["n"] or 0 for row in scores if row), default=0)
            counted = (
                TableCell(text=f"{items:,}", value=items)
                if items
                else TableCell(why="not recorded")
            )
            marks = UNSEEN_MARK * (language in self.unseen.get(encoder, ()))
            marks += PARTIAL_MARK * (language in held["partial"])
            rows.append(
                TableRow(
                    label=language,
                    cells=(
                        TableCell(text=self._name(language)),
                        *([TableCell(text=self._family(language))] if many else []),
                        counted,
                        *mark_best(cells),
                    ),
                    marks=marks,
                )
            )
        return Table(
            caption=caption,
            columns=(
                Column(label="Code"),
                Column(label="Language"),
                *([Column(label="Family")] if many else []),
                Column(label="Items", kind=NUMBER),
                *(
                    Column(label=self._recipe_label(encoder, recipe, target), kind=NUMBER)
                    for recipe in self.recipes
                ),
            ),
            rows=tuple(rows),
            paged=many,
        )

    def _name(self, code: str) -> str:
        return self.names[code].name if code in self.names else ""

    def _family(self, code: str) -> str:
        return self.names[code].family if code in self.names else ""


def members_of(quantity: str, name: str) -> Sequence[str]:
    """The targets that a quantity rests on."""
    return GROUPS.get(name, tuple(XTREME)) if quantity in ("group", OVERALL) else (name,)


def _spread(row: dict | None) -> Iterable[TableCell]:
    if row is None:
        return (TableCell(why="the baseline, or no seed in common with it"),) * 5
    return (
        TableCell(text=str(row["seeds"]), value=row["seeds"]),
        *(TableCell(text=fixed(row[key]), value=row[key]) for key in ("mean", "low", "high")),
        TableCell.of(row["sd"], lambda sd: fixed(sd, 2), "fewer than three seeds"),
    )
