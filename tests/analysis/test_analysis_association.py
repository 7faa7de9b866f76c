"""Associations against scipy, by hand, and on data with a planted association or none."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import rankdata, spearmanr

from xstilts.analysis.association import association
from xstilts.analysis.association.association import (
    leave_one_family_out,
    mixed_model,
    partial_rank_correlations,
    rank_correlations,
)
from xstilts.analysis.association.observations import Observations, rank_correlation
from xstilts.config.language_facts import FACTS
from xstilts.config.languages import LANGUAGES
from xstilts.config.tasks import XTREME

DISTANCE, TEXT, LATIN = "syntactic distance", "log(1 + GiB)", "Latin script"


def observed(
    outcomes: Mapping[str, Mapping[str, float]],
    predictors: Mapping[str, Mapping[str, float]],
    *,
    families: Mapping[str, str] | None = None,
) -> Observations:
    """Observations of task -> language -> outcome."""
    rows = [(task, code) for task, held in outcomes.items() for code in held]
    return Observations(
        outcome="score",
        tasks=tuple(task for task, _ in rows),
        languages=tuple(code for _, code in rows),
        families=tuple((families or {}).get(code, code) for _, code in rows),
        values=np.array([outcomes[task][code] for task, code in rows]),
        predictors={
            name: np.array([values[code] for _, code in rows])
            for name, values in predictors.items()
        },
    )


def codes(number: int) -> list[str]:
    return [f"l{i:02}" for i in range(number)]


def named(values: Sequence[float] | np.ndarray) -> dict[str, float]:
    return dict(zip(codes(len(values)), values, strict=True))


def xtreme_like(
    seed: int,
    coefficients: Mapping[str, float],
    *,
    language: float = 0.3,
    family: float = 0.0,
    noise: float = 0.4,
) -> Observations:
    """XTREME's tasks and languages; outcomes are linear in the real predictors, standardised."""
    random = np.random.default_rng(seed)
    tasks = {key: [code for code in task.languages if code != "en"] for key, task in XTREME.items()}
    every = sorted({code for held in tasks.values() for code in held})
    known = {
        DISTANCE: {code: FACTS[code].syntactic_distance for code in every},
        TEXT: {code: float(np.log1p(FACTS[code].cc100_gib)) for code in every},
        LATIN: {code: float(LANGUAGES[code].script == "Latn") for code in every},
    }
    parts = dict.fromkeys(every, 0.0)
    for name, coefficient in coefficients.items():
        values = np.array(list(known[name].values()))
        middle, spread = (0, 1) if name == LATIN else (values.mean(), values.std(ddof=1))
        for code in every:
            parts[code] += coefficient * (known[name][code] - middle) / spread
    kin = {code: LANGUAGES[code].family for code in every}
    of_family = {name: family * random.normal() for name in sorted(set(kin.values()))}
    for code in every:
        parts[code] += language * random.normal() + of_family[kin[code]]
    outcomes = {
        task: {code: parts[code] + noise * random.normal() for code in held}
        for task, held in tasks.items()
    }
    return observed(outcomes, known, families=kin)


def test_one_task_is_spearman_with_ties() -> None:
    x = [1.0, 1, 2, 3, 3, 3, 4, 5]
    y = [3.0, 1, 2, 2, 5, 4, 4, 7]
    [found] = rank_correlations(observed({"xnli": named(y)}, {DISTANCE: named(x)}))
    assert found.value == pytest.approx(spearmanr(x, y).statistic)
    assert found.low < found.value < found.high
    assert (found.method, found.predictor, found.outcome) == ("Spearman", DISTANCE, "score")
    assert found.languages == 8


def test_a_language_drawn_twice_counts_twice() -> None:
    """The bootstrap counts languages instead of repeating them."""
    random = np.random.default_rng(1)
    x, y, z = random.integers(0, 5, size=(3, 12)).astype(float)
    counts = random.integers(0, 3, size=(50, 12))
    plain = rank_correlation([y[None], x[None]], counts, 3)
    partial = rank_correlation([y[None], x[None], z[None]], counts, 3)
    for row, found, found_partial in zip(counts, plain, partial, strict=True):
        repeated = [np.repeat(values, row) for values in (y, x, z)]
        assert found == pytest.approx(spearmanr(*repeated[:2]).statistic)
        assert found_partial == pytest.approx(partial_by_hand(*repeated))


