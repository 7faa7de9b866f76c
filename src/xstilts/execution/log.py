"""The log file of a job: everything that it prints, without credentials."""

from __future__ import annotations

import faulthandler
import io
import logging
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import quote

log = logging.getLogger(__name__)

HIDDEN = "***"

# Words of the names of environment variables that hold credentials, e.g. HF_TOKEN.
_SECRET_WORDS = {"TOKEN", "SECRET", "PASSWORD", "PASSWD", "CREDENTIALS", "KEY", "APIKEY", "AUTH"}
# The name says where something is, or switches something.
_NO_SECRET_WORDS = {"FILE", "PATH", "DIR", "SOCK", "DISABLE", "URL", "URI", "ENDPOINT"}
# Shorter ones would be words such as `true`.
_SHORTEST = 8

_PATTERNS = (
    # user:password@ in a URL
    (re.compile(r"(\b[a-z][a-z0-9+.-]*://)[^/\s'\"<>@]+@", re.IGNORECASE), rf"\1{HIDDEN}@"),
    # the query of a URL, which signs it or holds a token, and says little else
    (
        re.compile(r"(\b[a-z][a-z0-9+.-]*://[^\s'\"<>?]*\?)[^\s'\"<>]+", re.IGNORECASE),
        rf"\1{HIDDEN}",
    ),
    # the same where the beginning of the URL is missing
    (
        re.compile(
            r"([?&;](?:X-(?:Amz|Goog)-[A-Za-z-]+|[\w-]*(?:token|signature|secret|password|key)|sig)=)"
            r"[^&\s'\"<>]+",
            re.IGNORECASE,
        ),
        rf"\1{HIDDEN}",
    ),
    # the header of a request
    (
        re.compile(r"(authorization['\"]?\s*[:=]\s*['\"]?(?:\w+ )?)[\w.~+/=-]+", re.IGNORECASE),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"\b(Bearer )[\w.~+/=-]{16,}"), rf"\1{HIDDEN}"),
    # tokens of the Hugging Face hub and of AWS, wherever they come from
    (re.compile(r"\bhf_[A-Za-z0-9]{16,}"), HIDDEN),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), HIDDEN),
)


def redact(text: str, environ: Mapping[str, str] = os.environ) -> str:
    """`text` with what looks like a credential, or is one in `environ`, replaced by ***."""
    for value in _credentials(environ):
        text = text.replace(value, HIDDEN)
    for pattern, replacement in _PATTERNS:
        text = pattern.sub(replacement, text)
    return text


def _credentials(environ: Mapping[str, str]) -> list[str]:
    found = set()
    for name, value in environ.items():
        words = set(name.upper().split("_"))
        if len(value) >= _SHORTEST and words & _SECRET_WORDS and not words & _NO_SECRET_WORDS:
            found |= {value, quote(value, safe="")}
    # One may be part of another.
    return sorted(found, key=len, reverse=True)


class JobLog(io.TextIOBase):
    """A job's stdout and stderr, in a file. Credentials are hidden in what Python prints.

    A log that cannot be written, on a full disk for example, ends no job; the console says so once.
    """

    encoding = "utf-8"

    def __init__(self, path: Path) -> None:
        """Send all that this process prints from now on to the end of `path`.

        Raises:
            OSError: the file cannot be made.
        """
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self._console = os.dup(2)
        self._is_lost = False
        opened = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o666)
        # What is not Python, or a child, prints to the descriptors themselves.
        for descriptor in (1, 2):
            os.dup2(opened, descriptor)
        os.close(opened)
        sys.stdout = sys.stderr = self
        # A lost disk, or a mapped file on a full one, kills without an exception: say so.
        faulthandler.enable(2)

    def write(self, text: str) -> int:
        """Append to the log, unbuffered: nothing is left to be written when the process ends."""
        try:
            _write_whole(2, redact(text).encode(errors="replace"))
        except OSError as error:
            if not self._is_lost:
                self._is_lost = True
                self.to_console(f"{self.path} cannot be written: {error.strerror}\n")
        return len(text)

    def warn(self, message: str) -> None:
        """Print a line in the log and on the console."""
        log.warning("%s", message)
        self.to_console(f"{self.path}: {message}\n")

    def to_console(self, message: str) -> None:
        """Print on the console, where Snakemake prints too."""
        _write_whole(self._console, redact(message).encode(errors="replace"))

    def fileno(self) -> int:
        """The descriptor of the log."""
        return 2

    def writable(self) -> bool:
        """Always."""
        return True

    def isatty(self) -> bool:
        """Never."""
        return False


def _write_whole(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]
