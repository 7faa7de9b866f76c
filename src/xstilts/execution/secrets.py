"""Keeping credentials out of what is written down."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from urllib.parse import quote

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
