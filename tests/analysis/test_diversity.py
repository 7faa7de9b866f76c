"""How diverse the languages of each mean are, in the table and in the report's notes."""

from __future__ import annotations

import polars as pl

from xstilts.analysis.diversity import diversity_rows
from xstilts.analysis.tables import ALL, ALL_FAMILIES, ALL_LANGUAGES, TABLES, WITH_ENGLISH, table
from xstilts.config.language_facts import FACTS
from xstilts.config.languages import INVITRO_LANGUAGES, LANGUAGES
from xstilts.config.typology import diversity
from xstilts.report.notes import diversity_notes


def group(target: str, name: str, codes: list[str], **changes) -> dict:
    return {"target": target, "grouping": ALL, "group": name, "languages": codes, **changes}


GROUPS = [
    group("xnli", ALL_LANGUAGES, ["de", "sw", "tr"], encoder="a"),
    group("xnli", ALL_LANGUAGES, ["de", "sw", "tr"], encoder="b"),
    group("xnli", WITH_ENGLISH, ["de", "en", "sw", "tr"]),
    group("xnli", ALL_FAMILIES, ["de", "sw", "tr"]),
    group("xnli", "Turkic", ["tr"], grouping="family"),
    group("", ALL_LANGUAGES, ["de", "sw"]),
]


def test_every_mean_has_a_row() -> None:
    rows = list(diversity_rows(GROUPS, LANGUAGES, FACTS))
    assert [(row["target"], row["group"], row["languages"]) for row in rows] == [
        ("xnli", ALL_LANGUAGES, 3),
        ("xnli", WITH_ENGLISH, 4),
        ("", ALL_LANGUAGES, 2),
    ]
    expected = diversity(["de", "sw", "tr"], LANGUAGES)
    assert rows[0]["families"] == rows[0]["with_features"] == 3
    assert (rows[0]["distance"], rows[0]["entropy"]) == (expected.distance, expected.entropy)
    assert rows[0]["members"] == ["de", "sw", "tr"]
    assert table(rows, TABLES["diversity"]).height == 3


def test_the_notes_say_it_of_each_target() -> None:
    rows = list(diversity_rows(GROUPS, LANGUAGES, FACTS))
    (note,) = diversity_notes(table(rows, TABLES["diversity"]))
    assert note.startswith(
        "XNLI: its means are over 3 languages of 3 families, at a mean typological"
    )
    assert f"distance of {rows[0]['distance']:.2f}" in note
    assert f"entropy of {rows[0]['entropy']:.2f} bits a feature" in note


def test_the_notes_say_over_how_many_languages() -> None:
    groups = [
        group("xnli", ALL_LANGUAGES, ["de", "sw", "ber"]),
        group("panx", ALL_LANGUAGES, ["ber"]),
    ]
    rows = list(diversity_rows(groups, LANGUAGES, FACTS))
    several, one = diversity_notes(table(rows, TABLES["diversity"]))
    assert several.endswith(" bits a feature (over the 2 whose typology is known).")
    assert one == "PAN-X: its means are over 1 language of 1 family."


def test_of_generated_languages_families_are_all_that_is_said() -> None:
    groups = [group("xnli", ALL_LANGUAGES, ["qbo", "qbi", "qce"])]
    rows = list(diversity_rows(groups, INVITRO_LANGUAGES, {}))
    assert (rows[0]["families"], rows[0]["with_features"], rows[0]["distance"]) == (2, 0, None)
    (note,) = diversity_notes(pl.DataFrame(rows, schema=TABLES["diversity"]))
    assert note == "XNLI: its means are over 3 languages of 2 families."
