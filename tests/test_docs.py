"""The docs: links lead somewhere, commands are ones that there are, references are up to date."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest
from snakemake.cli import get_argument_parser
from workflow_runs import ROOT

from xstilts.cli import make_parser
from xstilts.report.reference import catalogue_markdown, columns_markdown, keys_markdown

DOCS = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "profiles/README.md")),
    *sorted((ROOT / "docs").glob("*.md")),
]
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FILE = re.compile(r"`((?:src|tests|workflow|profiles|benchmarks|docs|envs)/[\w./-]+)`")
BLOCK = re.compile(r"^```[a-z]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
# What stands for some other word in a command that is shown.
ELLIPSES = {"...", "…"}


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def anchors(path: Path) -> set[str]:
    """What headings are called in addresses."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", each).strip().lower().replace(" ", "-") for each in headings}


def commands(program: str) -> list[tuple[str, list[str]]]:
    """Each command of a program in a block of code, with the page that it stands on."""
    found = []
    for path in DOCS:
        for block in BLOCK.findall(path.read_text(encoding="utf-8")):
            for line in block.replace("\\\n", " ").split("\n"):
                words = shlex.split(line, comments=True) if line.startswith(f"{program} ") else []
                if words:
                    found.append((named(path), ["x" if w in ELLIPSES else w for w in words[1:]]))
    return found


@pytest.mark.parametrize("path", DOCS, ids=named)
def test_links_lead_to_files_and_headings_that_there_are(path: Path) -> None:
    for link in LINK.findall(path.read_text(encoding="utf-8")):
        if link.startswith("http"):
            continue
        file, _, heading = link.partition("#")
        other = path.parent / file if file else path
        assert other.exists(), link
        assert not heading or heading in anchors(other), link


def test_files_that_are_named_are_there() -> None:
    for path in DOCS:
        text = path.read_text(encoding="utf-8")
        for name in FILE.findall(text):
            assert (ROOT / name).exists(), f"{named(path)}: {name}"


def test_modules_that_are_named_are_there() -> None:
    for path in DOCS:
        for name in re.findall(r"\bxstilts((?:\.[a-z_]+)+)", path.read_text(encoding="utf-8")):
            place = ROOT / "src/xstilts" / name.strip(".").replace(".", "/")
            is_there = place.is_dir() or place.with_suffix(".py").exists()
            within = place.parent.with_suffix(".py")
            is_in_one = within.exists() and place.name in within.read_text(encoding="utf-8")
            assert is_there or is_in_one or name == ".yaml", f"{named(path)}: xstilts{name}"


@pytest.mark.parametrize(("page", "words"), commands("xstilts"))
def test_commands_of_xstilts_are_understood(page: str, words: list[str]) -> None:
    make_parser().parse_args(words)


@pytest.mark.parametrize(("page", "words"), commands("snakemake"))
def test_commands_of_snakemake_are_understood(page: str, words: list[str]) -> None:
    get_argument_parser().parse_args(words)


def test_commands_of_make_are_targets() -> None:
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    shown = {words[0] for _, words in commands("make")}
    assert shown
    assert shown <= targets


def test_the_references_are_those_of_the_code() -> None:
    assert (ROOT / "docs/keys.md").read_text(encoding="utf-8") == keys_markdown()
    assert (ROOT / "docs/columns.md").read_text(encoding="utf-8") == columns_markdown()
    assert (ROOT / "docs/catalogue.md").read_text(encoding="utf-8") == catalogue_markdown()
