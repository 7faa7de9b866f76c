"""Facts about languages, and that the distances are those of URIEL."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from xstilts.config.invitro.tongues import distance
from xstilts.config.language_facts import FACTS, facts_for
from xstilts.config.languages import INVITRO_LANGUAGES, LANGUAGES
from xstilts.config.tasks.types import SOURCE_LANGUAGE

# What the table has to the third decimal.
_ROUNDED = 0.00051


def test_every_language_has_its_facts_in_order() -> None:
    assert list(FACTS) == list(LANGUAGES)
    for code, facts in FACTS.items():
        assert facts.code == code
        assert 0 <= facts.cc100_gib <= 300.8
        assert 0.4 < facts.speakers < 2000
        assert 0 <= facts.joshi_class <= 5
        assert 0 <= facts.imputed_share <= 1
        for far in (
            facts.syntactic_distance,
            facts.phonological_distance,
            facts.inventory_distance,
        ):
            assert (far == 0) if code == SOURCE_LANGUAGE else (0 < far < 1)


def test_some_facts_as_published() -> None:
    assert {"yo", "ht", "qu", "wo"} == {c for c, facts in FACTS.items() if facts.cc100_gib == 0}
    assert FACTS["en"].cc100_gib == 300.8
    assert FACTS["sw"].cc100_gib == 1.6
    assert FACTS["zh"].cc100_gib == pytest.approx(46.9 + 16.6)
    assert (FACTS["en"].joshi_class, FACTS["yo"].joshi_class) == (5, 2)
    assert FACTS["hi"].speakers_ethnologue == 381
    assert FACTS["de"].speakers_ethnologue is None
    assert FACTS["kk"].imputed_share > 0.8


def test_near_languages_are_nearer_than_far_ones() -> None:
    far = {code: facts.syntactic_distance for code, facts in FACTS.items()}
    assert far["nl"] < far["de"] < far["ru"] < far["tr"] < far["my"]


def test_families_group_languages_as_the_table_of_languages_does() -> None:
    pairs = {(LANGUAGES[code].family, facts.glottolog_family) for code, facts in FACTS.items()}
    assert len({ours for ours, _ in pairs}) == len({theirs for _, theirs in pairs}) == len(pairs)
    assert {ours for ours, theirs in pairs if ours != theirs} == {
        "Austro-Asiatic",
        "Basque",
        "Kra-Dai",
        "Niger-Congo",
    }


def test_generated_languages_are_as_far_as_their_grammars_say() -> None:
    facts = facts_for("invitro")
    assert list(facts) == list(INVITRO_LANGUAGES)
    assert facts["en"].syntactic_distance == 0
    assert facts["qeu"].syntactic_distance == distance("en", "qeu") > 0.5
    assert facts["qeu"].speakers is None
    assert facts["qeu"].cc100_gib is None
    assert facts_for("hub") is facts_for("folder") is FACTS


@pytest.fixture
def lang2vec(monkeypatch):
    """lang2vec 1.1.2 where it is installed."""
    # It also installs a script of its name, which the folder of pytest's own script would find.
    scripts = str(Path(sys.executable).parent)
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path != scripts])
    return pytest.importorskip(
        "lang2vec.lang2vec",
        reason="lang2vec 1.1.2 is not installed, so the distances were not recomputed",
        exc_type=ImportError,
    )


# Where ISO 639-3 has a macrolanguage: its code, and that of the language that is meant.
MACROLANGUAGES = {
    "ar": ("ara", "arb"),
    "az": ("aze", "azj"),
    "et": ("est", "ekk"),
    "fa": ("fas", "pes"),
    "ms": ("msa", "zsm"),
    "qu": ("que", "quz"),
    "sw": ("swa", "swh"),
    "zh": ("zho", "cmn"),
}


def test_languages_are_looked_up_where_uriel_knows_them(lang2vec) -> None:
    """Under their own codes, if those have half of the features, or more than macrolanguages."""
    for code, (macro, own) in MACROLANGUAGES.items():
        rows = lang2vec.get_features([macro, own], "syntax_average")
        known = {name: np.mean([value != "--" for value in row]) for name, row in rows.items()}
        expected = own if known[own] >= 0.5 or known[own] >= known[macro] else macro
        assert FACTS[code].uriel_code == expected, code
    # Others have no second code, or hardly any values anywhere.
    rest = [facts for code, facts in FACTS.items() if code not in MACROLANGUAGES]
    assert {facts.code for facts in rest if facts.imputed_share > 0.7} == {"jv", "kk"}


def test_distances_are_those_of_uriel(lang2vec) -> None:
    """Recomputed."""
    codes = [facts.uriel_code for facts in FACTS.values()]

    def vectors(features: str) -> dict[str, np.ndarray]:
        found = lang2vec.get_features(codes, features)
        return {
            code: np.array([np.nan if value == "--" else value for value in row], dtype=float)
            for code, row in found.items()
        }

    for features, name in (
        ("syntax_knn", "syntactic_distance"),
        ("phonology_knn", "phonological_distance"),
        ("inventory_knn", "inventory_distance"),
    ):
        rows = vectors(features)
        english = rows["eng"]
        for facts in FACTS.values():
            row = rows[facts.uriel_code]
            cosine = row @ english / np.linalg.norm(row) / np.linalg.norm(english)
            assert getattr(facts, name) == pytest.approx(1 - cosine, abs=_ROUNDED), facts.code
    rows = vectors("syntax_average")
    for facts in FACTS.values():
        missing = np.isnan(rows[facts.uriel_code]).mean()
        assert facts.imputed_share == pytest.approx(missing, abs=_ROUNDED), facts.code


def test_speakers_are_those_of_cldr() -> None:
    """Recomputed from language_data 1.4.0 where it is installed."""
    counts = pytest.importorskip(
        "language_data.population_data",
        reason="language_data 1.4.0 is not installed, so speakers were not recomputed",
    ).LANGUAGE_SPEAKING_POPULATION
    for code, facts in FACTS.items():
        people = counts["fil" if code == "tl" else code]
        if code == "pa":
            people -= counts["pa-PK"]
        assert facts.speakers == pytest.approx(people / 1e6, rel=0.006), code
