"""The summary says what intervals carry, and nothing else."""

from __future__ import annotations

import pytest

from xstilts.analysis.findings import Findings
from xstilts.analysis.inference.adjust import IN_RUN, NOT_ENOUGH
from xstilts.analysis.inference.draws import ITEMS, ITEMS_AND_SEEDS
from xstilts.analysis.tables import (
    ALL,
    ALL_LANGUAGES,
    ASSOCIATION,
    COLLAPSED,
    CORRECTED,
    EVERY,
    FAIRER,
    FAIRNESS,
    FAMILY,
    GAIN,
    GAINS,
    GROUPS,
    HARM,
    KINSHIP,
    LANGUAGE,
    LANGUAGE_TABLE,
    LOSES,
    PERTURBED,
    PITFALLS,
    POINTS,
    SCORE,
    table,
)
from xstilts.report.sentences import summary_of
from xstilts.report.summary import FIRST, ReportSummary

MEAN = {"grouping": ALL, "group": ALL_LANGUAGES}


def group(recipe, value, low, high, verdict, **more):
    return {
        "encoder": "xlmr", "recipe": recipe, "target": EVERY, "scale": POINTS, "quantity": GAIN,
        "value": value, "low": low, "high": high, "verdict": verdict, "basis": ITEMS_AND_SEEDS,
        "languages": ["de", "ru"], "single": False, **MEAN, **more,
    }  # fmt: skip


BASELINE = group("none", 50.0, 48.0, 52.0, None, quantity=SCORE)


def family(recipe, name, value, low, high, verdict, **more):
    return group(recipe, value, low, high, verdict, grouping=FAMILY, group=name, **more)


def change(recipe, measure, value, low, high, verdict, scale=POINTS):
    return {
        "encoder": "xlmr", "recipe": recipe, "target": EVERY, "measure": measure,
        "title": measure.capitalize(), "better": "less", "scale": scale, "value": 1.0,
        "change": value, "change_low": low, "change_high": high, "verdict": verdict,
        "basis": ITEMS_AND_SEEDS, "change_basis": ITEMS_AND_SEEDS,
    }  # fmt: skip


def said(**tables) -> list[str]:
    return list(summary(**{"groups": [BASELINE], **tables}).sentences)


def summary(**rows) -> ReportSummary:
    schemas = {
        "groups": GROUPS, "fairness": FAIRNESS, "harm": HARM, "perturbed": PERTURBED,
        "pitfalls": PITFALLS, "association": ASSOCIATION, "languages": LANGUAGE_TABLE,
        "collapsed": COLLAPSED, "kinship": KINSHIP,
    }  # fmt: skip
    return summary_of(Findings.of(**{k: table(v, schemas[k]) for k, v in rows.items()}))


def test_a_gain_whose_interval_carries_it_is_said_with_its_numbers():
    rows = [BASELINE, group("mnli", 3.14, 1.2, 4.9, GAINS), group("qqp", -2.0, -3.0, -1.0, LOSES)]
    found = said(groups=rows)
    assert found[0] == (
        "`mnli` raises the mean over 2 languages by 3.1 points (95 % 1.2 to 4.9) and"
        " `qqp` lowers it by 2.0 (95 % 1.0 to 3.0)."
    )


def test_what_is_not_clear_is_said_to_be_so_whatever_its_size():
    found = said(groups=[BASELINE, group("mnli", 9.0, -0.5, 18.0, NOT_ENOUGH)])
    assert found[0] == (
        "Not enough data to tell whether the mean over languages changes:"
        " `mnli` +9.0 (95 % −0.5 to 18.0)."
    )
    assert not any("raises" in sentence for sentence in found)


def test_an_interval_over_the_items_of_one_seed_says_so():
    found = said(groups=[BASELINE, group("mnli", 3.0, 1.0, 5.0, GAINS, basis=ITEMS)])
    assert "(95 % 1.0 to 5.0, of one seed)" in found[0]


def test_what_holds_for_all_intervals_is_said_once():
    rows = [BASELINE | {"basis": ITEMS}, group("mnli", 3.0, 1.0, 5.0, GAINS, basis=ITEMS)]
    first, second, *_ = said(groups=rows)
    assert first.startswith("One seed was run: all intervals are over its items")
    assert "(95 % 1.0 to 5.0)" in second


