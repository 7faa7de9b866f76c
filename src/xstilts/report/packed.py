"""Data within a page, which its scripts read (`templates/packed.js`)."""

from __future__ import annotations

import gzip
from base64 import b64encode
from typing import Any

from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

# More characters of JSON than this are compressed: to about a sixth, as letters.
_MOST_CHARACTERS = 1_000_000


def packed(data: Any, name: str = "") -> Markup:
    """The element that holds data as JSON, compressed where that is long.

    Args:
        name: its class.
    """
    text = htmlsafe_json_dumps(data, sort_keys=True)
    kind = "json"
    if len(text) > _MOST_CHARACTERS:
        # Without a time in it, the same data are the same page.
        kind, text = "gzip", Markup(b64encode(gzip.compress(text.encode(), mtime=0)).decode())
    named = Markup(' class="{}"').format(name) if name else ""
    return Markup('<script type="application/{}"{}>{}</script>').format(kind, named, text)
