"""Where the files of an XTREME download folder lie. Imports nothing heavy: used at parse time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from xstilts.config.languages import LANGUAGES
from xstilts.config.tasks import SOURCE_LANGUAGE, FolderSource, Task

_SORTED = "tatoeba_sorted"
# So many alternatives are told of what is missing.
_TOLD = 4
# Lower case first, so that README.txt beside the texts is none of them.
_LANGUAGE_CODE = re.compile(r"[a-z]{2,3}([_-][A-Za-z0-9]+)*")


@dataclass(frozen=True)
class Unit:
    """One split in one language; from a folder with its reader and files (`locate.find_files`)."""

    split: str
    language: str
    files: tuple[str, ...] = ()
    reader: str = ""


def find_files(
    task: Task, split: str, language: str, *roots: Path
) -> tuple[FolderSource, tuple[Path, ...]] | None:
    """The first alternative whose files all exist, folder by folder, else None.

    `language` is our code. `explain_missing` says what was looked for.
    """
    for root in roots:
        for source, paths in _alternatives(task, split, language, root):
            if all(path.is_file() for path in paths):
                return source, paths
    return None


def text_languages(root: Path) -> tuple[str, ...]:
    """Languages with a text in this folder, by the names of its files, sorted."""
    return tuple(
        sorted(path.stem for path in root.glob("*.txt") if _LANGUAGE_CODE.fullmatch(path.stem))
    )


def explain_missing(task: Task, split: str, language: str, *roots: Path) -> str:
    """One message on why `find_files` found nothing: every file looked for that is absent."""
    place = f"{task.key}: no {split} data in {language!r} under {' or '.join(map(str, roots))}"
    alternatives = [each for root in roots for each in _alternatives(task, split, language, root)]
    if not alternatives:
        if task.folder.get(split):
            return f"{place}: the folder layout has this split in other languages only"
        return f"{place}: the folder layout has no {split} split of this task"
    for source, paths in alternatives:
        if source.reader == _SORTED and _only_labels_missing(paths):
            foreign, english, labels = paths
            others = [
                str(path) for other, files in alternatives if other is not source for path in files
            ]
            return (
                f"{place}: the label file {labels} is missing. XTREME sorts the English side "
                f"({english.name}), so its rows are not aligned with {foreign.name} and without "
                "labels there is no gold: line j of the label file is the 0-based row of "
                f"{foreign.name} that translates line j of {english.name}. Add it, or use the "
                f"row-aligned files of LASER ({', '.join(others)})"
            )
    missing = [
        " and ".join(str(path) for path in paths if not path.is_file()) for _, paths in alternatives
    ]
    more = len(missing) - _TOLD
    rest = f" ({more} more: docs/data.md)" if more > 0 else ""
    return f"{place}: missing {', or instead '.join(missing[:_TOLD])}{rest}"


def _only_labels_missing(paths: tuple[Path, ...]) -> bool:
    *sides, labels = paths
    return all(side.is_file() for side in sides) and not labels.is_file()


def _alternatives(
    task: Task, split: str, language: str, root: Path
) -> Iterator[tuple[FolderSource, tuple[Path, ...]]]:
    known = LANGUAGES.get(language)
    for source in task.folder.get(split, ()):
        # Files in a language of the user's own are called by its code.
        code = task.codes.get(language, "" if known else language)
        if not code and any("{code}" in name for name in source.files):
            continue
        english = language == SOURCE_LANGUAGE
        if english and any("{to}" in name for name in source.files):
            continue  # English is what was translated.
        if not english and not all("{" in name for name in source.files):
            continue  # A file without a language in its name is English.
        by_mark = {
            "{code}": code,
            "{lang}": language,
            "{to}": language,
            "{-lang}": "" if english else f"-{language}",
            "{iso}": known.iso639_3 if known else language.partition("_")[0],
        }
        own = [_filled(name, by_mark) for name in source.files]
        yield source, tuple(path for name in (*own, *source.common) for path in _named(root, name))


def _named(root: Path, name: str) -> list[Path]:
    """The files that a name with `*` fits, itself where there are none; else the one it names."""
    return (sorted(root.glob(name)) if "*" in name else []) or [root / name]


def _filled(name: str, by_mark: dict[str, str]) -> str:
    for mark, text in by_mark.items():
        name = name.replace(mark, text)
    return name
