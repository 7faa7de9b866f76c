"""Text and JSON files as they come from the outside world: UTF-8, by line feed only.

`str.splitlines` also breaks at U+2028, U+0085 and others, which occur inside sentences.
"""

from __future__ import annotations

import codecs
import json
from pathlib import Path
from typing import Any

from xstilts.errors import XstiltsError

# How files begin that came in the place of what was asked for.
_INSTEAD = {
    b"<!doctype html": "a web page",
    b"<html": "a web page",
    b"<?xml": "a message in XML",
    b"version https://git-lfs": "a pointer of Git LFS",
}


def read_text(path: Path) -> str:
    """The file's text without a byte order mark.

    Raises:
        XstiltsError: the file cannot be read, is empty, is not UTF-8, or is a web page or the like.
    """
    try:
        raw = Path(path).read_bytes()
    except OSError as error:
        raise XstiltsError(f"cannot be read: {error.strerror}", where=path) from error
    raw = raw.removeprefix(codecs.BOM_UTF8)
    if not raw.strip():
        raise XstiltsError("the file is empty", where=path, hint="download it again")
    start = raw[:64].lstrip().lower()
    if instead := next((name for mark, name in _INSTEAD.items() if start.startswith(mark)), ""):
        raise XstiltsError(
            f"{instead}, not the data", where=path, hint="look at the file and download it again"
        )
    if b"\0" in raw:
        raise XstiltsError(
            "holds a zero byte",
            where=path,
            row=raw.count(b"\n", 0, raw.index(b"\0")) + 1,
            hint="it is no UTF-8 text, or was damaged: download it again",
        )
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        row = raw.count(b"\n", 0, error.start) + 1
        raise XstiltsError(
            f"not UTF-8: byte 0x{raw[error.start]:02x} at byte {error.start}",
            where=path,
            row=row,
            hint="convert the file to UTF-8",
        ) from error


def read_lines(path: Path) -> list[str]:
    r"""The lines without their ends (`\n` or `\r\n`); a last line may lack its end.

    Raises:
        XstiltsError: as `read_text`, or lines end with `\r` alone.
    """
    text = read_text(path)
    lines = text.split("\n")
    if len(lines) == 1 and "\r" in text.rstrip("\r"):
        raise XstiltsError(
            "lines end with a carriage return alone", where=path, hint="end them with a line feed"
        )
    if lines[-1] == "":
        lines.pop()
    return [line.removesuffix("\r") for line in lines]


def read_json(path: Path) -> Any:
    """The file's JSON value; broken JSON is an `XstiltsError` that names the line."""
    return parse_json(read_text(path), path)


def parse_json(text: str, where: Path, row: int | None = None) -> Any:
    """Parse JSON; `row` is the 1-based line that `text` stands in, for JSON lines."""
    try:
        value = json.loads(text)
        if "\\ud" in text.lower():
            # Half of an escaped UTF-16 pair parses, but no later stage could store it.
            json.dumps(value, ensure_ascii=False).encode()
        return value
    except json.JSONDecodeError as error:
        raise XstiltsError(
            f"broken JSON: {error.msg}",
            where=where,
            row=row or error.lineno,
            hint="the file may be cut short: download it again",
        ) from error
    except UnicodeEncodeError as error:
        raise XstiltsError(
            "holds half of an escaped surrogate pair", where=where, row=row
        ) from error
