"""What is said over languages that are kin, against other ways to reckon it and what is planted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from panels import known_panel
from scipy import stats

from xstilts.analysis.association.observations import DISTANCE, LATIN, Observations
from xstilts.analysis.association.outcomes import Outcomes
from xstilts.analysis.inference.adjust import NOT_ENOUGH
from xstilts.analysis.inference.draws import Draws
from xstilts.analysis.inference.estimates import estimate
from xstilts.analysis.inputs.known_languages import KnownLanguages
from xstilts.analysis.relatedness.covariances import relatedness
from xstilts.analysis.relatedness.models import OverLanguages
from xstilts.analysis.relatedness.profile import Profile
from xstilts.analysis.relatedness.reml import fit
from xstilts.analysis.relatedness.rows import (
    ALONG_TREE,
    FAMILIES_DIFFER,
    FULL,
    TREE,
    WITH_BOTH,
    WITH_TREE,
    kinship_rows,
)
from xstilts.analysis.robustness import LossChange
from xstilts.analysis.tables import EVERY, GAIN, LOSS_CHANGE, SCORE, TABLES, table
from xstilts.config.language_facts import FACTS
from xstilts.config.languages import LANGUAGES
from xstilts.config.tasks import SOURCE_LANGUAGE, TARGETS

CODES = tuple(code for code in TARGETS["panx"].languages if code != SOURCE_LANGUAGE)
ALIKE = relatedness(LANGUAGES, CODES)
WORLD = KnownLanguages(languages=LANGUAGES, facts=FACTS)


def drift(seed: int, share: float = 1.0) -> np.ndarray:
    whole = share * ALIKE + (1 - share) * np.eye(len(CODES))
    return np.linalg.cholesky(whole) @ np.random.default_rng(seed).standard_normal(len(CODES))


def observed(values: np.ndarray, tasks: int = 1, noise: float = 0.0) -> Observations:
    """The same languages in several tasks, values (tasks * languages,)."""
    names = ("panx", "udpos", "tatoeba")[:tasks]
    number = len(values)
    return Observations(
        outcome=SCORE,
        tasks=tuple(name for name in names for _ in CODES),
        languages=CODES * tasks,
        families=tuple(LANGUAGES[code].family for code in CODES) * tasks,
        values=values,
        predictors={DISTANCE: np.array([FACTS[code].syntactic_distance for code in CODES] * tasks)},
        noise=np.full(number, noise),
    )


def model_of(observations: Observations, *names: str) -> OverLanguages:
    found = OverLanguages.of(observations, LANGUAGES, names)
    assert not isinstance(found, str)
    return found


def only(over: OverLanguages, share: float) -> Profile:
    """A profile of one lambda, so that nothing is a mixture."""
    model = fit(over.values, [over.tree], [[share]])
    return Profile(best=model, fits={share: model}, degrees=over.degrees)


def test_a_new_language_is_told_as_by_kriging() -> None:
    """The linear system of universal kriging (Cressie 1993, section 3.4), in points."""
    over = model_of(observed(60 + 8 * drift(1), noise=2.0))
    model = only(over, 0.7)
    alike = over.tree[3] * 0.9
    told = over.new(model, alike)
    [each] = model.fits.values()
    cross = each.scale * 0.7 * alike[over.values.places]
    fixed = over.values.fixed
    system = np.block([[each.whole, fixed], [fixed.T, np.zeros((1, 1))]])
    weights = np.linalg.solve(system, np.concatenate([cross, [1.0]]))
    value = weights[:-1] @ over.values.outcome
    variance = each.scale - weights @ np.concatenate([cross, [1.0]])
    half = stats.t.ppf(0.975, over.degrees) * variance**0.5
    expected = over.unit * np.array([value, value - half, value + half])
    assert [told.value, told.low, told.high] == pytest.approx(expected)


def test_of_independent_languages_the_mean_has_student_s_interval() -> None:
    values = 60 + 8 * drift(2, share=0.0)
    over = model_of(observed(values))
    told = over.mean(only(over, 0.0))
    expected = stats.t.interval(0.95, len(CODES) - 1, values.mean(), stats.sem(values))
    assert (told.low, told.high) == pytest.approx(expected, rel=1e-5)


def test_a_mean_over_targets_is_the_mean_of_theirs() -> None:
    own = np.random.default_rng(3).standard_normal((2, len(CODES)))
    first, second = 60 + 8 * (drift(3) + 0.1 * own[0]), 30 + 2 * (drift(3) + 0.1 * own[1])
    over = model_of(observed(np.concatenate([first, second]), tasks=2))
    apart = [
        model_of(observed(each)).mean(only(model_of(observed(each)), 1.0))
        for each in (first, second)
    ]
    told = over.mean(only(over, 1.0))
    assert told.value == pytest.approx(np.mean([each.value for each in apart]), rel=0.005)
    # What the two have in common is not averaged out.
    halves = [each.high - each.low for each in apart]
    assert told.high - told.low == pytest.approx(np.mean(halves), rel=0.05)


def test_noise_that_all_languages_share_is_in_the_mean() -> None:
    over = model_of(observed(60 + 8 * drift(4)))
    noisy = replace(over, common=9.0)
    model = only(over, 1.0)
    plain, wider = over.mean(model), noisy.mean(model)
    both = ((plain.high - plain.low) / 2) ** 2 + (stats.t.ppf(0.975, over.degrees) * 3) ** 2
    assert wider.high - wider.low == pytest.approx(2 * both**0.5)


def test_without_the_tree_families_are_compared_as_by_analysis_of_variance() -> None:
    several = [
        c for c in CODES if sum(LANGUAGES[o].family == LANGUAGES[c].family for o in CODES) > 1
    ]
    places = [CODES.index(code) for code in several]
    values = (60 + 8 * drift(5))[places]
    families = [LANGUAGES[code].family for code in several]
    observations = replace(
        observed(60 + 8 * drift(5)), tasks=("panx",) * len(several), languages=tuple(several),
        families=tuple(families), values=values, predictors={}, noise=np.zeros(len(several)),
    )  # fmt: skip
    over = model_of(observations)
    found = over.families_differ(only(over, 0.0))
    groups = [values[np.array(families) == family] for family in sorted(set(families))]
    assert found is not None
    assert found[0] == pytest.approx(stats.f_oneway(*groups).pvalue, rel=1e-4)


def test_what_drifted_apart_is_no_difference_but_a_shift_of_a_family_is() -> None:
    over = model_of(observed(60 + 8 * drift(6)))
    apart = over.families_differ(over.by_tree)
    uralic = np.array([LANGUAGES[code].family == "Uralic" for code in CODES])
    shifted = model_of(observed(60 + 2 * drift(6) + 30 * uralic))
    moved = shifted.families_differ(only(shifted, 1.0))
    assert apart is not None
    assert moved is not None
    assert apart[0] > 0.05
    assert moved[0] < 0.001
    # A shift of one family by 30 points is a standard deviation of them that would be seen.
    assert moved[1] is not None
    assert moved[1] < 30


def test_kin_that_are_alike_are_found_and_others_are_not() -> None:
    assert model_of(observed(drift(7))).kin_are_alike() < 0.05
    strangers = [model_of(observed(drift(seed, share=0.0))).kin_are_alike() for seed in range(20)]
    assert sum(p < 0.05 for p in strangers) <= 4
    assert np.mean(strangers) == pytest.approx(0.5, abs=0.2)


def test_rank_correlations_are_spearman_s() -> None:
    values = np.concatenate([drift(8), drift(9)])
    over = model_of(observed(values, tasks=2), DISTANCE)
    drawn = over.drawn_along(over.bare.by_tree)
    assert drawn.shape == (4_999, len(values))
    value, p = over.rank_correlation(DISTANCE, drawn)
    distance = [FACTS[code].syntactic_distance for code in CODES]
    halves = values.reshape(2, -1)
    assert value == pytest.approx(np.mean([stats.spearmanr(each, distance)[0] for each in halves]))
    assert 0 < p <= 1


def test_draws_along_the_tree_vary_as_the_model_says() -> None:
    over = model_of(observed(drift(10), noise=0.2))
    drawn = over.drawn_along(only(over, 0.6))
    [model] = only(over, 0.6).fits.values()
    assert np.cov(drawn.T) == pytest.approx(model.whole, abs=0.12 * model.whole.max())


def test_of_few_languages_there_is_no_model() -> None:
    held = observed(drift(11))
    few = replace(
        held, tasks=held.tasks[:9], languages=held.languages[:9], families=held.families[:9],
        values=held.values[:9], noise=held.noise[:9],
        predictors={DISTANCE: held.predictors[DISTANCE][:9]},
    )  # fmt: skip
    assert OverLanguages.of(few, LANGUAGES) == "too few languages for a model"


@pytest.fixture(scope="module")
def rows() -> dict[str, pl.DataFrame]:
    """Two recipes and seeds; a recipe gains along the tree, and 12 points more in Uralic."""
    random = np.random.default_rng(12)
    level, gain = 60 + 8 * drift(13), 2 + 1.0 * drift(14)
    gain = gain + 12 * np.array([LANGUAGES[code].family == "Uralic" for code in CODES])
    scores = {}
    for target in ("panx", "udpos", "bucc2018"):
        held = [code for code in TARGETS[target].languages if code in CODES]
        scores[target] = {
            (recipe, seed): {
                code: float(
                    level[CODES.index(code)]
                    + (recipe == "mnli") * gain[CODES.index(code)]
                    + random.normal(0, 0.3)
                )
                for code in held
            }
            for recipe in ("none", "mnli")
            for seed in (1, 2, 3)
        }
    found = kinship_rows(known_panel(scores, draws=300, noise=0.3), WORLD)
    return {name: table(held, TABLES[name]) for name, held in found.items()}


def test_rows_are_of_gains_and_of_the_baseline_s_scores(rows: dict[str, pl.DataFrame]) -> None:
    held = rows["kinship"]
    pairs = set(held.select("recipe", "outcome").iter_rows())
    assert pairs == {("none", SCORE), ("mnli", GAIN)}
    # BUCC has four languages.
    assert set(held["target"]) == {"panx", "udpos", EVERY}
    assert set(held.filter(target=EVERY)["model"]) == {TREE, "places", "tree and places", FULL}
    ranges = held.filter(pl.col("lambda_").is_not_null())
    assert ranges.filter(
        (pl.col("lambda_low") > pl.col("lambda_") + 1e-9)
        | (pl.col("lambda_high") < pl.col("lambda_") - 1e-9)
    ).is_empty()
    assert (
        held.filter(model=TREE)
        .filter((pl.col("new_low") > pl.col("low")) | (pl.col("new_high") < pl.col("high")))
        .is_empty()
    )
    number = held.filter(target="panx", model=TREE)["independent_tree"]
    assert number.to_list() == pytest.approx([np.linalg.inv(ALIKE).sum()] * 2)


def test_a_family_that_gains_by_itself_is_found(rows: dict[str, pl.DataFrame]) -> None:
    found = rows["kinship"].filter(target="panx", model=TREE)
    verdicts = dict(found.select("outcome", "verdict").iter_rows())
    assert verdicts == {GAIN: FAMILIES_DIFFER, SCORE: NOT_ENOUGH}


def test_the_profile_has_its_peak_at_the_best_lambda(rows: dict[str, pl.DataFrame]) -> None:
    keys = ["recipe", "outcome", "target", "model"]
    peaks = rows["kinship_profile"].filter(relative=0.0)
    joined = rows["kinship"].join(peaks, on=keys, suffix="_peak")
    assert len(joined) == rows["kinship_profile"].select(keys).n_unique()
    assert joined["lambda_"].to_list() == pytest.approx(joined["lambda__peak"].to_list())
    weights = rows["kinship_profile"].group_by(keys).agg(pl.col("weight").sum())["weight"]
    assert weights.to_list() == pytest.approx([1.0] * len(weights))


def test_a_new_language_of_a_family_is_near_its_kin(rows: dict[str, pl.DataFrame]) -> None:
    held = rows["kinship_new"].filter(outcome=GAIN, target="panx")
    told = {row["family"]: row for row in held.to_dicts()}
    assert told["Uralic"]["languages"] == 3
    assert told["Uralic"]["value"] > told[""]["value"] + 3
    widths = {family: row["high"] - row["low"] for family, row in told.items()}
    assert widths["Uralic"] < widths[""]


def test_effects_stand_beside_those_that_know_no_tree(rows: dict[str, pl.DataFrame]) -> None:
    held = rows["association"]
    assert set(held["method"]) == {WITH_TREE, WITH_BOTH, ALONG_TREE}
    assert set(held["predictor"]) == {DISTANCE, LATIN}
    assert held["p"].null_count() == 0
    assert held.filter(method=ALONG_TREE)["low"].null_count() == 4


def loss(recipe: str, condition: str, values: np.ndarray, codes: tuple[str, ...]) -> LossChange:
    outcomes = Outcomes(
        codes={"panx": codes},
        values={"panx": values},
        noise={"panx": np.full(len(codes), 0.04)},
        seeds=2,
    )
    return LossChange(recipe=recipe, condition=condition, outcomes=outcomes)


@pytest.fixture(scope="module")
def lost() -> dict[str, pl.DataFrame]:
    """Of typos Uralic languages lose 12 points more after a recipe, of capitals all alike."""
    panel = known_panel({"panx": {("none", 1): dict.fromkeys(CODES, 50.0)}})
    uralic = np.array([LANGUAGES[code].family == "Uralic" for code in CODES])
    changes = [
        loss("mnli", "typos@0.3", 1 + drift(15) + 12 * uralic, CODES),
        loss("mnli", "upper@1", 1 + drift(6), CODES),
        loss("qqp", "typos@0.3", drift(17)[:9], CODES[:9]),
    ]
    found = kinship_rows(panel, WORLD, changes)
    return {name: table(held, TABLES[name]) for name, held in found.items()}


def test_what_is_lost_is_an_outcome_of_ten_languages_or_more(lost: dict[str, pl.DataFrame]) -> None:
    keys = ["recipe", "outcome", "condition", "target"]
    held = lost["kinship"].filter(outcome=LOSS_CHANGE)
    expected = {("mnli", LOSS_CHANGE, name, EVERY) for name in ("typos@0.3", "upper@1")}
    for name in ("kinship", "kinship_profile", "kinship_new"):
        rows = lost[name].filter(outcome=LOSS_CHANGE)
        assert set(rows.select(keys).iter_rows()) == expected
    assert set(held["model"]) == {TREE, "places", "tree and places", FULL}
    rows = lost["association"].filter(outcome=LOSS_CHANGE)
    assert set(rows["condition"]) == {"typos@0.3", "upper@1"}
    assert rows["p"].null_count() == 0
    others = lost["kinship"].filter(pl.col("outcome") != LOSS_CHANGE)
    assert set(others["condition"]) <= {""}


def test_a_family_that_loses_by_itself_is_found(lost: dict[str, pl.DataFrame]) -> None:
    found = lost["kinship"].filter(outcome=LOSS_CHANGE, model=TREE)
    verdicts = dict(found.select("condition", "verdict").iter_rows())
    assert verdicts == {"typos@0.3": FAMILIES_DIFFER, "upper@1": NOT_ENOUGH}
    # The statements on losses are corrected together, and not with those on gains.
    assert found["tests"].to_list() == [2, 2]
    told = lost["kinship_new"].filter(condition="typos@0.3")
    by_family = dict(told.select("family", "value").iter_rows())
    assert by_family["Uralic"] > by_family[""] + 3


def test_gains_are_told_alike_whether_or_not_losses_are() -> None:
    scores = {
        "panx": {
            (recipe, seed): {
                code: float(value)
                for code, value in zip(CODES, 50 + seed + drift(number, 0.5), strict=True)
            }
            for number, recipe in enumerate(("none", "mnli"))
            for seed in (1, 2)
        }
    }
    panel = known_panel(scores, draws=50)
    alone = kinship_rows(panel, WORLD)
    beside = kinship_rows(panel, WORLD, [loss("mnli", "typos@0.3", drift(18), CODES)])
    for name, rows in alone.items():
        assert rows == [row for row in beside[name] if row["outcome"] != LOSS_CHANGE]
        assert len(beside[name]) > len(rows) > 0


def test_languages_like_these_are_not_known_better_than_these() -> None:
    """Of two seeds that differ, little is known of a third, in any language."""
    level, gain = 60 + drift(19), drift(20)
    scores = {
        "panx": {
            (recipe, seed): {
                code: float(before + (recipe == "mnli") * (more + 4 * seed))
                for code, before, more in zip(CODES, level, gain, strict=True)
            }
            for recipe in ("none", "mnli")
            for seed in (1, 2)
        }
    }
    panel = known_panel(scores, draws=300, noise=0.5)
    found = panel.gain("panx", "mnli")
    assert found is not None
    here = estimate(found.map(lambda each: each.mean(axis=-1)))
    assert here.low is not None
    assert here.high is not None
    rows = kinship_rows(panel, WORLD)["kinship"]
    [row] = [
        row for row in rows if (row["outcome"], row["target"], row["model"]) == (GAIN, "panx", TREE)
    ]
    assert row["high"] - row["low"] >= here.high - here.low > 20
    assert row["new_high"] - row["new_low"] >= row["high"] - row["low"]


def test_languages_that_are_seen_not_to_change_do_not_stand_for_all() -> None:
    """Of 12 items: a recipe changes one language of two by chance, the others not at all."""
    rng = np.random.default_rng(22)
    draws = np.zeros((401, len(CODES)))
    moved = np.arange(len(CODES)) % 2 == 0
    draws[:, moved] = 6 + rng.normal(0, 3, moved.sum())
    draws[1:, moved] += rng.normal(0, 6, (400, moved.sum()))
    held = Draws(both=draws, items=draws, seeds_alone=draws, seeds=1, most_seeds=1)
    outcomes = Outcomes.of({"panx": held}, {"panx": CODES}, {"panx": [12] * len(CODES)})
    panel = known_panel({"panx": {("none", 1): dict.fromkeys(CODES, 50.0)}})
    change = LossChange(recipe="mnli", condition="typos@0.3", outcomes=outcomes)
    rows = kinship_rows(panel, WORLD, [change])["kinship"]
    [row] = [each for each in rows if each["model"] == TREE]
    assert row["value"] == pytest.approx(draws[0].mean(), abs=0.5)
    assert row["low"] > 0


def test_what_differs_by_rounding_alone_is_no_outcome() -> None:
    values = np.concatenate([60 + 8 * drift(23), 1e-6 * drift(24)])
    assert model_of(observed(values, tasks=2)).tasks == ("panx",)


@pytest.mark.parametrize(("of_seeds", "of_an_item"), [(0, 1600), (4, 1600), (4, 0)])
def test_languages_of_few_items_are_noisier_as_far_as_items_are_what_gives_noise(
    of_seeds: float, of_an_item: float
) -> None:
    rng = np.random.default_rng(25)
    items = [100 if number % 4 else 10_000 for number in range(len(CODES))]
    variances = of_seeds + of_an_item / np.array(items)
    draws = np.sqrt(variances) * rng.standard_normal((4001, len(CODES)))
    # By chance a recipe leaves all items of two languages as they were.
    draws[1:, 1:3] = draws[0, 1:3]
    held = Draws(both=draws, items=draws, seeds_alone=draws, seeds=1, most_seeds=1)
    found = Outcomes.of({"panx": held}, {"panx": CODES}, {"panx": items}).noise["panx"]
    apart = variances * (1 - 2 / len(CODES)) + variances.mean() / len(CODES)
    assert found == pytest.approx(apart, rel=0.15)
    unknown = Outcomes.of({"panx": held}, {"panx": CODES}, {"panx": [0, *items[1:]]})
    assert unknown.noise["panx"] == pytest.approx(found.mean(), rel=0.01)
