"""Fill in what the tables of languages have from their sources.

By `python -m xstilts.config.languages.make FOLDER`, where `FOLDER` holds the sources as files:
`glottolog-5.1-languages.csv` and `glottolog-5.1-classification.nex` (Glottolog 5.1, CC BY 4.0),
`jaeger-2018-world.tre` and `jaeger-2018-taxa.csv` (Jäger 2018, CC BY 4.0) and
`mmbert-language-counts.csv` (mmBERT, MIT licence). Speakers and vectors come from the packages
`langcodes`, `language_data` 1.4.0 and `lang2vec` 1.1.2. Columns that are kept by hand stay as they
are, all others are written anew: to add a language, write its row with the columns of
`LANGUAGE_BY_HAND` and of `FACTS_BY_HAND`.
"""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from xstilts.config.languages.make_tree import tree_rows
from xstilts.config.languages.tables import FOLDER, read

LANGUAGE_BY_HAND = (
    "code",
    "name",
    "iso639_3",
    "other_codes",
    "glottocode",
    "branch",
    "script",
    "status",
)
FACTS_BY_HAND = (
    "code",
    "cc100_gib",
    "speakers_ethnologue",
    "joshi_class",
    "other_code",
)
# What a family is called here where Glottolog has another name.
FAMILY_NAMES = {
    "Atlantic-Congo": "Niger-Congo",
    "Austroasiatic": "Austro-Asiatic",
    "Tai-Kadai": "Kra-Dai",
}
# Languages that XTREME's files name by a macrolanguage; `other_code` is that of the one meant.
MACROLANGUAGES = {"ara", "aze", "est", "que"}
# Inga is Quechuan, but no part of ISO 639-3's macrolanguage `que`.
NOT_IN_MACROLANGUAGE = {"inb", "inj"}
# What Glottolog files under these top nodes are no languages that a data set could be in.
_NO_LANGUAGES = {"Bookkeeping", "Sign Language", "Unattested", "Unclassifiable"}

_Row = dict[str, Any]


class Glottolog:
    """Glottolog's languoids, and the path of each from the node of its family."""

    def __init__(self, folder: Path) -> None:
        with (folder / "glottolog-5.1-languages.csv").open(encoding="utf-8", newline="") as file:
            self.languoids = {row["ID"]: row for row in csv.DictReader(file)}
        self._parents: dict[str, str] = {}
        text = (folder / "glottolog-5.1-classification.nex").read_text(encoding="utf-8")
        for tree in re.findall(r"tree \w+ = \[&R\] (.*)", text):
            self._read_tree(tree)

    def _read_tree(self, newick: str) -> None:
        open_nodes: list[list[str]] = [[]]
        children: list[str] = []
        for token in re.findall(r"[()]|[a-z0-9]{8}(?=:)", newick):
            if token == "(":
                open_nodes.append([])
            elif token == ")":
                children = open_nodes.pop()
            else:
                self._parents |= dict.fromkeys(children, token)
                children = []
                open_nodes[-1].append(token)

    def path(self, glottocode: str) -> list[str]:
        """Glottocodes from the family's node to the languoid; trees end with languages."""
        languoid = self.languoids[glottocode]
        if languoid["Level"] == "dialect":
            return [*self.path(languoid["Language_ID"]), glottocode]
        found = [glottocode]
        while found[-1] in self._parents:
            found.append(self._parents[found[-1]])
        return found[::-1]

    def place(self, glottocode: str) -> _Row:
        """Family, macroarea, coordinates and path; an inner node has the macroarea of a member."""
        languoid, path = self.languoids[glottocode], self.path(glottocode)
        family = self.languoids[path[0]]["Name"]
        macroarea = languoid["Macroarea"] or self._macroarea(glottocode)
        return {
            "family": FAMILY_NAMES.get(family, family),
            "macroarea": macroarea,
            "latitude": _degrees(languoid["Latitude"]),
            "longitude": _degrees(languoid["Longitude"]),
            "path": " ".join(path),
        }

    def members(self, node: str) -> set[str]:
        """ISO 639-3 codes of the languages below an inner node of a tree; none of a language."""
        below = (row for each, row in self.languoids.items() if node in self._above(each))
        return {row["ISO639P3code"] for row in below} - {""}

    def _macroarea(self, node: str) -> str:
        areas = (
            row["Macroarea"] for key, row in self.languoids.items() if node in self._above(key)
        )
        return next(filter(None, areas), "")

    def _above(self, glottocode: str) -> list[str]:
        is_language = self.languoids[glottocode]["Level"] == "language"
        return self.path(glottocode)[:-1] if is_language else []


def _degrees(text: str) -> str:
    return f"{float(text):.2f}" if text else ""


def languages(glottolog: Glottolog) -> list[_Row]:
    """The rows of `languages.csv`."""
    return [
        {key: row[key] for key in LANGUAGE_BY_HAND}
        | {"glottolog_name": glottolog.languoids[row["glottocode"]]["Name"]}
        | glottolog.place(row["glottocode"])
        for row in read("languages.csv")
    ]


