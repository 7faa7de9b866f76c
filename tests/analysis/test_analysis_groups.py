"""Scores, gains and gaps of groups of languages, and who is harmed: by hand and by loops."""

from __future__ import annotations

import statistics
from dataclasses import replace

import numpy as np
import pytest
from panels import known_panel, only
from scipy import stats

from xstilts.analysis.fairness.harm import harm_rows
from xstilts.analysis.fairness.rows import fairness_rows
from xstilts.analysis.groups import group_rows
from xstilts.analysis.inference.adjust import IN_RUN, NOT_ENOUGH
from xstilts.analysis.inference.draws import ITEMS, LANGUAGES, SEEDS
from xstilts.analysis.inputs.evidence import Evidence
from xstilts.analysis.inputs.panel import Panel
from xstilts.analysis.tables import (
    ALL,
    ALL_FAMILIES,
    ALL_LANGUAGES,
    BETTER,
    BRANCH,
    CORRECTED,
    EVERY,
    FAIRER,
    FAMILY,
    GAIN,
    GAINS,
    GAP,
    GROUPS,
    HARM,
    LANGUAGE,
    LOSES,
    POINTS,
    SCORE,
    WITH_ENGLISH,
    table,
)

NONE, MNLI = ("none", 1), ("mnli", 1)

# XNLI's chance level is a third; PAN-X has none. Turkic has a second language in PAN-X only.
SCORES = {
    "xnli": {
        NONE: {"en": 80.0, "de": 70.0, "fr": 72.0, "ru": 62.0, "tr": 50.0},
        MNLI: {"en": 82.0, "de": 73.0, "fr": 73.0, "ru": 64.0, "tr": 46.0},
    },
    "panx": {
        NONE: {"en": 84.0, "de": 60.0, "tr": 40.0, "kk": 20.0, "ja": 10.0},
        MNLI: {"en": 85.0, "de": 64.0, "tr": 41.0, "kk": 26.0, "ja": 7.0},
    },
}
OF = {
    "Indo-European": ("de", "fr", "ru"),
    "Turkic": ("tr", "kk"),
    "Japonic": ("ja",),
}


def rows_of(panel: Panel, **wanted: object) -> list[dict]:
    """Rows with these values; all of them fit the schema."""
    rows = group_rows(panel)
    table(rows, GROUPS)
    return [row for row in rows if all(row[name] == value for name, value in wanted.items())]


def test_values_by_hand() -> None:
    rows = rows_of(known_panel(SCORES))
    gains = {
        (row["target"], row["group"]): row["value"]
        for row in rows
        if (row["recipe"], row["scale"], row["quantity"]) == ("mnli", POINTS, GAIN)
    }
    assert gains["xnli", "Indo-European"] == pytest.approx((3 + 1 + 2) / 3)
    assert gains["xnli", "Germanic"] == 3
    assert gains["xnli", "Turkic"] == -4
    assert gains["xnli", ALL_LANGUAGES] == pytest.approx(2 / 4)
    assert gains["xnli", ALL_FAMILIES] == pytest.approx((2 - 4) / 2)
    assert gains["panx", "Turkic"] == pytest.approx((1 + 6) / 2)
    assert gains["panx", ALL_FAMILIES] == pytest.approx((4 + 3.5 - 3) / 3)
    # Within each target first.
    assert gains[EVERY, "Turkic"] == pytest.approx((-4 + 3.5) / 2)
    assert gains[EVERY, "Indo-European"] == pytest.approx((2 + 4) / 2)
    assert gains[EVERY, "Japonic"] == -3
    assert gains[EVERY, "tr"] == pytest.approx((-4 + 1) / 2)
    assert gains[EVERY, ALL_FAMILIES] == pytest.approx((-1 + 1.5) / 2)

    def value(quantity: str, scale: str = POINTS, **more: str) -> float:
        return only(rows, quantity=quantity, scale=scale, **more)["value"]

    one = {"recipe": "none", "group": "Turkic"}
    assert value(SCORE, target="panx", **one) == 30
    assert value(SCORE, target=EVERY, **one) == 40
    assert value(GAP, target="xnli", **one) == 30
    assert value(GAP, target=EVERY, **one) == pytest.approx((30 + 54) / 2)
    # u = (s - 100/3) / (200/3), in percent.
    assert value(SCORE, CORRECTED, target="xnli", **one) == pytest.approx(25)
    assert value(GAP, CORRECTED, target="xnli", **one) == pytest.approx(70 - 25)
    two = {"recipe": "mnli", "group": "Turkic"}
    assert value(GAIN, CORRECTED, target="xnli", **two) == pytest.approx(-6)
    assert value(GAIN, CORRECTED, target=EVERY, **two) == pytest.approx((-6 + 3.5) / 2)
    assert not [row for row in rows if row["quantity"] == GAIN and row["recipe"] == "none"]