def test_a_recipe_that_learnt_nothing_is_said_to_have():
    rows = [BASELINE | {"target": "xnli"}, group("qqp", -9.0, -10.0, -8.0, LOSES)]
    lost = [{"encoder": "xlmr", "recipe": "qqp", "target": "xnli"}]
    assert "`qqp` (whose runs all learnt nothing) lowers" in said(groups=rows, collapsed=lost)[0]


def test_without_an_interval_there_is_no_number_to_lean_on():
    found = said(groups=[BASELINE, group("mnli", 3.0, None, None, NOT_ENOUGH, basis="")])
    assert "changes: `mnli` +3.0." in found[0]


def test_a_family_of_one_language_is_spoken_of_as_that_language():
    rows = [
        BASELINE,
        family("mnli", "Turkic", 2.0, 1.0, 3.0, GAINS),
        family("mnli", "Japonic", -4.0, -6.0, -2.0, LOSES, single=True, languages=["ja"]),
        family("mnli", "Uralic", 0.3, -1.0, 1.5, NOT_ENOUGH),
    ]
    names = [{"language": "ja", "name": "Japanese"}]
    (sentence,) = [each for each in said(groups=rows, languages=names) if "By family" in each]
    assert sentence == (
        "By family, `mnli` raises Turkic by 2.0 (95 % 1.0 to 3.0) and lowers Japanese (the only"
        " Japonic language here) by 4.0 (95 % 2.0 to 6.0); of 1 more nothing is clear."
    )


def test_the_worst_family_and_evenness_stand_beside_the_mean():
    rows = [
        change("mnli", "worst_family", 3.1, 1.2, 4.9, FAIRER),
        change("mnli", "gini", -0.012, -0.02, -0.004, FAIRER, scale=CORRECTED),
        change("mnli", "mean_languages", -1.0, -2.0, -0.2, "worse", scale=CORRECTED),
    ]
    found = said(groups=[BASELINE, group("mnli", 0.1, -1.0, 1.0, NOT_ENOUGH)], fairness=rows)
    assert any("raises the worst family by 3.1 points (95 % 1.2 to 4.9);" in each for each in found)
    (even,) = [each for each in found if "more even" in each]
    assert "Gini falls by 0.012 (95 % 0.004 to 0.020)" in even
    assert "mean changes by −1.0 (95 % −2.0 to −0.2)" in even


def test_measures_that_disagree_are_not_made_one():
    rows = [
        change("mnli", "gini", -0.01, -0.02, -0.004, FAIRER, scale=CORRECTED),
        change("mnli", "spread", 1.0, 0.4, 1.6, "less fair", scale=CORRECTED),
        change("mnli", "mean_languages", 3.0, 2.0, 4.0, "better", scale=CORRECTED),
    ]
    found = said(groups=[BASELINE, group("mnli", 3.0, 2.0, 4.0, GAINS)], fairness=rows)
    assert any("more even and in another way less even" in each for each in found)


@pytest.mark.parametrize(("strictly", "words"), [(0, "no sure harm"), (2, "in 2 of 9 cases")])
def test_harm_is_told_with_what_chance_would_give(strictly, words):
    row = {
        "encoder": "xlmr", "recipe": "mnli", "target": EVERY, "grouping": LANGUAGE, "group": ALL,
        "harmed": 3, "strictly": strictly, "count": 9,
    }  # fmt: skip
    found = said(groups=[BASELINE, group("mnli", 0.0, -1.0, 1.0, NOT_ENOUGH)], harm=[row])
    assert any(words in each for each in found)


def test_pitfalls_are_told_in_percent():
    row = {
        "encoder": "xlmr", "recipe": "none", "target": EVERY, "grouping": ALL, "group": ALL,
        "rate": 0.25, "low": 0.2, "high": 0.3, "expected": 0.4, "basis": ITEMS_AND_SEEDS,
    }  # fmt: skip
    after = row | {
        "recipe": "mnli", "rate": 0.2, "change": -0.05, "change_low": -0.08, "change_high": -0.02,
        "verdict": "fewer",
    }  # fmt: skip
    found = said(pitfalls=[row, after])
    assert any("25.0 % is wrong in another language (95 % 20.0 to 30.0" in each for each in found)
    assert any("falls by 5.0 points after `mnli` (95 % 2.0 to 8.0)" in each for each in found)


