"""Facts about languages that statistics need: text, speakers, resources, distance from English.

Kinship and script are in `xstilts.config.languages`. What is not known is None. Sources:

`cc100_gib`: GiB of text in XLM-R's pretraining data (Conneau et al. 2020, Table 6; 0 is not in
    it). zh is Simplified and Traditional together, my with its Zawgyi text; romanised text of
    bn, hi, ta, te and ur is left out. Bytes are not characters: those of Indic, Thai and
    Georgian scripts take about three, Latin ones one.
`speakers`: in millions, first and second language, rough. Unicode CLDR's territories summed
    (`language_data` 1.4.0; Unicode licence). pa is without Pakistan, where it is written in
    another script. Wider than the test data: ar has all of Arabic, fa Dari, az South
    Azerbaijani, tl Filipino.
`speakers_ethnologue`: in millions, where Ethnologue (20th edition) counts very differently, from
    the data of Blasi et al. 2022 (neubig/globalutility). Elsewhere None: fall back on `speakers`
    for a second weighting. Their file on translation has 47 for sw.
`joshi_class`: 0 (least resources) to 5, Joshi et al. 2020, from copies of their table. gu and ml
    are 1 there by one list only, ht 1 or 2.
`glottolog_family`: the top-level family in Glottolog 5.1 (CC BY 4.0). Among these languages no
    grouping differs from that of `xstilts.config.languages`. By name only: Kra-Dai is Tai-Kadai,
    Austro-Asiatic is Austroasiatic. In members elsewhere: Atlantic-Congo is narrower than
    Niger-Congo, and Koreanic has Jejuan beside Korean. Basque is an isolate. Haitian is
    Indo-European there too; WALS and some tables for XTREME-R file it under creoles.
`uriel_code` and the rest: the typological vectors of URIEL (Littell et al. 2017; lang2vec 1.1.2,
    CC BY-SA 4.0, which holds for these columns too). Each distance is 1 minus the cosine between
    the vector of the language and that of English: `syntax_knn`, `phonology_knn` and
    `inventory_knn` (of sounds). It is not the distance that later releases of lang2vec look up.
    A language of whose syntactic features less than half are observed under its own code is
    looked up under that of its macrolanguage, where more are: az as aze (55 of 103; azj 0), et as
    est (80; ekk 27), ms as msa (101; zsm 12), qu as que (82; quz, Cusco, 13).
`imputed_share`: of the syntactic values, those that no source gives (missing in
    `syntax_average`): URIEL predicts them from kin and neighbours. Where it is near 1 (kk, jv)
    the syntactic distance is that of the neighbours.

Geographical distance is left out: lang2vec has distances from points on the globe, not between
languages.

Generated languages (`invitro`) are as far from English as `tongues.distance` says, over words,
names, order, morphology and script alike. They have no speakers, and their text is even but for
English, in amounts that each experiment sets.
"""

from __future__ import annotations

from dataclasses import dataclass

from xstilts.config.languages import INVITRO_LANGUAGES, LANGUAGES
from xstilts.config.rows import Row, Rows
from xstilts.config.tasks.types import SOURCE_LANGUAGE


@dataclass(frozen=True, kw_only=True, slots=True)
class LanguageFacts(Row):
    """What is known of one language; see the module for sources and units."""

    code: str
    cc100_gib: float | None = None
    speakers: float | None = None
    speakers_ethnologue: float | None = None
    joshi_class: int | None = None
    glottolog_family: str | None = None
    uriel_code: str | None = None
    syntactic_distance: float | None = None
    imputed_share: float | None = None
    phonological_distance: float | None = None
    inventory_distance: float | None = None


# Where Glottolog names a family otherwise than `xstilts.config.languages` does.
_GLOTTOLOG_NAMES = {
    "Austro-Asiatic": "Austroasiatic",
    "Basque": "Basque (isolate)",
    "Kra-Dai": "Tai-Kadai",
    "Niger-Congo": "Atlantic-Congo",
}


def _read(table: str) -> dict[str, LanguageFacts]:
    return {row[0]: _facts(*row) for row in (line.split(" | ") for line in table.split("\n"))}


def _facts(
    code: str,
    gib: str,
    speakers: str,
    ethnologue: str,
    joshi: str,
    uriel: str,
    syntax: str,
    imputed: str,
    phonology: str,
    inventory: str,
) -> LanguageFacts:
    family = LANGUAGES[code].family
    return LanguageFacts(
        code=code,
        cc100_gib=float(gib),
        speakers=float(speakers),
        speakers_ethnologue=None if ethnologue == "-" else float(ethnologue),
        joshi_class=int(joshi),
        glottolog_family=_GLOTTOLOG_NAMES.get(family, family),
        uriel_code=uriel,
        syntactic_distance=float(syntax),
        imputed_share=float(imputed),
        phonological_distance=float(phonology),
        inventory_distance=float(inventory),
    )


