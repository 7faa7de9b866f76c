"""What the catalogue's table says of a repository on the hub: a commit to load, or why not to.

Jobs name these in errors. Read apart from `xstilts.config.encoders.catalogue`, they leave what that
says of sizes and languages, which decides nothing in these jobs, out of the code that they run.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import yaml

from xstilts.config.settings import Strict

_TABLE = Path(__file__).with_name("catalogue.yaml")


class Refusal(Strict):
    """Why an encoder of the hub cannot be used, and the name of one that can."""

    why: str
    instead: str

    @property
    def remedy(self) -> str:
        """What to do, as a hint."""
        return f"use the catalogue's {self.instead!r}"


@cache
def catalogue_table() -> dict[str, Any]:
    """The table as it stands in `catalogue.yaml`, read once."""
    # Both make plain data alone. That in C, which not every build of the library has, takes a tenth
    # of the time.
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    return yaml.load(_TABLE.read_text(encoding="utf-8"), loader)


def names_of(hub: str) -> tuple[str, str]:
    """A hub id, and the old one without an owner that the hub redirects, in small letters."""
    return hub.lower(), hub.rpartition("/")[2].lower()


def known_commit(hub: str) -> str | None:
    """A commit of a repository on the hub that has safetensors, None where none is known."""
    entries = catalogue_table()["encoders"].values()
    found = (each["revision"] for each in entries if hub.lower() in names_of(each["hub"]))
    return next(found, None)


def refusal_of(hub: str) -> Refusal | None:
    """Why a repository on the hub cannot be used, None where nothing is known against it."""
    refused = catalogue_table()["refused"].items()
    found = (each for name, each in refused if name.lower() == hub.lower())
    return next(map(Refusal.model_validate, found), None)