@pytest.mark.parametrize(
    ("verdict", "told"), [(None, False), (NOT_ENOUGH, False), ("falls with it", True)]
)
def test_an_association_is_told_where_its_verdict_carries_it(verdict, told):
    row = {
        "encoder": "xlmr", "recipe": "none", "outcome": SCORE, "method": "Spearman",
        "predictor": "distance from English", "value": -0.7, "low": -0.9, "high": -0.3,
        "p": 0.001, "verdict": verdict, "languages": 12, "note": "",
    }  # fmt: skip
    found = said(association=[row])
    assert (
        any("The further a language is from English, the lower" in each for each in found) == told
    )


@pytest.mark.parametrize(
    ("verdict", "start"),
    [
        ("falls with it", "The further a language is from English, the lower the score, kinship"),
        (NOT_ENOUGH, "The further a language is from English, the lower the score by ranks"),
    ],
)
def test_distance_is_told_by_the_model_with_the_tree(verdict, start):
    row = {
        "encoder": "xlmr", "recipe": "none", "outcome": SCORE, "method": "Spearman",
        "predictor": "distance from English", "value": -0.7, "low": -0.9, "high": -0.3,
        "p": 0.001, "verdict": "falls with it", "languages": 12, "note": "",
    }  # fmt: skip
    tree = row | {"method": "model with the tree", "value": -0.4, "verdict": verdict}
    mixed = row | {"method": "mixed model", "value": -0.5, "verdict": "falls with it"}
    [found] = [each for each in said(association=[row, mixed, tree]) if "further" in each]
    assert found.startswith(start)
    assert "-0.40 standard deviations for one of distance" in found.replace("−", "-")
    assert "with an intercept of families in place of the tree" in found


def kin(**more):
    tree = {
        "encoder": "xlmr", "recipe": "mnli", "outcome": "gain", "condition": "",
        "target": EVERY, "model": "tree",
        "languages": 39, "families": 14, "independent_tree": 17.7, "independent": 19.2,
        "lambda_": 0.71, "lambda_low": 0.04, "lambda_high": 1.0, "value": 1.5, "low": 0.5,
        "high": 2.5, "new_low": -1.5, "new_high": 4.5, "p": 0.2, "p_adjusted": 0.4, "tests": 2,
        "verdict": NOT_ENOUGH, "detectable": 2.25, "note": "",
    }  # fmt: skip
    full = {"model": "tree, places and predictors", "note": "beside distance, log(1 + GiB), script"}
    return [tree, tree | full | more]


def test_what_kinship_leaves_of_a_gain_is_told_with_both_intervals():
    found = " ".join(
        said(groups=[BASELINE, group("mnli", 1.5, 0.5, 2.5, GAINS)], kinship=kin())
    ).replace("−", "-")
    assert "the mean over 2 languages (by descent as good as 17.7 independent ones)" in found
    assert (
        "In points, mean gains over languages like these (95 %; new: in a new language of a new"
        " family; independent: what the 39 languages of 14 families count as; lambda: the share of"
        " what sets them apart that follows the tree): `mnli` +1.5 (+0.5 to +2.5; new -1.5 to +4.5;"
        " independent 19.2; lambda 0.71, 0.04 to 1.00)."
    ) in found
    assert "by more than their descent and nearness and distance, log(1 + GiB) and script" in found
    assert "shifts of families with a standard deviation of 2.3 points would be seen" in found


def test_families_that_differ_beyond_descent_are_told():
    rows = kin(verdict="families differ", p_adjusted=0.01)
    found = said(groups=[BASELINE, group("mnli", 1.5, 0.5, 2.5, GAINS)], kinship=rows)
    assert any("Families differ in what recipes give by more" in each for each in found)
    assert any("explain: `mnli` (p 0.010), adjusted for all recipes." in each for each in found)