def partial_by_hand(y: np.ndarray, x: np.ndarray, *others: np.ndarray) -> float:
    """Correlation of what is left of the ranks after regression on those of the others."""
    held = np.column_stack([np.ones(len(y)), *(rankdata(other) for other in others)])
    left = [
        ranks - held @ np.linalg.lstsq(held, ranks, rcond=None)[0]
        for ranks in (rankdata(y), rankdata(x))
    ]
    return float(np.corrcoef(left)[0, 1])


def test_partial_correlations_by_hand() -> None:
    random = np.random.default_rng(2)
    x, z = random.normal(size=(2, 15))
    latin = (random.random(15) < 0.5).astype(float)
    y = x + z + random.normal(size=15)
    known = {DISTANCE: named(x), TEXT: named(z), LATIN: named(latin)}
    found = partial_rank_correlations(observed({"xnli": named(y)}, known))
    assert found[0].value == pytest.approx(partial_by_hand(y, x, z, latin))
    assert found[1].value == pytest.approx(partial_by_hand(y, z, x, latin))
    assert found[2].value == pytest.approx(partial_by_hand(y, latin, x, z))


def test_tasks_are_averaged_and_never_pooled() -> None:
    """In each task farther is better, but the task of far languages is a hard one."""
    near = {code: float(i) for i, code in enumerate(codes(6))}
    far = {f"far{i}": 10.0 + i for i in range(6)}
    outcomes = {"easy": {c: 80 + x for c, x in near.items()}, "hard": dict(far)}
    [found] = rank_correlations(observed(outcomes, {DISTANCE: {**near, **far}}))
    assert found.value == pytest.approx(1)
    random = np.random.default_rng(3)
    outcomes["easy"] = {code: random.normal() for code in near}
    [found] = rank_correlations(observed(outcomes, {DISTANCE: {**near, **far}}))
    easy = spearmanr(list(near.values()), list(outcomes["easy"].values())).statistic
    assert found.value == pytest.approx((easy + 1) / 2)
    assert found.languages == 12


def test_small_tasks_do_not_count() -> None:
    random = np.random.default_rng(4)
    y = random.normal(size=12)
    outcomes = {"panx": named(y), "bucc2018": named(y[:4]), "pawsx": named(-y[:6])}
    known = {name: named(random.normal(size=12)) for name in (DISTANCE, TEXT, LATIN)}
    whole = observed(outcomes, known)
    only = observed({"panx": named(y)}, known)
    assert rank_correlations(whole)[0].note == "without bucc2018: fewer than 5 languages"
    partial = partial_rank_correlations(whole)
    assert "without bucc2018, pawsx: fewer than 7 languages" in partial[0].note
    assert [found.value for found in partial] == pytest.approx(
        [found.value for found in partial_rank_correlations(only)]
    )


def test_a_planted_association_is_found_and_its_shadow_is_not() -> None:
    """What only goes with distance disappears once distance is held constant."""
    random = np.random.default_rng(5)
    far = random.normal(size=40)
    shadow = far + 0.5 * random.normal(size=40)
    outcomes = {
        task: named(-far + 0.5 * random.normal(size=40)) for task in ("xnli", "panx", "udpos")
    }
    observations = observed(outcomes, {DISTANCE: named(far), TEXT: named(shadow)})
    distance, text = rank_correlations(observations)
    assert distance.value < -0.8
    assert distance.low < distance.value < distance.high < 0
    assert distance.p < 0.001
    assert text.p < 0.001
    assert distance.enough
    assert f"goes with {TEXT} (rank correlation 0.8" in distance.note
    distance, text = partial_rank_correlations(observations)
    assert distance.p < 0.001
    assert text.p > 0.05
    assert text.low < 0 < text.high


@pytest.mark.parametrize("function", [rank_correlations, partial_rank_correlations])
def test_without_an_association_false_alarms_are_as_rare_as_they_say(function, monkeypatch) -> None:
    """Languages differ, in all of their tasks alike, but not by the first predictor.

    Of 300 sets 5 % have p <= 0.05, within three standard errors.
    """
    monkeypatch.setattr(association, "_PERMUTATIONS", 199)
    monkeypatch.setattr(association, "_DRAWS", 20)
    random = np.random.default_rng(6)
    alarms = 0
    for _ in range(300):
        text = random.normal(size=15)
        far = text + random.normal(size=15)
        if function is rank_correlations:
            language = random.normal(size=15)
        else:
            language = text + random.normal(size=15)
        outcomes = {
            "panx": named(language + 0.3 * random.normal(size=15)),
            "xquad": named(language[:9] + 0.3 * random.normal(size=9)),
        }
        found = function(observed(outcomes, {DISTANCE: named(far), TEXT: named(text)}))
        alarms += found[0].p <= 0.05
    assert alarms / 300 <= 0.05 + 3 * (0.05 * 0.95 / 300) ** 0.5


