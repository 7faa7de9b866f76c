"""Languages are found by any of their names, and Glottolog says of each what the table says."""

from __future__ import annotations

import csv
import re
import unicodedata
from pathlib import Path

import pytest

from xstilts.config.languages import LANGUAGES, tables
from xstilts.config.languages.codes import CODES, codes_of
from xstilts.config.languages.make import FAMILY_NAMES, Glottolog, languages, others
from xstilts.config.languages.names import find


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("sw", "sw"), ("swh", "sw"), ("swa", "sw"), ("swahili", "sw"), ("swah1253", "sw"),
        ("zho", "zh"), ("cmn", "zh"), ("zho_Hans", "zh"), ("zho-TW", "zh_Hant"),
        ("ara", "ar"), ("arb_Arab", "ar"), ("arb_Latn", "ar_Latn"), ("fas", "fa"),
        ("aze-Latn", "az"), ("azj_Latn", "az"), ("kor_Hang", "ko"), ("sr", "srp"),
        ("srp-Cyrl", "srp"), ("srp_latn", "srp_Latn"), ("ace_Latn", "ace"),
        ("ace_Arab", "ace_Arab"), ("kas_Deva", "kas_Deva"), ("Kashmiri", "kas"),
        ("eng-US", "en_US"), ("stan1293", "en"),
        ("por-BR", "pt_BR"), ("uzb", "uzn"), ("sqi", "als"), ("gn", "gug"), ("Basque", "eu"),
        ("Fasu", "faa"), ("fasu1242", "faa"),
        ("Persian", "fa"), ("Dari", "prs"), ("Standard Arabic", "ar"), ("Mandarin Chinese", "zh"),
        ("Maori", "mri"), ("Albanian", "als"), ("tosk albanian", "als"), ("Chinese", "zh"),
    ],
)  # fmt: skip
def test_a_language_goes_by_many_names(name: str, code: str) -> None:
    assert find(name).code == code


def test_of_a_language_of_glottolog_kin_and_place_are_known() -> None:
    fasu = find("faa")
    assert (fasu.family, fasu.macroarea, fasu.status) == ("Fasu", "Papunesia", "isolate")
    assert fasu.path == ("fasu1242",)
    assert find("Ewondo").path[0] == LANGUAGES["yo"].path[0]
    assert find("Ewondo").family == LANGUAGES["yo"].family == "Niger-Congo"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("no", "'no' is the name of several languages (nno Norwegian Nynorsk, nob Norwegian"),
        ("hbs", "(bos Bosnian, hrv Croatian, srp Serbian)"),
        ("Swahilli", "did you mean one of: sw Swahili?"),
        ("uzn_Cyrl", "did you mean one of: uzn Uzbek (Northern)?"),
        ("", "unknown language ''"),
        ("Haitian Creole", "did you mean one of: ht Haitian?"),
        ("ger", "did you mean one of: de German"),
        ("zz", "docs/languages.md lists"),
        ("qqqqqq", "own_languages"),
    ],
)
def test_other_names_are_refused_with_candidates(name: str, said: str) -> None:
    with pytest.raises(ValueError, match=re.escape(said)):
        find(name)


def test_every_code_of_a_data_set_finds_its_language() -> None:
    for code, row in CODES.items():
        for data_set, theirs in row.theirs.items():
            # Tatoeba's Serbian is mostly in Latin letters, but its code is that of both.
            if (data_set, theirs) != ("tatoeba112", "srp"):
                assert find(theirs).code == code, (data_set, theirs)


def test_data_sets_have_as_many_languages_as_their_authors_say() -> None:
    published = {
        "sib200": 205,
        "tatoeba112": 112,
        "ntrex": 127,
        "americasnli": 10,
        "masakhapos": 20,
        "masakhaner2": 20,
        "belebele": 122,
        "afrixnli": 18,
        "pitfalls": 16,
    }
    for data_set, number in published.items():
        codes = codes_of(data_set)
        assert len(codes) == len(set(codes.values())) == number, data_set
        assert codes.keys() <= LANGUAGES.keys()
    with pytest.raises(ValueError, match=r"'sib' has no list of languages.*sib200"):
        codes_of("sib")