def test_recipes_are_told_in_one_sentence_after_whom_it_is_of():
    rows = [*kin(), *(row | {"recipe": "qqp", "value": -0.5} for row in kin(detectable=1.0))]
    groups = [BASELINE, group("mnli", 1.5, 0.5, 2.5, GAINS), group("qqp", 1.5, 0.5, 2.5, GAINS)]
    held = [each.replace("−", "-") for each in said(groups=groups, kinship=rows)]
    [found] = [each for each in held if "mean gains" in each]
    assert found.startswith("Means over languages and their")
    assert ": `mnli` +1.5 (+0.5 to" in found
    assert " and `qqp` -0.5 (+0.5 to" in found
    [unclear] = [each for each in held if "whether families differ in what recipes give" in each]
    assert (
        "(`mnli` and `qqp`); shifts of families with a standard deviation of 1.0 to 2.3" in unclear
    )


def lost(recipe="mnli", condition="typos@0.3", **more):
    more = {"recipe": recipe, "condition": condition, "outcome": "change of loss", **more}
    return [row | more for row in kin()]


def test_what_kinship_leaves_of_robustness_is_told_of_the_greatest_strength_of_each_kind():
    rows = [
        *lost(condition="typos@0.1", value=0.25, detectable=1.25),
        *lost(condition="typos@0.3"),
        *lost(condition="no_diacritics@1", value=-2.0),
        *lost("qqp", detectable=4.0),
    ]
    groups = [BASELINE, group("mnli", 1.5, 0.5, 2.5, GAINS), group("qqp", 1.5, 0.5, 2.5, GAINS)]
    held = said(groups=groups, kinship=[*kin(), *rows])
    found = [
        each.replace("−", "-") for each in held if "the loss by" in each or "take away" in each
    ]
    first, second, unclear = found
    numbers = "(+0.5 to +2.5; new -1.5 to +4.5; independent 19.2)"
    over = (
        "over languages like these (95 %; new: in a new language of a new family; independent: what"
        " the 39 languages of 14 families count as)"
    )
    assert first == (
        "In points, changes of the loss by typos at strength 0.3 (above 0 more is lost, and who"
        f" scores less has fewer to lose) {over}: `mnli` +1.5 {numbers} and `qqp` +1.5 {numbers}."
    )
    assert second == (
        "In points, changes of the loss by no diacritics at strength 1 (above 0 more is lost)"
        f" {over}: `mnli` -2.0 {numbers}."
    )
    assert unclear == (
        "Not enough data to tell whether families differ in the change of what perturbed inputs"
        " take away by more than their descent and nearness and distance, log(1 + GiB) and script"
        " explain (typos at strength 0.1 after `mnli`, typos at strength 0.3 after `mnli`, no"
        " diacritics at strength 1 after `mnli` and typos at strength 0.3 after `qqp`); shifts of"
        " families with a standard deviation of 1.3 to 4.0 points would be seen in four of five"
        " such experiments."
    )
    # Gains are told by themselves.
    assert sum("mean gain" in each for each in held) == 1


def test_families_that_lose_otherwise_beyond_descent_are_told():
    rows = [*lost(verdict="families differ", p_adjusted=0.004), *lost("qqp")]
    groups = [BASELINE, group("mnli", 1.5, 0.5, 2.5, GAINS)]
    found = said(groups=groups, kinship=[*kin(), *rows])
    assert any(
        each.startswith("Families differ in the change of what perturbed inputs take away by more")
        and each.endswith(
            "explain: typos at strength 0.3 after `mnli` (p 0.004), adjusted for all recipes and"
            " perturbations."
        )
        for each in found
    )
    assert any("explain (typos at strength 0.3 after `qqp`)" in each for each in found)


def test_without_families_of_several_languages_nothing_is_said_of_them():
    rows = [*kin(p_adjusted=None, verdict=None), *lost()]
    rows = [row | {"p_adjusted": None, "verdict": None} for row in rows]
    groups = [BASELINE, group("mnli", 1.5, 0.5, 2.5, GAINS)]
    found = [each for each in said(groups=groups, kinship=rows) if "cannot be told" in each]
    assert len(found) == 2
    assert all("too few families have several languages here" in each for each in found)


