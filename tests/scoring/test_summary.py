"""Averages, gaps, gains and coverage against numbers worked out by hand."""

from __future__ import annotations

import statistics

import polars as pl
import pytest
from few_scores import grid, table
from hypothesis import given
from hypothesis import strategies as st

from xstilts.config.tasks import GROUPS, XTREME
from xstilts.errors import XstiltsError
from xstilts.scoring.averages import summarise


def only(frame: pl.DataFrame, **where: object) -> dict:
    return frame.filter(**where).row(0, named=True)


def test_worked_example_of_one_task() -> None:
    """Seed 1: (80 + 70 + 60) / 3 = 70, gap 80 - 65 = 15; seed 2: (86 + 70 + 66) / 3 = 74, gap 18.

    The baseline's seed 2 is 72, so the gains are 70 - 66 = 4 and 74 - 72 = 2.
    """
    summary = summarise(
        table(
            ("none", "xnli", 1, "en", "accuracy", 76),
            ("none", "xnli", 1, "de", "accuracy", 62),
            ("none", "xnli", 1, "sw", "accuracy", 60),
            ("none", "xnli", 2, "en", "accuracy", 80),
            ("none", "xnli", 2, "de", "accuracy", 74),
            ("none", "xnli", 2, "sw", "accuracy", 62),
            ("mnli", "xnli", 1, "en", "accuracy", 80),
            ("mnli", "xnli", 1, "de", "accuracy", 70),
            ("mnli", "xnli", 1, "sw", "accuracy", 60),
            ("mnli", "xnli", 2, "en", "accuracy", 86),
            ("mnli", "xnli", 2, "de", "accuracy", 70),
            ("mnli", "xnli", 2, "sw", "accuracy", 66),
        )
    )
    score = only(summary.averages, recipe="mnli", quantity="task")
    assert (score["mean"], score["low"], score["high"]) == pytest.approx((72, 70, 74))
    assert score["seeds"] == 2
    assert score["sd"] is None
    assert only(summary.averages, recipe="mnli", quantity="english")["mean"] == pytest.approx(83)
    assert only(summary.averages, recipe="mnli", quantity="gap")["mean"] == pytest.approx(16.5)
    gain = only(summary.gains, quantity="task")
    assert (gain["mean"], gain["low"], gain["high"]) == pytest.approx((3, 2, 4))
    german = only(summary.language_gains, language="de")
    assert (german["low"], german["high"], german["seeds"]) == (-4, 8, 2)
    assert only(summary.languages, recipe="mnli", language="sw")["mean"] == pytest.approx(63)


def test_qa_is_the_mean_of_exact_match_and_f1_and_extras_enter_nothing() -> None:
    summary = summarise(
        table(
            ("none", "xquad", 1, "en", "exact_match", 60),
            ("none", "xquad", 1, "en", "f1", 80),
            ("none", "xquad", 1, "de", "exact_match", 40),
            ("none", "xquad", 1, "de", "f1", 50),
            ("none", "panx", 1, "en", "f1", 50),
            ("none", "panx", 1, "en", "strict_f1", 1),
            ("none", "panx", 1, "en", "token_accuracy", 99),
            ("none", "panx", 1, "en", "precision", 3),
            ("none", "tatoeba", 1, "de", "accuracy", 30),
            ("none", "tatoeba", 1, "de", "accuracy_to_en", 90),
            ("none", "bucc2018", 1, "de", "f1", 20),
            ("none", "bucc2018", 1, "de", "recall", 90),
        )
    )
    tasks = summary.averages.filter(quantity="task")
    assert dict(tasks.select("name", "mean").iter_rows()) == {
        "xquad": (70 + 45) / 2,
        "panx": 50,
        "tatoeba": 30,
        "bucc2018": 20,
    }
    assert only(summary.metrics, metric="accuracy_to_en")["mean"] == 90
    assert only(summary.averages, quantity="group")["mean"] == 25
    assert set(summary.averages.filter(quantity="gap")["name"]) == {"xquad"}
    assert set(summary.averages.filter(quantity="english")["name"]) == {"xquad", "panx"}


