"""Facts about languages that statistics need: text, speakers, resources, distance from English.

Kinship and script are in `xstilts.config.languages`. What is not known is None. Sources:

`cc100_gib`: GiB of text in XLM-R's pretraining data (Conneau et al. 2020, Table 6; 0 is not in
    it). zh is Simplified and Traditional together, zh_Hant the latter alone; my is with its Zawgyi
    text; romanised text of bn, hi and ur is theirs in Latin script, that of ta and te is left out.
    A region has what its language has, Serbian in either script what both have. Bytes are not
    characters: those of Indic, Thai and Georgian scripts take about three, Latin ones one.
`mmbert_tokens`: billions of tokens in mmBERT's pretraining (JHU-CLSP/mmBERT at 108ffb3, MIT
    licence): those of the phases pretrain and ext and the mean of the three decay mixtures. Counted
    under the language's code or its macrolanguage's; ar is arb, fa fas, tl fil, zh cmn; a group of
    languages is all of its members, Quechua without Inga. Scripts and regions are not parted. 0 is
    not in their table, as Hausa is not.
`speakers`: in millions, first and second language, rough. Unicode CLDR's territories summed
    (`language_data` 1.4.0; Unicode licence), of the macrolanguage where it is not parted. pa is
    without Pakistan, where it is written in another script. Wider than the test data: ar has all of
    Arabic, fa Dari, az South Azerbaijani, tl Filipino. Unknown for a second script.
`speakers_ethnologue`: in millions, where Ethnologue (20th edition) counts very differently, from
    the data of Blasi et al. 2022 (neubig/globalutility). Elsewhere None: fall back on `speakers`
    for a second weighting. Their file on translation has 47 for sw.
`joshi_class`: 0 (least resources) to 5, Joshi et al. 2020, from copies of their table, for the 50
    languages of XTREME and XTREME-R. gu and ml are 1 there by one list only, ht 1 or 2.
`glottolog_family`: the top-level family in Glottolog 5.1 (CC BY 4.0). Among these languages no
    grouping differs from that of `xstilts.config.languages`. By name only: Kra-Dai is Tai-Kadai,
    Austro-Asiatic is Austroasiatic, Niger-Congo is Atlantic-Congo, which is narrower elsewhere.
    Koreanic has Jejuan beside Korean. Basque is an isolate. Haitian is Indo-European there too;
    WALS and some tables for XTREME-R file it under creoles.
`uriel_code` and the rest: the typological vectors of URIEL (Littell et al. 2017; lang2vec 1.1.2,
    CC BY-SA 4.0, which holds for these columns too). Each distance is 1 minus the cosine between
    the vector of the language and that of English: `syntax_knn`, `phonology_knn` and
    `inventory_knn` (of sounds). It is not the distance that later releases of lang2vec look up.
    `syntax` is the first of these vectors, 103 zeros and ones as a hexadecimal number. A language
    of whose syntactic features less than half are observed under its own code is looked up under
    that of its macrolanguage, where more are: az as aze (55 of 103; azj 0), et as est (80; ekk 27),
    ms as msa (101; zsm 12), qu as que (82; quz, Cusco, 13). A region or script is the language.
`imputed_share`: of the syntactic values, those that no source gives (missing in
    `syntax_average`): URIEL predicts them from kin and neighbours. Where it is near 1 (kk, jv, and
    1 for some forty small languages) the syntactic distance is that of the neighbours.

Geographical distance is left out: lang2vec has distances from points on the globe, not between
languages.

Generated languages (`invitro`) are as far from English as `tongues.distance` says, over words,
names, order, morphology and script alike. They have no speakers, and their text is even but for
English, in amounts that each experiment sets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from xstilts.config.languages import INVITRO_LANGUAGES, LANGUAGES, tables
from xstilts.config.rows import Row, Rows
from xstilts.config.tasks.types import SOURCE_LANGUAGE


@dataclass(frozen=True, kw_only=True, slots=True)
class LanguageFacts(Row):
    """What is known of one language; see the module for sources and units."""

    code: str
    cc100_gib: float | None = None
    mmbert_tokens: float | None = None
    speakers: float | None = None
    speakers_ethnologue: float | None = None
    joshi_class: int | None = None
    glottolog_family: str | None = None
    uriel_code: str | None = None
    syntactic_distance: float | None = None
    imputed_share: float | None = None
    phonological_distance: float | None = None
    inventory_distance: float | None = None
    syntax: str | None = None


# Where Glottolog names a family otherwise than `xstilts.config.languages` does.
_GLOTTOLOG_NAMES = {
    "Austro-Asiatic": "Austroasiatic",
    "Basque": "Basque (isolate)",
    "Kra-Dai": "Tai-Kadai",
    "Niger-Congo": "Atlantic-Congo",
}


def _facts(row: Mapping[str, str]) -> LanguageFacts:
    def number(key: str) -> float | None:
        return float(row[key]) if row[key] else None

    family = LANGUAGES[row["code"]].family
    return LanguageFacts(
        code=row["code"],
        cc100_gib=number("cc100_gib"),
        mmbert_tokens=number("mmbert_tokens"),
        speakers=number("speakers"),
        speakers_ethnologue=number("speakers_ethnologue"),
        joshi_class=int(row["joshi_class"]) if row["joshi_class"] else None,
        glottolog_family=_GLOTTOLOG_NAMES.get(family, family),
        uriel_code=row["uriel_code"] or None,
        syntactic_distance=number("syntactic_distance"),
        imputed_share=number("imputed_share"),
        phonological_distance=number("phonological_distance"),
        inventory_distance=number("inventory_distance"),
        syntax=row["syntax"] or None,
    )


FACTS: Rows[LanguageFacts] = {row["code"]: _facts(row) for row in tables.read("facts.csv")}


def facts_for(
    data_source: str, own: Mapping[str, Mapping[str, Any]] | None = None
) -> dict[str, LanguageFacts]:
    """The facts of each language that a data source can hold, by code, with a user's rows."""
    if data_source != "invitro":
        mine = {code: LanguageFacts(**row["facts"]) for code, row in (own or {}).items()}
        return {**FACTS, **mine} if mine else FACTS
    from xstilts.config.invitro.tongues import distance

    return {
        code: LanguageFacts(code=code, syntactic_distance=distance(SOURCE_LANGUAGE, code))
        for code in INVITRO_LANGUAGES
    }