def test_of_few_languages_one_sentence_says_what_they_do_not_tell():
    codes = [f"q{letter}" for letter in "abcdefgh"]
    groups = [BASELINE, group("mnli", 1.5, 0.5, 2.5, GAINS, languages=codes)]
    row = {
        "encoder": "xlmr", "recipe": "mnli", "target": EVERY, "grouping": ALL,
        "group": ALL_LANGUAGES, "quantity": "loss", "kind": "typos", "strength": 0.3,
        "change": 1.0, "verdict": NOT_ENOUGH, "languages": codes[:6],
    }  # fmt: skip
    asked = "Whether families differ in "
    (found,) = [each for each in said(groups=groups, perturbed=[row]) if asked in each]
    assert found == (
        "Whether families differ in what recipes give or in what perturbed inputs take away by more"
        " than kinship explains, and how a new language would fare, cannot be told from 8"
        " languages: that needs 10 or more in a target, some of one family. What is said of means"
        " and of families holds for these languages."
    )
    # Where only perturbed items are in few languages, they alone are named.
    (found,) = [
        each for each in said(groups=groups, perturbed=[row], kinship=kin()) if asked in each
    ]
    assert "differ in what perturbed inputs take away by more" in found
    assert "from 6 languages: that needs 10 or more in the mean over targets" in found
    # The mean over targets alone is told, however many languages another target has.
    alone = row | {"target": "sib200", "languages": [f"l{n}" for n in range(12)]}
    both = said(groups=groups, perturbed=[row, alone], kinship=kin())
    assert any("from 6 languages" in each for each in both)
    (found,) = [
        each
        for each in said(groups=groups, perturbed=[alone], kinship=kin())
        if "take away over languages" in each
    ]
    assert found.endswith("none of its targets has perturbed inputs.")
    many = [BASELINE, group("mnli", 1.5, 0.5, 2.5, GAINS, languages=[f"l{n}" for n in range(10)])]
    assert not any(asked in each for each in said(groups=many))


def test_without_perturbed_inputs_nothing_is_said_of_robustness():
    groups = [BASELINE, group("mnli", 1.5, 0.5, 2.5, GAINS)]
    assert "No perturbed inputs were scored: nothing can be said of robustness." in said(
        groups=groups
    )


def test_distance_from_english_is_told_of_what_is_lost_too():
    row = {
        "encoder": "xlmr", "recipe": "mnli", "outcome": "change of loss",
        "condition": "typos@0.3", "method": "model with the tree",
        "predictor": "distance from English", "value": 0.4, "low": 0.1, "high": 0.7,
        "verdict": "rises with it", "languages": 38, "note": "",
    }  # fmt: skip
    other = row | {"condition": "upper@1", "verdict": NOT_ENOUGH}
    (found,) = [each for each in said(association=[row, other]) if "further" in each]
    assert found.startswith(
        "The further a language is from English, the higher the change of the loss by typos at"
        " strength 0.3 after `mnli` (above 0 more is lost than by the baseline), kinship allowed"
    )
    latin = row | {"predictor": "Latin script", "value": -0.4}
    (found,) = [each for each in said(association=[latin]) if "Latin" in each]
    assert found.startswith(
        "In Latin script the change of the loss by typos at strength 0.3 after `mnli` (above 0 more"
        " is lost than by the baseline) is lower, kinship allowed for"
    )


def test_nothing_at_all_is_said_of_nothing():
    assert "nothing can be said" in summary_of(Findings.of()).first[0]


def test_what_perturbation_costs_is_told_where_its_verdict_carries_it():
    def lost(kind, strength, value, low, high, **more):
        return {
            "encoder": "xlmr", "recipe": "none", "target": EVERY, "grouping": ALL,
            "group": ALL_LANGUAGES, "quantity": "loss", "kind": kind, "strength": strength,
            "value": value, "low": low, "high": high, "basis": ITEMS_AND_SEEDS, **more,
        }  # fmt: skip

    rows = [
        lost("typos", 0.1, 2.0, 1.0, 3.0, verdict=LOSES),
        lost("typos", 0.3, 6.0, 4.0, 8.0, verdict=LOSES),
        lost("upper", 1.0, 0.5, -0.1, 1.1, verdict=NOT_ENOUGH),
    ]
    found = said(perturbed=rows)
    (sentence,) = [each for each in found if "lower the mean" in each]
    assert sentence.endswith("typos at strength 0.3 by 6.0 points (95 % 4.0 to 8.0).")
    change = {"change": -1.5, "change_low": -2.5, "change_high": -0.5, "verdict": "more robust"}
    after = lost("typos", 0.3, 4.5, 3.0, 6.0, recipe="mnli", **change)
    groups = [BASELINE, group("mnli", 0.0, -1.0, 1.0, NOT_ENOUGH)]
    # Fewer points are lost by who has fewer: that alone is not said to be robust.
    assert not any("`mnli` loses" in each for each in said(groups=groups, perturbed=[after]))
    found = said(groups=groups, perturbed=[after | {"quantity": "drop"}])
    assert any("`mnli` loses 1.5 percentage points less by typos" in each for each in found)


