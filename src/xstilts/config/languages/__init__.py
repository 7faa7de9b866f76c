"""Languages: their codes, names in data sets, kinship and places.

A row is a variety: a language in a script, and rarely in a region. `code` is XTREME's two-letter
code for the 50 languages of XTREME and XTREME-R; else the ISO 639-3 code of an individual language,
with the script (ISO 15924) behind it where that is not the likely one of the code in Unicode CLDR
(`zh_Hant`, `ace_Arab` beside `ace`), and the region (ISO 3166) where a data set parts regions
(`pt_BR`). `xstilts.config.languages.names` finds a row by any name, `codes` lists what data sets
call it.

`languages.csv` holds the rows, which `make` fills in from Glottolog 5.1 (CC BY 4.0). By hand are:
`name`, common in English, also the name in the hub's `udpos.<name>` configs (google/xtreme);
`iso639_3`, LASER's and the hub's code in Tatoeba file names (facebookresearch/LASER,
data/tatoeba/v1), for macrolanguages the code of the individual language or of the macrolanguage, as
in those files; `script`; and `branch`: the genus in WALS (Dryer and Haspelmath, CC BY 4.0) where it
parts a family, and finer or renamed for the branches of Turkic, Dravidian, Malayic and Sino-Tibetan
(partly by URIEL's family features); beyond the 50 the node of Glottolog's tree that is of its kind.
The test data of one language can mix scripts (Chinese in PAN-X does).

`family` is the top node in Glottolog, under the names in XTREME's README (Hu et al. 2020):
Niger-Congo for Atlantic-Congo (Mande, Nilotic and Saharan are families of their own), Kra-Dai for
Tai-Kadai, Austro-Asiatic for Austroasiatic. `path` are the nodes from the family's to the language,
as glottocodes. `status` marks an `isolate`, which is a family of one; a `creole`, which Glottolog
files under its lexifier's family and WALS (as for Haitian, whose branch says it) apart; an
`artificial` language, of which Glottolog makes a family; and a `group` of languages that a data set
does not part (Quechua, Berber, Nahuatl, Otomi, Sardinian), whose glottocode is an inner node. N'Ko,
a written standard of Manding that Glottolog files under artificial languages, is under Manding
here.

The generated languages of the data source `invitro` have codes from the range that ISO 639-3
reserves for local use, qaa to qtz, and families that exist nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xstilts.config.languages import tables
from xstilts.config.rows import Row, Rows

# ISO 639-3's code for several languages at once.
ALL_LANGUAGES = "mul"


@dataclass(frozen=True, slots=True)
class Language(Row):
    """One language; see the module for what each field follows. Coordinates are in degrees."""

    code: str
    name: str
    iso639_3: str
    family: str
    branch: str
    script: str
    glottocode: str = ""
    macroarea: str = ""
    latitude: float | None = None
    longitude: float | None = None
    path: tuple[str, ...] = ()
    status: str = ""


def language_of(row: Mapping[str, str]) -> Language:
    """A language from the text of its fields; those without a default are needed.

    Raises:
        ValueError: a coordinate is no number.
    """
    latitude, longitude = row.get("latitude"), row.get("longitude")
    return Language(
        code=row["code"],
        name=row["name"],
        iso639_3=row["iso639_3"],
        family=row["family"],
        branch=row["branch"],
        script=row["script"],
        glottocode=row.get("glottocode", ""),
        macroarea=row.get("macroarea", ""),
        latitude=float(latitude) if latitude else None,
        longitude=float(longitude) if longitude else None,
        path=tuple(row.get("path", "").split()),
        status=row.get("status", ""),
    )


def _read(table: str) -> dict[str, Language]:
    keys = ("code", "name", "iso639_3", "family", "branch", "script")
    rows = (dict(zip(keys, line.split(" | "), strict=True)) for line in table.strip().split("\n"))
    return {row["code"]: language_of(row) for row in rows}


LANGUAGES: Rows[Language] = {row["code"]: language_of(row) for row in tables.read("languages.csv")}

INVITRO_LANGUAGES: Rows[Language] = _read("""
en | English | eng | Albic | West Albic | Latn
qal | Alvish | qal | Albic | West Albic | Latn
qan | Anorric | qan | Albic | North Albic | Latn
qbo | Borean | qbo | Boric | Boric | Latn
qbi | Birgic | qbi | Boric | Boric | Cyrl
qce | Cendic | qce | Cendic | Cendic | Latn
qci | Cimric | qci | Cendic | Cendic | Geor
qdo | Dovan | qdo | Dovic | Dovic | Latn
qeu | Euxine | qeu | Euxic | Euxic | Armn
""")


def language_table(
    data_source: str, own: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, Language]:
    """The languages that a data source can hold, by code, with a user's rows as plain data."""
    table = INVITRO_LANGUAGES if data_source == "invitro" else LANGUAGES
    rows = {code: row["language"] for code, row in (own or {}).items()}
    mine = {code: Language(**{**row, "path": tuple(row["path"])}) for code, row in rows.items()}
    return {**table, **mine} if mine else table
