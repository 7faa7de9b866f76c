"""Fairness, the Pareto front and stability between seeds: by hand and by loops over draws."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from itertools import combinations, product
from types import SimpleNamespace

import numpy as np
import pytest
from panels import known_panel, only
from scipy import stats

from xstilts.analysis.fairness.rows import TOLERANCE, fairness_rows, pareto_rows
from xstilts.analysis.groups import group_rows
from xstilts.analysis.inference.adjust import IN_RUN, NOT_ENOUGH
from xstilts.analysis.inference.draws import ITEMS
from xstilts.analysis.inputs.panel import Panel
from xstilts.analysis.stability import CLEARLY_BELOW, MAY_BE_BEST, stability_rows
from xstilts.analysis.tables import (
    ALL_FAMILIES,
    ALL_LANGUAGES,
    BETTER,
    CORRECTED,
    EVERY,
    FAIRER,
    FAIRNESS,
    GAIN,
    LESS_FAIR,
    PARETO,
    POINTS,
    SCORE,
    STABILITY,
    WORSE,
    table,
)

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
    rows = fairness_rows(panel, facts, group_rows(panel))
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


MINIMA = {"worst_language", "worst_family", "worst_any_family"}
EVEN = ("spread", "variation", "family_gap")
BOUNDS = {
    **dict.fromkeys(EVEN, (0.0, np.inf)),
    **dict.fromkeys(("gini", "gini_speakers", "eta_squared"), (0.0, 1.0)),
}


def width(name: str, value: float, draws: Sequence[float]) -> float:
    """Half of an interval: normal, and wider by as much as draws are off beyond chance."""
    error = statistics.pstdev(draws)
    off = abs(statistics.fmean(draws) - value) - 3 * error / len(draws) ** 0.5
    # Means stand among the groups, and means of draws are off by chance alone.
    return 1.959964 * error + (0 if name in ("mean_languages", "mean_families") else max(0, off))


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
                assert row["value"] == pytest.approx(value, rel=1e-5)
                assert row["basis"] == ITEMS
                if name in MINIMA:
                    assert row["low"] <= row["value"] <= row["high"]
                    continue
                half = width(name, value, draws)
                least, most = BOUNDS.get(name, (-np.inf, np.inf))
                assert (row["low"], row["high"]) == pytest.approx(
                    (max(value - half, least), min(value + half, most)), rel=1e-3
                )
            assert {row.get("change") for row in before} == {None}
            for row in after:
                name = row["measure"]
                value, *draws = (
                    one[name] - other[name]
                    for one, other in zip(series["mnli"], series["none"], strict=True)
                )
                error = statistics.pstdev(draws)
                assert row["change"] == pytest.approx(value, abs=1e-5)
                if name in MINIMA:
                    assert row["change_low"] <= row["change"] <= row["change_high"]
                    continue
                half = width(name, value, draws)
                assert row["change_high"] - row["change"] == pytest.approx(half, 1e-3)
                off = max(0, abs(value) - (half - 1.959964 * error))
                assert row["p"] == pytest.approx(2 * stats.norm.sf(off / error), rel=1e-2)


def test_verdicts_and_directions() -> None:
    """Small noise: the spread shrinks but for Japanese, which loses."""
    rows = rows_of(known_panel({"panx": PANX}, draws=2000, noise=0.1), recipe="mnli", target=EVERY)
    for scale in (POINTS, CORRECTED):
        found = {row["measure"]: row for row in rows if row["scale"] == scale}
        said = {name: row["verdict"] for name, row in found.items()}
        # One seed: what is said is said of this run.
        assert said["mean_languages"] == said["utility_cldr_1"] == BETTER + IN_RUN
        assert said["worst_family"] == FAIRER + IN_RUN
        assert said["worst_language"] == said["family_gap"] == LESS_FAIR + IN_RUN
        assert said["gini"] == said["variation"] == FAIRER + IN_RUN
        assert {row["tests"] for row in found.values()} == {len(found)}
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
    assert (found["mean_languages"], found["worst_family"]) == (WORSE + IN_RUN, LESS_FAIR + IN_RUN)
    rows = rows_of(known_panel({"panx": PANX}, draws=300, noise=40.0), recipe="mnli")
    assert {row["verdict"] for row in rows} == {NOT_ENOUGH}


def test_minima_are_named_and_bounded_by_those_that_may_be_the_least() -> None:
    """Two families near each other may both be the worst; the third is out of reach."""
    levels = {"de": 40.0, "fr": 40.0, "fi": 41.0, "hu": 41.0, "tr": 70.0, "kk": 70.0}
    panel = known_panel({"panx": {NONE: levels}}, draws=4000, noise=1.0)
    rows = rows_of(panel, recipe="none", scale=POINTS)
    row = only(rows, target="panx", measure="worst_family")
    error = 1 / 2**0.5
    # From the lower limit of the least of the two to the upper limit of the greatest of the two.
    low, high = row["low"], row["high"]
    assert row["value"] == 40
    assert 40 - 2.6 * error < low < 40 - 1.5 * error
    assert 41 + 1.5 * error < high < 41 + 2.6 * error
    assert (row["who"], row["better"]) == ("Indo-European", "greater")
    assert only(rows, target="panx", measure="worst_language")["who"] == "de"
    assert only(rows, target="panx", measure="spread")["who"] is None


def test_a_mean_that_stands_among_the_groups_is_the_same_number() -> None:
    panel = known_panel({"panx": PANX, "xnli": XNLI}, draws=300, noise=2.0)
    groups = group_rows(panel)
    rows = fairness_rows(panel, FACTS, groups)
    for measure, group in (("mean_languages", ALL_LANGUAGES), ("mean_families", ALL_FAMILIES)):
        for scale in (POINTS, CORRECTED):
            found = only(rows, recipe="mnli", target=EVERY, measure=measure, scale=scale)
            place = {"recipe": "mnli", "target": EVERY, "group": group, "scale": scale}
            score, gain = (only(groups, quantity=name, **place) for name in (SCORE, GAIN))
            assert [found[name] for name in ("value", "low", "high")] == [
                score[name] for name in ("value", "low", "high")
            ]
            assert [found[name] for name in ("change", "change_low", "change_high", "p")] == [
                gain[name] for name in ("value", "low", "high", "p")
            ]


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
        # Below the best, mnli with 52.7; by Student over three seeds, adjusted for six pairs.
        for recipe in ("none", "qqp", "ccg"):
            row = only(rows, target=target, measure="below_best", name=recipe)
            exact = stats.ttest_rel(scores["mnli"], scores[recipe])
            assert row["value"] == pytest.approx(
                statistics.fmean(scores["mnli"]) - statistics.fmean(scores[recipe]), abs=1e-3
            )
            assert row["p"] == pytest.approx(exact.pvalue, rel=0.15)
            assert row["tests"] == 6
        ccg = only(rows, target=target, measure="below_best", name="ccg")
        assert ccg["p_adjusted"] == pytest.approx(6 * ccg["p"])
        assert ccg["verdict"] == (CLEARLY_BELOW if ccg["p_adjusted"] < 0.05 else MAY_BE_BEST)
        assert only(rows, target=target, measure="below_best", name="qqp")["verdict"] == MAY_BE_BEST


def test_stability_with_seeds_missing() -> None:
    """ccg has one seed and is not ranked; of the others seeds 1 and 2 are shared."""
    held = by_seed({"none": (50, 51, 52), "mnli": (52, 50), "ccg": (60,)})
    rows = stability_rows(known_panel({"panx": held}))
    tau = only(rows, target="panx", measure="kendall_tau")
    assert (tau["value"], tau["recipes"], tau["seeds"]) == (-1, 2, 2)
    spread = only(rows, target="panx", measure="spread_over_seeds", name="ccg")
    assert (spread["value"], spread["seeds"]) == (None, 1)
    assert not [row for row in rows if row["measure"] == "below_best"]
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