def test_a_change_that_rests_on_one_seed_says_so_though_the_value_rests_on_several():
    row = change("mnli", "worst_family", 3.1, 1.2, 4.9, FAIRER) | {"change_basis": ITEMS}
    found = said(groups=[BASELINE, group("mnli", 0.1, -1.0, 1.0, NOT_ENOUGH)], fairness=[row])
    assert any("by 3.1 points (95 % 1.2 to 4.9, of one seed)" in each for each in found)


def test_without_intervals_nothing_is_said_of_harm():
    row = {
        "encoder": "xlmr", "recipe": "mnli", "target": EVERY, "grouping": LANGUAGE, "group": ALL,
        "harmed": 3, "strictly": None, "count": 9,
    }  # fmt: skip
    found = said(groups=[BASELINE, group("mnli", 0.0, None, None, NOT_ENOUGH)], harm=[row])
    assert not any("harm" in each for each in found)


def test_one_recipe_alone_is_nothing_to_compare():
    assert said(groups=[group("mnli", 50.0, 48.0, 52.0, None, quantity=SCORE)]) == [
        "There is nothing to compare, and nothing to be said."
    ]


def test_what_one_seed_says_is_said_of_this_run_wherever_it_stands():
    """Every sentence with a verdict of one seed says so."""
    verdicts = {"basis": ITEMS, "change_basis": ITEMS}
    rows = [
        group("mnli", 3.0, 1.0, 5.0, GAINS + IN_RUN, basis=ITEMS),
        family("mnli", "Turkic", 2.0, 1.0, 3.0, GAINS + IN_RUN, basis=ITEMS),
    ]
    fair = [
        change("mnli", "worst_family", 3.1, 1.2, 4.9, FAIRER + IN_RUN) | verdicts,
        change("mnli", "gini", -0.01, -0.02, -0.004, FAIRER + IN_RUN, scale=CORRECTED) | verdicts,
        change("mnli", "mean_languages", 1.0, 0.2, 2.0, "better", scale=CORRECTED) | verdicts,
    ]
    harm = {
        "encoder": "xlmr", "recipe": "mnli", "target": EVERY, "grouping": LANGUAGE, "group": ALL,
        "harmed": 3, "strictly": 2, "count": 9,
    }  # fmt: skip
    found = said(groups=[BASELINE, *rows], fairness=fair, harm=[harm])
    assert found[0].startswith("In this run, `mnli` raises the mean over 2 languages by 3.0 points")
    shown = [each for each in found if "raises" in each or "more even" in each or "certain" in each]
    assert len(shown) == 5
    assert all("in this run" in each.lower() for each in shown)


def test_without_enough_data_what_would_be_seen_is_named():
    rows = [
        group("mnli", 0.4, -1.0, 1.8, NOT_ENOUGH, detectable=3.24),
        group("qqp", 0.2, -1.0, 1.4, NOT_ENOUGH, detectable=2.0),
    ]
    found = said(groups=[BASELINE, *rows])
    assert any(
        "`qqp` +0.2 (95 % −1.0 to 1.4); a true change of 2.0 to 3.2 points would be seen in four of"
        " five such experiments." in each
        for each in found
    )


def test_what_no_score_can_change_by_is_not_named():
    rows = [group("mnli", 0.4, -1.0, 1.8, NOT_ENOUGH, detectable=size) for size in (140.0,)]
    found = said(groups=[BASELINE, *rows])
    assert any("no change that is possible would be seen" in each for each in found)
    rows.append(group("qqp", 0.2, -1.0, 1.4, NOT_ENOUGH, detectable=40.0))
    found = said(groups=[BASELINE, *rows])
    assert any("a true change of 40.0 points would be seen" in each for each in found)


