"""The part of the score page that sets scores beside their baselines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import polars as pl

from xstilts.config.experiment import BASELINE
from xstilts.config.recipes import UNTRAINED
from xstilts.config.tasks import SOURCE_LANGUAGE, TARGETS
from xstilts.report.table import NUMBER, Column, Table, TableCell, TableRow
from xstilts.report.tables import ScoreTables
from xstilts.report.wording import title
from xstilts.rounding import fixed
from xstilts.scoring.best_baseline import best_baseline, main_scores


@dataclass(frozen=True, kw_only=True)
class Shortcuts:
    """The baselines beside the scores of one view.

    Attributes:
        view: the scores.
        baselines: columns of `schemas.BASELINES`, of any splits and encoders.
        names: the baselines in the order in which they are shown.
    """

    view: ScoreTables
    baselines: pl.DataFrame
    names: Sequence[str]

    @property
    def recipe(self) -> str:
        """The recipe in the last row: the one without intermediate training, else the first."""
        return BASELINE if BASELINE in self.view.recipes else self.view.recipes[0]

    def tables(self, encoder: str) -> list[Table]:
        """English scores (for retrieval means over languages), then means of the others."""
        trained = [key for key in self.view.targets if not TARGETS[key].facts.embedded]
        place = f"{encoder}, {self.view.split}: shortcuts"
        tables = [
            self._table(
                encoder,
                f"{place} in English, in points (retrieval: mean over languages)",
                {key: self._languages(key, english=True) for key in self.view.targets},
            )
        ]
        if trained:
            tables.append(
                self._table(
                    encoder,
                    f"{place} in the other languages, means in points",
                    {key: self._languages(key, english=False) for key in trained},
                )
            )
        return tables

    def caveats(self) -> Iterator[str]:
        """A sentence for each English score that is not clearly above the best baseline."""
        for encoder in self.view.encoders:
            found = main_scores(self.baselines, encoder, self.view.split, self.view.condition)
            for target in self.view.targets:
                english = self.view.score(encoder, self.recipe, target, SOURCE_LANGUAGE)
                best = best_baseline(found, target)
                unshown = TARGETS[target].facts.understood
                if english is None or best is None or not unshown:
                    continue
                if (encoder, self.recipe, target) in self.view.incomplete:
                    continue
                if not best.is_beaten_by(english):
                    yield (
                        f"{title(target)} ({encoder}, {self.recipe}, {self.view.split}): English"
                        f" {fixed(english)} is not clearly above the shortcut {best.name}"
                        f" ({fixed(best.value)}): the score does not show {unshown}."
                    )

    def _languages(self, target: str, *, english: bool) -> list[str]:
        """The averaged languages that a column is about."""
        covered = self.view.coverage[target]["covered"] if target in self.view.coverage else []
        if TARGETS[target].facts.embedded:
            return covered
        return [code for code in covered if english == (code == SOURCE_LANGUAGE)]

    def _table(self, encoder: str, caption: str, columns: Mapping[str, list[str]]) -> Table:
        found = main_scores(self.baselines, encoder, self.view.split, self.view.condition)
        known = {target for _, target in found}
        rows = [
            TableRow(
                label=name,
                cells=tuple(
                    self._mean(
                        found.get((name, target), {}),
                        target,
                        codes,
                        "not defined for this target"
                        if name != UNTRAINED and target in known
                        else "not run",
                    )
                    for target, codes in columns.items()
                ),
            )
            for name in self.names
        ]
        recipe = TableRow(
            label=f"recipe {self.recipe}",
            cells=tuple(
                TableCell(why="not run with all seeds")
                if (encoder, self.recipe, target) in self.view.incomplete
                else self._mean(self._scores(encoder, target, codes), target, codes, "not run")
                for target, codes in columns.items()
            ),
        )
        labels = [
            Column(label=title(target), group=title(TARGETS[target].group or ""), kind=NUMBER)
            for target in columns
        ]
        return Table(
            caption=caption, columns=(Column(label="Baseline"), *labels), rows=(*rows, recipe)
        )

    def _scores(self, encoder: str, target: str, codes: Sequence[str]) -> dict[str, float]:
        scores = {code: self.view.score(encoder, self.recipe, target, code) for code in codes}
        return {code: score for code, score in scores.items() if score is not None}

    def _mean(
        self, scores: Mapping[str, float], target: str, codes: Sequence[str], absent: str
    ) -> TableCell:
        if target not in self.view.coverage:
            return TableCell(why="not run")
        if not codes:
            return TableCell(why="no such language is averaged")
        if not scores:
            return TableCell(why=absent)
        if not set(codes) <= scores.keys():
            return TableCell(why="not every averaged language has a score")
        mean = fmean(scores[code] for code in codes)
        return TableCell(text=fixed(mean), value=mean)