def others(glottolog: Glottolog, known: Iterable[_Row]) -> list[_Row]:
    """The rows of `glottolog.csv`: languages that no data set here holds."""
    # Nor those of which one has dialects, as Norwegian with its two standards.
    seen = {node for row in known for node in row["path"].split()}
    rows = [
        {
            "glottocode": code,
            "name": row["Name"],
            "iso639_3": row["ISO639P3code"],
            **glottolog.place(code),
        }
        for code, row in glottolog.languoids.items()
        if row["Level"] == "language" and code not in seen
    ]
    return [row for row in rows if row["family"] not in _NO_LANGUAGES]


def facts(glottolog: Glottolog, known: Iterable[_Row], counts: Mapping[str, float]) -> list[_Row]:
    """The rows of `facts.csv`."""
    by_hand = {row["code"]: {key: row[key] for key in FACTS_BY_HAND} for row in read("facts.csv")}
    uriel = _Uriel()
    english = "eng"
    rows = []
    for row in known:
        code, iso = row["code"], row["iso639_3"]
        held = by_hand[code]
        if row["status"] == "group":
            counted = {iso} | glottolog.members(row["glottocode"]) - NOT_IN_MACROLANGUAGE
        else:
            counted = set([each for each in (iso, held["other_code"]) if each in counts][:1])
        found = {**held, "mmbert_tokens": _tokens(counts, counted)}
        found["speakers"] = _speakers(code, held["other_code"])
        found["uriel_code"] = key = uriel.code(iso, held["other_code"])
        if key:
            found["syntactic_distance"] = uriel.distance("syntax_knn", key, english)
            found["imputed_share"] = f"{uriel.imputed(key):.3f}"
            found["phonological_distance"] = uriel.distance("phonology_knn", key, english)
            found["inventory_distance"] = uriel.distance("inventory_knn", key, english)
            found["syntax"] = uriel.packed(key)
        rows.append(found)
    return rows


def _counts(path: Path) -> dict[str, float]:
    """Tokens by mmBERT's code: those of pretrain and ext, and the mean of the three decays."""
    with path.open(encoding="utf-8", newline="") as file:
        return {
            row["language"]: int(row["pretrain"])
            + int(row["ext"])
            + (int(row["decay-eng"]) + int(row["decay-all"]) + int(row["decay-mid"])) / 3
            for row in csv.DictReader(file)
        }


def _tokens(counts: Mapping[str, float], codes: Iterable[str]) -> str:
    return f"{sum(counts.get(each, 0) for each in codes) / 1e9:.4g}"


def _speakers(code: str, other_code: str) -> str:
    import langcodes
    from language_data.population_data import LANGUAGE_SPEAKING_POPULATION as PEOPLE

    base, *rest = code.split("_")
    keys = [langcodes.Language.get(each).language or "" for each in (base, other_code) if each]
    people = next((n for key in keys if (n := PEOPLE.get("-".join([key, *rest])))), 0)
    if code == "pa":
        people -= PEOPLE["pa-PK"]  # They write another script.
    millions = people / 1e6
    if not millions >= 0.1:
        return f"{millions:.2g}" if people else ""
    return f"{millions:.{0 if millions >= 100 else 1 if millions >= 10 else 2}f}"


class _Uriel:
    """URIEL's typological vectors."""

    def __init__(self) -> None:
        # The package installs a script of its name, which the path can hold.
        sys.path[:] = [path for path in sys.path if not (Path(path) / "lang2vec.py").is_file()]
        from lang2vec import lang2vec

        self._features = lang2vec.get_features

    def code(self, iso: str, other_code: str) -> str:
        """The language's own where half of its syntax is observed, or more than there."""
        own, *_ = both = [each for each in (iso, other_code) if each]
        if iso in MACROLANGUAGES:
            own = other_code
        missing = {each: self.imputed(each) for each in both}
        if missing[own] > 0.5:
            own = min(missing, key=lambda each: missing[each])
        return own if missing[own] <= 1 else ""

    def imputed(self, code: str) -> float:
        """The share of its syntactic features that no source gives; 2 if it is not in URIEL."""
        try:
            values = self._features([code], "syntax_average")[code]
        except Exception:  # lang2vec raises no other
            return 2.0
        return sum(value == "--" for value in values) / len(values)

    def distance(self, features: str, code: str, other: str) -> str:
        import numpy as np

        found = self._features([code, other], features)
        a, b = (np.asarray(found[each], dtype=float) for each in (code, other))
        return f"{abs(1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b)):.3f}"

    def packed(self, code: str) -> str:
        """The syntactic vector, which is of zeros and ones, as a hexadecimal number."""
        values = self._features([code], "syntax_knn")[code]
        return f"{int(''.join(str(int(value)) for value in values), 2):026x}"


def _write(name: str, rows: list[_Row]) -> None:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with Path(FOLDER, name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def main(folder: Path) -> None:
    """Write the tables anew."""
    glottolog = Glottolog(folder)
    known = languages(glottolog)
    _write("languages.csv", known)
    _write("facts.csv", facts(glottolog, known, _counts(folder / "mmbert-language-counts.csv")))
    _write("glottolog.csv", others(glottolog, known))
    _write("tree.csv", tree_rows(folder, known, glottolog.path))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
