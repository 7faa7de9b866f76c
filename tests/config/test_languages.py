"""The tables of languages."""

from __future__ import annotations

from pathlib import Path

import pytest

from xstilts.config.invitro.tongues import GRAMMARS
from xstilts.config.languages import INVITRO_LANGUAGES, LANGUAGES, language_table
from xstilts.config.tasks import SOURCE_LANGUAGE, TARGETS, XTREME


def test_every_language_of_a_target_is_known() -> None:
    assert {code for task in TARGETS.values() for code in task.languages} <= LANGUAGES.keys()


@pytest.mark.parametrize("table", [LANGUAGES, INVITRO_LANGUAGES], ids=["real", "generated"])
def test_rows_are_whole(table) -> None:
    for code, language in table.items():
        assert language.code == code
        assert len(language.iso639_3) == 3
        assert len(language.script) == 4
        assert all((language.name, language.family, language.branch))
    assert len({language.name for language in table.values()}) == len(table)


def test_kinship_of_some_languages() -> None:
    """Families that XTREME's README names, and branches that WALS does."""
    swahili, tamil = LANGUAGES["sw"], LANGUAGES["ta"]
    assert (swahili.family, swahili.branch, swahili.iso639_3) == ("Niger-Congo", "Bantu", "swh")
    assert (tamil.family, tamil.script) == ("Dravidian", "Taml")
    xtreme = {LANGUAGES[code].family for task in XTREME.values() for code in task.languages}
    assert len(xtreme) == 14


def test_generated_languages_have_codes_for_local_use() -> None:
    assert language_table("invitro") is INVITRO_LANGUAGES
    assert language_table("folder") is language_table("hub") is LANGUAGES
    for code, language in INVITRO_LANGUAGES.items():
        if code != SOURCE_LANGUAGE:
            assert "qaa" <= code <= "qtz"
            assert language.iso639_3 == code
    real = {language.family for language in LANGUAGES.values()}
    assert not real & {language.family for language in INVITRO_LANGUAGES.values()}


def test_the_docs_tell_the_generated_languages_as_they_are() -> None:
    docs = (Path(__file__).parents[2] / "docs/generated-languages.md").read_text(encoding="utf-8")
    rows = [
        f"| {code} | {language.name} | {language.family} | {language.script}"
        f" | {GRAMMARS[code].order} | {GRAMMARS[code].cognates:.0%} |".replace("% |", " % |")
        for code, language in INVITRO_LANGUAGES.items()
    ]
    assert "\n".join(rows) in docs
