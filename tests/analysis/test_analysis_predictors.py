"""What outcomes of languages are set against."""

from __future__ import annotations

import numpy as np
import pytest

from xstilts.analysis.association.observations import DISTANCE, LATIN, OVERLAP
from xstilts.analysis.association.predictors import overlap_by_language, predictors
from xstilts.analysis.inputs.known_languages import KnownLanguages
from xstilts.config.language_facts import FACTS
from xstilts.config.languages import LANGUAGES

CODES = ("de", "sw", "ru", "th")


def test_overlap_is_of_the_language_and_not_of_the_targets_that_have_it():
    of_language = {"de": 0.4, "sw": 0.3, "ru": 0.1, "th": 0.05}
    of_target = {"xnli": 0.1, "tatoeba": -0.1, "xquad": 0.03}
    # No language is in all of them, but each target shares some with another.
    held = {"xnli": ("de", "sw"), "tatoeba": ("sw", "ru"), "xquad": ("ru", "th")}
    overlap = {
        (target, code): of_language[code] + of_target[target]
        for target, codes in held.items()
        for code in codes
    }
    found = overlap_by_language(overlap, CODES, tuple(held))
    mean = np.mean(list(of_target.values()))
    assert found == pytest.approx(
        {code: value + mean for code, value in of_language.items()}, abs=1e-5
    )


def test_overlap_over_targets_that_all_have_a_language_is_its_mean():
    overlap = {
        (target, code): value
        for target, values in {"xnli": (0.5, 0.1), "xquad": (0.3, 0.2)}.items()
        for code, value in zip(("de", "ru"), values, strict=True)
    }
    found = overlap_by_language(overlap, ("de", "ru"), ("xnli", "xquad"))
    assert found == pytest.approx({"de": 0.4, "ru": 0.15}, abs=1e-6)


def test_targets_without_a_common_language_keep_what_they_have():
    overlap = {("xnli", "de"): 0.5, ("tatoeba", "ru"): 0.1}
    found = overlap_by_language(overlap, ("de", "ru"), ("xnli", "tatoeba"))
    assert found == pytest.approx({"de": 0.5, "ru": 0.1}, abs=1e-5)


def test_other_targets_and_languages_do_not_count():
    overlap = {("xnli", "de"): 0.5, ("xnli", "fr"): 0.0, ("panx", "de"): 0.0}
    assert overlap_by_language(overlap, ("de",), ("xnli",)) == pytest.approx({"de": 0.5})
    assert overlap_by_language(overlap, ("de",), ("mlqa",)) == {}


def test_overlap_is_a_predictor_of_encoders_whose_subwords_were_counted():
    world = KnownLanguages(
        languages=LANGUAGES, facts=FACTS, overlaps={"a": {("xnli", "de"): 0.5, ("xnli", "sw"): 0.2}}
    )
    found = predictors(world, "a", ("sw", "de", "th", "sw"), ("xnli",))
    assert list(found) == [DISTANCE, LATIN, OVERLAP]
    assert found[OVERLAP] == pytest.approx([0.2, 0.5, np.nan, 0.2], nan_ok=True, abs=1e-5)
    assert found[LATIN].tolist() == [1, 1, 0, 1]
    assert list(predictors(world, "b", ("sw",), ("xnli",))) == [DISTANCE, LATIN]
