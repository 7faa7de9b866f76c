"""Languages of one's own: rows of an experiment, beside those of the table of languages."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from xstilts.config.language_facts import LanguageFacts
from xstilts.config.languages import ALL_LANGUAGES, LANGUAGES, Language
from xstilts.config.languages.names import find, known_by_name
from xstilts.config.settings import Strict

# What a language of one's own may be called: as the codes of the table are.
_CODE = re.compile(r"[a-z]{2,3}(_[A-Z][a-z]{3})?(_[A-Z]{2})?")


class OwnLanguage(Strict):
    """One language that the table of languages has not.

    `iso639_3` and `glottocode` are looked up in Glottolog, which then says what is not given of
    family, macroarea and coordinates. `branch` is the family's name where it is not given.
    Coordinates are in degrees, `speakers` in millions, `cc100_gib` in GiB of text; `script` is an
    ISO 15924 code and `syntactic_distance` the distance from English (docs/languages.md).
    """

    name: str
    script: str = Field(pattern=r"^[A-Z][a-z]{3}$")
    iso639_3: str = Field(default="", pattern=r"^([a-z]{3})?$")
    glottocode: str = Field(default="", pattern=r"^([a-z0-9]{4}[0-9]{4})?$")
    family: str = ""
    branch: str = ""
    macroarea: str = ""
    latitude: float | None = Field(default=None, ge=-90, le=90)
    longitude: float | None = Field(default=None, ge=-180, le=180)
    speakers: float | None = Field(default=None, gt=0)
    cc100_gib: float | None = Field(default=None, ge=0)
    joshi_class: int | None = Field(default=None, ge=0, le=5)
    syntactic_distance: float | None = Field(default=None, ge=0, le=1)

    def language(self, code: str) -> Language:
        """Its row, with what Glottolog says of it where nothing is given.

        Raises:
            ValueError: Glottolog has no such code, or neither it nor the row says a family.
        """
        known = self._looked_up()
        family = self.family or (known.family if known else "")
        if not family:
            raise ValueError("family is needed, or a glottocode or iso639_3 that Glottolog has")
        own_family = known is None or family != known.family
        return Language(
            code=code,
            name=self.name,
            iso639_3=self.iso639_3 or code.partition("_")[0],
            family=family,
            branch=self.branch or (family if own_family or known is None else known.branch),
            script=self.script,
            glottocode=known.glottocode if known else "",
            macroarea=self.macroarea or (known.macroarea if known else ""),
            latitude=known.latitude if known and self.latitude is None else self.latitude,
            longitude=known.longitude if known and self.longitude is None else self.longitude,
            path=known.path if known else (),
            status=known.status if known else "",
        )

    def _looked_up(self) -> Language | None:
        named = self.glottocode or (self.iso639_3 if not self.family else "")
        return find(named) if named else None

    def facts(self, code: str) -> LanguageFacts:
        """What is known of it by which statistics go."""
        return LanguageFacts(
            code=code,
            cc100_gib=self.cc100_gib,
            speakers=self.speakers,
            joshi_class=self.joshi_class,
            glottolog_family=self.language(code).family,
            syntactic_distance=self.syntactic_distance,
        )


def read_own_languages(path: str | Path) -> dict[str, dict[str, str]]:
    """The rows of a CSV file by their column `code`; empty cells and lines are left out.

    Raises:
        ValueError: there is no such file or column, it is not UTF-8, or a row has no code, one that
            another has, or another number of cells than the head; it names file and line.
    """
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"{path}: there is no such file")
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file)
        try:
            rows = [(reader.line_num, [cell.strip() for cell in cells]) for cells in reader]
        except UnicodeDecodeError as error:
            raise ValueError(f"{path}: not UTF-8; save it as that") from error
    head = rows[0][1] if rows else []
    if "code" not in head:
        raise ValueError(f"{path}, line 1: no column `code` (it has {', '.join(head) or 'none'})")
    found: dict[str, dict[str, str]] = {}
    for line, cells in rows[1:]:
        if not any(cells):
            continue
        if len(cells) != len(head):
            raise ValueError(f"{path}, line {line}: {len(cells)} cells, the head has {len(head)}")
        row = {key: cell for key, cell in zip(head, cells, strict=True) if cell}
        code = row.pop("code", "")
        if not code or code in found:
            raise ValueError(f"{path}, line {line}: code {code!r} is empty or a second time there")
        found[code] = row
    return found


def own_languages(value: Any) -> Any:
    """A user's rows by code, from what may be the path of a CSV file."""
    where = ""
    if isinstance(value, str | Path):
        where, value = f"{value}: ", read_own_languages(value)
    if not isinstance(value, Mapping):
        return value
    found = {}
    for code, row in value.items():
        if why := _refusal(str(code)):
            raise ValueError(f"{where}the code {code!r} {why}")
        try:
            found[code] = OwnLanguage.model_validate(row)
            found[code].language(code)
        except ValidationError as error:
            said = "; ".join(
                f"{'.'.join(map(str, each['loc']))}: {each['msg']}".removeprefix(": ")
                for each in error.errors()
            )
            raise ValueError(f"{where}{code}: {said}") from None
        except ValueError as error:
            raise ValueError(f"{where}{code}: {error}") from None
    return found


def _refusal(code: str) -> str:
    """Why a language of one's own cannot be called so; nothing if it can."""
    if not _CODE.fullmatch(code):
        return "must be like kjb or kjb_Latn"
    if code == ALL_LANGUAGES:
        return "stands for several languages at once"
    named = LANGUAGES.get(code) or next(iter(known_by_name(code)), None)
    if named is None:
        return ""
    return f"is a name of {named.name} ({named.code}), which the table of languages has"


def rows_of(own: Mapping[str, OwnLanguage]) -> dict[str, dict[str, Any]]:
    """A user's rows as plain data, for jobs (`language_table`, `facts_for`)."""
    return {
        code: {"language": asdict(row.language(code)), "facts": asdict(row.facts(code))}
        for code, row in own.items()
    }