def test_groups_and_overall_are_means_of_their_tasks() -> None:
    values = {("none", target, 1): 10.0 * place for place, target in enumerate(XTREME, start=1)}
    summary = summarise(grid(values))
    groups = dict(summary.averages.filter(quantity="group").select("name", "mean").iter_rows())
    assert groups == {"classification": 15, "tagging": 35, "qa": 60, "retrieval": 85}
    assert only(summary.averages, quantity="overall")["mean"] == pytest.approx(450 / 9)


def test_a_target_beyond_xtreme_has_a_score_and_is_in_no_mean() -> None:
    values = {("none", target, 1): 50.0 for target in XTREME} | {("none", "xcopa", 1): 90.0}
    summary = summarise(grid(values))
    assert only(summary.averages, quantity="task", name="xcopa")["mean"] == 90
    assert set(summary.averages.filter(quantity="group")["name"]) == set(GROUPS)
    assert only(summary.averages, quantity="overall")["mean"] == 50
    alone = summarise(grid({("none", "xcopa", 1): 90.0}))
    assert set(alone.averages["quantity"]) == {"task", "english", "gap"}


@pytest.mark.parametrize("absent", list(XTREME))
def test_no_average_over_an_incomplete_set_of_tasks(absent: str) -> None:
    summary = summarise(grid({("none", target, 1): 50 for target in XTREME if target != absent}))
    assert summary.averages.filter(quantity="overall").is_empty()
    formed = set(summary.averages.filter(quantity="group")["name"])
    assert formed == {name for name, members in GROUPS.items() if absent not in members}


def test_retrieval_of_the_baseline_is_reused_for_every_seed_but_counted_once() -> None:
    """Baseline: seven trained tasks at 40, 50, 60 by seed, two retrieval tasks at 20 once."""
    trained = [target for target in XTREME if XTREME[target].train_set]
    values = {("none", target, seed): 30.0 + 10 * seed for target in trained for seed in (1, 2, 3)}
    values |= {("none", target, 1): 20.0 for target in GROUPS["retrieval"]}
    values |= {("mnli", target, seed): 50.0 + seed for target in XTREME for seed in (1, 2, 3)}
    summary = summarise(grid(values))

    overall = only(summary.averages, recipe="none", quantity="overall")
    by_hand = [(7 * value + 2 * 20) / 9 for value in (40, 50, 60)]
    assert overall["seeds"] == 3
    assert overall["mean"] == pytest.approx(statistics.mean(by_hand))
    assert overall["sd"] == pytest.approx(statistics.stdev(by_hand))
    for name in (*GROUPS["retrieval"], "retrieval"):
        once = only(summary.averages, recipe="none", name=name)
        assert (once["mean"], once["seeds"], once["sd"]) == (20, 1, None)
        gain = only(summary.gains, name=name)
        assert (gain["mean"], gain["low"], gain["high"], gain["seeds"]) == (32, 31, 33, 3)
    assert only(summary.language_gains, target="tatoeba", language="ar")["seeds"] == 3


def test_retrieval_alone_pairs_the_single_seed_of_the_baseline() -> None:
    values = {("none", "tatoeba", 1): 20.0, ("mnli", "tatoeba", 1): 30.0}
    summary = summarise(grid(values | {("mnli", "tatoeba", 2): 50.0}))
    gain = only(summary.gains, quantity="task")
    assert (gain["mean"], gain["seeds"]) == (20, 2)


def test_a_seed_that_a_trained_task_lacks_is_not_replaced_by_another() -> None:
    values = {("none", target, seed): 50.0 for target in XTREME for seed in (1, 2)}
    del values["none", "xnli", 2]
    summary = summarise(grid(values))
    assert only(summary.averages, quantity="overall")["seeds"] == 1
    assert only(summary.averages, quantity="task", name="pawsx")["seeds"] == 2


