"""A quantity that stands in two outputs is the same number in both, with three seeds and with one.

Outputs are the tables of findings, the claims' JSON, the score page's averages, the headline, the
sentences, the data of the fairness page, and `xstilts compare`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from prediction_files import random_items, scores_of, write_cell
from test_analysis_claims import recipe

from xstilts.analysis.compare import compare
from xstilts.analysis.findings import Findings
from xstilts.analysis.inference.adjust import IN_RUN, NOT_ENOUGH
from xstilts.analysis.inputs.known_languages import KnownLanguages
from xstilts.analysis.investigate import investigate
from xstilts.analysis.sides import find_side
from xstilts.analysis.tables import (
    ALL,
    ALL_FAMILIES,
    ALL_LANGUAGES,
    EVERY,
    FAMILY,
    GAIN,
    POINTS,
    SCORE,
    WITH_ENGLISH,
)
from xstilts.config.language_facts import FACTS
from xstilts.config.languages import LANGUAGES
from xstilts.config.recipes import NONE
from xstilts.config.tasks import TARGETS
from xstilts.report.claims import write_claims
from xstilts.report.fairness import write_fairness
from xstilts.report.headline import headline
from xstilts.report.sentences import summary_of
from xstilts.scoring.averages import summarise

RECIPES = {
    "none": recipe(),
    "mnli": recipe("mnli"),
    "squad_v1": recipe("squad_v1"),
    "qqp": recipe("qqp"),
}
SKILL = {"none": 0.45, "mnli": 0.6, "squad_v1": 0.7, "qqp": 0.5}
HARD = {"my": -0.25, "kk": -0.2, "ja": -0.15, "tr": -0.1, "zh": -0.1}
CODES = ("en", "de", "ru", "fi", "hu", "tr", "kk", "ja", "zh", "my")
ON = ("xnli", "panx", "udpos", "xquad", "tatoeba")
# What a page shows of a number.
TENTH = 0.05 + 1e-9


class Run:
    """All outputs of one run."""

    def __init__(self, folder: Path, seeds: tuple[int, ...]) -> None:
        self.folder, paths = folder / "exp", []
        for target in ON:
            codes = [code for code in CODES if code in TARGETS[target].languages]
            for name, skill in SKILL.items():
                alone = name == NONE and TARGETS[target].train_set is None
                for seed in seeds[:1] if alone else seeds:
                    rng = np.random.default_rng([len(name), seed, len(target)])
                    items = {
                        code: random_items(
                            rng, target, 60, skill + HARD.get(code, 0) + 0.03 * rng.normal()
                        )
                        for code in codes
                    }
                    cell = ("enc", name, target, seed)
                    paths.append(write_cell(self.folder / "predictions", cell, items))
        self.scores = scores_of(paths)
        found = investigate(
            self.scores,
            KnownLanguages(languages=LANGUAGES, facts=FACTS),
            recipes=RECIPES,
            predictions=paths,
            draws=500,
        )
        found.write(folder / "findings")
        self.findings = Findings.read(folder / "findings")
        summary = summary_of(self.findings)
        self.said = summary.sentences
        self.headline = headline(self.scores, None, LANGUAGES, self.findings)
        write_claims(
            folder / "claims.html",
            folder / "claims.json",
            folder / "selection.parquet",
            title="Title",
            findings=self.findings,
            scores=self.scores,
            runs=None,
            recipes=RECIPES,
        )
        self.claims = json.loads((folder / "claims.json").read_text())["claims"]
        self.claims_page = (folder / "claims.html").read_text("utf-8")
        write_fairness(
            folder / "fairness.html",
            self.findings,
            title="Title",
            summary=summary,
            recipes=list(RECIPES),
        )
        self.page = (folder / "fairness.html").read_text("utf-8")

    def row(self, table: str, **where: object) -> Mapping:
        """The one row of a table with these values."""
        (found,) = self.findings[table].filter(**where).to_dicts()
        return found

    def mean(self, name: str, quantity: str = GAIN, group: str = WITH_ENGLISH) -> Mapping:
        """A mean over targets among the groups."""
        return self.row(
            "groups", recipe=name, target=EVERY, grouping=ALL, group=group, quantity=quantity,
            scale=POINTS,
        )  # fmt: skip


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(tmp_path_factory.mktemp("three"), (1, 2, 3))


@pytest.fixture(scope="module")
def single(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return Run(tmp_path_factory.mktemp("one"), (1,))


def numbers(row: Mapping, *names: str) -> list:
    return [row[name] for name in names]


def test_the_score_page_and_the_groups(run: Run) -> None:
    summary = summarise(run.scores)
    for table, quantity in ((summary.averages, SCORE), (summary.gains, GAIN)):
        for name in RECIPES:
            for target in ON:
                held = table.filter(recipe=name, quantity="task", name=target)["mean"]
                rows = run.findings["groups"].filter(
                    recipe=name, target=target, grouping=ALL, group=WITH_ENGLISH,
                    quantity=quantity, scale=POINTS,
                )  # fmt: skip
                assert held.to_list() == pytest.approx(rows["value"].to_list(), abs=1e-4)


def test_claims_take_their_numbers_from_the_tables(run: Run) -> None:
    for part in run.claims:
        if part["recipe"]:
            row = run.row(
                "fairness", recipe=part["recipe"], target=EVERY, measure="worst_family",
                scale=POINTS,
            )  # fmt: skip
            assert numbers(part, "value", "low", "high", "p", "p_adjusted") == numbers(
                row, "change", "change_low", "change_high", "p", "p_adjusted"
            )
            assert (part["verdict"] == NOT_ENOUGH) == (row["verdict"] == NOT_ENOUGH)
            for family in part["families"]:
                row = run.row(
                    "groups", recipe=part["recipe"], target=EVERY, grouping=FAMILY,
                    group=family["family"], quantity=GAIN, scale=POINTS,
                )  # fmt: skip
                assert numbers(family, "value", "low", "high", "p", "outcome") == numbers(
                    row, "value", "low", "high", "p", "verdict"
                )
    shown = {
        measure["name"]: measure
        for part in run.claims
        for measure in part["measures"]
        if measure["name"].startswith("Mean gain of ")
    }
    assert len(shown) == 3
    for title, measure in shown.items():
        row = run.mean(title.removeprefix("Mean gain of ").removesuffix(" over none"))
        assert numbers(measure, "value", "low", "high", "p") == pytest.approx(
            numbers(row, "value", "low", "high", "p"), rel=1e-4
        )


def test_measures_of_evenness_and_groups_have_their_means_in_common(run: Run) -> None:
    for row in run.findings["fairness"].to_dicts():
        group = {"mean_languages": ALL_LANGUAGES, "mean_families": ALL_FAMILIES}.get(row["measure"])
        if group is None:
            continue
        place = {name: row[name] for name in ("recipe", "target", "scale")}
        held = run.row("groups", **place, grouping=ALL, group=group, quantity=SCORE)
        assert numbers(row, "value", "low", "high") == numbers(held, "value", "low", "high")
        if row["change"] is not None:
            held = run.row("groups", **place, grouping=ALL, group=group, quantity=GAIN)
            assert numbers(row, "change", "change_low", "change_high", "p") == numbers(
                held, "value", "low", "high", "p"
            )
    for row in run.findings["pareto"].to_dicts():
        worst = run.row(
            "fairness", recipe=row["recipe"], target=EVERY, measure="worst_family",
            scale="corrected",
        )  # fmt: skip
        assert numbers(row, "worst", "worst_low", "worst_high", "worst_family") == numbers(
            worst, "value", "low", "high", "who"
        )
        mean = run.row(
            "groups", recipe=row["recipe"], target=EVERY, group=ALL_LANGUAGES, quantity=SCORE,
            scale="corrected",
        )  # fmt: skip
        assert numbers(row, "mean", "mean_low", "mean_high") == numbers(
            mean, "value", "low", "high"
        )


def shown(number: str) -> float:
    return float(number.replace("\N{MINUS SIGN}", "-"))


def test_sentences_and_headline_say_what_the_tables_hold(run: Run) -> None:
    pattern = r"`(\w+)` (?:raises|lowers) (?:the mean over \d+ languages|it) by ([\d.]+)"
    on_mean = [each for each in run.said if "the mean over" in each and "family" not in each]
    moved = [pair for each in on_mean for pair in re.findall(pattern, each)]
    unclear = re.findall(r"`(\w+)` ([+\N{MINUS SIGN}][\d.]+) \(95 %", " ".join(on_mean))
    assert {name for name, _ in moved + unclear} == set(RECIPES) - {NONE}
    for name, number in moved + unclear:
        row = run.mean(name, group=ALL_LANGUAGES)
        assert abs(row["value"]) == pytest.approx(abs(shown(number)), abs=TENTH)
        assert (row["verdict"] == NOT_ENOUGH) == ((name, number) in unclear)
    parts = run.headline[3]
    for name in re.findall(r"(mnli|squad_v1|qqp) (?:gains most|least)", parts):
        assert f"{run.mean(name)['value']:+.1f}".replace("-", "\N{MINUS SIGN}") in parts
    worst = run.row("fairness", recipe=NONE, target=EVERY, measure="worst_family", scale=POINTS)
    assert f"{worst['value']:.1f}" in run.headline[1]
    assert worst["who"] in run.headline[1]
    assert f"{run.mean(NONE, SCORE)['value']:.1f}" in run.headline[2]


def test_the_fairness_page_holds_the_tables(run: Run) -> None:
    """DataTables get the numbers to six digits."""
    place = {"quantity": GAIN, "scale": POINTS, "target": EVERY}
    for row in run.findings["groups"].filter(**place, grouping=FAMILY).to_dicts():
        for name in ("value", "low", "high"):
            assert str(round(row[name], 6)) in run.page, (row["group"], name)
    place = {"target": EVERY, "measure": "worst_family", "scale": POINTS}
    for row in run.findings["fairness"].filter(**place).to_dicts():
        for name in ("value", "low", "high", "change", "change_low", "change_high"):
            assert row[name] is None or str(round(row[name], 6)) in run.page, name


def test_compare_gives_the_gains(run: Run) -> None:
    sides = [find_side(f"{run.folder}:enc:{name}") for name in ("mnli", NONE)]
    found = compare(*sides, draws=500)
    checked = 0
    for row in found.rows:
        held = run.findings["groups"].filter(
            recipe="mnli", target=row["target"], grouping=row["grouping"], group=row["group"],
            quantity=GAIN, scale=POINTS,
        )  # fmt: skip
        for one in held.to_dicts():
            assert numbers(row, "value", "low", "high", "p") == pytest.approx(
                numbers(one, "value", "low", "high", "p"), rel=1e-6
            )
            checked += 1
    assert checked > 50


def verdicts(run: Run) -> list[str]:
    """Every verdict in tables and claims."""
    held = [part["verdict"] for part in run.claims]
    held += [family["outcome"] for part in run.claims for family in part["families"]]
    for table in run.findings.tables.values():
        if "verdict" in table.columns:
            held += table["verdict"].drop_nulls().to_list()
    return held


def test_with_one_seed_every_verdict_is_on_this_run(single: Run, run: Run) -> None:
    silent = {NOT_ENOUGH, "not testable", "may be the best"}
    of_one = set(verdicts(single)) - silent
    assert of_one
    assert all(verdict.endswith(IN_RUN) for verdict in of_one)
    assert not any(verdict.endswith(IN_RUN) for verdict in verdicts(run))
    for sentence in single.said:
        if re.search(r"raises|lowers|(more|less) even|A language loses|loses .* points", sentence):
            assert "in this run" in sentence.lower(), sentence
    badge = r'(?:<td>|<div class="result">)\s*<span class="badge \w+"><span [^>]*>. </span>([^<]+)<'
    badges = [each for each in re.findall(badge, single.claims_page) if each not in silent]
    assert badges
    assert all(badge.endswith(IN_RUN) for badge in badges), badges
    shown = " ".join(single.headline[3:])
    assert "in this run" in shown or "not enough data" in shown.lower()


def test_p_and_verdicts_agree_everywhere(run: Run) -> None:
    """A verdict is taken from the adjusted p, which is never below p, wherever it stands."""
    for name, table in run.findings.tables.items():
        if "verdict" not in table.columns:
            continue
        known = table.filter(pl.col("p_adjusted").is_not_null())
        assert (known["p_adjusted"] >= known["p"] - 1e-12).all(), name
        clear = known.filter(pl.col("p_adjusted") < 0.05)["verdict"]
        silent = (NOT_ENOUGH, "may be the best")
        assert not clear.is_in(silent).any(), name
        rest = known.filter(pl.col("p_adjusted") >= 0.05)["verdict"]
        assert rest.is_in(silent).all(), name