def test_what_stands_beside_the_values() -> None:
    panel = known_panel(SCORES, count=50, unseen={"kk", "ru"})
    rows = rows_of(panel, recipe="mnli", scale=POINTS, quantity=GAIN)
    row = only(rows, target="panx", group="Turkic")
    assert (row["languages"], row["unseen"], row["items"]) == (["tr", "kk"], ["kk"], 100)
    assert (row["seeds"], row["targets"], row["single"]) == (1, 1, False)
    assert (row["best"], row["worst"]) == ("kk", "tr")
    assert row["spread"] == pytest.approx(statistics.stdev([1, 6]))
    row = only(rows, target=EVERY, group="Turkic")
    assert (row["languages"], row["items"], row["targets"]) == (["tr", "kk"], 150, 2)
    # Turkish alone in XNLI is compared with nothing there.
    assert row["spread"] == pytest.approx(statistics.stdev([1, 6]))
    assert (row["best"], row["worst"]) == ("kk", "tr")
    row = only(rows, target=EVERY, group=ALL_FAMILIES)
    assert (row["best"], row["worst"]) == ("Indo-European", "Japonic")
    assert row["items"] == 8 * 50
    # Less of a gap is better.
    gaps = rows_of(panel, recipe="none", scale=POINTS, quantity=GAP, target="xnli")
    assert (only(gaps, group="Indo-European")["best"]) == "fr"
    # Turkish is all of Turkic in XNLI, and is not elsewhere.
    assert only(rows, target="xnli", group="Turkic")["single"]
    rows = [row for row in rows if row["target"] == EVERY]
    single = {(row["grouping"], row["group"]) for row in rows if row["single"]}
    families = {group for grouping, group in single if grouping == FAMILY}
    branches = {group for grouping, group in single if grouping == BRANCH}
    assert families == {"Japonic"}
    assert branches == {"Germanic", "Romance", "Slavic", "Oghuz", "Kipchak", "Japanese"}
    assert {grouping for grouping, _ in single} == {FAMILY, BRANCH}
    for family, codes in OF.items():
        assert set(only(rows, target=EVERY, group=family)["languages"]) == set(codes)


def test_a_language_of_hard_targets_only_is_not_the_worst() -> None:
    """de and fr differ by 10 in XNLI, ru is the best of two in the much harder PAN-X."""
    scores = {
        "xnli": {NONE: {"de": 80.0, "fr": 70.0}},
        "panx": {NONE: {"de": 20.0, "ru": 30.0}},
    }
    row = only(rows_of(known_panel(scores)), target=EVERY, group="Indo-European", scale=POINTS)
    assert row["value"] == (75 + 25) / 2
    # de: 50 + (5 - 5) / 2; fr: 50 - 5; ru: 50 + 5.
    assert (row["best"], row["worst"]) == ("ru", "fr")
    assert row["spread"] == pytest.approx(statistics.stdev([50, 45, 55]))