def test_codes_say_script_and_region() -> None:
    for code in LANGUAGES:
        assert re.fullmatch(r"[a-z]{2,3}(_[A-Z][a-z]{3})?(_[A-Z]{2})?", code)
        if script := re.search(r"_([A-Z][a-z]{3})", code):
            assert LANGUAGES[code].script == script[1]
    assert {"sw", "zh", "zh_Hant", "pt_BR", "ace_Arab", "lug"} <= LANGUAGES.keys()


def test_a_branch_is_spelt_in_one_way() -> None:
    spelt: dict[str, set[str]] = {}
    for each in LANGUAGES.values():
        letters = unicodedata.normalize("NFD", each.branch.casefold())
        bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
        spelt.setdefault(bare, set()).add(each.branch)
    assert [names for names in spelt.values() if len(names) > 1] == []


def test_what_stands_alone_is_marked() -> None:
    marked = {
        status: {code for code, each in LANGUAGES.items() if each.status == status}
        for status in ("isolate", "creole", "artificial", "group")
    }
    assert marked["isolate"] == {"eu"}
    assert {"ht", "pap", "tpi", "kea", "cbk", "sag", "pcm"} == marked["creole"]
    assert {LANGUAGES[code].family for code in marked["artificial"]} == {"Artificial Language"}
    assert marked["group"] == {"qu", "ber", "nah", "oto", "srd"}
    assert all(len(LANGUAGES[code].path) == 1 for code in marked["isolate"])


def test_all_files_of_the_wide_sets_have_a_language(wide: Path) -> None:
    """And those that data sets call the same are the same."""
    folders = {
        "sib200": [path.name for path in (wide / "sib200").iterdir() if path.is_dir()],
        "tatoeba112": [
            path.suffix[1:] for path in (wide / "tatoeba").iterdir() if path.suffix != ".eng"
        ],
        "ntrex": [
            path.name.split(".", 1)[1].removesuffix(".txt")
            for path in (wide / "ntrex").glob("newstest2019-ref.*.txt")
        ],
        "americasnli": [path.stem for path in (wide / "americasnli/test").iterdir()],
        "masakhapos": [path.name for path in (wide / "masakhapos").iterdir()],
        "masakhaner2": [path.name for path in (wide / "masakhaner2").iterdir()],
        "pitfalls": [path.stem for path in (wide / "pitfalls").glob("*.json")],
    }
    for data_set, names in folders.items():
        assert set(names) <= set(codes_of(data_set).values()), data_set
    # Every line of NTREX's list, but two varieties of Swiss German for which it has no file.
    listed = {
        line.split()[0]
        for line in (wide / "ntrex/LANGUAGES.tsv").read_text(encoding="utf-8").splitlines()
    }
    assert listed - set(codes_of("ntrex").values()) == {"gsw-BE", "gsw-ZH"}


def test_the_tables_are_those_that_glottolog_makes(wide: Path) -> None:
    glottolog = Glottolog(wide / "sources")
    made = languages(glottolog)
    assert made == list(tables.read("languages.csv"))
    assert others(glottolog, made) == list(tables.read("glottolog.csv"))


def test_families_are_glottolog_s_top_nodes(wide: Path) -> None:
    """Read again, without the trees: by the column that names the family."""
    with (wide / "sources/glottolog-5.1-languages.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["ID"]: row for row in csv.DictReader(file)}
    for code, language in LANGUAGES.items():
        top = rows[rows[language.glottocode]["Family_ID"] or language.glottocode]
        assert language.path[0] == top["ID"], code
        assert language.family == FAMILY_NAMES.get(top["Name"], top["Name"]), code
    families = {each.family for each in LANGUAGES.values()}
    assert {"Mande", "Nilotic", "Saharan", "Niger-Congo", "Kra-Dai"} <= families
    # As many as others count there.
    assert len({LANGUAGES[code].family for code in codes_of("sib200")}) == 22
