"""A made-up experiment in very many languages, for tests and measures of pages that show them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property, partial
from itertools import product
from pathlib import Path

import numpy as np
import polars as pl
from findings_tables import example_findings
from prediction_files import runs

from xstilts.analysis.findings import Findings
from xstilts.config.languages import LANGUAGES, Language
from xstilts.config.recipes import NONE
from xstilts.config.tasks import SOURCE_LANGUAGE, TARGETS
from xstilts.data.schemas import SCORES
from xstilts.report.claims import write_claims
from xstilts.report.fairness import write_fairness
from xstilts.report.glossary import write_glossary
from xstilts.report.page import write_page
from xstilts.report.sentences import summary_of
from xstilts.scoring.averages import main_metrics


class WideExperiment:
    """All targets in so many of their languages, recipes with the baseline, and seeds."""

    names = ("index.html", "fairness.html", "claims.html", "glossary.html")

    def __init__(self, languages: int, recipes: int, seeds: int) -> None:
        known = [code for task in TARGETS.values() for code in task.languages if code in LANGUAGES]
        self.codes = tuple(dict.fromkeys([SOURCE_LANGUAGE, *known]))[:languages]
        self.covered = {
            key: tuple(code for code in self.codes if code in task.languages)
            for key, task in TARGETS.items()
        }
        self.recipes = (NONE, *(f"recipe{number}" for number in range(1, recipes)))
        self.seeds = range(1, seeds + 1)

    @property
    def languages(self) -> Mapping[str, Language]:
        """What is known of them."""
        return {code: LANGUAGES[code] for code in self.codes}

    @cached_property
    def findings(self) -> Findings:
        """Numbers in every table."""
        return example_findings(
            recipes=self.recipes,
            targets=tuple(TARGETS),
            codes=self.codes,
            pitfall_items=1,
            languages=self.languages,
            # Groups have English first, which is in none of their means.
            covered={
                key: tuple(dict.fromkeys([SOURCE_LANGUAGE, *codes]))
                for key, codes in self.covered.items()
            },
        )

    @cached_property
    def scores(self) -> pl.DataFrame:
        """The table of scores."""
        random = np.random.default_rng(1)
        places = [
            ("xlmr", recipe, target, seed, "test", code, "clean", metric, 1_000)
            for recipe, target, seed in product(self.recipes, TARGETS, self.seeds)
            for code in self.covered[target]
            for metric in main_metrics(target)
        ]
        names = [name for name in SCORES.names if name != "value"]
        values = pl.Series("value", random.uniform(40, 90, len(places)))
        return pl.DataFrame(places, schema=names, orient="row").with_columns(values)

    @cached_property
    def training_runs(self) -> pl.DataFrame:
        """Sound training runs."""
        sets = dict.fromkeys(filter(None, (task.train_set for task in TARGETS.values())))
        rows = product(self.recipes, ["target"], sets, self.seeds, [70.0], [""])
        return runs(*rows, encoder="xlmr")

    def pages(self) -> dict[str, Callable[[Path], None]]:
        """What writes each page into a file, by the page's name."""
        given = {"scores": self.scores, "runs": self.training_runs, "findings": self.findings}
        return {
            "index.html": partial(self.write_scores, **given),
            "fairness.html": self.write_fairness,
            "claims.html": partial(self.write_claims, **given),
            "glossary.html": write_glossary,
        }

    def write_scores(self, path: Path, **given: pl.DataFrame | Findings) -> None:
        """The page of scores."""
        experiment = {"recipes": list(self.recipes), "targets": list(TARGETS)}
        write_page(output=path, title="Wide", experiment=experiment, notes=[], **given)

    def write_fairness(self, path: Path) -> None:
        """The page of robustness and fairness."""
        summary = summary_of(self.findings)
        write_fairness(path, self.findings, title="Wide", summary=summary, recipes=self.recipes)

    def write_claims(self, path: Path, **given: pl.DataFrame | Findings) -> None:
        """The page of claims, with its files beside it."""
        others = (path.with_suffix(".json"), path.with_name("selection.parquet"))
        nothing = {"sources": [], "languages": [], "mlm": False}
        recipes = {name: {**nothing, "tasks": [name] * (name != NONE)} for name in self.recipes}
        write_claims(path, *others, title="Wide", recipes=recipes, **given)