def test_gains_of_trained_tasks_pair_only_the_seeds_that_both_have() -> None:
    values = {("none", "xnli", 1): 50.0, ("mnli", "xnli", 1): 51.0, ("mnli", "xnli", 2): 90.0}
    gain = only(summarise(grid(values)).gains, quantity="task")
    assert (gain["mean"], gain["seeds"]) == (1, 1)


def test_without_the_baseline_there_are_scores_but_no_gains() -> None:
    summary = summarise(grid({("mnli", "xnli", 1): 50.0}))
    assert summary.gains.is_empty()
    assert summary.language_gains.is_empty()
    assert only(summary.averages, quantity="task")["mean"] == 50


def test_encoders_splits_and_conditions_are_kept_apart() -> None:
    base = grid({("none", "xnli", 1): 50.0})
    other = [
        base.with_columns(pl.lit(name).alias(column), value=pl.lit(value))
        for column, name, value in (
            ("encoder", "other", 60.0),
            ("split", "dev", 70.0),
            ("condition", "typos", 80.0),
        )
    ]
    tasks = summarise(pl.concat([base, *other])).averages.filter(quantity="task")
    assert sorted(tasks["mean"]) == [50, 60, 70, 80]


def test_averages_are_restricted_to_languages_that_all_runs_have() -> None:
    summary = summarise(
        table(
            ("none", "xnli", 1, "en", "accuracy", 80),
            ("none", "xnli", 1, "de", "accuracy", 60),
            ("mnli", "xnli", 1, "en", "accuracy", 82),
            ("mnli", "xnli", 1, "de", "accuracy", 64),
            ("mnli", "xnli", 1, "th", "accuracy", 10),
        )
    )
    assert only(summary.averages, recipe="mnli", quantity="task")["mean"] == 73
    assert only(summary.averages, recipe="mnli", quantity="gap")["mean"] == 18
    held = only(summary.coverage)
    assert (held["covered"], held["partial"], held["beyond"]) == (["de", "en"], ["th"], [])
    assert (held["count"], held["full_count"], held["complete"]) == (2, 15, False)
    assert " ".join(held["missing"]) == "ar bg el es fr hi ru sw tr ur vi zh"
    assert summary.notes == (
        "xnli (test, clean): not every run has th;"
        " averages use the 2 languages that all runs have.",
    )
    assert only(summary.languages, language="th")["mean"] == 10


def test_no_average_when_runs_share_no_language() -> None:
    summary = summarise(
        table(
            ("none", "xnli", 1, "de", "accuracy", 60),
            ("mnli", "xnli", 1, "th", "accuracy", 10),
        )
    )
    assert summary.averages.is_empty()
    assert "no language in common (de, th)" in summary.notes[0]


def test_complete_coverage_and_languages_beyond_xtreme() -> None:
    full = grid({("none", "pawsx", 1): 50.0}, languages=99)
    assert only(summarise(full).coverage)["complete"]
    more = pl.concat([full, full.filter(language="de").with_columns(language=pl.lit("pl"))])
    held = only(summarise(more).coverage)
    assert (held["beyond"], held["complete"]) == (["pl"], False)
    assert (held["count"], held["full_count"], len(held["covered"])) == (7, 7, 8)


def test_coverage_is_of_the_languages_that_the_data_source_has() -> None:
    rows = [("none", "xnli", 1, language, "accuracy", 50) for language in ("qdo", "en", "de")]
    expected = {"xnli": ("en", "qal", "qdo")}
    held = only(summarise(table(*rows), expected=expected).coverage)
    assert (held["covered"], held["missing"]) == (["en", "qdo", "de"], ["qal"])
    assert (held["beyond"], held["count"], held["full_count"]) == (["de"], 2, 3)
    assert only(summarise(table(*rows), expected={}).coverage)["full_count"] == 15


