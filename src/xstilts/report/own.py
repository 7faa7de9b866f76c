"""The page, tables and summary of scores that somebody else made."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from xstilts.analysis.inputs.known_languages import KnownLanguages
from xstilts.analysis.investigate import investigate
from xstilts.config.encoders.catalogue import named_corpora
from xstilts.config.language_facts import facts_for
from xstilts.config.languages import INVITRO_LANGUAGES, LANGUAGES
from xstilts.errors import XstiltsError
from xstilts.execution.files import write_text
from xstilts.report.fairness import write_fairness
from xstilts.report.glossary import PAGE as GLOSSARY
from xstilts.report.glossary import write_glossary
from xstilts.report.sentences import summary_of
from xstilts.scoring.own_scores import read_own_scores

PAGE, TABLES, SUMMARY = "fairness.html", "findings", "findings.txt"


def report_own_scores(
    scores: Path, output: Path, baseline: str, scale: str | None = None
) -> Iterator[str]:
    """Write everything into a folder, and say what is there and what the table did not allow.

    Raises:
        XstiltsError: no table of scores (`own_scores.read_own_scores`), or the folder is a file.
    """
    own = read_own_scores(scores, baseline, scale)
    if output.exists() and not output.is_dir():
        raise XstiltsError("it is a file", where=output, hint="name another folder: --output DIR")
    codes = set(own.scores["language"])
    generated = not codes <= LANGUAGES.keys() and codes <= INVITRO_LANGUAGES.keys()
    # Encoders that are called as in the catalogue are taken to be those.
    corpora = {} if generated else named_corpora(own.scores["encoder"].unique())
    findings = investigate(
        own.scores,
        KnownLanguages(
            languages=INVITRO_LANGUAGES if generated else LANGUAGES,
            facts=facts_for("invitro" if generated else "folder"),
            unseen={name: LANGUAGES.keys() - set(each.languages) for name, each in corpora.items()},
            corpora={name: each for name, each in corpora.items() if each.amounts is not None},
        ),
        recipes=own.recipes,
    )
    summary = summary_of(findings)
    text = summary.text()
    output.mkdir(parents=True, exist_ok=True)
    findings.write(output / TABLES)
    write_glossary(output / GLOSSARY, [("Robustness and fairness", PAGE)])
    write_text(output / SUMMARY, text)
    write_fairness(
        output / PAGE,
        findings,
        title=scores.stem,
        summary=summary,
        notes=own.notes,
        recipes=own.recipes,
    )
    yield from text.splitlines()
    yield ""
    yield from own.notes
    yield f"The page is {output / PAGE}; its tables are in {output / TABLES}."
