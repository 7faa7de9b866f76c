"""How pages are made from their templates: each one file that needs no other."""

from __future__ import annotations

from importlib import resources

import jinja2

from xstilts.report.packed import packed
from xstilts.report.table import library
from xstilts.rounding import JAVASCRIPT

# Of a list of notes, those that are not folded.
UNFOLDED = 5


def templates() -> jinja2.Environment:
    """The templates of this package; a name that is not given is an error."""
    folder = resources.files(__package__).joinpath("templates")
    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: folder.joinpath(name).read_text("utf-8")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"packed": packed, "rounding": JAVASCRIPT, "table_library": library}
    return environment