# Columns as in the arguments of `_facts`.
FACTS: Rows[LanguageFacts] = _read(
    """
af | 1.3 | 9.97 | 17.5 | 3 | afr | 0.151 | 0.641 | 0.182 | 0.309
ar | 28.0 | 379 | - | 5 | arb | 0.356 | 0.359 | 0.275 | 0.268
az | 6.5 | 33.8 | - | 1 | aze | 0.480 | 0.466 | 0.182 | 0.321
bg | 57.5 | 7.68 | - | 3 | bul | 0.142 | 0.165 | 0.142 | 0.316
bn | 8.4 | 280 | - | 3 | ben | 0.417 | 0.495 | 0.237 | 0.256
de | 66.6 | 142 | - | 5 | deu | 0.097 | 0.155 | 0.194 | 0.237
el | 46.9 | 12.2 | - | 3 | ell | 0.217 | 0.165 | 0.047 | 0.353
en | 300.8 | 1728 | 984 | 5 | eng | 0.000 | 0.000 | 0.000 | 0.000
es | 53.3 | 507 | - | 5 | spa | 0.178 | 0.019 | 0.142 | 0.362
et | 6.1 | 0.85 | - | 3 | est | 0.227 | 0.223 | 0.142 | 0.331
eu | 2.0 | 1.03 | 0.47 | 4 | eus | 0.377 | 0.175 | 0.147 | 0.431
fa | 111.6 | 89.2 | - | 4 | pes | 0.479 | 0.175 | 0.217 | 0.272
fi | 54.3 | 5.79 | - | 4 | fin | 0.289 | 0.049 | 0.130 | 0.300
fr | 56.8 | 333 | 230 | 5 | fra | 0.188 | 0.058 | 0.247 | 0.259
gu | 1.9 | 65.6 | - | 1 | guj | 0.417 | 0.534 | 0.196 | 0.266
he | 31.6 | 9.40 | 4.38 | 3 | heb | 0.249 | 0.155 | 0.275 | 0.356
hi | 20.2 | 582 | 381 | 4 | hin | 0.384 | 0.204 | 0.217 | 0.291
ht | 0 | 9.52 | - | 2 | hat | 0.270 | 0.641 | 0.095 | 0.221
hu | 58.4 | 12.3 | - | 4 | hun | 0.306 | 0.117 | 0.142 | 0.260
id | 148.3 | 181 | - | 3 | ind | 0.273 | 0.029 | 0.091 | 0.244
it | 30.2 | 70.5 | - | 4 | ita | 0.142 | 0.252 | 0.142 | 0.300
ja | 69.3 | 118 | - | 5 | jpn | 0.500 | 0.126 | 0.333 | 0.346
jv | 0.2 | 96.1 | - | 1 | jav | 0.399 | 0.835 | 0.254 | 0.268
ka | 9.1 | 4.32 | - | 3 | kat | 0.315 | 0.165 | 0.331 | 0.371
kk | 6.4 | 14.4 | - | 3 | kaz | 0.552 | 0.883 | 0.164 | 0.280
ko | 54.2 | 79.3 | 48.4 | 4 | kor | 0.447 | 0.146 | 0.254 | 0.291
lt | 13.7 | 2.41 | - | 3 | lit | 0.307 | 0.282 | 0.196 | 0.254
ml | 7.6 | 45.9 | - | 1 | mal | 0.464 | 0.505 | 0.147 | 0.301
mr | 2.8 | 98.6 | - | 2 | mar | 0.435 | 0.359 | 0.196 | 0.241
ms | 8.5 | 40.2 | 60.8 | 3 | msa | 0.295 | 0.019 | 0.091 | 0.275
my | 2.0 | 37.2 | - | 1 | mya | 0.605 | 0.194 | 0.114 | 0.135
nl | 29.3 | 32.9 | - | 4 | nld | 0.076 | 0.311 | 0.182 | 0.278
pa | 0.8 | 42.9 | 28.2 | 2 | pan | 0.387 | 0.233 | 0.196 | 0.229
pl | 44.6 | 41.5 | - | 4 | pol | 0.214 | 0.282 | 0.142 | 0.347
pt | 49.1 | 249 | - | 4 | por | 0.158 | 0.252 | 0.095 | 0.213
qu | 0 | 11.9 | - | 1 | que | 0.487 | 0.204 | 0.217 | 0.393
ro | 61.4 | 20.0 | - | 3 | ron | 0.204 | 0.282 | 0.095 | 0.266
ru | 278.0 | 194 | 268 | 4 | rus | 0.188 | 0.126 | 0.142 | 0.353
sw | 1.6 | 194 | 16.0 | 2 | swh | 0.526 | 0.175 | 0.091 | 0.242
ta | 12.2 | 90.6 | - | 3 | tam | 0.486 | 0.320 | 0.147 | 0.342
te | 4.7 | 101 | - | 1 | tel | 0.479 | 0.408 | 0.196 | 0.329
th | 71.7 | 55.9 | - | 3 | tha | 0.361 | 0.049 | 0.217 | 0.251
tl | 3.1 | 73.2 | 24.6 | 3 | tgl | 0.391 | 0.282 | 0.142 | 0.271
tr | 20.9 | 82.4 | - | 4 | tur | 0.493 | 0.136 | 0.182 | 0.334
uk | 84.6 | 24.1 | - | 3 | ukr | 0.153 | 0.252 | 0.142 | 0.256
ur | 5.7 | 313 | 163 | 3 | urd | 0.384 | 0.388 | 0.142 | 0.284
vi | 137.3 | 92.4 | - | 4 | vie | 0.340 | 0.097 | 0.217 | 0.253
wo | 0 | 13.2 | - | 2 | wol | 0.361 | 0.214 | 0.142 | 0.329
yo | 0 | 31.8 | 21.0 | 2 | yor | 0.400 | 0.117 | 0.333 | 0.293
zh | 63.5 | 1326 | - | 5 | cmn | 0.288 | 0.087 | 0.247 | 0.382
""".strip()
)


def facts_for(data_source: str) -> dict[str, LanguageFacts]:
    """The facts of each language that a data source can hold, by code."""
    if data_source != "invitro":
        return FACTS
    from xstilts.config.invitro.tongues import distance

    return {
        code: LanguageFacts(code=code, syntactic_distance=distance(SOURCE_LANGUAGE, code))
        for code in INVITRO_LANGUAGES
    }
