"""Paths of a user's own files: one spelling each, and names by which rules can take them."""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path


def from_here(path: str | Path) -> Path:
    """One spelling of a path, whatever was typed, that stays when the working directory is moved.

    Below the working directory, and where a relative path was typed, it is relative; else absolute.
    """
    typed, here = Path(path).expanduser(), Path.cwd()
    # Only the disk knows what is above a link.
    whole = typed.resolve() if ".." in typed.parts else typed.absolute()
    for way in (whole, whole.resolve()):
        if way.is_relative_to(here):
            return way.relative_to(here)
    return whole if typed.is_absolute() else Path(os.path.relpath(whole, here))


def in_rules(path: str | Path, links: str | Path) -> str:
    """The name by which a user's file can be an input of a rule.

    It is the path itself unless Snakemake would take a part of it, in braces or angle brackets, for
    a pattern, of which it knows no other spelling. Then it is the path through a link in the folder
    `links`, which is called by a digest of what it stands for and is made where it is missing.
    """
    path = Path(path)
    if not _is_pattern(path):
        return str(path)
    # A folder, so that the time of the file is that of the file.
    linked = path if _is_pattern(path.name) else path.parent
    link = Path(links) / hashlib.sha256(str(linked).encode()).hexdigest()[:16]
    link.parent.mkdir(parents=True, exist_ok=True)
    # The folder of results may be a link too.
    near = os.path.relpath(linked.absolute(), link.parent.resolve())
    target = linked if linked.is_absolute() else Path(near)
    if not link.is_symlink() or link.readlink() != target:
        # Jobs on other machines may do the same at the same time.
        part = link.with_name(f".{link.name}.{os.getpid()}")
        with suppress(FileNotFoundError):
            part.unlink()
        part.symlink_to(target)
        part.replace(link)
    return str(link if linked is path else link / path.name)


def _is_pattern(path: str | Path) -> bool:
    return not {"{", "<"}.isdisjoint(str(path))
