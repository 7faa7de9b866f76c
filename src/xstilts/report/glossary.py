"""What every term on the pages means, defined once, and the table and column that it is.

Pages, sentences and tables use these words and no others for these things. The glossary is a page
beside the others, and `docs/glossary.md`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import yaml

from xstilts.execution.files import write_text
from xstilts.report.render import templates

PAGE = "glossary.html"
# Name and address, as pages link their neighbours.
GLOSSARY_LINK = ("Glossary", PAGE)


@dataclass(frozen=True, kw_only=True)
class Term:
    """A term.

    Attributes:
        name: the term; words that mean the same are separated by commas.
        meaning: its definition.
        columns: what holds it: `table.column` of the findings, or `claims.field` of the claims.
        rows: of which rows of that table, where not of all.
    """

    name: str
    meaning: str
    columns: tuple[str, ...]
    rows: str = ""

    @property
    def anchor(self) -> str:
        """Its place on the page."""
        first = self.name.partition(",")[0].strip("“”")
        return "".join(letter if letter.isalnum() else "-" for letter in first.lower())


@dataclass(frozen=True, kw_only=True)
class Chapter:
    """Terms that belong together."""

    heading: str
    terms: tuple[Term, ...]


def _chapters() -> tuple[Chapter, ...]:
    """As they stand in `templates/glossary.yaml`."""
    file = resources.files(__package__).joinpath("templates", "glossary.yaml")
    return tuple(
        Chapter(
            heading=chapter["heading"],
            terms=tuple(
                Term(**{**term, "columns": tuple(term["columns"])}) for term in chapter["terms"]
            ),
        )
        for chapter in yaml.safe_load(file.read_text("utf-8"))
    )


CHAPTERS = _chapters()


def write_glossary(path: Path, links: Sequence[tuple[str, str]] = ()) -> None:
    """Write the page.

    Args:
        links: names and addresses of the other pages.
    """
    template = templates().get_template("glossary.html.j2")
    write_text(path, template.render(chapters=CHAPTERS, links=links))


def glossary_markdown() -> str:
    """The text of `docs/glossary.md`."""
    lines = [
        "# Glossary",
        "",
        "<!-- Made by xstilts.report.glossary; a test asserts that it is up to date. -->",
        "",
        "What every term on the pages, in the tables of the findings and in the sentences means."
        " After each stands the table and column that it is.",
    ]
    for chapter in CHAPTERS:
        lines += ["", f"## {chapter.heading}", ""]
        for term in chapter.terms:
            columns = ", ".join(f"`{column}`" for column in term.columns)
            rows = f" ({term.rows})" if term.rows else ""
            lines.append(f"- **{term.name}**: {term.meaning} {columns}{rows}.")
    return "\n".join(lines) + "\n"
