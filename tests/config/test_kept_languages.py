"""The 50 languages of XTREME and XTREME-R have the codes, kin and numbers that they had before."""

from __future__ import annotations

from pathlib import Path

from xstilts.config.language_facts import FACTS
from xstilts.config.languages import LANGUAGES

# As they stood when they were all that there were.
KEPT = (Path(__file__).parent / "kept_languages.txt").read_text(encoding="utf-8").splitlines()


def test_the_fifty_are_what_they_were() -> None:
    rows = []
    for line in KEPT:
        code = line.partition(" | ")[0]
        language, facts = LANGUAGES[code], FACTS[code]
        values = (
            language.code, language.name, language.iso639_3, language.family, language.branch,
            language.script, facts.cc100_gib, facts.speakers, facts.speakers_ethnologue,
            facts.joshi_class, facts.glottolog_family, facts.uriel_code, facts.syntactic_distance,
            facts.imputed_share, facts.phonological_distance, facts.inventory_distance,
            facts.mmbert_tokens,
        )  # fmt: skip
        rows.append(" | ".join(map(_text, values)))
    assert rows == [" | ".join(map(_same, line.split(" | "))) for line in KEPT]
    assert list(LANGUAGES)[: len(KEPT)] == [line.partition(" | ")[0] for line in KEPT]


def _text(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _same(cell: str) -> str:
    try:
        return f"{float(cell):g}"
    except ValueError:
        return cell
