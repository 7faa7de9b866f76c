"""Languages: their codes, names in data sets, and kinship.

`code` is XTREME's two-letter code. `iso639_3` is LASER's and the hub's code in Tatoeba file
names (facebookresearch/LASER, data/tatoeba/v1): for macrolanguages the code of the individual
language or of the macrolanguage, as in those files. `name` is also the name in the hub's
`udpos.<name>` configs (google/xtreme). Languages beyond XTREME's 40 come from XTREME-R.

`family` is named as in XTREME's README (Hu et al. 2020) and agrees with the top-level families
of Glottolog 5.1 (CC BY 4.0) up to names; Basque and Korean stand alone. `branch` is the genus in
WALS (Dryer and Haspelmath, CC BY 4.0) where it parts a family, and finer or renamed for the
branches of Turkic, Dravidian, Malayic and Sino-Tibetan (partly by URIEL's family features);
Haitian, in WALS a creole, is filed under Indo-European as in Glottolog.
`script` is the ISO 15924 code that Unicode CLDR holds likely for the language; the test data of
one language can mix scripts (Chinese in PAN-X does).

The generated languages of the data source `invitro` have codes from the range that ISO 639-3
reserves for local use, qaa to qtz, and families that exist nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass

from xstilts.config.rows import Row, Rows

# ISO 639-3's code for several languages at once.
ALL_LANGUAGES = "mul"


@dataclass(frozen=True, slots=True)
class Language(Row):
    """One language; see the module for what each field follows."""

    code: str
    name: str
    iso639_3: str
    family: str
    branch: str
    script: str


def _read(table: str) -> dict[str, Language]:
    rows = (line.split(" | ") for line in table.strip().split("\n"))
    return {row[0]: Language(*row) for row in rows}


LANGUAGES: Rows[Language] = _read("""
af | Afrikaans | afr | Indo-European | Germanic | Latn
ar | Arabic | ara | Afro-Asiatic | Semitic | Arab
az | Azerbaijani | aze | Turkic | Oghuz | Latn
bg | Bulgarian | bul | Indo-European | Slavic | Cyrl
bn | Bengali | ben | Indo-European | Indic | Beng
de | German | deu | Indo-European | Germanic | Latn
el | Greek | ell | Indo-European | Greek | Grek
en | English | eng | Indo-European | Germanic | Latn
es | Spanish | spa | Indo-European | Romance | Latn
et | Estonian | est | Uralic | Finnic | Latn
eu | Basque | eus | Basque | Basque | Latn
fa | Persian | pes | Indo-European | Iranian | Arab
fi | Finnish | fin | Uralic | Finnic | Latn
fr | French | fra | Indo-European | Romance | Latn
gu | Gujarati | guj | Indo-European | Indic | Gujr
he | Hebrew | heb | Afro-Asiatic | Semitic | Hebr
hi | Hindi | hin | Indo-European | Indic | Deva
ht | Haitian | hat | Indo-European | Creole (French-based) | Latn
hu | Hungarian | hun | Uralic | Ugric | Latn
id | Indonesian | ind | Austronesian | Malayic | Latn
it | Italian | ita | Indo-European | Romance | Latn
ja | Japanese | jpn | Japonic | Japanese | Jpan
jv | Javanese | jav | Austronesian | Javanese | Latn
ka | Georgian | kat | Kartvelian | Kartvelian | Geor
kk | Kazakh | kaz | Turkic | Kipchak | Cyrl
ko | Korean | kor | Koreanic | Korean | Kore
lt | Lithuanian | lit | Indo-European | Baltic | Latn
ml | Malayalam | mal | Dravidian | South Dravidian | Mlym
mr | Marathi | mar | Indo-European | Indic | Deva
ms | Malay | zsm | Austronesian | Malayic | Latn
my | Burmese | mya | Sino-Tibetan | Lolo-Burmese | Mymr
nl | Dutch | nld | Indo-European | Germanic | Latn
pa | Punjabi | pan | Indo-European | Indic | Guru
pl | Polish | pol | Indo-European | Slavic | Latn
pt | Portuguese | por | Indo-European | Romance | Latn
qu | Quechua | que | Quechuan | Quechuan | Latn
ro | Romanian | ron | Indo-European | Romance | Latn
ru | Russian | rus | Indo-European | Slavic | Cyrl
sw | Swahili | swh | Niger-Congo | Bantu | Latn
ta | Tamil | tam | Dravidian | South Dravidian | Taml
te | Telugu | tel | Dravidian | South-Central Dravidian | Telu
th | Thai | tha | Kra-Dai | Kam-Tai | Thai
tl | Tagalog | tgl | Austronesian | Greater Central Philippine | Latn
tr | Turkish | tur | Turkic | Oghuz | Latn
uk | Ukrainian | ukr | Indo-European | Slavic | Cyrl
ur | Urdu | urd | Indo-European | Indic | Arab
vi | Vietnamese | vie | Austro-Asiatic | Vietic | Latn
wo | Wolof | wol | Niger-Congo | Wolof | Latn
yo | Yoruba | yor | Niger-Congo | Defoid | Latn
zh | Chinese | cmn | Sino-Tibetan | Sinitic | Hans
""")

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


def language_table(data_source: str) -> dict[str, Language]:
    """The languages that a data source can hold, by code."""
    return INVITRO_LANGUAGES if data_source == "invitro" else LANGUAGES