def test_intervals_are_those_of_loops_over_draws() -> None:
    panel = known_panel(SCORES, draws=60, noise=2.0)
    rows = rows_of(panel, recipe="mnli", scale=POINTS, target=EVERY)
    known = {code: language.family for code, language in panel.languages.items()}

    def drawn(target: str, draw: int, recipe: str, code: str) -> float:
        sample = panel.evidence.samples[target]
        cell, place = sample.cells.index((recipe, 1)), sample.languages.index(code)
        return float(sample.scores[draw, cell, place])

    for family, codes in OF.items():
        series: dict[str, list[float]] = {SCORE: [], GAIN: [], GAP: []}
        for draw in range(61):
            means: dict[str, list[float]] = {name: [] for name in series}
            for target in ("xnli", "panx"):
                here = [code for code in SCORES[target][NONE] if known[code] == family]
                here = [code for code in here if code != "en"]
                assert set(here) <= set(codes)
                if here:
                    after = statistics.fmean(drawn(target, draw, "mnli", code) for code in here)
                    before = statistics.fmean(drawn(target, draw, "none", code) for code in here)
                    means[SCORE].append(after)
                    means[GAIN].append(after - before)
                    means[GAP].append(drawn(target, draw, "mnli", "en") - after)
            for name, held in means.items():
                series[name].append(statistics.fmean(held))
        for name, (value, *draws) in series.items():
            row = only(rows, group=family, quantity=name)
            half = 1.959964 * statistics.pstdev(draws)
            assert row["value"] == pytest.approx(value, abs=1e-5)
            assert (row["low"], row["high"]) == pytest.approx((value - half, value + half), 1e-4)
            assert row["basis"] == ITEMS
            if name == GAIN:
                exact = 2 * stats.norm.sf(abs(value) / (half / 1.959964))
                assert row["p"] == pytest.approx(exact, rel=1e-3)
            else:
                assert (row["p"], row.get("verdict"), row.get("p_adjusted")) == (None, None, None)


def test_verdicts_hold_for_all_groups_together() -> None:
    """Holm: the k-th least of m p-values times m - k + 1, never less than the one before."""
    rows = rows_of(known_panel(SCORES, draws=2000, noise=1.2), recipe="mnli", quantity=GAIN)
    verdicts = set()
    for target in ("xnli", "panx", EVERY):
        for scale in (POINTS, CORRECTED):
            for grouping in (LANGUAGE, BRANCH, FAMILY, ALL):
                held = [
                    row
                    for row in rows
                    if (row["target"], row["scale"], row["grouping"]) == (target, scale, grouping)
                ]
                held.sort(key=lambda row: row["p"])
                least = 0.0
                for rank, row in enumerate(held):
                    least = max(least, min(1.0, row["p"] * (len(held) - rank)))
                    assert row["p_adjusted"] == pytest.approx(least)
                    # One seed: what is said is said of this run.
                    said = (GAINS if row["value"] > 0 else LOSES) + IN_RUN
                    assert row["verdict"] == (said if least < 0.05 else NOT_ENOUGH)
                    assert row["tests"] == len(held)
                    verdicts.add(row["verdict"])
    assert verdicts == {GAINS + IN_RUN, LOSES + IN_RUN, NOT_ENOUGH}


def test_retrieval_has_no_gap_and_means_go_over_what_there_is() -> None:
    scores = {
        "panx": {NONE: {"en": 80.0, "de": 60.0}, MNLI: {"en": 80.0, "de": 66.0}},
        "tatoeba": {NONE: {"de": 40.0}, MNLI: {"de": 60.0}},
    }
    rows = rows_of(known_panel(scores), recipe="mnli", scale=POINTS, group="de")
    assert only(rows, quantity=GAIN, target=EVERY)["value"] == pytest.approx((6 + 20) / 2)
    assert [row["target"] for row in rows if row["quantity"] == GAP] == ["panx", EVERY]
    gap = only(rows, quantity=GAP, target=EVERY)
    assert (gap["value"], gap["targets"]) == (14, 1)


def test_targets_beyond_the_nine_are_not_in_the_mean() -> None:
    more = {**SCORES, "xcopa": {NONE: {"de": 60.0}, MNLI: {"de": 99.0}}}
    rows = rows_of(known_panel(more), recipe="mnli", scale=POINTS, quantity=GAIN, group="de")
    assert only(rows, target="xcopa")["value"] == 39
    assert only(rows, target=EVERY)["value"] == pytest.approx((3 + 4) / 2)