def test_ten_sentences_come_first_the_most_certain_and_largest_and_none_is_lost():
    recipes = [f"r{number}" for number in range(12)]
    rows = [BASELINE]
    for number, recipe in enumerate(recipes):
        rows.append(group(recipe, 0.5, -1.0, 2.0, NOT_ENOUGH))
        # The greatest two are on one run alone.
        verdict = GAINS + IN_RUN * (number >= 10)
        rows.append(family(recipe, "Turkic", 1.0 + number, 0.5, 20.0, verdict))
    rates = [{
        "encoder": "xlmr", "recipe": "none", "target": EVERY, "grouping": ALL,
        "group": ALL_LANGUAGES, "rate": 0.4, "low": 0.3, "high": 0.5, "expected": 0.6,
        "basis": ITEMS_AND_SEEDS,
    }]  # fmt: skip
    found = summary(groups=rows, pitfalls=rates)
    assert len(found.first) == FIRST
    assert [sentence.split("`")[1] for sentence in found.first] == recipes[:10]
    headings = {heading: len(held) for heading, held in found.rest}
    assert headings == {
        "Mean and worst family": 2,
        "Which families gain": 2,
        "Languages are kin": 1,
        "Perturbed texts": 1,
        "Right in English, wrong elsewhere": 1,
    }
    lines = found.text(["Two cells are missing."]).splitlines()
    assert lines[:2] == ["Two cells are missing.", found.first[0]]
    assert lines[11:13] == ["", "Mean and worst family"]
    assert sorted(lines[1:]) == sorted([*found.sentences, *headings, *[""] * 5])


def test_changes_of_a_share_follow_the_share():
    rows = [
        {
            "encoder": "xlmr", "recipe": recipe, "target": EVERY, "grouping": ALL,
            "group": ALL_LANGUAGES, "rate": 0.4, "low": 0.3, "high": 0.5, "expected": 0.6,
            "change": change, "change_low": 0.1, "change_high": 0.2, "verdict": verdict,
            "basis": ITEMS_AND_SEEDS, "change_basis": ITEMS_AND_SEEDS,
        }
        for recipe, change, verdict in (("none", None, None), ("mnli", 0.15, "rises"))
    ]  # fmt: skip
    baseline, after = said(pitfalls=rows)[-2:]
    assert baseline.startswith("Without intermediate training, of what is right in English 40.0 %")
    assert after.startswith("This share rises by 15.0 points after `mnli`")


@pytest.mark.parametrize(
    ("predictor", "value", "words"),
    [
        (
            "subword overlap with English",
            0.7,
            "The more subwords a language shares with English, the higher the score, kinship and"
            " distance allowed for (+0.70 standard deviations for one of subword overlap, 95 %"
            " +0.50 to +0.90, 12 languages)",
        ),
        (
            "log(1 + GiB of text)",
            0.7,
            "The more text of a language the encoder was pretrained on, the higher the score,"
            " kinship and distance allowed for (+0.70 standard deviations for one of pretraining"
            " text",
        ),
        (
            "Latin script",
            -0.7,
            "In Latin script the score is lower, kinship and distance allowed for (−0.70 standard"
            " deviations, 95 %",
        ),
    ],
)
def test_other_predictors_are_told_where_the_model_with_the_tree_sees_them(predictor, value, words):
    row = {
        "encoder": "xlmr", "recipe": "none", "outcome": SCORE, "method": "model with the tree",
        "predictor": predictor, "value": value, "low": value - 0.2, "high": value + 0.2,
        "p": 0.001, "verdict": "rises with it", "languages": 12, "note": "",
    }  # fmt: skip
    distance = row | {"predictor": "distance from English", "verdict": NOT_ENOUGH}
    [found] = said(association=[distance, row])
    assert found.startswith(words)
    ranks = row | {"method": "Spearman"}
    [nothing] = said(association=[ranks, distance, row | {"verdict": NOT_ENOUGH}])
    assert nothing.startswith("There is nothing to compare")
