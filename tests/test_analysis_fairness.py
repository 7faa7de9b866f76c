"""Fairness, the Pareto front and stability between seeds: by hand and by loops over draws."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from itertools import combinations, product
from types import SimpleNamespace

import numpy as np
import pytest
from panels import known_panel, only, panel_of
from scipy import stats

from xstilts.analysis.fairness import TOLERANCE, fairness_rows, pareto_rows
from xstilts.analysis.findings import (
    BETTER,
    CORRECTED,
    EVERY,
    FAIRER,
    FAIRNESS,
    ITEMS,
    LESS_FAIR,
    NOT_ENOUGH,
    PARETO,
    POINTS,
    STABILITY,
    WORSE,
    table,
)
from xstilts.analysis.inference.bootstrap import Sample
from xstilts.analysis.panel import Panel
from xstilts.analysis.stability import stability_rows

NONE, MNLI = ("none", 1), ("mnli", 1)

# Of the families only Japonic has one language.
CODES = ("de", "fr", "tr", "kk", "ja")
FAMILIES = {"Indo-European": ("de", "fr"), "Turkic": ("tr", "kk"), "Japonic": ("ja",)}
PANX = {
    NONE: dict(zip(CODES, (60.0, 70.0, 40.0, 20.0, 10.0), strict=True)),
    MNLI: dict(zip(CODES, (62.0, 72.0, 48.0, 30.0, 8.0), strict=True)),
}
XNLI = {
    NONE: {"de": 80.0, "fr": 70.0, "tr": 60.0},
    MNLI: {"de": 80.0, "fr": 76.0, "tr": 66.0},
}


def facts_of(**millions: tuple[float | None, float | None]) -> dict[str, SimpleNamespace]:
    return {
        code: SimpleNamespace(speakers=one, speakers_ethnologue=other)
        for code, (one, other) in millions.items()
    }


FACTS = facts_of(de=(100.0, None), fr=(300.0, 200.0), tr=(80.0, None), kk=(20.0, None))


def rows_of(panel: Panel, facts: dict = FACTS, **wanted: object) -> list[dict]:
    """Rows with these values; all of them fit the schema."""
    rows = fairness_rows(panel, facts)
    table(rows, FAIRNESS)
    return [row for row in rows if all(row[name] == value for name, value in wanted.items())]


def by_hand(u: Sequence[float]) -> dict[str, float]:
    """All measures of one list of scores, as loops."""
    of = dict(zip(CODES, u, strict=True))
    family = {name: statistics.fmean(of[code] for code in held) for name, held in FAMILIES.items()}
    mean = statistics.fmean(u)
    speakers = {"de": 100.0, "fr": 300.0, "tr": 80.0, "kk": 20.0}
    other = {**speakers, "fr": 200.0}

    def gini(weights: dict[str, float]) -> float:
        differences = sum(
            weights[a] * weights[b] * abs(of[a] - of[b]) for a, b in product(weights, weights)
        )
        total = sum(weights.values()) * sum(weights[code] * of[code] for code in weights)
        return differences / (2 * total)

    def utility(weights: dict[str, float], tau: float) -> float:
        demand = {code: count**tau for code, count in weights.items()}
        return sum(demand[code] * of[code] for code in demand) / sum(demand.values())

    between = sum(len(held) * (family[name] - mean) ** 2 for name, held in FAMILIES.items())
    return {
        "mean_languages": mean,
        "mean_families": statistics.fmean(family.values()),
        "worst_language": min(u),
        "lowest_tenth": min(u),
        "worst_family": min(family["Indo-European"], family["Turkic"]),
        "worst_any_family": min(family.values()),
        "spread": statistics.stdev(u),
        "variation": statistics.stdev(u) / mean,
        "gini": gini(dict.fromkeys(CODES, 1.0)),
        "gini_speakers": gini(speakers),
        "family_gap": max(family.values()) - min(family.values()),
        "eta_squared": between / sum((value - mean) ** 2 for value in u),
        **{
            f"utility_{name}_{tau:g}": utility(weights, tau)
            for name, weights in (("cldr", speakers), ("ethnologue", other))
            for tau in (1, 0.5, 0.01)
        },
    }


def test_measures_are_those_of_loops_over_draws() -> None:
    panel = known_panel({"panx": PANX}, draws=80, noise=2.0)
    sample = panel.evidence.samples["panx"]
    drawn = {cell[0]: sample.scores[:, place] for place, cell in enumerate(sample.cells)}
    series = {name: [by_hand(row.tolist()) for row in held] for name, held in drawn.items()}
    for scale in (POINTS, CORRECTED):
        for target in ("panx", EVERY):
            before = rows_of(panel, recipe="none", scale=scale, target=target)
            after = rows_of(panel, recipe="mnli", scale=scale, target=target)
            assert {row["measure"] for row in before} == set(series["none"][0])
            assert [row["title"] for row in before] == [row["title"] for row in after]
            for row in (*before, *after):
                name = row["measure"]
                value, *draws = (each[name] for each in series[row["recipe"]])
                half = 1.959964 * statistics.pstdev(draws)
                assert row["value"] == pytest.approx(value, rel=1e-5)
                assert (row["low"], row["high"]) == pytest.approx(
                    (value - half, value + half), rel=1e-3
                )
                assert row["basis"] == ITEMS
            assert {row.get("change") for row in before} == {None}
            for row in after:
                name = row["measure"]
                value, *draws = (
                    one[name] - other[name]
                    for one, other in zip(series["mnli"], series["none"], strict=True)
                )
                error = statistics.pstdev(draws)
                assert row["change"] == pytest.approx(value, abs=1e-5)
                assert row["change_high"] - row["change"] == pytest.approx(1.959964 * error, 1e-3)
                exact = max(2 * stats.norm.sf(abs(value) / error), 2 / 81)
                assert row["p"] == pytest.approx(exact, rel=1e-2)


def test_verdicts_and_directions() -> None:
    """Small noise: the spread shrinks but for Japanese, which loses."""
    rows = rows_of(known_panel({"panx": PANX}, draws=2000, noise=0.1), recipe="mnli", target=EVERY)
    for scale in (POINTS, CORRECTED):
        found = {row["measure"]: row for row in rows if row["scale"] == scale}
        said = {name: row["verdict"] for name, row in found.items()}
        assert said["mean_languages"] == said["utility_cldr_1"] == BETTER
        assert said["worst_family"] == FAIRER
        assert said["worst_language"] == said["family_gap"] == LESS_FAIR
        assert said["gini"] == said["variation"] == FAIRER
        # Benjamini-Hochberg: the k-th least of m p-values times m / k, at most those after it.
        tested = sorted(found.values(), key=lambda row: row["p"])
        for rank, row in enumerate(tested):
            expected = min(
                each["p"] * len(tested) / (1 + rank + more)
                for more, each in enumerate(tested[rank:])
            )
            assert row["p_adjusted"] == pytest.approx(expected)
    worse = {NONE: PANX[MNLI], MNLI: PANX[NONE]}
    rows = rows_of(known_panel({"panx": worse}, draws=2000, noise=0.1), recipe="mnli", target=EVERY)
    found = {row["measure"]: row["verdict"] for row in rows if row["scale"] == POINTS}
    assert (found["mean_languages"], found["worst_family"]) == (WORSE, LESS_FAIR)
    rows = rows_of(known_panel({"panx": PANX}, draws=300, noise=40.0), recipe="mnli")
    assert {row["verdict"] for row in rows} == {NOT_ENOUGH}


def test_minima_are_taken_inside_draws_and_named() -> None:
    """Two families swap places from draw to draw; the worse of the two is always at 40."""
    scores = np.array([[[40.0, 40, 60, 60]] * 2, [[60.0, 60, 40, 40]] * 2] * 50)
    sample = Sample(
        cells=(MNLI, NONE),
        languages=("de", "fr", "fi", "hu"),
        scores=scores,
        counts=dict.fromkeys(("de", "fr", "fi", "hu"), 1),
    )
    rows = rows_of(panel_of({"panx": sample}, ("none", "mnli")), recipe="none", scale=POINTS)
    row = only(rows, target="panx", measure="worst_family")
    assert (row["value"], row["low"], row["high"]) == (40, 40, 40)
    assert (row["who"], row["better"]) == ("Indo-European", "greater")
    assert only(rows, target="panx", measure="worst_language")["who"] == "de"
    assert only(rows, target="panx", measure="spread")["who"] is None


def test_means_over_targets_are_of_measures_within_targets() -> None:
    more = {"xnli": XNLI, "panx": PANX, "xcopa": {NONE: {"tr": 5.0, "et": 1.0}}}
    panel = known_panel(more)
    rows = rows_of(panel, recipe="none", scale=POINTS)
    values = {(row["target"], row["measure"]): row["value"] for row in rows}
    for measure in ("mean_languages", "spread", "worst_language", "family_gap", "eta_squared"):
        both = [values["xnli", measure], values["panx", measure]]
        assert values[EVERY, measure] == pytest.approx(statistics.fmean(both))
    # Worst is Turkish in XNLI and Japanese in PAN-X; the first one named is told.
    assert only(rows, target=EVERY, measure="worst_language")["who"] == "tr"
    assert only(rows, target=EVERY, measure="worst_family")["who"] == "Turkic"
    row = only(rows_of(panel, recipe="mnli", scale=POINTS), target=EVERY, measure="worst_language")
    assert row["change"] == pytest.approx((6 - 2) / 2)
    assert (row["low"], row["change_low"], row["verdict"]) == (None, None, NOT_ENOUGH)


def test_chance_correction() -> None:
    rows = rows_of(known_panel({"xnli": XNLI}), recipe="none", target="xnli", scale=CORRECTED)
    u = [100 * (score - 100 / 3) / (200 / 3) for score in XNLI[NONE].values()]
    assert only(rows, measure="mean_languages")["value"] == pytest.approx(statistics.fmean(u))
    assert only(rows, measure="spread")["value"] == pytest.approx(statistics.stdev(u))
    assert only(rows, measure="worst_language")["value"] == pytest.approx(40)


@pytest.mark.parametrize(
    ("codes", "absent"),
    [
        (("de",), {"worst_language", "lowest_tenth", "spread", "gini", "family_gap"}),
        (("de", "fr"), {"worst_any_family", "worst_family", "family_gap", "eta_squared"}),
        (("de", "tr"), {"worst_family", "eta_squared"}),
        (("de", "fr", "tr"), {"worst_family"}),
    ],
)
def test_what_languages_do_not_allow_is_left_out(codes: tuple[str, ...], absent: set[str]) -> None:
    held = {code: PANX[NONE][code] for code in codes}
    rows = rows_of(known_panel({"panx": {NONE: held, MNLI: held}}), target="panx", scale=POINTS)
    assert {row["measure"] for row in rows} >= {"mean_languages", "mean_families"}
    assert absent.isdisjoint(row["measure"] for row in rows)
    # A second language of the family elsewhere in the run does not give it one here.
    if codes == ("de", "tr"):
        more = {"panx": {NONE: held}, "udpos": {NONE: {"fr": 60.0, "kk": 50.0}}}
        rows = rows_of(known_panel(more), target="panx", scale=POINTS)
        assert not [row for row in rows if row["measure"] in ("worst_family", "eta_squared")]


def test_speakers_that_nobody_knows() -> None:
    panel = known_panel({"panx": PANX})
    for facts in ({}, facts_of(de=(None, None), fr=(3.0, None))):
        measures = {row["measure"] for row in rows_of(panel, facts)}
        assert not [name for name in measures if name.startswith(("utility", "gini_speakers"))]
    # Ethnologue's count where there is one, else that of CLDR.
    rows = rows_of(panel, FACTS, recipe="none", target="panx", scale=POINTS)
    one = only(rows, measure="utility_ethnologue_1")["value"]
    assert one == pytest.approx((100 * 60 + 200 * 70 + 80 * 40 + 20 * 20) / 400)


def test_below_chance_there_is_no_coefficient_of_variation() -> None:
    low = {NONE: {"de": 30.0, "fr": 20.0, "tr": 25.0}}
    rows = rows_of(known_panel({"xnli": low}, draws=50), target="xnli")
    assert only(rows, scale=POINTS, measure="variation")["value"] > 0
    assert not [row for row in rows if (row["scale"], row["measure"]) == (CORRECTED, "variation")]


def test_changes_are_over_common_seeds() -> None:
    """Only seed 2 is shared: there the spread grows from 10 to 14, though means say otherwise."""
    scores = {
        "panx": {
            ("none", 1): {"de": 60.0, "fr": 10.0},
            ("none", 2): {"de": 60.0, "fr": 50.0},
            ("mnli", 2): {"de": 64.0, "fr": 50.0},
            ("mnli", 3): {"de": 50.0, "fr": 50.0},
        }
    }
    row = only(
        rows_of(known_panel(scores), recipe="mnli", scale=POINTS), target="panx", measure="spread"
    )
    assert row["value"] == pytest.approx(7 / 2**0.5)
    assert row["change"] == pytest.approx(4 / 2**0.5)


def shifted(recipe: str, mean: float, worst: float) -> dict:
    """Turkic lowest, its mean moved by `worst`; Indo-European moved so that the mean is."""
    return {
        (recipe, 1): {
            "de": 60 + 2 * mean - worst,
            "fr": 60 + 2 * mean - worst,
            "tr": 30 + worst,
            "kk": 30 + worst,
        }
    }


def test_the_pareto_front() -> None:
    moves = {"none": (0, 0), "mnli": (2, 1), "qqp": (1, 3), "csqa": (2.05, 1), "ccg": (-1, 0.05)}
    held: dict = {}
    for recipe, (mean, worst) in moves.items():
        held |= shifted(recipe, mean, worst)
    rows = pareto_rows(known_panel({"panx": held}, draws=100, noise=0.1))
    table(rows, PARETO)
    found = {row["recipe"]: row for row in rows}
    for recipe, (mean, worst) in moves.items():
        row = found[recipe]
        assert (row["mean"], row["worst"]) == pytest.approx((45 + mean, 30 + worst), abs=1e-4)
        assert row["mean_low"] < row["mean"] < row["mean_high"]
        assert row["worst_family"] == "Turkic"
    # By a twentieth of a point csqa does not dominate mnli, nor does none lose to ccg's worst.
    assert TOLERANCE == 0.1
    assert {name for name, row in found.items() if row["front"]} == {"mnli", "qqp", "csqa"}
    assert set(found["none"]["dominated_by"]) == {"mnli", "qqp", "csqa"}
    assert set(found["ccg"]["dominated_by"]) == {"none", "mnli", "qqp", "csqa"}
    assert found["mnli"]["dominated_by"] == []


def test_recipes_are_set_side_by_side_over_the_targets_that_all_have() -> None:
    held = {**shifted("none", 0, 0), **shifted("mnli", 1, 1)}
    easy = {NONE: dict.fromkeys(("de", "fr", "tr", "kk"), 99.0)}
    rows = pareto_rows(known_panel({"panx": held, "udpos": easy}))
    assert {row["recipe"]: row["mean"] for row in rows} == {"none": 45, "mnli": 46}
    assert pareto_rows(known_panel({"xnli": XNLI})) == []


def by_seed(values: dict[str, Sequence[float]], codes: Sequence[str] = ("de", "tr")) -> dict:
    """Recipe to the score of each seed, the same in all languages."""
    return {
        (recipe, seed): dict.fromkeys(codes, score)
        for recipe, scores in values.items()
        for seed, score in enumerate(scores, 1)
    }


def pairwise(rankings: Sequence[Sequence[float]], compare: Callable[..., object]) -> float:
    return statistics.fmean(compare(*pair).statistic for pair in combinations(rankings, 2))


def test_stability_by_hand() -> None:
    scores = {
        "none": (50, 52, 51),
        "mnli": (53, 51, 54),
        "qqp": (52, 55, 50.5),
        "ccg": (40, 41, 42),
    }
    panel = known_panel({"panx": by_seed(scores)}, draws=3000, noise=0.01)
    rows = stability_rows(panel)
    table(rows, STABILITY)
    for target in ("panx", EVERY):
        of_seeds = list(zip(*scores.values(), strict=True))
        tau = only(rows, target=target, measure="kendall_tau")
        assert tau["value"] == pytest.approx(pairwise(of_seeds, stats.kendalltau))
        assert (tau["recipes"], tau["seeds"]) == (4, 3)
        ranks = np.array([stats.rankdata(held) for held in of_seeds])
        deviation = ((ranks.sum(axis=0) - 3 * 2.5) ** 2).sum()
        w = only(rows, target=target, measure="kendall_w")
        assert w["value"] == pytest.approx(12 * deviation / (9 * (64 - 4)))
        for recipe, held in scores.items():
            row = only(rows, target=target, measure="spread_over_seeds", name=recipe)
            assert row["value"] == pytest.approx(statistics.stdev(held), abs=1e-4)
            assert row["seeds"] == 3
        # Of nine pairs of seeds mnli is ahead of qqp in (1, 1), (3, 3) and, twice, 1 with 3.
        best = only(rows, target=target, measure="best_stays_best")
        assert best["name"] == "mnli"
        assert best["value"] == pytest.approx(4 / 9, abs=0.03)


def test_stability_with_seeds_missing() -> None:
    """ccg has one seed and is not ranked; of the others seeds 1 and 2 are shared."""
    held = by_seed({"none": (50, 51, 52), "mnli": (52, 50), "ccg": (60,)})
    rows = stability_rows(known_panel({"panx": held}))
    tau = only(rows, target="panx", measure="kendall_tau")
    assert (tau["value"], tau["recipes"], tau["seeds"]) == (-1, 2, 2)
    spread = only(rows, target="panx", measure="spread_over_seeds", name="ccg")
    assert (spread["value"], spread["seeds"]) == (None, 1)
    assert not [row for row in rows if row["measure"] == "best_stays_best"]
    rows = stability_rows(known_panel({"panx": by_seed({"none": (50,), "mnli": (52,)})}))
    assert {row["measure"] for row in rows} == {"spread_over_seeds"}


def test_the_untrained_baseline_is_ranked_in_every_seed() -> None:
    held = {**by_seed({"mnli": (45, 39, 47)}), NONE: {"de": 40.0, "tr": 40.0}}
    trained = by_seed({"none": (50, 50, 53), "mnli": (50, 50, 50)})
    rows = stability_rows(known_panel({"tatoeba": held, "panx": trained}))
    tau = only(rows, target="tatoeba", measure="kendall_tau")
    assert (tau["value"], tau["seeds"]) == (pytest.approx(-1 / 3), 3)
    alone = only(rows, target="tatoeba", measure="spread_over_seeds", name="none")
    assert (alone["value"], alone["seeds"]) == (None, 1)
    mean = only(rows, target=EVERY, measure="spread_over_seeds", name="none")
    assert (mean["value"], mean["seeds"]) == (pytest.approx(statistics.stdev((45, 45, 46.5))), 3)
