"""Verdicts on simulated items: effects that are there are found, others are not made up."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pytest
from panels import only, simulated_panel
from scipy import stats

from xstilts.analysis.fairness.harm import harm_rows
from xstilts.analysis.fairness.rows import fairness_rows
from xstilts.analysis.groups import group_rows
from xstilts.analysis.inference.adjust import NOT_ENOUGH, plain
from xstilts.analysis.inputs.panel import Panel
from xstilts.analysis.tables import (
    CORRECTED,
    EVERY,
    FAIRER,
    FAMILY,
    GAIN,
    GAINS,
    LESS_FAIR,
    LOSES,
    POINTS,
)

# Three families of three, two and two languages.
FAMILIES = {
    "Indo-European": ("de", "fr", "ru"),
    "Uralic": ("fi", "hu"),
    "Turkic": ("tr", "kk"),
}
OUTCOMES = {"Indo-European": GAINS, "Uralic": LOSES, "Turkic": NOT_ENOUGH}


def of_languages(gains: Mapping[str, float]) -> dict[str, float]:
    """Gains of families in points as gains of their languages."""
    return {code: gains[family] for family, codes in FAMILIES.items() for code in codes}


def family_rows(panel: Panel, rows: list[dict] | None = None) -> list[dict]:
    """Gains of families in points, mean over targets."""
    wanted = {"grouping": FAMILY, "quantity": GAIN, "scale": POINTS, "target": EVERY}
    rows = group_rows(panel) if rows is None else rows
    return [row for row in rows if all(row[name] == value for name, value in wanted.items())]


def panels(
    count: int, gains: Mapping[str, float], name: str, **settings: object
) -> Iterator[Panel]:
    for number in range(count):
        rng = np.random.default_rng([len(name), number])
        yield simulated_panel(rng, of_languages(gains), name=f"{name}{number}", **settings)


def most(count: int, share: float) -> int:
    """What a count of events of this probability exceeds in one of a hundred cases."""
    return int(stats.binom.ppf(0.99, count, share))


@pytest.mark.parametrize(
    "settings",
    [
        {"units": 250},
        {"units": 250, "seeds": 3, "seed_noise": 0.5},
        {"units": 150, "targets": ("panx", "udpos")},
    ],
    ids=["one seed", "three seeds", "two targets"],
)
def test_planted_effects_are_found_at_their_size(settings: Mapping[str, object]) -> None:
    """One family gains 15 points, one loses 15, one stays as it is; in 20 data sets."""
    gains = {"Indo-European": 15.0, "Uralic": -15.0, "Turkic": 0.0}
    recovered = dict.fromkeys(OUTCOMES, 0)
    covered, wrong = 0, 0
    for panel in panels(20, gains, "planted", draws=400, **settings):
        for row in family_rows(panel):
            recovered[row["group"]] += plain(row["verdict"]) == OUTCOMES[row["group"]]
            covered += row["low"] <= gains[row["group"]] <= row["high"]
            wrong += plain(row["verdict"]) == {GAINS: LOSES, LOSES: GAINS}.get(
                OUTCOMES[row["group"]]
            )
    least = 14 if "seeds" in settings else 19
    assert min(recovered["Indo-European"], recovered["Uralic"]) >= least, recovered
    assert recovered["Turkic"] >= 20 - most(20, 0.05)
    assert wrong == 0
    assert covered >= 60 - most(60, 0.05)


def test_small_effects_are_covered_as_often_as_stated() -> None:
    gains = {"Indo-European": 6.0, "Uralic": -4.0, "Turkic": 2.0}
    missed = 0
    for panel in panels(150, gains, "covered", units=60, draws=300):
        missed += sum(
            not row["low"] <= gains[row["group"]] <= row["high"] for row in family_rows(panel)
        )
    assert 450 * 0.02 <= missed <= most(450, 0.05)


def test_harm_and_unfairness_are_found_where_they_were_planted() -> None:
    gains = {"Indo-European": 15.0, "Uralic": -25.0, "Turkic": 0.0}
    (panel,) = panels(1, gains, "harm", units=400, draws=1000, targets=("panx", "udpos"))
    rows = group_rows(panel)
    harm = harm_rows(panel, rows)
    uralic = only(harm, target=EVERY, grouping=FAMILY, group="Uralic")
    assert (uralic["rate"], uralic["strictly"]) == (1, 4)
    assert uralic["share_of_losses"] > 0.8
    # One of 21 ways to place the two languages that lose, in both tasks.
    assert uralic["p"] == pytest.approx(1 / 21, abs=0.01)
    assert only(harm, target=EVERY, grouping=FAMILY, group="Indo-European")["p"] > 0.5
    verdicts = {
        row["measure"]: plain(row["verdict"])
        for row in fairness_rows(panel, {}, group_rows(panel))
        if (row["recipe"], row["target"], row["scale"]) == ("mnli", EVERY, CORRECTED)
    }
    assert verdicts["worst_family"] == verdicts["gini"] == verdicts["family_gap"] == LESS_FAIR


def test_fairness_is_found_where_it_was_planted() -> None:
    """All start at half; what the recipe lifts is made up for in the baseline's data."""
    gains = {"Indo-European": -25.0, "Uralic": 0.0, "Turkic": 0.0}
    (panel,) = panels(1, gains, "fair", units=400, draws=1000)
    sample = panel.evidence.samples["panx"]
    mirrored = dict(zip(sample.cells, reversed(sample.cells), strict=True))
    assert mirrored["mnli", 1] == ("none", 1)
    sample.scores[:] = sample.scores[:, ::-1]
    verdicts = {
        row["measure"]: plain(row["verdict"])
        for row in fairness_rows(panel, {}, group_rows(panel))
        if (row["recipe"], row["target"], row["scale"]) == ("mnli", EVERY, CORRECTED)
    }
    assert verdicts["worst_family"] == verdicts["spread"] == verdicts["family_gap"] == FAIRER


@pytest.mark.parametrize(
    ("count", "settings"),
    [
        (400, {"units": 60, "draws": 400}),
        (250, {"units": 60, "draws": 400, "seeds": 3, "seed_noise": 4.0}),
        (250, {"units": 60, "draws": 400, "seeds": 3, "seed_noise": 15.0}),
    ],
    ids=["items only", "seeds and items", "mostly seeds"],
)
def test_nothing_is_found_where_nothing_is(count: int, settings: Mapping[str, object]) -> None:
    """Of data sets without any effect at most 5 % have a family with a verdict."""
    gains = dict.fromkeys(FAMILIES, 0.0)
    found, missed = 0, 0
    for panel in panels(count, gains, "nothing", **settings):
        rows = family_rows(panel)
        found += any(row["verdict"] != NOT_ENOUGH for row in rows)
        missed += sum(not row["low"] <= 0 <= row["high"] for row in rows)
    assert found <= most(count, 0.05)
    # Families share the seeds, so their misses come together.
    assert missed / (3 * count) <= 0.075


def test_no_change_in_fairness_is_found_where_nothing_is() -> None:
    """Of 150 data sets without any effect at most 5 % have a measure with a verdict."""
    found = 0
    for panel in panels(150, dict.fromkeys(FAMILIES, 0.0), "fairness", units=60, draws=400):
        rows = fairness_rows(panel, {}, group_rows(panel))
        found += any(
            row["verdict"] != NOT_ENOUGH
            for row in rows
            if (row["recipe"], row["target"], row["scale"]) == ("mnli", EVERY, CORRECTED)
        )
    assert found <= most(150, 0.05)