@pytest.mark.parametrize(("languages", "slope"), [(12, 0.0), (12, 0.8), (38, 0.0), (38, 0.5)])
def test_intervals_hold_the_correlation_of_scores_as_measured(
    monkeypatch, languages: int, slope: float
) -> None:
    """Of 400 intervals 95 %, within two standard errors; Spearman's of a normal pair is known."""
    monkeypatch.setattr(association, "_PERMUTATIONS", 9)
    monkeypatch.setattr(association, "_DRAWS", 400)
    random = np.random.default_rng([languages, int(10 * slope)])
    truth = 6 / np.pi * np.arcsin(slope / 2)
    sets, held = 400, 0
    for _ in range(sets):
        x = random.normal(size=languages)
        y = slope * x + (1 - slope**2) ** 0.5 * random.normal(size=languages)
        [found] = rank_correlations(observed({"panx": named(y)}, {DISTANCE: named(x)}))
        held += found.low <= truth <= found.high
    assert held / sets >= 0.94 - 2 * (0.94 * 0.06 / sets) ** 0.5


def test_the_order_of_rows_does_not_matter() -> None:
    random = np.random.default_rng(8)
    outcomes = {"xnli": named(random.normal(size=12)), "panx": named(random.normal(size=10))}
    ordered = observed(outcomes, {DISTANCE: named(random.normal(size=12))})
    places = random.permutation(22)
    shuffled = replace(
        ordered,
        tasks=tuple(ordered.tasks[i] for i in places),
        languages=tuple(ordered.languages[i] for i in places),
        families=tuple(ordered.families[i] for i in places),
        values=ordered.values[places],
        predictors={DISTANCE: ordered.predictors[DISTANCE][places]},
    )
    for function in (rank_correlations, partial_rank_correlations, leave_one_family_out):
        assert function(ordered) == function(shuffled)


def test_what_cannot_be_computed_says_why() -> None:
    random = np.random.default_rng(9)
    y = named(random.normal(size=12))
    known = {
        DISTANCE: named(random.normal(size=12)),
        TEXT: named([np.nan] * 12),
        LATIN: named([1.0] * 12),
    }
    observations = observed({"xnli": y, "panx": y}, known)
    for function in (
        rank_correlations,
        partial_rank_correlations,
        leave_one_family_out,
        mixed_model,
    ):
        distance, text, latin = function(observations)
        assert distance.value is not None
        assert (text.value, text.low, text.p) == (None, None, None)
        assert "unknown for every language" in text.note
        assert latin.value is None
        assert "the same in every language" in latin.note
        assert not latin.enough
        flat = replace(observations, values=np.ones(24))
        assert function(flat)[0].value is None
        assert "nothing varies within a task" in function(flat)[0].note
        few = observed({"xnli": named([1.0, 2.0])}, {DISTANCE: named([1.0, 2.0])})
        assert function(few)[0].value is None


def test_a_language_without_a_value_is_left_out() -> None:
    random = np.random.default_rng(10)
    x, y = random.normal(size=(2, 12))
    holed = np.where(np.arange(12) == 3, np.nan, x)
    [found] = rank_correlations(observed({"xnli": named(y)}, {DISTANCE: named(holed)}))
    kept = np.isfinite(holed)
    assert found.value == pytest.approx(spearmanr(x[kept], y[kept]).statistic)
    assert found.languages == 11


def test_few_languages_are_too_few_to_tell() -> None:
    x = named(np.arange(8.0))
    [found] = rank_correlations(observed({"xnli": x}, {DISTANCE: x}))
    assert found.value == pytest.approx(1)
    assert found.note.startswith("8 languages: too few to tell")
    assert not found.enough
    [found] = mixed_model(observed({"xnli": x, "panx": x}, {DISTANCE: x}))
    assert found.value is None
    assert "8 languages: too few to tell" in found.note


def test_a_predictor_has_one_value_a_language() -> None:
    x = named(np.arange(12.0))
    observations = observed({"xnli": x, "panx": x}, {DISTANCE: x})
    wrong = replace(observations, predictors={DISTANCE: np.arange(24.0)})
    with pytest.raises(ValueError, match="two values of 'syntactic distance' for 'l00'"):
        rank_correlations(wrong)


