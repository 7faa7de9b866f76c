"""The glossary: every term once, every table and column that it names there, everywhere linked."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

from test_report import Page

from xstilts.analysis.claims.parts import ClaimPart
from xstilts.analysis.tables import TABLES
from xstilts.report.glossary import CHAPTERS, PAGE, glossary_markdown, write_glossary

ROOT = Path(__file__).parents[2]
TERMS = [term for chapter in CHAPTERS for term in chapter.terms]


def test_the_glossary_in_docs_is_that_of_the_code() -> None:
    assert (ROOT / "docs/glossary.md").read_text(encoding="utf-8") == glossary_markdown()


def test_every_term_is_defined_once_and_names_a_column_that_there_is() -> None:
    names = [name.strip() for term in TERMS for name in term.name.split(",")]
    assert len(names) == len(set(names))
    known = {f"{name}.{column}" for name, held in TABLES.items() for column in held}
    known |= {f"claims.{field.name}" for field in fields(ClaimPart)}
    for term in TERMS:
        assert term.columns
        assert set(term.columns) <= known, term.name


def test_the_page_holds_every_term_and_links_the_others(tmp_path: Path) -> None:
    write_glossary(tmp_path / PAGE, [("Scores", "index.html")])
    page = Page((tmp_path / PAGE).read_text(encoding="utf-8"))
    assert len(page.ids) == len(set(page.ids))
    assert [link for link in page.links if not link.startswith("#")] == ["index.html"]
    for term in TERMS:
        assert term.name in page.text
        assert term.meaning in page.text
        assert term.anchor in page.ids
