"""The sentences on a run, against numbers worked out by hand."""

from __future__ import annotations

import re

import polars as pl
import pytest
from test_baselines import baselines
from test_summary import table

from xstilts.errors import XstiltsError
from xstilts.headline import headline
from xstilts.languages import INVITRO_LANGUAGES, LANGUAGES
from xstilts.summary import main_metrics
from xstilts.tasks import GROUPS, TARGETS, XTREME

CODES = tuple(INVITRO_LANGUAGES)
# Far families lose; Albic is English's own.
BASE = {"en": 90, "qal": 80, "qan": 70, "qbo": 60, "qbi": 50, "qce": 40, "qci": 40, "qdo": 45}


def run(
    values: dict[str, float],
    targets: tuple[str, ...] = tuple(XTREME),
    seeds: tuple[int, ...] = (1,),
    more: dict[tuple[str, str], float] | None = None,
) -> pl.DataFrame:
    """Scores of `BASE` plus a number for each recipe, plus `more` by (recipe, target)."""
    return table(
        *(
            (recipe, target, seed, language, metric, BASE[language] + value + extra)
            for recipe, value in values.items()
            for target in targets
            for extra in [(more or {}).get((recipe, target), 0.0)]
            for seed in seeds
            for language in BASE
            if not (language == "en" and target in GROUPS["retrieval"])
            for metric in main_metrics(target)
        )
    )


def test_a_whole_run() -> None:
    """English is 90 everywhere. The best baselines are 86 for XNLI and 50 elsewhere: mean 55.1.

    Albic without English: (80 + 70) / 2; Cendic: 40. Task scores: 475 / 8 = 59.375 for the
    seven trained ones, 385 / 7 = 55 for retrieval, 58.4 in the mean of nine. mnli gains 2 on all
    nine and 3 less on retrieval: (7 * 2 - 2) / 9 = 1.33.
    """
    rivals = [("majority", "", target, "en", 50) for target in XTREME]
    rivals.append(("type_only", "", "xnli", "en", 86))
    found = headline(
        run(
            {"none": 0, "mnli": 2, "squad_v1": -1},
            more={("mnli", target): -3 for target in GROUPS["retrieval"]},
        ),
        baselines(*rivals),
        INVITRO_LANGUAGES,
    )
    assert found == [
        "In English, none scores 90.0 on average over 7 trained targets, the best baseline of each"
        " 55.1; clearly above it (by 5.0 points or more): 6 of 7.",
        "Transfer with none: 75.0 in English's own family (Albic, without English) and 40.0 in the"
        " worst, Cendic, on average over 7 trained targets.",
        "The overall score of none, the mean of all 9 task scores, is 58.4.",
        "Of 2 recipes mnli gains most over none, +1.3 points on average over 9 targets, and"
        " squad_v1 least, −1.0 (one seed, so it may be chance).",
        "After mnli, retrieval changes by −1.0 points, and Cendic, the worst family, changes by"
        " +2.0 points on average over 7 trained targets (one seed).",
    ]


def test_a_target_beyond_xtreme_changes_nothing() -> None:
    values = {"none": 0.0, "mnli": 2.0, "squad_v1": -1.0}
    rivals = baselines(*(("majority", "", target, "en", 50) for target in TARGETS))
    found, nine = (
        headline(
            run(values, targets=tuple(targets), more={("mnli", "xcopa"): -9}),
            rivals,
            INVITRO_LANGUAGES,
        )
        for targets in (TARGETS, XTREME)
    )
    assert found == nine


def test_a_part_of_a_run_says_what_is_not_known() -> None:
    scores = run({"none": 0, "mnli": 2}, targets=("xnli", "panx"), seeds=(1, 2))
    found = headline(scores, None, INVITRO_LANGUAGES)
    assert "90.0 on average over 2 trained targets; no baselines were run" in found[0]
    assert found[2].startswith("No overall score, because not all 9 targets have a score;")
    assert "over XNLI, PAN-X, none scores 59.4 on average" in found[2]
    assert found[3] == (
        "The only intermediate training that was run, mnli, changes none by +2.0 points on average"
        " over 2 targets (on average over 2 seeds)."
    )
    assert "what happens to retrieval is not known, and Cendic" in found[4]
    assert "one seed" not in " ".join(found)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (
            {"none": 0},
            "Only the recipe none was run, so nothing is known of intermediate training.",
        ),
        ({"mnli": 0}, "The recipe none was not run, so no gains are known."),
    ],
)
def test_without_a_comparison_there_are_no_gains(values: dict[str, float], said: str) -> None:
    found = headline(run(values, targets=("xnli",)), None, INVITRO_LANGUAGES)
    assert found[3] == said
    assert found[4].endswith("is not known.")
    assert f"In English, {next(iter(values))} scores 90.0" in found[0]


def test_where_every_recipe_loses_it_says_so() -> None:
    found = headline(run({"none": 0, "mnli": -2, "qqp": -5}), None, INVITRO_LANGUAGES)
    assert found[3] == (
        "None of 2 recipes gains over none: mnli loses least, −2.0 points on average over 9"
        " targets, and qqp most, −5.0 (one seed, so it may be chance)."
    )


def test_retrieval_alone_has_no_english_and_no_family() -> None:
    found = headline(run({"none": 0, "mnli": 1}, ("tatoeba",)), None, INVITRO_LANGUAGES)
    assert found[0].startswith("No trained target has an English score")
    assert found[1].startswith("No trained target has both")
    assert found[4] == (
        "After mnli, retrieval changes by +1.0 points, and what happens to the worst family is not"
        " known (one seed)."
    )


def test_families_are_compared_on_the_targets_that_both_have() -> None:
    """Turkic is only in XNLI, where German has 60: 20 below; Swahili is 15 below in PAN-X."""
    rows = [
        ("none", "xnli", 1, "en", "accuracy", 90),
        ("none", "xnli", 1, "de", "accuracy", 60),
        ("none", "xnli", 1, "tr", "accuracy", 40),
        ("none", "panx", 1, "de", "f1", 30),
        ("none", "panx", 1, "sw", "f1", 15),
        ("none", "tydiqa", 1, "en", "f1", 30),
        ("none", "tydiqa", 1, "en", "exact_match", 30),
        ("none", "tydiqa", 1, "te", "f1", 1),
        ("none", "tydiqa", 1, "te", "exact_match", 1),
    ]
    found = headline(table(*rows), None, LANGUAGES)
    assert found[1] == (
        "Transfer with none: 60.0 in English's own family (Indo-European, without English) and"
        " 40.0 in the worst, Turkic, on average over 1 trained target."
    )


def test_one_encoder_and_the_test_split_are_described() -> None:
    scores = run({"none": 0}, ("xnli",))
    other = scores.with_columns(encoder=pl.lit("zeta"), value=pl.lit(1.0))
    dev = scores.with_columns(split=pl.lit("dev"), value=pl.lit(2.0))
    found = headline(pl.concat([dev, scores, other]), None, INVITRO_LANGUAGES)
    assert found[0].startswith("enc: In English, none scores 90.0")
    assert headline(dev, None, INVITRO_LANGUAGES)[0].startswith("In English, none scores 2.0")
    with pytest.raises(XstiltsError, match="no rows"):
        headline(scores.with_columns(condition=pl.lit("typos")), None, INVITRO_LANGUAGES)


def test_nothing_is_claimed_to_be_significant() -> None:
    text = " ".join(headline(run({"none": 0, "mnli": 1}), None, INVITRO_LANGUAGES))
    assert not re.search(r"signific|proves|confiden", text)