def test_a_table_from_a_paper_has_intervals_over_languages() -> None:
    """One seed and no items: XQuAD F1 of XLM-R Large beside mBERT, as XTREME published them."""
    codes = ["ar", "de", "el", "es", "hi", "ru", "th", "tr", "vi", "zh"]
    mbert = [61.5, 70.6, 62.6, 75.5, 59.2, 71.3, 42.7, 55.4, 69.5, 58.0]
    large = [68.6, 80.4, 79.8, 82.0, 76.7, 80.1, 74.2, 75.9, 79.1, 59.3]
    known = {NONE: mbert, MNLI: large}
    scores = {"xquad": {key: dict(zip(codes, held, strict=True)) for key, held in known.items()}}
    five = [codes.index(code) for code in ("de", "el", "es", "hi", "ru")]
    for draws in (0, 50):
        rows = rows_of(known_panel(scores, sampled=False, draws=draws), recipe="mnli", scale=POINTS)
        gains = [row for row in rows if row["quantity"] == GAIN and row["target"] == "xquad"]
        row = only(gains, group=ALL_LANGUAGES)
        exact = stats.ttest_rel(large, mbert)
        low, high = exact.confidence_interval()
        assert (row["low"], row["high"], row["p"]) == pytest.approx((low, high, exact.pvalue), 1e-3)
        assert (row["low_languages"], row["high_languages"]) == (row["low"], row["high"])
        assert (row["basis"], row["verdict"]) == (LANGUAGES, GAINS + IN_RUN)
        # Indo-European has five languages, the others are families of one.
        family = only(gains, group="Indo-European")
        exact = stats.ttest_rel([large[place] for place in five], [mbert[place] for place in five])
        assert family["p"] == pytest.approx(exact.pvalue, rel=1e-3)
        thai = only(gains, group="th")
        assert thai["verdict"] == NOT_ENOUGH
        assert {thai[name] for name in ("low", "p", "basis", "low_languages")} == {None}
        score = only(rows, group=ALL_LANGUAGES, quantity=SCORE, target="xquad")
        low, high = stats.t.interval(0.95, 9, np.mean(large), stats.sem(large))
        assert (score["low_languages"], score["high_languages"]) == pytest.approx((low, high), 1e-4)
        assert (score["low"], score["basis"]) == (None, None)


def test_seeds_without_items() -> None:
    values = {1: 2.0, 2: 3.0, 3: 7.0}
    scores = {
        "panx": {
            **{("none", seed): {"de": 50.0, "fr": 60.0} for seed in values},
            **{("mnli", seed): {"de": 50 + gain, "fr": 60 + gain} for seed, gain in values.items()},
        }
    }
    rows = rows_of(known_panel(scores, sampled=False, draws=4000), recipe="mnli", quantity=GAIN)
    row = only(rows, target=EVERY, scale=POINTS, group="Indo-European")
    low, high = stats.t.interval(0.95, 2, 4, stats.sem(list(values.values())))
    assert (row["low"], row["high"]) == pytest.approx((low, high), rel=0.06)
    assert (row["basis"], row["seeds"]) == (SEEDS, 3)


def test_a_baseline_that_is_not_trained_stands_for_every_seed() -> None:
    scores = {
        "panx": {(name, seed): {"de": 50.0 + seed} for name in ("none", "mnli") for seed in (1, 2)},
        "tatoeba": {NONE: {"de": 40.0}, MNLI: {"de": 45.0}, ("mnli", 2): {"de": 47.0}},
    }
    rows = rows_of(known_panel(scores, draws=200), scale=POINTS, group="de")
    for recipe in ("none", "mnli"):
        for target in ("tatoeba", EVERY):
            row = only(rows, recipe=recipe, target=target, quantity=SCORE)
            assert (row["seeds"], row["basis"]) == (2, "items and seeds")


