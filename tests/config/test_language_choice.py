"""Languages that are chosen by what they are, and how diverse a sample is."""

from __future__ import annotations

import math

import numpy as np
import pytest

from xstilts.config.language_facts import FACTS
from xstilts.config.languages import LANGUAGES
from xstilts.config.parse import parse_experiment
from xstilts.config.tasks import TARGETS
from xstilts.config.typology import distance, diversity, most_diverse
from xstilts.errors import XstiltsError

BASE = {
    "experiment": "try",
    "data_source": "folder",
    "data_root": "xtreme",
    "encoders": {"e": {"folder": "enc"}},
    "recipes": ["none"],
    "missing_data": "leave_out",
}


def vectors(codes) -> np.ndarray:
    """(languages, features), by another way than the table's."""
    return np.array([[int(bit) for bit in f"{int(FACTS[c].syntax, 16):0103b}"] for c in codes])


def distances(codes) -> np.ndarray:
    rows = vectors(codes) / np.linalg.norm(vectors(codes), axis=1, keepdims=True)
    return 1 - rows @ rows.T


CODES = [code for code in TARGETS["panx"].languages if FACTS[code].syntax]


def test_distances_are_those_between_vectors() -> None:
    far = distances(CODES)
    for i, a in enumerate(CODES):
        for j, b in enumerate(CODES):
            ours = distance(int(FACTS[a].syntax, 16), int(FACTS[b].syntax, 16))
            assert ours == pytest.approx(far[i, j], abs=1e-12)
    english = CODES.index("en")
    for i, code in enumerate(CODES):
        assert far[i, english] == pytest.approx(FACTS[code].syntactic_distance, abs=0.00051)


def test_the_most_diverse_are_those_of_maxmin() -> None:
    """Against a search over all that is left, step by step."""
    far = distances(CODES)
    taken = [CODES.index("en")]
    while len(taken) < 12:
        least = far[:, taken].min(axis=1)
        least[taken] = -1
        taken.append(int(np.argmax(np.round(least, 12))))
    assert most_diverse(CODES, 12) == [CODES[place] for place in taken]
    assert most_diverse(reversed(CODES), 1) == ["en"]
    # English is where it starts from, also where it cannot be taken.
    rest = [code for code in CODES if code != "en"]
    assert most_diverse(rest, 11) == [CODES[place] for place in taken[1:]]
    assert len(most_diverse(CODES, 1000)) == len(CODES)
    # What has no features is in no distance; of two scripts of a language the usual one is taken.
    assert set(most_diverse(["ber", "sw", "ace_Arab", "ace"], 2)) == {"sw", "ace"}


def test_diversity_is_that_of_its_formulas() -> None:
    found = diversity([*CODES, "ber"], LANGUAGES)
    far = distances(CODES)
    pairs = far[np.triu_indices(len(CODES), 1)]
    shares = vectors(CODES).mean(axis=0)
    bits = [-sum(p * math.log2(p) for p in (s, 1 - s) if p) for s in shares]
    assert (found.languages, found.known) == (len(CODES) + 1, len(CODES))
    assert found.families == len({LANGUAGES[code].family for code in CODES})
    assert found.distance == pytest.approx(pairs.mean())
    assert found.entropy == pytest.approx(np.mean(bits))
    alone = diversity(["de"], LANGUAGES)
    assert (alone.distance, alone.entropy) == (None, None)
    assert diversity([], LANGUAGES).entropy is None
    # A choice by diversity is more diverse than the same number as they come.
    chosen = diversity(most_diverse(CODES, 10), LANGUAGES)
    assert chosen.distance > diversity(CODES[:10], LANGUAGES).distance


def taken(languages, target="sib200", **changes):
    targets = {target: {"languages": languages, **changes}}
    return parse_experiment({**BASE, "targets": targets}).languages(target)


def test_languages_are_chosen_by_family_script_and_macroarea() -> None:
    every = TARGETS["sib200"].languages
    assert taken({"family": "Turkic"}) == tuple(
        code for code in every if LANGUAGES[code].family == "Turkic"
    )
    both = taken({"family": ["Turkic", "Uralic"], "script": "Latn", "macroarea": "Eurasia"})
    assert both == tuple(
        code
        for code in every
        if LANGUAGES[code].family in {"Turkic", "Uralic"}
        and LANGUAGES[code].script == "Latn"
        and LANGUAGES[code].macroarea == "Eurasia"
    )
    assert len(taken({"diverse": 30})) == 30
    assert "en" in taken({"diverse": 30})
    few = taken({"diverse": 5, "family": ["Niger-Congo", "Mande"]})
    assert len(few) == 5
    assert {LANGUAGES[code].family for code in few} <= {"Niger-Congo", "Mande"}
    # What is excluded is dropped before.
    assert set(taken({"diverse": 3}, exclude=["eng_Latn"])).isdisjoint({"en"})
    assert taken(["eng_Latn", "Swahili", "zho_Hant"]) == ("en", "sw", "zh_Hant")


def test_one_language_needs_no_list() -> None:
    assert taken("German") == taken(["de"]) == ("de",)
    assert "de" not in taken(None, exclude="German")
    with pytest.raises(XstiltsError, match=r"sib200\.exclude: a list of languages is needed"):
        taken(None, exclude={"family": "Turkic"})


def test_a_set_of_a_recipe_is_chosen_among_the_targets_languages() -> None:
    experiment = parse_experiment(
        {
            **BASE,
            "targets": {"xnli": {}},
            "recipes": ["none", "mnli@far", "mnli@swa"],
            "language_sets": {"far": {"diverse": 3}},
        }
    )
    chosen = most_diverse([c for c in TARGETS["xnli"].languages if c != "en"], 3)
    assert set(experiment.known_language_sets["far"]) == set(chosen)
    assert {each.language for each in experiment.recipe("mnli@far").sources} == set(chosen)
    assert [each.language for each in experiment.recipe("mnli@swa").sources] == ["sw"]


@pytest.mark.parametrize(
    ("languages", "said"),
    [
        ({"family": "Turkik"}, "sib200.languages: family: no language is 'Turkik' (did you mean"),
        ({"famly": "Turkic"}, "unknown key 'famly' (did you mean 'family'?)"),
        ({}, "sib200.languages: nothing is chosen by"),
        ({"diverse": 0}, "greater than 0"),
        ({"diverse": True}, "valid integer"),
        ({"diverse": 500}, "diverse 500 asks for more languages than the "),
        ({"diverse": 9, "family": "Uralic"}, "than the 3 that there are"),
        (
            {"family": "Turkic", "script": "Thai"},
            "targets.sib200: no language is left: none of its languages is of family Turkic and"
            " script Thai",
        ),
        ([], "targets.sib200: no language is left"),
        (["nor"], "sib200.languages: 'nor' is the name of several languages"),
        (["Swahilli"], "did you mean one of: sw Swahili?"),
        (["tlh"], "'tlh' is not among its languages (ace_Arab, ace, "),
        (["tlh"], ", and 145 more)"),
        (["en", False], "False is no language's name (YAML reads no and yes so"),
        (["en", 5], "sib200.languages: 5 is no language's name"),
        (5, "sib200.languages: a list of languages is needed"),
    ],
)
def test_what_chooses_nothing_is_refused(languages, said) -> None:
    with pytest.raises(XstiltsError) as error:
        taken(languages)
    assert said in str(error.value)
