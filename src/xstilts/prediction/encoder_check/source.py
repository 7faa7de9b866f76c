"""Where the encoder that a user names comes from."""

from __future__ import annotations

from pathlib import Path

from pydantic import ValidationError

from xstilts.config.encoders import EncoderSource
from xstilts.errors import XstiltsError


def source_of(name: str, revision: str | None = None) -> EncoderSource:
    """The source of an encoder by its folder, package or hub id.

    Raises:
        XstiltsError: it is none of them, or a hub id without the commit to load.
    """
    is_folder = name.startswith("package:") or Path(name).expanduser().is_dir()
    values = {"folder": name} if is_folder else {"hub": name, "revision": revision}
    try:
        return EncoderSource.model_validate(values)
    except ValidationError as error:
        text = error.errors()[0]["msg"].removeprefix("Value error, ")
        hint = None if is_folder else "--revision COMMIT; there is no folder of that name"
        raise XstiltsError(text, where=name, hint=hint) from None