def test_beside_a_recipe_with_one_seed_left_it_stands_for_that_one() -> None:
    """The other seed collapsed, say, while recipes besides have two."""
    scores = {
        "panx": {("none", 1): {"de": 50.0}, ("none", 2): {"de": 51.0}, MNLI: {"de": 70.0}},
        "tatoeba": {
            NONE: {"de": 40.0}, MNLI: {"de": 60.0},
            ("qqp", 1): {"de": 60.0}, ("qqp", 2): {"de": 62.0},
        },
    }  # fmt: skip
    scores["panx"] |= {("qqp", 1): {"de": 70.0}, ("qqp", 2): {"de": 72.0}}
    rows = rows_of(known_panel(scores, draws=200), scale=POINTS, group="de", quantity=GAIN)
    for target in ("panx", "tatoeba", EVERY):
        row = only(rows, recipe="mnli", target=target)
        assert (row["seeds"], row["basis"], row["verdict"]) == (1, ITEMS, GAINS + IN_RUN)
        row = only(rows, recipe="qqp", target=target)
        assert (row["seeds"], row["basis"]) == (2, "items and seeds")


def test_a_mean_over_targets_of_which_one_has_one_seed_left_is_on_this_run() -> None:
    panx = {("none", seed): {"de": 50.0, "fr": 50.0 - seed / 10} for seed in (1, 2, 3)}
    panx |= {("mnli", seed): {"de": 80.0, "fr": 80.0 + seed / 10} for seed in (1, 2, 3)}
    udpos = {
        cell: scores for cell, scores in panx.items() if cell not in (("mnli", 2), ("mnli", 3))
    }
    panel = known_panel({"panx": panx, "udpos": udpos}, draws=500, noise=0.2)
    wanted = {"recipe": "mnli", "scale": POINTS, "quantity": GAIN, "group": ALL_LANGUAGES}
    rows = rows_of(panel, **wanted)
    found = {row["target"]: (row["seeds"], row["verdict"]) for row in rows}
    assert found == {
        "panx": (3, GAINS),
        "udpos": (1, GAINS + IN_RUN),
        EVERY: (1, GAINS + IN_RUN),
    }
    assert only(rows, target=EVERY)["basis"] == "items and seeds"
    place = {"recipe": "mnli", "target": EVERY, "scale": POINTS}
    changes = fairness_rows(panel, {}, group_rows(panel))
    for measure, word in (("mean_languages", BETTER), ("worst_language", FAIRER)):
        assert only(changes, measure=measure, **place)["verdict"] == word + IN_RUN


def test_a_recipe_without_the_baseline_has_no_gain() -> None:
    scores = {"xnli": SCORES["xnli"], "panx": {MNLI: SCORES["panx"][MNLI]}}
    rows = rows_of(known_panel(scores), recipe="mnli", scale=POINTS, group="Turkic")
    assert {row["target"] for row in rows if row["quantity"] == SCORE} == {"xnli", "panx", EVERY}
    assert {row["target"] for row in rows if row["quantity"] == GAIN} == {"xnli", EVERY}
    assert only(rows, quantity=GAIN, target=EVERY)["value"] == -4


def test_harm_by_hand() -> None:
    """Of eight pairs of target and language Turkish and Japanese lose, 4 and 3 points."""
    panel = known_panel(SCORES, draws=500, noise=0.5)
    rows = harm_rows(panel, group_rows(panel))
    table(rows, HARM)
    one = only(rows, target=EVERY, grouping=LANGUAGE, group=ALL)
    assert (one["harmed"], one["strictly"], one["count"]) == (2, 2, 8)
    assert (one["rate"], one["strict"]) == (0.25, 0.25)
    # Families in each target: Turkic in XNLI and Japonic lose, of five.
    one = only(rows, target=EVERY, grouping=FAMILY, group=ALL)
    assert (one["harmed"], one["count"], one["rate"]) == (2, 5, 0.4)
    turkic = only(rows, target=EVERY, group="Turkic")
    assert (turkic["harmed"], turkic["count"], turkic["single"]) == (1, 3, False)
    assert turkic["ratio"] == pytest.approx((1 / 3) / (2 / 8))
    assert turkic["share_of_losses"] == pytest.approx(4 / 7, abs=1e-5)
    japonic = only(rows, target=EVERY, group="Japonic")
    assert (japonic["rate"], japonic["ratio"], japonic["single"]) == (1, 4, True)
    # In PAN-X the one loss falls on Japanese, one of four languages: p = 1/4, of 4 families.
    assert only(rows, target="panx", group="Japonic")["p"] == pytest.approx(0.25, abs=0.02)
    assert only(rows, target="panx", group="Turkic")["p"] == 1
    assert only(rows, target="xnli", group="Turkic")["rate"] == 1
    assert not [row for row in rows if row["recipe"] == "none"]


