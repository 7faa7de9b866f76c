"""What each data set calls the languages that it holds.

`codes.csv` lists the languages of each data set as its authors publish it, with their code, which
is a part of a file's name or of a config's, and ours. A language of ours is an individual one: a
data set that names a macrolanguage (ISO 639-3) means one of its languages, mostly the standard
one (`orm` is West Central Oromo, `hmn` in NTREX White Hmong by its spelling, `grn` and `gn`
Paraguayan Guarani). Where a data set mixes scripts (`srp` and `uzb` of Tatoeba, a third in
Cyrillic), the code is that of the more frequent one. NTREX lists two varieties of Swiss German
for which it has no files; they are not here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from xstilts.config.languages import tables
from xstilts.config.rows import Row, Rows


@dataclass(frozen=True, slots=True)
class Codes(Row):
    """The codes of one language (`code`), by data set."""

    code: str
    theirs: Mapping[str, str]


def _read() -> dict[str, Codes]:
    found: dict[str, dict[str, str]] = {}
    for row in tables.read("codes.csv"):
        found.setdefault(row["code"], {})[row["data_set"]] = row["their_code"]
    return {code: Codes(code, theirs) for code, theirs in found.items()}


CODES: Rows[Codes] = _read()


def codes_of(data_set: str) -> dict[str, str]:
    """The data set's code of each language that it holds, by our code.

    Raises:
        ValueError: there is no such data set.
    """
    held = {code: row.theirs[data_set] for code, row in CODES.items() if data_set in row.theirs}
    if not held:
        known = sorted({each for row in CODES.values() for each in row.theirs})
        raise ValueError(f"{data_set!r} has no list of languages; those that have: {known}")
    return held