def test_uneven_numbers_of_items_are_noted_except_for_mined_pairs() -> None:
    rows = grid({(recipe, "xnli", 1): 50.0 for recipe in ("none", "mnli")})
    uneven = rows.with_columns(n=pl.when(pl.col("recipe") == "mnli").then(5).otherwise("n"))
    assert "different numbers of items in ar, bg" in summarise(uneven).notes[0]
    mined = uneven.with_columns(target=pl.lit("bucc2018"), metric=pl.lit("f1"))
    assert summarise(mined).notes == ()


SCORE = ("none", "xnli", 1, "en", "accuracy", 50)


@pytest.mark.parametrize(
    ("scores", "message"),
    [
        (table(SCORE).drop("seed"), "no column seed"),
        (table(SCORE).clear(), "no rows"),
        (table(SCORE, SCORE), "twice"),
        (table((*SCORE[:5], 100.5)), "points from 0 to 100"),
        (table((*SCORE[:5], float("nan"))), "points from 0 to 100"),
        (table(SCORE).with_columns(value=pl.lit(None)), "value is empty"),
        (table(SCORE).with_columns(value=pl.lit("high")), "wrong type"),
        (table(("none", "xnl", 1, "en", "accuracy", 50)), "did you mean 'xnli'"),
        (table(("none", "xquad", 1, "en", "f1", 50)), "exact_match and f1, of which one"),
        (table(("none", "xnli", 1, "en", "f1", 50)), "xnli: accuracy"),
    ],
)
def test_bad_tables_are_refused(scores: pl.DataFrame, message: str) -> None:
    with pytest.raises(XstiltsError, match=message):
        summarise(scores)


POINTS = st.floats(0, 100)


@given(
    st.dictionaries(
        st.tuples(st.sampled_from(["none", "mnli"]), st.integers(1, 4)),
        st.fixed_dictionaries(dict.fromkeys(("en", "de", "sw"), POINTS)),
        min_size=1,
    )
)
def test_one_task_against_plain_python(cells: dict[tuple[str, int], dict[str, float]]) -> None:
    summary = summarise(
        table(
            *(
                (recipe, "xnli", seed, language, "accuracy", value)
                for (recipe, seed), values in cells.items()
                for language, value in values.items()
            )
        )
    )
    scores = {key: statistics.fmean(values.values()) for key, values in cells.items()}
    for recipe in {recipe for recipe, _ in cells}:
        values = [value for (of, _), value in scores.items() if of == recipe]
        row = only(summary.averages, recipe=recipe, quantity="task")
        assert row["seeds"] == len(values)
        assert row["mean"] == pytest.approx(statistics.fmean(values))
        assert (row["low"], row["high"]) == pytest.approx((min(values), max(values)))
        if len(values) >= 3:
            assert row["sd"] == pytest.approx(statistics.stdev(values), abs=1e-9)
        else:
            assert row["sd"] is None
    paired = [
        value - scores["none", seed]
        for (recipe, seed), value in scores.items()
        if recipe == "mnli" and ("none", seed) in scores
    ]
    assert summary.gains.filter(quantity="task").height == bool(paired)
    if paired:
        gain = only(summary.gains, quantity="task")
        assert gain["mean"] == pytest.approx(statistics.fmean(paired), abs=1e-9)


@given(st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(random) -> None:
    values = {
        (recipe, target, seed): 10.0 + len(recipe) + len(target) + seed
        for recipe in ("none", "mnli")
        for target in XTREME
        for seed in (1, 2)
    }
    rows = grid(values)
    order = list(range(rows.height))
    random.shuffle(order)
    keys = ["recipe", "quantity", "name"]
    one, other = (summarise(table).averages.sort(keys) for table in (rows, rows[order]))
    assert one.drop("mean", "sd").equals(other.drop("mean", "sd"))
    assert one["mean"].to_list() == pytest.approx(other["mean"].to_list())