def test_harm_without_losses_or_intervals() -> None:
    better = {code: score + 1 for code, score in SCORES["panx"][NONE].items()}
    panel = known_panel({"panx": {NONE: SCORES["panx"][NONE], MNLI: better}})
    rows = harm_rows(panel, group_rows(panel))
    one = only(rows, target="panx", grouping=LANGUAGE, group=ALL)
    assert (one["harmed"], one["rate"], one["strictly"], one["strict"]) == (0, 0, None, None)
    turkic = only(rows, target="panx", group="Turkic")
    assert (turkic["ratio"], turkic["share_of_losses"], turkic["p"]) == (None, None, 1)


def test_the_task_score_holds_english() -> None:
    """XNLI without English 63.5 to 64, with it 66.8 to 67.6; PAN-X has English too."""
    rows = rows_of(known_panel(SCORES), recipe="mnli", scale=POINTS, grouping=ALL)
    task = only(rows, target="xnli", group=WITH_ENGLISH, quantity=SCORE)
    assert task["value"] == pytest.approx(statistics.fmean(SCORES["xnli"][MNLI].values()))
    assert task["languages"] == ["de", "fr", "ru", "tr", "en"]
    gains = [
        statistics.fmean(held[MNLI].values()) - statistics.fmean(held[NONE].values())
        for held in SCORES.values()
    ]
    mean = only(rows, target=EVERY, group=WITH_ENGLISH, quantity=GAIN)
    assert mean["value"] == pytest.approx(statistics.fmean(gains))
    assert not [row for row in rows if row["group"] == WITH_ENGLISH and row["quantity"] == GAP]


def test_both_means_are_shown_where_a_seed_collapsed() -> None:
    scores = {
        "panx": {
            **{("none", seed): {"de": 50.0, "fr": 60.0} for seed in (1, 2, 3)},
            **{("mnli", seed): {"de": 54.0, "fr": 64.0} for seed in (1, 2)},
            ("mnli", 3): {"de": 0.0, "fr": 0.0},
        },
        "xnli": {NONE: {"de": 70.0}, MNLI: {"de": 72.0}},
    }
    panel = known_panel(scores, draws=50)
    lost = Evidence("enc", panel.evidence.samples, {("mnli", "panx", 3)})
    rows = rows_of(replace(panel, evidence=lost), recipe="mnli", scale=POINTS, grouping=ALL)
    gain = only(rows, target="panx", group=ALL_LANGUAGES, quantity=GAIN)
    assert (gain["value"], gain["seeds"], gain["collapsed_seeds"]) == (4, 2, 1)
    assert gain["with_collapsed"] == pytest.approx((4 + 4 - 55) / 3)
    # The mean over targets shows both as well, and what did not collapse shows one.
    mean = only(rows, target=EVERY, group=ALL_LANGUAGES, quantity=GAIN)
    assert (mean["value"], mean["with_collapsed"]) == (3, pytest.approx(((4 + 4 - 55) / 3 + 2) / 2))
    sound = only(rows, target="xnli", group=ALL_LANGUAGES, quantity=GAIN)
    assert (sound["with_collapsed"], sound["collapsed_seeds"]) == (None, None)


def test_what_could_have_been_seen_stands_beside_a_gain() -> None:
    """For items of one seed: (z of the level shared by the tests + 0.84) errors."""
    rows = rows_of(known_panel(SCORES, draws=500), recipe="mnli", scale=POINTS, quantity=GAIN)
    row = only(rows, target="panx", group="kk")
    size = stats.norm.ppf(1 - 0.025 / row["tests"]) + stats.norm.ppf(0.8)
    assert row["detectable"] == pytest.approx(size * row["error"], rel=1e-3)
    assert row["tests"] == 4
