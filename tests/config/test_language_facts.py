"""Facts about languages, and that the distances are those of URIEL."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from xstilts.config.invitro.tongues import distance
from xstilts.config.language_facts import FACTS, facts_for
from xstilts.config.languages import INVITRO_LANGUAGES, LANGUAGES
from xstilts.config.languages.names import find

# What the table has to the third decimal.
_ROUNDED = 0.00051


# Those of XTREME and XTREME-R, of which everything is known.
FIFTY = list(LANGUAGES)[:50]


def test_every_language_has_its_facts_in_order() -> None:
    assert list(FACTS) == list(LANGUAGES)
    for code, facts in FACTS.items():
        assert facts.code == code
        assert 0 <= facts.cc100_gib <= 300.8
        assert 0 <= facts.mmbert_tokens <= 774
        assert facts.speakers is None or 0 < facts.speakers < 2000
        assert facts.joshi_class is None or 0 <= facts.joshi_class <= 5
        distances = (
            facts.syntactic_distance,
            facts.phonological_distance,
            facts.inventory_distance,
        )
        if facts.uriel_code is None:
            # Groups of languages, of which none is the one that a data set is in.
            assert code in {"ber", "nah", "oto"}
            assert {facts.imputed_share, facts.syntax, *distances} == {None}
            continue
        assert 0 <= facts.imputed_share <= 1
        assert len(f"{int(facts.syntax, 16):b}") <= 103
        for far in distances:
            assert (far == 0) if facts.uriel_code == "eng" else (0 < far < 1)


def test_some_facts_as_published() -> None:
    for code in FIFTY:
        assert FACTS[code].speakers > 0.4
        assert FACTS[code].joshi_class is not None
    assert {"yo", "ht", "qu", "wo"} == {c for c in FIFTY if FACTS[c].cc100_gib == 0}
    assert FACTS["en"].cc100_gib == 300.8
    assert FACTS["sw"].cc100_gib == 1.6
    assert FACTS["zh"].cc100_gib == pytest.approx(46.9 + 16.6)
    assert (FACTS["en"].joshi_class, FACTS["yo"].joshi_class) == (5, 2)
    assert FACTS["hi"].speakers_ethnologue == 381
    assert FACTS["de"].speakers_ethnologue is None
    assert FACTS["kk"].imputed_share > 0.8


# The languages of Table 6 of Conneau et al. 2020; `no` there is Bokmål.
_TABLE_6 = (
    "af am ar as az be bg bn br bs ca cs cy da de el en eo es et eu fa fi fr fy ga gd gl gu ha he"
    " hi hr hu hy id is it ja jv ka kk km kn ko ku ky la lo lt lv mg mk ml mn mr ms my ne nl nb om"
    " or pa pl ps pt ro ru sa sd si sk sl so sq sr su sv sw ta te th tl tr ug uk ur uz vi xh yi zh"
)


def test_text_of_other_languages_is_that_of_conneau_et_al() -> None:
    """All of Table 6 is there, macrolanguages as one of their languages, regions as the whole."""
    xlmr = {code: FACTS[code].cc100_gib for code in LANGUAGES if FACTS[code].cc100_gib > 0}
    named = {code for code in xlmr if not code[-2:].isupper()}
    # Serbian is in both scripts, and Filipino stands here for two languages.
    scripts = {"srp_Latn", "zh_Hant", "hi_Latn", "ur_Latn", "bn_Latn"}
    assert named == {find(code).code for code in _TABLE_6.split()} | scripts | {"fil"}
    assert xlmr["pt_BR"] == xlmr["pt"] == 49.1
    assert (xlmr["swe"], xlmr["als"], xlmr["zh_Hant"], xlmr["hi_Latn"]) == (85.0, 5.4, 16.6, 0.5)


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
    rest = [FACTS[code] for code in FIFTY if code not in MACROLANGUAGES]
    assert {facts.code for facts in rest if facts.imputed_share > 0.7} == {"jv", "kk"}


def test_distances_are_those_of_uriel(lang2vec) -> None:
    """Recomputed."""
    known = [facts for facts in FACTS.values() if facts.uriel_code]
    codes = [facts.uriel_code for facts in known]

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
        for facts in known:
            row = rows[facts.uriel_code]
            cosine = row @ english / np.linalg.norm(row) / np.linalg.norm(english)
            assert getattr(facts, name) == pytest.approx(1 - cosine, abs=_ROUNDED), facts.code
    rows = vectors("syntax_average")
    for facts in known:
        missing = np.isnan(rows[facts.uriel_code]).mean()
        assert facts.imputed_share == pytest.approx(missing, abs=_ROUNDED), facts.code
    for code, row in vectors("syntax_knn").items():
        bits = "".join(str(int(value)) for value in row)
        assert {facts.syntax for facts in known if facts.uriel_code == code} == {
            f"{int(bits, 2):026x}"
        }


def test_speakers_are_those_of_cldr() -> None:
    """Recomputed from language_data 1.4.0 where it is installed."""
    counts = pytest.importorskip(
        "language_data.population_data",
        reason="language_data 1.4.0 is not installed, so speakers were not recomputed",
    ).LANGUAGE_SPEAKING_POPULATION
    for code in FIFTY:
        facts = FACTS[code]
        people = counts["fil" if code == "tl" else code]
        if code == "pa":
            people -= counts["pa-PK"]
        assert facts.speakers == pytest.approx(people / 1e6, rel=0.006), code
