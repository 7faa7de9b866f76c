"""Where the encoder that a user names comes from."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from xstilts.config.encoders import EncoderSource
from xstilts.config.encoders.catalogue import completed
from xstilts.config.encoders.hub_names import known_commit, refusal_of
from xstilts.errors import XstiltsError


def source_of(
    name: str, revision: str | None = None, settings: Mapping[str, Any] | None = None
) -> EncoderSource:
    """The source of an encoder by its name in the catalogue, hub id, folder or package.

    Args:
        revision: the commit of the hub to load, if not the one that the catalogue has.
        settings: of the encoder, as an experiment would have them.

    Raises:
        XstiltsError: it is none of these, a hub id without a commit or that is known not to work,
            or a setting is wrong.
    """
    values: dict[str, Any] = {**(settings or {})} | ({"revision": revision} if revision else {})
    if name.startswith("package:") or (name and Path(name).expanduser().is_dir()):
        values["folder"] = name
    elif not re.fullmatch(r"[\w-][\w.-]*(/[\w-][\w.-]*)?", name):
        raise XstiltsError(
            "there is no such folder, and no encoder has such a name", where=repr(name)
        )
    elif (refusal := refusal_of(name)) is not None:
        raise XstiltsError(f"it cannot be used: {refusal.why}", where=name, hint=refusal.remedy)
    elif "/" in name:
        values = {"hub": name, "revision": known_commit(name), **values}
    try:
        return EncoderSource.model_validate(completed(name, values))
    except ValidationError as error:
        problems = [
            ": ".join([*map(str, item["loc"]), item["msg"].removeprefix("Value error, ")])
            for item in error.errors()
        ]
        hint = None if "folder" in values else "give the commit with --revision"
        raise XstiltsError("\n  ".join(problems), where=name, hint=hint) from None
    except ValueError as error:
        raise XstiltsError(str(error), hint="or give a hub id, or a folder that exists") from None