def test_one_family_that_carries_the_sign_is_named() -> None:
    """Within either family farther is better; one family is farther and worse."""
    x = np.array([0.0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15])
    y = np.where(x < 10, 50 + x, x)
    kin = {code: "Near" if i < 6 else "Far" for i, code in enumerate(codes(12))}
    [found] = leave_one_family_out(observed({"xnli": named(y)}, {DISTANCE: named(x)}, families=kin))
    assert found.value == pytest.approx(spearmanr(x, y).statistic)
    assert found.value < 0
    assert (found.low, found.high) == pytest.approx((1, 1))
    assert "another sign without Far, Near" in found.note
    kin = {code: "Near" if i < 6 else code for i, code in enumerate(codes(12))}
    [found] = leave_one_family_out(observed({"xnli": named(y)}, {DISTANCE: named(x)}, families=kin))
    assert found.high == pytest.approx(1)
    assert "greatest without Near" in found.note


def test_published_scores_fall_with_distance() -> None:
    """XQuAD, F1 of XLM-R Large, as google-deepmind/xquad gives it."""
    f1 = {
        **{"ar": 68.6, "de": 80.4, "el": 79.8, "es": 82.0, "hi": 76.7},
        **{"ru": 80.1, "th": 74.2, "tr": 75.9, "vi": 79.1, "zh": 59.3},
    }
    far = {code: FACTS[code].syntactic_distance for code in f1}
    [found] = rank_correlations(observed({"xquad": f1}, {DISTANCE: far}))
    assert found.value == pytest.approx(spearmanr(list(far.values()), list(f1.values())).statistic)
    assert found.value < -0.5


def test_mixed_models_find_planted_coefficients() -> None:
    """Mean over six sets with family and language effects, on the outcome's standardised scale."""
    planted = {DISTANCE: -0.6, TEXT: 0.4, LATIN: 0.3}
    found, scaled = [], []
    for seed in range(6):
        observations = xtreme_like(seed, planted, family=0.3)
        results = mixed_model(observations)
        assert all(result.low < result.value < result.high for result in results)
        found.append([result.value for result in results])
        tasks = np.array(observations.tasks)
        spread = np.mean(
            [observations.values[tasks == task].std(ddof=1) for task in ("panx", "tatoeba")]
        )
        scaled.append([coefficient / spread for coefficient in planted.values()])
    assert np.mean(found, axis=0) == pytest.approx(np.mean(scaled, axis=0), abs=0.15)


def test_mixed_models_do_not_find_what_is_not_there() -> None:
    """Of 20 sets, at most four (the 99 % quantile for 5 %) have p <= 0.05 for text size."""
    alarms = 0
    for seed in range(20):
        text = mixed_model(xtreme_like(seed, {DISTANCE: -0.6}, language=0.5))[1]
        alarms += text.p <= 0.05
    assert alarms <= 4


def test_mixed_models_keep_the_warnings_of_the_library_to_themselves() -> None:
    """Without differences between languages beyond the predictors a variance is 0."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        results = mixed_model(xtreme_like(0, {DISTANCE: -0.6}, language=0.0))
    assert results[0].p < 0.001
    assert results[0].low < results[0].value < results[0].high < 0
    assert "a variance of languages or families is about 0" in results[0].note


def test_why_there_is_no_mixed_model() -> None:
    random = np.random.default_rng(11)
    x, y = named(random.normal(size=12)), named(random.normal(size=12))
    [found] = mixed_model(observed({"xnli": y}, {DISTANCE: x}))
    assert (found.value, found.p) == (None, None)
    assert "no language is in two tasks" in found.note
    twice = {DISTANCE: x, TEXT: {code: 2 * value for code, value in x.items()}}
    [found, _] = mixed_model(observed({"xnli": y, "panx": y}, twice))
    assert found.value is None
    assert "the predictors determine each other" in found.note
    hidden = {code: 3.0 if i else np.nan for i, code in enumerate(x)} | {"l01": 4.0}
    unknown = {code: np.nan if code == "l01" else value for code, value in x.items()}
    both = observed({"xnli": y, "panx": y}, {DISTANCE: unknown, TEXT: hidden})
    assert all("determine each other" in found.note for found in mixed_model(both))
    [found] = mixed_model(observed({"xnli": y, "panx": x}, {DISTANCE: x}))
    assert "too few families with several languages" in found.note
