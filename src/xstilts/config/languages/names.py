"""Find a language by any name that it goes by.

Names are, in any case and with - or _ between the parts: our codes; ISO 639-1 and 639-3, where a
macrolanguage's code stands for the language that data sets mean by it (`zho`, `swa`); either with a
script or a region behind it (`arb_Arab`, `aze-Latn`, `eng-US`); a data set's own codes (`zho-TW`);
glottocodes; and English names. A language that no data set here holds is found among Glottolog's,
by ISO 639-3, glottocode or name.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Mapping
from functools import cache

from xstilts.config.languages import LANGUAGES, Language, tables
from xstilts.config.languages.codes import CODES

_PARTS = re.compile(r"([a-z]{2,3})(?:_([a-z]{4}))?(?:_([a-z]{2}))?")
# Scripts that data sets name otherwise than CLDR.
_SCRIPTS = {"hang": "kore"}
_SHOWN = 4
# A name of fewer letters is within many others by chance.
_LETTERS = 4


def find(name: str, own: Mapping[str, Language] | None = None) -> Language:
    """The language that a name means, among one's own and those of the table before Glottolog's.

    Raises:
        ValueError: it means none, or several; candidates are named.
    """
    if name in (own or {}):
        return (own or {})[name]
    if name in LANGUAGES:
        return LANGUAGES[name]
    found = _named(name, own) if _key(name) else []
    if len(found) == 1:
        return found[0]
    if found:
        raise ValueError(f"{name!r} is the name of several languages ({_listed(found)})")
    raise ValueError(f"unknown language {name!r} ({_hint(name, own)})")


def _named(name: str, own: Mapping[str, Language] | None) -> list[Language]:
    key = _key(name)
    mine = [each for each in (own or {}).values() if key in map(_key, _spellings(each))]
    if codes := mine or known_by_name(name):
        return codes
    # As it is spelt, where others differ from it in marks on letters alone.
    rows = _glottolog().get(key, [])
    exact = [row for row in rows if name in row[:3]]
    return [_from_glottolog(row) for row in exact or rows]


def known_by_name(name: str) -> list[Language]:
    """The languages of the table that a name means."""
    key = _key(name)
    return [LANGUAGES[code] for code in _index().get(key, ())] or _with_parts(key)


def _key(name: str) -> str:
    """A name without case and marks on its letters, which few keyboards have: Māori is maori."""
    letters = unicodedata.normalize("NFD", name.strip().casefold())
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return bare.replace("-", "_")


def _spellings(language: Language) -> list[str]:
    return _names(language) + _short_names(language)


def _names(language: Language) -> list[str]:
    """What it is called in full."""
    return [language.code, language.iso639_3, language.glottocode, language.name]


def _short_names(language: Language) -> list[str]:
    """Albanian (Tosk) is also Albanian, and Tosk Albanian."""
    plain, _, rest = language.name.partition(" (")
    return [plain, f"{rest.removesuffix(')')} {plain}"] if rest else []


@cache
def _index() -> dict[str, list[str]]:
    """Our codes by key; where a usual script or region is among several, it alone."""
    full: dict[str, dict[str, None]] = {}
    short: dict[str, dict[str, None]] = {}
    for row in tables.read("languages.csv"):
        code, language = row["code"], LANGUAGES[row["code"]]
        theirs = CODES[code].theirs.values() if code in CODES else ()
        names = [*_names(language), row["glottolog_name"], *row["other_codes"].split(), *theirs]
        for index, keys in ((full, names), (short, _short_names(language))):
            for name in keys:
                index.setdefault(_key(name), {})[code] = None
    # Persian is a language's full name, and a short one of Persian (Afghanistan).
    found = {}
    for key, codes in (short | full).items():
        usual = [code for code in codes if "_" not in code]
        found[key] = usual if len(usual) == 1 else list(codes)
    return {**found, **{_key(code): [code] for code in LANGUAGES}}


def _with_parts(key: str) -> list[Language]:
    """Languages by code, script and region, of which all that are named must fit."""
    parts = _PARTS.fullmatch(key)
    if parts is None:
        return []
    base, script, region = parts.groups()
    named = [LANGUAGES[code] for code in _index().get(base, ())]
    fitting = [
        each
        for language in named
        for each in LANGUAGES.values()
        if each.glottocode == language.glottocode
        and (script is None or each.script.casefold() == _SCRIPTS.get(script, script))
        and _region(each) == (region or "")
    ]
    return list({each.code: each for each in fitting}.values())


def _region(language: Language) -> str:
    last = language.code.rpartition("_")[2]
    return last.casefold() if "_" in language.code and len(last) == 2 else ""


@cache
def _glottolog() -> dict[str, list[tuple[str, ...]]]:
    """Glottolog's other languages by key: ISO 639-3 code, glottocode, name, the rest of the row."""
    first = ("iso639_3", "glottocode", "name")
    rest = ("family", "macroarea", "latitude", "longitude", "path")
    found: dict[str, list[tuple[str, ...]]] = {}
    for row in tables.read("glottolog.csv"):
        held = tuple(row[key] for key in first + rest)
        for key in dict.fromkeys(map(_key, held[: len(first)])):
            found.setdefault(key, []).append(held)
    return found


def _from_glottolog(row: tuple[str, ...]) -> Language:
    iso, glottocode, name, family, macroarea, latitude, longitude, path = row
    nodes = tuple(path.split())
    return Language(
        code=iso or glottocode,
        name=name,
        iso639_3=iso,
        family=family,
        branch=family,
        script="",
        glottocode=glottocode,
        macroarea=macroarea,
        latitude=float(latitude) if latitude else None,
        longitude=float(longitude) if longitude else None,
        path=nodes,
        status="isolate" if len(nodes) == 1 else "",
    )


def _hint(name: str, own: Mapping[str, Language] | None) -> str:
    key = _key(name)
    spellings: dict[str, Language] = {}
    for each in [*LANGUAGES.values(), *(own or {}).values()]:
        spellings |= {_key(spelling): each for spelling in _spellings(each)}
    base = key.partition("_")[0]
    near = [LANGUAGES[code] for code in _index().get(base, ())] if base != key else []
    near += [spellings[close] for close in difflib.get_close_matches(key, spellings, _SHOWN, 0.7)]
    for each in LANGUAGES.values():
        theirs = _key(each.name)
        shorter, longer = sorted((key, theirs), key=len)
        begins = len(key) > 2 and theirs.startswith(key)
        if begins or (len(shorter) >= _LETTERS and shorter in longer):
            near.append(each)
    if not near:
        close = difflib.get_close_matches(key, by_name := _glottolog_names(), _SHOWN, 0.8)
        near = [_from_glottolog(by_name[each]) for each in close]
    if not near:
        return "docs/languages.md lists what is known; a row in own_languages adds a language"
    return f"did you mean one of: {_listed(near)}?"


def _glottolog_names() -> dict[str, tuple[str, ...]]:
    return {_key(row[2]): row for rows in _glottolog().values() for row in rows}


def _listed(languages: list[Language]) -> str:
    by_code = {each.code: each for each in languages}
    return ", ".join(f"{code} {each.name}" for code, each in list(by_code.items())[:_SHOWN])
