import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xstilts.config.tasks import TASKS
from xstilts.errors import XstiltsError
from xstilts.scoring.metrics.qa import (
    mlqa_scores,
    normalize_mlqa,
    normalize_squad,
    squad_scores,
    squad_v2_scores,
)

WORDS = ("the", "a", "an", "theme", "Cat", "cat.", "sat", "U.S.", "-", "der", "Éa")


def brute_tokens(text):
    for sign in string.punctuation:
        text = text.replace(sign, "")
    return [word for word in text.lower().split() if word not in ("a", "an", "the")]


def brute_scores(prediction, golds):
    guess = brute_tokens(prediction)
    best_match = best_f1 = 0.0
    for gold in golds:
        left = brute_tokens(gold)
        size = len(left)
        best_match = max(best_match, float(left == guess))
        hits = 0
        for word in guess:
            if word in left:
                left.remove(word)
                hits += 1
        if hits:
            best_f1 = max(best_f1, 2 * hits / (len(guess) + size))
    return best_match, best_f1


texts = st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join)


@given(texts, st.lists(texts, min_size=1, max_size=3))
def test_squad_scores_against_brute_force(prediction, golds):
    assert squad_scores(prediction, golds) == pytest.approx(brute_scores(prediction, golds))


def test_definition_of_squad():
    # Rajpurkar et al. 2016, section 6.1: no punctuation or articles, bag of tokens, best gold.
    assert squad_scores("the cat sat", ["A cat sat down."]) == pytest.approx((0.0, 0.8))
    assert squad_scores("Cat, sat!", ["dog", "the cat sat"]) == (1.0, 1.0)
    assert squad_scores("cat cat", ["cat sat"]) == pytest.approx((0.0, 0.5))


def test_answers_that_normalise_to_nothing():
    # The official script: equal, but no common token.
    assert squad_scores("the", ["a"]) == (1.0, 0.0)


def brute_scores_v2(prediction, golds):
    guess = brute_tokens(prediction)
    exact_matches, f1s = [], []
    for gold in [gold for gold in golds if brute_tokens(gold)] or [""]:
        left = brute_tokens(gold)
        exact_matches.append(float(left == guess))
        if not left or not guess:
            f1s.append(float(left == guess))
        else:
            f1s.append(brute_scores(prediction, [gold])[1])
    return max(exact_matches), max(f1s)


@given(texts, st.lists(texts, max_size=3))
def test_squad_v2_scores_against_brute_force(prediction, golds):
    assert squad_v2_scores(prediction, golds) == pytest.approx(brute_scores_v2(prediction, golds))


@given(texts, st.lists(texts, max_size=3))
def test_squad_v2_equals_squad_where_the_question_has_an_answer(prediction, golds):
    golds = [gold for gold in golds if brute_tokens(gold)]
    if golds:
        assert squad_v2_scores(prediction, golds) == squad_scores(prediction, golds)


@pytest.mark.parametrize(
    ("prediction", "golds", "expected"),
    [
        # As evaluate-v2.0.py scores a question with `"answers": []`.
        ("", [], (1.0, 1.0)),
        ("Rouen", [], (0.0, 0.0)),
        # And one with answers, to which nothing was answered.
        ("", ["in the 10th century", "10th"], (0.0, 0.0)),
        ("the 10th", ["in the 10th century", "10th"], (1.0, 1.0)),
        ("10th century", ["in the 10th century"], (0.0, 0.8)),
        # A gold of articles and punctuation is dropped, and so is such an answer.
        ("the", ["", "a.", "!"], (1.0, 1.0)),
        ("Rouen", ["the"], (0.0, 0.0)),
        ("the", ["the", "Rouen"], (0.0, 0.0)),
    ],
)
def test_definition_of_squad_v2(prediction, golds, expected):
    assert squad_v2_scores(prediction, golds) == pytest.approx(expected)


def test_squad_rules_stay_english_in_other_languages():
    assert normalize_squad("Der Rhein。") == "der rhein。"


@pytest.mark.parametrize(
    ("language", "text", "expected"),
    [
        ("en", "The “Beatles”!", "beatles"),
        ("es", "El río Ebro, ¿una frontera?", "río ebro frontera"),
        ("de", "Der Rhein – die Donau.", "rhein donau"),
        ("vi", "Những con sông của Việt Nam", "con sông việt nam"),
        ("hi", "गंगा नदी।", "गंगा नदी"),
        ("ar", "المكتبة العامة؟", "مكتبة عامة"),
        # The official pattern strikes the letters inside a word too.
        ("ar", "بالمكتبة", "ب مكتبة"),
        ("zh", "北京大学（PKU），1898 年", "北 京 大 学 pku1898 年"),
    ],
)
def test_mlqa_normalisation(language, text, expected):
    # Rules of facebookresearch/MLQA, mlqa_evaluation_v1.py.
    assert normalize_mlqa(text, language) == expected


def test_mlqa_segments_chinese_by_character():
    assert mlqa_scores("北京市", ["北京"], "zh") == pytest.approx((0.0, 0.8))
    assert mlqa_scores("北京。", ["上海", "北京"], "zh") == (1.0, 1.0)


def test_mlqa_covers_its_languages_and_no_others():
    for language in TASKS["mlqa"].languages:
        assert normalize_mlqa("x", language) == "x"
    with pytest.raises(XstiltsError, match="no answer normalisation for language 'fr'"):
        normalize_mlqa("x", "fr")
