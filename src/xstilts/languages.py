"""Languages by the code that XTREME uses, and the other names that data sets give them.

`iso639_3` is LASER's and the hub's code in Tatoeba file names (facebookresearch/LASER,
data/tatoeba/v1): for macrolanguages the code of the individual language or of the
macrolanguage, as in those files. `name` is also the name in the hub's
`udpos.<name>` configs (google/xtreme). Languages beyond XTREME's 40 come from XTREME-R.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Language:
    """One language: XTREME's two-letter code, English name, ISO 639-3 code in Tatoeba."""

    code: str
    name: str
    iso639_3: str


_TABLE = """
af Afrikaans afr|ar Arabic ara|az Azerbaijani aze|bg Bulgarian bul|bn Bengali ben|de German deu
el Greek ell|en English eng|es Spanish spa|et Estonian est|eu Basque eus|fa Persian pes
fi Finnish fin|fr French fra|gu Gujarati guj|he Hebrew heb|hi Hindi hin|ht Haitian hat
hu Hungarian hun|id Indonesian ind|it Italian ita|ja Japanese jpn|jv Javanese jav
ka Georgian kat|kk Kazakh kaz|ko Korean kor|lt Lithuanian lit|ml Malayalam mal|mr Marathi mar
ms Malay zsm|my Burmese mya|nl Dutch nld|pa Punjabi pan|pl Polish pol|pt Portuguese por
qu Quechua que|ro Romanian ron|ru Russian rus|sw Swahili swh|ta Tamil tam|te Telugu tel
th Thai tha|tl Tagalog tgl|tr Turkish tur|uk Ukrainian ukr|ur Urdu urd|vi Vietnamese vie
wo Wolof wol|yo Yoruba yor|zh Chinese cmn
"""

LANGUAGES: dict[str, Language] = {
    code: Language(code, name, iso)
    for code, name, iso in (
        entry.split() for line in _TABLE.split("\n") for entry in line.split("|") if entry
    )
}
